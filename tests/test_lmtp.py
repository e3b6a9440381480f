# SPDX-License-Identifier: BSD-2-Clause
"""lmtpd as an MTA sees it: conversations over raw sockets, and what is then
in the mailbox."""

import concurrent.futures
import json
import os
import re
import signal
import socket
import ssl

import pytest

from conftest import is_dead, wait_for

MESSAGE = b"Subject: hello\r\nMessage-ID: <%s@x.test>\r\n\r\nbody\r\n"


class Lmtp:
    """A client that sends bytes and reads replies."""

    def __init__(self, site, unix=False, lhlo=True):
        if unix:
            self.s = socket.socket(socket.AF_UNIX)
            self.s.connect(str(site.run_dir / "lmtp"))
        else:
            self.s = socket.create_connection((site.host, site.lmtp_port))
        self.s.settimeout(30)
        self.f = self.s.makefile("rb")
        self.greeting = self.reply()
        if lhlo:
            self.extensions = self.lhlo()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.f.close()
        self.s.close()

    def send(self, data):
        self.s.sendall(data)

    def reply(self):
        """One reply: its lines joined, without the dashes."""
        lines = []
        while True:
            line = self.f.readline()
            if not line:
                raise EOFError("connection closed")
            assert line.endswith(b"\r\n"), line
            line = line[:-2].decode()
            lines.append(line[:3] + " " + line[4:])
            if line[3:4] != "-":
                return "\n".join(lines)

    def cmd(self, line):
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def lhlo(self):
        reply = self.cmd("LHLO client.test")
        assert reply.startswith("250 ")
        return {x[4:].split()[0]: x[4:].split()[1:] for x in reply.split("\n")[1:]}

    def starttls(self):
        context = ssl._create_unverified_context()
        self.f.close()
        self.s = context.wrap_socket(self.s)
        self.f = self.s.makefile("rb")

    def begin(self, *rcpts, sender="sender@x.test", params=""):
        assert self.cmd(f"MAIL FROM:<{sender}>{params}").startswith("250 2.1.0")
        for rcpt in rcpts:
            assert self.cmd(f"RCPT TO:<{rcpt}>").startswith("250 2.1.5")

    def data(self, raw, count=1):
        """DATA with RAW as it is, which must end its own lines."""
        assert self.cmd("DATA").startswith("354 ")
        self.send(raw + b".\r\n")
        return [self.reply() for _ in range(count)]

    def deliver(self, raw, *rcpts, sender="sender@x.test"):
        self.begin(*rcpts, sender=sender)
        return self.data(raw, len(rcpts))


def unique(n=[0]):
    n[0] += 1
    return b"%d.%d" % (os.getpid(), n[0])


def message(extra=b""):
    return MESSAGE % unique() + extra


def fetch_all(site, user, password, mailbox="INBOX"):
    c = site.imap(user, password)
    try:
        assert c.select(mailbox)[0] == "OK"
        rows = c.fetch("1:*", "(BODY.PEEK[])")[1]
        return [r[1] for r in rows if isinstance(r, tuple)]
    finally:
        c.logout()


def split_trace(raw):
    """What lmtpd put in front, and the rest."""
    m = re.match(rb"(Return-Path: .*?\r\nDelivered-To: .*?\r\nReceived: .*?\r\n(?:\t.*?\r\n)+)", raw)
    assert m, raw[:300]
    return m.group(1), raw[m.end():]


# ---------------------------------------------------------------------------
# Greeting and extensions


