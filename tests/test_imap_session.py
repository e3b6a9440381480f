# SPDX-License-Identifier: BSD-2-Clause
"""imapd: greeting, login, framing, limits."""

import base64
import imaplib
import re
import ssl
import time

import pytest

from imap_raw import Imap, message


def test_greeting_and_capabilities(site):
    with Imap(site) as c:
        assert c.greeting.startswith("* OK [CAPABILITY IMAP4rev1 ")
        caps = c.ok("CAPABILITY")[0].split()
        for cap in ("LITERAL+", "SASL-IR", "ID", "IDLE", "NAMESPACE", "UIDPLUS", "SPECIAL-USE", "CHILDREN",
                    "UNSELECT", "ENABLE", "MOVE", "CONDSTORE", "AUTH=PLAIN", "STARTTLS"):
            assert cap in caps
        assert "LOGINDISABLED" not in caps  # loopback
        assert "LITERAL-" not in caps  # LITERAL+ has it
        assert caps.index("IMAP4rev2") > caps.index("IMAP4rev1")  # its forms only after ENABLE: test_imap_rev2.py


def test_capabilities_of_each_state(site):
    """Each says what is possible in it, once, and does not contradict itself."""
    only_before = {"STARTTLS", "LOGINDISABLED", "AUTH=PLAIN"}
    only_after = {"COMPRESS=DEFLATE", "UNAUTHENTICATE"}

    def listed(line):
        words = re.search(r"CAPABILITY ([^\]\r]*)", line)[1].split()
        assert len(words) == len(set(words)), words
        assert ("LITERAL+" in words) != ("LITERAL-" in words)
        assert not {"LOGIN-REFERRALS", "MAILBOX-REFERRALS"} & set(words)
        return set(words)

    def asked(c):
        line, = c.ok("CAPABILITY")
        return listed(line)

    context = ssl._create_unverified_context()
    with Imap(site) as c:
        before = listed(c.greeting)
        assert before == asked(c)
        assert not before & only_after
        c.ok("STARTTLS")
        c.sock = context.wrap_socket(c.sock, server_hostname="localhost")
        c.file = c.sock.makefile("rb")
        secured = asked(c)
        assert {x for x in before - secured} == {"STARTTLS"}
        assert all(x.startswith("AUTH=") and x.endswith("-PLUS") for x in secured - before)
        after = listed(c.command(f"LOGIN {site.user1} {site.pass1}")[1])
        assert after == asked(c)
        assert not after & only_before and only_after <= after
        assert not [x for x in after if x.startswith("AUTH=")]
        c.ok("UNAUTHENTICATE")
        assert asked(c) == secured


def test_login_and_failure(site):
    with Imap(site) as c:
        wrong = c.no(f"LOGIN {site.user1} nonsense", "AUTHENTICATIONFAILED")
        assert wrong == c.no("LOGIN nobody@nowhere.test nonsense", "AUTHENTICATIONFAILED")
        assert "[CAPABILITY " in c.command(f"LOGIN {site.user1} {site.pass1}")[1]
        c.bad(f"LOGIN {site.user1} {site.pass1}")  # not twice


@pytest.mark.parametrize("initial", [True, False])
def test_authenticate_plain(site, initial):
    response = base64.b64encode(f"\0{site.user1}\0{site.pass1}".encode()).decode()
    with Imap(site) as c:
        if initial:
            c.ok("AUTHENTICATE PLAIN " + response)
        else:
            c.send("a AUTHENTICATE plain\r\n")
            assert c.line() == "+ "
            c.send(response + "\r\n")
            assert c.until("a")[1].startswith("OK")


def test_authenticate_login_and_cancel(site):
    with Imap(site) as c:
        c.send("a AUTHENTICATE LOGIN\r\n")
        assert c.line().startswith("+ ")
        c.send("*\r\n")
        assert c.until("a")[1].startswith("BAD")
        c.send("b AUTHENTICATE LOGIN\r\n")
        for value in (site.user1, site.pass1):
            assert c.line().startswith("+ ")
            c.send(base64.b64encode(value.encode()) + b"\r\n")
        assert c.until("b")[1].startswith("OK")
    with Imap(site) as c:
        c.no("AUTHENTICATE X-NONE")
        c.bad("AUTHENTICATE PLAIN !!!")


