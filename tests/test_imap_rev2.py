# SPDX-License-Identifier: BSD-2-Clause
"""imapd: IMAP4rev2 (RFC 9051) once a client has enabled it, and rev1's forms until then."""

import pytest

from imap_raw import Imap, message


@pytest.fixture
def account(site):
    return site.new_account()


@pytest.fixture
def c(site, account):
    with Imap(site, *account) as connection:
        yield connection


def rev2(c):
    assert c.ok("ENABLE IMAP4rev2") == ["* ENABLED IMAP4rev2"]


def test_select(c):
    c.append("INBOX", message(1))
    lines = c.ok("SELECT inbox")
    assert "* 1 RECENT" in lines
    assert any("[UNSEEN 1]" in line for line in lines)
    assert not any(line.startswith("* LIST") for line in lines)
    rev2(c)
    lines = c.ok("SELECT inbox")
    assert lines[0].startswith("* OK [CLOSED]")
    assert "* 1 EXISTS" in lines
    assert '* LIST () "/" INBOX ("OLDNAME" (inbox))' in lines
    assert not any("RECENT" in line or "[UNSEEN" in line for line in lines)
    assert '* LIST () "/" INBOX' in c.ok("SELECT INBOX")
    c.append("INBOX", message(2))
    lines = c.ok("NOOP")
    assert not any("RECENT" in line for line in lines)
    assert "Recent" not in c.ok("FETCH 1:* FLAGS")[0]


def test_recent_is_left_to_rev1(site, account, c):
    c.append("INBOX", message(1))
    rev2(c)
    c.ok("SELECT INBOX")
    with Imap(site, *account) as old:
        assert "* 1 RECENT" in old.ok("SELECT INBOX")


def test_search_answers_with_esearch(c):
    c.append("INBOX", message(1))
    c.append("INBOX", message(2))
    c.ok("SELECT INBOX")
    assert c.ok("SEARCH ALL") == ["* SEARCH 1 2"]
    rev2(c)
    assert c.ok("SEARCH ALL") == [f'* ESEARCH (TAG "t{c.tag}") ALL 1:2']
    assert c.ok("UID SEARCH ALL") == [f'* ESEARCH (TAG "t{c.tag}") UID ALL 1:2']
    assert c.ok("SEARCH DELETED") == [f'* ESEARCH (TAG "t{c.tag}")']


def test_names_are_utf8(c):
    c.ok('CREATE "Entw&APw-rfe"')
    assert c.ok('LIST "" Entw*') == ['* LIST (\\HasNoChildren) "/" Entw&APw-rfe']
    rev2(c)
    assert c.ok('LIST "" Entw*') == ['* LIST (\\HasNoChildren) "/" "Entwürfe"']
    c.ok('CREATE "Größe & Maß"')
    c.ok('STATUS "Größe & Maß" (MESSAGES)')
    assert c.ok('LIST "" Gr*') == ['* LIST (\\HasNoChildren) "/" "Größe & Maß"']
    c.no(b'CREATE "a\xff"', "CANNOT")


def test_unsolicited_fetch_has_the_uid(site, account, c):
    c.append("INBOX", message(1))
    rev2(c)
    c.ok("SELECT INBOX")
    with Imap(site, *account) as other:
        other.ok("SELECT INBOX")
        other.ok("STORE 1 +FLAGS (\\Flagged)")
    assert c.ok("NOOP") == ["* 1 FETCH (UID 1 FLAGS (\\Flagged))"]
