# SPDX-License-Identifier: BSD-2-Clause
"""What no client should send, on every socket: the daemon answers with the
protocol's error or closes, stays up, stays small, and serves the others."""

import base64
import contextlib
import imaplib
import random
import os
import re
import socket
import ssl
import threading
import time

import pytest

from conftest import Site, wait_for
from imap_raw import Imap, message
from lmtp import Lmtp, LmtpError
from managesieve import Sieve

MIB = 1 << 20
# A sanitizer keeps freed memory for a while and pads what is in use, so
# contrib/check gives its run more room; the plain run is the strict one.
MEMORY_FACTOR = int(os.environ.get("MS_MEMORY_FACTOR", "1"))
SLACK = 24 * MIB * MEMORY_FACTOR  # what a daemon may grow by: pools, caches, malloc's arenas
LOGIN_TIMEOUT = 3

GARBAGE = {
    "random": random.Random(7).randbytes(200000),
    "nul": bytes(100000),
    "line-without-end": b"A" * (2 * MIB),
    "line-too-long": b"A" * (2 * MIB) + b"\r\n",
    "empty-lines": b"\r\n" * 20000,
    "bare-feeds": b"\n" * 20000,
    "bare-returns": b"\r" * 20000,
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: a=b\r\n\r\n",
    "http-post": b"POST / HTTP/1.1\r\nContent-Length: 70\r\n\r\na1 LOGIN x y\r\nMAIL FROM:<a@b>\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    "tls-absurd": b"\x16\x03\x01\xff\xff" + b"\xff" * 65535,
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "utf-8": "läßt çà ☃ \U0001f600 \r\n".encode() * 500,
    "not-utf-8": b"\xff\xfe\xc3\x28 \xe2\x82\r\n" * 500,
    "brackets": b"(" * 50000 + b"\r\n",
    "quotes": b'a LOGIN "' + b'\\' * 50000 + b"\r\n",
    "literals": b"a LOGIN {1+}\r\nx {1+}\r\n" * 2000,
    "netstrings": b"1:x," * 5000,
    "proxy": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nNOOP\r\n",
    "half": b"a LOG",
}

SOCKETS = {
    "imap": "imapd", "imaps": "imapd", "imaps-inside": "imapd", "lmtp": "lmtpd", "pop3": "pop3d", "pop3s": "pop3d",
    "sieve": "sieved",
    "auth": "authd", "map": "authd",
}


@pytest.fixture(scope="module")
def strict():
    """A site that gives clients little time."""
    with pytest.MonkeyPatch.context() as m:
        m.setenv("MAILSTEAD_IMAPD_LOGIN_TIMEOUT", f"{LOGIN_TIMEOUT}s")
        m.setenv("MAILSTEAD_LMTPD_TIMEOUT", f"{LOGIN_TIMEOUT}s")
        m.setenv("MAILSTEAD_POP3D_LOGIN_TIMEOUT", f"{LOGIN_TIMEOUT}s")
        m.setenv("MAILSTEAD_POP3D_TIMEOUT", f"{LOGIN_TIMEOUT}s")
        s = Site()
        try:
            yield s.start()
        finally:
            s.remove()


def dial(site, where):
    if where in ("auth", "map"):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(15)
        s.connect(str(site.run_dir / "mta" / where))
        return s
    port = {"imap": site.imap_port, "lmtp": site.lmtp_port, "pop3": site.pop3_port,
            "pop3s": site.pop3s_port, "sieve": site.sieve_port}.get(where, site.imaps_port)
    s = socket.create_connection((site.host, port), 15)
    if where == "imaps-inside":
        s = ssl._create_unverified_context().wrap_socket(s)
    return s


def drain(s, most=4 * MIB):
    """What comes until the other side closes, or says no more."""
    got = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while chunk := s.recv(65536):
            got += chunk
            assert len(got) < most, "it never stops talking"
    return got


