# SPDX-License-Identifier: BSD-2-Clause
"""Results that are kept up to date (RFC 5267): what the client is told, put together by a
client, is what a new search finds."""

import random
import re
import time

import pytest

from imap_raw import Imap, message

SUBJECTS = ["apple", "banana", "cherry", "Re: apple", "zebra"]


def numbers(text):
    out = []
    for part in text.split(","):
        lo, _, hi = part.partition(":")
        out += range(int(lo), int(hi or lo) + 1)
    return out


class Client:
    """Keeps results as the responses say."""

    def __init__(self, c, rnd):
        self.c, self.rnd, self.results = c, rnd, {}

    def run(self, command):
        lines = self.c.ok(command)
        for line in lines:
            self.take(line)
        return lines

    def begin(self, name, options, program):
        uid = self.rnd.random() < 0.5
        command = f"{'UID ' if uid else ''}{name} RETURN (UPDATE ALL{options}) {program}"
        lines = self.c.ok(command)
        first = next(line for line in lines if line.startswith("* ESEARCH"))
        found = re.search(r" ALL (\S+)", first)
        tag = f"t{self.c.tag}"
        self.results[tag] = {"uid": uid, "sort": name == "SORT", "program": program,
                             "found": numbers(found[1]) if found else []}
        for line in lines[lines.index(first) + 1:]:
            self.take(line)
        return tag

    def take(self, line):
        gone = re.fullmatch(r"\* (\d+) EXPUNGE", line)
        update = re.fullmatch(r'\* ESEARCH \(TAG "(\w+)"\)( UID)? (ADDTO|REMOVEFROM) \((.*)\)', line)
        if gone:
            for r in self.results.values():
                if not r["uid"]:
                    assert int(gone[1]) not in r["found"], "was to be removed before"
                    r["found"] = [n - (n > int(gone[1])) for n in r["found"]]
        elif update:
            r = self.results[update[1]]
            assert bool(update[2]) == r["uid"]
            words = update[4].split(" ")
            for position, which in zip(words[::2], words[1::2]):
                self.change(r, update[3], int(position), numbers(which))
        else:
            assert not line.startswith("* ESEARCH"), line

    def change(self, r, what, position, which):
        assert (position > 0) == r["sort"]
        if what == "ADDTO":
            assert not set(which) & set(r["found"])
            at = position - 1 if r["sort"] else len(r["found"])
            r["found"][at:at] = which
            if not r["sort"]:
                r["found"].sort()
        elif r["sort"]:
            assert r["found"][position - 1:position - 1 + len(which)] == which
            del r["found"][position - 1:position - 1 + len(which)]
        else:
            assert set(which) <= set(r["found"])
            r["found"] = [n for n in r["found"] if n not in which]

    def check(self, why):
        self.run("NOOP")
        for tag, r in self.results.items():
            name = "SORT" if r["sort"] else "SEARCH"
            line = self.c.ok(f"{'UID ' if r['uid'] else ''}{name} {r['program']}")[0]
            assert r["found"] == [int(n) for n in line.split()[2:]], (why, tag, r)


def change(rnd, c, others):
    """Something that one of the sessions does."""
    who = rnd.choice([c, others])
    what = rnd.random()
    if what < 0.3:
        subject = rnd.choice(SUBJECTS)
        day = rnd.randint(1, 28)
        text = message(rnd.random(), Subject=subject, Date=f"{day:02d} Nov 2026 10:00:00 +0000")
        flags = rnd.choice(["()", "(\\Seen)", "(\\Flagged $k)"])
        who.run(f"APPEND INBOX {flags} {{{len(text)}+}}\r\n{text}")
    elif what < 0.85:
        lo, hi = sorted(rnd.choices(range(1, 12), k=2))
        flags = rnd.choice(["\\Seen", "\\Flagged", "$k", "\\Deleted", "\\Answered"])
        who.run(f"UID STORE {lo}:{hi} {rnd.choice('+-')}FLAGS{rnd.choice(['', '.SILENT'])} ({flags})")
    else:
        who.run("UID EXPUNGE 1:30")