def test_extensions(site):
    with Lmtp(site) as c:
        assert c.greeting.startswith("220 ")
        assert {"PIPELINING", "SIZE", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8",
                "ENHANCEDSTATUSCODES", "STARTTLS", "DSN", "DELIVERBY"} <= set(c.extensions)
        assert int(c.extensions["SIZE"][0]) > 0
        for verb in ("HELO", "EHLO"):
            assert c.cmd(f"{verb} x").startswith("500 5.5.1")
        assert c.cmd("NOOP").startswith("250 2.0.0")
        assert c.cmd("noop").startswith("250 2.0.0")
        assert c.cmd("VRFY x").startswith("252 2.5.2")
        assert c.cmd("HELP").startswith("214 2.0.0")
        assert c.cmd("QUIT").startswith("221 2.0.0")
        with pytest.raises(EOFError):
            c.reply()


@pytest.mark.parametrize("unix", [False, True])
def test_delivery(site, unix):
    user, password = site.new_account()
    raw = message(b"line\r\n..two\r\n.\xe9 dot\r\n\r\nend\r\n")
    with Lmtp(site, unix=unix) as c:
        c.begin(user)
        stuffed = raw.replace(b"\r\n.", b"\r\n..")
        assert c.data(stuffed)[0].startswith("250 2.1.5")
    [got] = fetch_all(site, user, password)
    trace, rest = split_trace(got)
    assert rest == raw
    assert trace.startswith(b"Return-Path: <sender@x.test>\r\nDelivered-To: " + user.encode())
    assert b"with LMTP id " in trace and b"for <" + user.encode() + b">" in trace
    assert max(len(x) for x in trace.split(b"\r\n")) <= 100


def test_pipelining(site):
    user, password = site.new_account()
    a, b = message(), message()
    with Lmtp(site, lhlo=False) as c:
        u = user.encode()
        c.send(b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<" + u + b">\r\nRCPT TO:<no-one@"
               + site.domain.encode() + b">\r\nDATA\r\n" + a + b".\r\nMAIL FROM:<a@b>\r\nRCPT TO:<"
               + u + b">\r\nDATA\r\n" + b + b".\r\nQUIT\r\n")
        codes = [c.reply()[:3] for _ in range(10)]
    assert codes == ["250", "250", "250", "550", "354", "250", "250", "250", "354", "250"]
    assert [split_trace(x)[1] for x in fetch_all(site, user, password)] == [a, b]


