# SPDX-License-Identifier: BSD-2-Clause
"""imapd: QRESYNC (RFC 7162) and UIDONLY (RFC 9586)."""

import re
import sqlite3

import pytest

from imap_raw import Imap, message
from test_faults import account_dir


@pytest.fixture
def account(site):
    return site.new_account()


@pytest.fixture
def other(site, account):
    with Imap(site, *account) as connection:
        connection.ok("SELECT INBOX")
        yield connection


@pytest.fixture
def c(site, account):
    with Imap(site, *account) as connection:
        for i in range(10):
            connection.append("INBOX", message(i))
        yield connection


def state(lines):
    text = "\n".join(lines)
    return (int(re.search(r"\[UIDVALIDITY (\d+)\]", text)[1]), int(re.search(r"\[HIGHESTMODSEQ (\d+)\]", text)[1]))


def flags(lines):
    """UIDs of FETCH responses, in order."""
    return [int(m[1]) for m in (re.match(r"\* \d+ FETCH \(UID (\d+) MODSEQ \(\d+\) FLAGS ", line) for line in lines) if m]


def vanished(lines):
    return [line for line in lines if line.startswith("* VANISHED")]


def test_resync(c, other):
    validity, modseq = state(c.ok("SELECT INBOX"))
    c.ok("UNSELECT")
    c.bad(f"SELECT INBOX (QRESYNC ({validity} {modseq}))")
    assert c.ok("ENABLE QRESYNC") == ["* ENABLED QRESYNC"]
    lines = c.ok(f"SELECT INBOX (QRESYNC ({validity} {modseq}))")
    assert not vanished(lines) and not flags(lines)
    other.ok("UID STORE 2:3,7 +FLAGS (\\Deleted)")
    other.ok("EXPUNGE")
    other.ok("UID STORE 5,9 +FLAGS (\\Flagged)")
    assert vanished(c.ok("NOOP")) == ["* VANISHED 2:3,7"]
    lines = c.ok(f"SELECT INBOX (QRESYNC ({validity} {modseq}))")
    assert lines[0].startswith("* OK [CLOSED]")
    assert vanished(lines) == ["* VANISHED (EARLIER) 2:3,7"]
    assert flags(lines) == [5, 9]
    lines = c.ok(f"SELECT INBOX (QRESYNC ({validity} {modseq} 1:5))")
    assert vanished(lines) == ["* VANISHED (EARLIER) 2:3"]
    assert flags(lines) == [5]
    # Messages 1 to 3 have UIDs 1, 4 and 5 now; the client says so of the third.
    lines = c.ok(f"SELECT INBOX (QRESYNC ({validity} {modseq} 1:10 (3 5)))")
    assert vanished(lines) == ["* VANISHED (EARLIER) 7"]
    # Another mailbox under the same name: everything anew.
    lines = c.ok(f"SELECT INBOX (QRESYNC ({validity + 1} {modseq}))")
    assert not vanished(lines) and not flags(lines)
    c.bad(f"SELECT INBOX (QRESYNC ({validity}))")


def test_uid_fetch_vanished(c, other):
    _, modseq = state(c.ok("SELECT INBOX"))
    c.bad(f"UID FETCH 1:* FLAGS (CHANGEDSINCE {modseq} VANISHED)")
    c.ok("ENABLE QRESYNC")
    other.ok("UID STORE 2,4,6 +FLAGS.SILENT (\\Deleted)")
    other.ok("EXPUNGE")
    other.ok("UID STORE 9 +FLAGS.SILENT (\\Seen)")
    assert vanished(c.ok("NOOP")) == ["* VANISHED 2,4,6"]
    lines = c.ok(f"UID FETCH 1:5 FLAGS (CHANGEDSINCE {modseq} VANISHED)")
    assert lines[0] == "* VANISHED (EARLIER) 2,4"
    lines = c.ok(f"UID FETCH 1:* FLAGS (CHANGEDSINCE {modseq} VANISHED)")
    assert lines[0] == "* VANISHED (EARLIER) 2,4,6"
    assert [line for line in lines if "UID 9" in line]
    c.bad(f"FETCH 1:* FLAGS (CHANGEDSINCE {modseq} VANISHED)")
    c.bad("UID FETCH 1:* FLAGS (VANISHED)")