@pytest.mark.parametrize("seed", range(4))
def test_model(site, seed):
    rnd = random.Random(seed)
    user = site.new_account()
    with Imap(site, *user) as a, Imap(site, *user) as b:
        for _ in range(8):
            a.append("INBOX", message(rnd.random(), Subject=rnd.choice(SUBJECTS)), rnd.choice(["", "(\\Seen)"]))
        a.ok("SELECT INBOX")
        b.ok("SELECT INBOX")
        c, other = Client(a, rnd), Client(b, rnd)
        for program in ("SEEN", "OR SUBJECT apple FLAGGED", "NOT KEYWORD $k", "UID 3:*", "OR UID 2 (BODY Hello UNSEEN)"):
            c.begin("SEARCH", rnd.choice(["", " COUNT", " MIN"]), program)
        for keys, program in (("SUBJECT", "ALL"), ("REVERSE DATE SUBJECT", "UNSEEN"), ("ARRIVAL", "SUBJECT e")):
            c.begin("SORT", "", f"({keys}) UTF-8 {program}")
        for n in range(150):
            change(rnd, c, other)
            if rnd.random() < 0.3:
                c.check((seed, n))
        c.check(seed)


def esearch(lines):
    return [line for line in lines if "ESEARCH" in line]


@pytest.fixture
def c(site):
    with Imap(site, *site.new_account()) as c:
        for n in range(1, 5):
            c.append("INBOX", message(n))
        c.ok("SELECT INBOX")
        yield c


def test_numbers_stay(c):
    """Numbers mean the messages they meant, also for those that come."""
    tags = {}
    for program in ("2:3", "*", "$", "UID *"):
        c.ok("SEARCH RETURN (SAVE) 2:3")
        assert c.ok(f"SEARCH RETURN (UPDATE) {program}")[0] == f'* ESEARCH (TAG "t{c.tag}")'
        tags[program] = f"t{c.tag}"
    c.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    c.ok("EXPUNGE")
    assert c.ok("STORE 1 +FLAGS.SILENT (\\Deleted)") == []
    assert c.ok("EXPUNGE")[:3] == [f'* ESEARCH (TAG "{tags["2:3"]}") REMOVEFROM (0 1)',
                                   f'* ESEARCH (TAG "{tags["$"]}") REMOVEFROM (0 1)', "* 1 EXPUNGE"]
    c.append("INBOX", message(9))
    assert not esearch(c.ok("NOOP"))


def test_idle_and_cancel(site):
    """An update comes while the client waits, until it wants no more."""
    user = site.new_account()
    with Imap(site, *user) as c, Imap(site, *user) as other:
        c.ok("SELECT INBOX")
        c.ok("SEARCH RETURN (UPDATE COUNT CONTEXT) UNSEEN")
        tag = f"t{c.tag}"
        c.idle()
        other.append("INBOX", message(8))
        assert [c.line(), c.line(), c.line()] == [
            "* 1 EXISTS", "* 1 RECENT", f'* ESEARCH (TAG "{tag}") ADDTO (0 1)']
        c.done()
        c.no('CANCELUPDATE "nonsense"')
        c.bad("CANCELUPDATE")
        c.bad(f"CANCELUPDATE {tag}")
        c.ok(f'CANCELUPDATE "{tag}"')
        c.no(f'CANCELUPDATE "{tag}"')
        other.append("INBOX", message(10))
        assert c.ok("NOOP") == ["* 2 EXISTS", "* 2 RECENT"]


def test_tags_and_limits(c):
    """A tag in use is refused, too many results are not kept, leaving the mailbox ends all."""
    c.send("x SEARCH RETURN (UPDATE) ALL\r\n")
    c.until("x")
    c.send("x SEARCH RETURN (UPDATE) ALL\r\n")
    assert c.until("x")[1].startswith("BAD")
    for _ in range(15):
        assert len(c.ok("SEARCH RETURN (UPDATE) ALL")) == 1
    lines = c.ok("SEARCH RETURN (UPDATE) ALL")
    assert lines[1].startswith(f'* NO [NOUPDATE "t{c.tag}"]')
    assert f'* NO [NOUPDATE "t{c.tag + 1}"]' in c.ok("ESEARCH IN (personal) RETURN (UPDATE ALL) ALL")[0]
    c.ok("SELECT INBOX")
    c.append("INBOX", message(10))
    assert not esearch(c.ok("NOOP"))
    c.no('CANCELUPDATE "x"')


def test_age(c):
    """Time alone changes a result (RFC 5032)."""
    c.append("INBOX", message(5))
    c.ok("SEARCH RETURN (UPDATE ALL) YOUNGER 2")
    tag = f"t{c.tag}"
    end = time.time() + 10
    while time.time() < end:
        lines = esearch(c.ok("NOOP"))
        if lines and "REMOVEFROM" in lines[-1] and re.search(r"[(:, ]5\)", lines[-1]):
            assert lines[-1].startswith(f'* ESEARCH (TAG "{tag}") REMOVEFROM (0 ')
            return
        time.sleep(0.2)
    raise AssertionError("nothing was removed")
