# SPDX-License-Identifier: BSD-2-Clause
"""imapd: after CONDSTORE was enabled nothing is told of a message without its MODSEQ (RFC 7162)."""

import re

import pytest

from imap_raw import Imap, message


@pytest.fixture
def account(site):
    return site.new_account()


@pytest.fixture
def c(site, account):
    with Imap(site, *account) as c:
        for n in range(1, 7):
            c.append("INBOX", message(n))
        yield c


@pytest.fixture
def other(site, account):
    with Imap(site, *account) as c:
        c.ok("SELECT INBOX")
        yield c


def modseq(c):
    return int(re.search(r"HIGHESTMODSEQ (\d+)", c.ok("STATUS INBOX (HIGHESTMODSEQ)")[0])[1])


@pytest.mark.parametrize("enable, pattern", [
    ("CONDSTORE", r"\* 1 FETCH \(UID 1 MODSEQ \((\d+)\) FLAGS \(\\Seen"),
    ("IMAP4rev2", r"\* 1 FETCH \(UID 1 FLAGS \(\\Seen\)"),
    ("QRESYNC UIDONLY", r"\* 1 UIDFETCH \(MODSEQ \((\d+)\) FLAGS \(\\Seen"),
    ("METADATA", r"\* 1 FETCH \(FLAGS \(\\Seen"),
])
def test_seen_by_fetch(c, enable, pattern):
    c.ok(f"ENABLE {enable}")
    c.ok("SELECT INBOX")
    uid = "UIDONLY" in enable
    lines = c.ok("UID FETCH 1 BODY[TEXT]" if uid else "FETCH 1 BODY[TEXT]")
    assert len(lines) == 1 and re.match(pattern, lines[0]), lines
    lines = c.ok("UID FETCH 2 (FLAGS BODY[TEXT])" if uid else "FETCH 2 (FLAGS BODY[TEXT])")
    assert len(lines) == 1 and ("MODSEQ" in lines[0]) == ("MODSEQ" in pattern)
    assert c.ok("NOOP") == []


def test_new_message_by_notify(c, other):
    c.ok("ENABLE CONDSTORE")
    c.ok("SELECT INBOX")
    c.ok("NOTIFY SET (selected (MessageNew (FLAGS) MessageExpunge))")
    other.append("INBOX", message(7))
    assert c.line() == "* 7 EXISTS"
    line = c.line()
    while "FETCH" not in line:
        line = c.line()
    assert re.match(rf"\* 7 FETCH \(FLAGS \(.*\) MODSEQ \({modseq(c)}\) UID 7\)", line), line
