# SPDX-License-Identifier: BSD-2-Clause
"""The whole way of a message: in through the site's own Postfix, from outside
and by submission, with authd asked who lives here and lmtpd storing it."""

import email
import re
import smtplib
import socket
import ssl

import pytest

from conftest import wait_for
from lmtp import Lmtp, LmtpError

OUTSIDE = "someone@elsewhere.test"


class Smtp(smtplib.SMTP):
    """A client from outside, at the site's port 25."""

    def __init__(self, site, port=None):
        super().__init__(site.host, port or site.smtp_port, "client.elsewhere.test", timeout=30)
        self.ehlo()


class Submission(Smtp):
    """A mail program that sends: STARTTLS, then its login."""

    def __init__(self, site, user, password):
        super().__init__(site, site.submission_port)
        self.starttls(context=ssl._create_unverified_context())
        self.ehlo()
        if user:
            self.login(user, password)


def mail(subject, body="Hello\r\n", **fields):
    fields = {"From": OUTSIDE, "Message-ID": f"<{subject}@elsewhere.test>",
              "Date": "Mon, 02 Nov 2026 10:00:00 +0100", **fields}
    head = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in fields.items())
    return (f"Subject: {subject}\r\n" + head + "\r\n" + body).encode()


def send(site, sender, recipients, raw, **options):
    with Smtp(site) as c:
        return c.sendmail(sender, recipients, raw, **options)


def messages(site, account, mailbox="INBOX"):
    c = site.imap(*account)
    try:
        typ, _ = c.select(f'"{mailbox}"', readonly=True)
        if typ != "OK":
            return []
        data = c.uid("FETCH", "1:*", "(BODY.PEEK[])")[1]
        return [item[1] for item in data if isinstance(item, tuple)]
    finally:
        c.logout()


def arrived(site, account, subject, mailbox="INBOX", seconds=20):
    """Wait for the one message of this subject."""
    def look():
        return [m for m in messages(site, account, mailbox)
                if email.message_from_bytes(m)["Subject"] == subject]

    found = wait_for(look, seconds, every=0.1)
    assert len(found) == 1
    return found[0]


def refused(codes, call, *args, **kwargs):
    """The call fails at SMTP with one of these codes; what was said."""
    with pytest.raises(smtplib.SMTPException) as info:
        call(*args, **kwargs)
    error = info.value
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        [(code, text)] = error.recipients.values()
    else:
        code, text = error.smtp_code, error.smtp_error
    assert code in codes, (code, text)
    return text.decode()


# ---------------------------------------------------------------------------
# From outside


def test_incoming_and_its_trace(site):
    account = site.new_account()
    raw = mail("incoming", "first\r\n.dot\r\n\r\nlast\r\n")
    send(site, OUTSIDE, [account[0]], raw)
    got = arrived(site, account, "incoming")
    assert got.endswith(raw)
    head = got[:-len(raw)]
    assert head.startswith(f"Return-Path: <{OUTSIDE}>\r\nDelivered-To: {account[0]}\r\nReceived: ".encode())
    received = email.message_from_bytes(got).get_all("Received")
    assert len(received) == 2
    assert "with LMTP" in received[0] and f"for <{account[0]}>" in received[0]
    assert "elsewhere.test" in received[1] and "Postfix" in received[1]


def test_null_sender(site):
    account = site.new_account()
    send(site, "", [account[0]], mail("a-bounce"))
    assert arrived(site, account, "a-bounce").startswith(b"Return-Path: <>\r\n")


def test_unknown_recipient_is_refused_at_once(site):
    text = refused({550}, send, site, OUTSIDE, [f"nobody-at-all@{site.domain}"], mail("x"))
    assert "5.1.1" in text
    text = refused({454, 554}, send, site, OUTSIDE, ["x@third.test"], mail("x"))
    assert "5.7.1" in text or "4.7.1" in text


def test_an_account_is_there_at_once(site):
    address = f"brand-new@{site.domain}"
    refused({550}, send, site, OUTSIDE, [address], mail("early"))
    site.ctl("account", "add", address, "--stdin", input="secret-pass\n")
    send(site, OUTSIDE, [address], mail("just-in-time"))
    arrived(site, (address, "secret-pass"), "just-in-time")
    site.ctl("account", "remove", address, "--yes")
    refused({550}, send, site, OUTSIDE, [address], mail("late"))


