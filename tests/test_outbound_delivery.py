# SPDX-License-Identifier: BSD-2-Clause
"""Postfix delivers as authd tells it to: it asks authd itself, and a validating
resolver (unbound) for everything else; hosts are at port 25 of loopback."""

import random
import shutil
import socket
import subprocess

import pytest

from conftest import Site, wait_for
from nsd import SignedServer, txt
from test_outbound import Sink, Web, certificate, key_digest, policy

UNBOUND = shutil.which("unbound", path="/usr/sbin:/usr/bin")

CONFIGURATION = """\
server:
 interface: {address}
 do-daemonize: no
 use-syslog: no
 username: ""
 chroot: ""
 directory: "{folder}"
 pidfile: "{folder}/unbound.pid"
 do-not-query-localhost: no
 trust-anchor-file: "{anchor}"
remote-control:
 control-enable: no
forward-zone:
 name: .
 forward-addr: {names}
"""


def loopback():
    return f"127.{random.randrange(1, 250)}.{random.randrange(1, 250)}.{random.randrange(1, 250)}"


def with_resolv_conf(path):
    """What runs a command for which PATH is /etc/resolv.conf."""
    return ["unshare", "--mount", "sh", "-c",
            f'mount --make-rprivate / && mount --bind {path} /etc/resolv.conf && exec "$@"', "sh"]


