# SPDX-License-Identifier: BSD-2-Clause
"""imapd: COMPRESS=DEFLATE (RFC 4978)."""

import base64
import random
import ssl
import zlib

import pytest

from conftest import wait_for
from imap_raw import Imap, message
from imap_zip import ZipImap


def capabilities(c):
    return c.ok("CAPABILITY")[0].split()


@pytest.fixture
def user(site):
    return site.new_account()


def noise(size, seed=1):
    """Base64, as attachments are."""
    return base64.encodebytes(random.Random(seed).randbytes(size * 3 // 4)).decode().replace("\n", "\r\n")


def test_begin(site, user):
    with ZipImap(site) as c:
        assert "COMPRESS=DEFLATE" not in c.greeting
        c.bad("COMPRESS DEFLATE")
        assert "COMPRESS=DEFLATE" in c.command("LOGIN {} {}".format(*user))[1]
        for arguments in ("", " ", " GZIP", " DEFLATE DEFLATE", ' "DEFLATE"'):
            c.bad("COMPRESS" + arguments)
        c.compress()
        assert "COMPRESS=DEFLATE" not in capabilities(c)
        c.no("COMPRESS DEFLATE", "COMPRESSIONACTIVE")
        c.bad("COMPRESS")
        c.ok("NOOP")
        _, tagged = c.command("LOGOUT")
        assert tagged.startswith("OK")


@pytest.mark.parametrize("how", [{}, {"step": 1}, {"flush": zlib.Z_PARTIAL_FLUSH}, {"flush": zlib.Z_FULL_FLUSH}],
                         ids=["sync", "octets", "partial", "full"])
def test_how_a_client_flushes(site, user, how):
    with ZipImap(site, *user) as c:
        c.compress(**how)
        c.append("INBOX", message(1))
        c.ok("SELECT INBOX")
        c.send("a NOOP\r\nb FETCH 1 UID\r\nc NOOP\r\n")
        c.until("a")
        assert c.until("b")[0] == ["* 1 FETCH (UID 1)"]
        c.until("c")


def test_large_literals(site, user):
    text = message(1, body=noise(3_000_000))
    with ZipImap(site, *user) as c:
        c.compress()
        c.append("INBOX", text)
        c.send(f"s APPEND INBOX {{{len(text)}}}\r\n")
        assert c.line().startswith("+ ")
        c.send(text + "\r\n")
        assert c.until("s")[1].startswith("OK")
        c.ok("SELECT INBOX")
        before = c.sock.received
        for n in (1, 2):
            fetched, = c.ok(f"FETCH {n} BODY.PEEK[]")
            assert fetched == f"* {n} FETCH (BODY[] {{{len(text)}}}\r\n{text})"
        assert c.sock.received - before < 1.6 * len(text)
        # One that is refused, and read away.
        c.send(f"t APPEND INBOX {{{100_000_000}+}}\r\n")
        for _ in range(100):
            c.send(bytes(1_000_000))
        c.send("\r\n")
        assert c.until("t")[1].startswith("NO [TOOBIG]")


def test_replies_that_nobody_reads(site, user):
    """They stop the reading of commands, and nothing is lost."""
    text = message(1, body=noise(1_000_000))
    with ZipImap(site, *user) as c:
        c.append("INBOX", text)
        c.ok("SELECT INBOX")
        c.compress()
        for n in range(20):
            c.send(f"a{n} FETCH 1 BODY.PEEK[]\r\n")
        with Imap(site, *user) as other:
            other.ok("NOOP")
        for n in range(20):
            fetched = c.until(f"a{n}")[0]
            assert len(fetched) == 1 and text in fetched[0]


def test_idle(site, user):
    with ZipImap(site, *user) as c, Imap(site, *user) as other:
        c.compress()
        c.ok("SELECT INBOX")
        c.idle()
        for n in range(1, 4):
            other.append("INBOX", message(n))
            while f"* {n} EXISTS" not in c.line():
                pass
        c.done()
        c.ok("FETCH 1:3 FLAGS")


def test_replies_shrink(site, user):
    with ZipImap(site, *user) as c:
        for n in range(50):
            c.append("INBOX", message(n))
        c.compress()
        c.ok("SELECT INBOX")
        before, plain = c.sock.received, 0
        for n in range(1, 51):  # what was said before helps, from command to command
            plain += sum(len(x) for x in c.ok(f"FETCH {n} (UID FLAGS ENVELOPE BODYSTRUCTURE INTERNALDATE)"))
        assert c.sock.received - before < 0.35 * plain


def test_over_tls(site, user):
    context = ssl._create_unverified_context()
    text = message(1, body=noise(500_000))
    with ZipImap(site) as c:
        c.ok("STARTTLS")
        c.sock = context.wrap_socket(c.sock, server_hostname="localhost")
        c.file = c.sock.makefile("rb")
        c.ok("LOGIN {} {}".format(*user))
        c.compress()
        c.append("INBOX", text)
        c.ok("SELECT INBOX")
        assert text in c.ok("FETCH 1 BODY.PEEK[]")[0]
        c.bad("STARTTLS")


def test_what_is_no_deflate(site, user):
    with ZipImap(site, *user) as c:
        c.compress()
        c.clear.sendall(b"a NOOP\r\n")
        with pytest.raises((EOFError, ConnectionResetError)):
            c.line()
    wait_for(lambda: "inflating_failed" in site.log("imapd"))
    with ZipImap(site, *user) as c:  # the last block: the client says no more
        c.compress()
        c.send("a NOOP\r\n")
        assert c.line().startswith("a OK")
        c.clear.sendall(c.sock.deflater.flush(zlib.Z_FINISH))
        with pytest.raises(EOFError):
            c.line()
    with Imap(site, *user) as c:
        c.ok("NOOP")


def test_setting(site, user):
    site.ctl("setting", "set", "imap.compress", "no", "--account", user[0])
    with Imap(site, *user) as c:
        assert "COMPRESS=DEFLATE" not in capabilities(c)
        c.bad("COMPRESS DEFLATE")
        c.ok("NOOP")


def test_commands_that_grow(site, user):
    """Much comes out of little: the limits are of what comes out."""
    with ZipImap(site, *user) as c:
        c.compress()
        c.send(b"a " + b"x" * 20_000_000 + b"\r\n")
        assert c.sock.sent < 40000
        assert c.until("a")[1].startswith("BAD")
        c.ok("NOOP")
