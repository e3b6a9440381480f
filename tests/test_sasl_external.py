# SPDX-License-Identifier: BSD-2-Clause
"""Logging in with TLS client certificates (SASL EXTERNAL)."""

import base64
import imaplib
import os
import poplib
import signal
import socket
import ssl
import subprocess

import pytest

from conftest import Site, wait_for
from managesieve import Sieve


def openssl(*args):
    subprocess.run(["openssl", *[str(a) for a in args]], check=True, capture_output=True)


class Authority:
    """Makes certificates, revokes them, and keeps its files in a folder."""

    def __init__(self, folder):
        self.dir = folder
        folder.mkdir()
        (folder / "index").write_text("")
        (folder / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/index\ndefault_md=sha256\ndefault_crl_days=30\n")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 30,
                "-subj", "/CN=Clients' authority", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
        self.crl()

    def crl(self):
        openssl("ca", "-config", self.dir / "ca.cnf", "-gencrl", "-cert", self.dir / "ca.pem",
                "-keyfile", self.dir / "ca.key", "-out", self.dir / "crl.pem")

    def issue(self, name, email, *more):
        """A context that shows a certificate for the address."""
        d = self.dir
        (d / f"{name}.ext").write_text(f"subjectAltName=email:{email}\n" + "".join(x + "\n" for x in more))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                "-keyout", d / f"{name}.key", "-out", d / f"{name}.csr")
        openssl("x509", "-req", "-in", d / f"{name}.csr", "-CA", d / "ca.pem", "-CAkey", d / "ca.key",
                "-set_serial", str(abs(hash(name))), "-days", 3, "-extfile", d / f"{name}.ext", "-out",
                d / f"{name}.pem")
        return context(d / f"{name}.pem", d / f"{name}.key")

    def revoke(self, name):
        openssl("ca", "-config", self.dir / "ca.cnf", "-revoke", self.dir / f"{name}.pem", "-cert",
                self.dir / "ca.pem", "-keyfile", self.dir / "ca.key")
        self.crl()


def context(cert=None, key=None):
    c = ssl._create_unverified_context()
    if cert:
        c.load_cert_chain(cert, key)
    return c


@pytest.fixture(scope="module")
def place():
    """A site that asks for certificates, and who issues them."""
    s = Site()
    authority = Authority(s.dir / "authority")
    os.environ["MAILSTEAD_TLS_CLIENT_CERTS"] = "yes"
    os.environ["MAILSTEAD_TLS_CLIENT_CA"] = str(authority.dir / "ca.pem")
    os.environ["MAILSTEAD_TLS_CLIENT_CRL"] = str(authority.dir / "crl.pem")
    try:
        s.start()
        s.ctl("setting", "set", "login.mechanisms", "PLAIN EXTERNAL")
        yield s, authority
    finally:
        for key in ("CERTS", "CA", "CRL"):
            os.environ.pop(f"MAILSTEAD_TLS_CLIENT_{key}", None)
        s.remove()


def imap(site, ctx, authzid=b"", starttls=False):
    """Log in; imaplib's connection, or None if EXTERNAL is not offered."""
    if starttls:
        c = imaplib.IMAP4(site.host, site.imap_port)
        assert "AUTH=EXTERNAL" not in c.capabilities
        c.starttls(ctx)
    else:
        c = imaplib.IMAP4_SSL(site.host, site.imaps_port, ssl_context=ctx)
    if "AUTH=EXTERNAL" not in c.capabilities:
        c.logout()
        return None
    try:
        c.authenticate("EXTERNAL", lambda _: authzid)
    except imaplib.IMAP4.error:
        c.logout()
        raise
    return c


@pytest.mark.parametrize("starttls", [False, True])
def test_issued(place, starttls):
    site, authority = place
    user, _ = site.new_account()
    ctx = authority.issue(f"issued{starttls}", user)
    for authzid in (b"", user.encode()):
        c = imap(site, ctx, authzid, starttls)
        assert c.select()[0] == "OK"
        c.logout()
    with pytest.raises(imaplib.IMAP4.error):
        imap(site, ctx, site.user1.encode(), starttls)
    assert f"user={user} account=" in site.log("imapd")


def test_no_certificate_and_others_authority(place, tmp_path):
    site, _ = place
    user, password = site.new_account()
    assert imap(site, context()) is None
    site.imap(user, password, tls=True).logout()  # a certificate is not demanded
    other = Authority(tmp_path / "other")
    assert imap(site, other.issue("stranger", user)) is None


def test_not_for_clients(place):
    """A certificate of a server, though from the authority."""
    site, authority = place
    user, _ = site.new_account()
    assert imap(site, authority.issue("server", user, "extendedKeyUsage=serverAuth")) is None


