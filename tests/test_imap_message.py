# SPDX-License-Identifier: BSD-2-Clause
"""imapd: messages, seen by one session."""

import re

import pytest

from imap_raw import Imap, message


@pytest.fixture
def c(site):
    with Imap(site, *site.new_account()) as connection:
        yield connection


MIXED = ("From: a@example.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\n"
         "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nX-Part: one\r\n\r\none\r\n--x\r\n"
         "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner body\r\n--x--\r\n")


def test_select_answers(c):
    c.append("INBOX", message(1), "(\\Seen $Fwd)")
    c.append("INBOX", message(2))
    untagged, tagged = c.command("SELECT INBOX")
    assert tagged.startswith("OK [READ-WRITE]")
    assert "* 2 EXISTS" in untagged and "* 2 RECENT" in untagged
    for code in (r"UNSEEN 2\]", r"UIDVALIDITY \d+\]", r"UIDNEXT 3\]", r"HIGHESTMODSEQ \d+\]",
                 r"PERMANENTFLAGS \(.*\$Fwd \\\*\)\]"):
        assert any(re.match(r"\* OK \[" + code, line) for line in untagged), code
    untagged, tagged = c.command("EXAMINE INBOX")
    assert tagged.startswith("OK [READ-ONLY]")
    assert "* 0 RECENT" in untagged
    c.no("STORE 1 +FLAGS (\\Deleted)", "READ-ONLY")
    c.no("EXPUNGE", "READ-ONLY")
    c.ok("FETCH 2 BODY[]")
    assert c.ok("FETCH 2 FLAGS") == ["* 2 FETCH (FLAGS ())"]


def test_sections(c):
    c.append("INBOX", MIXED)
    c.ok("SELECT INBOX")
    for section, octets in (
            ("", MIXED), ("TEXT", MIXED.split("\r\n\r\n", 1)[1]), ("HEADER", MIXED.split("\r\n\r\n")[0] + "\r\n\r\n"),
            ("1", "one"), ("1.MIME", "X-Part: one\r\n\r\n"), ("2", "Subject: inner\r\n\r\ninner body"),
            ("2.HEADER", "Subject: inner\r\n\r\n"), ("2.TEXT", "inner body"), ("2.1", "inner body"),
            ("HEADER.FIELDS (FROM nothing)", "From: a@example.test\r\n\r\n")):
        line, = c.ok(f"FETCH 1 BODY.PEEK[{section}]")
        assert line == f"* 1 FETCH (BODY[{section}] {{{len(octets)}}}\r\n{octets})"
    assert c.ok("FETCH 1 BODY.PEEK[7]") == ["* 1 FETCH (BODY[7] NIL)"]
    assert c.ok("FETCH 1 BODY.PEEK[1]<1.5>") == ["* 1 FETCH (BODY[1]<1> {2}\r\nne)"]
    assert c.ok("FETCH 1 BODY.PEEK[1]<9.5>") == ["* 1 FETCH (BODY[1]<9> {0}\r\n)"]
    assert c.ok("FETCH 1 FLAGS") == ["* 1 FETCH (FLAGS (\\Recent))"]
    assert c.ok("FETCH 1 BODY[1]") == ["* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[1] {3}\r\none)"]


def test_structure(c):
    c.append("INBOX", MIXED, '"01-Feb-2020 10:20:30 +0100"')
    c.ok("SELECT INBOX")
    line, = c.ok("FETCH 1 (UID RFC822.SIZE INTERNALDATE ENVELOPE BODY BODYSTRUCTURE)")
    assert f"(UID 1 RFC822.SIZE {len(MIXED)} INTERNALDATE \"01-Feb-2020 09:20:30 +0000\" ENVELOPE (NIL " in line
    assert '"=?utf-8?q?Gr=C3=BC=C3=9Fe?="' in line
    body = line[line.index(" BODY "):line.index(" BODYSTRUCTURE ")]
    assert body.endswith('"mixed")')
    assert '"boundary" "x"' in line[line.index(" BODYSTRUCTURE "):]


def test_large_message_in_pieces(c):
    text = message(body="".join(f"{n:070d}\r\n" for n in range(60000)))
    c.append("INBOX", text)
    c.append("INBOX", message(2))
    c.ok("SELECT INBOX")
    lines = c.ok("FETCH 1:2 (BODY.PEEK[] UID)")
    assert lines[0] == f"* 1 FETCH (UID 1 BODY[] {{{len(text)}}}\r\n{text})"
    assert lines[1].startswith("* 2 FETCH (UID 2 BODY[] {")
    line, = c.ok("FETCH 1 BODY.PEEK[TEXT]<700000.2000000>")
    assert line.endswith(text.split("\r\n\r\n", 1)[1][700000:2700000] + ")")


