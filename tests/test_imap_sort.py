# SPDX-License-Identifier: BSD-2-Clause
"""SORT with its RETURN options, and THREAD; see test_imap_search_oracle.py for what they mean."""

import random

import pytest

from imap_raw import Imap, message


@pytest.fixture
def c(site):
    with Imap(site, *site.new_account()) as c:
        for n, (subject, day) in enumerate((("b", 3), ("a", 1), ("c", 4), ("Re: a", 2)), 1):
            extra = {"In_Reply_To": "<2@example.test>"} if n == 4 else {}
            c.append("INBOX", message(n, Subject=subject, Date=f"{day:02d} Nov 2026 10:00:00 +0000", **extra))
        c.append("Archive", message(1))
        c.ok("SELECT Archive")
        c.ok("COPY 1 INBOX")
        c.ok("SELECT INBOX")
        c.ok("STORE 5 +FLAGS.SILENT (\\Deleted)")
        c.ok("EXPUNGE")
        c.ok("STORE 3 +FLAGS.SILENT (\\Seen)")
        yield c


def test_sort(c):
    assert c.ok("SORT (SUBJECT) US-ASCII ALL") == ["* SORT 2 4 1 3"]
    assert c.ok("SORT (SUBJECT REVERSE DATE) UTF-8 ALL") == ["* SORT 4 2 1 3"]
    assert c.ok("SORT (REVERSE DATE) UTF-8 UNSEEN") == ["* SORT 1 4 2"]
    assert c.ok("UID SORT (DATE) UTF-8 UID 2:3") == ["* SORT 2 3"]
    assert c.ok("SORT (DATE) UTF-8 DELETED") == ["* SORT"]
    assert "BADCHARSET" in c.no("SORT (DATE) x-none ALL")
    for wrong in ("SORT DATE UTF-8 ALL", "SORT () UTF-8 ALL", "SORT (DATE) UTF-8", "SORT (REVERSE) UTF-8 ALL",
                  "SORT (NAME) UTF-8 ALL", "SORT (" + "DATE " * 40 + "DATE) UTF-8 ALL"):
        c.bad(wrong)


def test_modseq(c):
    line = c.ok("SORT (DATE) UTF-8 MODSEQ 1")[-1]
    assert line.startswith("* SORT 2 4 1 3 (MODSEQ ")


def test_esort(c):
    """MIN and MAX are the first and the last by order, ranges ascend."""
    for options, result in (
            ("MIN", " MIN 2"), ("MAX", " MAX 3"), ("ALL", " ALL 2,4,1,3"), ("", " ALL 2,4,1,3"), ("COUNT", " COUNT 4"),
            ("PARTIAL 2:3", " PARTIAL (2:3 4,1)"), ("PARTIAL -1:-2", " PARTIAL (-1:-2 1,3)")):
        assert c.ok(f"SORT RETURN ({options}) (SUBJECT) UTF-8 ALL") == [f'* ESEARCH (TAG "t{c.tag}"){result}']
    assert c.ok("UID SORT RETURN (ALL) (ARRIVAL) UTF-8 ALL") == [f'* ESEARCH (TAG "t{c.tag}") UID ALL 1:4']


def test_save(c):
    assert c.ok("SORT RETURN (SAVE) (SUBJECT) UTF-8 ALL") == []
    assert c.ok("SEARCH $") == ["* SEARCH 1 2 3 4"]
    c.ok("SORT RETURN (SAVE MIN MAX) (SUBJECT) UTF-8 ALL")
    assert c.ok("SEARCH $") == ["* SEARCH 2 3"]
    c.no("SORT RETURN (SAVE) (SUBJECT) x-none ALL")
    assert c.ok("SEARCH $") == ["* SEARCH"]


def test_thread(c):
    assert c.ok("THREAD REFERENCES UTF-8 ALL") == ["* THREAD (2 4)(1)(3)"]
    assert c.ok("UID THREAD ORDEREDSUBJECT UTF-8 ALL") == ["* THREAD (2 4)(1)(3)"]
    assert c.ok("THREAD REFS UTF-8 ALL") == ["* THREAD (1)(3)(2 4)"]
    assert c.ok("THREAD REFERENCES UTF-8 DELETED") == ["* THREAD"]
    c.bad("THREAD OTHER UTF-8 ALL")
    c.bad("THREAD REFERENCES ALL")
    assert "BADCHARSET" in c.no("THREAD REFERENCES x-none ALL")


def test_a_deep_thread(site):
    """One answer to the other: deeper than a stack would bear per level of a parser's."""
    with Imap(site, *site.new_account()) as c:
        for n in range(1, 400):
            c.append("INBOX", message(n, References=f"<{n - 1}@example.test>"))
        c.ok("SELECT INBOX")
        want = " ".join(str(n) for n in range(1, 400))
        assert c.ok("THREAD REFERENCES UTF-8 ALL") == [f"* THREAD ({want})"]


def test_new_mail_is_sorted_in(c):
    assert c.ok("SORT (SUBJECT) UTF-8 ALL") == ["* SORT 2 4 1 3"]
    c.append("INBOX", message(9, Subject="Aa", Date="09 Nov 2026 10:00:00 +0000"))
    assert c.ok("SORT (SUBJECT) UTF-8 ALL")[0] == "* SORT 2 4 5 1 3"
    c.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    c.ok("EXPUNGE")
    assert c.ok("SORT (SUBJECT) UTF-8 ALL")[0] == "* SORT 1 3 4 2"


def test_many(site):
    """Enough messages that they are sorted by prefixes first."""
    rnd = random.Random(5)
    with Imap(site, *site.new_account()) as c:
        made = []
        for n in range(1, 401):
            subject = rnd.choice(["", "the ", "the same beginning "]) + rnd.choice("abcde") * rnd.randint(1, 3)
            day, to = rnd.randint(1, 28), rnd.choice(["a", "b", "longer.than.eight", "longer.than.nine"])
            text = message(n, Subject=subject, To=f"{to}@x.test", Date=f"{day:02d} Feb 1969 10:00:00 +0000" if n % 3 else
                           f"{day:02d} Nov 2026 10:00:00 +0000")
            c.send(f"a APPEND INBOX {{{len(text)}+}}\r\n{text}\r\n")
            made.append((n, subject, (n % 3 == 0, day), to))
        for _ in made:
            while not c.line().startswith("a OK"):
                pass
        c.ok("SELECT INBOX")
        for program, order in (
                ("SUBJECT", lambda m: m[1]), ("DATE", lambda m: m[2]), ("SUBJECT DATE", lambda m: m[1:3]),
                ("TO SUBJECT", lambda m: (m[3], m[1])), ("DATE TO", lambda m: (m[2], m[3]))):
            want = " ".join(str(m[0]) for m in sorted(made, key=order))
            assert c.ok(f"SORT ({program}) UTF-8 ALL") == ["* SORT " + want], program
        backwards = sorted(sorted(made, key=lambda m: m[0]), key=lambda m: m[1], reverse=True)
        assert c.ok("SORT (REVERSE SUBJECT) UTF-8 ALL") == ["* SORT " + " ".join(str(m[0]) for m in backwards)]