def test_listed(place, tmp_path):
    site, _ = place
    user, _ = site.new_account()
    openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-days", 3, "-subj", "/CN=laptop",
            "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem")
    ctx = context(tmp_path / "cert.pem", tmp_path / "key.pem")
    assert imap(site, ctx) is None
    site.ctl("client-certificate", "add", user, tmp_path / "cert.pem", "laptop")
    imap(site, ctx).logout()
    shown = site.ctl("client-certificate", "list", user)
    assert "laptop" in shown
    fingerprint = shown.splitlines()[1].split()[0]
    site.ctl("client-certificate", "remove", user, fingerprint)
    assert imap(site, ctx) is None


def test_with_a_certificate_by_name(place, tmp_path):
    """Where the server's own certificate comes from the site database."""
    site, authority = place
    user, _ = site.new_account()
    openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-days", 3, "-subj", "/CN=named.test",
            "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem")
    site.ctl("certificate", "set", "named.test", tmp_path / "cert.pem", tmp_path / "key.pem")
    ctx = authority.issue("named", user)
    with socket.create_connection((site.host, site.imaps_port), 10) as raw:
        with ctx.wrap_socket(raw, server_hostname="named.test") as c:
            assert b"named.test" in c.getpeercert(True)
            c.sendall(b"a AUTHENTICATE EXTERNAL =\r\n")
            file = c.makefile("rb")
            assert file.readline().startswith(b"* OK")
            assert file.readline().startswith(b"a OK")


def test_pop3(place):
    site, authority = place
    user, _ = site.new_account()
    c = poplib.POP3_SSL(site.host, site.pop3s_port, context=authority.issue("pop3", user))
    assert "EXTERNAL" in c.capa()["SASL"]
    assert c._shortcmd("AUTH EXTERNAL =").startswith(b"+OK")
    assert c.stat() == (0, 0)
    c.quit()
    c = poplib.POP3_SSL(site.host, site.pop3s_port, context=authority.issue("pop3b", user))
    assert c._shortcmd("AUTH EXTERNAL").startswith(b"+")
    assert c._shortcmd(base64.b64encode(user.encode()).decode()).startswith(b"+OK")
    c.quit()


def test_managesieve(place):
    site, authority = place
    user, _ = site.new_account()
    with Sieve(site) as c:
        c.no('AUTHENTICATE "EXTERNAL" ""', "ENCRYPT-NEEDED")
        c.starttls(context=authority.issue("sieve", user))
        assert "EXTERNAL" in c.capabilities()["SASL"]
        c.ok('AUTHENTICATE "EXTERNAL" ""')  # an empty initial response
        assert c.capabilities()["OWNER"] == user
    for first in ('"="', f'"{base64.b64encode(user.encode()).decode()}"'):
        with Sieve(site) as c:
            c.starttls(context=authority.issue("sieve2", user))
            c.ok(f'AUTHENTICATE "EXTERNAL" {first}')
    with Sieve(site) as c:
        c.starttls()
        assert "EXTERNAL" not in c.capabilities()["SASL"]
        c.no('AUTHENTICATE "EXTERNAL" ""', "AUTH-TOO-WEAK")


def test_curl(place):
    site, authority = place
    user, _ = site.new_account()
    authority.issue("curl", user)

    def curl(url):
        return subprocess.run(
            ["curl", "-sSk", "--max-time", "20", "--cert", authority.dir / "curl.pem", "--key",
             authority.dir / "curl.key", "--login-options", "AUTH=EXTERNAL", "--user", f"{user}:", url],
            capture_output=True, text=True, check=True).stdout

    assert "* LIST" in curl(f"imaps://{site.host}:{site.imaps_port}/")
    curl(f"pop3s://{site.host}:{site.pop3s_port}/")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shown", [True, False])
def test_resumption(place, shown, version):
    """Without a certificate only, or one that was revoked would count on."""
    site, authority = place
    user, _ = site.new_account()
    ctx = authority.issue("resumed", user) if shown else context()
    ctx.minimum_version = ctx.maximum_version = version
    session = None
    for turn in range(2):
        with socket.create_connection((site.host, site.imaps_port), 10) as raw:
            with ctx.wrap_socket(raw, session=session) as c:
                file = c.makefile("rb")
                assert (b"AUTH=EXTERNAL" in file.readline()) == shown
                assert c.session_reused == (turn == 1 and not shown)
                session = c.session


def test_revoked(place):
    site, authority = place
    user, _ = site.new_account()
    ctx = authority.issue("revoked", user)
    imap(site, ctx).logout()
    authority.revoke("revoked")
    os.kill(site.pid("imapd"), signal.SIGHUP)
    wait_for(lambda: imap(site, authority_context(authority, "revoked")) is None)
    imap(site, authority.issue("fresh", user)).logout()


def authority_context(authority, name):
    return context(authority.dir / f"{name}.pem", authority.dir / f"{name}.key")
