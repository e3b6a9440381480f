# SPDX-License-Identifier: BSD-2-Clause
"""imapd: annotations of mailboxes and of the server (RFC 5464)."""

import pytest

from imap_raw import Imap
from test_imap_acl import Pair


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


@pytest.fixture
def pair(site):
    p = Pair(site)
    yield p
    p.owner.close()
    p.friend.close()


def test_set_and_get(c):
    c.ok('SETMETADATA INBOX (/private/comment "mine" /SHARED/Comment {4+}\r\nours)')
    assert c.ok("GETMETADATA INBOX /private/comment") == ['* METADATA INBOX (/private/comment "mine")']
    assert c.ok("GETMETADATA INBOX (/shared/comment /private/none)") == [
        '* METADATA INBOX (/shared/comment "ours" /private/none NIL)']
    # Octets of any kind.
    c.ok(b"SETMETADATA INBOX (/private/bin ~{3+}\r\n\x00a\xff)")
    assert c.ok("GETMETADATA INBOX /private/bin")[0].startswith("* METADATA INBOX (/private/bin ~{3}\r\n\x00a")
    c.ok('SETMETADATA INBOX (/private/bin "")')
    assert c.ok("GETMETADATA INBOX /private/bin") == ['* METADATA INBOX (/private/bin "")']
    c.ok("SETMETADATA INBOX (/private/comment NIL /private/bin NIL)")
    assert c.ok("GETMETADATA INBOX /private/comment") == ["* METADATA INBOX (/private/comment NIL)"]


def test_depth_and_maxsize(c):
    c.ok('SETMETADATA INBOX (/private/f "1" /private/f/a "22" /private/f/a/b "333" /private/fx "4")')
    assert c.ok("GETMETADATA (DEPTH 0) INBOX /private/f") == ['* METADATA INBOX (/private/f "1")']
    assert c.ok("GETMETADATA (DEPTH 1) INBOX (/private/f)") == [
        '* METADATA INBOX (/private/f "1" /private/f/a "22")']
    assert c.ok("GETMETADATA (DEPTH infinity) INBOX (/private/f)") == [
        '* METADATA INBOX (/private/f "1" /private/f/a "22" /private/f/a/b "333")']
    # As the examples have it, not the grammar.
    assert c.ok("GETMETADATA INBOX (DEPTH 1) (/private/f)") == [
        '* METADATA INBOX (/private/f "1" /private/f/a "22")']
    assert c.ok("GETMETADATA INBOX (MAXSIZE 9) /private/fx") == ['* METADATA INBOX (/private/fx "4")']
    c.bad("GETMETADATA INBOX (DEPTH 1)")
    c.bad("GETMETADATA INBOX (DEPTH 2) /private/f")
    untagged, tagged = c.command("GETMETADATA (MAXSIZE 1 DEPTH infinity) INBOX (/private)")
    assert untagged == ['* METADATA INBOX (/private/f "1" /private/fx "4")']
    assert tagged.startswith("OK [METADATA LONGENTRIES 3]")


def test_errors(site, c):
    c.bad('SETMETADATA INBOX (comment "x")')
    c.bad('SETMETADATA INBOX (/other/comment "x")')
    c.bad('SETMETADATA INBOX (/private/a* "x")')
    c.bad('SETMETADATA INBOX (/private/a//b "x")')
    c.bad('SETMETADATA INBOX (/private "x")')
    c.bad("GETMETADATA (DEPTH 2) INBOX /private/a")
    c.no("GETMETADATA None /private/a", "NONEXISTENT")
    c.no('SETMETADATA None (/private/a "x")', "NONEXISTENT")
    c.no(f'SETMETADATA INBOX (/private/a {{33000+}}\r\n{"x" * 33000})', "METADATA MAXSIZE 32768")
    for n in range(0, 100, 50):
        c.ok("SETMETADATA INBOX (" + " ".join(f'/private/n{i} "x"' for i in range(n, n + 50)) + ")")
    c.no('SETMETADATA INBOX (/private/one-more "x")', "METADATA TOOMANY")
    # All or nothing, the use of the mailbox too.
    c.ok("CREATE Posted")
    many = " ".join(f'/private/n{i} "x"' for i in range(63))
    c.ok(f"SETMETADATA Posted ({many})")
    c.no(f'SETMETADATA Posted (/private/specialuse "\\\\Sent" {many.replace("/n", "/m")})', "METADATA TOOMANY")
    assert any("\\Sent" in line for line in c.ok('LIST "" Sent'))
    c.no('SETMETADATA INBOX (/private/new "x" /private/specialuse "\\\\Sent")', "CANNOT")
    assert "NIL" in c.ok("GETMETADATA INBOX /private/one-more")[0]
    c.ok('SETMETADATA INBOX (/private/n1 NIL /private/one-more "x")')


def test_server(site, c):
    assert c.ok('GETMETADATA "" (/shared/comment)') == ['* METADATA "" (/shared/comment NIL)']
    site.ctl("setting", "set", "metadata.comment", "Hello")
    assert c.ok('GETMETADATA "" (/shared/comment)') == ['* METADATA "" (/shared/comment "Hello")']
    site.ctl("setting", "unset", "metadata.comment")
    c.no('SETMETADATA "" (/shared/comment "x")', "NOPERM")
    c.ok('SETMETADATA "" (/private/vendor/x "y")')
    assert c.ok('GETMETADATA "" /private/vendor/x') == ['* METADATA "" (/private/vendor/x "y")']


