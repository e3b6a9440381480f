# SPDX-License-Identifier: BSD-2-Clause
"""milterd behind a real Postfix: who sent it, what is done about it, what is
signed. XCLIENT makes Postfix believe that we come from elsewhere."""

import base64
import concurrent.futures
import email
import json
import re
import smtplib
import socket
import subprocess
import time

import dkim
import pytest

from conftest import Site, wait_for
from nsd import NameServer, txt

OUTSIDE = "192.0.2.1"


@pytest.fixture(scope="module")
def keys():
    """An RSA key of good.example's, and the record that publishes it."""
    private = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], capture_output=True, check=True).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=private,
                            capture_output=True, check=True).stdout
    return private, "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()


@pytest.fixture(scope="module")
def names(tmp_path_factory, keys):
    server = NameServer(tmp_path_factory.mktemp("nsd"), [
        txt("good.example", "v=spf1 ip4:192.0.2.1 -all"),
        txt("_dmarc.good.example", "v=DMARC1; p=reject"),
        txt("s1._domainkey.good.example", keys[1]),
        txt("strict.example", "v=spf1 ip4:198.51.100.0/24 -all"),
        txt("_dmarc.strict.example", "v=DMARC1; p=reject"),
        txt("careful.example", "v=spf1 -all"),
        txt("_dmarc.careful.example", "v=DMARC1; p=quarantine"),
        txt("watching.example", "v=spf1 -all"),
        txt("_dmarc.watching.example", "v=DMARC1; p=none"),
        txt("mx.example", "v=spf1 a -all"),
        txt("junk.example", "v=spf1 ip4:192.0.2.1 -all"),
        txt("grey.example", "v=spf1 ip4:192.0.2.1 -all"),
        "mx.example. A 192.0.2.1",
        "7.100.51.198.in-addr.arpa. PTR mx.strict.example.",
        "mx.strict.example. A 198.51.100.7",
    ])
    yield server
    server.close()


class Filtered:
    """A site whose Postfix asks milterd."""

    def __init__(self, names):
        self.site = Site()
        self.site.start()
        self.site.stop_daemon("milterd")
        self.configure(names.address)
        self.start()
        self.site.set_postfix("smtpd_authorized_xclient_hosts = 127.0.0.0/8")
        self.site.ctl("setting", "set", "filter.trusted_networks", "::1")
        self.site.ctl("setting", "set", "greylist.action", "off")
        self.site.ctl("dkim", "retire", "example.test", "quickstart")

    def start(self):
        self.milterd = self.site.start_daemon("milterd")

    def stop(self):
        self.milterd.terminate()
        self.milterd.wait(20)

    def configure(self, dns):
        conf = self.site.dir / "mailstead.conf"
        conf.write_text(conf.read_text().replace("[milterd]\n", f"[milterd]\ndns_servers = {dns}\ntrust_anchor =\n"))

    def remove(self):
        self.site.remove()

    def client(self, address=OUTSIDE, helo="mx.example"):
        c = smtplib.SMTP(self.site.host, self.site.smtp_port, local_hostname=helo, timeout=30)
        c.ehlo(helo)
        code, text = c.docmd("XCLIENT", f"ADDR={address} NAME=mx.example")
        assert code == 220, text
        c.ehlo(helo)
        return c

    def send(self, sender, to, text, **options):
        """The reply to the message: code and text."""
        with self.client(**options) as c:
            assert c.mail(sender)[0] == 250
            assert c.rcpt(to)[0] == 250
            code, reply = c.data(text.replace("\n", "\r\n"))
            return code, reply.decode()

    def works_again(self, account):
        """What failed is not remembered for long."""
        def good():
            subject = f"again-{time.monotonic_ns()}"
            code, _ = self.send("ann@good.example", account[0], message("ann@good.example", subject))
            return code == 250 and "spf=pass" in results_of(self.fetch(*account, subject)[0])

        wait_for(good, 30)

    def fetch(self, user, password, subject):
        """Wherever it is kept."""
        with self.site.imap(user, password) as c:
            def find():
                for self.mailbox in ("INBOX", "Junk"):
                    c.select(self.mailbox)
                    if numbers := c.search(None, "SUBJECT", subject)[1][0].split():
                        return numbers
                return None

            numbers = wait_for(find)
            raw = c.fetch(numbers[-1], "(BODY.PEEK[])")[1][0][1]
            return email.message_from_bytes(raw), raw


