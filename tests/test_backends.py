# SPDX-License-Identifier: BSD-2-Clause
"""Accounts that another server holds: Dovecot behind Mailstead, Mailstead
behind Mailstead, and servers that are down or lead in a loop."""

import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from conftest import Claims, Site, wait_for
from imap_raw import Imap, message
from imap_zip import ZipImap
from test_pop3 import Pop3

pytestmark = pytest.mark.skipif(not shutil.which("dovecot"), reason="no dovecot")

MASTER = "master-secret"
PASSWORD = "far-away-pass"
names = itertools.count(1)


class Dovecot:
    """With STARTTLS, TLS, and a master user."""

    def __init__(self, owner, users, limit=20):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="dc.", dir="/tmp"))
        self.dir.chmod(0o755)
        self.claims = Claims()
        self.imap, self.imaps, self.pop3, self.lmtp, self.sieve = (self.claims.port() for _ in range(5))
        mail = self.dir / "mail"
        mail.mkdir()
        os.chown(mail, owner.st_uid, owner.st_gid)
        self.cert = self.dir / "cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=backend", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", self.dir / "key.pem", "-out", self.cert], check=True, capture_output=True)
        self.cert.chmod(0o644)
        (self.dir / "master").write_text(f"root:{{PLAIN}}{MASTER}::::::\n")
        # All at once: it reads the file again only when its second changed.
        (self.dir / "passwd").write_text("".join(f"{user}:{{PLAIN}}{PASSWORD}::::::\n" for user in users))
        (self.dir / "dovecot.conf").write_text(f"""
base_dir = {self.dir}/run
state_dir = {self.dir}/state
log_path = {self.dir}/log
listen = 127.0.0.1
protocols = imap lmtp pop3 {'sieve' if self.has_sieve() else ''}
ssl = yes
ssl_cert = <{self.cert}
ssl_key = <{self.dir}/key.pem
disable_plaintext_auth = no
auth_master_user_separator = *
auth_verbose = yes
mail_location = sdbox:{mail}/%u
mail_uid = {owner.st_uid}
mail_gid = {owner.st_gid}
first_valid_uid = 1
first_valid_gid = 1
login_trusted_networks = 127.0.0.1/32
auth_failure_delay = 0
mail_max_userip_connections = {limit}
passdb {{
  driver = passwd-file
  args = {self.dir}/master
  master = yes
}}
passdb {{
  driver = passwd-file
  args = username_format=%u {self.dir}/passwd
}}
userdb {{
  driver = static
  args = uid={owner.st_uid} gid={owner.st_gid} home={mail}/home/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {self.imap}
  }}
  inet_listener imaps {{
    port = {self.imaps}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {self.pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
{self.sieve_service()}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {self.lmtp}
  }}
}}
""")
        self.process = subprocess.Popen(["dovecot", "-F", "-c", self.dir / "dovecot.conf"], start_new_session=True)
        wait_for(lambda: answers(self.imap) and answers(self.pop3) and answers(self.lmtp), 30)

    def sieve_service(self):
        text = f"service managesieve-login {{\n  inet_listener sieve {{\n    port = {self.sieve}\n  }}\n}}"
        return text if self.has_sieve() else ""

    @staticmethod
    def has_sieve():
        return os.path.exists("/usr/share/dovecot/protocols.d/managesieved.protocol")

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.claims.release()
        shutil.rmtree(self.dir, ignore_errors=True)


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as s:
            return s.recv(10)
    except OSError:
        return b""


@pytest.fixture(scope="module")
def dovecot(site):
    d = Dovecot(os.stat(site.data_dir), [f"elsewhere{n}@{site.domain}" for n in range(1, 100)])
    yield d
    d.stop()


def setting(site, account, key, value):
    site.ctl("setting", "set", f"backend.{key}", str(value), "--account", account)


def account_at(site, dovecot, tls="starttls", local=True, port=None):
    """An account of the site that Dovecot holds: address and password."""
    user, password = f"elsewhere{next(names)}@{site.domain}", PASSWORD
    where = f"127.0.0.1:{port or dovecot.imap} pop3=127.0.0.1:{dovecot.pop3} lmtp=127.0.0.1:{dovecot.lmtp}"
    login = ("--stdin",) if local else ("--no-password",)
    site.ctl("account", "add", user, *login, "--backend", where, input=password + "\n" if local else None)
    setting(site, user, "tls", tls)
    setting(site, user, "ca_file", dovecot.cert)
    return user, password


