# SPDX-License-Identifier: BSD-2-Clause
"""Many clients that do anything and vanish at any moment, while mail comes in: nothing may break, and nothing may
stay behind. MS_STRESS_SECONDS sets for how long, MS_SEED what the clients try first."""

import collections
import os
import random
import re
import socket
import struct
import threading
import time

import pytest

from conftest import Site, wait_for
from imap_raw import Imap, message
from lmtp import Lmtp
from test_pop3 import Pop3

SECONDS = float(os.environ.get("MS_STRESS_SECONDS", "20"))
CLIENTS = 30
BOXES = ["INBOX", "Archive", "Trash", "Junk", "work", "work/old"]
FLAGS = [r"\Seen", r"\Flagged", r"\Deleted", r"\Answered", "$Forwarded", "$Junk", "odd"]
DAEMONS = ["imapd", "pop3d", "sieved", "lmtpd", "authd"]

pytestmark = pytest.mark.slow


class Vanished(Exception):
    """The client broke its own connection."""


def vanish(rnd, sock):
    """In one of the ways in which programs and networks do."""
    if rnd.random() < 0.5:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
    elif rnd.random() < 0.3:
        sock.shutdown(socket.SHUT_WR)
    raise Vanished


def few(rnd):
    lo = rnd.randrange(1, 400)
    return rnd.choice([f"{lo}", f"{lo}:{lo + rnd.randrange(30)}", f"{lo},{lo + 7},{lo + 9}:{lo + 20}"])


def uids(rnd):
    return few(rnd) if rnd.random() < 0.7 else f"{rnd.randrange(1, 400)}:*"


def box(rnd):
    """The user's own, or what somebody shares with him."""
    return rnd.choice(BOXES) if rnd.random() < 0.8 else f'"Other Users/{rnd.choice(rnd.users)}/INBOX"'


def text(rnd):
    return message(rnd.randrange(1000), "word " * rnd.randrange(200) + "\r\n", References=f"<{rnd.randrange(50)}@x>")


COMMANDS = {
    "any": [
        lambda r: "NOOP",
        lambda r: 'LIST "" "*" RETURN (STATUS (MESSAGES UNSEEN) SPECIAL-USE)',
        lambda r: f"STATUS {box(r)} (MESSAGES UIDNEXT UNSEEN HIGHESTMODSEQ SIZE)",
        lambda r: f"SELECT {box(r)}",
        lambda r: f"EXAMINE {box(r)}",
        lambda r: f"CREATE {r.choice(BOXES[4:])}",
        lambda r: f"DELETE {r.choice(BOXES[4:])}" if r.random() < 0.2 else "NOOP",
        lambda r: f"RENAME work work{r.randrange(3)}" if r.random() < 0.2 else "NAMESPACE",
        lambda r: "ENABLE QRESYNC",
        lambda r: "NOTIFY SET (selected (MessageNew MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge))",
        lambda r: "NOTIFY NONE",
        lambda r: f"GETQUOTAROOT {box(r)}",
        lambda r: f'SETMETADATA {box(r)} (/private/comment "{r.random()}")',
        lambda r: f"GETMETADATA {box(r)} (/private/comment /shared/comment)",
        lambda r: f"SETACL INBOX {r.choice(r.users)} {r.choice(['+', '-'])}{r.choice('rswite')}",
        lambda r: f"MYRIGHTS {box(r)}",
        lambda r: "ESEARCH IN (personal) RETURN (COUNT MAX) UNSEEN",
    ],
    "selected": [
        lambda r: f"UID FETCH {uids(r)} (FLAGS MODSEQ)",
        lambda r: f"UID FETCH {uids(r)} (ENVELOPE BODYSTRUCTURE PREVIEW)",
        lambda r: f"UID FETCH {uids(r)} BODY.PEEK[{r.choice(['', 'HEADER', 'TEXT', '1'])}]",
        lambda r: f"UID STORE {uids(r)} {r.choice(['+', '-', ''])}FLAGS ({' '.join(r.sample(FLAGS, 2))})",
        lambda r: f"UID COPY {few(r)} {box(r)}",
        lambda r: f"UID MOVE {uids(r)} {box(r)}",
        lambda r: "EXPUNGE",
        lambda r: f"UID EXPUNGE {uids(r)}",
        lambda r: f"UID SEARCH RETURN (MIN MAX COUNT) {r.choice(['UNSEEN', 'SUBJECT 7', 'TEXT word', 'LARGER 300'])}",
        lambda r: "UID SORT (SUBJECT REVERSE DATE) UTF-8 ALL",
        lambda r: "UID SEARCH RETURN (UPDATE COUNT ALL) UNSEEN",
        lambda r: "UID SORT RETURN (UPDATE PARTIAL 1:20) (ARRIVAL) UTF-8 UNDELETED",
        lambda r: "UID SEARCH FUZZY SUBJECT mesage",
        lambda r: "UID THREAD REFERENCES UTF-8 ALL",
        lambda r: "CLOSE" if r.random() < 0.2 else "NOOP",
    ],
}


def append(rnd, c):
    """Message by message, with literals of both kinds, and not always to the end."""
    raw = text(rnd).encode()
    sync = rnd.random() < 0.5
    c.tag += 1
    c.send(f"t{c.tag} APPEND {box(rnd)} {{{len(raw)}{'' if sync else '+'}}}\r\n")
    if sync:
        while not (line := c.line()).startswith("+ "):
            if line.startswith(f"t{c.tag} "):
                return line
    if rnd.random() < 0.1:
        c.send(raw[:rnd.randrange(len(raw))])
        vanish(rnd, c.sock)
    c.send(raw + b"\r\n")
    return c.until(f"t{c.tag}")[1]