@pytest.fixture(scope="module")
def mail(names):
    f = Filtered(names)
    yield f
    f.remove()


@pytest.fixture
def account(mail):
    return mail.site.new_account()


def message(author, subject, extra=""):
    return (f"{extra}From: {author}\nTo: somebody@example.test\nSubject: {subject}\n"
            f"Message-ID: <{subject}@test>\nDate: Thu, 26 Nov 2026 10:00:00 +0000\n\nHello.\n")


def results_of(m):
    """Our Authentication-Results, which is the only one that claims to be ours."""
    [ours] = [v for v in m.get_all("Authentication-Results", []) if v.strip().startswith("mail.example.test")]
    return re.sub(r"\s+", " ", ours)


def test_good_mail(mail, account):
    code, text = mail.send("ann@good.example", account[0], message("ann@good.example", "good"))
    assert code == 250, text
    m, _ = mail.fetch(*account, "good")
    results = results_of(m)
    assert "spf=pass" in results and "smtp.mailfrom=ann@good.example" in results
    assert "dkim=none" in results
    assert re.search(r"dmarc=pass .*header.from=good.example", results)
    assert m["Received-SPF"].startswith("pass")
    assert "X-Mailstead-Verdict" not in m
    # Ours stand above all that came with the message and below the MTA's.
    assert m.keys().index("Authentication-Results") < m.keys().index("From")


@pytest.mark.parametrize("domain, code, verdict", [
    ("strict.example", 550, None), ("careful.example", 250, "policy is quarantine"), ("watching.example", 250, "SPF")])
def test_policies(mail, account, domain, code, verdict):
    subject = f"policy-{domain}"
    got, text = mail.send(f"x@{domain}", account[0], message(f"x@{domain}", subject))
    assert got == code, text
    if code == 550:
        assert text.startswith("5.7.26") and "strict.example" in text and "DMARC" in text
        return
    m, _ = mail.fetch(*account, subject)
    assert m["X-Mailstead-Verdict"].startswith("tag")
    assert verdict in m["X-Mailstead-Verdict"]
    assert mail.mailbox == ("Junk" if domain == "careful.example" else "INBOX")
    assert "dmarc=fail" in results_of(m)


def test_signature_saves_what_spf_does_not(mail, account, keys):
    text = message("ann@good.example", "signed").replace("\n", "\r\n").encode()
    signature = dkim.sign(text, b"s1", b"good.example", keys[0], include_headers=[b"from", b"subject"])
    code, reply = mail.send("ann@good.example", account[0], (signature + text).decode().replace("\r\n", "\n"),
                            address="203.0.113.9")
    assert code == 250, reply
    m, _ = mail.fetch(*account, "signed")
    results = results_of(m)
    assert "spf=fail" in results
    assert re.search(r"dkim=pass \(2048-bit key\).*header.d=good.example.*header.s=s1", results)
    assert "dmarc=pass" in results
    broken = (signature + text).decode().replace("\r\n", "\n").replace("Hello", "Hullo")
    code, reply = mail.send("ann@good.example", account[0], broken, address="203.0.113.9")
    assert code == 550 and "DKIM fail" in reply


def test_check_asks_libopendkim(mail, keys):
    text = message("ann@good.example", "signed").replace("\n", "\r\n").encode()
    signed = (dkim.sign(text, b"s1", b"good.example", keys[0]) + text).decode()
    options = "--client-ip", OUTSIDE, "--helo", "mx.example", "--from", "ann@good.example", "--compare"
    rows = check(mail, signed, *options)
    assert ("dkim", "pass") in rows and rows["libopendkim", "pass"] == "agrees"
    rows = check(mail, signed.replace("Hello", "Hullo"), *options)
    assert ("dkim", "fail") in rows and rows["libopendkim", "fail"] == "agrees"


