# SPDX-License-Identifier: BSD-2-Clause
"""What the filter thinks of a client, behind a real Postfix: lists, names, and
too many of everything."""

import http.server
import imaplib
import json
import smtplib
import threading

import pytest

from conftest import wait_for
from nsd import NameServer, txt
from test_milterd import Filtered, check, message, rcpt, submit

LISTED, LIGHT, GOOD, NEW = "192.0.2.66", "192.0.2.67", "192.0.2.68", "192.0.2.69"


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    server = NameServer(tmp_path_factory.mktemp("nsd"), [
        "66.2.0.192.bl.example. A 127.0.0.2",
        txt("66.2.0.192.bl.example", "see https://bl.example/66"),
        "67.2.0.192.bl.example. A 127.0.0.200",
        "68.2.0.192.wl.example. A 127.0.5.2",
        "69.2.0.192.bl.example. A 127.255.255.254",
        "bad.example.rhs.example. A 127.0.1.2",
        "mx.example. A 192.0.2.1",
        "70.2.0.192.in-addr.arpa. PTR wrong.example.",
        "wrong.example. A 192.0.2.99",
        txt("spf.example", "v=spf1 ip4:192.0.2.0/24 -all"),
    ])
    yield server
    server.close()


@pytest.fixture(scope="module")
def mail(names):
    f = Filtered(names)
    f.site.ctl("setting", "set", "dnsbl.lists",
               "bl.example=127.0.0.2-9*5 bl.example=127.0.0.200*1 wl.example=127.0.*.1-3*-3 rhs:rhs.example*5")
    yield f
    f.remove()


@pytest.fixture
def account(mail):
    return mail.site.new_account()


def answer(mail, account, sender="ann@good.example", **options):
    code, text = rcpt(mail, sender, account[0], **options)
    return code, text.decode()


@pytest.mark.parametrize("client, sender, code", [
    (LISTED, "ann@good.example", 550), (LIGHT, "ann@good.example", 250), (GOOD, "ann@good.example", 250),
    (NEW, "ann@good.example", 250), ("192.0.2.1", "x@bad.example", 550)], ids=["bad", "light", "good", "error", "name"])
def test_dns_lists(mail, account, client, sender, code):
    got, text = answer(mail, account, sender, address=client)
    assert got == code, text
    if client == LISTED:
        assert "5.7.1 192.0.2.66 is listed by bl.example (score 5): see https://bl.example/66" in text
    if sender == "x@bad.example":
        assert "bad.example is listed by rhs.example" in text


def test_light_listing_is_tagged(mail, account):
    assert mail.send("ann@good.example", account[0], message("ann@good.example", "light"), address=LIGHT)[0] == 250
    m, _ = mail.fetch(*account, "light")
    assert "dnsbl: 192.0.2.67 is listed by bl.example (score 1)" in m["X-Mailstead-Verdict"].replace("\n\t", " ")
    assert mail.mailbox == "Junk"


def test_good_clients_do_not_wait(mail, account):
    mail.site.ctl("setting", "set", "greylist.action", "tempfail", "--account", account[0])
    assert answer(mail, account, "ann@spf.example", address="192.0.2.1")[0] == 451
    assert answer(mail, account, "ann@spf.example", address=GOOD)[0] == 250


def test_thresholds_are_settings(mail, account):
    mail.site.ctl("setting", "set", "dnsbl.reject", "6", "--account", account[0])
    assert answer(mail, account, address=LISTED)[0] == 250
    mail.site.ctl("setting", "set", "dnsbl.reject", "1", "--account", account[0])
    assert answer(mail, account, address=LIGHT)[0] == 550


