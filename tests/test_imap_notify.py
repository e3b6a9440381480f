# SPDX-License-Identifier: BSD-2-Clause
"""imapd: NOTIFY (RFC 5465): events that come by themselves."""

import re
import socket

import pytest

from imap_raw import Imap, message


@pytest.fixture
def account(site):
    return site.new_account()


@pytest.fixture
def c(site, account):
    with Imap(site, *account) as connection:
        yield connection


@pytest.fixture
def other(site, account):
    with Imap(site, *account) as connection:
        yield connection


def quiet(c, seconds=0.3):
    c.sock.settimeout(seconds)
    try:
        line = c.file.peek(1) and c.line()
    except (TimeoutError, socket.timeout):
        line = None
        # A buffered reader that timed out cannot be used again.
        c.file = c.sock.makefile("rb")
    c.sock.settimeout(10)
    assert line is None, line


def test_messages_elsewhere(c, other):
    c.ok("NOTIFY SET (PERSONAL (MessageNew MessageExpunge FlagChange))")
    c.ok("SELECT INBOX")
    other.append("Archive", message(1))
    assert re.match(r"\* STATUS Archive \(MESSAGES 1 UIDNEXT 2 UIDVALIDITY \d+ UNSEEN 1 HIGHESTMODSEQ \d+\)", c.line())
    other.ok("SELECT Archive")
    other.ok("STORE 1 +FLAGS (\\Seen)")
    assert "UNSEEN 0" in c.line()
    other.ok("STORE 1 +FLAGS (\\Deleted)")
    assert "MESSAGES 1" in c.line()
    other.ok("EXPUNGE")
    assert "* STATUS Archive (MESSAGES 0 " in c.line()
    # Not asked for: the selected mailbox.
    other.append("INBOX", message(2))
    quiet(c)
    assert "* 1 EXISTS" in c.ok("NOOP")


def test_status_to_begin_with(c):
    c.append("Archive", message(1))
    lines = c.ok("NOTIFY SET STATUS (mailboxes (Archive INBOX) (MessageNew MessageExpunge)) (personal (MailboxName))")
    assert len(lines) == 2
    assert any(line.startswith("* STATUS Archive (MESSAGES 1 UIDNEXT 2 ") for line in lines)
    assert any(line.startswith("* STATUS INBOX (MESSAGES 0 ") for line in lines)


def test_names_and_subscriptions(c, other):
    c.ok("NOTIFY SET (subtree Lists (MailboxName SubscriptionChange))")
    other.ok("CREATE Lists/one")
    assert {c.line(), c.line()} == {'* LIST () "/" Lists', '* LIST () "/" Lists/one'}
    other.ok("RENAME Lists/one Lists/two")
    assert c.line() == '* LIST () "/" Lists/two ("OLDNAME" (Lists/one))'
    other.ok("SUBSCRIBE Lists/two")
    assert c.line() == '* LIST (\\Subscribed) "/" Lists/two'
    other.ok("UNSUBSCRIBE Lists/two")
    assert c.line() == '* LIST () "/" Lists/two'
    other.ok("CREATE Elsewhere")
    other.ok("DELETE Lists/two")
    assert c.line() == '* LIST (\\NonExistent) "/" Lists/two'


def test_selected(c, other):
    c.append("INBOX", message(1))
    c.append("INBOX", message(2))
    c.ok("SELECT INBOX")
    c.ok("NOTIFY SET (selected (MessageNew (uid body.peek[header.fields (subject)]) MessageExpunge FlagChange))")
    other.append("INBOX", message(3))
    assert c.line() == "* 3 EXISTS" and c.line().endswith(" RECENT")
    line = c.line()
    assert line.startswith("* 3 FETCH (UID 3 BODY[HEADER.FIELDS (subject)] {"), line
    other.ok("SELECT INBOX")
    other.ok("STORE 2 +FLAGS (\\Flagged)")
    assert "\\Flagged" in c.line()
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    c.line()
    other.ok("EXPUNGE")
    assert c.line() == "* 1 EXPUNGE"


def test_selected_delayed(c, other):
    for i in range(3):
        c.append("INBOX", message(i))
    c.ok("SELECT INBOX")
    c.ok("NOTIFY SET (selected-delayed (MessageNew MessageExpunge FlagChange))")
    other.ok("SELECT INBOX")
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    c.line()
    other.ok("EXPUNGE")
    quiet(c)
    # New mail and flags are told all the same, by the old numbers.
    other.ok("STORE 2 +FLAGS (\\Flagged)")
    assert c.line().startswith("* 3 FETCH (")
    other.append("INBOX", message(9))
    assert c.line() == "* 4 EXISTS"
    c.line()
    assert "UID 4" in c.ok("FETCH 4 UID")[0]
    assert "* 1 EXPUNGE" in c.ok("NOOP")
    assert "UID 4" in c.ok("FETCH 3 UID")[0]


def test_events_in_idle_and_many_messages(c, other):
    c.ok("SELECT INBOX")
    c.ok("NOTIFY SET (selected (MessageNew (uid body.peek[]) MessageExpunge)) (personal (MessageNew MessageExpunge))")
    c.send("i IDLE\r\n")
    assert c.line() == "+ idling"
    other.append("Archive", message(1))
    assert c.line().startswith("* STATUS Archive (MESSAGES 1 ")
    big = message(2, "x" * 300000)
    for _ in range(5):
        other.append("INBOX", big)
    uids = []
    while len(uids) < 5:
        line = c.line()
        if "FETCH" in line:
            uids.append(int(re.search(r"UID (\d+)", line)[1]))
            assert len(line) > 300000
    assert uids == [1, 2, 3, 4, 5]
    c.send("DONE\r\n")
    untagged, tagged = c.until("i")
    assert tagged.startswith("OK")