def test_settings_work_at_once(mail, account):
    mail.site.ctl("setting", "set", "dmarc.reject", "tag", "--account", account[0])
    code, reply = mail.send("x@strict.example", account[0], message("x@strict.example", "tolerated"))
    assert code == 250, reply
    m, _ = mail.fetch(*account, "tolerated")
    assert "policy is reject" in m["X-Mailstead-Verdict"]
    mail.site.ctl("setting", "set", "dmarc.reject", "tempfail", "--account", account[0])
    code, reply = mail.send("x@strict.example", account[0], message("x@strict.example", "later"))
    assert code == 451 and "strict.example" in reply


def test_recipients_that_disagree(mail, account):
    other = mail.site.new_account()
    mail.site.ctl("setting", "set", "dmarc.reject", "tag", "--account", other[0])
    with mail.client() as c:
        c.mail("x@strict.example")
        c.rcpt(account[0])
        c.rcpt(other[0])
        code, reply = c.data(message("x@strict.example", "both").replace("\n", "\r\n"))
    assert code == 250, reply
    m, _ = mail.fetch(*other, "both")
    assert "policy is reject" in m["X-Mailstead-Verdict"]
    # It is kept apart for him who would have refused it.
    [entry] = json.loads(mail.site.ctl("filter", "quarantine", "list", "--account", account[0], "--json"))
    assert entry["subject"] == "both" and "policy is reject" in entry["reason"]


FORGED = ("Authentication-Results: mail.example.test; dmarc=pass\n"
          "Authentication-Results: other.test; spf=pass\n"
          "X-Mailstead-Verdict: off\n"
          "authentication-results:\n (a comment) MAIL.example.TEST 1; spf=pass\n"
          "Authentication-Results: third.test; dkim=pass\n"
          "Authentication-Results: \"mail.example.test\"; none\n")


def test_forged_fields_go(mail, account):
    code, reply = mail.send("ann@good.example", account[0], message("ann@good.example", "forged", FORGED))
    assert code == 250, reply
    m, raw = mail.fetch(*account, "forged")
    kept = [v.split(";")[0] for v in m.get_all("Authentication-Results")]
    assert [k.strip() for k in kept] == ["mail.example.test", "other.test", "third.test"]
    assert "X-Mailstead-Verdict" not in m and b"MAIL.example.TEST" not in raw


def submit(mail, account, text, to, sender=None):
    with mail.site.submission(*account) as c:
        c.sendmail(sender or account[0], [to], text.replace("\n", "\r\n"))


def test_own_mail_is_signed(mail, account, keys):
    """By the keys of its domain, all of them, as python3-dkim sees it."""
    site = mail.site
    public = {}
    for algorithm in ("rsa", "ed25519"):
        out = site.ctl("dkim", "new", "example.test", "--selector", f"t-{algorithm}", "--algorithm", algorithm,
                       "--active")
        name, value = re.search(r"^(\S+\._domainkey\.\S+)\. .*TXT (.*)$", out, re.M).groups()
        public[name.encode() + b"."] = "".join(re.findall(r'"([^"]*)"', value)).encode()
    submit(mail, account, message(account[0], "own", FORGED), account[0])
    m, raw = mail.fetch(*account, "own")
    assert len(m.get_all("DKIM-Signature")) == 2
    assert "auth=pass smtp.auth=" + account[0] in results_of(m)
    # What nobody has authenticated is not there.
    assert len(m.get_all("Authentication-Results")) == 1
    for i in range(2):
        assert dkim.DKIM(raw).verify(idx=i, dnsfunc=lambda name, timeout=5: public[name]), m.get_all("DKIM-Signature")[i]
    # Nobody gets a signature of a domain that is not his.
    site.ctl("domain", "add", "theirs.test")
    site.ctl("dkim", "new", "theirs.test", "--selector", "s", "--active")
    submit(mail, account, message("boss@theirs.test", "not-mine"), account[0])
    m, _ = mail.fetch(*account, "not-mine")
    assert "DKIM-Signature" not in m
    site.ctl("setting", "set", "dkim.sign", "no", "--domain", "example.test")
    submit(mail, account, message(account[0], "unsigned"), account[0])
    m, _ = mail.fetch(*account, "unsigned")
    assert "DKIM-Signature" not in m


