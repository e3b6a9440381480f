# SPDX-License-Identifier: BSD-2-Clause
"""imapd: OBJECTID (RFC 8474)."""

import re

import pytest

from imap_raw import Imap, message


@pytest.fixture
def c(site):
    with Imap(site, *site.new_account()) as connection:
        yield connection


def fetched(c, item, number=1):
    return re.search(rf"{item} \(([A-Za-z0-9_-]+)\)", c.ok(f"FETCH {number} ({item})")[0])[1]


def test_mailboxid(c):
    created = re.match(r"OK \[MAILBOXID \((F\d+)\)\]", c.command("CREATE one")[1])[1]
    assert c.ok("STATUS one (MAILBOXID MESSAGES)")[0] in (
        f"* STATUS one (MESSAGES 0 MAILBOXID ({created}))", f"* STATUS one (MAILBOXID ({created}) MESSAGES 0)")
    c.ok("RENAME one two")
    assert f"[MAILBOXID ({created})]" in "\n".join(c.ok("SELECT two"))
    c.ok("UNSELECT")
    c.ok("DELETE two")
    assert created not in c.command("CREATE two")[1]


def test_emailid_and_threadid(c):
    first, second = message(1), message(2)
    c.append("INBOX", first)
    c.append("INBOX", second)
    c.append("Archive", first)
    c.ok("SELECT INBOX")
    email, thread = fetched(c, "EMAILID"), fetched(c, "THREADID")
    assert email != fetched(c, "EMAILID", 2)
    assert thread != fetched(c, "THREADID", 2)
    c.ok("COPY 1 Trash")
    c.ok("COPY 1 INBOX")
    assert fetched(c, "EMAILID", 3) == email and fetched(c, "THREADID", 3) == thread
    c.ok("MOVE 1 Junk")
    for mailbox in ("Archive", "Trash", "Junk"):
        c.ok(f"SELECT {mailbox}")
        assert fetched(c, "EMAILID") == email
        assert fetched(c, "THREADID") == thread
    line = c.ok("FETCH 1 (UID EMAILID ENVELOPE THREADID)")[0]
    assert f"EMAILID ({email}) ENVELOPE (" in line and f"THREADID ({thread}))" in line
