# SPDX-License-Identifier: BSD-2-Clause
"""Scripts decide deliveries: through lmtpd into mailboxes, and out to an MTA."""

import email
import email.policy
import itertools
import json
import re
import smtplib

import pytest

from conftest import wait_for
from lmtp import Lmtp
from managesieve import Sieve

numbers = itertools.count(1)


class Owner:
    """An account with a script."""

    def __init__(self, site):
        self.site = site
        self.user, self.password = site.new_account()

    def script(self, text, name="main"):
        self.site.ctl("sieve", "put", self.user, name, "-", input=text)
        self.site.ctl("sieve", "activate", self.user, name)

    def deliver(self, subject="hello", sender="anna@example.net", headers="", body="text\r\n",
                to=None, expect=250, mail_args=""):
        raw = (f"From: {sender or 'mailer-daemon@example.net'}\r\nTo: {to or self.user}\r\n"
               f"Subject: {subject}\r\nMessage-ID: <{next(numbers)}@example.net>\r\n"
               f"{headers}\r\n{body}").encode()
        with Lmtp(self.site.host, self.site.lmtp_port) as c:
            [(code, text)] = c.deliver(sender, [to or self.user], raw, mail_args)
        assert code == expect, text
        return text

    def mailbox(self, name="INBOX"):
        """What is in a mailbox: flags and message of each."""
        c = self.site.imap(self.user, self.password)
        try:
            ok, _ = c.select(f'"{name}"')
            if ok != "OK":
                return None
            found = c.search(None, "ALL")[1][0].split()
            out = []
            for n in found:
                (head, raw), _ = c.fetch(n, "(FLAGS BODY.PEEK[])")[1]
                flags = re.search(rb"FLAGS \(([^)]*)\)", head)[1].decode().split()
                out.append((set(flags) - {"\\Recent"}, email.message_from_bytes(
                    raw, policy=email.policy.default)))
            return out
        finally:
            c.logout()

    def subjects(self, name="INBOX"):
        box = self.mailbox(name)
        return None if box is None else [m["Subject"] for _, m in box]


@pytest.fixture
def owner(mail_site):
    return Owner(mail_site)


def sent(sink, count=1):
    wait_for(lambda: len(sink.messages) >= count)
    return [email.message_from_bytes(m.data, policy=email.policy.default) for m in sink.messages]


def test_no_script_keeps(owner):
    owner.deliver("one")
    assert owner.subjects() == ["one"]


def test_fileinto_with_flags(owner):
    owner.script('require ["fileinto", "imap4flags", "mailbox"];\n'
                 'if header :contains "subject" "list" '
                 '{ fileinto :create :flags ["\\\\Seen", "$work"] "Lists/One"; }')
    owner.deliver("a list")
    owner.deliver("other")
    [(flags, message)] = owner.mailbox("Lists/One")
    assert flags == {"\\Seen", "$work"} and message["Subject"] == "a list"
    assert owner.subjects() == ["other"]


def test_copies_differ_in_flags(owner):
    """Two copies with different flags are two emails over one blob."""
    owner.script('require ["fileinto", "imap4flags"];\n'
                 'fileinto :flags "\\\\Flagged" "Archive"; keep;')
    owner.deliver("both")
    [(flags, _)] = owner.mailbox("Archive")
    assert flags == {"\\Flagged"}
    [(flags, _)] = owner.mailbox("INBOX")
    assert flags == set()
    assert "0 problems" in owner.site.ctl("check", owner.user)


def test_special_use_and_missing_mailbox(owner):
    owner.script('require ["fileinto", "special-use", "mailbox", "imap4flags"];\n'
                 'if header "subject" "junk" '
                 '{ fileinto :specialuse "\\\\Junk" "no such"; }\n'
                 'elsif mailboxexists "Sent" { fileinto "not there"; }')
    owner.deliver("junk")
    owner.deliver("lost")
    assert owner.subjects("Junk") == ["junk"]
    assert owner.subjects() == ["lost"]
    assert owner.subjects("not there") is None
    assert "does not" in owner.site.log("lmtpd") or "no mailbox" in owner.site.log("lmtpd")


def test_discard(owner):
    owner.script("discard;")
    owner.deliver("gone")
    assert owner.subjects() == []


def test_reject_is_an_answer(owner):
    owner.script('require "ereject"; ereject "We do not want\r\nany of this.";')
    text = owner.deliver("no", expect=550)
    assert "5.7.1" in text and "We do not want any of this." in text
    assert owner.subjects() == []


