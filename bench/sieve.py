# SPDX-License-Identifier: BSD-2-Clause
"""What is measured of Sieve: deliveries that a script decides, and compiling.
Listed in measures.py."""

import json
import os
import statistics
import subprocess
import time

import servers
import sessions
from load import RECEIVERS, loop

# Accounts: the first RECEIVERS have a script, the next ones do not; one checks.
FIRST = sessions.LAST + 1
PLAIN = FIRST + RECEIVERS
CHECK = PLAIN + RECEIVERS
LAST = CHECK

RULES, MANY_RULES = 60, 1000
MAILBOXES = ["Alerts", "Bank", "Friends", "Large", "Lists", "News", "Orders", "Project", "Tickets", "Work"]

# ---------------------------------------------------------------------------
# The script

HEAD = """# Mail of {owner}
require ["fileinto", "envelope", "imap4flags", "variables", "subaddress"];

if address :matches "From" "*@*" {{
    set :lower "who" "${{1}}";
    set :lower "host" "${{2}}";
}}
if header :matches "Subject" "*" {{
    set "subject" "${{1}}";
}}
"""

# What a user has for one sender or topic; {n} makes them differ.
KINDS = [
    """if header :contains "Subject" ["order no. {n}", "your parcel {n}", "receipt {n}"] {{
    fileinto "Orders";
    stop;
}}""",
    """if address :domain :is ["From", "Sender", "Reply-To"] ["shop{n}.example", "mail.shop{n}.example", "store{n}.test"] {{
    fileinto "Orders";
    stop;
}}""",
    """if header :contains ["List-Id", "List-Post", "X-Mailing-List"] ["<dev{n}.example.com>", "users{n}@example.com"] {{
    addflag "$list{n}";
    fileinto "Lists";
    stop;
}}""",
    """if allof (address :is "From" ["boss{n}@corp.example.test", "office{n}@corp.example.test"],
          header :contains "Subject" ["urgent", "today"]) {{
    addflag "\\\\Flagged";
    fileinto "Work";
    stop;
}}""",
    """if envelope :matches "From" ["bounce-*@news{n}.example", "*@bulk{n}.example"] {{
    addflag "\\\\Seen";
    fileinto "News";
    stop;
}}""",
    """if anyof (header :is "Precedence" "bulk{n}", exists ["X-Campaign-{n}", "List-Unsubscribe-Post"],
          header :contains "X-Mailer" "Mailer {n}") {{
    fileinto "News";
    stop;
}}""",
    """if header :matches "Subject" ["[ticket-{n}*] *", "Re: [ticket-{n}*] *"] {{
    set "ticket" "{n}${{1}}";
    addflag "ticket-${{ticket}}";
    fileinto "Tickets";
    stop;
}}""",
    """if allof (size :over 2M, not address :localpart :is "From" ["camera{n}", "scanner{n}"]) {{
    fileinto "Large";
    stop;
}}""",
    """if address :detail :is ["To", "Cc"] ["project{n}", "p{n}"] {{
    fileinto "Project";
    stop;
}}""",
    """if allof (string :is "${{host}}" "bank{n}.example", not string :contains "${{subject}}" "newsletter") {{
    addflag ["\\\\Flagged", "money"];
    fileinto "Bank";
    stop;
}}""",
]

# These are met by some of the messages that corpus.py makes.
MET = {
    0.35: """if header :is "List-Id" "<talk.lists.example.org>" {{
    addflag "talk";
    fileinto "Lists";
    stop;
}}""",
    0.6: """if allof (address :localpart :matches "From" ["anna.*", "ben.*", "eva.*"], size :under 1M) {{
    set "friend" "${{1}}";
    addflag ["friend", "\\\\Flagged"];
    fileinto "Friends";
    stop;
}}""",
    0.8: """if anyof (string :is "${{host}}" "corp.example.test", header :contains "Subject" "budget") {{
    fileinto "Work";
    stop;
}}""",
    0.95: """if header :matches "X-Mailer" "Bench 1*.*" {{
    addflag "bench-${{1}}";
    fileinto "Alerts";
    stop;
}}""",
}


def script(rules, owner):
    met = {int(at * rules): text for at, text in MET.items()}
    texts = [met.get(n) or KINDS[n % len(KINDS)] for n in range(rules)]
    return HEAD.format(owner=owner) + "".join(
        f"# rule {n + 1}\n{text.format(n=n)}\n" for n, text in enumerate(texts))


# ---------------------------------------------------------------------------
# The servers


