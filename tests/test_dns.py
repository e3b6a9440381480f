# SPDX-License-Identifier: BSD-2-Clause
"""lib/dns against nsd on loopback with signed and badly signed zones, and
against servers that lie or say nothing."""

import json
import os
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest

from conftest import BUILD, Claims, wait_for

ASK = BUILD / "tests" / "dns_ask"
NSD = shutil.which("nsd", path=os.environ["PATH"] + ":/usr/sbin")

ZONE = """\
$ORIGIN {origin}.
$TTL 300
@ IN SOA ns admin 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
a 77 A 192.0.2.1
a 77 A 192.0.2.2
a AAAA 2001:db8::1
mail MX 10 a
txt TXT "one" " two"
long TXT {long}
odd\\046dot\\032x TXT "odd"
alias CNAME alias2
alias2 CNAME alias3
alias3 CNAME a
dangling CNAME nowhere
loop CNAME pool
pool CNAME loop
_25._tcp.a TLSA 3 1 1 {tlsa}
short 1 A 192.0.2.3
"""
LONG = " ".join(f'"{str(i) * 250}"' for i in range(10))
ZONES = ("plain.example", "signed.example", "bogus.example")


def write_zone(folder, origin):
    path = folder / origin
    path.write_text(ZONE.format(origin=origin, long=LONG, tlsa="ab" * 32))
    return path


def sign(folder, origin):
    """Its DS record; the zone is in ORIGIN.signed."""
    path = write_zone(folder, origin)
    key = subprocess.run(
        ["ldns-keygen", "-k", "-a", "ECDSAP256SHA256", "-r", "/dev/urandom",
         origin], cwd=folder, stdout=subprocess.PIPE, check=True)
    key = key.stdout.decode().strip()
    subprocess.run(["ldns-signzone", "-n", path.name, key], cwd=folder,
                   check=True)
    return (folder / f"{key}.ds").read_text()


def spoil(folder):
    """Other data below the signatures."""
    path = folder / "bogus.example.signed"
    path.write_text(path.read_text().replace("192.0.2.1", "192.0.2.66"))


class Server:
    """nsd with our zones; its trust anchors are in ANCHOR."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port
        self.anchor = folder / "anchor"
        write_zone(folder, "plain.example")
        self.anchor.write_text(sign(folder, "signed.example")
                               + sign(folder, "bogus.example"))
        spoil(folder)
        self.configure()
        self.start()

    def configure(self):
        files = ("plain.example", "signed.example.signed", "bogus.example.signed")
        zones = "".join(f"zone:\n name: {z}\n zonefile: {self.folder / f}\n"
                        for z, f in zip(ZONES, files))
        (self.folder / "nsd.conf").write_text(f"""\
server:
 ip-address: 127.0.0.1@{self.port}
 username: ""
 chroot: ""
 zonesdir: "{self.folder}"
 database: ""
 zonelistfile: "{self.folder}/zone.list"
 xfrdfile: "{self.folder}/xfrd.state"
 xfrdir: "{self.folder}"
 pidfile: "{self.folder}/nsd.pid"
 logfile: "{self.folder}/log"
 server-count: 1
 rrl-ratelimit: 0
