# SPDX-License-Identifier: BSD-2-Clause
"""imapd: what well-known mail programs say from login to the end of a first synchronisation, and what they need to hear.

Each step is a command and patterns; each pattern must match one of the untagged responses. Commands of an extension are
sent as the programs do: where the server announces it."""

import base64
import re

import pytest

from imap_raw import Imap

MESSAGE = """From: Carol <carol@example.org>\r
To: Alice <alice@example.test>\r
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r
Date: Mon, 02 Nov 2026 10:00:00 +0100\r
Message-ID: <replay@example.org>\r
References: <one@example.org> <two@example.org>\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=x\r
\r
--x\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: quoted-printable\r
\r
Hello =E2=98=83\r
--x\r
Content-Type: application/pdf; name=a.pdf\r
Content-Disposition: attachment; filename=a.pdf\r
Content-Transfer-Encoding: base64\r
\r
JVBERi0=\r
--x--\r
"""

THUNDERBIRD = [
    ("CAPABILITY", ["IMAP4rev1.* UIDPLUS.*MOVE"]),
    ("AUTHENTICATE PLAIN {plain}", []),
    ("CAPABILITY", ["NAMESPACE", "CONDSTORE"]),
    ('ID ("name" "Thunderbird" "version" "140.5.0")', [r'\* ID \("name" ']),
    ("?NAMESPACE NAMESPACE", [r'\* NAMESPACE \(\("" "/"\)\) ']),
    ("?ENABLE ENABLE CONDSTORE", [r"\* ENABLED CONDSTORE"]),
    ('list (subscribed) "" "*" return (special-use)', []),
    ('list "" "INBOX"', [r'\* LIST \(.*\) "/" "?INBOX']),
    ('list "" "*" return (special-use)', [r"\\Sent", r"\\Trash", r"\\Drafts", r"\\Junk", r"\\Archive"]),
    ('subscribe "INBOX"', []),
    ('select "INBOX" (CONDSTORE)', [r"\* 1 EXISTS", r"\[UIDVALIDITY \d+\]", r"\[UIDNEXT 2\]", r"\[HIGHESTMODSEQ \d+\]",
                                    r"\* FLAGS \(.*\\Seen", r"\[PERMANENTFLAGS \(.*\\\*"]),
    ("?QUOTA getquotaroot \"INBOX\"", [r"\* QUOTAROOT "]),
    ("UID fetch 1:* (FLAGS)", [r"\* 1 FETCH \(.*UID 1\b.*", r"FLAGS \("]),
    ("UID fetch 1 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority "
     "X-Priority References Newsgroups In-Reply-To Content-Type Reply-To Autocrypt)])",
     [r"(?s)\* 1 FETCH \(UID 1 RFC822.SIZE \d+ FLAGS \(.*\) BODY\[HEADER.FIELDS \(From .*\)\] \{\d+\}\r\n.*References:"]),
    ("UID fetch 1 (UID RFC822.SIZE BODY.PEEK[])", [r"(?s)BODY\[\] \{\d+\}\r\nFrom: Carol"]),
    ("uid store 1 +FLAGS (\\Seen)", [r"FLAGS \([^)]*\\Seen"]),
    ("uid store 1 +Flags (NonJunk)", [r"NonJunk"]),
    ("UID SEARCH UNDELETED SUBJECT \"Gr\"", [r"\* SEARCH 1\b"]),
    ("!IDLE", [r"\+ "]),
    ("noop", []),
    ('uid move 1 "Trash"', [r"\* OK \[COPYUID \d+ 1 1\]", r"\* 1 EXPUNGE"]),
    ('STATUS "Trash" (UIDNEXT MESSAGES UNSEEN RECENT)', [r'\* STATUS "?Trash"? \(UIDNEXT 2 MESSAGES 1 UNSEEN 0 |MESSAGES 1']),
    ("close", []),
    ("logout", [r"\* BYE "]),
]

