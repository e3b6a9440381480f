# SPDX-License-Identifier: BSD-2-Clause
"""TLS reports (RFC 8460): from the sessions in Postfix's log to the report that
the domain gets, by mail and by POST."""

import email
import gzip
import http.server
import json
import sqlite3
import ssl
import subprocess
import threading

import pytest

from conftest import Site, wait_for
from nsd import NameServer, txt
from test_outbound import Sink, Web, certificate, policy

DAY = 86400


class Plain(Sink):
    """Has no TLS."""

    def converse(self, c):
        c.sendall(b"220 sink\r\n")
        f = c.makefile("rb")
        while line := f.readline():
            verb = line.split()[0].upper()
            c.sendall(b"354 go on\r\n" if verb == b"DATA" else b"250 ok\r\n")
            if verb == b"DATA":
                while f.readline() not in (b".\r\n", b""):
                    pass
                c.sendall(b"250 taken\r\n")
            if verb == b"QUIT":
                break
        c.close()


class Receiver:
    """Takes reports by POST."""

    def __init__(self, folder):
        self.cert, key = certificate(folder, "receiver", ["localhost"])
        self.got, outer = [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((self.path, self.headers["Content-Type"], body))
                self.send_response(201)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.uri = f"https://localhost:{self.server.server_port}/tls"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Sender:
    """A site that delivers to these domains, and reports on it."""

    def __init__(self, folder):
        self.site = Site()
        self.site.start()
        self.receiver, self.web = Receiver(folder), Web(folder, ["tested"])
        self.web.put("tested", policy("tested", "testing"))
        self.names = NameServer(folder, [
            "plain.example. MX 10 127.0.0.1.", "tested.example. MX 10 127.0.0.1.", "relayed.example. MX 10 mx.example.",
            "quiet.example. MX 10 127.0.0.1.",
            txt("_smtp._tls.plain.example", f"v=TLSRPTv1; rua=mailto:{self.site.user1},{self.receiver.uri}"),
            txt("_smtp._tls.tested.example", f"v=TLSRPTv1; rua={self.receiver.uri}"),
            txt("_smtp._tls.relayed.example", f"v=TLSRPTv1; rua={self.receiver.uri}"),
            txt("_mta-sts.tested.example", "v=STSv1; id=1"), f"mta-sts.tested.example. A {self.web.address}"])
        self.configure()
        self.cert, self.key = certificate(folder, "sink", ["mx.example"])

    def configure(self):
        d = self.site.dir
        self.site.stop_daemon("authd")
        for name, file in (("web.crt", self.web.cert), ("receiver.crt", self.receiver.cert)):
            (d / name).write_bytes(file.read_bytes())
        conf = d / "mailstead.conf"
        conf.write_text(conf.read_text().replace(
            "[authd]\n", f"[authd]\ndns_servers = {self.names.address}\ntrust_anchor =\n"))
        conf.write_text(conf.read_text().replace(
            "[milterd]\n", f"[milterd]\ndns_servers = {self.names.address}\ntrust_anchor =\n"))
        self.log = d / "log" / "postfix.log"
        self.log.chmod(0o644)
        for setting in (("outbound.mta_sts_ca_file", d / "web.crt"), ("report.tls_ca_file", d / "receiver.crt"),
                        ("report.tls_private", "yes"), ("report.tls_log", self.log),
                        ("report.tls", "no")):  # authd might be first
            self.site.ctl("setting", "set", *setting)
        self.site.start_daemon("authd")

    def remove(self):
        self.site.remove()
        self.names.close()
        self.web.close()
        self.receiver.close()

    def deliver(self, sink, domain):
        """One message to the domain, whose host is SINK."""
        self.site.set_postfix(f"transport_maps = inline:{{ {{ {domain} = smtp:[127.0.0.1]:{sink.port} }} }}",
                              "smtp_tls_loglevel = 1", f"smtp_tls_CAfile = {self.cert}")
        before = self.log.stat().st_size
        with self.site.submission() as c:
            c.sendmail(self.site.user1, [f"a@{domain}", f"b@{domain}"], "Subject: x\r\n\r\nHello.\r\n")
        wait_for(lambda: self.log.read_bytes()[before:].count(f"@{domain}>".encode()) >= 2 and
                 b"status=sent" in self.log.read_bytes()[before:], 30)
        sink.listener.close()

    def reports(self, *args):
        return json.loads(self.site.ctl("filter", "reports", "tls", *args, "--json"))

    def days(self):
        return {d["domain"]: d for d in self.reports()}


@pytest.fixture(scope="module")
def sender(tmp_path_factory):
    s = Sender(tmp_path_factory.mktemp("tls"))
    yield s
    s.remove()


def sink(sender, kind=Sink):
    return kind(sender.cert, sender.key)


def known_log(sender):
    with sqlite3.connect(f"file:{sender.site.dir}/data/filter.db?mode=ro", uri=True) as db:
        return db.execute("SELECT count(*) FROM tls_logs").fetchone()[0]


@pytest.fixture(scope="module")
def days(sender):
    # authd reads from the end that the log has when it first looks.
    wait_for(lambda: known_log(sender), 30)
    sender.deliver(sink(sender), "plain.example")
    sender.deliver(sink(sender, Plain), "plain.example")
    sender.deliver(sink(sender), "tested.example")
    sender.deliver(sink(sender), "relayed.example")  # to a host that is no MX
    sender.deliver(sink(sender), "quiet.example")  # nobody asks for reports

    return wait_for(lambda: len(sender.days()) == 2 and sender.days(), 40)


def test_collected(sender, days):
    assert set(days) == {"plain.example", "tested.example"}
    assert (days["plain.example"]["successes"], days["plain.example"]["failures"]) == (1, 1)
    rows = {(r["policy"], r["result"]): r for r in sender.reports(days["plain.example"]["id"])}
    assert set(rows) == {("no-policy-found", "success"), ("no-policy-found", "starttls-not-supported")}
    assert rows["no-policy-found", "starttls-not-supported"]["mx"] == "127.0.0.1"
    [row] = sender.reports(days["tested.example"]["id"])
    assert (row["policy"], row["result"], row["count"]) == ("sts", "validation-failure", 1)
    assert "mx: mx.tested.example" in row["strings"].splitlines()


def test_log_is_rotated(sender, days):
    """The new file is read from its beginning, and nothing counts twice."""
    old = sender.log.with_suffix(".1")
    sender.log.rename(old)
    subprocess.run(["postfix", "-c", sender.site.dir / "postfix" / "etc", "logrotate"], check=False,
                   capture_output=True)
    if not sender.log.exists():
        sender.log.touch()
    sender.log.chmod(0o644)
    with sender.log.open("a") as f:
        f.write("Nov 26 20:23:28 mail postfix/smtp[99999]: Trusted TLS connection established to "
                "127.0.0.1[127.0.0.1]:25: TLSv1.3\n"
                "Nov 26 20:23:28 mail postfix/smtp[99999]: ABC1: to=<a@plain.example>, relay=127.0.0.1[127.0.0.1]:25, "
                "delay=1, dsn=2.0.0, status=sent (250 ok)\n")
    before = days["plain.example"]["successes"]
    wait_for(lambda: sender.days()["plain.example"]["successes"] == before + 1, 40)
    assert sender.days()["tested.example"]["failures"] == 1


def test_sent(sender, days):
    """What was collected yesterday, so to speak."""
    sender.site.ctl("filter", "reports", "send", "--now")
    assert {d["state"] for d in sender.days().values()} == {"collecting"}  # the day is not over
    successes = sender.days()["plain.example"]["successes"]
    with sqlite3.connect(f"{sender.site.dir}/data/filter.db", timeout=10) as db:
        db.execute("UPDATE tls_days SET day = day - ?", (DAY,))
    done = json.loads(sender.site.ctl("filter", "reports", "send", "--now", "--json"))
    assert (done["sent"], done["failed"], done["waiting"]) == (3, 0, 0)
    assert {d["state"] for d in sender.reports()} == {"sent"}
    assert json.loads(sender.site.ctl("filter", "reports", "send", "--now", "--json"))["sent"] == 0

    posted = [json.loads(gzip.decompress(body)) for path, kind, body in sender.receiver.got
              if (path, kind) == ("/tls", "application/tlsrpt+gzip")]
    by_domain = {r["policies"][0]["policy"]["policy-domain"]: r for r in posted}
    assert set(by_domain) == {"plain.example", "tested.example"} and len(posted) == 2
    [tested] = by_domain["tested.example"]["policies"]
    assert tested["policy"]["policy-type"] == "sts"
    assert tested["policy"]["mx-host"] == ["mx.tested.example", "*.tested.example"]
    assert tested["failure-details"][0]["result-type"] == "validation-failure"
    [plain] = by_domain["plain.example"]["policies"]
    assert plain["summary"] == {"total-successful-session-count": successes, "total-failure-session-count": 1}

    with sender.site.imap(sender.site.user1, sender.site.pass1) as c:
        def find():
            for box in ("INBOX", "Junk"):
                c.select(box)
                if found := c.search(None, "HEADER", "TLS-Report-Domain", "plain.example")[1][0].split():
                    return c.fetch(found[0], "(BODY.PEEK[])")[1][0][1]
            return None

        raw = wait_for(find, 20)
    m = email.message_from_bytes(raw)
    assert m.get_content_type() == "multipart/report" and m.get_param("report-type") == "tlsrpt"
    assert m["TLS-Required"] == "No" and m["Subject"].startswith("Report Domain: plain.example")
    [_, attached] = m.get_payload()
    assert json.loads(gzip.decompress(attached.get_payload(decode=True))) == by_domain["plain.example"]
