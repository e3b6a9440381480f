# SPDX-License-Identifier: BSD-2-Clause
"""What accounts send by themselves: queued in the account, sent by lmtpd."""

import json
import signal
import subprocess
import threading
import time

import pytest

from conftest import BUILD, wait_for
from smtp_sink import Sink

QUEUE = BUILD / "tests" / "outbox" / "queue"
TEXT = "From: me@example.test\r\nSubject: {}\r\n\r\n.dot\r\nhello\r\n"


@pytest.fixture
def sink(sink, mail_site):
    mail_site.ctl("setting", "set", "mta.retry_pause", "1s")
    return sink


def account_id(site, user):
    return json.loads(site.ctl("account", "show", user, "--json"))["id"]


class Owner:
    def __init__(self, site):
        self.site = site
        self.user, self.password = site.new_account()
        self.id = account_id(site, self.user)
        self.marker = site.data_dir / "outbox" / self.id

    def queue(self, subject, *to, text=TEXT, sender="me@example.test", **keys):
        args = [f"{k}={v}" for k, v in keys.items()]
        subprocess.run(["setpriv", "--reuid=mailstead", "--regid=mailstead", "--clear-groups",
                        str(QUEUE), str(self.site.data_dir), self.id, *args, sender, *to],
                       input=text.format(subject).encode(), check=True)

    def inbox(self):
        c = self.site.imap(self.user, self.password)
        c.select("INBOX")
        found = c.search(None, "ALL")[1][0].split()
        texts = [c.fetch(n, "(BODY.PEEK[])")[1][0][1].decode() for n in found]
        c.logout()
        return texts

    def is_done(self):
        return not self.marker.exists()


@pytest.fixture
def owner(mail_site):
    return Owner(mail_site)


def subjects(sink):
    return [line for m in sink.messages for line in m.data.decode().split("\r\n")
            if line.startswith("Subject: ")]


def test_sent_at_once(sink, owner):
    owner.queue("plain", "you@example.net", "and@example.net")
    wait_for(lambda: sink.messages)
    m = sink.messages[0]
    assert m.mail.startswith("MAIL FROM:<me@example.test>")
    assert "SIZE=" in m.mail and "SMTPUTF8" not in m.mail
    assert m.rcpts == ["RCPT TO:<you@example.net>", "RCPT TO:<and@example.net>"]
    assert m.data.decode() == TEXT.format("plain")
    wait_for(owner.is_done)
    assert owner.inbox() == []


def test_parameters(sink, owner):
    owner.queue("p", "you@example.net", notify="NEVER", ret="HDRS", envid="x1",
                orcpt="rfc822;o@example.org", by_mode="N", by_time=600, sender="")
    wait_for(lambda: sink.messages)
    m = sink.messages[0]
    assert m.mail.startswith("MAIL FROM:<> ")
    assert " RET=HDRS ENVID=x1 BY=" in m.mail and m.mail.endswith(";N")
    assert m.rcpts == ["RCPT TO:<you@example.net> NOTIFY=NEVER ORCPT=rfc822;o@example.org"]


def test_server_without_extensions(sink, owner):
    sink.extensions = ()
    owner.queue("p", "you@example.net", notify="NEVER", envid="x1")
    wait_for(lambda: sink.messages)
    assert sink.messages[0].mail == "MAIL FROM:<me@example.test>"
    assert sink.messages[0].rcpts == ["RCPT TO:<you@example.net>"]


def test_no_line_end_but_crlf(sink, owner):
    """A bare LF with a dot behind it must not end the message for anybody."""
    owner.queue("s", "you@example.net", text="Subject: {}\r\n\r\na\n.\nMAIL FROM:<x>\r\n")
    wait_for(lambda: sink.messages)
    assert sink.messages[0].data == b"Subject: s\r\n\r\na\r\n.\r\nMAIL FROM:<x>\r\n"


