# SPDX-License-Identifier: BSD-2-Clause
"""SEARCH beyond RFC 3501: what RETURN asks for, "$", and the keys of
extensions."""

import re
import time

import pytest

from imap_raw import Imap, message


@pytest.fixture
def c(site):
    user, password = site.new_account()
    with Imap(site, user, password) as c:
        c.user, c.password = user, password
        yield c


def fill(c, n=6, mailbox="INBOX"):
    for i in range(1, n + 1):
        c.append(mailbox, message(i))


def esearch(c, command):
    """What the only untagged response says, behind its tag."""
    lines = c.ok(command)
    assert len(lines) == 1, lines
    found = re.fullmatch(rf'\* ESEARCH \(TAG "t{c.tag}"\) ?(.*)', lines[0])
    assert found, lines
    return found[1]


def test_save(c):
    fill(c)
    c.ok("SELECT INBOX")
    assert c.ok("FETCH $ UID") == []  # nothing was saved yet
    assert c.ok("SEARCH RETURN (SAVE) 2:4") == []
    assert c.ok("UID SEARCH RETURN (SAVE COUNT) 2:4")[0].endswith("UID COUNT 3")
    assert c.ok("FETCH $ UID") == [f"* {n} FETCH (UID {n})" for n in (2, 3, 4)]
    assert c.ok("UID FETCH $ UID") == [f"* {n} FETCH (UID {n})" for n in (2, 3, 4)]
    assert c.ok("SEARCH $ NOT 3") == ["* SEARCH 2 4"]
    assert c.ok("SEARCH NOT UID $") == ["* SEARCH 1 5 6"]
    assert c.ok("SEARCH OR $ 6") == ["* SEARCH 2 3 4 6"]
    c.ok("STORE $ +FLAGS.SILENT (\\Flagged)")
    assert c.ok("SEARCH FLAGGED") == ["* SEARCH 2 3 4"]
    # What is expunged leaves "$", and no other message takes its number.
    c.ok("STORE 3 +FLAGS.SILENT (\\Deleted)")
    c.ok("EXPUNGE")
    assert c.ok("FETCH $ UID") == ["* 2 FETCH (UID 2)", "* 3 FETCH (UID 4)"]
    # A search of it saved again.
    assert c.ok("SEARCH RETURN (SAVE) $ NOT UID 2") == []
    assert c.ok("SEARCH $") == ["* SEARCH 3"]
    assert re.match(r"OK \[COPYUID \d+ 4 1\]", c.command("UID COPY $ Archive")[1])
    assert re.match(r"\* OK \[COPYUID \d+ 4 2\]", c.command("MOVE $ Archive")[0][0])
    assert c.ok("SEARCH $") == ["* SEARCH"]


def test_save_what_is_returned(c):
    fill(c)
    c.ok("SELECT INBOX")
    for options, saved in (
            ("MIN SAVE", "2"), ("SAVE MAX", "5"), ("MIN MAX SAVE", "2 5"), ("SAVE ALL MIN", "2 3 4 5"),
            ("COUNT MIN SAVE", "2 3 4 5"), ("SAVE PARTIAL 2:3", "3 4"), ("SAVE PARTIAL 2:3 MAX", "3 4 5"),
            ("SAVE PARTIAL 2:3 COUNT", "2 3 4 5"), ("SAVE PARTIAL -1:-2", "4 5"), ("SAVE PARTIAL 9:10", "")):
        c.ok(f"SEARCH RETURN ({options}) 2:5")
        assert c.ok("SEARCH $") == ["* SEARCH" + (" " + saved if saved else "")], options


def test_save_failures(c):
    fill(c, 3)
    c.ok("SELECT INBOX")
    c.ok("SEARCH RETURN (SAVE) ALL")
    c.bad("SEARCH RETURN (SAVE) NONSENSE")
    assert c.ok("SEARCH $") == ["* SEARCH 1 2 3"]  # BAD changes nothing
    c.ok("SEARCH RETURN (COUNT) 1")
    assert c.ok("SEARCH $") == ["* SEARCH 1 2 3"]
    c.no("SEARCH RETURN (SAVE) CHARSET x-none ALL")
    assert c.ok("SEARCH $") == ["* SEARCH"]  # NO empties it
    c.ok("SEARCH RETURN (SAVE) ALL")
    c.ok("SELECT INBOX")
    assert c.ok("SEARCH $") == ["* SEARCH"]