def test_expunge_tells_the_modseq(c):
    c.ok("ENABLE QRESYNC")
    c.ok("SELECT INBOX")
    c.ok("STORE 1:2 +FLAGS (\\Deleted)")
    lines, tagged = c.command("EXPUNGE")
    assert vanished(lines) == ["* VANISHED 1:2"] and not any("EXPUNGE" in line for line in lines)
    modseq = int(re.match(r"OK \[HIGHESTMODSEQ (\d+)\]", tagged)[1])
    assert state(c.ok("SELECT INBOX"))[1] == modseq
    assert "HIGHESTMODSEQ" not in c.command("EXPUNGE")[1]
    lines, tagged = c.command("MOVE 1 Trash")
    assert "COPYUID" in lines[0] and vanished(lines) == ["* VANISHED 3"]
    assert "HIGHESTMODSEQ" in tagged
    c.ok("STORE 1 +FLAGS (\\Deleted)")
    lines, tagged = c.command("UID EXPUNGE 4")
    assert vanished(lines) == ["* VANISHED 4"] and "HIGHESTMODSEQ" in tagged


def test_changes_cost_what_changed(c):
    """CHANGEDSINCE with gaps, ranges and new messages the session does not know."""
    _, modseq = state(c.ok("SELECT INBOX"))
    c.ok("STORE 2,5:6,10 +FLAGS (\\Answered)")

    def fetched(command):
        return [int(re.match(r"\* (\d+) FETCH", line)[1]) for line in c.ok(command) if "FETCH" in line]

    assert fetched(f"FETCH 1:* FLAGS (CHANGEDSINCE {modseq})") == [2, 5, 6, 10]
    assert fetched(f"FETCH 3:5,9:10 FLAGS (CHANGEDSINCE {modseq})") == [5, 10]
    assert fetched(f"FETCH 1,3:4,7:9 FLAGS (CHANGEDSINCE {modseq})") == []
    _, modseq = state(c.ok("SELECT INBOX"))
    assert fetched(f"FETCH 1:* FLAGS (CHANGEDSINCE {modseq})") == []


def test_uidonly(c, other):
    c.ok("SELECT INBOX")
    assert c.ok("ENABLE UIDONLY") == ["* ENABLED UIDONLY"]
    for command in ("FETCH 1 FLAGS", "STORE 1 +FLAGS (\\Seen)", "COPY 1 Trash", "MOVE 1 Trash", "SEARCH ALL",
                    "UID SEARCH 1:5"):
        assert c.bad(command).startswith("BAD [UIDREQUIRED]"), command
    assert c.ok("UID FETCH 3 (FLAGS UID RFC822.SIZE)")[0].startswith("* 3 UIDFETCH (")
    assert c.ok("UID STORE 4 +FLAGS (\\Seen)")[0].startswith("* 4 UIDFETCH (FLAGS (")
    other.ok("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
    other.ok("EXPUNGE")
    other.ok("UID STORE 5 +FLAGS.SILENT (\\Flagged)")
    lines = c.ok("NOOP")
    assert lines[0] == "* VANISHED 1" and lines[1].startswith("* 5 UIDFETCH (FLAGS (\\Flagged")
    assert c.ok("UID SEARCH UID 2:4")[0] == "* SEARCH 2 3 4"
    c.ok("UID MOVE 2 Trash")


def test_vanished_to_the_end(c, other):
    """"*" is not the last message that is left."""
    c.ok("ENABLE QRESYNC")
    validity, modseq = state(c.ok("SELECT INBOX"))
    c.ok("UNSELECT")
    for gone, said in (("9:10", "9:10"), ("1:10", "1:10")):
        other.ok(f"UID STORE {gone} +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        c.ok("SELECT INBOX")
        for asked in ("1:*", "*:1"):
            lines = c.ok(f"UID FETCH {asked} (FLAGS) (CHANGEDSINCE {modseq} VANISHED)")
            assert lines == [f"* VANISHED (EARLIER) {said}"]


def test_no_numbers_in_select(c):
    """UIDONLY leaves nothing in SELECT that is about message numbers."""
    c.ok("ENABLE QRESYNC UIDONLY")
    lines = c.ok("SELECT INBOX")
    assert not any("UNSEEN" in line for line in lines)
    validity, _ = state(lines)
    assert "[UIDREQUIRED]" in c.bad(f"SELECT INBOX (QRESYNC ({validity} 1 1:10 (1,2 1,2)))")
    c.ok(f"SELECT INBOX (QRESYNC ({validity} 1 1:10))")


def test_closed(c):
    """Said by all who know QRESYNC, whether it is enabled or not."""
    c.ok("SELECT INBOX")
    assert c.ok("EXAMINE Drafts")[0].startswith("* OK [CLOSED]")
    c.ok("CLOSE")
    assert not any("CLOSED" in line for line in c.ok("SELECT INBOX"))


def test_sets_that_are_not_allowed(c, other):
    c.ok("ENABLE QRESYNC")
    validity, modseq = state(c.ok("SELECT INBOX"))
    other.ok("UID STORE 10 +FLAGS (\\Deleted)")
    other.ok("EXPUNGE")
    for known in ("0:3", "1:2:3", "1,", "1:7 (0 1)", "1:7 (1 1:)"):
        c.bad(f"SELECT INBOX (QRESYNC ({validity} {modseq} {known}))")
    # Better too much than nothing.
    lines = c.ok(f"SELECT INBOX (QRESYNC ({validity} {modseq} 1:*))")
    assert vanished(lines) == ["* VANISHED (EARLIER) 10"]


def expunge(other, uids):
    other.ok(f"UID STORE {uids} +FLAGS.SILENT (\\Deleted)")
    other.ok(f"UID EXPUNGE {uids}")


def highest(lines, tagged):
    return [int(n) for n in re.findall(r"\[HIGHESTMODSEQ (\d+)\]", "\n".join(lines + [tagged]))]


def test_vanished_earlier_is_not_in_the_view(site, account, c, other):
    """What is still a message here vanishes now, not earlier."""
    c.ok("ENABLE QRESYNC")
    _, modseq = state(c.ok("SELECT INBOX"))
    expunge(other, 3)
    assert not vanished(c.ok("FETCH 1 (FLAGS)"))
    assert vanished(c.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq} VANISHED)")) == ["* VANISHED 3"]
    expunge(other, 4)
    assert vanished(c.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq} VANISHED)")) == [
        "* VANISHED (EARLIER) 3", "* VANISHED 4"]
    # The same without a record of what vanished so early.
    with sqlite3.connect(account_dir(site, account[0]) / "account.db") as db:
        db.execute("UPDATE state SET change_floor = ?", (modseq + 1,))
    db.close()
    expunge(other, 6)
    assert vanished(c.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq} VANISHED)")) == [
        "* VANISHED (EARLIER) 3:4", "* VANISHED 6"]


