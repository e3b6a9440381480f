# SPDX-License-Identifier: BSD-2-Clause
"""imapd: URLAUTH (RFC 4467) and its BINARY form (RFC 5524)."""

import re

import pytest

from imap_raw import Imap, message


@pytest.fixture
def account(site):
    return site.new_account()


@pytest.fixture
def c(site, account):
    with Imap(site, *account) as connection:
        connection.append("INBOX", message(1, "Hello\r\n"))
        connection.ok("SELECT INBOX")
        yield connection


def generate(c, rump):
    line = c.ok(f'GENURLAUTH "{rump}" INTERNAL')[0]
    return re.match(r'\* GENURLAUTH "?([^"]+)"?$', line)[1]


def fetched(c, url):
    line = c.ok(f'URLFETCH "{url}"')[0]
    assert line.startswith("* URLFETCH ")
    return None if line.endswith(" NIL") else line.split("}\r\n", 1)[1]


def test_who_may_read(site, account, c):
    user, host = account[0].split("@")
    base = f"imap://{user}@{host}/INBOX/;uid=1"
    for_me = generate(c, f"{base};urlauth=user+{account[0]}")
    for_all = generate(c, f"{base};urlauth=authuser")
    to_send = generate(c, f"{base};urlauth=submit+{account[0]}")
    assert re.fullmatch(re.escape(f"{base};urlauth=authuser") + r":internal:01[0-9a-f]{64}", for_all)
    assert fetched(c, for_me) == fetched(c, for_all) == message(1, "Hello\r\n")
    assert fetched(c, to_send) is None
    sender = site.new_account()
    with Imap(site, *sender) as other:
        assert fetched(other, for_all) == message(1, "Hello\r\n")
        assert fetched(other, for_me) is None
        assert fetched(other, to_send) is None
        site.ctl("setting", "set", "imap.urlauth_submit", "yes", "--account", sender[0])
        assert fetched(other, to_send) == message(1, "Hello\r\n")
        # A token holds for nothing else, and no longer than the key.
        assert fetched(other, for_all.replace("uid=1", "uid=2")) is None
        assert fetched(other, for_all[:-1] + ("0" if for_all[-1] != "0" else "1")) is None
        assert fetched(other, f"{base};urlauth=authuser") is None
        c.ok("RESETKEY INBOX INTERNAL")
        assert fetched(other, for_all) is None
    assert c.command("RESETKEY")[1].startswith("OK [URLMECH INTERNAL]")


def test_sections_and_expiry(account, c):
    base = f"imap://{account[0].replace('@', '%40')}@localhost/INBOX/;uid=1"
    assert fetched(c, generate(c, f"{base}/;section=TEXT/;partial=1.3;urlauth=anonymous")) == "ell"
    assert fetched(c, generate(c, f"{base}/;section=HEADER.FIELDS%20(Subject);urlauth=anonymous")) == "Subject: message 1\r\n\r\n"
    assert fetched(c, generate(c, f"{base};expire=2000-01-01T00:00:00Z;urlauth=anonymous")) is None
    assert fetched(c, generate(c, f"{base};expire=2099-01-01T00:00:00Z;urlauth=anonymous")) is not None
    assert fetched(c, generate(c, f"{base}/;section=7;urlauth=anonymous")) is None


def test_binary_and_structure(account, c):
    c.append("INBOX", "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8gd29ybGQ=\r\n")
    url = generate(c, f"imap://{account[0]}/INBOX/;uid=2/;section=1;urlauth=anonymous")
    assert c.ok(f'URLFETCH ("{url}" BODYPARTSTRUCTURE)')[0].endswith(
        '(BODYPARTSTRUCTURE ("text" "plain" ("charset" "us-ascii") NIL NIL "base64" 18 1 NIL NIL NIL NIL))')
    line = c.ok(f'URLFETCH ("{url}" BINARY BODYPARTSTRUCTURE) "nonsense"')
    assert line[0].endswith('(BODYPARTSTRUCTURE ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 11 0 NIL NIL NIL NIL)) '
                            '(BINARY {11}\r\nhello world)')
    assert line[1] == "* URLFETCH nonsense NIL"


def test_nonsense(site, account, c):
    other = site.new_account()[0]
    c.no(f'GENURLAUTH "imap://{other}/INBOX/;uid=1;urlauth=authuser" INTERNAL')
    c.no(f'GENURLAUTH "imap://{account[0]}/Nowhere/;uid=1;urlauth=authuser" INTERNAL', "NONEXISTENT")
    for bad in (f'GENURLAUTH "imap://{account[0]}/INBOX/;uid=1" INTERNAL',
                f'GENURLAUTH "imap://{account[0]}/INBOX/;uid=1;urlauth=nobody" INTERNAL',
                f'GENURLAUTH "imap://{account[0]}/INBOX/;uid=1;urlauth=authuser" X', 'GENURLAUTH "/INBOX/;uid=1" INTERNAL',
                "GENURLAUTH x", "URLFETCH", "RESETKEY INBOX X"):
        c.bad(bad)


def test_nothing_to_do(c):
    c.bad("GENURLAUTH")
    c.bad("URLFETCH")