def test_starttls_drops_what_was_injected(site):
    context = ssl._create_unverified_context()
    c = imaplib.IMAP4(site.host, site.imap_port)
    c.starttls(context)
    assert "STARTTLS" not in c.capabilities
    c.login(site.user1, site.pass1)
    c.logout()
    with Imap(site) as raw:
        raw.send("a STARTTLS\r\nb NOOP\r\n")
        assert raw.line().startswith("a OK")
        tls = context.wrap_socket(raw.sock, server_hostname="localhost")
        tls.sendall(b"c NOOP\r\n")
        assert tls.recv(100).startswith(b"c OK")  # and not b


def test_implicit_tls(site):
    c = site.imap(tls=True)
    assert c.select()[0] == "OK"
    c.logout()


def test_states(site):
    with Imap(site) as c:
        for command in ("SELECT INBOX", "LIST \"\" *", "FETCH 1 UID", "IDLE"):
            c.bad(command)
    with Imap(site, site.user1, site.pass1) as c:
        for command in ("FETCH 1 UID", "CLOSE", "UID SEARCH ALL", "EXPUNGE", "STARTTLS"):
            c.bad(command)
        c.ok("ID (\"name\" \"test\")")
        assert c.ok("NAMESPACE") == ['* NAMESPACE (("" "/")) (("Other Users/" "/")) NIL']
        assert c.ok("ENABLE CONDSTORE X-OTHER") == ["* ENABLED CONDSTORE"]


def test_garbage_before_login_is_cut_off(site):
    with Imap(site) as c:
        for _ in range(5):
            c.send("\x01\x02 garbage\r\n")
        with pytest.raises(EOFError):
            while True:
                last = c.line()
        assert last.startswith("* BYE")


def test_oversized(site):
    with Imap(site) as c:
        # A long line is answered, swallowed, and forgotten.
        c.send(b"a NOOP " + b"x" * 300000 + b"\r\n")
        assert c.until("a")[1].startswith("BAD")
        c.send("b LOGIN {100000}\r\n")
        assert "[TOOBIG]" in c.until("b")[1]
        c.send(b"c LOGIN {100000+}\r\n" + b"y" * 100000 + b" {3+}\r\nabc\r\n")
        assert "[TOOBIG]" in c.until("c")[1]
        c.ok("NOOP")
    with Imap(site, site.user1, site.pass1) as c:
        c.send("a APPEND INBOX {99999999999}\r\n")
        assert "NO [TOOBIG]" in c.until("a")[1]
        c.ok("NOOP")
        c.send("b APPEND INBOX {99999999999999}\r\n")
        assert c.line().startswith("* BYE")


def test_pieces_and_pipelines(site):
    user, password = site.new_account()
    with Imap(site) as c:
        for octet in f"a LOGIN {{{len(user)}+}}\r\n{user} \"{password}\"\r\n":
            c.send(octet)
            time.sleep(0.001)
        assert c.until("a")[1].startswith("OK")
        c.send("a1 CREATE x\r\na2 CREATE y\r\na3 SELECT x\r\na4 NOOP\r\n")
        for tag in ("a1", "a2", "a3", "a4"):
            assert c.until(tag)[1].startswith("OK")
        # A literal that waits for its turn.
        text = message().encode()
        c.send(f"b APPEND x {{{len(text)}}}\r\n")
        assert c.line().startswith("+ ")
        c.send(text + b"\r\n")
        assert c.until("b")[1].startswith("OK [APPENDUID")


def test_logout(site):
    with Imap(site, site.user1, site.pass1) as c:
        assert c.ok("LOGOUT")[0].startswith("* BYE")
        with pytest.raises(EOFError):
            c.line()