def test_trusted_networks(mail, account):
    """What our own hosts send is signed, and not asked who sent it."""
    site = mail.site
    site.ctl("domain", "add", "hosts.example")
    site.ctl("dkim", "new", "hosts.example", "--selector", "s", "--active")
    site.ctl("setting", "set", "filter.trusted_networks", "192.0.2.0/24")
    try:
        code, reply = mail.send("root@hosts.example", account[0], message("root@hosts.example", "trusted"))
        assert code == 250, reply
        m, _ = mail.fetch(*account, "trusted")
        assert "d=hosts.example" in m["DKIM-Signature"]
        assert "Received-SPF" not in m and "Authentication-Results" not in m
        code, reply = mail.send("x@strict.example", account[0], message("x@strict.example", "stranger"),
                                address="203.0.113.9")
        assert code == 550, reply
    finally:
        site.ctl("setting", "set", "filter.trusted_networks", "::1")


def test_header_has_a_limit(mail, account):
    """What is not known whole could hide a forgery."""
    mail.site.ctl("setting", "set", "filter.max_header", "4K")
    try:
        code, reply = mail.send("ann@good.example", account[0],
                                message("ann@good.example", "large", "X-Many: y\n" * 900 + FORGED))
    finally:
        mail.site.ctl("setting", "unset", "filter.max_header")
    assert code == 552 and reply.startswith("5.3.4"), reply


def test_seal(mail, account, names):
    """What we seal holds for python3-dkim, and for us when the message comes again from elsewhere."""
    site = mail.site
    site.ctl("domain", "add", "lists.example")
    out = site.ctl("dkim", "new", "lists.example", "--selector", "arc", "--active")
    record = "".join(re.findall(r'"([^"]*)"', out))
    site.ctl("setting", "set", "arc.domain", "lists.example")
    code, reply = mail.send("ann@good.example", account[0], message("ann@good.example", "sealed"))
    assert code == 250, reply
    m, raw = mail.fetch(*account, "sealed")
    assert "cv=none" in m["ARC-Seal"] and "i=1" in m["ARC-Seal"]
    assert "dmarc=pass" in m["ARC-Authentication-Results"]
    # Above what the MTA that delivered put in afterwards.
    sealed = raw[raw.index(b"ARC-Seal"):]
    cv, _, why = dkim.ARC(sealed).verify(dnsfunc=lambda name, timeout=5: record.encode())
    assert cv == b"pass", why
    # A list sends it on: SPF and the author's signature are gone, the seal is not.
    names.add(txt("arc._domainkey.lists.example", record))
    mail.stop()  # it may know that the key is not there
    mail.start()
    site.ctl("setting", "set", "arc.trusted", "lists.example")
    again = sealed.decode().replace("\r\n", "\n").replace("ann@good.example", "x@strict.example")
    code, reply = mail.send("list@mx.example", account[0], sealed.decode().replace("\r\n", "\n"),
                            address="203.0.113.9")
    assert code == 250, reply
    site.ctl("setting", "set", "arc.trusted", "other.example")
    code, reply = mail.send("list@mx.example", account[0], sealed.decode().replace("\r\n", "\n"),
                            address="203.0.113.9")
    assert code == 550 and "DMARC" in reply, reply
    # Who breaks the chain gains nothing.
    site.ctl("setting", "set", "arc.trusted", "lists.example")
    code, reply = mail.send("list@mx.example", account[0], again, address="203.0.113.9")
    assert code == 550, reply
    site.ctl("setting", "set", "arc.domain", "")


