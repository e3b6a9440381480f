# SPDX-License-Identifier: BSD-2-Clause
"""The servers to compare, each on loopback in a folder and on ports of its
own, and what they use: processor time and memory."""

import base64
import hashlib
import imaplib
import os
import pathlib
import pwd
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
DOMAIN = "example.test"
PASSWORD = "secret-pass"
USER = "mailstead"  # whom both servers run as


def user(n):
    return f"user{n}@{DOMAIN}"


def wait_for(condition, seconds, what, every=0.02):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(every)


def answers(port, greeting):
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            s.settimeout(5)
            return s.recv(100).startswith(greeting)
    except OSError:
        return False


def free_ports(base, offsets):
    """The first base from BASE on, in steps of 1000, whose ports are free;
    below 32768, from where the kernel takes ports for outgoing connections."""
    for base in range(base, 32000, 1000):
        try:
            for offset in offsets:
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", base + offset))
            return base
        except OSError:
            continue
    raise RuntimeError("no free ports on loopback")


def dedicated_user():
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent",
                        "--shell", "/usr/sbin/nologin", USER], check=True)
        return pwd.getpwnam(USER)


def cheap_hash(password):
    """{SSHA256}: one SHA-256, so that logins measure the servers."""
    salt = b"benchmrk"
    return "{SSHA256}" + base64.b64encode(hashlib.sha256(password.encode() + salt).digest() + salt).decode()


def certificate(folder):
    """As contrib/quickstart makes it."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "10", "-subj", f"/CN={DOMAIN}", "-keyout", folder / "key.pem", "-out",
                    folder / "cert.pem"], check=True, capture_output=True)


# ---------------------------------------------------------------------------
# Processes


def stat_fields(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        return f.read().rpartition(")")[2].split()  # from field 3 (state) on


def session_of(leader):
    """LEADER and the processes of its session."""
    out = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if int(stat_fields(name)[3]) == leader:
                    out.append(int(name))
            except (OSError, IndexError):
                pass  # it ended meanwhile
    return out


def cpu_of(pids):
    """Seconds used so far by PIDS and the children they have waited for."""
    total, tick = 0.0, os.sysconf("SC_CLK_TCK")
    for pid in pids:
        try:
            # The kernel's clock of the whole process, in nanoseconds.
            own = time.clock_gettime(((~pid) << 3) | 2)
            fields = stat_fields(pid)
            total += own + (int(fields[13]) + int(fields[14])) / tick
        except OSError:
            pass
    return total


def pss_of(pids):
    """Bytes of memory, shared pages in proportion."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except OSError:
            pass
    return total * 1024


def ended(pid):
    """It is gone, or waits only for its parent to notice."""
    try:
        return stat_fields(pid)[0] == "Z"
    except OSError:
        return True


def end_process(pid, seconds=20):
    """End a process that is not our child, by its id."""
    try:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: ended(pid), seconds, f"end of process {pid}")
    except ProcessLookupError:
        pass
    except RuntimeError:
        os.kill(pid, signal.SIGKILL)


# ---------------------------------------------------------------------------


class Server:
    """What measurements need: ports, pids(), restart(), settle()."""

    name = ""
    imap_port = imaps_port = lmtp_port = pop3_port = 0

    def cpu(self):
        return cpu_of(self.pids())

    def pss(self):
        return pss_of(self.pids())