APPLE_MAIL = [
    ("CAPABILITY", ["IMAP4rev1"]),
    ("AUTHENTICATE PLAIN {plain}", []),
    ("CAPABILITY", []),
    ('ID ("name" "Mac OS X Mail" "version" "16.0 (3826.200.121)" "os" "Mac OS X" "os-version" "15.2 (24C101)" "vendor" '
     '"Apple Inc.")', [r"\* ID \("]),
    ("NAMESPACE", [r"\* NAMESPACE \(\("]),
    ('LIST "" ""', [r'\* LIST \(\\Noselect\) "/" ""']),
    ('LIST "" "*" RETURN (SPECIAL-USE)', [r'\* LIST \(.*\\Sent\) "/" ', r'\* LIST \(.*\) "/" "?INBOX']),
    ('LIST "" "*"', [r'\* LIST \(\\HasNoChildren.*\) "/" ']),
    ('LSUB "" "*"', []),
    ("?ENABLE ENABLE CONDSTORE", [r"\* ENABLED CONDSTORE"]),
    ('STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)',
     [r"\* STATUS INBOX \(MESSAGES 1 UIDNEXT 2 UIDVALIDITY \d+ UNSEEN 1 HIGHESTMODSEQ \d+\)"]),
    ("SELECT INBOX", [r"\* 1 EXISTS", r"\[UIDVALIDITY", r"\[UNSEEN 1\]", r"\[HIGHESTMODSEQ"]),
    ("FETCH 1:1 (FLAGS UID MODSEQ)", [r"\* 1 FETCH \(FLAGS \(.*\) UID 1 MODSEQ \(\d+\)\)"]),
    ("UID FETCH 1 (INTERNALDATE UID RFC822.SIZE FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (date subject from to cc message-id "
     "in-reply-to references x-priority x-uniform-type-identifier x-universally-unique-identifier list-id "
     "list-unsubscribe bimi-indicator content-type)])",
     [r'(?s)INTERNALDATE "[ \d]\d-\w{3}-\d{4} [\d:]{8} \+0000" UID 1 RFC822.SIZE \d+ FLAGS \(.*\) MODSEQ \(\d+\) BODY\[HEADER']),
    ("UID FETCH 1 (BODYSTRUCTURE BODY.PEEK[HEADER])", [r'(?s)BODYSTRUCTURE \(\("text" "plain" .*BODY\[HEADER\] \{']),
    ("UID FETCH 1 (BODY.PEEK[1.MIME] BODY.PEEK[1] BODY.PEEK[2.MIME])", [r"(?s)BODY\[1.MIME\] \{.*BODY\[1\] \{.*BODY\[2.MIME\] \{"]),
    ("UID FETCH 1 BODY.PEEK[2]<0.1048576>", [r"(?s)BODY\[2\]<0> \{\d+\}\r\nJVBERi0="]),
    ("UID STORE 1 +FLAGS.SILENT (\\Seen)", []),
    ("UID STORE 1 FLAGS ($NotJunk $MailFlagBit0 NotJunk \\Flagged \\Seen)", [r"\$MailFlagBit0"]),
    ("!IDLE", [r"\+ "]),
    ("UID SEARCH (OR SUBJECT hello FROM carol) NOT DELETED", [r"\* SEARCH 1"]),
    ('UID COPY 1 "Deleted Messages"', ["NO"]),
    ('CREATE "Deleted Messages"', []),
    ('UID COPY 1 "Deleted Messages"', []),
    ("UID STORE 1 +FLAGS.SILENT (\\Deleted)", []),
    ("UID EXPUNGE 1", [r"\* 1 EXPUNGE"]),
    ("CLOSE", []),
    ("LOGOUT", [r"\* BYE"]),
]

IOS = [
    ("CAPABILITY", ["IMAP4rev1"]),
    ("AUTHENTICATE PLAIN {plain}", []),
    ('ID ("name" "iPhone Mail" "version" "22C152" "os" "iOS" "os-version" "18.2 (22C152)")', [r"\* ID"]),
    ("?ENABLE ENABLE QRESYNC", [r"\* ENABLED QRESYNC"]),
    ("NAMESPACE", [r"\* NAMESPACE"]),
    ('LIST "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UNSEEN UIDNEXT UIDVALIDITY HIGHESTMODSEQ))',
     [r'\* LIST \(.*\) "/" INBOX', r"\* STATUS INBOX \(MESSAGES 1 UIDNEXT 2"]),
    ("SELECT INBOX (CONDSTORE)", [r"\* 1 EXISTS", r"\[HIGHESTMODSEQ \d+\]"]),
    ("UID SEARCH RETURN (MIN MAX COUNT ALL) 1:* NOT DELETED", [r'\* ESEARCH \(TAG "t\d+"\) UID MIN 1 MAX 1 ALL 1 COUNT 1']),
    ("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)", [r"\* 1 FETCH \(.*MODSEQ \(\d+\)"]),
    ("UID FETCH 1 (INTERNALDATE UID RFC822.SIZE FLAGS BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (date from to cc subject "
     "message-id references in-reply-to)])", [r"(?s)BODYSTRUCTURE \(.*BODY\[HEADER.FIELDS"]),
    ("UID FETCH 1 (BODY.PEEK[1]<0.20000>)", [r"(?s)BODY\[1\]<0> \{\d+\}\r\nHello"]),
    ("UID STORE 1 +FLAGS (\\Seen)", [r"\\Seen"]),
    ("!IDLE", [r"\+ "]),
    ("UID MOVE 1 Archive", [r"COPYUID", r"\* VANISHED 1"]),
    ("LOGOUT", [r"\* BYE"]),
]