def test_store(c):
    for n in range(3):
        c.append("INBOX", message(n))
    c.ok("SELECT INBOX")
    assert c.ok("STORE 1:2 FLAGS (\\Seen \\Flagged)") == [
        "* 1 FETCH (FLAGS (\\Flagged \\Seen \\Recent))", "* 2 FETCH (FLAGS (\\Flagged \\Seen \\Recent))"]
    assert c.ok("STORE 1 -FLAGS.SILENT \\Flagged") == []
    untagged = c.ok("UID STORE 3 +FLAGS ($New \\Draft)")
    assert any(line.startswith("* FLAGS") and "$New" in line for line in untagged)
    assert untagged[-1] == "* 3 FETCH (UID 3 FLAGS (\\Draft \\Recent $New))"
    assert c.ok("FETCH 1:* FLAGS") == [
        "* 1 FETCH (FLAGS (\\Seen \\Recent))", "* 2 FETCH (FLAGS (\\Flagged \\Seen \\Recent))",
        "* 3 FETCH (FLAGS (\\Draft \\Recent $New))"]
    c.bad("STORE 1 +FLAGS (\\Nonsense)")
    c.bad("STORE 4 +FLAGS (\\Seen)")
    assert c.ok("UID STORE 99 +FLAGS (\\Seen)") == []


