# SPDX-License-Identifier: BSD-2-Clause
"""What authd tells Postfix about other domains' TLS: DANE from signed zones,
MTA-STS from web servers, and what becomes of mail if these fail."""

import base64
import hashlib
import http.server
import json
import random
import socket
import ssl
import subprocess
import threading
import time

import pytest

from conftest import Site, wait_for
from nsd import SignedServer, txt

DIGEST = "0123456789abcdef" * 4
DOMAINS = ("sts", "testing", "off", "html", "redirect", "large", "broken", "gone", "slow", "restart")
MATCH = "secure match=mx.{0}.example:.{0}.example servername=hostname"


def policy(domain, mode="enforce", age=86400):
    return (f"version: STSv1\r\nmode: {mode}\r\nmx: mx.{domain}.example\r\nmx: *.{domain}.example\r\n"
            f"max_age: {age}\r\n")


def certificate(folder, name, hosts):
    """A self-signed one: paths of certificate and key."""
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={hosts[0]}",
                    "-addext", "subjectAltName=" + ",".join(f"DNS:{host}" for host in hosts)],
                   check=True, capture_output=True)
    return cert, key


def key_digest(pem):
    """Of the public key of a certificate, as TLSA 3 1 1 has it."""
    key = subprocess.run(["openssl", "x509", "-noout", "-pubkey"], input=pem, check=True, capture_output=True,
                         text=True).stdout
    return hashlib.sha256(base64.b64decode("".join(key.splitlines()[1:-1]))).hexdigest()


class Web:
    """The web server of all policies. FILES: by host, what do_GET() says."""

    def __init__(self, folder, domains):
        self.files, self.asked, self.go = {}, [], threading.Event()
        self.cert, key = certificate(folder, "web", [f"mta-sts.{d}.example" for d in domains])
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *args):
                pass

        self.address = f"127.{random.randrange(1, 250)}.{random.randrange(1, 250)}.{random.randrange(1, 250)}"
        try:
            self.server = http.server.ThreadingHTTPServer((self.address, 443), Handler)
        except OSError as e:
            pytest.skip(f"port 443: {e}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request):
        host = request.headers["Host"]
        self.asked.append(host)
        status, kind, body = self.files.get(host, (404, "text/plain", ""))
        if status == "wait":
            self.go.wait(60)
            status = 200
        request.send_response(status)
        request.send_header("Content-Type", kind)
        if status == 301:
            request.send_header("Location", "https://mta-sts.sts.example/.well-known/mta-sts.txt")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body.encode())

    def put(self, domain, body, status=200, kind="text/plain; charset=utf-8"):
        self.files[f"mta-sts.{domain}.example"] = status, kind, body

    def close(self):
        self.go.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    w = Web(tmp_path_factory.mktemp("web"), [*DOMAINS, "both.signed"])
    for domain in [*DOMAINS, "both.signed"]:
        w.put(domain, policy(domain))
    w.put("testing", policy("testing", "testing"))
    w.put("off", policy("off", "none"))
    w.put("html", policy("html"), kind="text/html")
    w.put("redirect", policy("redirect"), 301)
    w.put("large", policy("large") + "x: " + "y" * 70000)
    w.put("broken", "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.example servername=evil\n")
    w.put("slow", policy("slow"), "wait")
    yield w
    w.close()


@pytest.fixture(scope="module")
def names(tmp_path_factory, web):
    lines = ["unsigned.example. MX 10 host.unsigned.example.", "host.unsigned.example. A 192.0.2.1",
             f"_25._tcp.host.unsigned.example. TLSA 3 1 1 {DIGEST}",
             txt("_mta-sts.wrongname.example", "v=STSv1; id=1"), f"mta-sts.wrongname.example. A {web.address}"]
    for domain in DOMAINS:
        lines += [txt(f"_mta-sts.{domain}.example", "v=STSv1; id=1"), f"mta-sts.{domain}.example. A {web.address}",
                  f"{domain}.example. MX 10 mx.{domain}.example."]
    server = SignedServer(tmp_path_factory.mktemp("nsd"), lines, {
        "signed.example": [
            "all MX 10 mx", "some MX 10 mx", "some MX 20 plain", "none MX 10 plain",
            "both MX 10 mx", "both MX 20 plain", '_mta-sts.both TXT "v=STSv1; id=1"', f"mta-sts.both A {web.address}",
            "mx A 192.0.2.1", f"_25._tcp.mx TLSA 3 1 1 {DIGEST}", "plain A 192.0.2.2"],
        "bogus.example": ["@ MX 10 mx", "mx A 192.0.2.1", f"_25._tcp.mx TLSA 3 1 1 {DIGEST}"],
    }, [("bogus.example.\t300\tIN\tMX\t10 mx", "bogus.example.\t300\tIN\tMX\t10 evil")])
    yield server
    server.close()


