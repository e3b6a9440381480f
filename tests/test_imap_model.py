# SPDX-License-Identifier: BSD-2-Clause
"""imapd: random commands of several sessions on one mailbox, compared with a model.

The model has two halves. `Mailbox` is the truth: what messages there are, with their flags. `Session` is what a client
knows that does nothing but add up the untagged responses; after each command it must agree with the rules of RFC 3501
(5.2 and 7), and after a NOOP with the truth."""

import os
import random
import re

import pytest

from imap_raw import Imap, message

FLAGS = ["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "$Model"]
STEPS = int(os.environ.get("MS_MODEL_STEPS", "150"))
SEEDS = int(os.environ.get("MS_MODEL_SEEDS", "3"))


class Mailbox:
    def __init__(self):
        self.flags = {}  # by UID
        self.uidnext = 1

    def add(self, flags=()):
        self.flags[self.uidnext] = set(flags)
        self.uidnext += 1

    def store(self, uids, op, flags):
        for uid in uids:
            if uid in self.flags:
                old = self.flags[uid]
                self.flags[uid] = old | flags if op == "+" else old - flags if op == "-" else set(flags)

    def expunge(self, uids=None):
        for uid in list(self.flags):
            if "\\Deleted" in self.flags[uid] and (uids is None or uid in uids):
                del self.flags[uid]


def expand(text):
    out = []
    for part in text.split(","):
        lo, _, hi = part.partition(":")
        out += range(int(lo), int(hi or lo) + 1)
    return out


class Session:
    """A client that believes what it is told."""

    def __init__(self, site, account, enable=""):
        self.c = Imap(site, *account)
        self.vanishes = "QRESYNC" in enable or "UIDONLY" in enable
        self.uidonly = "UIDONLY" in enable
        if enable:
            self.c.ok(f"ENABLE {enable}")
        self.log = []
        self.uids = []  # None: a number whose UID is not known yet
        self.flags = {}  # by UID
        self.exists(int(self.one(self.c.ok("SELECT INBOX"), r"\* (\d+) EXISTS")))
        self.learn()

    @staticmethod
    def one(lines, pattern):
        found = [m[1] for m in (re.match(pattern, line) for line in lines) if m]
        assert len(found) == 1, (pattern, lines)
        return found[0]

    def exists(self, n):
        assert n >= len(self.uids), "EXISTS must not shrink"
        self.uids += [None] * (n - len(self.uids))

    def learn(self):
        """UIDs and flags of what is new."""
        for _ in range(10):  # what is asked may bring more
            if None not in self.uids:
                break
            if self.uidonly:
                self.run(f"UID FETCH {max((u for u in self.uids if u), default=0) + 1}:* FLAGS", True)
            else:
                self.run(f"FETCH {self.uids.index(None) + 1}:* (UID FLAGS)")
        assert None not in self.uids and self.uids == sorted(set(self.uids)), (self.uids, self.log[-12:])

    @staticmethod
    def uid_of(line):
        m = re.match(r"\* (\d+) UIDFETCH ", line)
        return m[1] if m else re.search(r"UID (\d+)", line)[1]

    def take(self, line, may_expunge):
        if m := re.match(r"\* (\d+) EXPUNGE$", line):
            assert may_expunge and not self.vanishes, line
            assert 1 <= int(m[1]) <= len(self.uids), line
            self.flags.pop(self.uids.pop(int(m[1]) - 1), None)
        elif m := re.match(r"\* VANISHED ([\d:,]+)$", line):
            assert may_expunge and self.vanishes, line
            for uid in expand(m[1]):
                # One that came and went is only counted so far.
                self.uids.remove(uid if uid in self.uids else None)
                self.flags.pop(uid, None)
        elif m := re.match(r"\* (\d+) EXISTS$", line):
            self.exists(int(m[1]))
        elif m := re.match(r"\* (\d+) (UID)?FETCH \((.*)\)$", line):
            self.take_fetch(int(m[1]), bool(m[2]), m[3], line)

    def take_fetch(self, number, by_uid, items, line):
        assert by_uid == self.uidonly, line
        if by_uid:
            uid = number
            if uid not in self.uids:
                self.uids.remove(None)
                self.uids.insert(sum(u is not None and u < uid for u in self.uids), uid)
        else:
            assert 1 <= number <= len(self.uids), line
            if m := re.search(r"UID (\d+)", items):
                assert self.uids[number - 1] in (None, int(m[1])), (line, self.uids)
                self.uids[number - 1] = int(m[1])
            uid = self.uids[number - 1]
        if m := re.search(r"FLAGS \(([^)]*)\)", items):
            self.flags[uid] = set(m[1].split()) - {"\\Recent"}

    def run(self, command, may_expunge=False):
        lines, tagged = self.c.command(command)
        self.log.append((command, lines, tagged))
        for line in lines:
            self.take(line, may_expunge)
        assert tagged.startswith(("OK", "NO [EXPUNGEISSUED")), (command, lines, tagged)
        return lines

    # -- what the session says of the mailbox

    def pick(self, rng):
        """Some of the numbers it knows."""
        return sorted(rng.sample(range(len(self.uids)), rng.randint(1, min(len(self.uids), 6))))

    def name(self, rng, picked, uid):
        numbers = [self.uids[i] if uid else i + 1 for i in picked]
        if len(numbers) > 1 and picked[-1] - picked[0] == len(picked) - 1 and rng.random() < 0.5:
            return f"{numbers[0]}:{numbers[-1]}"
        return ",".join(map(str, numbers))


def do_store(rng, s, box):
    picked, uid = s.pick(rng), s.uidonly or rng.random() < 0.5
    op, flags = rng.choice(["+", "-", ""]), set(rng.sample(FLAGS, rng.randint(1, 3)))
    silent = rng.choice(["", ".SILENT"])
    uids = [s.uids[i] for i in picked]
    s.run(f"{'UID ' * uid}STORE {s.name(rng, picked, uid)} {op}FLAGS{silent} ({' '.join(sorted(flags))})", uid)
    box.store(uids, op, flags)
    if silent:  # the client knows what it did to those that are still there
        for i in uids:
            if i in s.flags and i in box.flags:
                old = s.flags[i]
                s.flags[i] = old | flags if op == "+" else old - flags if op == "-" else set(flags)


def do_fetch(rng, s, box):
    picked, uid = s.pick(rng), s.uidonly or rng.random() < 0.5
    uids = [s.uids[i] for i in picked]
    lines = s.run(f"{'UID ' * uid}FETCH {s.name(rng, picked, uid)} (UID FLAGS)", uid)
    told = {int(s.uid_of(line)) for line in lines if "FETCH" in line and ("UID " in line or s.uidonly)}
    assert {i for i in uids if i in box.flags} <= told, (uids, lines)


def do_search(rng, s, box):
    flag, uid = rng.choice(FLAGS[:5]), s.uidonly or rng.random() < 0.5
    before = list(s.uids)
    lines = s.run(f"{'UID ' * uid}SEARCH {flag[1:]}", uid)
    found = s.one(lines, r"\* SEARCH((?: \d+)*)(?: \(MODSEQ \d+\))?$").split()
    want = [i + 1 if not uid else u for i, u in enumerate(before) if u in box.flags and flag in box.flags[u]]
    assert list(map(int, found)) == want


def do_expunge(rng, s, box):
    if rng.random() < 0.5:
        s.run("EXPUNGE", True)
        box.expunge([u for u in box.flags if u in s.known_before])
    else:
        picked = s.pick(rng)
        uids = [s.uids[i] for i in picked]
        s.run(f"UID EXPUNGE {s.name(rng, picked, True)}", True)
        box.expunge(set(uids))


def do_move(rng, s, box):
    picked, uid = s.pick(rng), s.uidonly or rng.random() < 0.5
    uids = [s.uids[i] for i in picked]
    s.run(f"{'UID ' * uid}MOVE {s.name(rng, picked, uid)} Trash", True)
    for i in uids:
        box.flags.pop(i, None)


def do_copy(rng, s, box):
    picked, uid = s.pick(rng), s.uidonly or rng.random() < 0.5
    uids = [s.uids[i] for i in picked if s.uids[i] in box.flags]
    s.run(f"{'UID ' * uid}COPY {s.name(rng, picked, uid)} INBOX", True)
    for i in uids:
        box.add(box.flags[i])


def do_append(rng, s, box):
    flags = rng.sample(FLAGS, rng.randint(0, 2))
    literal = message(box.uidnext).encode()
    s.run(f"APPEND INBOX ({' '.join(flags)}) {{{len(literal)}+}}\r\n".encode() + literal, True)
    box.add(flags)


def do_noop(rng, s, box):
    s.run("NOOP", True)
    s.learn()
    assert s.uids == sorted(box.flags), "after NOOP it knows what there is"
    assert s.flags == box.flags


ACTIONS = [(do_store, 8), (do_fetch, 5), (do_search, 3), (do_expunge, 2), (do_move, 1), (do_copy, 2), (do_append, 4),
           (do_noop, 3)]


@pytest.mark.slow
@pytest.mark.parametrize("enable", [("", ""), ("CONDSTORE", ""), ("QRESYNC", ""), ("UIDONLY", "QRESYNC"),
                                    ("UIDONLY CONDSTORE", "")])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_model(site, enable, seed):
    rng = random.Random(f"{enable}{seed}")
    account, box = site.new_account(), Mailbox()
    with Imap(site, *account) as c:
        for i in range(rng.randint(3, 12)):
            c.append("INBOX", message(i))
            box.add()
    sessions = [Session(site, account, e) for e in enable]
    try:
        for _ in range(STEPS):
            s = rng.choice(sessions)
            s.learn()
            s.known_before = set(s.uids)
            action = rng.choices([a for a, _ in ACTIONS], [w for _, w in ACTIONS])[0]
            if not s.uids and action not in (do_append, do_noop):
                action = do_append
            action(rng, s, box)
        for s in sessions:
            do_noop(rng, s, box)
    finally:
        for s in sessions:
            s.c.close()
