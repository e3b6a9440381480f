# SPDX-License-Identifier: BSD-2-Clause
"""What users move into Junk and out of it, or release from quarantine, is
learned by SpamAssassin's spamd, or by rspamd."""

import http.server
import pathlib
import socket
import tempfile
import threading

import pytest

from conftest import wait_for
from test_quarantine import entries, put
from test_scanners import start_spamd, tool

WORDS = "Turnips and marmalade: the committee's catalogue of wintry vegetables, spoons and kettles.\n" * 4


@pytest.fixture(scope="module")
def spamd():
    with tempfile.TemporaryDirectory() as folder:
        daemon, server = start_spamd(pathlib.Path(folder), "--allow-tell")
        yield server
        daemon.stop()


@pytest.fixture(scope="module")
def untrained(site):
    """Nobody else teaches meanwhile."""
    site.stop_daemon("milterd")
    yield site
    site.start_daemon("milterd")


@pytest.fixture
def trained(untrained, spamd):
    """A site whose accounts train; of each test by its own accounts."""
    site = untrained
    site.ctl("setting", "set", "spam.server", spamd)
    site.ctl("setting", "set", "spam.train", "account")
    while learned(site) != "0":  # of other tests
        pass
    yield site
    for key in ("spam.server", "spam.train", "spam.timeout"):
        site.ctl("setting", "unset", key)


def mail(subject):
    return (f"From: a@sender.example\nSubject: {subject}\nMessage-ID: <{subject}@sender.example>\n"
            f"Date: Thu, 26 Nov 2026 10:00:00 +0000\n\n{WORDS}").replace("\n", "\r\n").encode()


def append(site, account, subject):
    with site.imap(*account) as c:
        assert c.append("INBOX", None, None, mail(subject))[0] == "OK"


def move(site, account, source, target):
    with site.imap(*account) as c:
        c.select(source)
        assert c.uid("MOVE", "1:*", target)[0] == "OK"


def learned(site):
    return site.ctl("filter", "train").split()[0]


def rules(spamd, account, folder):
    path = folder / "question"
    path.write_bytes(mail("question"))
    line = tool("check", "spamd", spamd, account[0], path)[0]
    return line.split(" ", 3)[3]


def test_junk_and_back(trained, spamd, tmp_path):
    account, other = trained.new_account(), trained.new_account()
    append(trained, account, "lesson")
    assert learned(trained) == "0"
    move(trained, account, "INBOX", "Junk")
    assert learned(trained) == "1"
    assert learned(trained) == "0"
    assert not list((trained.data_dir / "training").iterdir())
    # Bayes needs both: with one of each there is a verdict.
    append(trained, account, "plain")
    path = tmp_path / "ham"
    path.write_bytes(b"From: b@x.example\r\nMessage-ID: <h@x>\r\n\r\nLunch with grandmother on Sunday at noon.\r\n" * 1)
    tool("ham", "spamd", spamd, account[0], path)
    assert "BAYES_9" in rules(spamd, account, tmp_path)
    assert "BAYES_9" not in rules(spamd, other, tmp_path)
    move(trained, account, "Junk", "INBOX")
    assert learned(trained) == "1"
    assert "BAYES_9" not in rules(spamd, account, tmp_path)


def test_gone_meanwhile(trained):
    """Who throws spam away at once has taught all the same; who is gone teaches no more."""
    account, gone = trained.new_account(), trained.new_account()
    for who in (account, gone):
        append(trained, who, "short-lived")
        move(trained, who, "INBOX", "Junk")
    with trained.imap(*account) as c:
        c.select("Junk")
        c.store("1:*", "+FLAGS", r"\Deleted")
        c.expunge()
    assert len(list((trained.data_dir / "training").iterdir())) == 2
    trained.ctl("account", "remove", gone[0], "--yes")
    assert len(list((trained.data_dir / "training").iterdir())) == 1
    assert learned(trained) == "1"
    assert not list((trained.data_dir / "training").iterdir())


def test_nothing_is_lost_while_it_is_down(trained, spamd):
    account = trained.new_account()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        trained.ctl("setting", "set", "spam.server", f"127.0.0.1:{s.getsockname()[1]}")
        append(trained, account, "patient")
        move(trained, account, "INBOX", "Junk")
        down = trained.ctl("filter", "train", check=False)
        assert down.returncode == 75 and "127.0.0.1" in down.stderr
    # One that hangs costs its time, no more.
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        trained.ctl("setting", "set", "spam.server", f"127.0.0.1:{s.getsockname()[1]}")
        trained.ctl("setting", "set", "spam.timeout", "1s")
        assert trained.ctl("filter", "train", check=False).returncode == 75
    trained.ctl("setting", "set", "spam.server", spamd)
    assert learned(trained) == "1"


def test_released_is_ham(trained, spamd, tmp_path):
    account = trained.new_account()
    one = put(trained, account[0], "", text=mail("released").decode().replace("\r\n", "\n"))
    trained.ctl("filter", "quarantine", "release", one)
    assert learned(trained) == "1"
    assert learned(trained) == "0"
    assert tool("ham", "spamd", spamd, account[0], write_raw(trained, one, tmp_path)) == ["known"]


def write_raw(site, one, folder):
    path = folder / "released"
    path.write_bytes(site.ctl("filter", "quarantine", "show", one, "--raw").replace("\n", "\r\n").encode())
    return path


def test_off(trained):
    account = trained.new_account()
    trained.ctl("setting", "set", "spam.train", "off")
    append(trained, account, "quiet")
    move(trained, account, "INBOX", "Junk")
    assert learned(trained) == "0"
    trained.ctl("setting", "set", "spam.train", "site")
    assert learned(trained) == "1"


class Controller:
    """Takes lessons as rspamd's controller does."""

    def __init__(self):
        lessons = self.lessons = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                lessons.append((self.path, self.headers["Password"], body))
                self.send_response(200)
                self.send_header("Content-Length", "16")
                self.end_headers()
                self.wfile.write(b'{"success":true}')

            def log_message(self, *args):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_rspamd(trained):
    controller = Controller()
    secret = trained.dir / "rspamd-password"
    secret.write_text("open sesame\n")
    secret.chmod(0o644)
    for setting in (("spam.engine", "rspamd"), ("spam.server", controller.address), ("spam.password_file", secret)):
        trained.ctl("setting", "set", *setting)
    try:
        account = trained.new_account()
        append(trained, account, "for-rspamd")
        move(trained, account, "INBOX", "Junk")
        assert learned(trained) == "1"
        move(trained, account, "Junk", "INBOX")
        assert learned(trained) == "1"
    finally:
        for key in ("spam.engine", "spam.password_file"):
            trained.ctl("setting", "unset", key)
        controller.close()
    assert [(path, password) for path, password, _ in controller.lessons] == [
        ("/learnspam", "open sesame"), ("/learnham", "open sesame")]
    assert all(mail("for-rspamd") in body for _, _, body in controller.lessons)
