# SPDX-License-Identifier: BSD-2-Clause
"""imapd: ways to put messages in and to take their parts out: MULTIAPPEND (RFC 3502), CATENATE (4469), BINARY (3516),
UTF8=ACCEPT (6855), REPLACE (8508), APPENDLIMIT (7889), PREVIEW (8970), SAVEDATE (8514)."""

import base64
import re

import pytest

from imap_raw import Imap, message


@pytest.fixture
def c(site):
    with Imap(site, *site.new_account()) as connection:
        yield connection


def lit(data, binary=False):
    data = data if isinstance(data, bytes) else data.encode()
    return b"%s{%d+}\r\n%s" % (b"~" if binary else b"", len(data), data)


def body(c, number, section=""):
    line = c.ok(f"FETCH {number} BODY.PEEK[{section}]")[0]
    return line.split("}\r\n", 1)[1][:-1]


def test_several_at_once(c):
    c.ok("SELECT INBOX")
    one, two, three = (message(n) for n in (1, 2, 3))
    untagged, tagged = c.command(b'APPEND INBOX (\\Seen) %s "02-Nov-2026 10:00:00 +0000" %s (\\Flagged $x) %s' % (
        lit(one), lit(two), lit(three)))
    assert re.match(r"OK \[APPENDUID \d+ 1:3\]", tagged)
    assert "* 3 EXISTS" in untagged
    lines = c.ok("FETCH 1:3 (FLAGS INTERNALDATE)")
    assert "\\Seen" in lines[0] and "02-Nov-2026 10:00:00" in lines[1] and "$x" in "".join(lines)
    assert body(c, 3) == three
    # All or none: an empty one, and one in a mailbox that is not there.
    c.no(b"APPEND INBOX %s {0+}\r\n" % lit(one))
    c.no(b"APPEND Nowhere %s %s" % (lit(one), lit(two)), "TRYCREATE")
    c.bad(b"APPEND INBOX %s x" % lit(one))
    assert "MESSAGES 3" in c.ok("STATUS INBOX (MESSAGES)")[0]


def test_many_at_once_within_the_limit_of_one(c, site):
    big = message(1, "x" * 70 + "\r\n")
    count = 300
    c.ok(b"APPEND INBOX" + b"".join(b" " + lit(big) for _ in range(count)))
    assert f"MESSAGES {count}" in c.ok("STATUS INBOX (MESSAGES)")[0]


def test_catenate(c):
    c.append("Drafts", "From: a@example.test\r\nSubject: =?utf-8?q?x?=\r\nMIME-Version: 1.0\r\n"
             "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst\r\n--b\r\n"
             "Content-Type: text/x; name=n\r\n\r\nsecond part\r\n--b--\r\n")
    c.ok("SELECT Drafts")
    validity = re.search(r"UIDVALIDITY (\d+)", c.ok("STATUS Drafts (UIDVALIDITY)")[0])[1]
    c.ok(b'APPEND INBOX (\\Seen) CATENATE (TEXT %s URL "/Drafts;UIDVALIDITY=%s/;UID=1/;SECTION=2" TEXT %s '
         b'URL ";UID=1/;SECTION=1/;PARTIAL=1.3")' % (lit("Subject: new\r\n\r\n"), validity.encode(), lit("\r\n+\r\n")))
    c.ok("SELECT INBOX")
    assert body(c, 1) == "Subject: new\r\n\r\nsecond part\r\n+\r\nirs"
    for url in ("/Drafts/;UID=7", "/Nowhere/;UID=1", f"/Drafts;UIDVALIDITY={int(validity) + 1}/;UID=1", "nonsense",
                "/Drafts/;UID=1/;SECTION=9", "imap://example.org/Drafts/;UID=1", "/Drafts/;UID=1/;SECTION=%ff"):
        assert f'[BADURL "{url}"]' in c.no(f'APPEND INBOX CATENATE (URL "{url}")'), url
    c.ok('APPEND INBOX CATENATE (URL "imap://localhost/Drafts/;UID=1/;section=HEADER.FIELDS%20(Subject)")')
    c.ok("NOOP")
    assert body(c, 2) == "Subject: =?utf-8?q?x?=\r\n\r\n"
    c.bad("APPEND INBOX CATENATE ()")


