# SPDX-License-Identifier: BSD-2-Clause
"""imapd: ID (RFC 2971)."""

import contextlib

import pytest

from conftest import wait_for
from imap_raw import Imap


@contextlib.contextmanager
def setting(site, key, value):
    site.ctl("setting", "set", key, value)
    yield
    site.ctl("setting", "unset", key)


def test_what_the_server_says(site):
    with Imap(site) as c:
        assert c.ok("ID NIL") == ['* ID ("name" "Mailstead")']
        with setting(site, "imap.id", 'name "Our \\ Post" support-url https://example.test/ os * vendor *'):
            assert c.ok("ID NIL") == ['* ID ("name" "Our \\\\ Post" "support-url" "https://example.test/"'
                                      ' "os" "Linux" "vendor" NIL)']
        with setting(site, "imap.id", "name Bürö"):
            assert c.ok("ID NIL")[0].startswith('* ID ("name" ')
        with setting(site, "imap.id", ""):
            assert c.ok("ID NIL") == ["* ID NIL"]


@pytest.mark.parametrize("fields", ["NIL", "()", '("name" NIL)', '("name" "x" "version" "1")', '("a" {3+}\r\nb\nc)',
                                    "(" + " ".join(f'"f{n}" "v"' for n in range(30)) + ")"])
def test_what_clients_say(site, fields):
    with Imap(site, site.user1, site.pass1) as c:
        assert c.ok("ID " + fields)[0].startswith("* ID (")


@pytest.mark.parametrize("fields", ["", " ", "nil x", "(", '("a")', '("a" "b" "c")', '(a "b")', '("a" "b") x',
                                    "(" + " ".join(f'"f{n}" "v"' for n in range(31)) + ")"])
def test_what_makes_no_sense(site, fields):
    with Imap(site) as c:
        c.bad("ID " + fields)


def test_log(site):
    with Imap(site) as c:
        c.ok('ID ("name" "unseen-client")')
        with setting(site, "imap.id_log", "name x-note"):
            c.ok('ID ("vendor" "unseen-vendor" "Name" "seen\\"client" "x-note" {17+}\r\nof\r\nlevel="error")')
            c.ok('ID ("name" "' + "long" * 250 + '")')
        wait_for(lambda: "longlong" in site.log("imapd"))
    lines = [line for line in site.log("imapd").splitlines() if "client id" in line or "unseen" in line]
    assert len(lines) == 2
    assert "Name=seen" in lines[0] and "x-note=of" in lines[0] and "unseen" not in lines[0]
    assert "long" * 50 in lines[1] and "long" * 51 not in lines[1]