def check(mail, text, *options):
    """Rows of `mailstead filter check`: (check, result) to detail."""
    rows = json.loads(mail.site.ctl("filter", "check", "-", "--json", *options, input=text))
    return {(row["check"], row["result"]): row["detail"] for row in rows}


def test_check_explains(mail):
    text = message("x@strict.example", "why", FORGED)
    rows = check(mail, text, "--client-ip", OUTSIDE, "--helo", "mx.example", "--from", "x@strict.example", "--compare")
    assert "strict.example: -all" in rows["spf", "fail"]
    assert rows["libspf2", "fail"] == rows["libopendmarc", "fail"] == "agrees"
    assert ("helo", "pass") in rows and ("dkim", "none") in rows
    assert "v=DMARC1; p=reject" in rows["dmarc", "fail"]
    assert rows["decision", "reject"].startswith("550 5.7.26 nothing proves")
    rows = check(mail, text, "--client-ip", "198.51.100.7", "--from", "x@strict.example")
    assert rows["decision", "off"] and "pass" in rows["header", "add"] and ("libspf2", "pass") not in rows
    rows = check(mail, text)
    assert ("client", "ours") in rows and ("spf", "fail") not in rows
    assert "Authentication-Results number" in rows["header", "remove"]


def rcpt(mail, sender, to, **options):
    """The reply to RCPT."""
    with mail.client(**options) as c:
        assert c.mail(sender)[0] == 250
        return c.rcpt(to)


def greylisted(mail, account, delay="60s"):
    mail.site.ctl("setting", "set", "greylist.action", "tempfail", "--account", account[0])
    mail.site.ctl("setting", "set", "greylist.delay", delay)


def test_strangers_come_again(mail, account):
    greylisted(mail, account, "2s")
    code, text = rcpt(mail, "ann@grey.example", account[0])
    assert code == 451 and b"greylisted: please come again in" in text
    assert rcpt(mail, "ann@grey.example", account[0])[0] == 451  # too early
    wait_for(lambda: rcpt(mail, "ann@grey.example", account[0])[0] == 250)
    # Whoever came again is known: that sender's whole domain, since SPF vouches for it, after a restart as well.
    assert rcpt(mail, "bob@grey.example", account[0])[0] == 250
    mail.stop()
    mail.start()
    assert rcpt(mail, "carl@grey.example", account[0])[0] == 250
    # Without SPF it is the network, and the answer comes when a signature could have spoken.
    other = {"address": "203.0.113.7", "helo": "nobody.example"}
    code, text = mail.send("x@nobody.example", account[0], message("x@nobody.example", "grey"), **other)
    assert code == 451 and "greylisted" in text
    wait_for(lambda: mail.send("x@nobody.example", account[0], message("x@nobody.example", "grey"), **other)[0] == 250)