def throw(site, where, data):
    """Send all of it while reading; end our side; all that came back."""
    with dial(site, where) as s:
        got = b""
        s.setblocking(False)
        view, deadline = memoryview(data), time.monotonic() + 20
        while view and time.monotonic() < deadline:
            try:
                with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    view = view[s.send(view[:16384]):]
                    continue
                with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    got += s.recv(65536)
            except (ConnectionError, ssl.SSLError):
                return got
            time.sleep(0.001)
        assert not view, "neither taken nor closed"
        s.settimeout(15)
        with contextlib.suppress(OSError):
            socket.socket.shutdown(s, socket.SHUT_WR)
        return got + drain(s)


def rss(site, daemon):
    text = open(f"/proc/{site.pid(daemon)}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1)) * 1024


@contextlib.contextmanager
def unharmed(site, *daemons, slack=SLACK):
    """The daemons live on as the same processes and have not grown much."""
    before = {d: (site.pid(d), rss(site, d)) for d in daemons}
    yield
    for d, (pid, size) in before.items():
        assert site.pid(d) == pid
        wait_for(lambda: rss(site, d) < size + slack, 10)
    probe(site)


def probe(site):
    with Imap(site, site.user1, site.pass1) as c:
        c.ok("NOOP")
    with Lmtp(site.host, site.lmtp_port) as c:
        c.command("NOOP")
    assert lookup(site, f"mailboxes {site.user1}").startswith("OK ")


def lookup(site, request):
    with dial(site, "map") as s:
        s.sendall(b"%d:%s," % (len(request), request.encode()))
        return netstring(s)


def netstring(s):
    got = b""
    while not re.match(rb"(\d+):", got) or len(got) < int(got.split(b":")[0]) + len(got.split(b":")[0]) + 2:
        chunk = s.recv(4096)
        assert chunk, got
        got += chunk
    return got.partition(b":")[2][:-1].decode()


# ---------------------------------------------------------------------------
# Everything, everywhere


@pytest.mark.parametrize("where", SOCKETS)
def test_garbage(site, where):
    with unharmed(site, SOCKETS[where]):
        for name, data in GARBAGE.items():
            got = throw(site, where, data)
            # Errors of the protocol, and nothing that took it for sense.
            if where in ("imap", "imaps-inside"):
                assert got.startswith(b"* OK "), (name, got[:200])
                for line in got.splitlines()[1:]:
                    assert re.search(rb"^(\S+ (BAD|NO|BYE) |\+ )", line), (name, line)
            elif where == "lmtp":
                lines = got.splitlines()
                assert lines[0].startswith(b"220 "), (name, got[:200])
                for line in lines[1:]:
                    assert re.match(rb"(5\d\d|421)[ -]", line) or (name, line[:4]) == ("proxy", b"250 "), (name, line)
            elif where == "pop3":
                lines = got.splitlines()
                assert lines[0].startswith(b"+OK "), (name, got[:200])
                assert all(line.startswith(b"-ERR ") for line in lines[1:]), (name, lines)
            elif where == "sieve":
                greeting, _, rest = got.partition(b'OK "Mailstead ready"\r\n')
                assert greeting.startswith(b'"IMPLEMENTATION"'), (name, got[:200])
                for line in rest.splitlines():
                    assert line.startswith((b"NO ", b"BYE ")) or (name, line[:3]) == ("proxy", b"OK "), (name, line)
            elif where == "map":
                for line in re.findall(rb"\d+:([A-Z]+) ", got):
                    assert line in (b"NOTFOUND", b"PERM"), (name, line)


@pytest.mark.parametrize("where", SOCKETS)
def test_all_at_once(site, where):
    """Half commands from many, all gone in the middle."""
    with unharmed(site, SOCKETS[where]):
        for data in (b"", b"\x16\x03", b"a LOGIN {10}\r\nabc", b"LHLO x\r\nMAIL FROM:<", b"USER x\r\nPASS", b"AUTH PLAIN\r\n", b"AUTHENTICATE \"PLAIN\" {100+}\r\nab",
                     b"100:mail", b"AUTH\t1"):
            open_now = [dial(site, where) for _ in range(30)]
            for s in open_now:
                with contextlib.suppress(OSError):
                    s.sendall(data)
            for n, s in enumerate(open_now):
                if n % 2:  # a reset rather than an end
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                s.close()


# ---------------------------------------------------------------------------
# TLS


def test_garbage_instead_of_tls(site):
    with unharmed(site, "imapd"):
        for name in ("random", "http", "line-too-long", "nul"):
            assert b"* OK" not in throw(site, "imaps", GARBAGE[name])
        for name in ("random", "http", "half"):
            with Imap(site) as c:
                c.send("a STARTTLS\r\n")
                assert c.until("a")[1].startswith("OK")
                with contextlib.suppress(OSError):  # closed before we were done
                    c.send(GARBAGE[name])
                    c.sock.shutdown(socket.SHUT_WR)
                    assert b"OK" not in drain(c.sock)
    assert "event=tls_failed" in site.log("imapd")


def test_tls_that_breaks_off(site):
    """A record that was changed on its way ends the session."""
    with dial(site, "imaps") as raw:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = ssl._create_unverified_context().wrap_bio(incoming, outgoing)

        def pump(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    raw.sendall(outgoing.read())
                    incoming.write(raw.recv(65536))

        pump(tls.do_handshake)
        raw.sendall(outgoing.read())
        assert pump(lambda: tls.read(1000)).startswith(b"* OK")
        tls.write(b"a NOOP\r\n")
        record = bytearray(outgoing.read())
        record[-1] ^= 1
        raw.sendall(record)
        drain(raw)
    probe(site)


# ---------------------------------------------------------------------------
# IMAP


ABSURD = {
    "deep-search": "SEARCH " + "(" * 20000 + "ALL" + ")" * 20000,
    "nots": "SEARCH " + "NOT " * 15000 + "ALL",
    "ors": "SEARCH " + "OR " * 15000 + "ALL",
    "many-keys": "SEARCH " + "SEEN " * 12000,
    "ranges": "FETCH " + ",".join(str(n * 2 + 1) for n in range(10000)) + " UID",
    "backwards": "FETCH " + ",".join("4294967295:1" for _ in range(4000)) + " UID",
    "zero": "FETCH 0 UID",
    "too-big-a-number": "FETCH 99999999999999999999 UID",
    "fields": "FETCH 1 BODY[HEADER.FIELDS (" + " ".join(f"X-{n}" for n in range(8000)) + ")]",
    "items": "FETCH 1 (" + "UID " * 15000 + ")",
    "part": "FETCH 1 BODY[" + "1." * 20000 + "1]",
    "partial": "FETCH 1 BODY[]<4294967295.4294967295>",
    "flags": "STORE 1 +FLAGS (" + " ".join(f"k{n}" for n in range(9000)) + ")",
    "flag-name": "STORE 1 +FLAGS (" + "k" * 60000 + ")",
    "name": "CREATE " + "n" * 60000,
    "depth": "CREATE " + "n/" * 20000 + "n",
    "utf-7": "CREATE &" + "ABC" * 10000 + "-",
    "wildcards": 'LIST "" "' + "*%" * 10000 + 'x"',
    "pattern": 'LIST "" ' + "*a" * 20000,
    "date": 'APPEND INBOX "99-Xxx-9999 99:99:99 +9999" {3+}\r\nabc',
    "charset": "SEARCH CHARSET " + "x" * 30000 + " ALL",
    "status": "STATUS INBOX (" + "MESSAGES " * 7000 + ")",
    "id": "ID (" + '"a" "b" ' * 7000 + ")",
    "unknown": "X" * 60000,
    "nul": "NOOP \0",
    "nul-in-literal": "CREATE {3+}\r\na\0b",
}


@pytest.fixture(scope="module")
def absurd_account(site):
    account = site.new_account()
    with Imap(site, *account) as c:
        c.append("INBOX", message())
    return account


@pytest.mark.alone
@pytest.mark.parametrize("name", ABSURD)
def test_absurd_commands(site, absurd_account, name):
    """Each is answered, soon, and the session lives."""
    with Imap(site, *absurd_account) as c:
        c.ok("SELECT INBOX")
        start = time.monotonic()
        _, tagged = c.command(ABSURD[name])
        assert re.match(r"(OK|NO|BAD) ", tagged)
        assert time.monotonic() - start < 3
        c.ok("NOOP")
        assert c.ok("FETCH 1 UID") == ["* 1 FETCH (UID 1)"]
    with unharmed(site, "imapd", slack=2 * SLACK):
        pass


def test_literals_that_never_come(site):
    """Announcing is free; only what was sent takes memory, and all large
    ones together have a limit."""
    account = site.new_account()
    with unharmed(site, "imapd", slack=2 * SLACK), contextlib.ExitStack() as stack:
        answers = []
        for _ in range(30):
            c = stack.enter_context(Imap(site, *account))
            c.send(f"a APPEND INBOX {{{60 * MIB}}}\r\n")
            answers.append(c.line())
        assert sum(x.startswith("+ ") for x in answers) in range(1, 10)
        assert all(x.startswith("+ ") or "NO [TOOBIG]" in x for x in answers)
        assert rss(site, "imapd") < 200 * MIB * MEMORY_FACTOR
    with Imap(site, *account) as c:  # and the room is given back
        wait_for(lambda: c.append("INBOX", message(1, "x" * 998 + "\r\n" * 70)) > 0)


@pytest.mark.alone
@pytest.mark.parametrize("text", [
    "PUTSCRIPT " + "(" * 5000, 'PUTSCRIPT "' + "a" * 20000 + '" "keep;"', "PUTSCRIPT " + '"a" ' * 2000,
    'HAVESPACE "a" 99999999999999999999', 'PUTSCRIPT "a" {18446744073709551616+}', 'PUTSCRIPT "a" {-1+}', 'NOOP "\0"',
    'PUTSCRIPT "a" {20+}\r\n' + "{" * 20 + " {20+}\r\n" + "}" * 20, "CHECKSCRIPT {900000+}\r\n" + "if not " * 128571 + "   ",
    "CHECKSCRIPT {100000+}\r\n" + "[" * 100000, 'CHECKSCRIPT {6+}\r\n"\0\0\0\0\0', "CHECKSCRIPT {6+}\r\n/*/*/*",
    "X" * 11000], ids=lambda x: x[:16])
def test_absurd_sieve(site, absurd_account, text):
    with unharmed(site, "sieved", slack=2 * SLACK), Sieve(site, *absurd_account) as c:
        begin = time.monotonic()
        reply = c.command(text)
        assert reply.status in ("NO", "BYE"), reply
        assert time.monotonic() - begin < 5
        if reply.status == "NO":
            c.ok("NOOP")


def test_sieve_literals_that_never_come(site, absurd_account):
    """Announcing is free; only what was sent takes memory."""
    with unharmed(site, "sieved"), contextlib.ExitStack() as stack:
        for _ in range(50):
            c = stack.enter_context(Sieve(site, *absurd_account))
            c.send('PUTSCRIPT "a" {1000000+}\r\n#')
        time.sleep(0.5)
        assert rss(site, "sieved") < 100 * MIB * MEMORY_FACTOR


def test_sasl_garbage(site):
    with Imap(site) as c:
        for text in ("=", "====", "A" * 30000, base64.b64encode(b"\0" * 5000).decode(),
                     base64.b64encode(b"\0\0").decode(), base64.b64encode(b"\xff\0\xfe\0\xfd").decode()):
            c.send("a AUTHENTICATE PLAIN\r\n")
            line = c.line()
            if line.startswith("* BYE"):
                break
            assert line.startswith("+"), line
            c.send(text + "\r\n")
            assert re.match(r"(NO|BAD) ", c.until("a")[1])
    probe(site)


# ---------------------------------------------------------------------------
# Messages


def nested(depth):
    head = "Content-Type: multipart/mixed; boundary=b{0}\r\n\r\n--b{0}\r\n"
    return "".join(head.format(n) for n in range(depth)) + "Content-Type: text/plain\r\n\r\nx\r\n"


HOSTILE = {
    "empty": "\r\n",
    "no-header": "just text\r\n",
    "only-header": "Subject: x\r\n",
    "nesting": nested(3000),
    "parts": "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + "--b\r\n\r\nx\r\n" * 30000,
    "rfc822": "Content-Type: message/rfc822\r\n\r\n" * 3000 + "x\r\n",
    "fields": "".join(f"X-{n}: y\r\n" for n in range(100000)) + "\r\nx\r\n",
    "long-field": "Subject: " + "x" * (3 * MIB) + "\r\n\r\nx\r\n",
    "folds": "Subject: x\r\n" + " y\r\n" * 200000 + "\r\nx\r\n",
    "addresses": "To: " + ", ".join(f"a{n}@b.test" for n in range(50000)) + "\r\n\r\nx\r\n",
    "comments": "From: " + "(" * 100000 + "\r\n\r\nx\r\n",
    "groups": "To: " + "g:" * 50000 + ";\r\n\r\nx\r\n",
    "words": "Subject: " + "=?utf-8?B?w6Q=?= " * 50000 + "\r\n\r\nx\r\n",
    "references": "References: " + " ".join(f"<{n}@x.test>" for n in range(50000)) + "\r\n\r\nx\r\n",
    "parameters": "Content-Type: text/plain" + "".join(f"; p*{n}*=%41" for n in range(50000)) + "\r\n\r\nx\r\n",
    "boundary": "Content-Type: multipart/mixed; boundary=\"" + "b" * 100000 + "\"\r\n\r\n--b\r\n\r\nx\r\n",
    "html": "Content-Type: text/html\r\n\r\n" + "<div>" * 200000 + "&#x41;" * 100000 + "\r\n",
    "base64": "Content-Transfer-Encoding: base64\r\n\r\n" + "=A=*!\r\n" * 50000,
}


@pytest.mark.alone
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages(site, name):
    """Stored as it came; whatever is asked about it is answered, soon."""
    user, password = site.new_account()
    raw = HOSTILE[name].encode()
    start = time.monotonic()
    with Lmtp(site.host, site.lmtp_port) as c:
        [(code, _)] = c.deliver("a@x.test", [user], raw)
        assert code == 250
    with Imap(site, user, password) as c:
        c.ok("SELECT INBOX")
        for item in ("ENVELOPE", "BODYSTRUCTURE", "BODY", "RFC822.SIZE", "BODY.PEEK[1]", "BODY.PEEK[1.1.MIME]",
                     "BODY.PEEK[HEADER.FIELDS (SUBJECT TO)]"):
            [line] = c.ok(f"FETCH 1 ({item})")
            assert line.startswith("* 1 FETCH (")
        [line] = c.ok("FETCH 1 BODY.PEEK[]")
        assert line.encode("utf-8", "surrogateescape")[:-1].endswith(raw)
        for search in ("SUBJECT y", "TEXT zzz", "BODY x", "TO a49999@b.test"):
            c.ok("SEARCH " + search)
    assert time.monotonic() - start < 10
    with unharmed(site, "imapd", "lmtpd", slack=4 * SLACK):
        pass


def test_lmtp_envelopes(site):
    with Lmtp(site.host, site.lmtp_port) as c:
        for address in ("a" * 3000 + "@x.test", "a@" + "b." * 1000 + "test", "<" * 500, '"' + "\\" * 300, "@", "a@b@c",
                        "a\0b@x.test", "\x7f@x.test", "a@-.test", "%00@x", "a@[300.1.1.1]"):
            with pytest.raises(LmtpError) as info:
                c.command(f"MAIL FROM:<{address}>")
                c.command(f"RCPT TO:<{address}>")
            assert 500 <= info.value.args[0] < 600
            with contextlib.suppress(LmtpError):
                c.command("RSET")
    with unharmed(site, "lmtpd"), Lmtp(site.host, site.lmtp_port) as c:
        c.command("MAIL FROM:<a@x.test>")
        for _ in range(1000):
            c.command(f"RCPT TO:<{site.user1}>")
        with pytest.raises(LmtpError) as info:
            c.command(f"RCPT TO:<{site.user1}>")
        assert info.value.args[0] == 452


# ---------------------------------------------------------------------------
# authd


@pytest.mark.parametrize("request_", [
    b"999999999999999999999:x,", b"20000:x,", b"-1:,", b"5:hellox", b":,", b"05:hello,", b"a:", b"3 :abc,",
])
def test_bad_netstrings(site, request_):
    with unharmed(site, "authd"):
        assert throw(site, "map", request_) == b""


def test_odd_lookups(site):
    for request, want in [("", ("PERM", "NOTFOUND")), ("nomap x", ("PERM", "NOTFOUND")), ("mailboxes ", ("NOTFOUND",)),
                          ("mailboxes", ("NOTFOUND", "PERM")), ("mailboxes " + "x" * 9000, ("NOTFOUND",)),
                          ("domains " + "a." * 4000, ("NOTFOUND",)), ("aliases @", ("NOTFOUND",)),
                          ("senders '; DROP TABLE accounts; --@x", ("NOTFOUND",)),
                          ("mailboxes a\0b@" + site.domain, ("NOTFOUND",))]:
        assert lookup(site, request).split(" ")[0] in want, request


@pytest.mark.parametrize("line", [
    b"AUTH\n", b"AUTH\tx\tPLAIN\n", b"AUTH\t1\tPLAIN\tresp=!!!\n", b"VERSION\t9\t9\n", b"VERSION\n",
    b"CONT\t1\n" + b"AUTH\t99999999999\tPLAIN\n", b"x" * 20000 + b"\n",
    b"".join(b"AUTH\t%d\tLOGIN\tservice=smtp\n" % n for n in range(200)),
])
def test_bad_auth_lines(site, line):
    """Closed, which an MTA takes for a temporary failure, with a log line."""
    before = len(site.log("authd"))
    with unharmed(site, "authd"):
        got = throw(site, "auth", b"VERSION\t1\t1\nCPID\t77\n" + line + b"AUTH\t5\tNONE\n")
        assert not re.search(rb"^OK\t", got, re.M)
        assert b"FAIL\t5" not in got
    assert re.search(r"event=auth_(malformed|line_too_long|too_many)", site.log("authd")[before:])


# ---------------------------------------------------------------------------
# Time


@pytest.mark.slow
def test_slow_loris(strict):
    """Bytes one at a time do not extend the time to log in."""
    with unharmed(strict, "imapd"), contextlib.ExitStack() as stack:
        slow = [stack.enter_context(dial(strict, "imap")) for _ in range(100)]
        start = time.monotonic()
        for octet in b"a LOGIN " + b"x" * 100:
            alive = []
            for s in slow:
                with contextlib.suppress(ConnectionError):
                    s.sendall(bytes([octet]))
                    alive.append(s)
            if time.monotonic() - start > LOGIN_TIMEOUT + 3:
                break
            time.sleep(0.2)
            with Imap(strict, strict.user1, strict.pass1) as c:  # others are served
                c.ok("NOOP")
        for s in slow:
            s.settimeout(5)
            got = drain(s)
            assert re.search(rb"^\* BYE .*login|^\* BYE .*log in", got, re.M), got
    with dial(strict, "imap") as silent:
        start = time.monotonic()
        assert b"* BYE" in drain(silent)
        assert time.monotonic() - start < LOGIN_TIMEOUT + 4


@pytest.mark.slow
def test_silent_lmtp_client(strict):
    with dial(strict, "lmtp") as s:
        s.sendall(b"LHLO x\r\nMAIL FR")
        start = time.monotonic()
        assert b"421 4.4.2" in drain(s)
        assert time.monotonic() - start < LOGIN_TIMEOUT + 4


@pytest.mark.slow
@pytest.mark.parametrize("logged_in", [False, True])
def test_trickling_pop3_client(strict, logged_in):
    """Closed without a word (RFC 1939, section 3), however slowly it goes on."""
    with dial(strict, "pop3") as s:
        if logged_in:
            s.sendall(f"USER {strict.user1}\r\nPASS {strict.pass1}\r\n".encode())
            got = b""
            while got.count(b"\r\n") < 3:
                got += s.recv(1000)
        start, got = time.monotonic(), b""
        s.settimeout(0.2)
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - start < LOGIN_TIMEOUT + 4:
                with contextlib.suppress(TimeoutError):
                    chunk = s.recv(1000)
                    if not chunk:
                        break
                    got += chunk
                s.sendall(b"x")
        assert LOGIN_TIMEOUT - 1 < time.monotonic() - start < LOGIN_TIMEOUT + 4
        assert re.fullmatch(rb"(\+OK .* ready\r\n)?", got)


@pytest.mark.slow
@pytest.mark.parametrize("before", [b"", b"MAIL FROM:<a@example.test>\r\nRCPT TO:<%s>\r\nDATA\r\n"])
def test_trickling_lmtp_client(strict, before):
    """Bytes one at a time do not extend the time, neither of a command nor of a text."""
    with dial(strict, "lmtp") as s:
        s.sendall(b"LHLO x\r\n" + before.replace(b"%s", strict.user1.encode()))
        start, got = time.monotonic(), b""
        s.settimeout(0.2)
        while b"421 4.4.2" not in got and time.monotonic() - start < LOGIN_TIMEOUT + 4:
            with contextlib.suppress(TimeoutError):
                got += s.recv(65536)
            with contextlib.suppress(ConnectionError):
                s.sendall(b"x")
        assert b"421 4.4.2" in got
        assert time.monotonic() - start > LOGIN_TIMEOUT - 1
        assert (b"354" in got) == bool(before)


@pytest.mark.slow
def test_handshake_that_never_ends(strict):
    """Byte by byte, too."""
    context = ssl._create_unverified_context()
    outgoing = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    hello = outgoing.read()
    with dial(strict, "imaps") as silent, dial(strict, "imaps") as slow:
        start = time.monotonic()
        silent.sendall(hello[:20])
        with contextlib.suppress(ConnectionError):
            for octet in hello:
                slow.sendall(bytes([octet]))
                time.sleep(0.5)
                if time.monotonic() - start > 40:
                    pytest.fail("a handshake went on for 40 seconds")
                slow.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    if slow.recv(1000) == b"":
                        break
                slow.settimeout(15)
        assert drain(silent) == b""
        assert time.monotonic() - start < 40
    with strict.imap(tls=True) as c:
        assert isinstance(c, imaplib.IMAP4_SSL)


# ---------------------------------------------------------------------------
# Passwords


def test_verified_passwords_leave_no_memory(own_site):
    """argon2id takes 19 MiB for each; no thread keeps it."""
    site = own_site
    accounts = [site.new_account() for _ in range(24)]

    def login(account):
        with Imap(site, *account) as c:
            c.ok("NOOP")

    with unharmed(site, "imapd", slack=64 * MIB * MEMORY_FACTOR):
        threads = [threading.Thread(target=login, args=(a,)) for a in accounts]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
