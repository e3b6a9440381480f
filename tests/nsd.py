# SPDX-License-Identifier: BSD-2-Clause
"""A real name server (nsd) on loopback, for tests that put zones into it."""

import os
import shutil
import signal
import socket
import subprocess

import pytest

from conftest import Claims, wait_for

NSD = shutil.which("nsd", path=os.environ["PATH"] + ":/usr/sbin")

CONFIGURATION = """\
server:
 ip-address: 127.0.0.1@{port}
 username: ""
 chroot: ""
 zonesdir: "{folder}"
 database: ""
 zonelistfile: "{folder}/zone.list"
 xfrdfile: "{folder}/xfrd.state"
 xfrdir: "{folder}"
 pidfile: "{folder}/nsd.pid"
 logfile: "{folder}/log"
 server-count: 1
 rrl-ratelimit: 0
remote-control:
 control-enable: no
zone:
 name: .
 zonefile: {folder}/zone
"""


class NameServer:
    """It knows what LINES of a zone file below the root say, and nothing else."""

    def __init__(self, folder, lines):
        if not NSD:
            pytest.skip("needs nsd")
        self.folder, self.claims = folder, Claims()
        self.port = self.claims.port()
        self.address = f"127.0.0.1@{self.port}"
        self.lines, self.process = list(lines), None
        (folder / "nsd.conf").write_text(CONFIGURATION.format(port=self.port, folder=folder))
        self.start()

    def start(self):
        (self.folder / "zone").write_text("$ORIGIN .\n$TTL 300\n@ SOA ns. admin. 1 3600 600 86400 60\n@ NS ns.\n"
                                          "ns A 127.0.0.1\n" + "".join(f"{line}\n" for line in self.lines))
        self.process = subprocess.Popen([NSD, "-d", "-c", self.folder / "nsd.conf"], start_new_session=True)
        wait_for(self.answers)

    def add(self, line):
        self.lines.append(line)
        self.stop()
        self.start()

    def answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            s.connect(("127.0.0.1", self.port))
            try:  # the SOA of the root
                s.send(bytes.fromhex("0001000000010000000000000000060001"))
                return len(s.recv(512)) > 12
            except OSError:
                return False

    def silence(self, yes):
        """Take questions and answer none."""
        os.killpg(self.process.pid, signal.SIGSTOP if yes else signal.SIGCONT)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def close(self):
        self.stop()
        self.claims.release()


def txt(name, text):
    """A line of a zone file."""
    parts = [text[i:i + 250] for i in range(0, len(text), 250)]
    return f"{name}. TXT " + " ".join('"' + p.replace("\\", "\\\\").replace('"', '\\"') + '"' for p in parts)


def sign(folder, origin):
    """Its DS record; the signed zone is in ORIGIN.signed."""
    run = dict(cwd=folder, check=True, capture_output=True, text=True)
    key = subprocess.run(["ldns-keygen", "-k", "-a", "ECDSAP256SHA256", "-r", "/dev/urandom", origin],
                         **run).stdout.strip()
    subprocess.run(["ldns-signzone", "-n", origin, key], **run)
    return (folder / f"{key}.ds").read_text()


class SignedServer(NameServer):
    """The same with further zones that are signed: ZONES has their lines by
    their name. ANCHOR is the file of their keys. FORGED are replacements in
    them after they were signed."""

    def __init__(self, folder, lines, zones, forged=()):
        if not shutil.which("ldns-signzone"):
            pytest.skip("needs ldnsutils")
        self.zones, self.forged, self.anchor = zones, forged, folder / "anchor"
        super().__init__(folder, lines)

    def start(self):
        if not self.anchor.exists():
            self.anchor.write_text("".join(self.make(*zone) for zone in self.zones.items()))
            with open(self.folder / "nsd.conf", "a") as conf:
                for name in self.zones:
                    conf.write(f"zone:\n name: {name}\n zonefile: {self.folder}/{name}.signed\n")
        super().start()

    def make(self, origin, lines):
        (self.folder / origin).write_text(f"$ORIGIN {origin}.\n$TTL 300\n@ SOA ns. admin. 1 3600 600 86400 60\n"
                                          "@ NS ns.\n" + "".join(f"{line}\n" for line in lines))
        anchor = sign(self.folder, origin)
        path = self.folder / f"{origin}.signed"
        text = path.read_text()
        for old, new in self.forged:
            text = text.replace(old, new)
        path.write_text(text)
        return anchor