remote-control:
 control-enable: no
{zones}""")

    def start(self):
        self.process = subprocess.Popen(
            [NSD, "-d", "-c", self.folder / "nsd.conf"])
        wait_for(self.answers)

    def answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            s.connect(("127.0.0.1", self.port))
            try:
                s.send(bytes.fromhex("000101000001000000000000"
                                     "05706c61696e076578616d706c650000060001"))
                return len(s.recv(512)) > 12
            except OSError:
                return False

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if not NSD or not shutil.which("ldns-signzone"):
        pytest.skip("needs nsd and ldnsutils")
    claims = Claims()
    s = Server(tmp_path_factory.mktemp("nsd"), claims.port())
    yield s
    s.stop()
    claims.release()


class Asker:
    """One tests/dns_ask."""

    def __init__(self, port, **options):
        args = [f"{k}={v}" for k, v in options.items()]
        self.process = subprocess.Popen(
            [ASK, f"forward=127.0.0.1@{port}", *args], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def tell(self, *fields):
        line = "\t".join(str(f) for f in fields) + "\n"
        self.process.stdin.write(line.encode("latin-1"))
        self.process.stdin.flush()

    def do(self, *fields):
        self.tell(*fields)
        return self.process.stdout.readline().decode().rstrip("\n")

    def ask(self, kind, name, command=("ask",)):
        rc, secure, bogus, ttl, *data = self.do(*command, kind, name).split("\t")
        return {"rc": rc, "secure": secure == "1", "bogus": bogus == "1",
                "ttl": int(ttl), "data": [bytes.fromhex(d) for d in data]}

    def stats(self):
        return json.loads(self.do("stats"))

    def close(self):
        self.process.stdin.close()
        return self.process.wait(30)


@pytest.fixture
def ask(request):
    """Makes askers, and sees that they end well."""
    made = []

    def make(port, **options):
        made.append(Asker(port, **options))
        return made[-1]
    yield make
    for a in made:
        assert a.close() == 0


ANSWERS = [
    ("A", "a.plain.example", "ok", [bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])]),
    ("A", "A.Plain.EXAMPLE.", "ok",
     [bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])]),
    ("AAAA", "a.plain.example", "ok", [socket.inet_pton(socket.AF_INET6,
                                                     "2001:db8::1")]),
    ("MX", "mail.plain.example", "ok", [b"\0\x0a\1a\5plain\7example\0"]),
    ("TXT", "txt.plain.example", "ok", [b"\3one\4 two"]),
    ("TXT", "long.plain.example", "ok",
     [b"".join(b"\xfa" + str(i).encode() * 250 for i in range(10))]),
    ("A", "alias.plain.example", "ok",
     [bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])]),
    ("CNAME", "alias.plain.example", "ok", [b"\6alias2\5plain\7example\0"]),
    ("TLSA", "_25._tcp.a.plain.example", "ok", [b"\3\1\1" + b"\xab" * 32]),
    ("TXT", "a.plain.example", "no data", []),
    ("TXT", "_tcp.a.plain.example", "no data", []),
    ("A", "no.plain.example", "no such name", []),
    ("A", "dangling.plain.example", "no such name", []),
    ("A", "loop.plain.example", "failed", []),
    ("A", "x" * 64 + ".plain.example", "no such name", []),
    ("A", "a..plain.example", "no such name", []),
    ("A", "a b\\(\xe9).plain.example", "no such name", []),
    ("A", "a.elsewhere.example", "failed", []),  # nsd refuses
]


@pytest.mark.parametrize("kind, name, rc, data", ANSWERS)
def test_answers(server, ask, kind, name, rc, data):
    got = ask(server.port).ask(kind, name)
    assert (got["rc"], sorted(got["data"])) == (rc, sorted(data))
    assert not got["secure"]


def test_a_dot_is_no_part_of_a_label(server, ask):
    assert ask(server.port).ask("TXT", "odd.dot x.plain.example")["rc"] \
        == "no such name"


@pytest.mark.parametrize("kind, name, rc", [
    ("A", "a.signed.example", "ok"), ("A", "alias.signed.example", "ok"),
    ("TLSA", "_25._tcp.a.signed.example", "ok"),
    ("TXT", "a.signed.example", "no data"), ("A", "no.signed.example", "no such name")])
def test_secure(server, ask, kind, name, rc):
    with_anchor = ask(server.port, anchor=server.anchor).ask(kind, name)
    assert (with_anchor["rc"], with_anchor["secure"]) == (rc, True)
    without = ask(server.port).ask(kind, name)
    assert (without["rc"], without["secure"]) == (rc, False)


def test_bogus(server, ask):
    a = ask(server.port, anchor=server.anchor)
    got = a.ask("A", "a.bogus.example")
    assert (got["rc"], got["bogus"], got["data"]) == ("failed", True, [])
    assert not a.ask("A", "a.plain.example")["secure"]
    assert a.stats()["bogus"] == 1
    # The data is no worse to who does not look.
    assert ask(server.port).ask("A", "a.bogus.example")["rc"] == "ok"


def test_cache(server, ask):
    a = ask(server.port)
    for name in ("a.plain.example", "A.PLAIN.example.", "no.plain.example",
                 "no.plain.example", "txt.plain.example", "txt.plain.example"):
        a.ask("A", name)
    stats = a.stats()
    assert (stats["asked"], stats["sent"], stats["from_cache"],
            stats["cached"]) == (6, 3, 3, 3)
    assert 0 < a.ask("A", "a.plain.example")["ttl"] <= 77
    assert 0 < a.ask("A", "no.plain.example")["ttl"] <= 60
    a.tell("flush")
    assert a.stats()["cached"] == 0
    a.ask("A", "a.plain.example")
    assert a.stats()["sent"] == 4


def test_flush_also_reaches_libunbound(server, ask):
    zone = server.folder / "plain.example"
    text = zone.read_text()
    a = ask(server.port, min_ttl=1)
    assert a.ask("A", "short.plain.example")["data"] == [bytes([192, 0, 2, 3])]
    server.stop()
    try:
        zone.write_text(text.replace("192.0.2.3", "192.0.2.4")
                        .replace("192.0.2.1", "192.0.2.9"))
        server.start()
        a.tell("flush")
        assert bytes([192, 0, 2, 9]) in a.ask("A", "a.plain.example")["data"]
    finally:
        server.stop()
        zone.write_text(text)
        server.start()


def test_ttl_bounds(server, ask):
    a = ask(server.port, min_ttl=40, max_ttl=50)
    assert 39 <= a.ask("A", "short.plain.example")["ttl"] <= 40
    assert 49 <= a.ask("A", "a.plain.example")["ttl"] <= 50


def test_cache_is_bounded(server, ask):
    a = ask(server.port, entries=3)
    for i in range(10):
        a.ask("A", f"n{i}.plain.example")
    assert a.stats()["cached"] == 3
    b = ask(server.port, bytes=6000)
    for i in range(20):
        b.ask("TXT", "long.plain.example")
        b.ask("A", f"n{i}.plain.example")
    assert 2 < b.stats()["cached"] < 15


def test_prefetch(server, ask):
    a = ask(server.port)
    a.tell("prefetch", "A", "a.plain.example")
    wait_for(lambda: a.stats()["cached"] == 1)
    assert a.ask("A", "a.plain.example")["rc"] == "ok"
    stats = a.stats()
    assert (stats["sent"], stats["from_cache"]) == (1, 1)


# ---------------------------------------------------------------------------
# Servers of another kind

class Fake:
    """Answers each question by REPLY(query): octets, or None for silence."""

    def __init__(self, reply):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.reply, self.names = reply, []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            self.names.append(query[12:])
            reply = self.reply(query)
            if reply is not None:
                self.socket.sendto(reply, peer)

    def close(self):
        self.socket.close()


@pytest.fixture
def fake():
    made = []

    def make(reply):
        made.append(Fake(reply))
        return made[-1]
    yield make
    for f in made:
        f.close()


def question(query):
    end = query.index(b"\0", 12) + 5
    return query[12:end]


def response(query, records, rcode=0, count=None):
    """RECORDS behind the question."""
    return query[:2] + struct.pack(
        ">HHHHH", 0x8180 | rcode, 1,
        len(records) if count is None else count, 0, 0) \
        + question(query) + b"".join(records)


def record(kind, data, ttl=60, length=None):
    return b"\xc0\x0c" + struct.pack(
        ">HHIH", kind, 1, ttl, len(data) if length is None else length) + data


def test_silence(fake, ask):
    f = fake(lambda query: None)
    a = ask(f.port, timeout=300)
    start = time.monotonic()
    assert a.ask("A", "a.plain.example")["rc"] == "failed"
    assert 0.25 < time.monotonic() - start < 5
    stats = a.stats()
    assert (stats["timeouts"], stats["failed"], stats["pending"]) == (1, 1, 0)
    # A failure is not remembered.
    a.ask("A", "a.plain.example")
    assert a.stats()["sent"] == 2


def test_end_with_questions_under_way(fake, ask):
    a = ask(fake(lambda query: None).port)
    a.tell("prefetch", "A", "a.plain.example")
    assert a.stats()["pending"] == 1


def test_equal_questions_are_one(fake, ask):
    def slow(query):
        time.sleep(0.3)
        return response(query, [record(1, bytes([192, 0, 2, 1]))])

    f = fake(slow)
    a = ask(f.port)
    got = a.ask("A", "a.plain.example", ("many", 50))
    assert got["data"] == [bytes([192, 0, 2, 1])]
    stats = a.stats()
    assert stats["sent"] == 1
    assert stats["shared"] + stats["from_cache"] == 49
    assert stats["shared"] > 0
    assert len(f.names) == 1


def test_too_many(fake, ask):
    """What is over max_pending fails at once."""
    a = ask(fake(lambda query: None).port, pending=5, timeout=2000)
    names = [f"n{i}.plain.example" for i in range(20)]
    assert a.do("each", "A", *names) == "0"
    stats = a.stats()
    assert (stats["sent"], stats["failed"], stats["timeouts"]) == (5, 20, 5)


@pytest.mark.parametrize("rcode", [1, 2, 4, 5])
def test_rcode(fake, ask, rcode):
    f = fake(lambda query: response(query, [], rcode))
    assert ask(f.port, timeout=2000).ask("A", "a.plain.example")["rc"] == "failed"


A1 = bytes([192, 0, 2, 1])
LIES = {
    "noise": lambda q: os.urandom(100),
    "short": lambda q: q[:6],
    "empty": lambda q: b"",
    "other id": lambda q: response(bytes([q[0] ^ 1, q[1]]) + q[2:],
                                   [record(1, A1)]),
    "count": lambda q: response(q, [record(1, A1)], count=9),
    "length": lambda q: response(q, [record(1, A1, length=400)]),
    "address of three": lambda q: response(q, [record(1, A1[:3])]),
    "loop of pointers": lambda q: response(q, [record(15, b"\0\1\xc0\x2b")]),
    "txt too long": lambda q: response(q, [record(16, b"\xffabc")]),
    "label of 64": lambda q: response(q, [record(15, b"\0\1\x40" + b"x" * 64
                                                 + b"\0")]),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies(fake, ask, lie):
    """No answer comes of them, and others are answered afterwards."""
    def reply(query):
        if b"good" in query:
            return response(query, [record(1, A1)])
        return LIES[lie](query)

    a = ask(fake(reply).port, timeout=400)
    for kind in ("A", "MX", "TXT"):
        got = a.ask(kind, "bad.plain.example")
        assert got["rc"] in ("failed", "no data") or kind != "A", got
    assert a.ask("A", "good.plain.example")["data"] == [A1]


def test_refused_options(tmp_path):
    for option, said in (("anchor=/nonexistent", "nonexistent"),
                         ("forward=example", "example")):
        done = subprocess.run([ASK, option], stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False)
        assert done.returncode == 1
        assert said in done.stderr.decode()
    bad = tmp_path / "anchor"
    bad.write_text("this is no key\n")
    done = subprocess.run([ASK, f"anchor={bad}"], stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1


@pytest.mark.alone
def test_speed(server, ask):
    """That questions neither wait for each other nor for libunbound's
    start. The figures are in the log."""
    a = ask(server.port)
    cached = int(a.do("bench", 8, 500, "A", "a.plain.example"))
    uncached = int(a.do("bench", 8, 500, "A", "#.plain.example"))
    status = open(f"/proc/{a.process.pid}/status", encoding="ascii").read()
    rss = next(x for x in status.splitlines() if x.startswith("VmRSS"))
    print(f"{cached} cached, {uncached} uncached a second, {rss}")
    assert cached > 20000
    assert uncached > 500
