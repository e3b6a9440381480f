# SPDX-License-Identifier: BSD-2-Clause
"""POP3: logging in without sending the password (APOP), and UTF-8 in headers."""

import email
import email.policy
import hashlib
import poplib
import re

import pytest

from imap_raw import message
from test_pop3 import Pop3, fill


@pytest.fixture
def apop(site):
    """An account that was made while APOP is on."""
    site.ctl("setting", "set", "login.mechanisms", "PLAIN LOGIN APOP")
    yield site.new_account()
    site.ctl("setting", "unset", "login.mechanisms")


def test_apop(site, apop):
    fill(site, apop, message(1))
    c = poplib.POP3(site.host, site.pop3_port)
    c.apop(*apop)
    assert c.stat()[0] == 1
    c.quit()
    with Pop3(site) as c:
        challenge = re.search(r"<\S+@\S+>$", c.greeting)[0]
        user, password = apop
        digest = hashlib.md5((challenge + password).encode()).hexdigest()
        c.err(f"APOP {user}")
        c.err(f"APOP {user} {digest[:-1]}0x", "AUTH")
        c.err(f"APOP nobody@{site.domain} {digest}", "AUTH")
        c.ok(f"APOP {user} {digest}")
        c.err(f"APOP {user} {digest}")
    # Each connection has a challenge of its own.
    with Pop3(site) as c:
        assert challenge not in c.greeting
        c.err(f"APOP {user} {digest}", "AUTH")


def test_apop_is_off(site):
    user, _ = site.new_account()
    with Pop3(site) as c:
        assert "<" not in c.greeting
        c.err(f"APOP {user} " + "0" * 32)


def test_apop_without_verifier(site, apop):
    """An account whose password was set before."""
    site.ctl("setting", "set", "login.mechanisms", "PLAIN")
    user, password = site.new_account()
    site.ctl("setting", "set", "login.mechanisms", "PLAIN LOGIN APOP")
    c = poplib.POP3(site.host, site.pop3_port)
    with pytest.raises(poplib.error_proto, match="AUTH"):
        c.apop(user, password)
    c.close()
    # The next login with the password itself makes one.
    with Pop3(site, user, password) as c:
        c.ok("QUIT")
    c = poplib.POP3(site.host, site.pop3_port)
    c.apop(user, password)
    c.quit()


INTERNATIONAL = (
    "From: Jörg Müller <joerg@example.org>\r\n"
    "To: büro@example.org, a@bücher.example\r\n"
    "Subject: Grüße\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    "Content-Disposition: attachment; filename=\"Übersicht.txt\"\r\n\r\nHällo\r\n.\r\n"
    "--b\r\nContent-Type: message/global\r\n\r\nSubject: Ä\r\n\r\nÖ\r\n"
    "--b--\r\n")


@pytest.fixture
def international(site):
    account = site.new_account()
    fill(site, account, message(1), INTERNATIONAL, message(3))
    return account


def octets(lines):
    return sum(len(line.encode("utf-8", "surrogateescape")) + 2 for line in lines)


def test_utf8(site, international):
    with Pop3(site) as c:
        assert "UTF8 USER" in c.many("CAPA")
        c.err("UTF8 now")
        c.ok("UTF8")
        c.err("STLS")
        c.login(*international)
        c.err("UTF8")
        assert "\r\n".join(c.many("RETR 2")) + "\r\n" == INTERNATIONAL
        assert c.many("LIST")[1] == f"2 {len(INTERNATIONAL.encode())}"


def test_downgrade(site, international):
    with Pop3(site, *international) as c:
        lines = c.many("RETR 2")
        sizes = [int(x.split()[1]) for x in c.many("LIST")]
        assert octets(lines) == sizes[1] > len(INTERNATIONAL.encode())
        assert int(c.ok("STAT").split()[1]) == sum(sizes)
        assert c.ok("LIST 2").split()[1] == str(sizes[1])
        top = c.many("TOP 2 1")
        assert top == lines[:len(top)] and "--b" == top[-1]
        assert octets(c.many("RETR 1")) == sizes[0]
        c.ok("DELE 2")
        assert int(c.ok("STAT").split()[1]) == sizes[0] + sizes[2]
    head = lines[:lines.index("")]
    assert all(line.isascii() for line in head)
    m = email.message_from_bytes("\r\n".join(lines).encode(), policy=email.policy.default)
    assert m["Subject"] == "Grüße"
    assert str(m["From"]) == "Jörg Müller <joerg@example.org>"
    assert "a@xn--bcher-kva.example" in m["To"] and "büro@example.org" in str(m["To"])
    text, inner = m.iter_parts()
    assert text.get_filename() == "Übersicht.txt" and text.get_content().startswith("Hällo")
    assert inner.get_content_type() == "message/rfc822" and inner.get_content()["Subject"] == "Ä"


def test_large_downgrade_streams(site):
    account = site.new_account()
    body = ("Zeile\r\n" * 1000 + ".\r\n") * 300
    fill(site, account, "Subject: ü\r\n\r\n" + body)
    with Pop3(site, *account) as c:
        lines = c.many("RETR 1")
        assert lines[0] == "Subject: =?utf-8?B?w7w=?="
        assert "\r\n".join(lines[2:]) + "\r\n" == body
        assert octets(lines) == int(c.ok("LIST 1").split()[1])
        c.send("RETR 1\r\n")  # and left in the middle of it
        assert c.line().startswith("+OK")


@pytest.mark.parametrize("policy", ["send", "refuse"])
def test_utf8_policy(site, international, policy):
    site.ctl("setting", "set", "pop3.utf8", policy, "--account", international[0])
    with Pop3(site, *international) as c:
        assert c.ok("LIST 2").split()[1] == str(len(INTERNATIONAL.encode()))
        if policy == "send":
            assert "\r\n".join(c.many("RETR 2")) + "\r\n" == INTERNATIONAL
        else:
            c.err("RETR 2", "UTF8")
            c.err("TOP 2 0", "UTF8")
            c.many("RETR 3")


def test_language_ranges(site):
    with Pop3(site) as c:
        assert c.ok("LANG en-GB-oed").startswith("en ")
        assert c.ok("LANG i-default").startswith("i-default ")
        c.err("LANG de-DE")
        c.err("LANG i-klingon")
