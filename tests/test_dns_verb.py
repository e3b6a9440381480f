# SPDX-License-Identifier: BSD-2-Clause
"""What a domain of ours has to have in the DNS: shown, published in a real name
server, and compared; and the policy file that authd serves."""

import json
import socket
import ssl

import pytest

from nsd import NameServer
from test_milterd import Filtered
from test_outbound import Web, key_digest

DOMAIN = "ours.example"


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    server = NameServer(tmp_path_factory.mktemp("nsd"), [])
    yield server
    server.close()


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    server = Web(tmp_path_factory.mktemp("web"), ["ours"])
    yield server
    server.close()


@pytest.fixture(scope="module")
def site(names, web):
    f = Filtered(names)
    # Nobody is asked about names below "test".
    conf = f.site.dir / "mailstead.conf"
    conf.write_text(conf.read_text().replace(f"hostname = mail.{f.site.domain}", f"hostname = mx.{DOMAIN}"))
    f.site.ctl("domain", "add", DOMAIN)
    f.site.ctl("dkim", "new", DOMAIN, "--selector", "key", "--algorithm", "rsa")
    authorities = f.site.dir / "web.crt"  # mailstead is not root: it cannot look into the folders of pytest
    authorities.write_bytes(web.cert.read_bytes())
    f.site.ctl("setting", "set", "outbound.mta_sts_ca_file", authorities)
    f.site.ctl("setting", "set", "mta_sts.mode", "enforce", "--domain", DOMAIN)
    f.site.ctl("setting", "set", "mta_sts.mx", "mx.ours.example *.backup.example", "--domain", DOMAIN)
    yield f.site
    f.remove()


def zone(site):
    return site.ctl("dns", DOMAIN).splitlines()


def check(site):
    """Exit status, and the states by name and type."""
    done = site.ctl("dns", DOMAIN, "--check", "--json", check=False)
    return done.returncode, {(r["name"], r["type"]): r["state"] for r in json.loads(done.stdout)}


def fetch(site, host, path="/.well-known/mta-sts.txt"):
    with socket.create_connection(("127.0.0.1", site.auth_http_port), 10) as s:
        s.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        head, _, body = b"".join(iter(lambda: s.recv(4096), b"")).decode().partition("\r\n\r\n")
    return int(head.split()[1]), body


def test_policy(site):
    policy = site.ctl("dns", DOMAIN, "--mta-sts")
    assert policy.splitlines() == ["version: STSv1", "mode: enforce", "mx: mx.ours.example",
                                   "mx: *.backup.example", "max_age: 604800"]
    status, served = fetch(site, f"mta-sts.{DOMAIN}")
    assert status == 200 and served.splitlines() == policy.splitlines()
    assert fetch(site, f"MTA-STS.{DOMAIN}:443")[0] == 200


@pytest.mark.parametrize("host", [DOMAIN, "mta-sts.strange.example", "mta-sts.", ""],
                         ids=["bare", "strange", "empty", "none"])
def test_no_policy(site, host):
    assert fetch(site, host)[0] == 404


def test_check(site, names, web):
    status, states = check(site)
    assert status == 1 and set(states.values()) == {"missing"}
    names.lines += zone(site)
    names.add(f"mx.{DOMAIN}. A {web.address}")
    status, states = check(site)
    assert status == 1 and [k for k, v in states.items() if v != "ok"] == [(f"mta-sts.{DOMAIN}", "CNAME")]
    assert states[f"mta-sts.{DOMAIN}", "CNAME"] == "missing"  # the file
    web.put("ours", fetch(site, f"mta-sts.{DOMAIN}")[1])
    status, states = check(site)
    assert set(states.values()) == {"ok"} and status == 0, states

    # The policy changes, so the record does not fit any more.
    site.ctl("setting", "set", "mta_sts.mode", "testing", "--domain", DOMAIN)
    status, states = check(site)
    assert status == 1 and {k: v for k, v in states.items() if v != "ok"} == {
        (f"_mta-sts.{DOMAIN}", "TXT"): "differs", (f"mta-sts.{DOMAIN}", "CNAME"): "differs"}
    site.ctl("setting", "set", "mta_sts.mode", "enforce", "--domain", DOMAIN)

    # Mail would go to a host that the policy does not have.
    names.add(f"{DOMAIN}. MX 50 old.{DOMAIN}.")
    status, states = check(site)
    assert status == 1 and states[DOMAIN, "MX"] == "differs"


def test_certificate(site):
    """TLSA has the digest of the certificate's public key."""
    [line] = [n for n in zone(site) if " TLSA " in n]
    pem = ssl.get_server_certificate((site.host, site.imaps_port))
    assert line.endswith(" 3 1 1 " + key_digest(pem))


def test_silence(site, names):
    """Nothing is said to be missing because nobody answers."""
    names.silence(True)
    try:
        status, states = check(site)
    finally:
        names.silence(False)
    assert status == 1 and set(states.values()) == {"unknown"}


def test_off(site):
    site.ctl("setting", "set", "mta_sts.mode", "off", "--domain", DOMAIN)
    assert not [n for n in zone(site) if "mta-sts" in n]
    assert site.ctl("dns", DOMAIN, "--mta-sts", check=False).returncode
    assert fetch(site, f"mta-sts.{DOMAIN}")[0] == 404
