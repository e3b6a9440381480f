# SPDX-License-Identifier: BSD-2-Clause
"""imapd: UIDBATCHES (RFC 10022), MESSAGELIMIT (RFC 9738), INPROGRESS (RFC 9585)
and LITERAL- (RFC 7888)."""

import pytest

from conftest import Site
from imap_raw import Imap, message


@pytest.fixture(scope="module")
def limited():
    s = Site()
    try:
        with pytest.MonkeyPatch.context() as m:
            m.setenv("MAILSTEAD_IMAPD_MESSAGE_LIMIT", "4")
            m.setenv("MAILSTEAD_IMAPD_LITERAL_MINUS", "yes")
            s.start()
        yield s
    finally:
        s.remove()


def test_message_limit(limited):
    with Imap(limited, *limited.new_account()) as c:
        assert "MESSAGELIMIT=4" in c.ok("CAPABILITY")[0].split()
        for i in range(10):
            c.append("INBOX", message(i))
        c.ok("SELECT INBOX")
        lines, tagged = c.command("FETCH 1:3,5:9 UID")
        assert lines == [f"* {n} FETCH (UID {n})" for n in (6, 7, 8, 9)]
        assert tagged.startswith("OK [MESSAGELIMIT 4 6]")
        assert c.command("UID FETCH 7:10 UID")[1].startswith("OK UID FETCH")
        # PARTIAL chooses from all that the set names.
        lines, tagged = c.command("UID FETCH 1:* UID (PARTIAL 2:4)")
        assert lines == [f"* {n} FETCH (UID {n})" for n in (2, 3, 4)] and tagged.startswith("OK UID FETCH")
        lines, tagged = c.command("UID FETCH 1:* UID (PARTIAL 1:6)")
        assert lines == [f"* {n} FETCH (UID {n})" for n in (3, 4, 5, 6)]
        assert tagged.startswith("OK [MESSAGELIMIT 4 3]")
        # And of those that changed.
        since = int(c.ok("STATUS INBOX (HIGHESTMODSEQ)")[-1].rstrip(")").split()[-1])
        c.ok("UID STORE 2 +FLAGS.SILENT (\\Seen)")
        lines, tagged = c.command(f"UID FETCH 1:* UID (CHANGEDSINCE {since})")
        assert len(lines) == 1 and tagged.startswith("OK UID FETCH")
        lines, tagged = c.command("UID STORE 1:2,9:* +FLAGS.SILENT (\\Deleted)")
        assert tagged.startswith("OK")
        lines, tagged = c.command("UID STORE 1:* +FLAGS (\\Flagged)")
        assert len(lines) == 4 and tagged.startswith("OK [MESSAGELIMIT 4 7]")
        for command in ("COPY 1:5 Trash", "UID MOVE 1:* Trash", "UID EXPUNGE 1:*"):
            assert c.no(command).startswith("NO [MESSAGELIMIT 4]"), command
        c.ok("UID MOVE 7:10 Trash")
        assert len(c.ok("FETCH 1:* UID")) == 4


def test_batches(site):
    with Imap(site, *site.new_account()) as c:
        assert "UIDBATCHES" in c.ok("CAPABILITY")[0]
        c.ok("SELECT INBOX")
        assert c.ok("UIDBATCHES 500") == [f'* UIDBATCHES (TAG "t{c.tag}")']
        c.append("INBOX", message(1))
        c.ok("NOOP")
        while int(c.ok("STATUS INBOX (MESSAGES)")[0].rstrip(")").split()[-1]) < 1100:
            c.ok("COPY 1:* INBOX")
        c.ok("UID STORE 1:3 +FLAGS.SILENT (\\Deleted)")
        c.ok("EXPUNGE")
        uids = [int(line.split()[4].rstrip(")")) for line in c.ok("FETCH 1:* UID")]

        def batches(args):
            line = c.ok(f"UIDBATCHES {args}")[0]
            assert line.startswith(f'* UIDBATCHES (TAG "t{c.tag}")')
            rest = line.split(") ")[1:]
            return [tuple(map(int, r.split(":"))) for r in rest[0].split(",")] if rest else []

        found = batches(500)
        assert [sum(lo <= uid <= hi for uid in uids) for hi, lo in found[:-1]] == [500] * (len(found) - 1)
        assert found[0][0] == uids[-1] and found[-1][1] == 1
        assert all(a[1] == b[0] + 1 for a, b in zip(found, found[1:]))
        assert batches("500 2:3") == found[1:3]
        assert batches("500 50:60") == []
        assert c.no("UIDBATCHES 499").startswith("NO [TOOFEW]")
        assert c.no("UIDBATCHES 500 1:201").startswith("NO [TOOMANY]")
        assert c.bad("UIDBATCHES 500 3:2").startswith("BAD [CLIENTBUG]")
        for nonsense in ("UIDBATCHES", "UIDBATCHES x", "UIDBATCHES 500 1", "UIDBATCHES 0"):
            c.bad(nonsense)


def test_literal_minus(limited):
    with Imap(limited) as c:
        assert "LITERAL-" in c.greeting and "LITERAL+" not in c.greeting
        user, password = limited.new_account()
        c.ok(f"LOGIN {{{len(user)}+}}\r\n{user} {password}")
        caps = c.ok("CAPABILITY")[0].split()
        assert "LITERAL-" in caps and "LITERAL+" not in caps
        # As long as it may be, longer, and longer by a second literal.
        for size, answer in (4096, "OK"), (4097, "BAD [TOOBIG]"), (100000, "BAD [TOOBIG]"):
            text = message(1, body="x" * 5000 + "\r\n")
            text = (text + "y" * size)[-size:]
            c.send(f"a APPEND INBOX {{{size}+}}\r\n{text}\r\n")
            assert c.until("a")[1].startswith(answer), size
            c.send(f"b APPEND INBOX (\\Seen) ~{{{size}+}}\r\n{text}\r\n")
            assert c.until("b")[1].startswith(answer), size
        c.send(f"c APPEND INBOX {{4+}}\r\nabcd {{4097+}}\r\n{'z' * 4097}\r\n")
        assert c.until("c")[1].startswith("BAD [TOOBIG]")
        # Who waits may send more, up to the limit of all.
        c.send("d APPEND INBOX {100000}\r\n")
        assert c.line().startswith("+ ")
        c.send("x" * 100000 + "\r\n")
        assert c.until("d")[1].startswith("OK")
        c.send("e APPEND INBOX {1000000000}\r\n")
        assert c.until("e")[1].startswith("NO [TOOBIG]")
        c.ok("NOOP")
