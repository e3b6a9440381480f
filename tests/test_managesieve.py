# SPDX-License-Identifier: BSD-2-Clause
"""sieved by conversation."""

import contextlib
import json
import os
import signal
import socket
import threading
import time

import pytest

from conftest import Site, wait_for
from managesieve import Sieve, b64, literal, plain

KEEP = 'require "fileinto";\r\nif header :contains "Subject" "x" {\r\n\tfileinto "Archive";\r\n}\r\n'
BROKEN = 'keep;\r\nnonsense "a";\r\n'
DOUBTFUL = 'require "include";\r\ninclude :personal "missing";\r\n'

IN = ["CHECKSCRIPT", "DELETESCRIPT", "GETSCRIPT", "HAVESPACE", "LISTSCRIPTS", "PUTSCRIPT", "RENAMESCRIPT", "SETACTIVE",
      "UNAUTHENTICATE"]
OUT = ["AUTHENTICATE", "STARTTLS"]
ARGUMENTS = {"CHECKSCRIPT": ' "keep;"', "DELETESCRIPT": ' "a"', "GETSCRIPT": ' "a"', "HAVESPACE": ' "a" 1',
             "PUTSCRIPT": ' "a" "keep;"', "RENAMESCRIPT": ' "a" "b"', "SETACTIVE": ' "a"', "AUTHENTICATE": ' "PLAIN"'}


@pytest.fixture
def account(site):
    return site.new_account()


@pytest.fixture
def c(site, account):
    with Sieve(site, *account) as s:
        yield s


def setting(site, account, key, value):
    site.ctl("setting", "set", key, value, "--account", account[0])


# ---------------------------------------------------------------------------
# The session


def test_greeting_and_capabilities(site, account):
    with Sieve(site) as c:
        caps = {x[0]: x[1] if len(x) > 1 else None for x in c.greeting.lines}
        assert c.greeting.status == "OK" and caps == c.capabilities()
        assert caps["IMPLEMENTATION"] == "Mailstead" and caps["VERSION"] == "1.0"
        assert caps["SASL"].split() == ["PLAIN", "LOGIN"]
        assert {"fileinto", "vacation", "imap4flags", "include"} <= set(caps["SIEVE"].split())
        assert "vnd.dovecot.pipe" not in caps["SIEVE"]
        assert caps["NOTIFY"] == "mailto" and caps["MAXREDIRECTS"] == "4" and caps["LANGUAGE"] == "en"
        assert caps["STARTTLS"] is None and "UNAUTHENTICATE" in caps and "OWNER" not in caps
        c.login(*account)
        caps = c.capabilities()
        assert caps["OWNER"] == account[0] and caps["SASL"] == "" and "STARTTLS" not in caps
        setting(site, account, "sieve.extensions", "fileinto")
        setting(site, account, "sieve.max_redirects", "9")
        caps = c.capabilities()
        assert caps["SIEVE"] == "fileinto" and caps["MAXREDIRECTS"] == "9" and "NOTIFY" not in caps


def test_wrong_states(site, account):
    with Sieve(site) as c:
        for name in IN:
            assert c.no(name + ARGUMENTS.get(name, "")) == "Log in first"
            c.ok("NOOP")
        c.login(*account)
        for name in OUT:
            assert c.no(name + ARGUMENTS.get(name, "")) == "Not after logging in"
        c.ok("CAPABILITY")


def test_syntax(c):
    for text in ("NOPE", "", "NOOP a", 'NOOP "a" "b"', "NOOP 1", "SETACTIVE", "SETACTIVE a", 'SETACTIVE "a',
                 'SETACTIVE "a\\x"', 'HAVESPACE "a"', 'HAVESPACE "a" "1"', 'HAVESPACE "a" -1', "LISTSCRIPTS x",
                 'PUTSCRIPT "a"', 'PUTSCRIPT "a" b', 'RENAMESCRIPT "a"', 'GETSCRIPT "a"x', 'GETSCRIPT"a"',
                 'PUTSCRIPT (a) "b"', 'PUTSCRIPT "a" {3', 'NOOP "a {3+}', "putscript"):
        c.no(text)
    # In any case, and with more than one space.
    c.ok("nOoP")
    c.ok('havespace   "a"  1 ')


