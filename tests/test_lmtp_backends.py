# SPDX-License-Identifier: BSD-2-Clause
"""Mail for accounts that another server holds."""

import os
import shutil
import smtplib
import socket
import threading

import pytest

from conftest import wait_for
from imap_raw import Imap, message
from lmtp import Lmtp
from smtp_sink import Sink
from test_backends import Dovecot, account_at, setting

pytestmark = pytest.mark.skipif(not shutil.which("dovecot"), reason="no dovecot")


@pytest.fixture(scope="module")
def dovecot(site):
    d = Dovecot(os.stat(site.data_dir), [f"elsewhere{n}@{site.domain}" for n in range(1, 100)])
    yield d
    d.stop()


def send(site, rcpts, text):
    """The codes after the text, one a recipient."""
    with Lmtp(site.host, site.lmtp_port) as c:
        return [code for code, _ in c.deliver("sender@example.org", rcpts, text.encode())]


def fetch(site, account):
    with Imap(site, *account) as c:
        c.ok("SELECT INBOX")
        return "".join(c.ok("FETCH 1:* BODY.PEEK[]"))


def test_delivery(site, dovecot):
    """To one here, one there, and one whom that server does not know."""
    there, here = account_at(site, dovecot, "no"), site.new_account()
    nobody, _ = account_at(site, dovecot, "no")
    missing = f"missing@{site.domain}"
    site.ctl("account", "add", missing, "--no-password", "--backend", f"lmtp=127.0.0.1:{dovecot.lmtp}")
    setting(site, missing, "tls", "no")
    text = message(1) + "..dots\r\n.\r\n.x\r\n\r\n..\r\n"
    replies = send(site, [there[0], here[0], missing, nobody], text)
    assert replies == [250, 250, 550, 250]
    for account in (there, here):
        got = fetch(site, account)
        assert "\r\n..dots\r\n.\r\n.x\r\n\r\n..\r\n" in got
        assert f"for <{account[0]}>" in got and got.count("Delivered-To") == 1


def test_by_postfix(site, dovecot):
    """From the queue to an account that is elsewhere."""
    account = account_at(site, dovecot, "no")
    with smtplib.SMTP(site.host, site.smtp_port) as s:
        s.sendmail("someone@example.org", [account[0]], "Subject: by Postfix\r\n\r\nHello\r\n")

    def arrived():
        with Imap(site, *account) as c:
            c.ok("SELECT INBOX")
            untagged, _ = c.command("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
            return [x for x in untagged if "by Postfix" in x]

    wait_for(arrived, 20)


def test_backend_is_down(site, dovecot):
    account, here = account_at(site, dovecot, "no"), site.new_account()
    site.ctl("account", "set", account[0], "--backend", f"127.0.0.1:{dovecot.imap} lmtp=127.0.0.1:{site.claims.port()}")
    replies = send(site, [account[0], here[0]], message(1))
    assert replies == [451, 250]
    assert fetch(site, here)


def test_loop(site):
    """A site that delivers to itself."""
    user, _ = site.new_account()
    site.ctl("account", "set", user, "--backend", f"lmtp=127.0.0.1:{site.lmtp_port}")
    setting(site, user, "tls", "no")
    assert send(site, [user], message(1)) in ([554], [550])
    assert "result=loop" in site.log("lmtpd")


@pytest.mark.parametrize("script,code,said", [
    ([b"220 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"452 full\r\n"], 452, "4.0.0 full"),
    ([b"220 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"552 5.2.2 full\r\n"], 552, "5.2.2 full"),
    ([b"220 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"553-5.1.3 not\r\n553 5.1.3 y\xc3\xbc\r\n"], 553, "5.1.3 not y??"),
    ([b"220 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"554 5.7.1 spam\r\n"], 554, "5.7.1 spam"),
    ([b"220 hi\r\n", b"250 ok\r\n", b"500 5.5.1 what?\r\n"], 550, "5.5.1 what?"),
    ([b"421 4.3.2 busy\r\n"], 451, "4.3.2 busy"),
    ([b"220 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b""], 451, "4.3.0 <"),
    ([b"220 hi\r\n", b"250 ok\r\n", b"banana\r\n"], 451, "4.3.0 <"),
    ([b"+OK\r\n"], 451, "4.3.0 <"),
    ([b"1" * 100000], 451, "4.3.0 <"),
    ([b""], 451, "4.3.0 <"),
], ids=["full-now", "full", "refused", "spam", "not-known", "busy", "cut", "nonsense", "pop3", "long", "silent-end"])
def test_replies(site, dovecot, script, code, said):
    user, _ = site.new_account()
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            with server.accept()[0] as s:
                try:
                    for line in script:
                        s.sendall(line)
                        if line and not s.recv(4096):
                            break
                except OSError:
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        site.ctl("account", "set", user, "--backend", f"lmtp=127.0.0.1:{server.getsockname()[1]}")
        setting(site, user, "tls", "no")
        with Lmtp(site.host, site.lmtp_port) as c:
            (got, text), = c.deliver("sender@example.org", [user], message(1).encode())
        assert got == code and text.startswith(said), text
        thread.join()


@pytest.mark.parametrize("tells", [True, False])
def test_notice_of_success(site, tells):
    """Asked for there if the server there sends it, else sent by us."""
    user, _ = site.new_account()
    sink, heard = Sink(), []
    mta = site.ctl("setting", "get", "mta.submission").strip()
    site.ctl("setting", "set", "mta.submission", f"127.0.0.1:{sink.port}")
    lhlo = b"250-hi\r\n250-DSN\r\n250 DELIVERBY\r\n" if tells else b"250 hi\r\n"
    script = [b"220 hi\r\n", lhlo, b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 ok\r\n"]
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            def serve():
                with server.accept()[0] as s:
                    for line in script:
                        s.sendall(line)
                        heard.append(s.recv(4096))

            thread = threading.Thread(target=serve)
            thread.start()
            site.ctl("account", "set", user, "--backend", f"lmtp=127.0.0.1:{server.getsockname()[1]}")
            setting(site, user, "tls", "no")
            with Lmtp(site.host, site.lmtp_port) as c:
                c.command("MAIL FROM:<sender@example.org> RET=HDRS ENVID=a+3Db BY=600;N")
                c.command(f"RCPT TO:<{user}> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o+40example.org")
                c.command("DATA", 354)
                c.send(message(1).encode() + b".\r\n")
                c.expect(250)
            thread.join()
        mail_line, rcpt_line = heard[1].decode(), heard[2].decode()
        assert (" RET=HDRS ENVID=a+3Db BY=" in mail_line) == tells
        assert rcpt_line == f"RCPT TO:<{user}>" + (
            " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o@example.org\r\n" if tells else "\r\n")
        wait_for(lambda: site.ctl("outgoing", "list", user, "--json").strip() in ("", "[]"))
        assert ["\r\nAction: relayed\r\n" in m.data.decode() for m in sink.messages] == [True] * (not tells)
    finally:
        sink.close()
        site.ctl("setting", "set", "mta.submission", mta)