def test_no_login_on_port_25(site):
    with Smtp(site) as c:
        assert not c.has_extn("auth")


# ---------------------------------------------------------------------------
# Submission


def test_submission(site):
    sender, receiver = site.new_account(), site.new_account()
    with Submission(site, *sender) as c:
        c.sendmail(sender[0], [receiver[0]], mail("submitted", From=sender[0]))
    got = arrived(site, receiver, "submitted")
    assert got.startswith(f"Return-Path: <{sender[0]}>".encode())
    assert "ESMTPSA" in "".join(email.message_from_bytes(got).get_all("Received"))


@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login"])
def test_mechanisms(site, mechanism):
    account = site.new_account()
    with Submission(site, None, None) as c:
        c.user, c.password = account
        assert c.auth(mechanism[5:], getattr(c, mechanism))[0] == 235


def test_password_needs_tls(site):
    with Smtp(site, site.submission_port) as c:
        assert not c.has_extn("auth")
        assert c.docmd("MAIL FROM:<a@b>")[0] == 530


def test_wrong_password(site):
    user, _ = site.new_account()
    with Submission(site, None, None) as c:
        assert "5.7.8" in refused({535}, c.login, user, "wrong-pass")
    with Submission(site, None, None) as c:
        assert "5.7.8" in refused({535}, c.login, f"nobody@{site.domain}", "wrong-pass")
        # Without it nothing goes.
        assert c.mail(user)[0] == 250
        assert c.rcpt(user)[0] == 554


def test_sender_belongs_to_its_owner(site):
    user, other = site.new_account(), site.new_account()
    own, theirs = f"own-alias@{site.domain}", f"their-alias@{site.domain}"
    site.ctl("alias", "add", own, user[0])
    site.ctl("alias", "add", theirs, other[0])
    with Submission(site, *user) as c:
        for sender in (other[0], theirs, f"nobody@{site.domain}"):
            text = refused({553}, c.sendmail, sender, [other[0]], mail("forged"))
            assert "not owned by user" in text
            c.rset()
        for n, sender in enumerate((user[0], user[0].replace("@", "+tag@"), own)):
            c.sendmail(sender, [other[0]], mail(f"mine-{n}"))
    for n in range(3):
        arrived(site, other, f"mine-{n}")
    assert len(messages(site, other)) == 3


def test_a_new_password_counts_at_once(site):
    user, old = site.new_account()
    with Submission(site, user, old):
        pass
    site.imap(user, old).logout()
    site.ctl("password", user, "--stdin", input="another-pass\n")
    with Submission(site, None, None) as c:
        refused({535}, c.login, user, old)
    with pytest.raises(Exception, match="AUTHENTICATIONFAILED"):
        site.imap(user, old)
    with Submission(site, user, "another-pass"):
        pass
    site.imap(user, "another-pass").logout()


# ---------------------------------------------------------------------------
# Addresses


def test_alias_of_several(site):
    accounts = [site.new_account() for _ in range(3)]
    team = f"team@{site.domain}"
    site.ctl("alias", "add", team, *(user for user, _ in accounts))
    # A member who is also named himself gets it once.
    send(site, OUTSIDE, [team, accounts[0][0]], mail("to-the-team"))
    for account in accounts:
        got = arrived(site, account, "to-the-team")
        assert f"Delivered-To: {account[0]}\r\n".encode() in got
    site.ctl("alias", "set", team, "--disabled", "yes")
    refused({550, 450}, send, site, OUTSIDE, [team], mail("closed"))
    site.ctl("alias", "remove", team)
    refused({550}, send, site, OUTSIDE, [team], mail("gone"))


def test_catch_all(site):
    domain, account = "catch.test", site.new_account()
    refused({454, 554}, send, site, OUTSIDE, [f"any@{domain}"], mail("too-early"))
    site.ctl("domain", "add", domain)
    site.ctl("alias", "add", f"@{domain}", account[0])
    site.ctl("account", "add", f"real@{domain}", "--stdin", input="secret-pass\n")
    send(site, OUTSIDE, [f"whoever-{domain[:5]}@{domain}"], mail("caught"))
    send(site, OUTSIDE, [f"real@{domain}"], mail("not-caught"))
    arrived(site, account, "caught")
    arrived(site, (f"real@{domain}", "secret-pass"), "not-caught")
    assert len(messages(site, account)) == 1