def test_partial(c):
    fill(c)
    c.ok("SELECT INBOX")
    for options, result in (
            ("PARTIAL 1:3", "PARTIAL (1:3 1:3)"), ("PARTIAL 3:1", "PARTIAL (1:3 1:3)"),
            ("PARTIAL 4:4", "PARTIAL (4:4 5)"), ("PARTIAL 5:9", "PARTIAL (5:9 6)"),
            ("PARTIAL 6:9", "PARTIAL (6:9 NIL)"), ("PARTIAL -1:-2", "PARTIAL (-1:-2 5:6)"),
            ("PARTIAL -4:-90", "PARTIAL (-4:-90 1:2)"), ("PARTIAL -6:-9", "PARTIAL (-6:-9 NIL)"),
            ("COUNT PARTIAL 2:2 MIN", "MIN 1 COUNT 5 PARTIAL (2:2 2)")):
        assert esearch(c, f"SEARCH RETURN ({options}) NOT 4") == result
    c.bad("SEARCH RETURN (ALL PARTIAL 1:2) ALL")
    c.bad("SEARCH RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL")
    c.bad("SEARCH RETURN (PARTIAL 1:-2) ALL")
    c.bad("SEARCH RETURN (PARTIAL 0:2) ALL")


def test_modseq_of_what_is_returned(c):
    fill(c, 3)
    c.ok("SELECT INBOX (CONDSTORE)")
    c.ok("STORE 2 +FLAGS (\\Seen)")
    modseq = {n: int(re.search(r"MODSEQ \((\d+)\)", c.ok(f"FETCH {n} MODSEQ")[0])[1]) for n in (1, 2, 3)}
    for options, n in (("MIN", 1), ("MAX", 3), ("MIN MAX", 3), ("ALL", 2), ("MIN COUNT", 2), ("PARTIAL 1:2", 2)):
        assert esearch(c, f"SEARCH RETURN ({options}) MODSEQ 1").endswith(f"MODSEQ {modseq[n]}")


def test_older_and_younger(c):
    now = time.time()
    for age in (10000, 1000, 0):
        when = time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(now - age))
        c.append("INBOX", message(age), f'"{when}"')
    c.ok("SELECT INBOX")
    for key, found in (("OLDER 5000", "1"), ("YOUNGER 5000", "2 3"), ("OLDER 500", "1 2"), ("YOUNGER 500", "3"),
                       ("OLDER 500 YOUNGER 5000", "2"), ("NOT OLDER 500", "3")):
        assert c.ok("SEARCH " + key) == ["* SEARCH " + found], key
    c.bad("SEARCH OLDER 0")
    c.bad("SEARCH YOUNGER x")


def test_saved_dates(c):
    c.append("INBOX", message(1), '"01-Feb-2020 12:00:00 +0000"')
    c.ok("SELECT INBOX")
    days = [time.strftime("%d-%b-%Y", time.gmtime(time.time() + 86400 * n)) for n in (-2, 2)]
    for key, found in ((f"SAVEDSINCE {days[0]}", " 1"), (f"SAVEDBEFORE {days[0]}", ""), (f"SAVEDSINCE {days[1]}", ""),
                       (f"SAVEDBEFORE {days[1]}", " 1"), ("SAVEDON 1-Feb-2020", ""), ("ON 1-Feb-2020", " 1"),
                       ("SAVEDATESUPPORTED", " 1"), ("NOT SAVEDATESUPPORTED", "")):
        assert c.ok("SEARCH " + key) == ["* SEARCH" + found], key


def test_object_ids(c):
    same = message(1)
    c.append("INBOX", same)
    c.append("INBOX", message(2))
    c.append("INBOX", same)
    c.append("INBOX", message(3, Subject="Re: message 2", In_Reply_To="<2@example.test>"))
    c.ok("SELECT INBOX")
    email, thread = ({n: re.search(item + r" \((\w+)\)", c.ok(f"FETCH {n} {item}")[0])[1] for n in (1, 2, 3, 4)}
                     for item in ("EMAILID", "THREADID"))
    assert c.ok(f"SEARCH EMAILID {email[1]}") == ["* SEARCH 1 3"]
    assert c.ok(f"SEARCH EMAILID {email[4]}") == ["* SEARCH 4"]
    assert c.ok(f"SEARCH NOT EMAILID {email[1]}") == ["* SEARCH 2 4"]
    assert c.ok(f"SEARCH THREADID {thread[2]}") == ["* SEARCH 2 4"]
    for none in ("M1", "T1", "x", "M" + "0" * 32, "T99999999999999999999"):
        assert c.ok(f"SEARCH EMAILID {none}") == ["* SEARCH"]
        assert c.ok(f"SEARCH OR THREADID {none} EMAILID {none}") == ["* SEARCH"]


