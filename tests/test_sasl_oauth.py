# SPDX-License-Identifier: BSD-2-Clause
"""Logging in with OAuth access tokens (OAUTHBEARER, XOAUTH2)."""

import base64
import http.server
import imaplib
import json
import poplib
import smtplib
import ssl
import subprocess
import threading
import time
import urllib.parse

import pytest

from conftest import Site, wait_for
from managesieve import Sieve

SECRET = "s3cret:/ü"


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """An RSA key and tokens signed with it."""

    def __init__(self, path, kid):
        self.path, self.kid = path, kid
        subprocess.run(["openssl", "genrsa", "-out", str(path), "2048"], check=True, capture_output=True)
        out = subprocess.run(["openssl", "rsa", "-in", str(path), "-noout", "-modulus"], check=True,
                             capture_output=True, text=True).stdout
        self.n = bytes.fromhex(out.strip().split("=")[1])

    def jwk(self):
        return {"kty": "RSA", "use": "sig", "kid": self.kid, "n": b64url(self.n), "e": "AQAB"}

    def token(self, user, **claims):
        claims = {"iss": "https://id.test/", "aud": "mail", "exp": int(time.time()) + 600, "email": user} | claims
        head = {"alg": "RS256", "typ": "at+jwt", "kid": self.kid}
        text = ".".join(b64url(json.dumps(x).encode()) for x in (head, claims))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(self.path)], input=text.encode(),
                                   check=True, capture_output=True).stdout
        return f"{text}.{b64url(signature)}"