def test_noop_and_logout(c):
    assert c.ok("NOOP").code is None
    assert c.ok('NOOP "STARTTLS-SYNC-42"', 'TAG STARTTLS-SYNC-42').text
    assert c.ok(b"NOOP " + literal('a"b\r\nc'), 'TAG a"b\r\nc')
    c.no(b'NOOP "\xff"')
    c.ok("LOGOUT")
    assert c.closed()


def test_logout_before_login(site):
    with Sieve(site) as c:
        c.ok("LOGOUT")
        assert c.closed()


def test_pipelining(site, account):
    with Sieve(site) as c:
        c.send(f'AUTHENTICATE "PLAIN" "{plain(*account)}"\r\n'.encode()
               + b'PUTSCRIPT "a" ' + literal(KEEP) + b'\r\nSETACTIVE "a"\r\nLISTSCRIPTS\r\nNOOP "x"\r\nLOGOUT\r\n')
        replies = [c.reply() for _ in range(6)]
        assert [x.status for x in replies] == ["OK"] * 6
        assert replies[3].lines == [["a", "ACTIVE"]] and replies[4].code == "TAG x"


def test_slow_octets(site, account):
    """Literals that come in pieces."""
    with Sieve(site, *account) as c:
        for octet in b'PUTSCRIPT "a" ' + literal("keep;\r\n") + b"\r\n":
            c.send(bytes([octet]))
        assert c.reply().status == "OK"
        assert c.get("a") == "keep;\r\n"


# ---------------------------------------------------------------------------
# Scripts


def test_put_get_list(c):
    assert c.scripts() == []
    c.put("b", KEEP)
    c.put("a", "")
    c.ok('PUTSCRIPT "c" "keep;"')
    c.ok('PUTSCRIPT "d" {5}\r\nstop;')  # as older clients announce them
    assert c.scripts() == ["a", "b", "c", "d"]
    assert c.get("b") == KEEP and c.get("a") == "" and c.get("c") == "keep;" and c.get("d") == "stop;"
    c.put("c", KEEP)
    assert c.get("c") == KEEP
    c.no('GETSCRIPT "nope"', "NONEXISTENT")


def test_names(c):
    names = ["ä ö ☃ 日本", "\U0001f600" * 128, 'with "quotes" and \\', "n" * 512, "{5+}", "a{5}", "-", "OK"]
    for name in names:
        c.put(name, "keep;")
    assert sorted(c.scripts()) == sorted(names)
    for name in names:
        assert c.get(name) == "keep;"
        c.ok(b"SETACTIVE " + literal(name))
        assert "*" + name in c.scripts()
    for name in ("", "n" * 513, "a\r\nb", "a\0b", "a\x7f", "a\u0085b", "a\u2028b"):
        c.no(b"PUTSCRIPT " + literal(name) + b' "keep;"')
        c.no(b'RENAMESCRIPT "-" ' + literal(name))
        c.no(b"HAVESPACE " + literal(name) + b" 1")
    c.no(b'PUTSCRIPT "\xff" "keep;"')
    assert sorted(x.strip("*") for x in c.scripts()) == sorted(names)


def test_errors_are_readable(c):
    text = c.no(b'PUTSCRIPT "main ' + "ä".encode() + b'" ' + literal(BROKEN))
    assert "main ä:2:" in text and "nonsense" in text, text
    assert c.scripts() == []
    assert ":2:" in c.no(b"CHECKSCRIPT " + literal(BROKEN))
    # All of them.
    text = c.no(b'PUTSCRIPT "x" ' + literal('nonsense "a";\r\nkeep;\r\nnonsense "b";\r\n'))
    assert "x:1:" in text and "x:3:" in text and text.count("\r\n") == 1
    # A script that is there stays as it was.
    c.put("x", "keep;")
    c.no(b'PUTSCRIPT "x" ' + literal(BROKEN))
    assert c.get("x") == "keep;"