def test_size(site):
    user, _ = site.new_account()
    with Lmtp(site) as c:
        limit = int(c.extensions["SIZE"][0])
        assert c.cmd(f"MAIL FROM:<a@b> SIZE={limit + 1}").startswith("552 5.3.4")
        assert c.cmd(f"MAIL FROM:<a@b> SIZE={limit}").startswith("250")
        assert c.cmd(f"RCPT TO:<{user}>").startswith("250")
        assert c.cmd(f"RCPT TO:<{site.user1}>").startswith("250")
        # Without telling the truth: read away, one refusal a recipient.
        assert c.cmd("DATA").startswith("354")
        block = b"x" * 998 + b"\r\n"
        for _ in range(limit // 1000000 + 2):
            c.send(block * 1000)
        c.send(b".\r\n")
        assert [c.reply()[:9] for _ in range(2)] == ["552 5.3.4"] * 2
        assert c.deliver(message(), user)[0].startswith("250")


def test_large(site):
    """Larger than what is kept in memory."""
    user, password = site.new_account()
    raw = message(b"".join(b"%d line\r\n" % i for i in range(400000)))
    assert len(raw) > 4 << 20
    with Lmtp(site) as c:
        assert c.deliver(raw, user)[0].startswith("250")
    assert split_trace(fetch_all(site, user, password)[0])[1] == raw


def test_smtputf8(site):
    user = "jürgen@" + site.domain
    site.ctl("account", "add", user, "--no-password", check=False)
    with Lmtp(site) as c:
        assert c.cmd("MAIL FROM:<ä@x.test>").startswith("553 5.6.7")
        assert c.cmd("MAIL FROM:<a@x.test>").startswith("250")
        assert c.cmd(f"RCPT TO:<{user}>").startswith("553 5.6.7")
        assert c.cmd("RSET").startswith("250")
        assert c.cmd("MAIL FROM:<ä@x.test> SMTPUTF8 BODY=8BITMIME").startswith("250")
        assert c.cmd(f"RCPT TO:<{user}>").startswith("250")
        assert c.data(message())[0].startswith("250 2.1.5")


# ---------------------------------------------------------------------------
# Chunks


def test_bdat(site):
    user, password = site.new_account()
    head, tail = b"Subject: bin\r\nContent-Type: application/x\r\n\r\n", b"\0a\nb\rc\r\n.\r\n\xff" * 50000
    with Lmtp(site) as c:
        c.begin(user, site.user1, params=" BODY=BINARYMIME")
        assert c.cmd("DATA").startswith("503 5.5.1")
        c.send(b"BDAT %d\r\n%sBDAT %d LAST\r\n%s" % (len(head), head, len(tail), tail))
        assert c.reply().startswith("250 2.0.0")
        assert [c.reply()[:9] for _ in range(2)] == ["250 2.1.5"] * 2
        # The last chunk may be empty.
        c.begin(user)
        c.send(b"BDAT %d\r\n%sBDAT 0 LAST\r\n" % (len(head), head))
        assert c.reply().startswith("250 2.0.0")
        assert c.reply().startswith("250 2.1.5")
    assert [split_trace(x)[1] for x in fetch_all(site, user, password)] == [head + tail, head]


def test_bdat_refused(site):
    with Lmtp(site) as c:
        # The octets are no commands, whatever is wrong.
        c.send(b"BDAT 6\r\nQUIT\r\n")
        assert c.reply().startswith("503 5.5.1")
        assert c.cmd("NOOP").startswith("250")
        c.begin(site.user1)
        c.send(b"BDAT 1\r\nx")
        assert c.reply().startswith("250")
        assert c.cmd("DATA").startswith("503 5.5.1")
        assert c.cmd("RSET").startswith("250")
        assert c.cmd("BDAT x").startswith("501 5.5.4")
        with pytest.raises(EOFError):
            c.reply()


# ---------------------------------------------------------------------------
# TLS


def test_starttls(site):
    user, password = site.new_account()
    raw = message()
    with Lmtp(site) as c:
        # What came in clear text behind the command is not heard.
        c.send(b"STARTTLS\r\nNOOP\r\nMAIL FROM:<evil@x.test>\r\n")
        assert c.reply().startswith("220 2.0.0")
        c.starttls()
        assert c.cmd("MAIL FROM:<a@b>").startswith("503 5.5.1 LHLO")
        assert "STARTTLS" not in c.lhlo()
        assert c.cmd("STARTTLS").startswith("503 5.5.1")
        assert c.deliver(raw, user)[0].startswith("250")
    trace, rest = split_trace(fetch_all(site, user, password)[0])
    assert rest == raw and b"with LMTPS id" in trace


# ---------------------------------------------------------------------------
# Recipients


def test_recipients(site):
    user, _ = site.new_account()
    off, _ = site.new_account()
    site.ctl("account", "set", off, "--state", "disabled")
    held, _ = site.new_account()
    site.ctl("account", "set", held, "--state", "suspended")
    site.ctl("alias", "add", f"away@{site.domain}", "x@elsewhere.test")
    with Lmtp(site) as c:
        assert c.cmd("MAIL FROM:<a@b>").startswith("250")
        assert c.cmd("DATA").startswith("503 5.5.1 No valid")
        for rcpt, want in [(user, "250 2.1.5"), (user.upper(), "250 2.1.5"),
                           (f"nobody@{site.domain}", "550 5.1.1"), ("a@elsewhere.test", "550 5.1.1"),
                           (off, "550 5.2.1"), (held, "250 2.1.5"),
                           (f"away@{site.domain}", "451 4.3.5"), ("no address", "501 5.1.3"),
                           ("", "501 5.1.3"), (f"@relay.test:{user}", "250 2.1.5")]:
            assert c.cmd(f"RCPT TO:<{rcpt}>").startswith(want), rcpt
        assert len(c.data(message(), 4)) == 4


def test_alias_and_subaddress(site):
    (a, pa), (b, pb) = site.new_account(), site.new_account()
    site.ctl("alias", "add", f"team-{a}", a, b)
    raw = message()
    plus = a.replace("@", "+Lists@")
    with Lmtp(site) as c:
        assert c.deliver(raw, f"team-{a}")[0].startswith("250")
        assert c.deliver(message(), plus)[0].startswith("250")
    got = fetch_all(site, a, pa)
    assert len(got) == 2
    assert b"\r\nDelivered-To: team-" in got[0] and b"\r\nDelivered-To: " + plus.encode() in got[1]
    assert [split_trace(x)[1] for x in fetch_all(site, b, pb)] == [raw]
    # To the mailbox of that name: if it exists and the setting says so.
    imap = site.imap(a, pa)
    imap.create("Lists")
    imap.logout()
    with Lmtp(site) as c:
        c.deliver(message(), plus)
        site.ctl("setting", "set", "delivery.detail_mailbox", "yes", "--account", a)
        c.deliver(message(), plus)
        c.deliver(message(), a.replace("@", "+none@"))
    assert len(fetch_all(site, a, pa, "Lists")) == 1
    assert len(fetch_all(site, a, pa)) == 4


def test_quota(site):
    user, password = site.new_account()
    site.ctl("account", "set", user, "--quota", "100K")
    body = b"x" * 70 + b"\r\n"
    with Lmtp(site) as c:
        # 30, 60 and 90 %: one warning.
        for _ in range(3):
            assert c.deliver(message(body * 420), user)[0].startswith("250")
        # RCPT knows it already when the size is told.
        assert c.cmd("MAIL FROM:<a@b> SIZE=50000").startswith("250")
        assert c.cmd(f"RCPT TO:<{user}>").startswith("452 4.2.2")
        c.cmd("RSET")
        # It does not fit: nothing is kept, and the other one has it.
        assert [x[:9] for x in c.deliver(message(body * 420), user, site.user1)] == ["452 4.2.2", "250 2.1.5"]
        site.ctl("setting", "set", "delivery.over_quota", "reject", "--account", user)
        assert c.deliver(message(body * 420), user)[0].startswith("552 5.2.2")
    got = fetch_all(site, user, password)
    warnings = [x for x in got if b"Auto-Submitted: auto-generated" in x]
    assert len(got) - len(warnings) == 3
    subjects = [re.search(rb"Subject: (.*)\r\n", x).group(1) for x in warnings]
    assert subjects == [b"Your mailbox is 80 % full", b"Your mailbox is full"] or \
        subjects == [b"Your mailbox is 90 % full", b"Your mailbox is full"]


def test_too_many_recipients(site):
    with Lmtp(site) as c:
        c.cmd("MAIL FROM:<a@b>")
        c.send(b"".join(b"RCPT TO:<%s>\r\n" % site.user1.encode() for _ in range(1001)))
        replies = [c.reply()[:9] for _ in range(1001)]
        assert replies == ["250 2.1.5"] * 1000 + ["452 4.5.3"]


# ---------------------------------------------------------------------------
# What is stored


def test_loop(site):
    user, password = site.new_account()
    with Lmtp(site) as c:
        c.deliver(message(), user)
        [once] = fetch_all(site, user, password)
        assert c.deliver(once, user)[0].startswith("554 5.4.6")
        hops = b"Received: from a by b; Sun, 22 Nov 2026 10:00:00 +0000\r\n" * 101
        assert c.deliver(hops + message(), user)[0].startswith("554 5.4.6")
        # Somebody else's address in it is no loop.
        assert c.deliver(once, site.user1)[0].startswith("250")
    assert len(fetch_all(site, user, password)) == 1


def test_redelivery(site):
    user, password = site.new_account()
    raw = message()
    with Lmtp(site) as c:
        for _ in range(3):
            assert c.deliver(raw, user)[0].startswith("250")
        assert c.deliver(raw, user, sender="another@x.test")[0].startswith("250")
        assert c.deliver(raw + b"more\r\n", user)[0].startswith("250")
    assert len(fetch_all(site, user, password)) == 3


def test_smuggling(site):
    """Only CRLF dot CRLF ends a message; all line ends come out whole."""
    user, password = site.new_account()
    ends = [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\0.\r\n"]
    with Lmtp(site) as c:
        for end in ends:
            raw = message(b"one" + end + b"MAIL FROM:<evil@x.test>\r\n")
            assert c.deliver(raw, user)[0].startswith("250")
    got = fetch_all(site, user, password)
    assert len(got) == len(ends)
    for raw in got:
        assert b"MAIL FROM:<evil" in raw
        assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)


def account_dir(site, user):
    ident = json.loads(site.ctl("account", "show", user, "--json"))["id"]
    [path] = (site.data_dir / "accounts").glob(f"*/{ident}")
    return path


def test_failing_store(site):
    """One damaged account: 451, nothing kept, others unaffected."""
    user, password = site.new_account()
    path = account_dir(site, user) / "account.db"
    good = path.read_bytes()
    path.write_bytes(b"this is no database " * 500)
    try:
        with Lmtp(site) as c:
            a, b = c.deliver(message(), user, site.user1)
            assert a.startswith("451 4.3.0") and b.startswith("250 2.1.5")
    finally:
        path.write_bytes(good)
    with Lmtp(site) as c:
        assert wait_for(lambda: c.deliver(message(), user)[0].startswith("250"))
    assert len(fetch_all(site, user, password)) == 1


def test_many_at_once(site):
    (a, pa), (b, pb) = site.new_account(), site.new_account()

    def client(n):
        sent = []
        with Lmtp(site) as c:
            for _ in range(10):
                raw = message()
                assert [x[:3] for x in c.deliver(raw, a, b)] == ["250"] * 2
                sent.append(raw)
        return sent

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        sent = sorted(x for r in pool.map(client, range(12)) for x in r)
    for user, password in ((a, pa), (b, pb)):
        assert sorted(split_trace(x)[1] for x in fetch_all(site, user, password)) == sent


# ---------------------------------------------------------------------------
# Parameters and mistakes


def test_dsn_parameters(site):
    user, _ = site.new_account()
    with Lmtp(site) as c:
        assert c.cmd("MAIL FROM:<a@b> RET=HDRS ENVID=id+2B1 AUTH=<>").startswith("250")
        assert c.cmd(f"RCPT TO:<{user}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;{user}").startswith("250")
        for params, want in [("NOTIFY=NEVER,SUCCESS", "501 5.5.4"), ("ORCPT=x", "501 5.5.4"),
                             ("FOO=1", "555 5.5.4")]:
            assert c.cmd(f"RCPT TO:<{user}> {params}").startswith(want), params
        c.cmd("RSET")
        for params, want in [("SIZE=x", "501 5.5.4"), ("BODY=9BIT", "501 5.5.4"), ("FOO", "555 5.5.4")]:
            assert c.cmd(f"MAIL FROM:<a@b> {params}").startswith(want), params


ORDER = [("MAIL FROM:<a@b>", "503", "250", "503", "503"), ("RCPT TO:<{user}>", "503", "503", "250", "250"),
         ("DATA", "503", "503", "503", "354"), ("STARTTLS", "220", "220", "503", "503"),
         ("RSET", "250", "250", "250", "250"), ("NOOP", "250", "250", "250", "250"),
         ("BDAT 0", "503", "503", "503", "250"), ("LHLO x", "250", "250", "250", "250")]


@pytest.mark.parametrize("line,start,ready,mail,rcpt", ORDER)
def test_order(site, line, start, ready, mail, rcpt):
    """Every command in every state."""
    before = ["LHLO x", "MAIL FROM:<a@b>", f"RCPT TO:<{site.user1}>"]
    for n, want in enumerate((start, ready, mail, rcpt)):
        with Lmtp(site, lhlo=False) as c:
            for command in before[:n]:
                assert c.cmd(command).startswith("250")
            assert c.cmd(line.format(user=site.user1)).startswith(want), n


def test_bad_input(site):
    with Lmtp(site) as c:
        assert c.cmd("FOO").startswith("500 5.5.2")
        assert c.cmd("").startswith("500 5.5.2")
        assert c.cmd("LHLO").startswith("501 5.5.4")
        assert c.cmd("MAIL FROM:a@b").startswith("501 5.1.7")
        assert c.cmd("MAIL TO:<a@b>").startswith("501 5.5.4")
        c.send(b"X" * 100000 + b"\r\n")
        assert c.reply().startswith("500 5.5.2 Line too long")
        c.send(b"NO\0OP\r\n")
        assert c.reply().startswith("500 5.5.2")
        # Enough is enough.
        last = ""
        with pytest.raises((EOFError, ConnectionError)):
            for _ in range(100):
                last = c.cmd("FOO")
                if last.startswith("421"):
                    break
            c.reply()
            last = c.reply()
        assert last.startswith(("500", "421"))
    # Half a command, half a message: nothing is stored, nothing stays.
    user, password = site.new_account()
    for part in (b"MAI", b"MAIL FROM:<a@b>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: x\r\n\r\nhalf\r\n." % user.encode()):
        c = Lmtp(site)
        c.send(part)
        c.close()
    with Lmtp(site) as c:
        c.send(os.urandom(50000) + b"\r\n")
    assert fetch_all(site, user, password) == []
    with Lmtp(site) as c:
        assert c.cmd("NOOP").startswith("250")


def test_xforward(site):
    user, _ = site.new_account()
    with Lmtp(site, unix=True) as c:
        assert "IDENT" in c.extensions["XFORWARD"]
        assert c.cmd("XFORWARD NAME=[UNAVAILABLE] ADDR=192.0.2.1 IDENT=4Queue+2D1").startswith("250")
        assert c.cmd("XFORWARD IDENT").startswith("501")
        assert c.deliver(message(), user)[0].startswith("250")
    wait_for(lambda: re.search(r"event=deliver .*queue=4Queue-1 .*to=" + re.escape(user), site.log("lmtpd")))


# ---------------------------------------------------------------------------
# The daemon


def control(site, path):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(site.run_dir / "lmtpd.ctl"))
        s.sendall(b"GET %s HTTP/1.1\r\n\r\n" % path.encode())
        answer = b"".join(iter(lambda: s.recv(65536), b""))
    head, body = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200 ")
    return body.decode()


def test_control(site):
    def count():
        return int(re.search(r'mailstead_deliveries_total{result="ok"} (\d+)', control(site, "/metrics")).group(1))

    assert control(site, "/healthz") == "ok\n"
    before = count()
    with Lmtp(site) as c:
        c.deliver(message(), site.user1)
        assert count() == before + 1
        assert any(x["protocol"] == "lmtp" for x in json.loads(control(site, "/who")))


def test_stop(site):
    """A message at hand is finished, an idle client told, and it comes back."""
    with Lmtp(site) as idle:
        pid = site.pid("lmtpd")
        os.kill(pid, signal.SIGTERM)
        assert idle.reply().startswith("421 4.3.2")
        with pytest.raises(EOFError):
            idle.reply()
    wait_for(lambda: is_dead(pid), 15)
    site.start_daemon("lmtpd")
    with Lmtp(site) as c:
        assert c.deliver(message(), site.user1)[0].startswith("250")