def test_refused_each_time(owner):
    """The same message again is refused again, not taken for one that was delivered."""
    owner.script('require "reject"; reject "No.";')
    raw = f"From: a@example.net\r\nTo: {owner.user}\r\nSubject: same\r\n\r\nx\r\n".encode()
    for _ in range(2):
        with Lmtp(owner.site.host, owner.site.lmtp_port) as c:
            [(code, _)] = c.deliver("a@example.net", [owner.user], raw)
        assert code == 550


def test_redirect_with_copy(owner, sink):
    owner.script('require "copy"; redirect :copy "elsewhere@example.com";')
    owner.deliver("onward")
    [message] = sent(sink)
    assert message["Subject"] == "onward"
    assert message["Return-Path"] is None
    assert "FROM:<anna@example.net>" in sink.messages[0].mail
    assert "TO:<elsewhere@example.com>" in sink.messages[0].rcpts[0]
    assert owner.subjects() == ["onward"]


def test_redirect_keeps_every_octet(owner, sink):
    owner.script('redirect "elsewhere@example.com";')
    owner.deliver("octets", body="before\0after \xe9\r\n")
    sent(sink)
    assert sink.messages[0].data.endswith(b"before\0after \xc3\xa9\r\n")


def test_redirect_rewrites_the_sender(owner, sink):
    owner.site.ctl("setting", "set", "srs.enabled", "yes", "--account", owner.user)
    owner.script('redirect "elsewhere@example.com";')
    owner.deliver("onward")
    sent(sink)
    assert "FROM:<SRS0=" in sink.messages[0].mail
    assert "=example.net=anna@" in sink.messages[0].mail
    assert owner.subjects() == []


def test_redelivery_sends_once(owner, sink):
    """The same message again, as after a lost acknowledgement, does nothing again."""
    owner.script('require "copy"; redirect :copy "elsewhere@example.com";')
    raw = f"From: a@example.net\r\nTo: {owner.user}\r\nSubject: twice\r\n\r\nx\r\n".encode()
    for _ in range(2):
        with Lmtp(owner.site.host, owner.site.lmtp_port) as c:
            [(code, _)] = c.deliver("a@example.net", [owner.user], raw)
        assert code == 250
    sent(sink)
    assert owner.subjects() == ["twice"]
    owner.deliver("last")  # nothing of the second one is still on its way
    assert len(sent(sink, 2)) == 2


def test_redirect_loop(owner, sink):
    owner.script('redirect "elsewhere@example.com";')
    owner.deliver("round", headers="Received: from a by b; Thu, 1 Jan 2026 00:00:00 +0000\r\n" * 60)
    assert owner.subjects() == ["round"]
    assert not sink.messages


def test_vacation_answers_once(owner, sink):
    owner.script('require "vacation"; vacation :subject "Away" "I am at sea.";')
    owner.deliver("first")
    [answer] = sent(sink)
    assert answer["Subject"] == "Away" and answer["Auto-Submitted"].startswith("auto-replied")
    assert owner.user in answer["From"] and "anna@example.net" in answer["To"]
    assert "I am at sea." in answer.get_content()
    assert "FROM:<>" in sink.messages[0].mail
    owner.deliver("second")
    owner.deliver("bulk", sender="list@example.net", headers="Precedence: bulk\r\n")
    owner.deliver("list", sender="b@example.net", headers="List-Id: <x.example.net>\r\n")
    owner.deliver("auto", sender="c@example.net", headers="Auto-Submitted: auto-generated\r\n")
    owner.deliver("null", sender="")
    owner.deliver("another", sender="dora@example.net")
    answers = sent(sink, 2)
    assert [m["To"].addresses[0].addr_spec for m in answers] == [
        "anna@example.net", "dora@example.net"]
    assert len(owner.subjects()) == 7


def test_vacation_keeps_a_copy(owner, sink):
    owner.script('require ["vacation", "fcc", "mailbox"];\n'
                 'vacation :fcc "Sent" "I am at sea.";')
    owner.deliver("first")
    sent(sink)
    [answer] = owner.subjects("Sent")
    assert answer == "Auto: first"


def test_notify_by_mail(owner, sink):
    owner.script('require "enotify"; notify :importance "1" :message "look" '
                 '"mailto:pager@example.com";')
    owner.deliver("urgent")
    [message] = sent(sink)
    assert message["Subject"] == "look" and message["Importance"].lower() == "high"
    assert message["Auto-Submitted"].startswith("auto-notified")