OUTLOOK = [
    ("CAPABILITY", ["IMAP4rev1"]),
    ('LOGIN "{user}" "{password}"', []),
    ("CAPABILITY", []),
    ('ID ("name" "Microsoft Outlook" "version" "16.0")', [r"\* ID"]),
    ('LIST "" ""', [r'\* LIST \(.*\) "/"']),
    ('LIST "" "*"', [r'\* LIST \(.*\) "/" INBOX', r"\\Trash"]),
    ('LSUB "" "*"', []),
    ('SUBSCRIBE "INBOX"', []),
    ('SELECT "INBOX"', [r"\* 1 EXISTS", r"\[UIDVALIDITY \d+\]", r"\[PERMANENTFLAGS"]),
    ("UID FETCH 1:* (UID FLAGS)", [r"\* 1 FETCH \(UID 1 FLAGS \("]),
    ("UID FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)", [r"ENVELOPE \(\"Mon, 02 Nov 2026 10:00:00 \+0100\""]),
    ("UID FETCH 1 (UID BODY.PEEK[])", [r"(?s)BODY\[\] \{\d+\}\r\nFrom: Carol"]),
    ('UID STORE 1 +FLAGS.SILENT (\\Seen)', []),
    ('STATUS "Sent" (MESSAGES UNSEEN UIDNEXT UIDVALIDITY RECENT)', [r"\* STATUS Sent \(MESSAGES 0"]),
    ('UID COPY 1 "Trash"', []),
    ("UID STORE 1 +FLAGS (\\Deleted)", [r"\\Deleted"]),
    ("EXPUNGE", [r"\* 1 EXPUNGE"]),
    ("!IDLE", [r"\+ "]),
    ("NOOP", []),
    ("LOGOUT", [r"\* BYE"]),
]

K9 = [
    ("CAPABILITY", ["IMAP4rev1"]),
    ("AUTHENTICATE PLAIN {plain}", []),
    ('ID ("name" "K-9 Mail" "version" "8.0")', [r"\* ID"]),
    ("CAPABILITY", []),
    ("?ENABLE ENABLE CONDSTORE", [r"\* ENABLED"]),
    ("NAMESPACE", [r"\* NAMESPACE"]),
    ('LIST "" "*" RETURN (SPECIAL-USE)', [r"\\Drafts"]),
    ('LSUB "" "*"', []),
    ('SELECT "INBOX"', [r"\* 1 EXISTS", r"\[UIDNEXT 2\]", r"\[PERMANENTFLAGS"]),
    ("UID SEARCH 1:* NOT DELETED", [r"\* SEARCH 1"]),
    ("UID FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (date subject from content-type to cc "
     "reply-to message-id references in-reply-to list-unsubscribe sender X-K9mail-Identity Chat-Version)])",
     [r"(?s)UID 1 FLAGS \(.*\) INTERNALDATE \".*\" RFC822.SIZE \d+ BODY\[HEADER.FIELDS"]),
    ("UID FETCH 1 (UID BODYSTRUCTURE)", [r"BODYSTRUCTURE \("]),
    ("UID FETCH 1 (UID BODY.PEEK[1.MIME])", [r"BODY\[1.MIME\] \{"]),
    ("UID FETCH 1 (UID BODY.PEEK[1])", [r"(?s)BODY\[1\] \{\d+\}\r\nHello"]),
    ("UID FETCH 1 (UID BODY.PEEK[]<0.32768>)", [r"(?s)BODY\[\]<0> \{\d+\}\r\nFrom"]),
    ("UID STORE 1 +FLAGS.SILENT (\\Seen)", []),
    ("UID SEARCH KEYWORD $Forwarded", [r"\* SEARCH$"]),
    ("!IDLE", [r"\+ "]),
    ('UID COPY 1 "Archive"', []),
    ("UID STORE 1 +FLAGS.SILENT (\\Deleted)", []),
    ("EXPUNGE", [r"\* 1 EXPUNGE"]),
    ("LOGOUT", [r"\* BYE"]),
]


def run(c, step, capabilities, **words):
    command, patterns = step
    if command.startswith("?"):  # only where it is announced
        needs, command = command[1:].split(" ", 1)
        if needs not in capabilities:
            return
    if command == "!IDLE":
        c.send("i IDLE\r\n")
        lines = [c.line()]
        c.send("DONE\r\n")
        tagged = c.until("i")[1]
    else:
        lines, tagged = c.command(command.format(**words) if "{" in command else command)
    if patterns == ["NO"]:
        assert tagged.startswith("NO [TRYCREATE]"), (command, tagged)
        return
    assert tagged.startswith("OK"), (command, lines, tagged)
    for pattern in patterns:
        assert any(re.search(pattern, line) for line in lines), (command, pattern, lines)


@pytest.mark.parametrize("steps", [THUNDERBIRD, APPLE_MAIL, IOS, OUTLOOK, K9],
                         ids=["thunderbird", "apple-mail", "ios", "outlook", "k-9"])
def test_replay(site, steps):
    user, password = site.new_account()
    plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    with Imap(site, user, password) as c:
        c.append("INBOX", MESSAGE)
        capabilities = c.ok("CAPABILITY")[0].split()
    with Imap(site) as c:
        assert c.greeting.startswith("* OK [CAPABILITY IMAP4rev1")
        for step in steps:
            run(c, step, capabilities, user=user, password=password, plain=plain)