def test_condstore(c):
    for n in range(3):
        c.append("INBOX", message(n))
    c.ok("SELECT INBOX (CONDSTORE)")
    before = int(re.search(r"MODSEQ \((\d+)\)", c.ok("FETCH 3 MODSEQ")[0])[1])
    untagged = c.ok("STORE 1 +FLAGS.SILENT (\\Seen)")
    after = int(re.fullmatch(r"\* 1 FETCH \(UID 1 MODSEQ \((\d+)\)\)", untagged[0])[1])
    assert after > before
    untagged, tagged = c.command(f"STORE 1:2 (UNCHANGEDSINCE {before}) +FLAGS (\\Flagged)")
    assert tagged.startswith("OK [MODIFIED 1]")
    assert [line[:9] for line in untagged] == ["* 2 FETCH"]
    assert c.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {after})")[0].startswith("* 2 FETCH (")
    assert re.fullmatch(r"\* SEARCH 1 2 \(MODSEQ \d+\)", c.ok(f"SEARCH MODSEQ {after}")[0])
    assert "HIGHESTMODSEQ" in c.ok("STATUS INBOX (HIGHESTMODSEQ)")[-1]


def test_copy_move_expunge(c):
    for n in range(4):
        c.append("INBOX", message(n), "(\\Flagged)")
    c.ok("SELECT INBOX")
    assert re.match(r"OK \[COPYUID \d+ 1,3 1:2\]", c.command("COPY 1,3 Archive")[1])
    c.no("COPY 1 missing", "TRYCREATE")
    c.no("UID COPY 1 missing", "TRYCREATE")
    untagged, tagged = c.command("UID MOVE 2:3 Trash")
    assert re.match(r"\* OK \[COPYUID \d+ 2:3 1:2\]", untagged[0])
    assert untagged[1:3] == ["* 3 EXPUNGE", "* 2 EXPUNGE"]
    c.ok("STORE 1:2 +FLAGS.SILENT (\\Deleted)")
    assert c.ok("UID EXPUNGE 4")[0] == "* 2 EXPUNGE"
    assert c.ok("EXPUNGE")[0] == "* 1 EXPUNGE"
    c.ok("EXAMINE Archive")
    assert c.ok("FETCH 1:* (UID FLAGS)") == [
        "* 1 FETCH (UID 1 FLAGS (\\Flagged \\Recent))", "* 2 FETCH (UID 2 FLAGS (\\Flagged \\Recent))"]


def test_close_and_unselect(c):
    for n in range(2):
        c.append("INBOX", message(n), "(\\Deleted)")
    c.ok("SELECT INBOX")
    c.ok("UNSELECT")
    assert c.ok("STATUS INBOX (MESSAGES)") == ["* STATUS INBOX (MESSAGES 2)"]
    c.ok("EXAMINE INBOX")
    c.ok("CLOSE")
    assert c.ok("STATUS INBOX (MESSAGES)") == ["* STATUS INBOX (MESSAGES 2)"]
    c.ok("SELECT INBOX")
    assert c.ok("CLOSE") == []
    assert c.ok("STATUS INBOX (MESSAGES)") == ["* STATUS INBOX (MESSAGES 0)"]


def test_append_errors(c):
    c.send("a APPEND missing {3+}\r\nabc\r\n")
    assert "NO [TRYCREATE]" in c.until("a")[1]
    c.send("b APPEND INBOX (\\Nonsense) {3+}\r\nabc\r\n")
    assert c.until("b")[1].startswith("BAD")
    c.send("c APPEND INBOX \"not a date\" {3+}\r\nabc\r\n")
    assert c.until("c")[1].startswith("BAD")
    c.send("d APPEND INBOX {0+}\r\n\r\n")
    assert c.until("d")[1].startswith("NO")


SEARCHES = (
    ("ALL", "1 2 3 4"), ("2:3", "2 3"), ("NOT 2:3", "1 4"), ("UID 3:*", "3 4"), ("SEEN", "1"), ("UNSEEN", "2 3 4"),
    ("KEYWORD $k", "2"), ("UNKEYWORD $k", "1 3 4"), ("KEYWORD $never", ""), ("OR SEEN KEYWORD $k", "1 2"),
    ("SUBJECT \"message 3\"", "3"), ("FROM alice", "1 2 3"), ("FROM ALICE@Example", "1 2 3"), ("TO bob", "1 2 3"),
    ("HEADER X-Odd \"\"", "4"), ("NOT HEADER X-Odd \"\"", "1 2 3"), ("HEADER X-Odd va", "4"),
    ("BODY hello", "1 2 3"), ("BODY elephant", "4"), ("TEXT elephant", "4"), ("TEXT subject-only", ""),
    ("NOT BODY hello", "4"), ("OR BODY elephant SUBJECT \"message 1\"", "1 4"), ("BODY el FROM alice", "1 2 3"),
    ("SINCE 1-Feb-2020", "2 3 4"), ("BEFORE 1-Feb-2020", "1"), ("ON 31-Jan-2020", "1"), ("SENTON 2-Nov-2026", "1 2 3"),
    ("SENTBEFORE 2-Nov-2026", ""), ("SENTSINCE 1-Nov-2026 1:2", "1 2"), ("LARGER 500", "4"), ("SMALLER 500", "1 2 3"),
    ("RECENT", "1 2 3 4"), ("NEW", "2 3 4"), ("OLD", ""), ("(SEEN) (NOT DELETED)", "1"),
    ("CHARSET UTF-8 BODY {6+}\r\nStra\xdfe", None),
)


def test_search(c):
    c.append("INBOX", message(1), '(\\Seen) "31-Jan-2020 23:00:00 +0000"')
    c.append("INBOX", message(2), "($k)")
    c.append("INBOX", message(3))
    c.append("INBOX", message(4, From="carol@x.test", To="d@x.test", X_Odd="value", Date="bad",
                              body="An elephant. " * 50 + "Stra\u00dfe\r\n", Content_Type="text/plain; charset=utf-8"))
    c.ok("SELECT INBOX")
    for key, numbers in SEARCHES:
        if numbers is not None:
            assert c.ok("SEARCH " + key) == ["* SEARCH" + (" " + numbers if numbers else "")], key
    needle = "STRASSE".encode()  # folded, sharp s is ss
    assert c.ok(b"SEARCH CHARSET UTF-8 BODY {7+}\r\n" + needle) == ["* SEARCH 4"]
    assert c.ok(b"SEARCH CHARSET iso-8859-1 BODY {6+}\r\nstra\xdfe") == ["* SEARCH 4"]
    assert "BADCHARSET" in c.no("SEARCH CHARSET x-none ALL")
    assert re.fullmatch(r'\* ESEARCH \(TAG "t\d+"\) UID MIN 2 MAX 4 ALL 2:4 COUNT 3',
                        c.ok("UID SEARCH RETURN (MIN MAX ALL COUNT) UNSEEN")[0])
    for key in ("NONSENSE", "SINCE 32-Jan-2020", "1:x", "OR SEEN", ""):
        c.bad("SEARCH " + key)