def test_warnings(c):
    reply = c.put("a", DOUBTFUL, "WARNINGS")
    assert "a:2:" in reply.text and "missing" in reply.text
    assert c.get("a") == DOUBTFUL
    assert "missing" in c.ok(b"CHECKSCRIPT " + literal(DOUBTFUL), "WARNINGS").text
    c.put("missing", "keep;")
    c.ok(b"CHECKSCRIPT " + literal(DOUBTFUL))


def test_checkscript_stores_nothing(c):
    c.ok(b"CHECKSCRIPT " + literal(KEEP))
    assert c.scripts() == []


def test_active(c):
    c.no('SETACTIVE "a"', "NONEXISTENT")
    c.put("a", KEEP)
    c.put("b", KEEP)
    c.ok('SETACTIVE "a"')
    c.ok('SETACTIVE "a"')
    assert c.scripts() == ["*a", "b"]
    c.no('DELETESCRIPT "a"', "ACTIVE")
    c.no('SETACTIVE "nope"', "NONEXISTENT")
    c.put("a", "stop;")  # replaced, it is still the active one
    c.ok('SETACTIVE "b"')
    assert c.scripts() == ["a", "*b"]
    c.ok('DELETESCRIPT "a"')
    c.no('DELETESCRIPT "a"', "NONEXISTENT")
    c.ok('SETACTIVE ""')
    c.ok('SETACTIVE ""')
    assert c.scripts() == ["b"]
    c.ok('DELETESCRIPT "b"')
    assert c.scripts() == []


def test_rename(c):
    c.put("a", KEEP)
    c.put("b", "stop;")
    c.ok('SETACTIVE "a"')
    c.ok('RENAMESCRIPT "a" "c"')
    assert c.scripts() == ["b", "*c"] and c.get("c") == KEEP
    c.no('RENAMESCRIPT "c" "b"', "ALREADYEXISTS")
    c.no('RENAMESCRIPT "nope" "x"', "NONEXISTENT")
    c.ok('RENAMESCRIPT "c" "c"')
    assert c.scripts() == ["b", "*c"]


def test_activating_what_compiles_no_more(site, account, c):
    c.put("a", 'require "reject";\r\nreject "no";\r\n')
    setting(site, account, "sieve.extensions", "* -reject")
    assert "a:1:" in c.no('SETACTIVE "a"') and c.scripts() == ["a"]
    site.ctl("setting", "unset", "sieve.extensions", "--account", account[0])
    c.ok('SETACTIVE "a"')


def test_quotas(site, account, c):
    setting(site, account, "sieve.max_scripts", "2")
    c.put("a", "keep;")
    c.put("b", "keep;")
    c.no('HAVESPACE "c" 1', "QUOTA/MAXSCRIPTS")
    c.no('PUTSCRIPT "c" "keep;"', "QUOTA/MAXSCRIPTS")
    c.ok('HAVESPACE "b" 1')
    c.put("b", "stop;")
    setting(site, account, "sieve.max_storage", "100")
    c.ok('HAVESPACE "b" 95')
    c.no('HAVESPACE "b" 96', "QUOTA")
    c.no(b'PUTSCRIPT "b" ' + literal("#" * 94 + "\r\n"), "QUOTA")
    c.put("b", "#" * 93 + "\r\n")
    assert c.scripts() == ["a", "b"]


def test_large_scripts(site, account):
    setting(site, account, "sieve.max_script_size", "10K")
    text = "# " + "x" * 76 + "\r\n"
    with Sieve(site, *account) as c:
        c.no('HAVESPACE "a" 10241', "QUOTA/MAXSIZE")
        c.no('HAVESPACE "a" 4294967295', "QUOTA/MAXSIZE")
        c.ok('HAVESPACE "a" 10240')
        c.put("a", text * 128)
        c.no(b'PUTSCRIPT "a" ' + literal(text * 129), "QUOTA/MAXSIZE")
        c.no(b"CHECKSCRIPT " + literal(text * 5000), "QUOTA/MAXSIZE")
        assert c.get("a") == text * 128
        # Changed while somebody is logged in.
        setting(site, account, "sieve.max_script_size", "1K")
        c.no(b'PUTSCRIPT "a" ' + literal(text * 100), "QUOTA/MAXSIZE")
        # What is no script has other words.
        assert "too long" in c.no(b"GETSCRIPT " + literal("x" * 100000))
        assert "too long" in c.no(b'GETSCRIPT "' + b"x" * 100000 + b'"')
        c.ok("NOOP")
        reply = c.command(b'PUTSCRIPT "a" {999999999999+}')
        assert reply.status == "BYE" and c.closed()