@pytest.mark.parametrize("tls", ["starttls", "tls", "no"])
def test_imap(site, dovecot, tls):
    account = account_at(site, dovecot, tls, port=dovecot.imaps if tls == "tls" else None)
    with Imap(site) as c:
        # What is sent behind the login goes to the backend.
        c.send(f"a LOGIN {account[0]} {account[1]}\r\nb CREATE Far\r\n")
        _, tagged = c.until("a")
        assert tagged.startswith("OK [CAPABILITY IMAP4rev1") and "THREAD=REFERENCES" in tagged, tagged
        _, tagged = c.until("b")
        assert tagged.startswith("OK"), tagged
        # Large ones, both ways.
        text = message(1) + "x" * 70 + "\r\n"
        text += "0123456789" * 7 * 50000 + "\r\n"
        tag = "c"
        c.send(f"{tag} APPEND Far {{{len(text)}+}}\r\n{text}\r\n")
        assert c.until(tag)[1].startswith("OK")
        c.ok("SELECT Far")
        fetched = "".join(c.ok("FETCH 1 BODY.PEEK[]"))
        assert text in fetched
        who = site.ctl("who", "--json")
        assert account[0] in who
        c.ok("LOGOUT")
        with pytest.raises(EOFError):
            c.line()
    assert f"user=<{account[0]}>" in dovecot.log()


def test_client_address_is_told(site, dovecot):
    account = account_at(site, dovecot)
    with Imap(site, *account) as c:
        port = c.sock.getsockname()[1]
        session = wait_for(lambda: [x for x in site.log("imapd").splitlines() if account[0] in x and "backend=" in x])
        name = session[-1].split("session=")[1].split()[0]
        assert name in dovecot.log() and port


def test_pop3(site, dovecot):
    account = account_at(site, dovecot)
    with Imap(site, *account) as c:
        for n in range(3):
            c.append("INBOX", message(n))
    with Pop3(site, *account) as c:
        assert c.ok("STAT").startswith("3 ")
        assert any("Subject: message 1" in x for x in c.many("RETR 2"))
        c.ok("DELE 1")
        c.ok("QUIT")
        with pytest.raises(EOFError):
            c.line()
    with Pop3(site) as c:
        c.send(f"USER {account[0]}\r\nPASS {account[1]}\r\nSTAT\r\nQUIT\r\n")
        assert [c.line()[:6] for _ in range(4)][2] == "+OK 2 "


def test_quiet_session_ends(site, dovecot):
    account = account_at(site, dovecot)
    setting(site, account[0], "idle_timeout", "1s")
    with Imap(site, *account) as c, Pop3(site, *account) as p:
        assert c.line().startswith("* BYE Idle")
        with pytest.raises(EOFError):
            p.line()


def test_front_stops(site, dovecot):
    account = account_at(site, dovecot)
    with Imap(site, *account) as c, Pop3(site, *account) as p:
        for daemon in ("imapd", "pop3d"):
            os.kill(site.pid(daemon), signal.SIGTERM)
        assert c.line().startswith("* BYE [UNAVAILABLE]")
        assert p.line().startswith("-ERR [SYS/TEMP]")
        for end in (c, p):
            with pytest.raises(EOFError):
                end.line()
    for daemon in ("imapd", "pop3d"):
        wait_for(lambda: not (site.run_dir / f"{daemon}.pid").exists())
        site.start_daemon(daemon)


def test_password_is_only_there(site, dovecot):
    user, password = account_at(site, dovecot, local=False)
    with Imap(site) as c:
        c.no(f"LOGIN {user} wrong", "AUTHENTICATIONFAILED")
        c.ok(f"LOGIN {user} {password}")
    with Pop3(site) as c:
        c.ok(f"USER {user}")
        c.err("PASS wrong", "AUTH")
        c.ok(f"USER {user}")
        c.ok(f"PASS {password}")
        c.ok("STAT")


@pytest.mark.parametrize("separator", ["", "*"])
def test_master_user(site, dovecot, separator):
    """The password there need not be the one here."""
    user, _ = account_at(site, dovecot)
    secret = site.dir / "master-password"
    secret.write_text(MASTER + "\n")
    secret.chmod(0o644)
    site.ctl("password", user, "--stdin", input="another-pass\n")
    setting(site, user, "master_user", "root")
    setting(site, user, "master_password_file", secret)
    setting(site, user, "master_separator", separator)
    with Imap(site, user, "another-pass") as c:
        c.append("INBOX", message(7))
    with Pop3(site, user, "another-pass") as c:
        assert c.ok("STAT").startswith("1 ")
    with Imap(site) as c:
        c.no(f"LOGIN {user} {MASTER}", "AUTHENTICATIONFAILED")


