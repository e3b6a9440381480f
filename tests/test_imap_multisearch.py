# SPDX-License-Identifier: BSD-2-Clause
"""ESEARCH of many mailboxes (RFC 7377)."""

import re

import pytest

from imap_raw import Imap, message


@pytest.fixture
def c(site):
    user, password = site.new_account()
    with Imap(site, user, password) as c:
        c.user, c.password = user, password
        for name in ("a", "a/b", "a/b/c", "empty"):
            c.ok(f"CREATE {name}")
        for name in ("INBOX", "INBOX", "a", "a/b", "a/b/c"):
            c.append(name, message(1, Subject="apple"), "(\\Flagged $mine)")
        c.append("a", message(2))
        c.ok("SUBSCRIBE a/b")
        yield c


def found(c, command):
    """By mailbox, what is returned."""
    out = {}
    for line in c.ok(command):
        m = re.fullmatch(rf'\* ESEARCH \(TAG "t{c.tag}" MAILBOX (\S+) UIDVALIDITY \d+\) UID (.*)', line)
        assert m, line
        assert m[1] not in out
        out[m[1]] = m[2]
    return out


def test_filters(c):
    everything = {"INBOX": "ALL 1:2", "a": "ALL 1", "a/b": "ALL 1", "a/b/c": "ALL 1"}
    pick = lambda *names: {n: everything[n] for n in names}
    for source, names in (
            ("personal", everything), ("inboxes", ["INBOX"]), ("subscribed", ["INBOX", "a/b"]),
            ("subtree a", ["a", "a/b", "a/b/c"]), ("subtree-one a", ["a", "a/b"]), ("subtree (a/b inbox)", ["a/b", "a/b/c", "INBOX"]),
            ("mailboxes (a INBOX none)", ["a", "INBOX"]), ("mailboxes a mailboxes a subtree a/b/c", ["a", "a/b/c"]),
            ("mailboxes none", []), ("selected", [])):
        assert found(c, f"ESEARCH IN ({source}) SUBJECT apple") == pick(*names), source


def test_keys_and_options(c):
    assert found(c, "ESEARCH IN (personal) RETURN (COUNT MIN) KEYWORD $mine") == {
        "INBOX": "MIN 1 COUNT 2", "a": "MIN 1 COUNT 1", "a/b": "MIN 1 COUNT 1", "a/b/c": "MIN 1 COUNT 1"}
    assert found(c, "ESEARCH IN (personal) UID 2:*") == {"INBOX": "ALL 2", "a": "ALL 2", "a/b": "ALL 1", "a/b/c": "ALL 1"}
    assert found(c, "ESEARCH IN (personal) RETURN (PARTIAL -1:-1) TEXT hello FLAGGED") == {
        "INBOX": "PARTIAL (-1:-1 2)", "a": "PARTIAL (-1:-1 1)", "a/b": "PARTIAL (-1:-1 1)", "a/b/c": "PARTIAL (-1:-1 1)"}
    assert found(c, "ESEARCH IN (mailboxes a) RETURN () CHARSET UTF-8 NOT SUBJECT apple") == {"a": "ALL 2"}
    c.bad("ESEARCH ALL")
    c.bad("ESEARCH IN (personal) 1:2")
    c.bad("ESEARCH IN (personal) RETURN (SAVE) ALL")
    c.bad("ESEARCH IN (personal) $")
    c.bad("ESEARCH IN (selected-delayed) ALL")
    c.bad("ESEARCH IN () ALL")
    c.bad("ESEARCH IN (nonsense) ALL")
    assert "BADCHARSET" in c.no("ESEARCH IN (personal) CHARSET x-none ALL")


def test_selected(c):
    c.ok("SELECT a")
    assert found(c, "ESEARCH 2") == {"a": "ALL 2"}
    assert found(c, "ESEARCH IN (selected) SUBJECT apple") == {"a": "ALL 1"}
    assert found(c, "ESEARCH IN (selected mailboxes INBOX) ALL") == {"a": "ALL 1:2", "INBOX": "ALL 1:2"}
    assert c.ok("ESEARCH IN (selected) RETURN (SAVE) SUBJECT apple") == []
    assert c.ok("SEARCH $") == ["* SEARCH 1"]


def test_of_others(site, c):
    """Of a shared mailbox what may be read is searched."""
    other, password = site.new_account()
    c.ok(f"SETACL a {other} l")
    c.ok(f"SETACL a/b {other} lr")
    with Imap(site, other, password) as d:
        lines = d.ok(f'ESEARCH IN (subtree "Other Users/{c.user}") SUBJECT apple')
        assert len(lines) == 1
        assert f'MAILBOX "Other Users/{c.user}/a/b" UIDVALIDITY' in lines[0]
        assert d.ok("ESEARCH IN (personal) SUBJECT apple") == []