def test_block_and_allow(mail, account):
    site, other = mail.site, mail.site.new_account()
    site.ctl("filter", "block", "198.51.100.0/24", "--note", "a flood", "--expires", "1d")
    code, text = answer(mail, account, address="198.51.100.9")
    assert code == 550 and "mail from 198.51.100.0/24 is not taken here" in text
    # An account has its own mind.
    site.ctl("filter", "allow", "198.51.100.9", "--for", account[0])
    assert answer(mail, account, address="198.51.100.9")[0] == 250
    assert answer(mail, other, address="198.51.100.9")[0] == 550
    site.ctl("filter", "block", "@spam.example", "--for", account[0])
    assert answer(mail, account, "x@spam.example")[0] == 550
    assert answer(mail, other, "x@spam.example")[0] == 250
    site.ctl("filter", "block", '"A b"@good.example', "--for", account[0])
    code, text = answer(mail, account, '"a b"@good.example')
    assert code == 550 and 'mail from "a b"@good.example is not taken here' in text
    # The proven name of the client, here what XCLIENT says.
    site.ctl("filter", "block", "mx.example", "--for", account[0])
    assert answer(mail, account)[0] == 550
    rows = json.loads(site.ctl("filter", "list", "--json"))
    [flood] = [row for row in rows if row["entry"] == "198.51.100.0/24"]
    assert flood["action"] == "block" and flood["note"] == "a flood" and flood["expires"] > flood["created"]
    assert {row["entry"] for row in json.loads(site.ctl("filter", "list", "--json", "--for", account[0]))} == {
        "198.51.100.9", "@spam.example", "mx.example", '"a b"@good.example'}
    site.ctl("filter", "remove", '"a b"@good.example', "--for", account[0])
    site.ctl("filter", "remove", "198.51.100.0/24")
    assert answer(mail, other, address="198.51.100.9")[0] == 250
    assert "filter.block" in site.ctl("audit")


def test_allowed_clients(mail, account):
    mail.site.ctl("filter", "allow", LISTED, "--for", account[0])
    assert answer(mail, account, address=LISTED)[0] == 250
    assert answer(mail, account, "x@bad.example", address="192.0.2.1")[0] == 550
    mail.site.ctl("filter", "allow", "x@bad.example", "--for", account[0])
    assert answer(mail, account, "x@bad.example", address="192.0.2.1")[0] == 250


def test_our_own_name(mail, account):
    for helo in ("mail.example.test", "example.test"):
        code, text = answer(mail, account, helo=helo)
        assert code == 550 and "which is our own name" in text
    # Nobody who logged in is asked that; nor who writes from where SPF lets him.
    submit(mail, account, message(account[0], "mine"), account[0])
    mail.fetch(*account, "mine")
    mail.site.ctl("domain", "add", "spf.example")
    assert answer(mail, account, helo="spf.example")[0] == 250


def test_check_explains_the_client(mail):
    text = message("x@nobody.example", "why")
    rows = check(mail, text, "--client-ip", "192.0.2.70", "--helo", "me", "--from", "x@bad.example")
    assert rows["ptr", "mismatch"] == "wrong.example"
    assert rows["greeting", "invalid"] == "me is not a full host name"
    assert rows["dnsbl", "listed"] == "bad.example.rhs.example: 127.0.1.2, which weighs 5"
    assert "is listed by rhs.example" in rows["decision", "reject"]
    rows = check(mail, text, "--client-ip", "203.0.113.200", "--helo", "mx.nobody.example")
    assert ("ptr", "none") in rows and "has no name in the DNS" in rows["ptr", "tag"]


def test_failed_logins(mail, account):
    """Who is blocked at any daemon is blocked here, until that is lifted."""
    site = mail.site
    site.ctl("setting", "set", "auth.block_after_address", "2")
    site.ctl("setting", "set", "auth.trust_loopback", "no")
    site.ctl("setting", "set", "auth.delay_max", "0")
    try:
        for _ in range(3):
            with pytest.raises(imaplib.IMAP4.error):
                site.imap(account[0], "wrong")
        blocked = json.loads(site.ctl("block", "list", "--json"))
        [peer] = {row["peer"] for row in blocked if row["user"] == "" and row["until"]}

        def refused():
            with mail.client(address=peer) as c:
                code, text = c.mail("ann@good.example")
                return code == 451 and b"is blocked after too many failures" in text

        wait_for(refused, 15)
        site.ctl("block", "remove", peer)
        wait_for(lambda: not refused(), 15)
    finally:
        site.ctl("block", "remove")
        for key in ("auth.block_after_address", "auth.trust_loopback", "auth.delay_max"):
            site.ctl("setting", "unset", key)