def test_greylist_is_shown(mail, account):
    """Who waits and who need not, and what an operator can say of it."""
    greylisted(mail, account, "60s")
    where = {"address": "203.0.116.7", "helo": "shown.example"}
    text = message("x@shown.example", "shown")
    asked = "--client-ip", where["address"], "--from", "x@shown.example", "--to", account[0]

    def listed(*options):
        return {r["place"]: r for r in json.loads(mail.site.ctl("filter", "greylist", "list", "--json", *options))}

    rows = check(mail, text, *asked)
    # What would come after it is shown, too.
    assert "has not come before" in rows["greylist", "waits"] and ("decision", "tag") in rows
    assert mail.send("x@shown.example", account[0], text, **where)[0] == 451
    row = wait_for(lambda: listed("--state", "waiting").get("203.0.116.0/24"))
    assert row["recipient"] == account[0] and 50 <= row["again"] - row["first"] <= 60
    # To ask changes nothing.
    for _ in range(2):
        assert "too early" in check(mail, text, *asked)["greylist", "waits"]
    assert listed("--state", "waiting")["203.0.116.0/24"]["count"] == row["count"]

    mail.site.ctl("filter", "greylist", "allow", "203.0.116.0/24", "--note", "a friend")
    assert check(mail, text, *asked)["greylist", "allowed"].endswith("203.0.116.0/24")
    assert listed("--state", "allowed")["203.0.116.0/24"]["note"] == "a friend"
    assert not json.loads(mail.site.ctl("filter", "list", "--json"))
    assert mail.send("x@shown.example", account[0], text, **where)[0] == 250
    mail.site.ctl("filter", "greylist", "remove", "203.0.116.0/24")
    assert not listed("--state", "allowed")
    # It gets through nothing else.
    mail.site.ctl("filter", "greylist", "allow", "203.0.113.0/24")
    forged = message("x@strict.example", "no")
    assert mail.send("x@strict.example", account[0], forged, address="203.0.113.9")[0] == 550
    mail.site.ctl("filter", "greylist", "remove", "203.0.113.0/24")


def test_known_people_do_not_wait(mail, account, keys):
    """Whom our accounts wrote to, and domains that proved who they are before."""
    greylisted(mail, account)
    submit(mail, account, message(account[0], "to-a-friend"), "friend@nospf.example")
    where = {"address": "198.18.1.9", "helo": "nospf.example"}
    wait_for(lambda: mail.send("friend@nospf.example", account[0],
                               message("friend@nospf.example", "answer"), **where)[0] == 250)
    code, text = mail.send("stranger@nospf.example", account[0], message("stranger@nospf.example", "no"), **where)
    assert code == 451, text
    # A signature of a domain that came through before, from a place where SPF says nothing of it.
    free = mail.site.new_account()
    text = message("ann@good.example", "signed-stranger").replace("\n", "\r\n").encode()
    signature = dkim.sign(text, b"s1", b"good.example", keys[0], include_headers=[b"from", b"subject"])
    signed = (signature + text).decode().replace("\r\n", "\n")
    assert mail.send("list@nospf.example", free[0], signed, address="203.0.114.1")[0] == 250
    code, text = mail.send("list@nospf.example", account[0], signed, address="203.0.115.1")
    assert code == 250, text


def test_without_milterd_mail_waits(mail, account):
    mail.stop()
    try:
        with smtplib.SMTP(mail.site.host, mail.site.smtp_port, timeout=30) as c:
            c.ehlo("mx.example")
            code, text = c.mail("ann@good.example")
            assert code in (421, 451), text
    finally:
        mail.start()
    assert mail.send("ann@good.example", account[0], message("ann@good.example", "back"))[0] == 250


# ---------------------------------------------------------------------------
# What goes wrong


def timed(function, *args, **options):
    begin = time.monotonic()
    return function(*args, **options), time.monotonic() - begin


def test_silent_dns(mail, account, names):
    """The MTA has its answer within the time that the DNS may take."""
    mail.site.ctl("setting", "set", "filter.dns_time", "2s")
    mail.stop()  # nothing is remembered
    mail.start()
    names.silence(True)
    try:
        (code, reply), seconds = timed(mail.send, "ann@good.example", account[0], message("ann@good.example", "silent"))
    finally:
        names.silence(False)
        mail.site.ctl("setting", "unset", "filter.dns_time")
    assert code == 451 and "DNS" in reply, reply
    assert seconds < 8
    mail.works_again(account)



def test_no_dns(mail, account, names):
    """As the settings have it, mail without a proof goes through when nobody can be asked."""
    mail.site.ctl("setting", "set", "dmarc.temperror", "tag", "--account", account[0])
    mail.site.ctl("setting", "set", "filter.dns_time", "2s")
    mail.stop()
    mail.start()
    names.stop()
    try:
        code, reply = mail.send("ann@good.example", account[0], message("ann@good.example", "nobody"))
    finally:
        names.start()
        mail.site.ctl("setting", "unset", "filter.dns_time")
    assert code == 250, reply
    m, _ = mail.fetch(*account, "nobody")
    assert "spf=temperror" in results_of(m) and "dmarc=temperror" in results_of(m)
    assert "the DNS does not tell" in m["X-Mailstead-Verdict"]
    mail.works_again(account)


