# SPDX-License-Identifier: BSD-2-Clause
"""SEARCH FUZZY and relevancy (RFC 6203)."""

import random

import pytest

from imap_raw import Imap, message

WORDS = ["invoice", "invoices", "invocie", "r\u00e9sum\u00e9", "resume", "Gr\u00fc\u00dfe", "gruesse", "Łódź", "lodz",
         "meeting", "meetings", "metings", "delivery", "deliverable", "x", "ab", "caf\u00e9"]


@pytest.fixture(scope="module")
def c(site):
    rnd = random.Random(1)
    with Imap(site, *site.new_account()) as c:
        for n in range(1, 61):
            body = " ".join(rnd.choice(WORDS) for _ in range(rnd.randint(0, 4)))
            subject = "=?utf-8?q?" + "".join(f"={b:02X}" for b in rnd.choice(WORDS).encode()) + "?="
            c.append("INBOX", message(n, body=body + "\r\n", Subject=subject, Content_Type="text/plain; charset=utf-8",
                                      MIME_Version="1.0").encode())
        c.ok("CREATE few")
        for n, subject in enumerate(("Your invoice", "invoices of this week", "weekly report", "this week's invoice",
                                     "the invocie", "nothing"), 1):
            c.append("few", message(n, Subject=subject, body="invoice\r\n" if n == 6 else "x\r\n"))
        yield c


def search(c, key, name="SEARCH"):
    raw = key.encode()
    line = c.ok(b"%s CHARSET UTF-8 %s" % (name.encode(), raw) if raw.isascii() else
                b"%s CHARSET UTF-8 %s {%d+}\r\n%s" % (name.encode(), raw.rsplit(b" ", 1)[0], len(raw.rsplit(b" ", 1)[1]),
                                                      raw.rsplit(b" ", 1)[1]))[0]
    return [int(n) for n in line.split()[2:]]


def test_index_and_reading_agree(c):
    """What narrows a search of many messages changes nothing."""
    c.ok("SELECT INBOX")
    some = 0
    for field in ("BODY", "SUBJECT", "TEXT", "HEADER Subject"):
        for word in WORDS:
            key = f"FUZZY {field} {word}"
            found = search(c, key)
            assert found == [n for n in range(1, 61) if search(c, f"{n} {key}")], key
            assert set(search(c, f"{field} {word}")) <= set(found), key
            some += len(found)
    assert some > 300


def test_meaning(c):
    c.ok("SELECT few")
    assert search(c, "FUZZY SUBJECT invoice") == [1, 2, 4, 5]
    assert search(c, "SUBJECT invoice") == [1, 2, 4]
    assert search(c, 'FUZZY SUBJECT "week INVOICE"') == [2, 4]
    assert search(c, "FUZZY (SUBJECT invoice NOT SUBJECT week)") == [1, 5]
    assert search(c, "FUZZY SEEN") == []
    assert search(c, "OR FUZZY SUBJECT invoice SUBJECT reports") == [1, 2, 4, 5]
    assert search(c, "OR FUZZY SUBJECT invoice SUBJECT invocie") == [1, 2, 4, 5]


def test_relevancy(c):
    c.ok("SELECT few")
    tag = lambda: f'* ESEARCH (TAG "t{c.tag}")'
    assert c.ok("SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT invoice") == [f"{tag()} ALL 1:2,4:5 RELEVANCY (100 85 100 50)"]
    assert c.ok("SEARCH RETURN (RELEVANCY PARTIAL 2:3) FUZZY SUBJECT invoice") == [
        f"{tag()} PARTIAL (2:3 2,4) RELEVANCY (85 100)"]
    assert c.ok("SORT RETURN (RELEVANCY ALL) (RELEVANCY SUBJECT) UTF-8 FUZZY TEXT invoice") == [
        f"{tag()} ALL 4,1,6,2,5 RELEVANCY (100 100 90 85 50)"]
    assert c.ok("SORT (RELEVANCY) UTF-8 FUZZY TEXT invoice") == ["* SORT 1 4 6 2 5"]
    assert c.ok("SORT (REVERSE RELEVANCY) UTF-8 FUZZY SUBJECT invoice") == ["* SORT 5 2 1 4"]
    assert c.ok("SEARCH RETURN (RELEVANCY ALL) OR SUBJECT nothing FUZZY SUBJECT invoice")[0].endswith("(100 85 100 50 1)")
    assert c.ok("SEARCH RETURN (RELEVANCY ALL) FUZZY SEEN") == [tag()]
    c.bad("SEARCH RETURN (RELEVANCY ALL) SUBJECT invoice")
    c.bad("SORT (RELEVANCY) UTF-8 ALL")
    lines = c.ok("SORT RETURN (UPDATE ALL) (RELEVANCY) UTF-8 FUZZY SUBJECT invoice")
    assert "NOUPDATE" in lines[1]
    line = c.ok("ESEARCH IN (mailboxes few) RETURN (RELEVANCY ALL) FUZZY SUBJECT invoice")[0]
    assert line.endswith("UID ALL 1:2,4:5 RELEVANCY (100 85 100 50)")
