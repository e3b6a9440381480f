# SPDX-License-Identifier: BSD-2-Clause
"""imapd: mailboxes, LIST and its kin, STATUS."""

import pytest

from imap_raw import Imap, message


@pytest.fixture
def c(site):
    with Imap(site, *site.new_account()) as connection:
        yield connection


def names(lines):
    return [line.split(' "/" ')[1] for line in lines]


def test_special_use(c):
    lines = c.ok('LIST "" "*"')
    for name, use in (("Drafts", "\\Drafts"), ("Sent", "\\Sent"), ("Junk", "\\Junk"), ("Trash", "\\Trash"),
                      ("Archive", "\\Archive")):
        assert f'* LIST (\\HasNoChildren {use}) "/" {name}' in lines
    assert names(c.ok('LIST "" "*"'))[0] == "INBOX"
    assert names(c.ok('LIST (SPECIAL-USE) "" "*"')) == ["Archive", "Drafts", "Junk", "Sent", "Trash"]
    assert "(\\Sent)" in c.ok('LIST "" Sent RETURN (SPECIAL-USE)')[0]
    c.no("CREATE Mine (USE (\\Junk))", "USEATTR")
    c.ok("CREATE Mine (USE (\\Important))")
    assert "\\Important" in c.ok('LIST "" Mine')[0]


def test_recursive_special_use(c):
    """RECURSIVEMATCH with each of the options that select by themselves (RFC 5258, section 3.5)."""
    c.ok("CREATE a/b/Mine (USE (\\Important))")
    others = ["Archive", "Drafts", "Junk", "Sent", "Trash"]
    lines = c.ok('LIST (SPECIAL-USE RECURSIVEMATCH) "" %')
    assert [line.split(' "/" ')[1] for line in lines] == others + ['a ("CHILDINFO" ("SPECIAL-USE"))']
    lines = c.ok('LIST (SPECIAL-USE RECURSIVEMATCH) "" *')
    assert names(lines) == others + ["a/b/Mine"]
    # Both must be true of the same mailbox.
    c.ok("SUBSCRIBE a/b")
    assert names(c.ok('LIST (SUBSCRIBED SPECIAL-USE RECURSIVEMATCH) "" %')) == others
    assert c.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" a') == ['* LIST () "/" a ("CHILDINFO" ("SUBSCRIBED"))']
    c.ok("SUBSCRIBE a/b/Mine")
    assert c.ok('LIST (SUBSCRIBED SPECIAL-USE RECURSIVEMATCH) "" a/%') == [
        '* LIST (\\Subscribed) "/" a/b ("CHILDINFO" ("SUBSCRIBED" "SPECIAL-USE"))']
    c.bad('LIST (RECURSIVEMATCH REMOTE) "" *')


def test_list_root_and_children(c):
    assert c.ok('LIST "" ""') == ['* LIST (\\Noselect) "/" ""']
    c.ok("CREATE a/b/c/")
    assert c.ok('LIST "" a') == ['* LIST (\\HasChildren) "/" a']
    assert names(c.ok('LIST "a/" %')) == ["a/b"]
    assert names(c.ok('LIST "" a/%/%')) == ["a/b/c"]
    assert names(c.ok('LIST "" a*')) == ["a", "a/b", "a/b/c"]
    assert names(c.ok('LIST "" (a/% inbox)')) == ["INBOX", "a/b"]
    c.bad('LIST (RECURSIVEMATCH) "" *')
    c.bad('LIST "" * RETURN (NONSENSE)')


def test_subscriptions(c):
    for name in ("x/y", "z"):
        c.ok(f"CREATE {name}")
        c.ok(f"SUBSCRIBE {name}")
    assert '* LSUB (\\Noselect) "/" x' in c.ok('LSUB "" %')
    assert '* LSUB () "/" x/y' in c.ok('LSUB "" *')
    c.ok("DELETE z")
    assert '* LIST (\\Subscribed \\NonExistent) "/" z' in c.ok('LIST (SUBSCRIBED) "" z')
    c.ok("UNSUBSCRIBE z")
    assert c.ok('LIST (SUBSCRIBED) "" z') == []
    assert c.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" x') == \
        ['* LIST () "/" x ("CHILDINFO" ("SUBSCRIBED"))']


def test_names(c):
    c.ok("CREATE Entw&APw-rfe")
    c.ok("CREATE \"A&-B\"")
    assert names(c.ok('LIST "" Entw*')) == ["Entw&APw-rfe"]
    assert names(c.ok('LIST "" A&-B')) == ["A&-B"]
    c.no("CREATE bad&name", "CANNOT")
    c.no("CREATE a&AGE-", "CANNOT")  # "a" in disguise
    c.no("CREATE INBOX", "ALREADYEXISTS")
    c.no("CREATE //", "CANNOT")
    c.no("SELECT missing", "NONEXISTENT")
    c.no("CREATE \"" + "x" * 300 + "\"", "CANNOT")


def test_delete_and_rename(c):
    c.ok("CREATE p/q")
    c.append("p/q", message())
    c.ok("RENAME p r")
    assert names(c.ok('LIST "" r*')) == ["r", "r/q"]
    c.no("RENAME r Sent", "ALREADYEXISTS")
    c.ok("DELETE r")
    assert "\\Noselect" in c.ok('LIST "" r')[0]
    c.no("DELETE r", "HASCHILDREN")
    c.no("DELETE INBOX")
    c.append("INBOX", message())
    c.ok("RENAME INBOX old")
    assert c.ok("STATUS old (MESSAGES)") == ["* STATUS old (MESSAGES 1)"]
    assert c.ok("STATUS INBOX (MESSAGES)") == ["* STATUS INBOX (MESSAGES 0)"]


def test_status(c):
    c.append("INBOX", message(1), "(\\Seen)")
    c.append("INBOX", message(2))
    size = len(message(1)) + len(message(2))
    line, = c.ok("STATUS INBOX (MESSAGES RECENT UIDNEXT UNSEEN SIZE)")
    assert line == f"* STATUS INBOX (MESSAGES 2 RECENT 2 UIDNEXT 3 UNSEEN 1 SIZE {size})"
    line, = c.ok('LIST "" INBOX RETURN (STATUS (MESSAGES))')[1:]
    assert line == "* STATUS INBOX (MESSAGES 2)"
    c.no("STATUS missing (MESSAGES)", "NONEXISTENT")
    c.bad("STATUS INBOX (NONSENSE)")
    c.bad("STATUS INBOX ()")


def test_select_deleted_by_another(site, c):
    user, password = site.new_account()
    with Imap(site, user, password) as a, Imap(site, user, password) as b:
        a.ok("CREATE gone")
        b.ok("SELECT gone")
        a.ok("DELETE gone")
        b.send("x NOOP\r\n")
        assert b.line().startswith("* BYE")