def test_subject_and_people(c):
    long = "word " * 3000 + "needle"
    c.append("INBOX", message(1, Subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?= aus", From="=?utf-8?q?J=C3=B6rg?= <j@x.test>"))
    c.append("INBOX", message(2, Subject=long, To="A <a@x.test>, B <b@y.test>"))
    c.append("INBOX", message(3, Subject="", Cc="c@x.test", Bcc="hidden@x.test").replace("Subject: \r\n", ""))
    c.ok("SELECT INBOX")
    for key, found in (
            ('SUBJECT "GR\u00dcSSE AUS"', " 1"), ("SUBJECT needle", " 2"), ('SUBJECT ""', " 1 2"), ("SUBJECT zzz", ""),
            ("FROM j\u00f6rg", " 1"), ("FROM J@X", " 1"), ("TO b@y", " 2"), ("TO x.test", " 2"), ("CC c@", " 3"),
            ("BCC hidden", " 3"), ('BCC ""', " 3"), ("HEADER subject needle", " 2")):
        key = key.encode()
        if '"'.encode() not in key:
            name, needle = key.rsplit(b" ", 1)
            key = name + b" {%d+}\r\n%s" % (len(needle), needle)
        else:
            key = re.sub(rb'"(.*)"', lambda m: b"{%d+}\r\n%s" % (len(m[1]), m[1]), key)
        for charset in (b"CHARSET UTF-8 ", b"CHARSET UTF-8 UID 1:* "):
            assert c.ok(b"SEARCH " + charset + key) == ["* SEARCH" + found], key


def test_many_messages_use_the_keys(c):
    """Enough of them that the keys of the mailbox are read at once."""
    for n in range(300):
        c.append("INBOX", message(n, Subject=f"topic {n % 7}",
                                  Date=f"{n % 28 + 1:02d} Nov 2026 10:00:00 {'+1400' if n % 2 else '-1100'}"))
    c.ok("SELECT INBOX")
    for _ in range(2):
        for key, want in ((f"SUBJECT \"topic 3\"", [n + 1 for n in range(300) if n % 7 == 3]),
                          ("SENTON 5-Nov-2026", [n + 1 for n in range(300) if n % 28 == 4]),
                          ("NOT SUBJECT topic", []),
                          ("SENTBEFORE 3-Nov-2026 NOT SUBJECT \"TOPIC 0\"",
                           [n + 1 for n in range(300) if n % 28 < 2 and n % 7])):
            assert c.ok("SEARCH " + key)[0].split()[2:] == [str(n) for n in want], key
    c.append("INBOX", message(300, Subject="late topic 3"))
    assert c.ok("SEARCH SUBJECT \"late topic\"") == ["* SEARCH 301"]


def test_fetch_partial(c):
    fill(c)
    c.ok("SELECT INBOX")
    for part, uids in (("1:2", [1, 2]), ("-1:-2", [5, 6]), ("2:3", [2, 3]), ("6:9", []), ("4:9", [5, 6]),
                       ("-4:-90", [1, 2])):
        assert c.ok(f"UID FETCH 1:3,5:* (UID) (PARTIAL {part})") == [f"* {n} FETCH (UID {n})" for n in uids], part
    c.bad("FETCH 1:* UID (PARTIAL 1:2)")
    c.bad("UID FETCH 1:* UID (PARTIAL 1)")


def test_fetch_savedate(c):
    c.append("INBOX", message(1), '"01-Feb-2020 12:00:00 +0000"')
    c.ok("SELECT INBOX")
    before = time.time()
    c.ok("COPY 1 Archive")
    c.ok("SELECT Archive")
    when = re.search(r'SAVEDATE "([^"]+)"', c.ok("FETCH 1 (SAVEDATE INTERNALDATE)")[0])[1]
    saved = time.mktime(time.strptime(when[:20], "%d-%b-%Y %H:%M:%S")) - time.timezone
    assert abs(saved - before) < 60


@pytest.mark.parametrize("enable", ["CONDSTORE", "QRESYNC", "IMAP4rev2"])
def test_expunged_elsewhere(site, c, enable):
    """What is left out although it still has a number is told of (RFC 5530)."""
    fill(c)
    c.ok(f"ENABLE {enable}")
    c.ok("SELECT INBOX")
    with Imap(site, c.user, c.password) as other:
        other.ok("SELECT INBOX")
        other.ok("UID STORE 3 +FLAGS.SILENT (\\Deleted)")
        other.ok("UID EXPUNGE 3")
    for command, found in (("SEARCH RETURN (ALL) ALL", "ALL 1:2,4:6"), ("SEARCH RETURN (COUNT) BODY hello", "COUNT 5"),
                           ("SORT (ARRIVAL) UTF-8 ALL", "SORT 1 2 4 5 6"),
                           ("THREAD REFERENCES UTF-8 ALL", "THREAD (1)(2)(4)(5)(6)")):
        lines, tagged = c.command(command)
        assert lines[0].endswith(found), lines
        assert tagged.startswith("OK [EXPUNGEISSUED] "), tagged
    assert "EXPUNGEISSUED" not in c.command("SEARCH 4:6")[1]
    lines, tagged = c.command("UID SEARCH RETURN (COUNT) ALL")
    assert lines[0].endswith("UID COUNT 5") and lines[1] in ("* VANISHED 3", "* 3 EXPUNGE") and "[" not in tagged
    assert c.command("SEARCH ALL")[1].startswith("OK SEARCH")