def idle(rnd, c):
    c.tag += 1
    c.send(f"t{c.tag} IDLE\r\n")
    deadline = time.monotonic() + rnd.random()
    while not c.line().startswith("+"):
        pass
    while time.monotonic() < deadline:
        time.sleep(0.05)
    if rnd.random() < 0.1:
        vanish(rnd, c.sock)
    c.send("DONE\r\n")
    return c.until(f"t{c.tag}")[1]


def imap_step(rnd, c, state):
    what = rnd.random()
    if what < 0.12:
        reply = append(rnd, c) if what < 0.08 else idle(rnd, c)
        assert reply.startswith(("OK", "NO")), reply
        return
    command = rnd.choice(COMMANDS["selected" if state["selected"] and what < 0.8 else "any"])(rnd)
    if rnd.random() < 0.03:
        c.send(("x " + command + "\r\n")[:rnd.randrange(1, len(command) + 5)])
        vanish(rnd, c.sock)
    reply = c.command(command)[1]
    assert reply.startswith(("OK", "NO")), (command, reply)
    if command.startswith(("SELECT", "EXAMINE", "CLOSE", "DELETE")):
        state["selected"] = reply.startswith("OK") and command[0] in "SE"


class Client(Imap):
    """One whose mailbox somebody may delete."""

    def line(self):
        line = super().line()
        if re.match(r"\* BYE.*mailbox", line):
            raise Vanished
        return line


def imap_session(rnd, site, account):
    state = {"selected": False}
    with Client(site, *account, timeout=60) as c:
        for _ in range(rnd.randrange(5, 60)):
            imap_step(rnd, c, state)
        if rnd.random() < 0.5:
            c.ok("LOGOUT")


def pop3_session(rnd, site, account):
    with Pop3(site, timeout=60) as c:
        c.ok(f"USER {account[0]}")
        reply = c.command(f"PASS {account[1]}")
        if not reply.startswith("+OK"):
            assert "[IN-USE]" in reply, reply
            time.sleep(0.2)
            return
        listed = c.many("UIDL")
        for line in rnd.sample(listed, min(len(listed), 10)):
            number = line.split()[0]
            if rnd.random() < 0.1:
                c.send(f"RETR {number}\r\n")
                vanish(rnd, c.sock)
            if c.command(f"RETR {number}").startswith("+OK"):
                c.rest()
            if rnd.random() < 0.3:
                c.ok(f"DELE {number}")
        if rnd.random() < 0.7:
            c.ok("QUIT")
    time.sleep(0.1)


def lmtp_session(rnd, site, account):
    with Lmtp(site.host, site.lmtp_port, timeout=60) as c:
        for _ in range(rnd.randrange(1, 10)):
            if rnd.random() < 0.1:
                c.command("MAIL FROM:<a@b.example>")
                c.command(f"RCPT TO:<{account[0]}>")
                c.command("DATA", 354)
                c.send(text(rnd)[:50])
                vanish(rnd, c.sock)
            for code, said in c.deliver("a@b.example", [account[0]], text(rnd).encode()):
                assert code == 250, said


def errors(site):
    """What the daemons logged that is no client's fault."""
    return [line for name in DAEMONS for line in site.log(name).splitlines() if "level=error" in line][:20]


class Stress:
    def __init__(self, site, accounts):
        self.site, self.accounts = site, accounts
        self.seed = os.environ.get("MS_SEED") or random.randrange(10**6)
        self.failures, self.sessions = [], 0
        self.kinds = collections.Counter()
        self.lock = threading.Lock()

    def client(self, number, deadline):
        rnd = random.Random(f"{self.seed}/{self.sessions}/{number}")
        rnd.users = [user for user, _ in self.accounts]
        kind = lmtp_session if number < 2 else pop3_session if number < 5 else imap_session
        while time.monotonic() < deadline and not self.failures:
            try:
                kind(rnd, self.site, rnd.choice(self.accounts))
            except Vanished:
                pass
            except Exception as e:  # told by the test, with the client's number
                with self.lock:
                    self.failures.append(f"client {number} ({kind.__name__}): {e!r}")
            with self.lock:
                self.sessions += 1
                self.kinds[kind.__name__] += 1

    def run(self, seconds):
        deadline = time.monotonic() + seconds
        threads = [threading.Thread(target=self.client, args=(n, deadline)) for n in range(CLIENTS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not self.failures, "\n".join([f"MS_SEED={self.seed}"] + self.failures + errors(self.site))


def sockets(pid):
    """Connections and listeners of a process."""
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
        except OSError:
            pass
    return count


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read())[1])


@pytest.mark.alone
def test_stress(own_site):
    site = own_site
    accounts = [site.new_account() for _ in range(3)]
    for account in accounts:
        with Imap(site, *account) as c:
            c.ok("CREATE work/old")
            c.ok("SETACL INBOX anyone lrswite")
    pids = {name: site.pid(name) for name in DAEMONS}
    before = {name: sockets(pid) for name, pid in pids.items()}
    stress = Stress(site, accounts)
    stress.run(SECONDS / 2)
    half = resident(pids["imapd"])
    stress.run(SECONDS / 2)
    for name, pid in pids.items():
        assert site.pid(name) == pid
        wait_for(lambda: sockets(pid) <= before[name], 20)
    assert not errors(site), "\n".join(errors(site))
    site.ctl("check")
    # Tens of thousands of sessions, of which a leak of a few KiB would show; the connections to three databases with
    # their page caches come and go.
    assert resident(pids["imapd"]) < half + 150000
    assert stress.sessions > CLIENTS
    print(f"{dict(stress.kinds)}; imapd {half} then {resident(pids['imapd'])} KiB")