def test_subaddress(site):
    account = site.new_account()
    tagged = account[0].replace("@", "+Lists@")
    c = site.imap(*account)
    c.create("Lists")
    c.logout()
    send(site, OUTSIDE, [tagged], mail("to-inbox"))
    assert f"Delivered-To: {tagged}".encode() in arrived(site, account, "to-inbox")
    site.ctl("setting", "set", "delivery.detail_mailbox", "yes", "--account", account[0])
    send(site, OUTSIDE, [tagged], mail("to-lists"))
    send(site, OUTSIDE, [account[0].replace("@", "+NoSuch@")], mail("to-none"))
    arrived(site, account, "to-lists", "Lists")
    arrived(site, account, "to-none")
    assert len(messages(site, account)) == 2


def test_disabled_account(site):
    account = site.new_account()
    user, password = account
    site.ctl("account", "set", user, "--state", "disabled")
    refused({450, 550}, send, site, OUTSIDE, [user], mail("to-disabled"))
    with Lmtp(site.host, site.lmtp_port) as c:
        c.command("MAIL FROM:<>")
        with pytest.raises(LmtpError) as info:
            c.command(f"RCPT TO:<{user}>")
        assert info.value.args[0] == 550 and "5.2.1" in info.value.args[1]
    with Submission(site, None, None) as s:
        refused({535}, s.login, user, password)
    with pytest.raises(Exception, match="NO|FAILED|AUTH"):
        site.imap(user, password)
    # Suspended: mail is taken, but nobody gets in.
    site.ctl("account", "set", user, "--state", "suspended")
    send(site, OUTSIDE, [user], mail("to-suspended"))
    with Submission(site, None, None) as s:
        refused({535}, s.login, user, password)
    site.ctl("account", "set", user, "--state", "active")
    arrived(site, account, "to-suspended")


# ---------------------------------------------------------------------------
# Content


def test_eight_bits(site):
    account = site.new_account()
    body = b"gr\xc3\xbc\xc3\x9fe, and latin1: \xe4\xf6\xfc\r\n"
    raw = mail("8-bit", Content_Type="text/plain; charset=utf-8", Content_Transfer_Encoding="8bit") + body
    send(site, OUTSIDE, [account[0]], raw, mail_options=["BODY=8BITMIME"])
    assert arrived(site, account, "8-bit").endswith(raw)


def test_smtputf8(site):
    address, password = f"jürgen.test@{site.domain}", "secret-pass"
    site.ctl("account", "add", address, "--stdin", input=password + "\n")
    sender = "søren@elsewhere.test"
    raw = mail("Gruesse") + "Grüße\r\n".encode()
    with Smtp(site) as c:
        c.ehlo()
        c.command_encoding = "utf-8"
        assert c.has_extn("smtputf8")
        assert c.mail(sender, ["SMTPUTF8", "BODY=8BITMIME"])[0] == 250
        # The same person, decomposed and in capitals.
        assert c.rcpt("JU\u0308RGEN.Test@" + site.domain.upper())[0] == 250
        assert c.data(raw)[0] == 250
    # IMAP's quoted strings are ASCII; a literal carries the name.
    with socket.create_connection((site.host, site.imap_port), 10) as s:
        f = s.makefile("rwb")
        name = address.encode()
        f.readline()

        def fetch():
            f.write(b"b SELECT INBOX\r\nc FETCH 1:* BODY.PEEK[]\r\n")
            f.flush()
            lines = []
            while not lines or not lines[-1].startswith(b"c "):
                lines.append(f.readline())
            return b"".join(lines)

        f.write(b"a LOGIN {%d+}\r\n%s %s\r\n" % (len(name), name, password.encode()))
        f.flush()
        assert f.readline().startswith(b"a OK")
        got = wait_for(lambda: (lambda text: raw in text and text)(fetch()), 20, every=0.1)
    assert f"Return-Path: <{sender}>".encode() in got
    assert b"with UTF8LMTP" in got


def test_five_megabytes(site):
    account = site.new_account()
    raw = mail("large", "".join(f"{n:08d} line of a large message, as long as usual text lines\r\n"
                                for n in range(90000)))
    assert len(raw) > 5 << 20
    send(site, OUTSIDE, [account[0]], raw)
    assert arrived(site, account, "large").endswith(raw)


