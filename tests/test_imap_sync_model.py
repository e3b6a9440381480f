# SPDX-License-Identifier: BSD-2-Clause
"""imapd: a client that keeps flags and MODSEQs by UID, from all that it is told in whatever mode (QRESYNC, UIDONLY,
NOTIFY, IDLE) and after it was away, has what a new session reads. It comes back with the highest MODSEQ it saw, or the
HIGHESTMODSEQ that was sent after it, and may lose its connection at any moment."""

import random
import re
import time

import pytest

from imap_raw import Imap, message

FLAGS = ["\\Seen", "\\Flagged", "\\Deleted", "k1"]
NOTIFY = "MessageNew (UID FLAGS) MessageExpunge"


def parts(text):
    for part in text.split(","):
        lo, _, hi = part.partition(":")
        yield from range(int(lo), int(hi or lo) + 1)


def flags_of(text):
    return frozenset(text.split()) - {"\\Recent"}


class Client:
    def __init__(self, site, user, rnd):
        self.site, self.user, self.rnd = site, user, rnd
        self.known, self.last, self.validity, self.new = {}, 0, None, False
        self.since = self.seen = 0  # MODSEQs: after the last command, and since then
        self.sent = None  # HIGHESTMODSEQ since then
        self.connect()

    def connect(self):
        """As one that comes back with what it knew."""
        rnd = self.rnd
        self.c = Imap(self.site, *self.user)
        self.uidonly = rnd.random() < 0.3
        self.c.ok("ENABLE QRESYNC" + rnd.choice(["", " IMAP4rev2"]) + " UIDONLY" * self.uidonly)
        resync = ""
        if self.validity:
            only = " " + ",".join(map(str, sorted(self.known))) if self.known and rnd.random() < 0.4 else ""
            resync = f" (QRESYNC ({self.validity} {self.since}{only}))"
        lines = self.c.ok(f"SELECT INBOX{resync}")
        self.validity = re.search(r"UIDVALIDITY (\d+)", str(lines))[1]
        self.take(lines)
        self.completed()
        self.new = True
        if rnd.random() < 0.6:
            self.run(f"NOTIFY SET ({rnd.choice(['selected', 'selected-delayed'])} ({NOTIFY}"
                     f"{rnd.choice(['', ' FlagChange'])})) (personal (MessageNew MessageExpunge FlagChange))")

    def take(self, lines):
        for line in lines:
            assert not re.match(r"\* \d+ EXPUNGE", line), line
            fetch = re.match(r"\* (\d+) (UID)?FETCH \((.*)\)$", line, re.S)
            gone = re.match(r"\* VANISHED (?:\(EARLIER\) )?(\S+)$", line)
            assert not fetch or bool(fetch[2]) == self.uidonly, line
            if fetch and "FLAGS (" in line:
                uid = int(fetch[1] if self.uidonly else re.search(r"UID (\d+)", fetch[3])[1])
                flags, modseq = re.search(r"FLAGS \((.*?)\)", fetch[3]), int(re.search(r"MODSEQ \((\d+)\)", line)[1])
                assert modseq >= self.known.get(uid, (None, 0))[1], line
                self.known[uid] = (flags_of(flags[1]), modseq)
            elif gone:
                for uid in parts(gone[1]):
                    self.known.pop(uid, None)
            self.new = self.new or line.endswith(" EXISTS")
            self.take_modseqs(line)

    def take_modseqs(self, line):
        for modseq in re.findall(r"MODSEQ \(?(\d+)\)", line):
            self.seen = max(self.seen, int(modseq))
        sent = re.search(r"\[HIGHESTMODSEQ (\d+)\]", line)
        if sent:
            self.sent, self.seen = int(sent[1]), 0

    def completed(self):
        self.since = max(self.since if self.sent is None else self.sent, self.seen)
        self.sent, self.seen = None, 0

    def until(self, tag):
        lines, tagged = self.c.until(tag)
        self.take(lines)
        self.take_modseqs(tagged)
        self.completed()

    def run(self, command):
        self.c.send(f"run {command}\r\n")
        self.until("run")

    def lose(self, command):
        """The connection, within the answer if there is a command."""
        if command:
            self.c.send(f"run {command}\r\n")
            for _ in range(self.rnd.randint(1, 5)):
                line = self.c.line()
                if line.startswith("run "):
                    break
                self.take([line])
        self.c.close()
        self.sent, self.seen = None, 0

    def sync(self):
        self.run("NOOP")
        while self.new:
            self.new = False
            self.run(f"UID FETCH {self.last + 1}:* (FLAGS MODSEQ)")
            self.last = max(self.known, default=self.last)

    def check(self, why):
        self.sync()
        truth = {}
        with Imap(self.site, *self.user) as c:
            c.ok("SELECT INBOX")
            for line in c.ok("UID FETCH 1:* (FLAGS MODSEQ)"):
                m = re.match(r"\* \d+ FETCH \(FLAGS \((.*?)\) MODSEQ \((\d+)\) UID (\d+)\)", line)
                if m:
                    truth[int(m[3])] = (flags_of(m[1]), int(m[2]))
        assert self.known == truth, why


