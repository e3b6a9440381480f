# SPDX-License-Identifier: BSD-2-Clause
"""COMPARATOR and LANGUAGE (RFC 5255), and charsets of SEARCH."""

import pytest

from imap_raw import Imap, message


@pytest.fixture
def c(site):
    with Imap(site, *site.new_account()) as c:
        for n, subject in enumerate(("b", "A", "a", "=?utf-8?q?=C3=A4pfel?=", "C", "=?koi8-r?b?89TS0dPc?="), 1):
            c.append("INBOX", message(n, Subject=subject))
        c.ok("SELECT INBOX")
        yield c


def test_comparator(c):
    """It decides how SEARCH and SORT compare, and on nothing else."""
    assert c.ok("COMPARATOR") == ["* COMPARATOR i;unicode-casemap"]
    assert c.ok("SEARCH SUBJECT a") == ["* SEARCH 2 3"]
    assert c.ok("SORT (SUBJECT) UTF-8 1:5") == ["* SORT 2 3 4 1 5"]
    assert c.ok('COMPARATOR "cz;*" "I;OCT*" i;ascii-casemap') == ["* COMPARATOR i;octet (i;ascii-casemap i;octet)"]
    assert c.ok("SEARCH SUBJECT a") == ["* SEARCH 3"]
    assert c.ok("SEARCH FROM ALICE") == ["* SEARCH"]
    assert c.ok("SEARCH TEXT Alice") == ["* SEARCH 1 2 3 4 5 6"]
    assert c.ok("SORT (SUBJECT) UTF-8 1:5") == ["* SORT 2 5 3 1 4"]
    assert "BADCOMPARATOR" in c.no("COMPARATOR cz;basic")
    assert c.ok("COMPARATOR") == ["* COMPARATOR i;octet"]
    assert c.ok('COMPARATOR "*ascii*"') == ["* COMPARATOR i;ascii-casemap (i;ascii-casemap)"]
    assert c.ok("SORT (SUBJECT) UTF-8 1:5") == ["* SORT 2 3 1 5 4"]
    assert c.ok("COMPARATOR default")[0].startswith("* COMPARATOR i;unicode-casemap (")
    assert c.ok("SORT (SUBJECT) UTF-8 1:5") == ["* SORT 2 3 4 1 5"]
    c.bad("COMPARATOR " + " ".join(["x"] * 100))
    c.no('COMPARATOR "' + "*a" * 100 + '"')


def test_context_keeps_its_comparator(c):
    c.ok("COMPARATOR i;octet")
    c.ok("SEARCH RETURN (UPDATE) SUBJECT Apple")
    c.ok("COMPARATOR default")
    text = message(9, Subject="apple")
    assert not [x for x in c.ok(f"APPEND INBOX {{{len(text)}+}}\r\n{text}") if "ESEARCH" in x]
    text = message(10, Subject="Apple")
    assert [x for x in c.ok(f"APPEND INBOX {{{len(text)}+}}\r\n{text}") if "ADDTO (0 8)" in x]


def test_language(site, c):
    assert c.ok("LANGUAGE") == ["* LANGUAGE (en i-default)"]
    assert c.ok("LANGUAGE de en-GB fr")[0] == "* LANGUAGE (en)"
    assert c.ok("LANGUAGE de default")[1].startswith('* NAMESPACE (("" "/"))')
    c.no("LANGUAGE de")
    with Imap(site) as d:
        assert d.ok("LANGUAGE i-default") == ["* LANGUAGE (i-default)"]


def test_charsets(c):
    """What is sent in any charset is found in any other."""
    for charset, text, want in (
            ("UTF-8", "\u00e4PF".encode(), "4"), ("ISO-8859-1", b"\xc4pf", "4"), ("windows-1252", b"\xe4pf", "4"),
            ("koi8-r", b"\xd3\xd4\xd2", "6"), ("ISO-8859-5", "\u0421\u0442\u0440".encode("iso-8859-5"), "6"),
            ("US-ASCII", b"pf", "4"), ("Shift_JIS", "\u0441\u0442\u0440".encode("shift_jis"), "6")):
        for key in (b"SUBJECT", b"TEXT", b"HEADER Subject"):
            command = b"SEARCH CHARSET %s %s {%d+}\r\n%s" % (charset.encode(), key, len(text), text)
            assert c.ok(command) == [f"* SEARCH {want}"], charset
    assert "[BADCHARSET (US-ASCII UTF-8)]" in c.no("SEARCH CHARSET no-such-charset ALL")


def test_no_charset_with_utf8(site):
    """RFC 6855, section 3: all strings are UTF-8 then. SORT cannot do without the argument."""
    with Imap(site, *site.new_account()) as c:
        c.append("INBOX", message(1, Subject="Gr\u00fc\u00dfe"))
        c.ok("SELECT INBOX")
        assert c.ok('SEARCH CHARSET UTF-8 SUBJECT "message"') == ["* SEARCH"]
        c.ok("ENABLE UTF8=ACCEPT")
        c.bad('SEARCH CHARSET UTF-8 SUBJECT "Gr"')
        c.bad('ESEARCH IN (personal) RETURN (ALL) CHARSET UTF-8 SUBJECT "Gr"')
        assert c.ok('SEARCH SUBJECT "Gr\u00fc"') == ["* SEARCH 1"]
        assert c.ok('SORT (SUBJECT) UTF-8 SUBJECT "Gr\u00fc"') == ["* SORT 1"]