def test_goes_with_the_mailbox(c):
    c.ok("CREATE Work")
    c.ok('SETMETADATA Work (/private/comment "x")')
    c.ok("RENAME Work Plan")
    assert '"x"' in c.ok("GETMETADATA Plan /private/comment")[0]
    c.ok("DELETE Plan")
    c.ok("CREATE Plan")
    assert "NIL" in c.ok("GETMETADATA Plan /private/comment")[0]


def test_special_use(c):
    """RFC 6154, section 5.4."""
    assert c.ok("GETMETADATA Sent /private/specialuse") == ['* METADATA Sent (/private/specialuse "\\\\Sent")']
    c.ok("CREATE Posted")
    c.ok('SETMETADATA Posted (/private/specialuse "\\\\Sent")')
    assert any("\\Sent" in line for line in c.ok('LIST "" Posted'))
    c.no('SETMETADATA Posted (/private/specialuse "\\\\Nonsense")', "USEATTR")
    c.ok("SETMETADATA Posted (/private/specialuse NIL)")
    assert not any("\\Sent" in line for line in c.ok('LIST "" Posted'))


def test_others(pair):
    pair.owner.ok("CREATE Work")
    work = pair.name("Work")
    pair.owner.ok('SETMETADATA Work (/shared/comment "ours" /private/comment "owner")')
    pair.friend.no(f"GETMETADATA {work} /shared/comment", "NONEXISTENT")
    pair.grant("Work", "lr")
    assert pair.friend.ok(f"GETMETADATA {work} (/shared/comment /private/comment)") == [
        f'* METADATA {work} (/shared/comment "ours" /private/comment NIL)']
    pair.friend.ok(f'SETMETADATA {work} (/private/comment "friend")')
    assert '"owner"' in pair.owner.ok("GETMETADATA Work /private/comment")[0]
    assert '"friend"' in pair.friend.ok(f"GETMETADATA {work} /private/comment")[0]
    pair.friend.no(f'SETMETADATA {work} (/shared/comment "x")', "NOPERM")
    pair.grant("Work", "lrw")
    pair.friend.ok(f'SETMETADATA {work} (/shared/comment "theirs")')
    assert '"theirs"' in pair.owner.ok("GETMETADATA Work /shared/comment")[0]
    pair.grant("Work", "l")
    pair.friend.no(f"GETMETADATA {work} /shared/comment", "NOPERM")


def test_unsolicited(c, other):
    assert c.ok("ENABLE METADATA") == ["* ENABLED METADATA"]
    other.ok('SETMETADATA Sent (/private/comment "x" /shared/comment "y")')
    other.ok('SETMETADATA "" (/private/comment "z")')
    assert sorted(c.ok("NOOP")) == ['* METADATA "" /private/comment',
                                    "* METADATA Sent /shared/comment /private/comment"]
    assert c.ok("NOOP") == []
    # Our own changes are not told, removals are.
    assert c.ok('SETMETADATA INBOX (/private/comment "x")') == []
    other.ok("SETMETADATA Sent (/private/comment NIL)")
    assert c.ok("NOOP") == ["* METADATA Sent /private/comment"]
    c.idle()
    other.ok('SETMETADATA Sent (/private/comment "new")')
    assert c.line() == "* METADATA Sent /private/comment"
    c.done()


def test_notify(c, other):
    c.ok("NOTIFY SET (PERSONAL (MailboxMetadataChange ServerMetadataChange))")
    other.ok('SETMETADATA Sent (/private/comment "x")')
    assert c.line() == "* METADATA Sent /private/comment"
    other.ok('SETMETADATA "" (/private/comment "x")')
    assert c.line() == '* METADATA "" /private/comment'
    c.bad("NOTIFY SET (SELECTED (MailboxMetadataChange))")


def test_notify_across_accounts(pair):
    pair.owner.ok("CREATE Work")
    pair.grant("Work", "lr")
    work = pair.name("Work")
    pair.friend.ok(f"NOTIFY SET (mailboxes {work} (MailboxMetadataChange))")
    pair.owner.ok('SETMETADATA Work (/private/comment "not for others")')
    pair.owner.ok('SETMETADATA Work (/shared/comment "x")')
    assert pair.friend.line() == f"* METADATA {work} /shared/comment"


def test_notify_across_accounts_at_once(pair):
    """What comes before the session's first look, which takes its time with many mailboxes, is told."""
    pair.owner.ok("CREATE Work")
    pair.grant("Work", "lr")
    work = pair.name("Work")
    for i in range(300):
        pair.friend.ok(f"CREATE Box{i}")
    for i in range(10):
        pair.friend.ok(f"NOTIFY SET (mailboxes {work} (MailboxMetadataChange))")
        pair.owner.ok(f'SETMETADATA Work (/shared/comment "{i}")')
        assert pair.friend.line() == f"* METADATA {work} /shared/comment"
        pair.friend.ok("NOTIFY NONE")


def test_list(pair):
    pair.owner.ok("CREATE Work")
    pair.owner.ok('SETMETADATA Work (/shared/color "red")')
    assert pair.owner.ok('LIST "" Work RETURN (METADATA (/shared/color /private/none) MYRIGHTS)') == [
        '* LIST () "/" Work', "* MYRIGHTS Work lrswipkxteacd",
        '* METADATA Work (/shared/color "red" /private/none NIL)']
    pair.grant("Work", "l")
    work = pair.name("Work")
    assert pair.friend.ok('LIST "" "Other*" RETURN (METADATA (/shared/color) MYRIGHTS)') == [
        f'* LIST () "/" {work}', f"* MYRIGHTS {work} l"]