def test_two_sessions(site, account):
    with Sieve(site, *account) as a, Sieve(site, *account) as b:
        a.put("x", "keep;")
        assert b.get("x") == "keep;"
        b.ok('SETACTIVE "x"')
        a.no('DELETESCRIPT "x"', "ACTIVE")
        b.ok('RENAMESCRIPT "x" "y"')
        assert a.scripts() == ["*y"]
        a.no('GETSCRIPT "x"', "NONEXISTENT")


def test_many_at_once(site, account):
    """Of many that put under a limit, as many succeed as there is room for."""
    setting(site, account, "sieve.max_scripts", "5")
    codes = []

    def one(n):
        with Sieve(site, *account) as c:
            codes.append(c.command(f'PUTSCRIPT "s{n}" "keep;"').code)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(map(str, codes)) == ["None"] * 5 + ["QUOTA/MAXSCRIPTS"] * 7
    with Sieve(site, *account) as c:
        assert len(c.scripts()) == 5


def test_scripts_are_the_accounts(site, c):
    c.put("mine", "keep;")
    with Sieve(site, *site.new_account()) as other:
        assert other.scripts() == []
        other.no('GETSCRIPT "mine"', "NONEXISTENT")


# ---------------------------------------------------------------------------
# Logging in


def test_authenticate(site, account):
    user, password = account
    with Sieve(site) as c:
        c.no(f'AUTHENTICATE "PLAIN" "{plain(user, "wrong")}"')
        c.no(f'AUTHENTICATE "PLAIN" "{plain("nobody@" + site.domain, password)}"')
        c.no('AUTHENTICATE "NOPE"')
        c.ok(b'AUTHENTICATE "plain" ' + literal(plain(user, password)))
    assert password not in site.log("sieved") and b64(password)[:-3] not in site.log("sieved")
    with Sieve(site) as c:  # without an initial response
        c.send('AUTHENTICATE "PLAIN"\r\n')
        assert c.words() == [""]
        c.send(literal(plain(user, password)) + b"\r\n")
        assert c.reply().status == "OK"
    with Sieve(site) as c:
        c.send('AUTHENTICATE "LOGIN"\r\n')
        assert c.words() == [b64("Username:")]
        c.send(f'"{b64(user)}"\r\n')
        assert c.words() == [b64("Password:")]
        c.send(f'"{b64(password)}"\r\n')
        assert c.reply().status == "OK"


def test_exchange_goes_wrong(site, account):
    with Sieve(site) as c:
        for answer in ('"*"', "*", "YWJj", '"YWJj', '"YW', '""', 'NOOP', "NOOP " + '"x"'):
            c.send('AUTHENTICATE "PLAIN"\r\n')
            assert c.words() == [""]
            c.send(answer + "\r\n")
            assert c.reply().status == "NO", answer
            c.ok("NOOP")
        c.send('AUTHENTICATE "PLAIN"\r\n')
        assert c.words() == [""]
        c.send(b'"' + b"A" * 20000 + b'"\r\n')
        assert c.reply().status == "NO"
        c.no(b'AUTHENTICATE "PLAIN" "!"')
        c.ok("NOOP")
        c.login(*account)


def test_too_many_mistakes(site):
    with Sieve(site) as c:
        for _ in range(4):
            c.no("NOPE")
        assert c.command("NOPE").status == "NO"
        assert c.reply().status == "BYE" and c.closed()


