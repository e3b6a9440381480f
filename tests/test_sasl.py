# SPDX-License-Identifier: BSD-2-Clause
"""SASL over real connections: SCRAM bound to the TLS channel."""

import base64
import hashlib
import hmac
import os
import re
import shutil
import socket
import ssl
import subprocess

import pytest

from conftest import Site
from managesieve import Sieve

MECHANISMS = "PLAIN SCRAM-SHA-1 SCRAM-SHA-256"


@pytest.fixture(scope="module")
def sasl_site():
    s = Site()
    try:
        s.start()
        s.ctl("setting", "set", "login.mechanisms", MECHANISMS)
        s.account = s.new_account()
        yield s
    finally:
        s.remove()


class Line:
    """A connection that speaks in lines, over TLS or through a pair of pipes."""

    def __init__(self, reader, writer, close):
        self.reader, self.writer, self.close = reader, writer, close

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def read(self):
        line = self.reader.readline()
        assert line, "connection closed"
        return line.decode().rstrip("\r\n")

    def send(self, text):
        self.writer.write(text.encode() + b"\r\n")
        self.writer.flush()


def tls(site, port, version=None):
    context = ssl._create_unverified_context()
    if version:
        context.minimum_version = context.maximum_version = version
    raw = socket.create_connection((site.host, port), 10)
    sock = context.wrap_socket(raw, server_hostname="localhost")
    file = sock.makefile("rwb")
    line = Line(file, file, lambda: (file.close(), sock.close()))
    line.sock = sock
    return line


def exporter(site, port, version):
    """A connection by openssl s_client, which shows the exported keying material."""
    process = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"{site.host}:{port}", version, "-nocommands", "-ign_eof",
         "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    line = Line(process.stdout, process.stdin,
                lambda: (process.kill(), process.wait(), process.stdin.close(), process.stdout.close()))
    while not (found := re.search(r"Keying material: (\w+)", line.read())):
        pass
    line.bytes = bytes.fromhex(found[1])
    return line


def end_point(line):
    return hashlib.sha256(line.sock.getpeercert(True)).digest()


class Imap:
    """The commands to log in with, as IMAP and POP3 have them."""
    port = "imaps_port"

    @staticmethod
    def greet(line):
        while not line.read().startswith("* OK"):
            pass

    @staticmethod
    def mechanisms(line):
        line.send("c CAPABILITY")
        found = re.findall(r" AUTH=(\S+)", line.read())
        assert line.read().startswith("c OK")
        return found

    @staticmethod
    def authenticate(line, mechanism, initial):
        line.send(f"a AUTHENTICATE {mechanism} {initial}")

    ok, failed = "a OK", ("a NO", "a BAD")


class Pop3:
    port = "pop3s_port"

    @staticmethod
    def greet(line):
        while not line.read().startswith("+OK"):
            pass

    @staticmethod
    def mechanisms(line):
        line.send("CAPA")
        found = []
        while (text := line.read()) != ".":
            if text.startswith("SASL "):
                found = text.split()[1:]
        return found

    @staticmethod
    def authenticate(line, mechanism, initial):
        line.send(f"AUTH {mechanism} {initial}")

    ok, failed = "+OK", ("-ERR",)


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def scram(protocol, line, account, mechanism, gs2, binding=b""):
    """Log in; the final reply. The server's signature is checked."""
    user, password = account
    digest = "sha256" if "256" in mechanism else "sha1"
    bare = f"n={user},r={os.urandom(9).hex()}"
    protocol.authenticate(line, mechanism, b64(gs2 + bare))
    reply = line.read()
    if not reply.startswith("+ "):
        return reply
    first = base64.b64decode(reply[2:]).decode()
    parts = dict(x.split("=", 1) for x in first.split(","))
    salted = hashlib.pbkdf2_hmac(digest, password.encode(), base64.b64decode(parts["s"]), int(parts["i"]))
    key = hmac.digest(salted, b"Client Key", digest)
    final = f"c={b64(gs2.encode() + binding)},r={parts['r']}"
    text = f"{bare},{first},{final}".encode()
    signature = hmac.digest(hashlib.new(digest, key).digest(), text, digest)
    line.send(b64(f"{final},p={b64(bytes(a ^ b for a, b in zip(key, signature)))}"))
    reply = line.read()
    if not reply.startswith("+ "):
        return reply
    last = hmac.digest(hmac.digest(salted, b"Server Key", digest), text, digest)
    assert base64.b64decode(reply[2:]) == b"v=" + b64(last).encode()
    line.send("")
    return line.read()


@pytest.mark.parametrize("protocol", [Imap, Pop3])
def test_plus_is_for_tls(sasl_site, protocol):
    with tls(sasl_site, getattr(sasl_site, protocol.port)) as line:
        protocol.greet(line)
        assert protocol.mechanisms(line) == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
                                             "SCRAM-SHA-1", "PLAIN"]
    with socket.create_connection((sasl_site.host, getattr(sasl_site, protocol.port.replace("s_", "_")))) as sock:
        file = sock.makefile("rwb")
        line = Line(file, file, file.close)
        protocol.greet(line)
        assert not any(x.endswith("-PLUS") for x in protocol.mechanisms(line))
        line.close()