class Authority:
    """A site whose authd asks these servers, and Postfix's way to ask it."""

    def __init__(self, names, web):
        self.site = Site()
        self.site.start()
        self.site.stop_daemon("authd")
        # authd is not root: it cannot look into the folders of pytest.
        anchor, authorities = self.site.dir / "anchor", self.site.dir / "web.crt"
        anchor.write_bytes(names.anchor.read_bytes())
        authorities.write_bytes(web.cert.read_bytes())
        conf = self.site.dir / "mailstead.conf"
        conf.write_text(conf.read_text().replace(
            "[authd]\n", f"[authd]\ndns_servers = {names.address}\ntrust_anchor = {anchor}\n"))
        self.site.ctl("setting", "set", "outbound.mta_sts_ca_file", authorities)
        self.site.ctl("setting", "set", "outbound.dane", "dane-only")
        self.start()

    def start(self):
        self.authd = self.site.start_daemon("authd")

    def stop(self):
        self.authd.terminate()
        self.authd.wait(20)

    @property
    def map(self):
        return f"socketmap:unix:{self.site.run_dir}/mta/map:tls_policy"

    def ask(self, key):
        """As Postfix: the answer, None: not found, False: not now."""
        etc = self.site.dir / "postfix" / "etc"
        done = subprocess.run(["postmap", "-c", etc, "-q", key, self.map], capture_output=True, text=True, timeout=95)
        if done.returncode and done.stderr:
            return False
        return done.stdout.strip() or None


@pytest.fixture(scope="module")
def authority(names, web):
    a = Authority(names, web)
    yield a
    a.site.remove()


@pytest.mark.parametrize("key, answer", [
    ("all.signed.example", "dane-only"), ("some.signed.example", "dane"), ("both.signed.example", "dane-only"),
    ("none.signed.example", None),
    ("unsigned.example", None), ("nowhere.example", None), ("bogus.example", False),
    ("sts.example", MATCH.format("sts")), ("STS.example", MATCH.format("sts")), ("testing.example", None),
    ("off.example", None), ("html.example", None), ("redirect.example", None), ("large.example", None),
    ("broken.example", None), ("wrongname.example", None), ("[sts.example]", None), ("sts.example:26", None),
    (".sts.example", None), ("[192.0.2.1]:25", None), ("192.0.2.1", None), ("localhost", None)],
    ids=lambda v: str(v).split(" ")[0])
def test_answers(authority, key, answer):
    assert authority.ask(key) == answer


def test_dane_setting(authority):
    authority.site.ctl("setting", "set", "outbound.dane", "dane")
    try:
        assert authority.ask("all.signed.example") == "dane"
        authority.site.ctl("setting", "set", "outbound.dane", "off")
        assert authority.ask("all.signed.example") is None
        # Where some hosts have no records, MTA-STS is stricter than "dane".
        authority.site.ctl("setting", "set", "outbound.dane", "dane")
        assert authority.ask("both.signed.example") == MATCH.format("both.signed")
    finally:
        authority.site.ctl("setting", "set", "outbound.dane", "dane-only")


def test_doctor(authority):
    """Does Postfix ask, and can it validate? The host's resolver decides how that ends."""
    etc = authority.site.dir / "postfix" / "etc"

    def findings(*options):
        done = authority.site.ctl("doctor", "--json", "--postfix", etc, *options, check=False)
        return {f["finding"]: f["health"] for f in json.loads(done.stdout)["findings"]}

    found = findings()
    assert found[f"Postfix: smtp_tls_policy_maps = {authority.map}"] == "ok"
    [(finding, health)] = [(k, v) for k, v in found.items() if "its resolver" in k]
    assert (finding, health) in (
        ("Postfix: its resolver validates DNSSEC", "ok"), ("Postfix: its resolver does not answer", "warning"),
        ("Postfix: mail to domains with DANE waits, since its resolver does not validate DNSSEC", "wrong"))
    subprocess.run(["postconf", "-c", etc, "-e", "smtp_dns_support_level = enabled"], check=True)
    assert findings("--no-dns")['Postfix: smtp_dns_support_level is "enabled"'] == "wrong"
    subprocess.run(["postconf", "-c", etc, "-e", "smtp_tls_policy_maps ="], check=True)
    found = findings()
    assert found['Postfix: smtp_tls_policy_maps is ""'] == "warning"
    assert not [k for k in found if "its resolver" in k]


