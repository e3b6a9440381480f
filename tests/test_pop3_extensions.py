# SPDX-License-Identifier: BSD-2-Clause
"""APOP: logging in to POP3 without sending the password."""

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