def test_mta_down(mail_site, sink, owner):
    port = sink.port
    sink.close()
    wait_for(lambda: not_listening(port))
    owner.queue("while down", "you@example.net")
    wait_for(lambda: "event=mta_down" in mail_site.log("lmtpd"))
    assert owner.marker.exists()
    status = json.loads(mail_site.ctl("status", "--json", check=False).stdout)
    assert status["site"]["outgoing"] >= 1
    doctor = mail_site.ctl("doctor", "--no-dns", check=False).stdout
    assert f"127.0.0.1:{port}" in doctor and "mail that accounts send" in doctor
    again = Sink(port)
    try:
        wait_for(lambda: again.messages, 20)
        assert subjects(again) == ["Subject: while down"]
        wait_for(owner.is_done)
        doctor = mail_site.ctl("doctor", "--no-dns", check=False).stdout
        assert f"the MTA at 127.0.0.1:{port} answers" in doctor
    finally:
        again.close()


def not_listening(port):
    import socket
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) != 0


def test_later(sink, owner):
    """4yz for one recipient: the other has it once, this one in the end."""
    refused = []

    def answer(line):
        if line.startswith("RCPT TO:<late") and len(refused) < 2:
            refused.append(line)
            return "451 4.7.1 greylisted"
        return None

    sink.answer = answer
    owner.queue("later", "now@example.net", "late@example.net")
    wait_for(lambda: len(sink.messages) == 2, 20)
    assert [m.rcpts for m in sink.messages] == [
        ["RCPT TO:<now@example.net>"], ["RCPT TO:<late@example.net>"]]
    wait_for(owner.is_done)
    assert owner.inbox() == []


def test_refused(mail_site, sink, owner):
    sink.answer = lambda line: "550 5.1.1 Nobody of that name" if "nobody@" in line else None
    owner.queue("refused", "nobody@example.net", "you@example.net")
    wait_for(owner.is_done)
    assert len(sink.messages) == 1
    (note,) = owner.inbox()
    assert "nobody@example.net" in note and "you@example.net" not in note
    assert "550 5.1.1 Nobody of that name" in note
    assert "Subject: refused" in note and f"<{owner.user}>" in note
    assert "hello" not in note
    assert "result=failed" in mail_site.log("lmtpd")


def test_refused_after_data(sink, owner):
    sink.at_end = lambda: "554 5.6.0 I do not like it"
    owner.queue("spam", "you@example.net")
    wait_for(owner.is_done)
    assert "554 5.6.0 I do not like it" in owner.inbox()[0]


def test_note_in_a_full_mailbox(mail_site, sink, owner):
    mail_site.ctl("setting", "set", "quota.messages", "1", "--account", owner.user)
    sink.at_end = lambda: "554 5.6.0 no"
    owner.queue("one", "you@example.net")
    wait_for(owner.is_done)
    owner.queue("two", "you@example.net")
    wait_for(lambda: owner.is_done() and len(owner.inbox()) == 2)


def test_too_old(mail_site, sink, owner):
    mail_site.ctl("setting", "set", "mta.queue_lifetime", "3s", "--account", owner.user)
    sink.answer = lambda line: "451 4.3.0 not today" if line.startswith("MAIL") else None
    owner.queue("old", "you@example.net")
    wait_for(owner.is_done, 20)
    (note,) = owner.inbox()
    assert "you@example.net" in note and "451 4.3.0 not today" in note
    assert sink.messages == []


def test_killed_before_it_was_sent(mail_site, sink, owner):
    """The commit is there, lmtpd is not: it goes out at the next start, once."""
    mail_site.stop_daemon("lmtpd", signal.SIGKILL)
    for i in range(3):
        owner.queue(f"killed {i}", "you@example.net")
    assert owner.marker.exists() and sink.messages == []
    mail_site.start_daemon("lmtpd")
    wait_for(owner.is_done, 20)
    assert sorted(subjects(sink)) == [f"Subject: killed {i}" for i in range(3)]


def test_killed_while_sending(mail_site, sink, owner):
    """Before the MTA said 250: the lock ended with the process, and the mail is
    taken once."""
    hold = threading.Event()
    sink.at_end = lambda: "250 2.0.0 queued" if hold.is_set() else wait_forever(hold)
    owner.queue("in flight", "you@example.net")
    assert sink.got_data.wait(10)
    mail_site.stop_daemon("lmtpd", signal.SIGKILL)
    sink.at_end = None
    mail_site.start_daemon("lmtpd")
    wait_for(owner.is_done, 20)
    assert subjects(sink) == ["Subject: in flight"]
    hold.set()