def test_certificate_is_checked(site, dovecot):
    user, password = account_at(site, dovecot)
    setting(site, user, "ca_file", "")
    with Imap(site) as c:
        c.no(f"LOGIN {user} {password}", "UNAVAILABLE")
        setting(site, user, "verify", "no")
        c.ok(f"LOGIN {user} {password}")
    assert "certificate verify failed" in site.log("imapd")


def test_backend_is_down(site, dovecot):
    user, password = account_at(site, dovecot)
    port = site.claims.port()
    site.ctl("account", "set", user, "--backend", f"127.0.0.1:{port} pop3=127.0.0.1:{port}")
    with Imap(site) as c:
        c.no(f"LOGIN {user} {password}", "UNAVAILABLE")
        # Nothing else suffers.
        c.ok(f"LOGIN {site.user1} {site.pass1}")
    with Pop3(site) as c:
        c.ok(f"USER {user}")
        c.err(f"PASS {password}", "SYS/TEMP")
    # No word about POP3: not here, and not anywhere.
    site.ctl("account", "set", user, "--backend", f"imap=127.0.0.1:{dovecot.imap}")
    with Pop3(site) as c:
        c.ok(f"USER {user}")
        c.err(f"PASS {password}", "SYS/TEMP")
    with Imap(site) as c:
        c.ok(f"LOGIN {user} {password}")
    assert site.ctl("account", "set", user, "--backend", "smtp=x", check=False).returncode


@pytest.mark.alone
def test_backend_is_silent(site, dovecot):
    user, password = account_at(site, dovecot)
    with socket.create_server(("127.0.0.1", 0)) as s:
        site.ctl("account", "set", user, "--backend", f"127.0.0.1:{s.getsockname()[1]}")
        setting(site, user, "timeout", "1s")
        with Imap(site) as c:
            begin = time.monotonic()
            c.no(f"LOGIN {user} {password}", "UNAVAILABLE")
            assert time.monotonic() - begin < 5
    assert "no answer in time" in site.log("imapd")


@pytest.mark.alone
def test_hanging_backend_leaves_workers(site, dovecot):
    """Many wait for one that hangs, and nobody else has to."""
    user, password = account_at(site, dovecot)
    with socket.create_server(("127.0.0.1", 0), backlog=200) as s:
        site.ctl("account", "set", user, "--backend", f"127.0.0.1:{s.getsockname()[1]}")
        setting(site, user, "timeout", "20s")
        waiting = [Imap(site) for _ in range(8 * (os.cpu_count() or 1))]
        half = len(waiting) // 2
        for c in waiting[:half]:
            c.send(f"x LOGIN {user} {password}\r\n")
        there = [s.accept()[0] for _ in range(half)]
        time.sleep(1.1)
        for c in waiting[half:]:
            c.send(f"x LOGIN {user} {password}\r\n")
        begin = time.monotonic()
        with Imap(site, site.user1, site.pass1) as c:
            c.ok("NOOP")
        for c in waiting[half:]:
            assert "[UNAVAILABLE]" in c.until("x")[1]
        assert time.monotonic() - begin < 10
        for c in there:
            c.close()
        for c in waiting[:half]:
            assert "[UNAVAILABLE]" in c.until("x")[1]
        for c in waiting:
            c.close()
    assert "too many are waiting" in site.log("imapd")


@pytest.mark.parametrize("said", [b"", b"* BYE no\r\n", b"+OK pop\r\n", b"x" * 200000, b"* OK hi\r\nA1 OK\r\n"],
                         ids=["nothing", "bye", "pop3", "long", "short"])
def test_backend_talks_nonsense(site, dovecot, said):
    user, password = account_at(site, dovecot, "no")
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            with server.accept()[0] as s:
                try:
                    s.sendall(said)
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(4096):
                        pass
                except OSError:
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        site.ctl("account", "set", user, "--backend", f"127.0.0.1:{server.getsockname()[1]}")
        with Imap(site) as c:
            c.no(f"LOGIN {user} {password}", "UNAVAILABLE")
        thread.join()


def test_too_many_at_the_backend(site, dovecot):
    """Its limit is not the user's mistake."""
    user, password = account_at(site, dovecot)
    there = [Imap(site, user, password) for _ in range(20)]
    with Imap(site) as c:
        c.no(f"LOGIN {user} {password}", "UNAVAILABLE")
        there.pop().close()
        wait_for(lambda: c.command(f"LOGIN {user} {password}")[1].startswith("OK"))
    for c in there:
        c.close()