class Provider(http.server.ThreadingHTTPServer):
    """Key sets at /keys, introspection at /introspect, and silence at /hang."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.keys, self.tokens, self.fetches, self.asked, self.over = [], {}, 0, 0, threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/hang":
            self.server.over.wait(20)
            return
        self.server.fetches += 1
        self.answer({"keys": [k.jwk() for k in self.server.keys]})

    def do_POST(self):
        self.server.asked += 1
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        basic = self.headers.get("Authorization", "Basic ").split(" ")[1]
        user, _, secret = base64.b64decode(basic).decode().partition(":")
        if (user, urllib.parse.unquote(secret)) != ("mailstead", SECRET):
            self.answer({}, 401)
            return
        self.answer(self.server.tokens.get(form["token"][0], {"active": False}))


@pytest.fixture(scope="module")
def place():
    """A site, a key whose tokens it believes, and a provider to ask."""
    s, provider = Site(), Provider()
    try:
        s.start()
        s.dir.joinpath("oauth").mkdir()
        key = Key(s.dir / "oauth" / "key.pem", "one")
        (s.dir / "oauth" / "keys.json").write_text(json.dumps({"keys": [key.jwk()]}))
        for name, value in {"login.mechanisms": "PLAIN OAUTHBEARER XOAUTH2", "oauth.audience": "mail",
                            "oauth.issuer": "https://id.test/", "oauth.scopes": "", "oauth.timeout": "2s",
                            "oauth.discovery": "https://id.test/discovery",
                            "oauth.jwks": s.dir / "oauth" / "keys.json"}.items():
            s.ctl("setting", "set", name, value)
        yield s, key, provider
    finally:
        provider.over.set()
        provider.shutdown()
        s.remove()


@pytest.fixture
def domain(place):
    """A domain with settings of its own."""
    site = place[0]
    name = f"d{next(site.counter)}.test"
    site.ctl("domain", "add", name)

    def add(user="ann"):
        site.ctl("account", "add", f"{user}@{name}", "--stdin", input="secret-pass\n")
        return f"{user}@{name}"

    def setting(key, value):
        site.ctl("setting", "set", key, value, "--domain", name)

    add.set = setting
    add.name = name
    return add


def bearer(token, user=""):
    return f"n,{'a=' + user if user else ''},\1host=x\1auth=Bearer {token}\1\1".encode()


def xoauth2(token, user):
    return f"user={user}\1auth=Bearer {token}\1\1".encode()


def imap(site, mechanism, message):
    """(the tagged reply's text, the JSON that a bad token gets)"""
    c = imaplib.IMAP4_SSL(site.host, site.imaps_port, ssl_context=ssl._create_unverified_context())
    seen = []

    def answer(challenge):
        seen.append(challenge)
        return message if len(seen) == 1 else b"\1"

    try:
        c.authenticate(mechanism, answer)
        assert c.select()[0] == "OK"
        text = "OK"
    except imaplib.IMAP4.error as e:
        text = str(e)
    c.shutdown()
    return text, json.loads(seen[1]) if len(seen) > 1 else None


def test_offered_with_tls_only(place):
    site, _, _ = place
    c = imaplib.IMAP4_SSL(site.host, site.imaps_port, ssl_context=ssl._create_unverified_context())
    assert {"AUTH=OAUTHBEARER", "AUTH=XOAUTH2"} <= set(c.capabilities)
    c.logout()


def test_jwt(place):
    site, key, _ = place
    user, _ = site.new_account()
    good = key.token(user)
    assert imap(site, "OAUTHBEARER", bearer(good))[0] == "OK"
    assert imap(site, "OAUTHBEARER", bearer(good, user))[0] == "OK"
    assert imap(site, "XOAUTH2", xoauth2(good, user))[0] == "OK"
    text, error = imap(site, "OAUTHBEARER", bearer(good, site.user1))
    assert "AUTHENTICATIONFAILED" in text and error is None
    for bad in (key.token(user, exp=1), key.token(user, aud="other"), key.token(user, iss="https://x.test/"),
                good[:-8] + "AAAAAAAA", "opaque"):
        text, error = imap(site, "OAUTHBEARER", bearer(bad, user))
        assert "AUTHENTICATIONFAILED" in text
        assert error == {"status": "invalid_token", "openid-configuration": "https://id.test/discovery"}
    text, error = imap(site, "XOAUTH2", xoauth2("opaque", user))
    assert "AUTHENTICATIONFAILED" in text and error["status"] == "401"
    assert good not in site.log("imapd")


def test_pop3_and_submission(place):
    site, key, _ = place
    user, _ = site.new_account()
    c = poplib.POP3_SSL(site.host, site.pop3s_port, context=ssl._create_unverified_context())
    good = base64.b64encode(bearer(key.token(user))).decode()
    bad = base64.b64encode(bearer(key.token(user, exp=1), user)).decode()
    with pytest.raises(poplib.error_proto):
        assert json.loads(base64.b64decode(c._shortcmd("AUTH OAUTHBEARER " + bad)[2:]))
        c._shortcmd("AQ==")
    assert c._shortcmd("AUTH OAUTHBEARER " + good).startswith(b"+OK")
    c.quit()
    with Sieve(site) as c:
        c.starttls()
        c.send(f'AUTHENTICATE "OAUTHBEARER" "{bad}"\r\n')
        (error,) = c.words()
        assert json.loads(base64.b64decode(error))["status"] == "invalid_token"
        c.send('"AQ=="\r\n')
        assert c.reply().status == "NO"
        c.ok(f'AUTHENTICATE "OAUTHBEARER" "{good}"')
    with smtplib.SMTP(site.host, site.submission_port) as smtp:
        smtp.starttls(context=ssl._create_unverified_context())
        smtp.ehlo()
        assert {"OAUTHBEARER", "XOAUTH2"} <= set(smtp.esmtp_features["auth"].split())
        code, text = smtp.docmd("AUTH", "OAUTHBEARER " + bad)
        assert code == 334 and json.loads(base64.b64decode(text))["status"] == "invalid_token"
        assert smtp.docmd("AQ==")[0] == 535
        assert smtp.docmd("AUTH", "OAUTHBEARER " + good)[0] == 235


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_curl(place, tmp_path, mechanism):
    site, key, _ = place
    user, _ = site.new_account()
    (tmp_path / "mail").write_text(f"From: {user}\r\nSubject: by token\r\n\r\nHello\r\n")
    tokens = ["--user", user, "--oauth2-bearer", key.token(user), "--login-options", f"AUTH={mechanism}"]

    def curl(*args):
        return subprocess.run(["curl", "-sSk", "--ssl-reqd", "--max-time", "20", *tokens, *[str(a) for a in args]],
                              capture_output=True, text=True, check=True).stdout

    curl(f"smtp://{site.host}:{site.submission_port}/client", "--mail-from", user, "--mail-rcpt", user,
         "--upload-file", tmp_path / "mail")
    wait_for(lambda: "SEARCH 1" in curl(f"imap://{site.host}:{site.imap_port}/INBOX?ALL"))
    assert "by token" in curl(f"pop3://{site.host}:{site.pop3_port}/1")


def test_keys_by_url(place, domain, tmp_path):
    site, key, provider = place
    user = domain()
    other = Key(tmp_path / "other.pem", "two")
    provider.keys = [other]
    domain.set("oauth.jwks", provider.url + "/keys")
    for _ in range(3):
        assert imap(site, "OAUTHBEARER", bearer(other.token(user), user))[0] == "OK"
    assert provider.fetches == 1
    # Neither provider speaks for the other's users.
    assert imap(site, "OAUTHBEARER", bearer(key.token(user), user))[0] != "OK"
    assert imap(site, "OAUTHBEARER", bearer(key.token(user)))[0] != "OK"
    assert imap(site, "OAUTHBEARER", bearer(other.token(site.user1), site.user1))[0] != "OK"
    assert imap(site, "OAUTHBEARER", bearer(other.token(site.user1), user))[0] != "OK"


def test_introspection(place, domain):
    site, key, provider = place
    user = domain()
    secret = site.dir / "oauth" / "secret"
    secret.write_text(SECRET + "\n")
    provider.tokens = {"good": {"active": True, "username": "ann", "scope": "imap smtp"},
                       "weak": {"active": True, "username": "ann", "scope": "smtp"},
                       "late": {"active": True, "username": "ann", "scope": "imap", "exp": 1}}
    for name, value in {"oauth.jwks": "", "oauth.introspection": provider.url + "/introspect",
                        "oauth.client_id": "mailstead", "oauth.client_secret_file": secret,
                        "oauth.claims": "username", "oauth.scopes": "imap"}.items():
        domain.set(name, value)
    for _ in range(3):
        assert imap(site, "XOAUTH2", xoauth2("good", user))[0] == "OK"
    assert provider.asked == 1
    assert imap(site, "OAUTHBEARER", bearer("late", user))[1]["status"] == "invalid_token"
    assert imap(site, "OAUTHBEARER", bearer("none", user))[1]["status"] == "invalid_token"
    text, error = imap(site, "OAUTHBEARER", bearer("weak", user))
    assert "AUTHORIZATIONFAILED" in text
    assert error["status"] == "insufficient_scope" and error["scope"] == "imap"
    secret.write_text("wrong")
    site.ctl("setting", "set", "auth.cache_time", "0")
    provider.tokens["fresh"] = provider.tokens["good"]
    text, error = imap(site, "XOAUTH2", xoauth2("fresh", user))
    assert "UNAVAILABLE" in text and error is None
    secret.write_text(SECRET)
    asked = provider.asked
    for _ in range(2):
        assert imap(site, "XOAUTH2", xoauth2("fresh", user))[0] == "OK"
    assert provider.asked == asked + 2
    site.ctl("setting", "unset", "auth.cache_time")
    assert "HTTP status 401" in site.log("imapd")


@pytest.mark.alone
def test_provider_that_hangs(place, domain):
    site, key, provider = place
    user = domain()
    domain.set("oauth.jwks", provider.url + "/hang")
    begun = time.monotonic()
    threads, texts = [], []
    for _ in range(6):
        threads.append(threading.Thread(
            target=lambda: texts.append(imap(site, "OAUTHBEARER", bearer(key.token(user), user))[0])))
        threads[-1].start()
    other, _ = site.new_account()
    assert imap(site, "OAUTHBEARER", bearer(key.token(other)))[0] == "OK"
    for t in threads:
        t.join()
    assert len(texts) == 6 and all("UNAVAILABLE" in x for x in texts)
    assert time.monotonic() - begun < 9


def test_doctor(place, domain):
    site, _, provider = place

    def finding(name=""):
        done = site.ctl("doctor", "--no-dns", "--no-postfix", "--json", check=False)
        return [x for x in json.loads(done.stdout)["findings"] if f"access tokens for {name}" in x["finding"]]

    assert any(x["health"] == "ok" for x in finding())
    assert not (finding(domain.name) and finding(site.domain))  # one provider, asked once
    domain.set("oauth.jwks", "http://127.0.0.1:1/keys")
    assert finding(domain.name)[0]["health"] == "wrong"
    domain.set("oauth.jwks", "")
    assert "neither oauth.jwks nor" in finding(domain.name)[0]["finding"]
    domain.set("oauth.introspection", provider.url + "/introspect")
    assert "HTTP status 401" in finding(domain.name)[0]["finding"]
    domain.set("oauth.client_id", "mailstead")
    secret = site.dir / "oauth" / "doctor-secret"
    secret.write_text(SECRET)
    domain.set("oauth.client_secret_file", secret)
    assert finding(domain.name)[0]["health"] == "ok"


def test_backend_without_master(place, domain):
    """There is no password to log in at the other server with."""
    site, key, _ = place
    user = domain()
    site.ctl("account", "set", user, "--backend", f"127.0.0.1:{site.imap_port}")
    text, error = imap(site, "OAUTHBEARER", bearer(key.token(user), user))
    assert "UNAVAILABLE" in text or "AUTHENTICATIONFAILED" in text
    assert error is None