NUMBERS = ["FETCH 5 (FLAGS)", "FETCH 5 (MODSEQ)", "FETCH 5 BODY[TEXT]", "STORE 5 +FLAGS (\\Answered)",
           "STORE 5 +FLAGS.SILENT (\\Answered)", "STORE 5 (UNCHANGEDSINCE 1) +FLAGS (\\Answered)",
           "STORE 3 +FLAGS (k1)", "STORE 5 +FLAGS (\\Recent)", "SEARCH MODSEQ 1", "SEARCH RETURN (ALL) MODSEQ 1",
           "SORT (ARRIVAL) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL"]


@pytest.mark.parametrize("command", NUMBERS)
def test_highest_modseq_is_below_what_is_not_told(c, other, command):
    """With a later MODSEQ alone a client that lost its connection would never hear of UID 3."""
    c.ok("ENABLE QRESYNC")
    validity, before = state(c.ok("SELECT INBOX"))
    expunge(other, 3)
    other.ok("UID STORE 5 +FLAGS (\\Flagged)")
    for _ in range(2):
        lines, tagged = c.command(command)
        assert not vanished(lines)
        said = highest(lines, tagged)
        assert len(said) == 1 and said[0] >= before
        # The last word.
        assert not highest(lines, "") or highest(lines[-1:], "")
    lines, tagged = c.command("NOOP")
    assert vanished(lines) == ["* VANISHED 3"] and not highest(lines, tagged)
    lines, tagged = c.command("FETCH 4 (FLAGS)")
    assert not highest(lines, tagged)
    assert vanished(c.ok(f"SELECT INBOX (QRESYNC ({validity} {said[0]}))")) == ["* VANISHED (EARLIER) 3"]


def test_enabled_while_something_is_not_told(c, other):
    validity, before = state(c.ok("SELECT INBOX"))
    expunge(other, 3)
    lines, tagged = c.command("FETCH 5 (FLAGS)")
    assert not highest(lines, tagged)
    [said] = highest(c.ok("ENABLE QRESYNC"), "")
    assert vanished(c.ok(f"SELECT INBOX (QRESYNC ({validity} {said}))")) == ["* VANISHED (EARLIER) 3"]


def test_highest_modseq_with_delayed_notifications(c, other):
    c.ok("ENABLE QRESYNC")
    validity, before = state(c.ok("SELECT INBOX"))
    c.ok("NOTIFY SET (selected-delayed (MessageNew (UID) MessageExpunge FlagChange))")
    expunge(other, 3)
    other.append("INBOX", message(11))
    seen = []
    while not any("FETCH (UID 11 " in line for line in seen) or not highest(seen[-1:], ""):
        seen.append(c.line())
    assert not vanished(seen)
    [said] = highest(seen[-1:], "")
    assert vanished(c.ok(f"SELECT INBOX (QRESYNC ({validity} {said}))")) == ["* VANISHED (EARLIER) 3"]