class Dovecot(Server):
    """Debian's Dovecot with sdbox. REUSE: its "high-performance" login set-up,
    in which login and imap processes serve many connections in turn."""

    def __init__(self, work, accounts, base, reuse=False, mail=None, name=None):
        self.name = name or ("dovecot-reuse" if reuse else "dovecot")
        self.dir = pathlib.Path(work) / self.name
        self.mail = mail or self.dir / "mail"
        self.reuse = reuse
        self.base, self.accounts = base, accounts
        self.process = None

    @staticmethod
    def version():
        try:
            return subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=True).stdout.split()[0]
        except (OSError, subprocess.CalledProcessError):
            raise SystemExit("run: Dovecot is missing; apt-get install dovecot-imapd dovecot-lmtpd dovecot-pop3d dovecot-sieve")

    def write(self, accounts):
        account = dedicated_user()
        for folder in (self.dir, self.mail):
            folder.mkdir(parents=True, exist_ok=True)
        os.chown(self.mail, account.pw_uid, account.pw_gid)
        certificate(self.dir)
        hashed = cheap_hash(PASSWORD)
        (self.dir / "passwd").write_text("".join(f"{user(n)}:{hashed}::::::\n" for n in range(1, accounts + 1)))
        login = "service_count = 0\n  process_min_avail = 2\n  client_limit = 1000" if self.reuse else ""
        imap = "service_count = 100000\n  process_min_avail = 4" if self.reuse else ""
        (self.dir / "dovecot.conf").write_text(f"""
base_dir = {self.dir}/run
state_dir = {self.dir}/state
log_path = {self.dir}/log
listen = 127.0.0.1
protocols = imap lmtp pop3
ssl = yes
ssl_cert = <{self.dir}/cert.pem
ssl_key = <{self.dir}/key.pem
disable_plaintext_auth = no
mail_location = sdbox:{self.mail}/%u
mail_fsync = optimized
mail_uid = {USER}
mail_gid = {USER}
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 0
passdb {{
  driver = passwd-file
  args = username_format=%u {self.dir}/passwd
}}
userdb {{
  driver = static
  args = uid={USER} gid={USER} home={self.mail}/home/%u
}}
service anvil {{
  client_limit = 8000
}}
service auth {{
  client_limit = 8000
}}
service imap-login {{
  process_limit = 4000
  inet_listener imap {{
    port = {self.imap_port}
  }}
  inet_listener imaps {{
    port = {self.imaps_port}
    ssl = yes
  }}
  {login}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {self.pop3_port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service imap {{
  process_limit = 4000
  {imap}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {self.lmtp_port}
  }}
}}
""")

    def start(self):
        if not self.imap_port:
            base = free_ports(self.base, (143, 993, 24, 110))
            self.imap_port, self.imaps_port = base + 143, base + 993
            self.lmtp_port, self.pop3_port = base + 24, base + 110
            self.write(self.accounts)
        self.process = subprocess.Popen(["dovecot", "-F", "-c", str(self.dir / "dovecot.conf")],
                                        stdout=subprocess.DEVNULL, stderr=open(self.dir / "stderr", "ab"),
                                        start_new_session=True)
        wait_for(lambda: self.process.poll() is not None or
                 (answers(self.imap_port, b"* OK") and answers(self.lmtp_port, b"220")), 20, self.name)
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} did not start: {(self.dir / 'stderr').read_text()}")

    def stop(self):
        if not self.process:
            return
        rest = session_of(self.process.pid)
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in rest:
            end_process(pid)
        self.process = None

    def restart(self):
        self.stop()
        self.start()

    def pids(self):
        return session_of(self.process.pid)

    def settle(self, seconds=300):
        """Nothing is left for later; returns seconds waited, CPU used."""
        return 0.0, 0.0

    def forget_cache(self, n):
        """As if nobody had ever fetched from the account's mailboxes."""
        for path in (self.mail / user(n)).rglob("dovecot.index.cache*"):
            path.unlink()