SIGNATURE = ("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=good.example; s=s1; h=from:to:subject;"
             " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\n")


HOSTILE = {
    "signatures": SIGNATURE * 400,
    "long": "X-Junk: " + "x" * 900 + "\n",
    "many": "X-Many: y\n" * 900,
    "results": "Authentication-Results: mail.example.test;\n" * 200,
    "seals": "ARC-Seal: i=1; cv=none\n" * 120,
    "authors": "From: second@good.example\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers(mail, account, name):
    """Bounded work, and an answer."""
    (code, reply), seconds = timed(mail.send, "ann@good.example", account[0],
                                   message("ann@good.example", f"hostile-{name}", HOSTILE[name]))
    assert code == 250, reply
    assert seconds < 10
    assert mail.milterd.poll() is None


def packet(letter, data=b""):
    return (len(data) + 1).to_bytes(4, "big") + letter + data


HELLO = packet(b"O", bytes([0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0x1f, 0xff, 0xff]))
CLIENT = packet(b"C", b"mx\x004\x00\x19192.0.2.1\0")
MAIL, RCPT = packet(b"M", b"<a@good.example>\0"), packet(b"R", b"<b@example.test>\0")


@pytest.mark.parametrize("talk", [
    CLIENT, HELLO + MAIL, HELLO + CLIENT + RCPT, HELLO + CLIENT + packet(b"N"), HELLO + CLIENT + packet(b"E"),
    HELLO + CLIENT + MAIL + packet(b"B", b"x"), HELLO + CLIENT + MAIL + RCPT + packet(b"E"),
    HELLO + CLIENT + MAIL + packet(b"N") + packet(b"N"), HELLO + CLIENT + packet(b"L", b"A\0b\0"),
    HELLO + CLIENT + CLIENT, HELLO + HELLO, packet(b"O", b"\0\0\0\6"), HELLO + packet(b"C", b"mx\x004"),
    HELLO + CLIENT + packet(b"z"), HELLO + CLIENT + packet(b"M", b"no end"), b"\0\0\0\0", b"\xff\xff\xff\xff",
    HELLO + CLIENT + MAIL + packet(b"Q")], ids=range(18))
def test_absurd_packets(mail, account, talk):
    """What comes where it may not ends the connection, and nothing else."""
    pid = mail.milterd.pid
    where = subprocess.run(["postconf", "-h", "-c", mail.site.dir / "postfix" / "etc", "smtpd_milters"],
                           capture_output=True, text=True, check=True).stdout.strip().removeprefix("unix:")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(where)
        s.sendall(talk)
        while s.recv(4096):
            pass
    assert mail.milterd.poll() is None and mail.milterd.pid == pid


def test_milter_connections_are_shown(mail):
    """As all that are open, in "mailstead who"."""
    with mail.client() as c:
        assert c.mail("ann@good.example")[0] == 250
        assert "milter" in mail.site.ctl("who")


def test_killed_in_the_middle(mail, account):
    with mail.client() as c:
        c.mail("ann@good.example")
        c.rcpt(account[0])
        mail.milterd.kill()
        mail.milterd.wait(10)
        code, _ = c.docmd("DATA")
        if code == 354:
            c.send(message("ann@good.example", "killed").replace("\n", "\r\n") + ".\r\n")
            code, _ = c.getreply()
        assert code == 451
    mail.start()
    assert mail.send("ann@good.example", account[0], message("ann@good.example", "risen"))[0] == 250


def test_sessions_at_once(mail, account):
    def one(n):
        return mail.send("ann@good.example", account[0], message("ann@good.example", f"at-once-{n}"))[0]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(40))) == {250}
    assert mail.milterd.poll() is None