def test_loop_goes_back(site):
    sender, receiver = site.new_account(), site.new_account()
    with Submission(site, *sender) as c:
        c.sendmail(sender[0], [receiver[0]], mail("goes-round", Delivered_To=receiver[0].upper()))
    bounce = wait_for(lambda: messages(site, sender), 20, every=0.1)[0]
    assert bounce.startswith(b"Return-Path: <>\r\n")
    assert b"5.4.6" in bounce and b"Mail loop" in bounce
    assert messages(site, receiver) == []
    # Somebody else's is none.
    send(site, OUTSIDE, [receiver[0]], mail("forwarded", Delivered_To=OUTSIDE))
    arrived(site, receiver, "forwarded")


# ---------------------------------------------------------------------------
# Quota


def lmtp(site, user, raw):
    with Lmtp(site.host, site.lmtp_port) as c:
        try:
            return "%d %s" % c.deliver(OUTSIDE, [user], raw)[0]
        except LmtpError as error:
            return "%d %s" % error.args


def test_quota(site):
    account = site.new_account()
    user = account[0]
    site.ctl("account", "set", user, "--quota", "100K")
    raw = [mail(f"quota-{n}", "x" * 78 + "\r\n" + ("y" * 78 + "\r\n") * 374) for n in range(5)]
    assert lmtp(site, user, raw[0]).startswith("250")  # 30 KB each
    assert lmtp(site, user, raw[1]).startswith("250")
    assert not any(b"Auto-Submitted" in m for m in messages(site, account))
    assert lmtp(site, user, raw[2]).startswith("250")
    warnings = [m for m in messages(site, account) if b"Auto-Submitted: auto-generated" in m]
    assert len(warnings) == 1
    assert re.search(rb"Subject: Your mailbox is [89]0 % full", warnings[0])
    assert lmtp(site, user, raw[3]).startswith("452 4.2.2")
    site.ctl("setting", "set", "delivery.over_quota", "reject", "--account", user)
    assert lmtp(site, user, raw[3]).startswith("552 5.2.2")
    full = [m for m in messages(site, account) if b"Subject: Your mailbox is full" in m]
    assert len(full) == 1
    site.ctl("account", "set", user, "--quota", "0")
    assert lmtp(site, user, raw[3]).startswith("250")


def test_quota_of_messages(site):
    account = site.new_account()
    site.ctl("account", "set", account[0], "--messages", "2")
    assert lmtp(site, account[0], mail("one")).startswith("250")
    assert lmtp(site, account[0], mail("two")).startswith("250")
    assert lmtp(site, account[0], mail("three")).startswith("452 4.2.2")


def test_full_account_bounces(site):
    """Refusing is seen by who sent it."""
    sender, receiver = site.new_account(), site.new_account()
    site.ctl("setting", "set", "delivery.over_quota", "reject", "--account", receiver[0])
    site.ctl("account", "set", receiver[0], "--quota", "1K")
    with Submission(site, *sender) as c:
        c.sendmail(sender[0], [receiver[0]], mail("too-much", "x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 50))
    bounce = wait_for(lambda: messages(site, sender), 20, every=0.1)[0]
    assert b"5.2.2" in bounce


# ---------------------------------------------------------------------------
# Notices of success


def test_notice_of_success(site):
    """We announce DSN, so we send it, and Postfix sends none of its own."""
    sender, receiver = site.new_account(), site.new_account()
    with Submission(site, *sender) as c:
        assert c.has_extn("dsn")
        c.sendmail(sender[0], [receiver[0]], mail("with-notice", From=sender[0]),
                   mail_options=["RET=HDRS", "ENVID=env+2B1"],
                   rcpt_options=["NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;{receiver[0]}"])
    arrived(site, receiver, "with-notice")
    raw = arrived(site, sender, "Your message was delivered")
    _, status, _ = email.message_from_bytes(raw).get_payload()
    whole, one = status.get_payload()
    assert whole["Original-Envelope-Id"] == "env+1"
    assert one["Action"] == "delivered" and one["Final-Recipient"] == f"rfc822; {receiver[0]}"
    # One that asked for nothing is behind everything that could still come.
    with Submission(site, *sender) as c:
        c.sendmail(sender[0], [receiver[0]], mail("without-notice", From=sender[0]))
        c.sendmail(sender[0], [sender[0]], mail("to-oneself", From=sender[0]))
    arrived(site, receiver, "without-notice")
    arrived(site, sender, "to-oneself")
    assert len(messages(site, sender)) == 2