def wait_forever(event):
    event.wait(60)
    return "451 4.3.0 too late"


def test_stop_does_not_wait_for_the_mta(mail_site, sink, owner):
    hold = threading.Event()
    sink.at_end = lambda: wait_forever(hold)
    owner.queue("slow", "you@example.net")
    assert sink.got_data.wait(10)
    start = time.monotonic()
    mail_site.stop_daemon("lmtpd")
    assert time.monotonic() - start < 20
    sink.at_end = None
    hold.set()
    mail_site.start_daemon("lmtpd")
    wait_for(owner.is_done, 20)


def test_verbs(mail_site, sink, owner):
    mail_site.ctl("setting", "set", "mta.retry_pause", "1h")
    sink.answer = lambda line: "451 4.3.0 not now" if line.startswith("MAIL") else None
    for subject in ("one", "two"):
        owner.queue(subject, "you@example.net")
    wait_for(lambda: len([line for line in sink.lines if line.startswith("MAIL")]) == 2)

    def listed(*args):
        return [r for r in json.loads(mail_site.ctl("outgoing", "list", *args, "--json"))
                if r["account"] == owner.user]

    wait_for(lambda: all(r["reasons"] == ["451 4.3.0 not now"] for r in listed()))
    first, second = listed(owner.user)
    assert first["to"] == ["you@example.net"] and first["tries"] == 1
    assert first["next"] > time.time() + 3000
    mail_site.ctl("outgoing", "drop", owner.user, first["id"])
    assert mail_site.ctl("outgoing", "drop", owner.user, first["id"], check=False).returncode
    sink.answer = lambda line: None
    assert "1 messages" in mail_site.ctl("outgoing", "retry", owner.user)
    wait_for(owner.is_done)
    assert subjects(sink) == ["Subject: two"]
    assert owner.inbox() == [] and listed() == []


def test_many_accounts_at_once(mail_site, sink):
    owners = [Owner(mail_site) for _ in range(8)]
    for o in owners:
        for i in range(5):
            o.queue(f"{o.user} {i}", "you@example.net")
    wait_for(lambda: all(o.is_done() for o in owners), 30)
    assert sorted(subjects(sink)) == sorted(f"Subject: {o.user} {i}" for o in owners for i in range(5))


def test_removed_account(mail_site, sink, owner):
    sink.answer = lambda line: "451 4.3.0 later" if line.startswith("MAIL") else None
    owner.queue("gone", "you@example.net")
    wait_for(lambda: sink.lines)
    mail_site.ctl("account", "remove", owner.user, "--yes")
    wait_for(owner.is_done)


def test_check_knows_it(mail_site, sink, owner):
    sink.answer = lambda line: "451 4.3.0 later" if line.startswith("MAIL") else None
    owner.queue("check", "you@example.net")
    wait_for(lambda: sink.lines)
    assert "0 problems" in mail_site.ctl("check", owner.user)


def test_through_postfix(own_site):
    """The quickstart's own Postfix takes it from this host, for here and for elsewhere."""
    owner = Owner(own_site)
    owner.queue("to here", own_site.user2, sender="someone@elsewhere.test")

    def arrived():
        c = own_site.imap(own_site.user2, own_site.pass2)
        c.select("INBOX")
        found = c.search(None, "SUBJECT", '"to here"')[1][0].split()
        c.logout()
        return found

    wait_for(arrived, 30)
    wait_for(owner.is_done)
    owner.queue("elsewhere", "you@nowhere.test", sender=owner.user)
    wait_for(owner.is_done)
    (report,) = wait_for(owner.inbox, 30)  # Postfix's: there is no such domain
    assert "MAILER-DAEMON" in report and "<you@nowhere.test>" in report
    log = (own_site.dir / "log" / "postfix.log")
    wait_for(lambda: "to=<you@nowhere.test>" in log.read_text())