def test_duplicate(owner):
    owner.script('require ["duplicate", "fileinto"];\n'
                 'if duplicate :header "X-Key" { fileinto "Trash"; }')
    for subject in ("one", "two"):
        owner.deliver(subject, headers="X-Key: same\r\n")
    owner.deliver("three", headers="X-Key: other\r\n")
    assert owner.subjects() == ["one", "three"]
    assert owner.subjects("Trash") == ["two"]


def test_edited_message_is_stored(owner):
    owner.script('require "editheader"; addheader "X-Seen-By" "Sieve"; '
                 'deleteheader "Subject"; addheader "Subject" "changed";')
    owner.deliver("before")
    [(_, message)] = owner.mailbox()
    assert message["Subject"] == "changed" and message["X-Seen-By"] == "Sieve"
    assert "0 problems" in owner.site.ctl("check", owner.user)


def test_fault_keeps_and_is_noted(owner, sink):
    owner.script('require "ihave";\nredirect "elsewhere@example.com";\nerror "not today";')
    owner.deliver("safe")
    assert owner.subjects() == ["safe"]
    assert not sink.messages
    assert "not today" in owner.site.log("lmtpd")
    [row] = json.loads(owner.site.ctl("sieve", "list", owner.user, "--json"))
    assert "line 3: not today" in row["failure"]
    with Sieve(owner.site, owner.user, owner.password) as c:
        assert "line 3: not today" in c.ok('GETSCRIPT "main"', "WARNINGS").text
        owner.script("keep;")
        c.ok('GETSCRIPT "main"')


def test_include(owner):
    owner.site.ctl("sieve", "put", owner.user, "part", "-",
                   input='require "fileinto"; fileinto "Archive";')
    owner.script('require "include"; include :personal "part";')
    owner.deliver("one")
    assert owner.subjects("Archive") == ["one"]
    owner.site.ctl("sieve", "put", owner.user, "part", "-", input="keep;")
    owner.deliver("two")
    assert owner.subjects() == ["two"]


def test_site_scripts_around_the_account(mail_site):
    """before, domain, the account's, after: the next runs while the message is kept."""
    mail_site.ctl("domain", "add", "chain.test")
    owner = Owner(mail_site)
    owner.user, owner.password = "o@chain.test", "secret-pass"
    mail_site.ctl("account", "add", owner.user, "--stdin", input=owner.password + "\n")
    mark = 'require "editheader"; addheader :last "X-By" "{}";'
    places = (("before", "--place", "before"), ("domain", "--domain", "chain.test"),
              ("after", "--place", "after"))
    for name, *where in places:
        mail_site.ctl("sieve", "put", *where, name, "-", input=mark.format(name))
    try:
        owner.script(mark.format("own") + ' if header "subject" "stop" { discard; }')
        owner.deliver("all")
        owner.deliver("stop")
        [(_, message)] = owner.mailbox()
        assert message.get_all("X-By") == ["before", "domain", "own", "after"]
    finally:
        for name, *where in places:
            mail_site.ctl("sieve", "delete", *where, name)


def test_body_envelope_and_subaddress(owner):
    local, domain = owner.user.split("@")
    owner.script('require ["body", "envelope", "subaddress", "fileinto"];\n'
                 'if body :contains "secret" { fileinto "Archive"; }\n'
                 'elsif envelope :detail "to" "news" { fileinto "Trash"; }')
    owner.deliver("b", body="a secret word\r\n")
    owner.deliver("s", to=f"{local}+news@{domain}")
    assert owner.subjects("Archive") == ["b"] and owner.subjects("Trash") == ["s"]


def test_redirect_and_answer_through_postfix(site):
    """Nothing but real parts: from SMTP through a script to somebody else's INBOX, and an
    answer to the sender's."""
    owner, friend, sender = Owner(site), Owner(site), Owner(site)
    owner.script('require ["copy", "vacation"];\n'
                 f'redirect :copy "{friend.user}"; vacation "I am at sea.";')
    with smtplib.SMTP(site.host, site.smtp_port, timeout=20) as c:
        c.sendmail(sender.user, [owner.user],
                   f"From: {sender.user}\r\nTo: {owner.user}\r\nSubject: round trip\r\n\r\nx\r\n")
    wait_for(lambda: friend.subjects() == ["round trip"], 30)
    wait_for(lambda: sender.subjects() == ["Auto: round trip"], 30)
    assert owner.subjects() == ["round trip"]