@pytest.mark.parametrize("protocol", [Imap, Pop3])
@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_tls_exporter(sasl_site, protocol, version):
    port = getattr(sasl_site, protocol.port)
    with exporter(sasl_site, port, version) as line:
        protocol.greet(line)
        reply = scram(protocol, line, sasl_site.account, "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", line.bytes)
        # Before TLS 1.3, s_client exports without a context, which is another value than with an empty one.
        assert reply.startswith(protocol.ok if version == "-tls1_3" else protocol.failed)


@pytest.mark.parametrize("protocol", [Imap, Pop3])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_other_bindings(sasl_site, protocol, version):
    port = getattr(sasl_site, protocol.port)
    cases = [
        ("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", end_point, True),
        ("SCRAM-SHA-1-PLUS", "p=tls-server-end-point,,", end_point, True),
        ("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", lambda _: b"x" * 32, False),
        ("SCRAM-SHA-256-PLUS", "p=tls-unique,,", lambda x: x.sock.get_channel_binding("tls-unique"),
         version == ssl.TLSVersion.TLSv1_2),
        ("SCRAM-SHA-256-PLUS", "p=x-other,,", end_point, False),
        ("SCRAM-SHA-256", "n,,", lambda _: b"", True),
        # The client could have bound and saw no offer: somebody took it away.
        ("SCRAM-SHA-256", "y,,", lambda _: b"", False),
    ]
    for mechanism, gs2, binding, works in cases:
        with tls(sasl_site, port, version) as line:
            protocol.greet(line)
            reply = scram(protocol, line, sasl_site.account, mechanism, gs2, binding(line) or b"")
            assert reply.startswith(protocol.ok if works else protocol.failed), (mechanism, gs2, reply)


def test_wrong_password(sasl_site):
    with tls(sasl_site, sasl_site.imaps_port) as line:
        Imap.greet(line)
        reply = scram(Imap, line, (sasl_site.account[0], "wrong"), "SCRAM-SHA-256-PLUS",
                      "p=tls-server-end-point,,", end_point(line))
        assert reply.startswith("a NO [AUTHENTICATIONFAILED]")


@pytest.mark.skipif(not shutil.which("gsasl"), reason="no gsasl")
@pytest.mark.parametrize("priority", ["NORMAL", "NORMAL:-VERS-TLS1.3"])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "PLAIN"])
def test_gsasl(sasl_site, mechanism, priority):
    """Another SASL and another TLS library, after STARTTLS."""
    user, password = sasl_site.account
    done = subprocess.run(
        ["gsasl", "--imap", "--connect", f"{sasl_site.host}:{sasl_site.imap_port}", "--mechanism", mechanism,
         "--authentication-id", user, "--password", password, "--x509-ca-file", "", "--priority", priority],
        input=". LOGOUT\r\n", capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    assert "Logged in" in done.stdout


def sieve_scram(c, account, mechanism, gs2, binding=b"", initial=True):
    """Log in over ManageSieve, where the server's last word comes with the OK."""
    user, password = account
    digest = "sha256" if "256" in mechanism else "sha1"
    bare = f"n={user},r={os.urandom(9).hex()}"
    if initial:
        c.send(f'AUTHENTICATE "{mechanism}" "{b64(gs2 + bare)}"\r\n')
    else:
        c.send(f'AUTHENTICATE "{mechanism}"\r\n')
        assert c.words() == [""]
        c.send(f'"{b64(gs2 + bare)}"\r\n')
    words = c.words()
    if words[0] == "NO":
        return False
    first = base64.b64decode(words[0]).decode()
    parts = dict(x.split("=", 1) for x in first.split(","))
    salted = hashlib.pbkdf2_hmac(digest, password.encode(), base64.b64decode(parts["s"]), int(parts["i"]))
    key = hmac.digest(salted, b"Client Key", digest)
    final = f"c={b64(gs2.encode() + binding)},r={parts['r']}"
    text = f"{bare},{first},{final}".encode()
    signature = hmac.digest(hashlib.new(digest, key).digest(), text, digest)
    c.send(f'"{b64(final + ",p=" + b64(bytes(a ^ b for a, b in zip(key, signature))))}"\r\n')
    reply = c.reply()
    if reply.status == "NO":
        return False
    last = hmac.digest(hmac.digest(salted, b"Server Key", digest), text, digest)
    assert reply.code == "SASL " + b64(b"v=" + b64(last).encode())
    return True


def test_managesieve(sasl_site):
    account = sasl_site.account
    with Sieve(sasl_site) as c:
        assert c.capabilities()["SASL"] == "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN"
        assert not sieve_scram(c, (account[0], "wrong"), "SCRAM-SHA-256", "n,,")
        assert sieve_scram(c, account, "SCRAM-SHA-256", "n,,")
        c.ok("LISTSCRIPTS")
    with Sieve(sasl_site) as c:
        assert sieve_scram(c, account, "SCRAM-SHA-1", "n,,", initial=False)
    for binding, works in ((end_point, True), (lambda _: b"x" * 32, False)):
        with Sieve(sasl_site) as c:
            c.starttls()
            assert c.capabilities()["SASL"].split()[0] == "SCRAM-SHA-256-PLUS"
            assert sieve_scram(c, account, "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", binding(c)) == works
    with Sieve(sasl_site) as c:
        c.starttls()
        # It could have bound and saw no offer: somebody took it away.
        assert not sieve_scram(c, account, "SCRAM-SHA-256", "y,,")