def test_half_a_command_survives_an_event(c, other):
    c.ok("NOTIFY SET (personal (MessageNew MessageExpunge))")
    c.send("x NO")
    other.append("Archive", message(1))
    assert c.line().startswith("* STATUS Archive")
    c.send("OP\r\n")
    assert c.until("x")[1].startswith("OK")


def test_none_and_nonsense(c, other):
    c.ok("NOTIFY SET (personal (MessageNew MessageExpunge))")
    c.ok("NOTIFY NONE")
    other.append("Archive", message(1))
    quiet(c)
    c.bad("NOTIFY SET (personal (MessageNew))")
    c.bad("NOTIFY SET (personal (FlagChange))")
    c.bad("NOTIFY SET (selected (MailboxName))")
    c.bad("NOTIFY SET (personal (MessageNew (uid) MessageExpunge))")
    c.bad("NOTIFY SET (nowhere (MailboxName))")
    c.bad("NOTIFY SET (selected NONE) (selected-delayed (MessageNew MessageExpunge))")
    c.bad("NOTIFY SET")
    assert "[BADEVENT (" in c.no("NOTIFY SET (personal (AnnotationChange))")
    c.ok("NOTIFY SET (personal NONE)")


def test_the_first_group_decides(c, other):
    c.ok("NOTIFY SET (mailboxes Archive NONE) (personal (MessageNew MessageExpunge))")
    other.append("Archive", message(1))
    other.append("Sent", message(1))
    assert c.line().startswith("* STATUS Sent")


def test_mailboxes_of_others(site, account, c):
    """What is shared is heard of in the owner's account."""
    with Imap(site, *site.new_account()) as owner:
        owner.ok("CREATE Shared")
        owner.ok(f"SETACL Shared {account[0]} lrs")
        name = next(line for line in c.ok('LIST "" "*"') if "Shared" in line).split(' "/" ')[1]
        c.ok(f"NOTIFY SET (mailboxes {name} (MessageNew MessageExpunge))")
        owner.append("Shared", message(1))
        assert c.line().startswith(f"* STATUS {name} (MESSAGES 1 ")
        c.ok(f"SELECT {name}")
        c.ok("NOTIFY SET (selected (MessageNew (uid) MessageExpunge))")
        owner.append("Shared", message(2))
        assert c.line() == "* 2 EXISTS"


def test_events_need_rights(site, account, c):
    """Counting messages takes the right to read them (RFC 4314, section 4)."""
    with Imap(site, *site.new_account()) as owner:
        owner.ok("CREATE Shared")
        owner.ok(f"SETACL Shared {account[0]} l")
        name = next(line for line in c.ok('LIST "" "*"') if "Shared" in line).split(' "/" ')[1]
        assert c.ok("NOTIFY SET STATUS (subtree \"Other Users\" (MessageNew MessageExpunge MailboxName"
                    " MailboxMetadataChange))") == []
        owner.append("Shared", message(1))
        owner.ok("SETMETADATA Shared (/shared/comment \"x\")")
        quiet(c)
        owner.ok(f"SETACL Shared {account[0]} lr")
        assert c.line().startswith(f"* STATUS {name} (MESSAGES 1 ")
        owner.ok("SETMETADATA Shared (/shared/comment \"y\")")
        assert c.line() == f"* METADATA {name} /shared/comment"


def test_flags_that_nobody_asked_for(c, other):
    c.append("INBOX", message(1))
    c.ok("SELECT INBOX")
    c.ok("NOTIFY SET (selected (MessageNew MessageExpunge))")
    other.ok("SELECT INBOX")
    other.ok("STORE 1 +FLAGS (\\Flagged)")
    quiet(c)
    other.append("INBOX", message(2))
    while "RECENT" not in c.line():
        pass
    other.ok("STORE 1 +FLAGS (\\Answered)")
    quiet(c)
    assert any("\\Answered" in line for line in c.ok("NOOP"))


def test_delayed_until_idle(c, other):
    for n in range(2):
        c.append("INBOX", message(n))
    c.ok("SELECT INBOX")
    c.ok("NOTIFY SET (selected-delayed (MessageNew MessageExpunge FlagChange))")
    other.ok("SELECT INBOX")
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    while "\\Deleted" not in c.line():
        pass
    other.ok("EXPUNGE")
    quiet(c)
    c.idle()
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    other.ok("EXPUNGE")
    told = 0
    while told < 2:
        told += c.line() == "* 1 EXPUNGE"
    c.done()


def test_first_share_of_an_owner(site, account, c):
    """The session does not wait for changes of an account that it knows nothing of."""
    c.ok('NOTIFY SET (subtree "Other Users" (MailboxName MessageNew MessageExpunge))')
    with Imap(site, *site.new_account()) as owner:
        owner.ok("CREATE Shared")
        owner.ok(f"SETACL Shared {account[0]} lr")
        line = c.line()
        assert line.startswith('* LIST () "/" "Other Users/'), line
        owner.append("Shared", message(1))
        assert "(MESSAGES 1 " in c.line()
        owner.ok(f"DELETEACL Shared {account[0]}")
        assert c.line().startswith("* LIST (\\NonExistent) ")
