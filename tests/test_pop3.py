# SPDX-License-Identifier: BSD-2-Clause
"""pop3d by conversation, and Python's poplib at work."""

import base64
import hashlib
import os
import poplib
import re
import signal
import socket
import ssl

import pytest

from conftest import Site, wait_for
from imap_raw import Imap, message
from lmtp import Lmtp


class Pop3:
    """A bare connection: what is sent and what comes back."""

    def __init__(self, site, user=None, password=None, port=None, timeout=10):
        self.sock = socket.create_connection((site.host, port or site.pop3_port), timeout)
        self.file = self.sock.makefile("rb")
        self.greeting = self.line()
        if user:
            self.login(user, password)

    def login(self, user, password):
        self.ok(f"USER {user}")
        return self.ok(f"PASS {password}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        line = self.file.readline()
        if not line:
            raise EOFError
        assert line.endswith(b"\r\n"), line
        return line[:-2].decode("utf-8", "surrogateescape")

    def command(self, text):
        self.send(text + "\r\n" if isinstance(text, str) else text + b"\r\n")
        return self.line()

    def ok(self, text):
        reply = self.command(text)
        assert reply.startswith("+OK"), (text, reply)
        return reply[4:]

    def err(self, text, code=None):
        reply = self.command(text)
        assert reply.startswith("-ERR "), (text, reply)
        if code:
            assert reply.startswith(f"-ERR [{code}] "), reply
        return reply[5:]

    def rest(self):
        """The lines of a multi-line response, dots undone."""
        lines = []
        while (line := self.line()) != ".":
            lines.append(line[1:] if line.startswith(".") else line)
        return lines

    def many(self, text):
        self.ok(text)
        return self.rest()


@pytest.fixture
def account(site):
    return site.new_account()


def fill(site, account, *messages):
    """Append them to INBOX; their UIDs."""
    with Imap(site, *account) as c:
        return [c.append("INBOX", m) for m in messages]


def inbox(site, account):
    """Subjects and flags of INBOX, as IMAP shows them."""
    with Imap(site, *account) as c:
        c.ok("SELECT INBOX")
        lines = c.ok("FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])") if count(c) else []
    return {re.search(r"Subject: (.*)\r", x)[1]: set(re.search(r"FLAGS \(([^)]*)\)", x)[1].split()) - {"\\Recent"}
            for x in lines}


def count(c):
    return int(re.search(r"MESSAGES (\d+)", c.ok("STATUS INBOX (MESSAGES)")[0])[1])


def setting(site, account, key, value):
    site.ctl("setting", "set", key, value, "--account", account[0])


# ---------------------------------------------------------------------------
# Before login


def test_capabilities(site):
    with Pop3(site) as c:
        assert c.greeting.startswith("+OK ")
        caps = c.many("CAPA")
        for cap in ("TOP", "UIDL", "USER", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "STLS", "LANG",
                    "EXPIRE NEVER", "IMPLEMENTATION Mailstead"):
            assert cap in caps
        assert any(re.match(r"SASL( \S+)* PLAIN\b", cap) for cap in caps)
        assert not any(cap.startswith("LOGIN-DELAY") for cap in caps)
        c.login(site.user1, site.pass1)
        caps = c.many("CAPA")
        assert "STLS" not in caps and "USER" not in caps and not any(x.startswith("SASL") for x in caps)
        c.ok("QUIT")  # the next test takes the same maildrop


def test_login_and_failure(site):
    with Pop3(site) as c:
        c.err(f"PASS {site.pass1}")  # nobody named
        c.ok(f"USER {site.user1}")
        wrong = c.err("PASS nonsense", "AUTH")
        c.ok("USER nobody@nowhere.test")
        assert c.err("PASS nonsense", "AUTH") == wrong
        c.err("STAT")
        c.ok(f"user {site.user1}")
        c.ok(f"pass {site.pass1}")
        c.err(f"USER {site.user1}")
        c.ok("STAT")
        c.ok("QUIT")


@pytest.mark.parametrize("initial", [True, False])
def test_auth_plain(site, initial):
    response = base64.b64encode(f"\0{site.user1}\0{site.pass1}".encode()).decode()
    with Pop3(site) as c:
        if initial:
            c.ok("AUTH plain " + response)
        else:
            assert c.command("AUTH PLAIN") == "+ "
            c.ok(response)
        c.ok("NOOP")
        c.ok("QUIT")


def test_auth_login_cancel_and_nonsense(site):
    with Pop3(site) as c:
        assert "PLAIN" in c.many("AUTH")
        assert c.command("AUTH LOGIN").startswith("+ ")
        c.err("*")
        c.err("AUTH X-NONE")
        c.err("AUTH PLAIN !!!")
        assert c.command("AUTH LOGIN").startswith("+ ")
        assert c.command(base64.b64encode(site.user1.encode())).startswith("+ ")
        c.ok(base64.b64encode(site.pass1.encode()))
        c.err("AUTH PLAIN")
        c.ok("QUIT")


def test_auth_scram(own_site):
    """The server's last word needs an answer."""
    own_site.ctl("setting", "set", "login.mechanisms", "PLAIN SCRAM-SHA-256")
    user, password = own_site.new_account()
    with Pop3(own_site) as c:
        assert any("SCRAM-SHA-256" in x for x in c.many("CAPA"))
        first = f"n={user},r=abcdef"
        challenge = c.command("AUTH SCRAM-SHA-256 " + base64.b64encode(("n,," + first).encode()).decode())
        server_first = base64.b64decode(challenge[2:]).decode()
        parts = dict(x.split("=", 1) for x in server_first.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(parts["s"]), int(parts["i"]))
        import hmac
        client = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c=biws,r={parts['r']}"
        signature = hmac.digest(hashlib.sha256(client).digest(), f"{first},{server_first},{final}".encode(), "sha256")
        proof = bytes(a ^ b for a, b in zip(client, signature))
        last = c.command(base64.b64encode(f"{final},p={base64.b64encode(proof).decode()}".encode()))
        assert base64.b64decode(last[2:]).startswith(b"v=")
        c.ok("")
        c.ok("STAT")


def test_stls_drops_what_was_injected(site):
    context = ssl._create_unverified_context()
    with Pop3(site) as c:
        c.ok(f"USER {site.user1}")
        c.send("STLS\r\nCAPA\r\n")
        assert c.line().startswith("+OK")
        tls = context.wrap_socket(c.sock, server_hostname="localhost")
        tls.sendall(b"PASS x\r\n")
        assert tls.recv(1000).startswith(b"-ERR")  # neither CAPA nor USER counts
        tls.sendall(b"STLS\r\n")
        assert tls.recv(1000).startswith(b"-ERR")
        tls.sendall(b"CAPA\r\n")
        assert b"STLS" not in tls.recv(1000)


def test_plaintext_refused_without_tls(site):
    """From other hosts, which a PROXY header stands for."""
    with pytest.MonkeyPatch.context() as m:
        m.setenv("MAILSTEAD_POP3D_LISTEN", "unix:pop3?proxy")
        s = Site()
        try:
            s.start()
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(10)
                sock.connect(str(s.run_dir / "pop3"))
                sock.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 110\r\nCAPA\r\nUSER x\r\nAUTH PLAIN AHgAeA==\r\nQUIT\r\n")
                got = b""
                while chunk := sock.recv(10000):
                    got += chunk
        finally:
            s.remove()
    assert b"\r\nSTLS\r\n" in got
    assert b"\r\nUSER\r\n" not in got and b"PLAIN" not in got
    assert got.count(b"-ERR Start TLS first") == 2


def test_lang(site):
    with Pop3(site) as c:
        assert "en English" in c.many("LANG")
        assert c.ok("LANG *").startswith("en")
        assert c.ok("LANG EN").startswith("en")
        c.err("LANG xx")
        c.ok("QUIT")


def test_mistakes_end_the_session(site):
    with Pop3(site) as c:
        with pytest.raises(EOFError):
            for _ in range(10):
                c.err("HELP")


# ---------------------------------------------------------------------------
# Mail


def test_whole_session(site, account):
    uids = fill(site, account, message(1), message(2, "x\r\n.\r\n..y\r\n"), message(3))
    sizes = [len(message(1)), len(message(2, "x\r\n.\r\n..y\r\n")), len(message(3))]
    with Pop3(site, *account) as c:
        assert c.ok("STAT") == f"3 {sum(sizes)}"
        assert c.many("LIST") == [f"{n + 1} {size}" for n, size in enumerate(sizes)]
        assert c.ok("LIST 2") == f"2 {sizes[1]}"
        ids = dict(x.split() for x in c.many("UIDL"))
        assert [int(x.split(".")[1]) for x in ids.values()] == uids
        assert c.ok("UIDL 3") == f"3 {ids['3']}"
        assert "\r\n".join(c.many("RETR 2")) + "\r\n" == message(2, "x\r\n.\r\n..y\r\n")
        assert c.many("TOP 2 0") == message(2, "").split("\r\n")[:-1]
        assert c.many("TOP 2 1")[-2:] == ["", "x"]
        assert c.many("TOP 2 100") == c.many("RETR 2")
        for bad in ("RETR 0", "RETR 4", "RETR x", "RETR", "LIST 4", "UIDL 9", "TOP 1", "TOP 1 x", "DELE 4", "DELE"):
            c.err(bad)
        c.ok("DELE 1")
        c.err("DELE 1")
        c.err("RETR 1")
        c.err("LIST 1")
        assert c.ok("STAT") == f"2 {sum(sizes[1:])}"
        assert [x.split()[0] for x in c.many("LIST")] == ["2", "3"]
        assert [x.split()[0] for x in c.many("UIDL")] == ["2", "3"]
        c.ok("RSET")
        assert c.ok("STAT") == f"3 {sum(sizes)}"
        c.ok("DELE 2")
        assert len(inbox(site, account)) == 3  # nothing before QUIT
        c.ok("QUIT")
    assert inbox(site, account) == {"message 1": set(), "message 3": set()}
    with Pop3(site, *account) as c:  # unique-ids stay
        assert c.many("UIDL") == [f"1 {ids['1']}", f"2 {ids['3']}"]


def test_no_update_without_quit(site, account):
    fill(site, account, message(1))
    with Pop3(site, *account) as c:
        c.ok("DELE 1")
    with Pop3(site) as c:
        def again():
            c.ok(f"USER {account[0]}")
            return c.command(f"PASS {account[1]}").startswith("+OK")
        wait_for(again)
        assert c.ok("STAT").startswith("1 ")


def test_empty_maildrop(site, account):
    with Pop3(site, *account) as c:
        assert c.ok("STAT") == "0 0"
        assert c.many("LIST") == [] and c.many("UIDL") == []
        c.err("RETR 1")
        c.ok("QUIT")


def test_line_ends(site, account):
    """A line end of any kind cannot hide the end of a message."""
    raw = "Subject: a\n\nb\n.\nc\r\n.\r\nd\r.\re"
    fill(site, account, raw)
    with Pop3(site, *account) as c:
        c.send("RETR 1\r\nNOOP\r\n")
        assert c.line().startswith("+OK")
        assert c.rest() == ["Subject: a", "", "b", ".", "c", ".", "d\r.\re"]
        assert c.line().startswith("+OK")


def test_large_message_streams(site, account):
    body = "".join(f"{'.' if n % 3 == 0 else ''}{n:070}\r\n" for n in range(300000))
    with Lmtp(site.host, site.lmtp_port) as c:
        [(code, _)] = c.deliver("a@x.test", [account[0]], ("Subject: large\r\n\r\n" + body).encode())
        assert code == 250
    with Pop3(site, *account, timeout=60) as c:
        size = int(c.ok("STAT").split()[1])
        lines = c.many("RETR 1")
        assert "\r\n".join(lines).endswith(body[:-2])
        assert len("\r\n".join(lines)) + 2 == size
        assert c.many("TOP 1 5") == lines[:lines.index("") + 6]
        c.send("RETR 1\r\n")
        c.file.read(100000)  # and away
    wait_for(lambda: "event=logout" in site.log("pop3d"))


def test_pipelining(site, account):
    fill(site, account, *[message(n) for n in range(100)])
    with Pop3(site) as c:
        c.send(f"USER {account[0]}\r\nPASS {account[1]}\r\nSTAT\r\n"
               + "".join(f"RETR {n}\r\nDELE {n}\r\n" for n in range(1, 101)) + "QUIT\r\n")
        for _ in range(3):
            assert c.line().startswith("+OK")
        for n in range(100):
            assert c.line().startswith("+OK")
            assert f"Subject: message {n}" in c.rest()
            assert c.line().startswith("+OK")
        assert c.line().startswith("+OK")
        with pytest.raises(EOFError):
            c.line()
    assert inbox(site, account) == {}


def test_many_messages_list(site, account):
    """Listings longer than the output's high-water mark."""
    with Imap(site, *account, timeout=60) as c:
        for n in range(5):
            c.append("INBOX", message(n))
        c.ok("SELECT INBOX")
        for _ in range(12):  # 5 times 4096
            c.ok("COPY 1:* INBOX")
            c.ok("NOOP")
    with Pop3(site, *account, timeout=60) as c:
        listed = c.many("LIST")
        ids = c.many("UIDL")
        assert [x.split()[0] for x in listed] == [x.split()[0] for x in ids] == [str(n) for n in range(1, 20481)]
        assert len({x.split()[1] for x in ids}) == 20480


def test_poplib(site, account):
    fill(site, account, *[message(n, "line\r\n" * n) for n in range(1, 6)])
    context = ssl._create_unverified_context()
    c = poplib.POP3_SSL(site.host, site.pop3s_port, context=context)
    c.user(account[0])
    c.pass_(account[1])
    assert c.stat()[0] == 5
    assert "TOP" in c.capa()
    for n in range(1, 6):
        assert b"\r\n".join(c.retr(n)[1]) + b"\r\n" == message(n, "line\r\n" * n).encode()
    assert len(c.uidl()[1]) == 5
    c.dele(5)
    c.quit()
    c = poplib.POP3(site.host, site.pop3_port)
    c.stls(context)
    c.user(account[0])
    c.pass_(account[1])
    assert len(c.list()[1]) == 4
    c.quit()


# ---------------------------------------------------------------------------
# Others at the same maildrop


def test_lock(site, account):
    fill(site, account, message(1))
    with Pop3(site, *account) as first, Pop3(site) as second:
        second.ok(f"USER {account[0]}")
        second.err(f"PASS {account[1]}", "IN-USE")
        # IMAP and delivery go on, and the session sees none of it.
        fill(site, account, message(2))
        with Imap(site, *account) as c:
            c.ok("SELECT INBOX")
            c.ok("STORE 1 +FLAGS (\\Deleted)")
            c.ok("EXPUNGE")
        assert first.ok("STAT").startswith("1 ")
        assert "Subject: message 1" in first.many("RETR 1")
        first.ok("DELE 1")
        first.ok("QUIT")
        second.ok(f"USER {account[0]}")
        second.ok(f"PASS {account[1]}")
        assert "Subject: message 2" in second.many("RETR 1")


def test_lock_goes_with_the_process(own_site):
    user = own_site.user1, own_site.pass1
    with Pop3(own_site, *user):
        own_site.stop_daemon("pop3d", signal.SIGKILL)
    own_site.start_daemon("pop3d")
    with Pop3(own_site, *user) as c:
        c.ok("STAT")


def test_who(site, account):
    with Pop3(site, *account):
        assert re.search(rf"pop3d\s+pop3\s+{re.escape(account[0])}", site.ctl("who"))


# ---------------------------------------------------------------------------
# Policies


def test_seen(site, account):
    fill(site, account, message(1), message(2), message(3))
    with Pop3(site, *account) as c:
        c.many("RETR 1")
        c.many("TOP 2 10")
        c.ok("QUIT")
    assert inbox(site, account) == {"message 1": {"\\Seen"}, "message 2": set(), "message 3": set()}
    with Pop3(site, *account) as c:
        c.many("RETR 2")  # and gone without QUIT
    wait_for(lambda: inbox(site, account)["message 2"] == {"\\Seen"})
    setting(site, account, "pop3.seen", "no")
    with Pop3(site, *account) as c:
        c.many("RETR 3")
        c.ok("QUIT")
    assert inbox(site, account)["message 3"] == set()


def test_delete_refused(site, account):
    fill(site, account, message(1))
    setting(site, account, "pop3.delete", "no")
    with Pop3(site, *account) as c:
        c.err("DELE 1", "SYS/PERM")
        c.ok("QUIT")
    assert len(inbox(site, account)) == 1


def test_delete_hides(site, account):
    fill(site, account, message(1), message(2), message(3))
    setting(site, account, "pop3.delete", "hide")
    with Pop3(site, *account) as c:
        ids = c.many("UIDL")
        c.ok("DELE 2")
        c.ok("QUIT")
    assert inbox(site, account) == {"message 1": set(), "message 2": {"$POP3Deleted"}, "message 3": set()}
    with Pop3(site, *account) as c:
        assert c.ok("STAT") == f"2 {len(message(1)) * 2}"
        assert [x.split()[1] for x in c.many("UIDL")] == [ids[0].split()[1], ids[2].split()[1]]
        assert "Subject: message 3" in c.many("RETR 2")
        c.ok("DELE 2")
        c.ok("QUIT")
    assert inbox(site, account)["message 3"] == {"$POP3Deleted", "\\Seen"}


def test_delete_always(site, account):
    fill(site, account, message(1), message(2))
    setting(site, account, "pop3.delete", "always")
    with Pop3(site, *account) as c:
        assert "EXPIRE 0" in c.many("CAPA")
        c.many("RETR 1")
        c.many("TOP 2 1")
        c.ok("QUIT")
    assert list(inbox(site, account)) == ["message 2"]


@pytest.mark.slow
def test_expire(site):
    """Read mail goes when its time has come; unread mail stays."""
    s = Site()
    try:
        s.start()
        account = s.new_account()
        with Imap(s, *account) as c:
            c.append("INBOX", message(1), "(\\Seen)")
            c.append("INBOX", message(2))
        setting(s, account, "pop3.expire", "30d")
        with Pop3(s) as c:
            assert "EXPIRE 30 USER" in c.many("CAPA")
            c.login(*account)
            assert "EXPIRE 30" in c.many("CAPA")
            assert c.ok("STAT").startswith("2 ")
            c.ok("QUIT")
        for daemon in ("imapd", "pop3d"):
            os.kill(s.pid(daemon), signal.SIGTERM)
            wait_for(lambda: not (s.run_dir / f"{daemon}.pid").exists())
        with pytest.MonkeyPatch.context() as m:
            m.setenv("MAILSTEAD_CLOCK_OFFSET", str(31 * 86400))
            for daemon in ("imapd", "pop3d"):
                s.start_daemon(daemon)
        with Pop3(s, *account) as c:
            assert c.ok("STAT").startswith("1 ")
            assert "Subject: message 2" in c.many("RETR 1")
        assert list(inbox(s, account)) == ["message 2"]
    finally:
        s.remove()


def test_login_delay(site, account):
    setting(site, account, "pop3.login_delay", "1h")
    try:
        with Pop3(site) as c:
            assert "LOGIN-DELAY 3600 USER" in c.many("CAPA")
            c.login(*account)
            assert "LOGIN-DELAY 3600" in c.many("CAPA")
            c.ok("QUIT")
        with Pop3(site) as c:
            c.ok(f"USER {account[0]}")
            c.err(f"PASS {account[1]}", "LOGIN-DELAY")
    finally:
        site.ctl("setting", "unset", "pop3.login_delay", "--account", account[0])


def test_service_can_be_denied(site, account):
    setting(site, account, "login.services", "imap")
    with Pop3(site) as c:
        c.ok(f"USER {account[0]}")
        c.err(f"PASS {account[1]}", "AUTH")


def test_uidl_of_content(site, account):
    raw = message(1)
    fill(site, account, raw, message(2))
    setting(site, account, "pop3.uidl", "content")
    with Pop3(site, *account) as c:
        assert c.ok("UIDL 1") == "1 " + hashlib.sha256(raw.encode()).hexdigest()
        assert len({x.split()[1] for x in c.many("UIDL")}) == 2