def need_all(folder):
    """Before anything is started that would be left behind."""
    if not UNBOUND:
        pytest.skip("needs unbound")
    (folder / "empty").touch()
    if subprocess.run([*with_resolv_conf(folder / "empty"), "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs a mount namespace")


class Resolver:
    """unbound, on the only port that /etc/resolv.conf can name."""

    def __init__(self, folder, names):
        self.address = loopback()
        conf = folder / "unbound.conf"
        conf.write_text(CONFIGURATION.format(address=self.address, folder=folder, anchor=names.anchor,
                                             names=names.address))
        self.process = subprocess.Popen([UNBOUND, "-c", conf], start_new_session=True, stderr=subprocess.DEVNULL)
        wait_for(self.answers)

    def answers(self):
        assert self.process.poll() is None, f"unbound ended: is port 53 of {self.address} ours?"
        with socket.socket() as s:
            return s.connect_ex((self.address, 53)) == 0

    def close(self):
        self.process.terminate()
        self.process.wait(10)


class Deaf(Sink):
    """It knows no STARTTLS."""

    def converse(self, c):
        c.sendall(b"220 deaf\r\n")
        f = c.makefile("rb")
        while line := f.readline():
            c.sendall(b"250 ok\r\n" if line[:4].upper() != b"DATA" else b"554 never\r\n")


class World:
    """Other people's domains: hosts, zones, the web server of the policies."""

    def __init__(self, folder):
        self.sinks = {}
        certs = {name: certificate(folder, name, [f"mx.{name}.example"]) for name in ("right", "sts", "evil")}
        for domain, kind, cert in (("right", Sink, "right"), ("wrong", Sink, "evil"), ("deaf", Deaf, "evil"),
                                   ("sts", Sink, "sts"), ("evil", Sink, "evil"), ("free", Deaf, "evil")):
            self.sinks[domain] = kind(*certs[cert], address=(loopback(), 25))
        self.web = Web(folder, ["sts", "evil"])
        self.web.put("sts", policy("sts"))
        self.web.put("evil", policy("sts"))  # which names other hosts
        digest = key_digest(certs["right"][0].read_text())
        signed = []
        for domain in ("right", "wrong", "deaf"):
            signed += [f"{domain} MX 10 mx.{domain}", f"mx.{domain} A {self.sinks[domain].host}",
                       f"_25._tcp.mx.{domain} TLSA 3 1 1 {digest}"]
        lines = ["free.example. MX 10 mx.free.example.", f"mx.free.example. A {self.sinks['free'].host}"]
        for domain in ("sts", "evil"):
            lines += [f"{domain}.example. MX 10 mx.{domain}.example.", f"mx.{domain}.example. A {self.sinks[domain].host}",
                      txt(f"_mta-sts.{domain}.example", "v=STSv1; id=1"),
                      f"mta-sts.{domain}.example. A {self.web.address}"]
        self.names = SignedServer(folder, lines, {
            "signed.example": signed, "bogus.example": ["@ MX 10 mx", f"mx A {self.sinks['right'].host}"],
        }, [("bogus.example.\t300\tIN\tMX\t10 mx", "bogus.example.\t300\tIN\tMX\t10 evil")])
        self.resolver = Resolver(folder, self.names)
        self.authorities = folder / "authorities"
        self.authorities.write_text("".join(certs[name][0].read_text() for name in ("sts", "evil")))

    def close(self):
        self.resolver.close()
        self.names.close()
        self.web.close()
        for sink in self.sinks.values():
            sink.listener.close()


class Sender:
    """A site whose Postfix and authd see that world."""

    def __init__(self, world, folder):
        self.world, self.site = world, Site()
        self.site.start()
        self.site.stop_daemon("authd")
        d = self.site.dir
        for name, source in (("anchor", world.names.anchor), ("web.crt", world.web.cert)):
            (d / name).write_bytes(source.read_bytes())
        conf = d / "mailstead.conf"
        conf.write_text(conf.read_text().replace(
            "[authd]\n", f"[authd]\ndns_servers = {world.names.address}\ntrust_anchor = {d}/anchor\n"))
        self.site.ctl("setting", "set", "outbound.mta_sts_ca_file", d / "web.crt")
        self.site.start_daemon("authd")
        self.restart_postfix(folder)

    def postfix(self, *args, before=()):
        subprocess.run([*before, "postfix", "-c", self.site.dir / "postfix" / "etc", *args], check=True,
                       capture_output=True)

    def restart_postfix(self, folder):
        """With a /etc/resolv.conf of its own."""
        resolv = folder / "resolv.conf"
        resolv.write_text(f"nameserver {self.world.resolver.address}\n")
        apart = with_resolv_conf(resolv)
        subprocess.run(["postconf", "-c", self.site.dir / "postfix" / "etc", "-e",
                        f"smtp_tls_CAfile = {self.world.authorities}"], check=True)
        self.postfix("stop")
        self.postfix("start", before=apart)

    def send(self, recipient):
        """What Postfix's log says of its end, and all that it says."""
        log = self.site.dir / "log" / "postfix.log"
        before = log.stat().st_size
        with self.site.submission() as c:
            c.sendmail(self.site.user1, recipient, "Subject: x\r\n\r\nHello.\r\n")

        def ended():
            text = log.read_bytes()[before:].decode()
            for line in text.splitlines():
                if f"to=<{recipient}>" in line and "status=" in line:
                    return line, text
            return None

        return wait_for(ended, 30)


@pytest.fixture(scope="module")
def sender(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    folder.chmod(0o755)
    need_all(folder)
    world = World(folder)
    s = Sender(world, folder)
    yield s
    s.site.remove()
    world.close()


@pytest.mark.parametrize("dane", ["dane", "dane-only"])
@pytest.mark.parametrize("domain, status, why", [
    ("right.signed.example", "sent", "taken"),
    ("wrong.signed.example", "deferred", "Server certificate not verified"),
    ("deaf.signed.example", "deferred", "TLS is required, but was not offered"),
    ("bogus.example", "deferred", ""),
    ("sts.example", "sent", "taken"),
    ("evil.example", "deferred", "Server certificate not verified"),
    ("free.example", "bounced", "never")], ids=lambda v: v.split(" ")[0])
def test_delivery(sender, dane, domain, status, why):
    sender.site.ctl("setting", "set", "outbound.dane", dane)
    sink = sender.world.sinks.get(domain.split(".")[0])
    before = sink.messages if sink else 0
    line, log = sender.send(f"somebody@{domain}")
    assert f"status={status}" in line and why in line
    assert (f"Verified TLS connection established to mx.{domain}[" in log) == (status == "sent")
    assert (sink.messages if sink else 0) - before == (status == "sent")
