# SPDX-License-Identifier: BSD-2-Clause
"""Random mailboxes, searches, orders and threads, compared with search_oracle.py."""

import random
import re

import pytest

import search_oracle as oracle
from imap_raw import Imap


def fill(c, rnd, count):
    messages = []
    for n in range(1, count + 1):
        m = oracle.Message(rnd, n, [x.id for x in messages] + [f"<m{n + 1}@x.test>"])
        when = m.received.strftime("%d-%b-%Y %H:%M:%S +0000")
        c.append("INBOX", m.raw.decode(), f'({" ".join(sorted(m.flags))}) "{when}"')
        messages.append(m)
    c.ok("SELECT INBOX")
    for line in c.ok("FETCH 1:* (EMAILID THREADID MODSEQ)"):
        m = re.fullmatch(r"\* (\d+) FETCH \(EMAILID \((\w+)\) THREADID \((\w+)\) MODSEQ \((\d+)\)\)", line)
        if m:
            known = messages[int(m[1]) - 1]
            known.email, known.thread, known.modseq = m[2], m[3], int(m[4])
    return messages


def wire(text):
    """Strings outside ASCII as literals."""
    out, parts = b"", text.split('"')
    for i, part in enumerate(parts):
        raw = part.encode()
        out += raw if i % 2 == 0 else b"{%d+}\r\n%s" % (len(raw), raw)
    return out


def without_modseq(lines):
    assert len(lines) == 1
    return re.sub(r" \(MODSEQ \d+\)$", "", lines[0])


@pytest.mark.parametrize("seed", range(8))
def test_oracle(site, seed):
    rnd = random.Random(seed)
    with Imap(site, *site.new_account()) as c:
        messages = fill(c, rnd, 70)
        for _ in range(150):
            key, means = oracle.random_key(rnd, messages)
            found = [m for m in messages if means(m)]
            want = " ".join(["* SEARCH"] + [str(m.number) for m in found])
            assert without_modseq(c.ok(b"SEARCH CHARSET UTF-8 " + wire(key))) == want, (seed, key)
        for _ in range(60):
            key, means = oracle.random_key(rnd, messages)
            program = [(rnd.choice(list(oracle.SORTS)), rnd.random() < 0.4) for _ in range(rnd.randint(1, 3))]
            text = " ".join(("REVERSE " if reverse else "") + name for name, reverse in program)
            want = [m.number for m in oracle.sort([m for m in messages if means(m)], program)]
            got = without_modseq(c.ok(b"SORT (%s) UTF-8 " % text.encode() + wire(key)))
            assert got == " ".join(["* SORT"] + [str(n) for n in want]), (seed, text, key)
        for _ in range(20):
            key, means = ("ALL", lambda m: True) if rnd.random() < 0.3 else oracle.random_key(rnd, messages)
            found = [m for m in messages if means(m)]
            for how in ("REFERENCES", "ORDEREDSUBJECT", "REFS"):
                got = c.ok(b"THREAD %s UTF-8 " % how.encode() + wire(key))[0]
                assert oracle.parse_threads(got) == oracle.thread(found, how), (seed, how, key)
