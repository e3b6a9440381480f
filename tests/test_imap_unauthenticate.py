# SPDX-License-Identifier: BSD-2-Clause
"""imapd: UNAUTHENTICATE (RFC 8437)."""

import base64
import ssl
import zlib

import pytest

from imap_raw import Imap, message
from imap_zip import ZipImap


@pytest.fixture
def users(site):
    return site.new_account(), site.new_account()


def capabilities(c):
    return c.ok("CAPABILITY")[0].split()


def plain(user):
    return base64.b64encode("\0{}\0{}".format(*user).encode()).decode()


def test_log_in_as_another(site, users):
    one, two = users
    with Imap(site) as c:
        before = capabilities(c)
        assert "UNAUTHENTICATE" not in before
        c.bad("UNAUTHENTICATE")
        for user, other in (one, two), (two, one), (one, two):
            assert "UNAUTHENTICATE" in c.command("LOGIN {} {}".format(*user))[1]
            assert f'"{user[0]}"' in site.ctl("who", "--json")
            c.command("CREATE of-" + user[0].partition("@")[0])
            listed = "".join(c.ok('LIST "" *'))
            assert [f"of-{x[0].partition('@')[0]}" in listed for x in (user, other)] == [True, False]
            c.bad("UNAUTHENTICATE now")
            c.ok("UNAUTHENTICATE")
            assert capabilities(c) == before
            assert f'"{user[0]}"' not in site.ctl("who", "--json")
            c.bad("SELECT INBOX")
            c.no(f"LOGIN {other[0]} nonsense", "AUTHENTICATIONFAILED")


def test_nothing_is_left(site, users):
    """Of the mailbox, of saved searches, of what was enabled and asked for."""
    one, two = users
    with Imap(site, *one) as c, Imap(site, *one) as there:
        c.append("INBOX", message(1))
        c.ok("ENABLE QRESYNC IMAP4rev2 METADATA")
        c.ok("COMPARATOR i;octet")
        c.ok("SELECT INBOX")
        c.ok("SEARCH RETURN (SAVE) ALL")
        c.ok("SEARCH RETURN (UPDATE) SEEN")
        c.ok("NOTIFY SET (SELECTED (MessageNew MessageExpunge)) (PERSONAL (MessageNew MessageExpunge))")
        c.ok("UNAUTHENTICATE")
        there.append("INBOX", message(2))
        c.bad("FETCH 1 FLAGS")
        assert c.ok("NOOP") == []
        c.ok("LOGIN {} {}".format(*two))
        assert c.ok("NOOP") == []
        c.append("INBOX", message(3))
        c.ok("CREATE &AOQ-")
        c.bad("SEARCH ALL")  # nothing is selected
        assert c.ok("COMPARATOR") == ["* COMPARATOR i;unicode-casemap"]
        selected = c.ok("SELECT INBOX")
        assert "* 1 RECENT" in selected  # IMAP4rev2 has it not
        assert c.ok("SEARCH $") == ["* SEARCH"]
        assert c.ok("SEARCH ALL") == ["* SEARCH 1"]
        assert any("&AOQ-" in x for x in c.ok('LIST "" *'))
        c.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        assert "* 1 EXPUNGE" in c.ok("EXPUNGE")  # not VANISHED
        c.bad("SELECT INBOX (QRESYNC (1 1))")


def test_pipelined(site, users):
    one, two = users
    with Imap(site, *one) as c:
        c.ok("SELECT INBOX")
        c.send(f"a UNAUTHENTICATE\r\nb AUTHENTICATE PLAIN {plain(two)}\r\nc CREATE here\r\nd UNAUTHENTICATE\r\n"
               f"e AUTHENTICATE PLAIN {plain(one)}\r\nf LIST \"\" here\r\n")
        for tag in "abcde":
            assert c.until(tag)[1].startswith("OK")
        assert c.until("f")[0] == []


@pytest.mark.parametrize("end", [zlib.Z_SYNC_FLUSH, zlib.Z_FINISH], ids=["flush", "finish"])
@pytest.mark.parametrize("ahead", [False, True], ids=["waiting", "ahead"])
def test_compression_ends(site, users, end, ahead):
    one, two = users
    with ZipImap(site, *one) as c:
        for _ in range(2):
            c.compress()
            c.ok("SELECT INBOX")
            c.sock.how = end
            c.send("u UNAUTHENTICATE\r\n")
            if ahead:
                c.clear.sendall(f"v LOGIN {two[0]} {two[1]}\r\n".encode())
            raw = c.sock
            reply = b""
            while b"u OK Logged out\r\n" not in reply:
                came = raw.came or raw.inflater.decompress(raw.sock.recv(1))
                raw.came = b""
                reply += came
            # What its flush ends with; the rest is clear text.
            tail = b""
            while not tail.endswith(b"\0\0\xff\xff"):
                tail += raw.sock.recv(1)
            assert len(tail) < 8
            c.uncompress()
            if not ahead:
                c.send(f"v LOGIN {two[0]} {two[1]}\r\n")
            _, tagged = c.until("v")
            assert tagged.startswith("OK") and "COMPRESS=DEFLATE" in tagged


def test_tls_stays(site, users):
    context = ssl._create_unverified_context()
    with Imap(site) as c:
        c.ok("STARTTLS")
        c.sock = context.wrap_socket(c.sock, server_hostname="localhost")
        c.file = c.sock.makefile("rb")
        for user in users:
            c.ok("LOGIN {} {}".format(*user))
            c.ok("UNAUTHENTICATE")
            c.bad("STARTTLS")
            assert "STARTTLS" not in capabilities(c)


def test_setting(site, users):
    one, _ = users
    site.ctl("setting", "set", "imap.unauthenticate", "no", "--account", one[0])
    with Imap(site, *one) as c:
        assert "UNAUTHENTICATE" not in capabilities(c)
        c.bad("UNAUTHENTICATE")
        c.ok("SELECT INBOX")


def test_behind_a_front(site, users):
    one, _ = users
    with Imap(site) as c:
        c.ok('ID ("x-proxy-ttl" "3")')
        c.ok("LOGIN {} {}".format(*one))
        assert "UNAUTHENTICATE" not in capabilities(c)
        c.bad("UNAUTHENTICATE")