class Mailstead(Server):
    """A site made by contrib/quickstart."""

    name = "mailstead"
    daemons = ("authd", "lmtpd", "imapd", "pop3d")

    def __init__(self, work, accounts, base, build):
        self.dir = pathlib.Path(work) / "site"
        self.build = build
        self.accounts = accounts
        self.base = base
        self.env = {}
        self.ids = {}

    def quickstart(self, mode):
        done = subprocess.run([str(SOURCE / "contrib" / "quickstart"), mode, "--dir", str(self.dir), "--port-base",
                               str(self.base), "--build", str(self.build), "--quiet"],
                              capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(f"quickstart {mode}: {done.stdout}{done.stderr}")

    def ctl(self, *args, text=None):
        done = subprocess.run(shlex.split(self.env["MS_CTL"]) + list(args), input=text, capture_output=True, text=True,
                              timeout=120)
        if done.returncode:
            raise RuntimeError(f"mailstead {' '.join(args)}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        self.base = free_ports(self.base, (24, 25, 80, 110, 143, 587, 993, 995))
        self.quickstart("--start")
        for line in (self.dir / "endpoints.env").read_text().splitlines():
            key, value = line.split("=", 1)
            self.env[key] = (shlex.split(value) or [""])[0]
        self.imap_port, self.lmtp_port = int(self.env["MS_IMAP_PORT"]), int(self.env["MS_LMTP_PORT"])
        self.pop3_port, self.imaps_port = int(self.env["MS_POP3_PORT"]), int(self.env["MS_IMAPS_PORT"])
        if not self.ids:
            self.add_accounts()

    def stop(self):
        if self.env or self.dir.exists():
            self.quickstart("--stop")

    def restart(self):
        """The daemons only: Postfix takes no part in the measurements."""
        for name in self.daemons:
            pidfile = self.dir / "run" / f"{name}.pid"
            if pidfile.exists():
                end_process(int(pidfile.read_text()))
        for name in self.daemons:
            with open(self.dir / "log" / f"{name}.log", "ab") as log:
                # --fork: not our child, so that it is gone when it ends.
                subprocess.run(["setsid", "--fork", str(self.build / name / name), "-c",
                                str(self.dir / "mailstead.conf")],
                               stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=True)
        wait_for(lambda: answers(self.imap_port, b"* OK") and answers(self.lmtp_port, b"220"), 20, self.name)
        wait_for(self.running, 20, self.name)

    def running(self):
        try:
            return not any(ended(pid) for pid in self.pids())
        except OSError:
            return False

    def pids(self):
        return [int((self.dir / "run" / f"{name}.pid").read_text()) for name in self.daemons]

    def add_accounts(self):
        """Accounts with the same hash as Dovecot's. A login may neither
        replace it (auth.rehash) nor be answered from memory (auth.cache_time)."""
        for key, value in (("auth.rehash", "no"), ("auth.cache_time", "0")):
            self.ctl("setting", "set", key, value)
        for n in range(1, self.accounts + 1):
            self.ctl("account", "add", user(n), "--hash", cheap_hash(PASSWORD))
        with sqlite3.connect(f"file:{self.dir}/data/site.db?mode=ro", uri=True) as db:
            self.ids = dict(db.execute("SELECT address, id FROM accounts"))

    def database(self, n):
        account = self.ids[user(n)]
        return self.dir / "data" / "accounts" / account[:2] / account / "account.db"

    # Run as the site's user, so that files SQLite makes belong to it.
    UNINDEXED = """
import sqlite3, sys
left = 0
for path in sys.argv[1:]:
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    left += db.execute("SELECT count(*) FROM email WHERE id > (SELECT indexed FROM state)").fetchone()[0]
    db.close()
print(left)
"""

    def unindexed(self):
        """Messages of all accounts not in the search index yet."""
        paths = [str(self.database(n)) for n in range(1, self.accounts + 1)]
        done = subprocess.run([sys.executable, "-c", self.UNINDEXED, *[p for p in paths if os.path.exists(p)]],
                              user=USER, group=USER, extra_groups=[], capture_output=True, text=True, cwd="/",
                              timeout=60)
        if done.returncode:
            raise RuntimeError(f"reading the accounts: {done.stderr.strip().splitlines()[-1]}")
        return int(done.stdout)

    def settle(self, seconds=300):
        """Wait until the search indexes are complete, so that neither this nor
        the other server is measured beside it."""
        began, cpu = time.monotonic(), self.cpu()
        wait_for(lambda: self.unindexed() == 0, seconds, "indexing", every=0.2)
        return time.monotonic() - began, self.cpu() - cpu

    def forget_cache(self, n):
        """Nothing to forget: what FETCH needs was stored at delivery."""


def remove(path):
    shutil.rmtree(path, ignore_errors=True)


def argon2_cost(site):
    """CPU milliseconds of one verification with the default settings."""
    site.ctl("account", "add", "slow@" + DOMAIN, "--stdin", text=PASSWORD + "\n")
    times = []
    for _ in range(3):
        before = site.cpu()
        c = imaplib.IMAP4("127.0.0.1", site.imap_port, timeout=20)
        c.login("slow@" + DOMAIN, PASSWORD)
        c.logout()
        times.append((site.cpu() - before) * 1000)
    return sorted(times)[1]
