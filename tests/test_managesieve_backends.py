# SPDX-License-Identifier: BSD-2-Clause
"""Accounts whose scripts are on another server: Dovecot and Mailstead behind
sieved, servers that are down or lead in a loop, and referrals."""

import json
import os
import shutil
import signal
import socket
import time

import pytest

from conftest import wait_for
from managesieve import Sieve, literal, plain
from test_backends import MASTER, PASSWORD, Dovecot, names, setting

needs_dovecot = pytest.mark.skipif(not shutil.which("dovecot") or not Dovecot.has_sieve(),
                                   reason="no dovecot with ManageSieve")
SCRIPT = 'require "fileinto";\r\nfileinto "Archive";\r\n' + "# long\r\n" * 5000


@pytest.fixture(scope="module")
def dovecot(site):
    d = Dovecot(os.stat(site.data_dir), [f"elsewhere{n}@{site.domain}" for n in range(1, 100)])
    yield d
    d.stop()


def account_at(site, dovecot, tls="starttls"):
    user = f"elsewhere{next(names)}@{site.domain}"
    site.ctl("account", "add", user, "--stdin", "--backend", f"sieve=127.0.0.1:{dovecot.sieve}", input=PASSWORD + "\n")
    setting(site, user, "tls", tls)
    setting(site, user, "ca_file", dovecot.cert)
    return user, PASSWORD


@needs_dovecot
@pytest.mark.parametrize("tls", ["starttls", "no"])
def test_dovecot(site, dovecot, tls):
    user, password = account_at(site, dovecot, tls)
    with Sieve(site) as c:
        # What is sent behind the login goes to the backend.
        c.send(f'AUTHENTICATE "PLAIN" "{plain(user, password)}"\r\n'.encode()
               + b'PUTSCRIPT "a" ' + literal(SCRIPT) + b'\r\nLISTSCRIPTS\r\n')
        assert [c.reply().status for _ in range(2)] == ["OK", "OK"]
        assert c.reply().lines == [["a"]]
        assert c.get("a") == SCRIPT
        assert "Dovecot" in c.capabilities()["IMPLEMENTATION"]
        assert user in site.ctl("who", "--json")
        c.ok("LOGOUT")
        assert c.closed()
    assert f"user=<{user}>" in dovecot.log()


@needs_dovecot
@pytest.mark.parametrize("separator", ["", "*"])
def test_master_user(site, dovecot, separator):
    user, _ = account_at(site, dovecot)
    secret = site.dir / "master-password-sieve"
    secret.write_text(MASTER + "\n")
    secret.chmod(0o644)
    site.ctl("password", user, "--stdin", input="another-pass\n")
    setting(site, user, "master_user", "root")
    setting(site, user, "master_password_file", secret)
    setting(site, user, "master_separator", separator)
    with Sieve(site, user, "another-pass") as c:
        c.put("a", "keep;")
    with Sieve(site) as c:
        c.no(f'AUTHENTICATE "PLAIN" "{plain(user, MASTER)}"')


@needs_dovecot
def test_certificate_is_checked(site, dovecot):
    user, password = account_at(site, dovecot)
    setting(site, user, "ca_file", "")
    with Sieve(site) as c:
        c.no(f'AUTHENTICATE "PLAIN" "{plain(user, password)}"', "TRYLATER")
        setting(site, user, "verify", "no")
        c.login(user, password)
    assert "certificate verify failed" in site.log("sieved")


@needs_dovecot
def test_password_there_is_another(site, dovecot):
    user, _ = account_at(site, dovecot)
    site.ctl("password", user, "--stdin", input="another-pass\n")
    with Sieve(site) as c:
        c.no(f'AUTHENTICATE "PLAIN" "{plain(user, "another-pass")}"')
        c.ok("NOOP")


@needs_dovecot
def test_doctor(site, dovecot):
    account_at(site, dovecot)
    said = site.ctl("doctor", "--no-dns", "--no-postfix", check=False).stdout
    assert f"the backend 127.0.0.1:{dovecot.sieve} answers for sieve" in said, said