def test_sts_setting(authority):
    for value in ("testing", "off"):
        authority.site.ctl("setting", "set", "outbound.mta_sts", value)
        try:
            assert authority.ask("sts.example") is None
        finally:
            authority.site.ctl("setting", "unset", "outbound.mta_sts")


def test_fetched_once(authority, web):
    authority.ask("sts.example")
    before = web.asked.count("mta-sts.sts.example")
    for _ in range(5):
        assert authority.ask("sts.example")
    assert web.asked.count("mta-sts.sts.example") == before


def test_policy_outlives_restart_and_server(authority, web):
    """Who takes the policy host away does not take the policy away."""
    assert authority.ask("restart.example") == MATCH.format("restart")
    authority.stop()
    web.put("restart", "", 500)
    before = len(web.asked)
    authority.start()
    assert authority.ask("restart.example") == MATCH.format("restart")
    assert len(web.asked) == before


def test_hanging_web_server(authority, web):
    """Logins and other look-ups go on; the mail waits for the policy."""
    authority.site.ctl("setting", "set", "outbound.fetch_time", "20s")
    threads = [threading.Thread(target=authority.ask, args=("slow.example",)) for _ in range(3)]
    for t in threads:
        t.start()
    wait_for(lambda: "mta-sts.slow.example" in web.asked)
    assert authority.ask("all.signed.example") == "dane-only"
    authority.site.submission().quit()
    web.go.set()
    for t in threads:
        t.join(30)
    assert authority.ask("slow.example") == MATCH.format("slow")


def test_silent_dns(authority, names):
    names.silence(True)
    try:
        began = time.monotonic()
        assert authority.ask("unheard.signed.example") is False
        assert time.monotonic() - began < 30
    finally:
        names.silence(False)
    wait_for(lambda: authority.ask("unheard2.signed.example") is None, 30)


class Sink:
    """Takes mail with STARTTLS on loopback."""

    def __init__(self, cert, key, address=("127.0.0.1", 0)):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.listener = socket.create_server(address)
        self.host, self.port = self.listener.getsockname()
        self.messages = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return  # closed
            try:
                self.converse(connection)
            except OSError:  # ssl.SSLError is one
                connection.close()

    def converse(self, c):
        c.sendall(b"220 sink\r\n")
        f = c.makefile("rb")
        while line := f.readline():
            verb = line.split()[0].upper()
            if verb == b"EHLO":
                c.sendall(b"250-sink\r\n250 STARTTLS\r\n")
            elif verb == b"STARTTLS":
                c.sendall(b"220 go on\r\n")
                c = self.context.wrap_socket(c, server_side=True)
                f = c.makefile("rb")
            elif verb == b"DATA":
                c.sendall(b"354 go on\r\n")
                while f.readline() not in (b".\r\n", b""):
                    pass
                self.messages += 1
                c.sendall(b"250 taken\r\n")
            else:
                c.sendall(b"250 ok\r\n")
            if verb == b"QUIT":
                break
        c.close()


@pytest.mark.parametrize("host, taken", [("mx.sts.example", True), ("a.sts.example", True),
                                         ("mx.evil.example", False)], ids=["right", "wildcard", "wrong"])
def test_postfix_obeys(authority, tmp_path, host, taken):
    """Our answer as a line of its table: Postfix asks the system's DNS, which
    does not know our domains, so it is told where the host is."""
    cert, key = certificate(tmp_path, "sink", [host])
    sink = Sink(cert, key)
    nexthop = f"[127.0.0.1]:{sink.port}"
    authority.site.set_postfix(
        f"smtp_tls_policy_maps = inline:{{ {{ {nexthop} = {authority.ask('sts.example')} }} }}",
        f"transport_maps = inline:{{ {{ sts.example = smtp:{nexthop} }} }}",
        f"smtp_tls_CAfile = {cert}")
    log = authority.site.dir / "log" / "postfix.log"
    before = log.stat().st_size
    with authority.site.submission() as c:
        c.sendmail(authority.site.user1, "somebody@sts.example", "Subject: x\r\n\r\nHello.\r\n")

    def status():
        return [line for line in log.read_bytes()[before:].decode().splitlines()
                if "somebody@sts.example" in line and "status=" in line]

    [line] = wait_for(status, 30)
    assert ("status=sent" in line) == taken
    assert sink.messages == (1 if taken else 0)
    if not taken:
        assert "Server certificate not verified" in line or "not trusted" in line
    sink.listener.close()