class Hook:
    """A web server that keeps what it is sent; status is its answer."""

    def __init__(self):
        import http.server
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append((self.path, self.headers["Content-Type"], body))
                status = hook.statuses.pop(0) if hook.statuses else 204
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.got, self.statuses = [], []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hook(mail_site, sink):
    h = Hook()
    mail_site.ctl("setting", "set", "notify.webhooks", f"https://hooks.example/ {h.url}")
    yield h
    h.server.shutdown()


JSON = '{{"subject": "{}"}}'


def test_webhook(mail_site, hook, owner):
    hook.statuses = [503, 429]
    owner.queue("hooked", hook.url + "secret-token", text=JSON, kind="post", sender="")
    wait_for(lambda: len(hook.got) == 3, 20)
    wait_for(owner.is_done)
    assert set(hook.got) == {("/hook/secret-token", "application/json", b'{"subject": "hooked"}')}
    assert owner.inbox() == []
    assert "secret-token" not in mail_site.log("lmtpd")


@pytest.mark.parametrize("status", [404, 302])
def test_webhook_refused(mail_site, hook, owner, status):
    """The owner hears of it once a day."""
    for i in range(3):
        hook.statuses = [status]
        owner.queue(f"no {i}", hook.url + "x", text=JSON, kind="post", sender="")
        wait_for(owner.is_done)
    assert len(hook.got) == 3
    (note,) = owner.inbox()
    assert f"HTTP status {status}" in note and hook.url + "x" in note


def test_webhook_not_allowed(mail_site, hook, owner):
    port = hook.server.server_port
    for url in (f"http://127.0.0.1:{port}/other", f"http://localhost:{port}/hook/x"):
        owner.queue("no", url, text=JSON, kind="post", sender="")
    wait_for(owner.is_done)
    assert hook.got == []
    assert all("does not allow it" in note for note in owner.inbox())
    assert len(owner.inbox()) == 2


def test_webhook_to_private_address(mail_site, hook, owner):
    """"*" is for the public Internet; a name may lead anywhere."""
    mail_site.ctl("setting", "set", "notify.webhooks", "*")
    owner.queue("no", f"https://localhost:{hook.server.server_port}/x", text=JSON, kind="post", sender="")
    wait_for(owner.is_done)
    (note,) = owner.inbox()
    assert "its address is not public" in note
    assert hook.got == []


def test_webhook_while_mta_is_down(mail_site, sink, hook, owner):
    sink.close()
    owner.queue("mail", "you@example.net")
    wait_for(lambda: owner.marker.exists())
    owner.queue("hook", hook.url, text=JSON, kind="post", sender="")
    wait_for(lambda: hook.got)


def ask_map(site, name, key):
    """What authd's socketmap says."""
    import socket
    request = f"{name} {key}".encode()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(site.run_dir / "mta" / "map"))
        s.sendall(b"%d:%s," % (len(request), request))
        return s.recv(10000).decode().split(":", 1)[1][:-1]


def test_report_to_rewritten_sender(mail_site):
    """Postfix takes a report to an address that we made, and knows whom it is for."""
    import smtplib
    site = mail_site
    site.ctl("setting", "set", "srs.domain", site.domain)
    word, address = ask_map(site, "srs-sender", "Ann@elsewhere.test").split(" ")
    assert word == "OK" and address.endswith(f"@{site.domain}")
    assert ask_map(site, "srs", address.lower()) == "OK ann@elsewhere.test"
    assert site.ctl("srs", "show", address).strip() == "Ann@elsewhere.test"
    site.ctl("srs", "rotate")
    with smtplib.SMTP(site.host, site.smtp_port) as c:
        c.sendmail("", [address], "Subject: report\r\n\r\nx\r\n")
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            c.sendmail("", [address.replace("=elsewhere", "=other")], "Subject: x\r\n\r\nx\r\n")
    log = site.dir / "log" / "postfix.log"
    wait_for(lambda: "to=<Ann@elsewhere.test>, orig_to=<SRS0=" in log.read_text(), 20)