def test_refused_too_often(mail, account):
    """Whose mail is refused again and again finds all daemons closed for a while."""
    site, client = mail.site, "203.0.113.66"
    site.ctl("filter", "block", "@refused.example")

    def attempt(sender):
        with mail.client(address=client) as c:
            code = c.mail(sender)[0]
            return code if code != 250 else c.rcpt(account[0])[0]

    try:
        for _ in range(3):  # by default nothing comes of it
            assert attempt("x@refused.example") == 550
        assert not json.loads(site.ctl("block", "list", "--json"))
        site.ctl("setting", "set", "client.block_after", "2")
        codes = [attempt("x@refused.example") for _ in range(3)]
        assert codes == [550] * 3
        [row] = wait_for(lambda: json.loads(site.ctl("block", "list", "--json")))
        assert row["peer"] == client and row["until"]
        wait_for(lambda: attempt("ann@good.example") == 451, 15)
        with mail.client(address="203.0.113.67") as c:
            assert c.mail("ann@good.example")[0] == 250
    finally:
        site.ctl("block", "remove")
        site.ctl("setting", "unset", "client.block_after")
        site.ctl("filter", "remove", "@refused.example")


def test_recipients_that_the_mta_refuses(mail, account):
    """Who tries one name after the other is blocked like that, too; one whom the MTA asks to wait is not."""
    site, client = mail.site, "203.0.113.68"
    domain = account[0].partition("@")[2]
    guesses = [f"guess{i}@{domain}" for i in range(3)]

    def attempt(recipients):
        with mail.client(address=client) as c:
            assert c.mail("ann@good.example")[0] == 250
            return [c.rcpt(r)[0] for r in recipients]

    site.ctl("setting", "set", "client.block_after", "2")
    usual = "smtpd_recipient_restrictions = reject_unlisted_recipient"
    site.set_postfix(usual.replace("= ", f"= check_recipient_access inline:{{ {{ busy@{domain} = 450 4.3.0 wait }} }}, "))
    try:
        assert attempt([f"busy@{domain}"] * 4) == [450] * 4
    finally:
        site.set_postfix(usual)
    try:
        assert attempt([account[0], *guesses[:2], account[0]]) == [250, 550, 550, 250]
        assert not json.loads(site.ctl("block", "list", "--json"))
        assert attempt(guesses[2:]) == [550]
        [row] = wait_for(lambda: json.loads(site.ctl("block", "list", "--json")))
        assert row["peer"] == client and row["until"]
    finally:
        site.ctl("block", "remove")
        site.ctl("setting", "unset", "client.block_after")


def test_ipv6(mail, account):
    """Its /64 is the place, and what is said of it counts."""
    client = "2001:db8:1:2::25"
    mail.site.set_postfix("inet_protocols = all")
    mail.site.ctl("filter", "block", "2001:db8:1:2::/64", "--for", account[0])
    assert answer(mail, account, address=f"IPV6:{client}")[0] == 550
    assert answer(mail, account, address="IPV6:2001:db8:1:3::25")[0] == 250
    mail.site.ctl("filter", "remove", "2001:db8:1:2::/64", "--for", account[0])
    code, _ = mail.send("ann@good.example", account[0], message("ann@good.example", "six"), address=f"IPV6:{client}")
    assert code == 250
    m, _ = mail.fetch(*account, "six")
    assert client in m["Received-SPF"]


# ---------------------------------------------------------------------------
# Limits


class Hook:
    """A web server that keeps what is posted to it."""

    def __init__(self):
        posts = self.posts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/limit"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hook(mail):
    h = Hook()
    mail.site.ctl("setting", "set", "limit.webhook", h.url)
    yield h
    mail.site.ctl("setting", "unset", "limit.webhook")
    h.close()


