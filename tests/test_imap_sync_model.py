# SPDX-License-Identifier: BSD-2-Clause
"""imapd: a client that keeps flags and MODSEQs by UID, from all that it is told in whatever mode (QRESYNC, UIDONLY,
NOTIFY, IDLE) and after it was away, has what a new session reads."""

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
        self.known, self.since, self.validity, self.new = {}, 0, None, False
        self.connect()

    def connect(self):
        """As one that comes back with what it knew."""
        rnd = self.rnd
        self.c = Imap(self.site, *self.user)
        self.uidonly = rnd.random() < 0.4
        self.c.ok("ENABLE QRESYNC" + rnd.choice(["", " IMAP4rev2"]) + " UIDONLY" * self.uidonly)
        resync = ""
        if self.validity:
            only = " " + ",".join(map(str, sorted(self.known))) if self.known and rnd.random() < 0.4 else ""
            resync = f" (QRESYNC ({self.validity} {self.since}{only}))"
        lines = self.c.ok(f"SELECT INBOX{resync}")
        self.validity = re.search(r"UIDVALIDITY (\d+)", str(lines))[1]
        self.take(lines)
        self.last = max(self.known, default=0)
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

    def run(self, command):
        self.take(self.c.command(command)[0])

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
        self.since = max([self.since] + [modseq for _, modseq in truth.values()])


def change(rnd, silent):
    lo = rnd.randint(1, 30)
    uids = rnd.choice([f"{lo}", f"{lo}:{lo + 3}", f"{lo}:*"])
    text = message(rnd.random())
    literal = f"{{{len(text)}+}}\r\n{text}"
    return rnd.choices([
        f"APPEND INBOX ({rnd.choice(FLAGS)}) {literal}",
        f"UID STORE {uids} {rnd.choice('+-')}FLAGS{silent} ({rnd.choice(FLAGS)})",
        f"UID STORE {uids} (UNCHANGEDSINCE {rnd.randint(9, 40)}) +FLAGS{silent} ({rnd.choice(FLAGS)})",
        "UID EXPUNGE 1:100", f"UID MOVE {uids} Archive", f"UID COPY {uids} INBOX", f"UID REPLACE {lo} INBOX {literal}",
    ], [3, 7, 2, 1, 1, 1, 1])[0]


def idle(client, other, command):
    client.c.send("idle IDLE\r\n")
    other.command(command)
    time.sleep(0.01)
    client.c.send("DONE\r\n")
    client.take(client.c.until("idle")[0])


READ = ["UID FETCH 1:9 BODY[TEXT]", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 9 VANISHED)",
        "UID SEARCH RETURN (UPDATE COUNT) SEEN", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 9 PARTIAL 1:3)"]


@pytest.mark.parametrize("seed", range(4))
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
                rnd.choice([a, b]).command(change(rnd, rnd.choice(["", ".SILENT"])))
            elif what < 0.7:
                client.run(change(rnd, ""))
            elif what < 0.8:
                client.run(rnd.choice(READ))
            elif what < 0.88:
                idle(client, a, change(rnd, ""))
            else:
                client.check((seed, n))
                if what > 0.96:
                    client.c.close()
                    client.connect()
        client.check(seed)
        client.c.close()