def test_backend_is_down(site):
    user, password = site.new_account()
    site.ctl("account", "set", user, "--backend", f"127.0.0.1:1 sieve=127.0.0.1:{site.claims.port()}")
    with Sieve(site) as c:
        c.no(f'AUTHENTICATE "PLAIN" "{plain(user, password)}"', "TRYLATER")
        c.login(site.user1, site.pass1)
    # No word about ManageSieve: not here, and not anywhere.
    site.ctl("account", "set", user, "--backend", "imap=127.0.0.1:1")
    with Sieve(site) as c:
        c.no(f'AUTHENTICATE "PLAIN" "{plain(user, password)}"', "TRYLATER")


@pytest.mark.parametrize("says", [b"* OK IMAP4\r\n", b"NO \"go away\"\r\n", b'"SASL" "GSSAPI"\r\nOK\r\n', b"BYE\r\n",
                                  b'"SASL" "PLAIN"\r\nOK {3}\r\nabc\r\nNO (TRYLATER) "busy"\r\n', b""])
def test_backend_talks_nonsense(site, says):
    user, password = site.new_account()
    with socket.create_server(("127.0.0.1", 0)) as s:
        site.ctl("account", "set", user, "--backend", f"sieve=127.0.0.1:{s.getsockname()[1]}")
        setting(site, user, "tls", "no")
        setting(site, user, "timeout", "2s")
        with Sieve(site) as c:
            c.send(f'AUTHENTICATE "PLAIN" "{plain(user, password)}"\r\n')
            peer = s.accept()[0]
            peer.sendall(says)
            reply = c.reply()
            assert (reply.status, reply.code) == ("NO", "TRYLATER")
            peer.close()
            c.ok("NOOP")


def test_loop(site):
    """A site that names itself."""
    user, password = site.new_account()
    site.ctl("account", "set", user, "--backend", f"sieve=127.0.0.1:{site.sieve_port}")
    setting(site, user, "tls", "no")
    with Sieve(site) as c:
        c.no(f'AUTHENTICATE "PLAIN" "{plain(user, password)}"', "TRYLATER")
    assert "in a loop" in site.log("sieved")


def test_referral(site):
    user, password = site.new_account()
    for backend, url in ((f"sieve=far.example.test:{site.sieve_port}", f"sieve://far.example.test:{site.sieve_port}"),
                         ("[2001:db8::1]", "sieve://[2001:db8::1]:4190")):
        site.ctl("account", "set", user, "--backend", backend)
        site.ctl("setting", "set", "sieve.referral", "yes", "--account", user)
        with Sieve(site) as c:
            c.no(f'AUTHENTICATE "PLAIN" "{plain(user, "wrong")}"')
            reply = c.command(f'AUTHENTICATE "PLAIN" "{plain(user, password)}"')
            assert (reply.status, reply.code) == ("BYE", f"REFERRAL {url}")
            assert c.closed()


@pytest.mark.alone
def test_mailstead_behind_mailstead(site, own_site):
    user, password = site.new_account()
    own_site.ctl("account", "add", user, "--stdin", input=password + "\n")
    site.ctl("account", "set", user, "--backend", f"sieve=127.0.0.1:{own_site.sieve_port}")
    setting(site, user, "verify", "no")
    with Sieve(site, user, password) as c:
        port = c.sock.getsockname()[1]
        c.put("a", SCRIPT)
        assert c.get("a") == SCRIPT
        c.ok('SETACTIVE "a"')
        assert f"PORT={port}" in own_site.log("sieved") and "tls=yes" in own_site.log("sieved")
        # The front stops and says so.
        os.kill(site.pid("sieved"), signal.SIGTERM)
        reply = c.reply()
        assert (reply.status, reply.code) == ("BYE", "TRYLATER") and c.closed()
    wait_for(lambda: not (site.run_dir / "sieved.pid").exists())
    site.start_daemon("sieved")
    with Sieve(own_site, user, password) as c:
        assert c.scripts() == ["*a"]
    with Sieve(site) as c:
        site.ctl("setting", "set", "backend.idle_timeout", "1s", "--account", user)
        c.login(user, password)
        begin = time.monotonic()
        assert c.reply().status == "BYE" and c.closed()
        assert time.monotonic() - begin < 5