def change(rnd, silent):
    lo = rnd.randint(1, 30)
    uids = rnd.choice([f"{lo}", f"{lo}:{lo + 3}", f"{lo}:*"])
    text = message(rnd.random())
    literal = f"{{{len(text)}+}}\r\n{text}"
    return rnd.choices([
        f"APPEND INBOX ({rnd.choice(FLAGS)}) {literal}",
        f"UID STORE {uids} {rnd.choice('+-')}FLAGS{silent} ({rnd.choice(FLAGS)})",
        f"UID STORE {uids} (UNCHANGEDSINCE {rnd.randint(9, 40)}) +FLAGS{silent} ({rnd.choice(FLAGS)})",
        "UID EXPUNGE 1:*", f"UID MOVE {uids} Archive", f"UID COPY {lo}:{lo + 3} INBOX",
        f"UID REPLACE {lo} INBOX {literal}",
    ], [5, 7, 2, 2, 1, 2, 1])[0]


def idle(client, other, command):
    client.c.send("idle IDLE\r\n")
    other.command(command)
    time.sleep(0.01)
    client.c.send("DONE\r\n")
    client.until("idle")


READ = ["UID FETCH 1:9 BODY[TEXT]", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 9 VANISHED)",
        "UID SEARCH RETURN (UPDATE COUNT) SEEN", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 9 PARTIAL 1:3)"]
# During these nothing may vanish.
NUMBERED = ["FETCH 1:* (UID FLAGS MODSEQ)", "FETCH 1 BODY[TEXT]", "SEARCH RETURN (ALL) MODSEQ 1",
            "SORT (ARRIVAL) UTF-8 ALL", "STORE 2 +FLAGS (\\Answered)", "STORE 1:3 -FLAGS (\\Answered)",
            "STORE 1 (UNCHANGEDSINCE 5) FLAGS ()"]
# Commands that change nothing: what is known when they are done may be compared.
LOST = ["", "", "", "NOOP", "FETCH 1:* (UID FLAGS MODSEQ)", "UID FETCH 1:* (FLAGS MODSEQ)",
        "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 9 VANISHED)"]


@pytest.mark.parametrize("seed", range(8))
def test_model(site, seed):
    rnd = random.Random(seed)
    user = site.new_account()
    with Imap(site, *user) as a, Imap(site, *user) as b:
        for n in range(8):
            a.append("INBOX", message(n))
        a.ok("SELECT INBOX")
        b.ok("SELECT INBOX")
        client = Client(site, user, rnd)
        for n in range(300):
            what = rnd.random()
            if what < 0.5:
                for _ in range(rnd.randint(1, 5)):
                    rnd.choice([a, b]).command(change(rnd, rnd.choice(["", ".SILENT"])))
            elif what < 0.7:
                client.run(change(rnd, ""))
            elif what < 0.76:
                client.run(rnd.choice(READ))
            elif what < 0.85:
                client.run(rnd.choice(NUMBERED))
                if rnd.random() < 0.4:
                    client.lose("")
                    client.connect()
            elif what < 0.88:
                idle(client, a, change(rnd, ""))
            elif what < 0.94:
                client.check((seed, n))
            else:
                client.lose(rnd.choice(LOST))
                client.connect()
        client.check(seed)
        client.c.close()