def test_binary(c):
    raw = bytes(range(256)) * 4
    c.append("INBOX", "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
             "Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
             + base64.encodebytes(raw).decode().replace("\n", "\r\n") + "--b\r\n"
             "Content-Transfer-Encoding: quoted-printable\r\n\r\n=41=\r\nB\r\n--b\r\n"
             "Content-Transfer-Encoding: x-unknown\r\n\r\nwhat\r\n--b--\r\n")
    c.ok("SELECT INBOX")
    c.send("b1 FETCH 1 (BINARY.SIZE[1] BINARY.SIZE[2] BINARY.PEEK[1])\r\n")
    head = c.file.readline()
    assert head == b"* 1 FETCH (BINARY.SIZE[1] 1024 BINARY.SIZE[2] 2 BINARY[1] ~{1024}\r\n"
    assert c.file.read(1024) == raw
    assert c.until("b1")[1].startswith("OK")
    assert c.ok("FETCH 1 BINARY.PEEK[2]") == ["* 1 FETCH (BINARY[2] {2}\r\nAB)"]
    assert c.ok("FETCH 1 BINARY.PEEK[2]<1.7>") == ["* 1 FETCH (BINARY[2]<1> {1}\r\nB)"]
    assert c.command("FETCH 1 BINARY.PEEK[3]")[1].startswith("NO [UNKNOWN-CTE]")
    c.bad("FETCH 1 BINARY[HEADER]")
    assert "\\Seen" not in c.ok("FETCH 1 FLAGS")[0]
    assert "\\Seen" in c.ok("FETCH 1 BINARY[2]")[0]
    # What comes with NUL is kept so that BODY needs none.
    mail = b"Content-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\na\0b\r\n\0"
    c.ok(b"APPEND INBOX " + lit(mail, binary=True))
    c.ok("NOOP")
    assert base64.b64decode(body(c, 2, "1")) == b"a\0b\r\n\0"
    assert "Content-Transfer-Encoding: base64" in body(c, 2, "HEADER")
    assert c.ok("FETCH 2 BINARY.SIZE[1]") == ["* 2 FETCH (BINARY.SIZE[1] 6)"]


def test_utf8(c):
    mail = "Subject: Grüße\r\nFrom: jörg@exämple.test\r\n\r\nx\r\n"
    c.bad(b"APPEND INBOX UTF8 (%s)" % lit(mail, binary=True))
    assert c.ok("ENABLE UTF8=ACCEPT") == ["* ENABLED UTF8=ACCEPT"]
    c.ok(b"APPEND INBOX UTF8 (%s)" % lit(mail, binary=True))
    c.ok("SELECT INBOX")
    assert body(c, 1) == mail
    c.ok('CREATE "Größe"')
    assert '"Größe"' in c.ok('LIST "" "G*"')[0]


def test_replace(c):
    c.ok("SELECT Drafts")
    for n in range(3):
        c.append("Drafts", message(n))
    c.ok("NOOP")
    untagged, tagged = c.command(b"REPLACE 2 Drafts (\\Draft) " + lit(message(20)))
    assert re.match(r"\* OK \[APPENDUID \d+ 4\]", untagged[0])
    assert "* 2 EXPUNGE" in untagged and tagged.startswith("OK")
    assert body(c, 3) == message(20) and "\\Draft" in c.ok("FETCH 3 FLAGS")[0]
    c.ok(b"UID REPLACE 4 Sent " + lit(message(21)))
    assert [line for line in c.ok("FETCH 1:* UID")] == ["* 1 FETCH (UID 1)", "* 2 FETCH (UID 3)"]
    assert "MESSAGES 1" in c.ok("STATUS Sent (MESSAGES)")[0]
    c.no(b"UID REPLACE 2 Sent " + lit(message(22)), "EXPUNGEISSUED")
    c.bad(b"REPLACE 1:2 Sent " + lit(message(22)))
    c.no(b"REPLACE 1 Nowhere " + lit(message(22)), "TRYCREATE")
    c.ok("EXAMINE Drafts")
    c.no(b"REPLACE 1 Drafts " + lit(message(22)), "READ-ONLY")


def test_small_items(c):
    capabilities = c.ok("CAPABILITY")[0].split()
    limit = int(re.search(r"APPENDLIMIT=(\d+)", " ".join(capabilities))[1])
    assert c.ok("STATUS INBOX (APPENDLIMIT)") == [f"* STATUS INBOX (APPENDLIMIT {limit})"]
    c.append("INBOX", message(1, "<p>not html</p>\r\nA second line.\r\n"))
    c.ok("SELECT INBOX")
    assert c.ok("FETCH 1 PREVIEW") == ['* 1 FETCH (PREVIEW "<p>not html</p> A second line.")']
    assert c.ok("FETCH 1 (PREVIEW (LAZY) UID)") == ['* 1 FETCH (PREVIEW "<p>not html</p> A second line." UID 1)']
    c.bad("FETCH 1 (PREVIEW (FAST))")
    assert re.match(r'\* 1 FETCH \(SAVEDATE "[ \d]\d-\w{3}-\d{4} [\d:]{8} \+0000"\)', c.ok("FETCH 1 SAVEDATE")[0])


def test_what_catenate_says(c):
    """The code of a URL that cannot be read stays in its brackets, and nothing of one that can stays."""
    c.append("INBOX", message(1))
    assert c.command('APPEND INBOX CATENATE (URL "/INBOX/;UID=1")')[1].endswith("APPEND completed")
    assert '[BADURL "/INBOX/;UID=9/;SECTION=%5D%22%C3%BC%20"]' in c.no('APPEND INBOX CATENATE (URL "/INBOX/;UID=9/;SECTION=]\\"\u00fc ")')