def test_moving_in(site, dovecot):
    """Mail is imported while the account is still there; then it is ours."""
    user, password = account_at(site, dovecot, local=False)
    mbox = site.dir / "moving.mbox"
    mbox.write_text("From a@b Mon Nov  2 10:00:00 2026\n" + message(5).replace("\r\n", "\n") + "\n")
    mbox.chmod(0o644)
    site.ctl("import", user, mbox)
    with Imap(site, user, password) as c:
        c.append("INBOX", message(6))
    assert "backed up" in site.ctl("backup", site.dir / "moving.backup")
    assert user in (site.dir / "moving.backup" / "manifest.json").read_text()
    site.ctl("account", "set", user, "--backend", "")
    site.ctl("password", user, "--stdin", input="new-password\n")
    with Imap(site, user, "new-password") as c:
        c.ok("SELECT INBOX")
        assert "message 5" in "".join(c.ok("FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]"))
    # One that was restored without its store.
    user, password = account_at(site, dovecot)
    ident = json.loads(site.ctl("account", "show", user, "--json"))["id"]
    folder, = (site.data_dir / "accounts").glob(f"*/{ident}")
    shutil.rmtree(folder)
    site.ctl("check")
    site.ctl("backup", site.dir / "without.backup")
    assert user not in (site.dir / "without.backup" / "manifest.json").read_text()
    site.ctl("account", "set", user, "--backend", "")
    with Imap(site, user, password) as c:
        c.ok("SELECT INBOX")


def test_doctor(site, dovecot):
    user, _ = account_at(site, dovecot)

    def findings():
        done = site.ctl("doctor", "--no-dns", "--no-postfix", "--json", check=False)
        return [x for x in json.loads(done.stdout)["findings"] if "backend" in x["finding"]]

    for proto, port in (("imap", dovecot.imap), ("pop3", dovecot.pop3)):
        assert any(x["health"] == "ok" and f"127.0.0.1:{port} answers for {proto}" in x["finding"]
                   for x in findings()), findings()
    site.ctl("account", "set", user, "--backend", f"imap=127.0.0.1:{site.claims.port()}")
    assert any(x["health"] == "wrong" and user in x["finding"] for x in findings())


def test_loop(site):
    """A site that names itself."""
    user, password = site.new_account()
    site.ctl("account", "set", user, "--backend",
             f"127.0.0.1:{site.imap_port} pop3=127.0.0.1:{site.pop3_port}")
    setting(site, user, "tls", "no")
    with Imap(site) as c:
        c.no(f"LOGIN {user} {password}", "UNAVAILABLE")
    assert "in a loop" in site.log("imapd")
    with Pop3(site) as c:
        c.ok(f"USER {user}")
        c.err(f"PASS {password}", "SYS/TEMP")
    assert "in a loop" in site.log("pop3d")


def test_mailstead_behind_mailstead(site, own_site):
    user, password = site.new_account()
    far = Site.__new__(Site)
    far.__dict__.update(own_site.__dict__)
    far.ctl("account", "add", user, "--stdin", input=password + "\n")
    site.ctl("account", "set", user, "--backend",
             f"127.0.0.1:{far.imap_port} pop3=127.0.0.1:{far.pop3_port}")
    setting(site, user, "verify", "no")
    with Imap(site, user, password) as c:
        c.append("INBOX", message(1))
        c.ok("SELECT INBOX")
        # Told as it happens, through the front.
        c.send("i IDLE\r\n")
        assert c.line().startswith("+")
        with Imap(far, user, password) as d:
            d.append("INBOX", message(2))
        assert "2 EXISTS" in c.line()
        c.send("DONE\r\n")
        c.until("i")
    with Pop3(site, user, password) as c:
        assert c.ok("STAT").startswith("2 ")
    # Compression is between the client and the far one; who logs in there is
    # for the front to say.
    with ZipImap(site) as c:
        _, tagged = c.command(f"LOGIN {user} {password}")
        assert "COMPRESS=DEFLATE" in tagged and "UNAUTHENTICATE" not in tagged
        c.bad("UNAUTHENTICATE")
        c.compress()
        c.append("INBOX", message(3, body="x" * 100000 + "\r\n"))
        c.ok("SELECT INBOX")
        assert "x" * 100000 in c.ok("FETCH 3 BODY.PEEK[]")[0]
    # The far one goes away: so does the client's connection.
    with Imap(site, user, password) as c:
        os.kill(far.pid("imapd"), signal.SIGTERM)
        assert c.line().startswith("* BYE")
        with pytest.raises((EOFError, ConnectionResetError)):
            c.line()
