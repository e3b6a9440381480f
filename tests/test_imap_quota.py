# SPDX-License-Identifier: BSD-2-Clause
"""imapd: what an account may use, and uses (RFC 9208)."""

import pytest

from imap_raw import Imap, message
from test_imap_acl import Pair


@pytest.fixture
def account(site):
    return site.new_account()


@pytest.fixture
def c(site, account):
    with Imap(site, *account) as connection:
        yield connection


def limit(site, account, *options):
    site.ctl("account", "set", account[0], *options)


def test_capability(c):
    words = c.ok("CAPABILITY")[0].split()
    assert {"QUOTA", "QUOTASET", "QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE", "QUOTA=RES-MAILBOX"} <= set(words)


def test_get(site, account, c):
    assert c.ok("GETQUOTAROOT INBOX") == ["* QUOTAROOT INBOX"]
    c.no(f"GETQUOTA {account[0]}", "NONEXISTENT")
    limit(site, account, "--quota", "10K", "--messages", "7")
    c.append("INBOX", message(1, "x" * 1500 + "\r\n"))
    quota = f"* QUOTA {account[0]} (STORAGE 2 10 MESSAGE 1 7)"
    assert c.ok("GETQUOTAROOT INBOX") == [f"* QUOTAROOT INBOX {account[0]}", quota]
    assert c.ok(f"GETQUOTA {account[0]}") == [quota]
    limit(site, account, "--quota", "0")
    assert c.ok(f"GETQUOTA {account[0]}") == [f"* QUOTA {account[0]} (MESSAGE 1 7)"]
    c.no("GETQUOTAROOT None", "NONEXISTENT")
    c.no("GETQUOTA nobody@nowhere.example", "NONEXISTENT")


def test_over(site, account, c):
    limit(site, account, "--messages", "1")
    c.append("INBOX", message(1))
    _, tagged = c.command("APPEND INBOX {14+}\r\nSubject: x\r\n\r\n")
    assert tagged.startswith("NO [OVERQUOTA]")
    # A copy is the same message in another place.
    c.ok("SELECT INBOX")
    c.ok("COPY 1 Archive")
    c.ok("MOVE 1 Sent")
    # In the same place it is another one.
    c.ok("SELECT Archive")
    c.no("COPY 1 Archive", "OVERQUOTA")


def test_set(site, account, c):
    c.no(f"SETQUOTA {account[0]} (STORAGE 100)", "NOPERM")
    c.bad(f"SETQUOTA {account[0]} STORAGE 100")
    admin = site.new_account()
    site.ctl("setting", "set", "quota.admins", admin[0])
    try:
        with Imap(site, *admin) as a:
            assert a.ok(f"SETQUOTA {account[0]} (STORAGE 100 MESSAGE 5)") == [
                f"* QUOTA {account[0]} (STORAGE 0 100 MESSAGE 0 5)"]
            assert c.ok(f"GETQUOTA {account[0]}") == [f"* QUOTA {account[0]} (STORAGE 0 100 MESSAGE 0 5)"]
            # What is not named is not limited any more.
            assert a.ok(f"SETQUOTA {account[0]} (STORAGE 50)") == [f"* QUOTA {account[0]} (STORAGE 0 50)"]
            a.no(f"SETQUOTA {account[0]} (NONSENSE 5)", "CANNOT")
            assert a.ok(f"SETQUOTA {account[0]} ()") == []
            assert c.ok("GETQUOTAROOT INBOX") == ["* QUOTAROOT INBOX"]
    finally:
        site.ctl("setting", "unset", "quota.admins")


def test_of_others(site):
    p = Pair(site)
    owner = p.owner_user[0]
    limit(site, p.owner_user, "--messages", "5")
    p.owner.ok("CREATE Work")
    p.friend.no(f"GETQUOTA {owner}", "NONEXISTENT")
    p.grant("Work", "l")
    p.friend.no(f"GETQUOTA {owner}", "NONEXISTENT")
    p.friend.no(f"GETQUOTAROOT {p.name('Work')}", "NOPERM")
    p.grant("Work", "lr")
    assert p.friend.ok(f"GETQUOTAROOT {p.name('Work')}") == [
        f"* QUOTAROOT {p.name('Work')} {owner}", f"* QUOTA {owner} (MESSAGE 0 5)"]
    assert p.friend.ok(f"GETQUOTA {owner}") == [f"* QUOTA {owner} (MESSAGE 0 5)"]
    p.owner.close()
    p.friend.close()


def test_status_of_deleted(c):
    big = message(1, "x" * 1000 + "\r\n")
    for flags in ("(\\Deleted)", "", "(\\Deleted)"):
        c.append("INBOX", big, flags)
    assert c.ok("STATUS INBOX (DELETED DELETED-STORAGE)") == [
        f"* STATUS INBOX (DELETED-STORAGE {2 * len(big)} DELETED 2)"]
    assert c.ok("STATUS Sent (DELETED DELETED-STORAGE)") == ["* STATUS Sent (DELETED-STORAGE 0 DELETED 0)"]


def test_mailboxes(site, account, c):
    have = len(c.ok('LIST "" *'))
    site.ctl("setting", "set", "quota.mailboxes", str(have + 2), "--account", account[0])
    assert c.ok("GETQUOTAROOT INBOX")[1] == f"* QUOTA {account[0]} (MAILBOX {have} {have + 2})"
    c.no("CREATE a/b/c", "OVERQUOTA")
    c.ok("CREATE a/b")
    c.no("CREATE d", "OVERQUOTA")
    c.no("RENAME a/b x/y", "OVERQUOTA")
    c.ok("RENAME a/b x")
    c.ok("DELETE x")
    c.ok("CREATE d")