def test_mechanisms_that_are_off(site):
    with Sieve(site) as c:
        c.no('AUTHENTICATE "CRAM-MD5"', "AUTH-TOO-WEAK")
        c.no('AUTHENTICATE "SCRAM-SHA-256-PLUS"', "ENCRYPT-NEEDED")
        c.no('AUTHENTICATE "EXTERNAL"', "ENCRYPT-NEEDED")


def test_services(site, account):
    setting(site, account, "login.services", "imap smtp")
    with Sieve(site) as c:
        c.no(f'AUTHENTICATE "PLAIN" "{plain(*account)}"')
        setting(site, account, "login.services", "sieve")
        c.login(*account)


@pytest.mark.alone
def test_failures_are_slowed_down(site, account):
    site.ctl("setting", "set", "auth.trust_loopback", "no")
    try:
        with Sieve(site) as c:
            took = []
            for _ in range(4):
                begin = time.monotonic()
                c.no(f'AUTHENTICATE "PLAIN" "{plain(account[0], "wrong")}"')
                took.append(time.monotonic() - begin)
            assert took[-1] > 0.9 > took[0], took
    finally:
        site.ctl("setting", "unset", "auth.trust_loopback")
        for row in json.loads(site.ctl("block", "list", "--json")):
            site.ctl("block", "remove", row["peer"], *(("--user", row["user"]) if row["user"] else ()))


def test_unauthenticate(site, account):
    other = site.new_account()
    with Sieve(site, *account) as c:
        c.put("a", "keep;")
        c.ok("UNAUTHENTICATE")
        c.no("LISTSCRIPTS")
        assert c.capabilities()["SASL"] == "PLAIN LOGIN"
        assert account[0] not in site.ctl("who", "--json")
        c.no("UNAUTHENTICATE")
        # The limits are those of strangers again.
        assert "too long" in c.no(b'AUTHENTICATE "PLAIN" ' + literal("A" * 13000))
        c.login(*other)
        assert c.scripts() == []
        c.ok("UNAUTHENTICATE")
        c.starttls()
        c.login(*account)
        assert c.scripts() == ["a"]


def test_starttls(site, account):
    with Sieve(site) as c:
        # What comes before the handshake is not of the client's.
        c.send('STARTTLS\r\nNOOP "injected"\r\n')
        assert c.reply().status == "OK"
        import ssl
        c.sock = ssl._create_unverified_context().wrap_socket(c.sock)
        c.file = c.sock.makefile("rb")
        again = c.reply()
        caps = {x[0]: x[1] if len(x) > 1 else None for x in again.lines}
        assert "STARTTLS" not in caps and caps["SASL"] == "PLAIN LOGIN" and again.code is None
        c.no("STARTTLS")
        c.ok("NOOP")
        c.login(*account)
        c.no("STARTTLS")
        assert "tls=yes" in site.log("sieved").split(f"user={account[0]}")[-1].splitlines()[0]


# ---------------------------------------------------------------------------
# The daemon


@pytest.fixture(scope="module")
def other_site():
    """Short times, TLS from the start, PROXY headers, and clients from elsewhere."""
    with pytest.MonkeyPatch.context() as m:
        m.setenv("MAILSTEAD_SIEVED_LOGIN_TIMEOUT", "2s")
        m.setenv("MAILSTEAD_SIEVED_TIMEOUT", "3s")
        s = Site()
        tls, proxied = s.claims.port(), s.claims.port()
        m.setenv("MAILSTEAD_SIEVED_LISTEN_TLS", f"127.0.0.1:{tls}")
        m.setenv("MAILSTEAD_SIEVED_LISTEN", f"127.0.0.1:{s.base + 190} 127.0.0.1:{proxied}?proxy")
        m.setenv("MAILSTEAD_TRUSTED_PROXIES", "127.0.0.1")
        try:
            s.start()
        except RuntimeError:
            s.remove()
            raise
    s.tls_port, s.proxied_port = tls, proxied
    yield s
    s.remove()


class FromElsewhere(Sieve):
    """A client that a proxy says is at 192.0.2.7."""

    def __init__(self, site):
        self.sock = socket.create_connection((site.host, site.proxied_port), 10)
        self.sock.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 1234 4190\r\n")
        self.file = self.sock.makefile("rb")
        self.greeting = self.reply()