def test_account_limits(mail, account, hook):
    site = mail.site
    site.ctl("setting", "set", "limit.account_messages_day", "2", "--account", account[0])
    for n in range(2):
        submit(mail, account, message(account[0], f"limited-{n}"), account[0])
    for _ in range(2):
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            submit(mail, account, message(account[0], "too-many"), account[0])
        assert refused.value.smtp_code == 451
        assert f"{account[0]} may send no more than 2 messages within a day: please come again in" in str(
            refused.value.smtp_error)
    [post] = wait_for(lambda: hook.posts)
    assert post["event"] == "limit" and post["limit"] == "limit.account_messages_day" and post["max"] == 2
    assert post["subject"] == account[0]
    # Others may, and what strangers send to him does not count.
    other = site.new_account()
    submit(mail, other, message(other[0], "free"), account[0])
    assert answer(mail, account)[0] == 250
    # A restart begins nothing anew.
    mail.stop()
    rows = {row["limit"]: row for row in json.loads(site.ctl("filter", "limits", account[0], "--json"))}
    assert rows["limit.account_messages_day"]["used"] == rows["limit.account_messages_day"]["max"] == 2
    assert rows["limit.account_recipients_day"]["used"] == 2
    mail.start()
    with pytest.raises(smtplib.SMTPSenderRefused):
        submit(mail, account, message(account[0], "too-many"), account[0])
    site.ctl("setting", "set", "limit.action", "reject", "--account", account[0])
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        submit(mail, account, message(account[0], "too-many"), account[0])
    assert refused.value.smtp_code == 550
    site.ctl("setting", "set", "limit.account_messages_day", "0", "--account", account[0])
    submit(mail, account, message(account[0], "no-limit"), account[0])


def test_domain_limits(mail, account):
    """All accounts of the domain together; others do not count."""
    site, domain = mail.site, account[0].split("@")[1]
    other = site.new_account()
    site.ctl("setting", "set", "limit.domain_messages_hour", "2", "--domain", domain)
    try:
        submit(mail, account, message(account[0], "first"), account[0])
        submit(mail, other, message(other[0], "second"), account[0])
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            submit(mail, other, message(other[0], "third"), account[0])
        assert refused.value.smtp_code == 451 and f"{domain} may send" in str(refused.value.smtp_error)
        assert answer(mail, account)[0] == 250
    finally:
        site.ctl("setting", "unset", "limit.domain_messages_hour", "--domain", domain)


def test_host_limits(mail, account):
    """Of a host of ours, whoever logs in there."""
    site = mail.site
    site.ctl("setting", "set", "filter.trusted_networks", "::1 203.0.113.80")
    site.ctl("setting", "set", "limit.host_recipients_hour", "2")
    try:
        with mail.client(address="203.0.113.80") as c:
            assert c.mail("ann@good.example")[0] == 250
            assert [c.rcpt(account[0])[0] for _ in range(3)] == [250, 250, 451]
        with mail.client(address="203.0.113.81") as c:
            assert c.mail("ann@good.example")[0] == 250
            assert [c.rcpt(account[0])[0] for _ in range(3)] == [250, 250, 250]
    finally:
        site.ctl("setting", "set", "filter.trusted_networks", "::1")
        site.ctl("setting", "unset", "limit.host_recipients_hour")


def test_recipient_limits(mail, account):
    mail.site.ctl("setting", "set", "limit.account_recipients_hour", "3", "--account", account[0])
    with mail.site.submission(*account) as c:
        c.mail(account[0])
        assert [c.rcpt(account[0])[0] for _ in range(5)] == [250, 250, 250, 451, 451]
        assert c.data(message(account[0], "three"))[0] == 250


@pytest.mark.parametrize("setting, same, other, word", [
    ("client_messages_hour", "203.0.113.10", "203.0.113.11", "messages"),
    ("network_messages_minute", "198.51.100.10", "198.51.101.10", "messages"),
    ("client_connections_hour", "203.0.113.20", "203.0.113.21", "connections")],
    ids=["client", "network", "connections"])
def test_limits_of_strangers(mail, account, setting, same, other, word):
    mail.site.ctl("setting", "set", f"limit.{setting}", "2")
    try:
        for _ in range(2):
            with mail.client(address=same) as c:
                assert c.mail("ann@good.example")[0] == 250
        with mail.client(address=same) as c:
            code, text = c.mail("ann@good.example")
        assert code == 451 and f"may send no more than 2 {word} within" in text.decode()
        if setting.startswith("network"):
            with mail.client(address="198.51.100.200") as c:
                assert c.mail("ann@good.example")[0] == 451
        with mail.client(address=other) as c:
            assert c.mail("ann@good.example")[0] == 250
    finally:
        mail.site.ctl("setting", "unset", f"limit.{setting}")
