# SPDX-License-Identifier: BSD-2-Clause
"""nginx's mail proxy in front, which asks authd where to go."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from conftest import wait_for
from imap_raw import Imap, message
from test_backends import MASTER, PASSWORD, Dovecot, account_at, answers, setting
from test_pop3 import Pop3

pytestmark = pytest.mark.skipif(not (shutil.which("nginx") and shutil.which("dovecot")),
                                reason="no nginx or no dovecot")
MODULE = "/usr/lib/nginx/modules/ngx_mail_module.so"


class Front:
    """Looks like a site to Imap and Pop3."""

    def __init__(self, site):
        self.host = "127.0.0.1"
        self.imap_port, self.pop3_port = site.claims.port(), site.claims.port()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ng.", dir="/tmp"))
        conf = self.dir / "nginx.conf"
        conf.write_text(f"""
{f"load_module {MODULE};" if os.path.exists(MODULE) else ""}
daemon off;
pid {self.dir}/pid;
error_log {self.dir}/log info;
events {{
}}
mail {{
  server_name front.example;
  auth_http 127.0.0.1:{site.auth_http_port}/auth;
  imap_capabilities IMAP4rev1 UIDPLUS;
  server {{
    listen 127.0.0.1:{self.imap_port};
    protocol imap;
  }}
  server {{
    listen 127.0.0.1:{self.pop3_port};
    protocol pop3;
  }}
}}
""")
        self.process = subprocess.Popen(["nginx", "-c", conf, "-p", self.dir, "-e", self.dir / "log"])
        wait_for(lambda: answers(self.imap_port) and answers(self.pop3_port), 20)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture(scope="module")
def front(site):
    f = Front(site)
    yield f
    f.stop()


@pytest.fixture(scope="module")
def dovecot(site):
    d = Dovecot(os.stat(site.data_dir), [f"elsewhere{n}@{site.domain}" for n in range(1, 100)])
    yield d
    d.stop()


def test_account_here(site, front):
    account = site.new_account()
    with Imap(front, *account) as c:
        c.append("INBOX", message(1))
    with Pop3(front, *account) as c:
        assert c.ok("STAT").startswith("1 ")
    with Imap(front) as c:
        c.no(f"LOGIN {account[0]} wrong-pass")


def test_odd_passwords(site, front):
    user, password = f"odd@{site.domain}", "a b%20c+%\u00e9\"\\x"
    site.ctl("account", "add", user, "--stdin", input=password + "\n")
    quoted = password.replace("\\", "\\\\").replace('"', '\\"')
    with Imap(front) as c:
        c.ok(f'LOGIN {user} "{quoted}"')
        c.ok("NOOP")


@pytest.mark.parametrize("tls", ["no", "starttls"])
def test_account_elsewhere(site, front, dovecot, tls):
    """Straight to the backend, or by way of our imapd where that needs TLS."""
    account = account_at(site, dovecot, tls, local=False)
    with Imap(front, *account) as c:
        c.append("INBOX", message(1))
        ours = any(account[0] in x and "mechanism=LOGIN" in x for x in site.log("imapd").splitlines())
        assert ours == (tls != "no")
    with Pop3(front, *account) as c:
        assert c.ok("STAT").startswith("1 ")


def test_master_user(site, front, dovecot):
    user, _ = account_at(site, dovecot, "no")
    secret = site.dir / "master-password"
    secret.write_text(MASTER + "\n")
    secret.chmod(0o644)
    site.ctl("password", user, "--stdin", input="another-pass\n")
    setting(site, user, "master_user", "root")
    setting(site, user, "master_password_file", secret)
    with Imap(front, user, "another-pass") as c:
        c.ok("SELECT INBOX")
    with Imap(front) as c:
        c.no(f"LOGIN {user} {PASSWORD}")


def ask(site, text):
    with socket.create_connection(("127.0.0.1", site.auth_http_port), 10) as s:
        s.sendall(text.encode())
        s.shutdown(socket.SHUT_WR)
        out = b""
        while data := s.recv(4096):
            out += data
    return out.decode()


FIELDS = "Auth-Method: plain\r\nAuth-Protocol: imap\r\nClient-IP: 192.0.2.77\r\n"


def test_answers(site):
    user, password = site.new_account()
    good = FIELDS + f"Auth-User: {user}\r\nAuth-Pass: {password}\r\n"
    answer = ask(site, f"GET /auth HTTP/1.0\r\n{good}\r\n")
    assert "Auth-Status: OK\r\n" in answer and f"Auth-Port: {site.imap_port}\r\n" in answer
    assert f"Auth-Server: 127.0.0.1\r\n" in answer
    answer = ask(site, f"GET /auth HTTP/1.0\r\n{good.replace('imap', 'smtp')}\r\n")
    assert "Auth-Status: OK" not in answer and "Auth-Error-Code: 451" in answer
    answer = ask(site, f"GET /auth HTTP/1.0\r\n{good.replace('plain', 'cram-md5')}\r\n")
    assert "Auth-Status: OK" not in answer
    answer = ask(site, f"GET /auth HTTP/1.0\r\n{good.replace(password, 'wrong')}\r\n")
    assert "Auth-Status: Authentication failed" in answer and "Auth-Wait:" in answer
    # Counted for the client, not for nginx.
    assert "192.0.2.77" in site.ctl("block", "list")
    for nonsense in ("POST / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", f"GET / HTTP/1.0\r\n{FIELDS}Auth-User: %z\r\n\r\n",
                     "\r\n\r\n", "GET / HTTP/1.0\r\nno colon\r\n\r\n"):
        assert ask(site, nonsense).startswith("HTTP/1.1 400"), nonsense
    assert ask(site, "GET / HTTP/1.0\r\n" + "X: y\r\n" * 10000) == ""
