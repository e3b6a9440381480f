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


def uids(lines):
    return [int(re.search(r"UID (\d+)", line)[1]) for line in lines if "FETCH" in line]


def test_part_of_what_changed(c):
    """PARTIAL with CHANGEDSINCE (RFC 9394, section 4): the last ones of those that changed."""
    c.ok("SELECT INBOX")
    since = modseq(c)
    c.ok("UID STORE 1,3,5 +FLAGS.SILENT (\\Flagged)")
    for part, expected in (("-1:-2", [3, 5]), ("1:2", [1, 3]), ("3:9", [5]), ("4:5", [])):
        assert uids(c.ok(f"UID FETCH 1:* (FLAGS) (PARTIAL {part} CHANGEDSINCE {since})")) == expected
    assert uids(c.ok(f"UID FETCH 2:4 (FLAGS) (CHANGEDSINCE {since} PARTIAL -1:-2)")) == [3]
    assert uids(c.ok(f"UID FETCH 100:200 (FLAGS) (CHANGEDSINCE {since} PARTIAL 1:2)")) == []


def test_enable_is_whole(c):
    c.bad("ENABLE CONDSTORE (")
    c.ok("SELECT INBOX")
    assert "MODSEQ" not in c.ok("STORE 1 +FLAGS (\\Seen)")[0]
    c.bad("ENABLE")
    assert c.ok("ENABLE X-NONE CONDSTORE")[-1] == "* ENABLED CONDSTORE"