class Pigeonhole(servers.Dovecot):
    """Dovecot as the rows without scripts have it, with its Sieve plugin."""

    def __init__(self, work, accounts, base):
        super().__init__(work, accounts, base, name="dovecot-sieve")

    def script_path(self, account):
        return self.dir / "scripts" / servers.user(account) / "active.sieve"

    def write(self, accounts):
        super().write(accounts)
        with open(self.dir / "dovecot.conf", "a", encoding="ascii") as f:
            f.write(f"protocol lmtp {{\n  mail_plugins = sieve\n}}\n"
                    f"plugin {{\n  sieve = file:{self.dir}/scripts/%u/active.sieve\n}}\n")

    def compile(self, source, binary):
        done = subprocess.run(["sievec", "-c", str(self.dir / "dovecot.conf"), str(source), str(binary)],
                              capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise RuntimeError(f"sievec: {done.stdout}{done.stderr}")

    def put_script(self, account, text):
        """Compiled beforehand, where Dovecot's delivery looks for it."""
        user, path = servers.dedicated_user(), self.script_path(account)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
        binary = path.with_suffix(".svbin")
        self.compile(path, binary)
        for each in (path.parent, path, binary):
            os.chown(each, user.pw_uid, user.pw_gid)


def put_script(server, account, text):
    if isinstance(server, Pigeonhole):
        server.put_script(account, text)
    else:
        server.ctl("sieve", "put", "--activate", servers.user(account), "main", "-", text=text)


def make_mailboxes(server, account):
    c = sessions.client(server, account)
    for name in MAILBOXES:
        sessions.ok(c.create(name))
    c.logout()


def filed(server, account):
    """Messages by mailbox."""
    c, out = sessions.client(server, account), {}
    for name in ["INBOX"] + MAILBOXES:
        out[name] = int(sessions.ok(c.select(name, readonly=True))[0])
    c.logout()
    return out


def check(bench, server):
    """Both servers file the same messages into the same mailboxes."""
    loop(bench, server, "lmtp", server.lmtp_port, mail=bench.ten, first=CHECK, count=64, seconds=0)
    server.settle()
    found = filed(server, CHECK)
    wanted = bench.filed.setdefault("64", found)
    if found != wanted or found["INBOX"] > 48:
        raise RuntimeError(f"{server.name} filed {found}, not {wanted}")


def need_scripts(bench, server):
    """Accounts with scripts and without, the same mailboxes in all."""
    if (server.name, "scripts") in bench.made:
        return
    for account in range(FIRST, LAST + 1):
        make_mailboxes(server, account)
    for account in [*range(FIRST, PLAIN), CHECK]:
        put_script(server, account, script(RULES, servers.user(account)))
    check(bench, server)
    for first in (FIRST, PLAIN):  # what comes first to an account costs more
        loop(bench, server, "lmtp", server.lmtp_port, mail=bench.ten, clients=4, accounts=RECEIVERS, first=first,
             count=16 * RECEIVERS, seconds=0)
    server.settle()
    bench.made.add((server.name, "scripts"))


# ---------------------------------------------------------------------------
# Measuring


def deliver(bench, server, first):
    """With the CPU of what is left for later: how much of it is done in
    the meantime, is chance."""
    result = loop(bench, server, "lmtp", server.lmtp_port, mail=bench.ten, clients=4, accounts=RECEIVERS, first=first)
    _, later = server.settle()
    result["cpu"] += later
    return result


def lmtp(bench, server):
    """With the script, without, without, with."""
    need_scripts(bench, server)
    runs = [(first, deliver(bench, server, first)) for first in (FIRST, PLAIN, PLAIN, FIRST)]
    ops, seconds, cpu = ({first: sum(r[key] for f, r in runs if f == first) for first in (FIRST, PLAIN)}
                         for key in ("ops", "seconds", "cpu"))

    def share(used):
        return 100 * (used[FIRST] / ops[FIRST]) / (used[PLAIN] / ops[PLAIN])

    return {"lmtp-sieve": (ops[FIRST] / seconds[FIRST], cpu[FIRST], ops[FIRST]),
            "sieve-time": (share(seconds), 0, 0), "sieve-cpu": (share(cpu), 0, 0)}


def compile_ours(bench, path):
    done = subprocess.run([str(bench.build / "bench" / "sieve_bench"), str(path)], capture_output=True, text=True,
                          check=True, timeout=60)
    return json.loads(done.stdout)["compile_ms"]


def compile_theirs(server, path):
    """What it takes longer than for a script that only keeps."""
    small, binary, times = path.with_name("keep.sieve"), path.with_suffix(".svbin"), {}
    small.write_text("keep;\n", encoding="ascii")
    for source in [path, small] * 9:
        began = time.monotonic()
        server.compile(source, binary)
        times.setdefault(source, []).append((time.monotonic() - began) * 1000)
    return statistics.median(times[path]) - statistics.median(times[small])


def compile_many(bench, server):
    path = bench.work / "many.sieve"
    path.write_text(script(MANY_RULES, "nobody"), encoding="ascii")
    value = compile_theirs(server, path) if isinstance(server, Pigeonhole) else compile_ours(bench, path)
    return {"sieve-compile": (value, 0, 0)}