def test_passwords_need_tls(other_site):
    account = other_site.new_account()
    with FromElsewhere(other_site) as c:
        assert c.capabilities()["SASL"] == ""
        c.no(f'AUTHENTICATE "PLAIN" "{plain(*account)}"', "ENCRYPT-NEEDED")
        c.no('AUTHENTICATE "LOGIN"', "ENCRYPT-NEEDED")
        c.starttls()
        assert c.capabilities()["SASL"] == "PLAIN LOGIN"
        c.login(*account)
    assert "peer=192.0.2.7" in other_site.log("sieved")


def test_timeouts(other_site):
    account = other_site.new_account()
    with Sieve(other_site) as c:
        assert c.reply().status == "BYE" and c.closed()
    with Sieve(other_site, *account) as c:
        begin = time.monotonic()
        assert c.reply().status == "BYE" and c.closed()
        assert time.monotonic() - begin > 2.5


def test_slow_loris(other_site):
    """Octets one by one do not keep a connection."""
    account = other_site.new_account()
    for login in (None, account):
        with Sieve(other_site, *(login or ())) as c:
            begin = time.monotonic()
            with contextlib.suppress(OSError):
                c.send(b'PUTSCRIPT "a" {1000+}\r\n')
                while time.monotonic() - begin < 15:
                    c.send(b"#")
                    time.sleep(0.2)
            assert time.monotonic() - begin < 10


def test_tls_from_the_start(other_site):
    import ssl
    account = other_site.new_account()
    raw = socket.create_connection((other_site.host, other_site.tls_port), 10)
    c = Sieve.__new__(Sieve)
    c.sock = ssl._create_unverified_context().wrap_socket(raw)
    c.file = c.sock.makefile("rb")
    with c:
        assert "STARTTLS" not in [x[0] for x in c.reply().lines]
        c.login(*account)
        c.ok("LISTSCRIPTS")


def test_who_metrics_and_stop(own_site):
    account = own_site.new_account()
    with Sieve(own_site, *account) as c, Sieve(own_site) as new:
        c.put("a", "keep;")
        c.no('CHECKSCRIPT "nonsense;"')
        c.no('DELETESCRIPT "b"', "NONEXISTENT")
        new.no(f'AUTHENTICATE "PLAIN" "{plain(account[0], "wrong")}"')
        rows = json.loads(own_site.ctl("who", "--json"))
        assert any(r.get("user") == account[0] and "sieve" in json.dumps(r) for r in rows), rows
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(own_site.run_dir / "sieved.ctl"))
            s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            text = s.makefile().read()
        assert 'mailstead_sieve_logins_total{result="ok"} 1\n' in text
        assert 'mailstead_sieve_logins_total{result="refused"} 1\n' in text
        assert "mailstead_sieve_stored_total 1\n" in text and "mailstead_sieve_invalid_total 1\n" in text
        os.kill(own_site.pid("sieved"), signal.SIGHUP)
        c.ok("NOOP")
        os.kill(own_site.pid("sieved"), signal.SIGTERM)
        for s in (c, new):
            reply = s.reply()
            assert (reply.status, reply.code) == ("BYE", "TRYLATER") and s.closed()
    wait_for(lambda: not (own_site.run_dir / "sieved.pid").exists())
    own_site.start_daemon("sieved")
    with Sieve(own_site, *account) as c:
        assert c.scripts() == ["a"]


def test_scripts_survive_a_kill(own_site):
    """What was acknowledged is on disk."""
    account = own_site.new_account()
    with Sieve(own_site, *account) as c:
        c.put("a", KEEP)
        c.ok('SETACTIVE "a"')
        own_site.stop_daemon("sieved", signal.SIGKILL)
    (own_site.run_dir / "sieved.pid").unlink()
    own_site.start_daemon("sieved")
    with Sieve(own_site, *account) as c:
        assert c.scripts() == ["*a"] and c.get("a") == KEEP
    assert own_site.ctl("check", account[0])
