# SPDX-License-Identifier: BSD-2-Clause
"""Notices of success (RFC 3461) and deadlines (RFC 2852): what an MTA tells
lmtpd of a recipient, and what the sender is told for it."""

import email
import email.policy
import itertools
import time

import pytest

from conftest import wait_for
from lmtp import Lmtp, LmtpError, dot_stuff

SENDER = "anna@example.net"
numbers = itertools.count(1)


def message(subject="hello", fields=""):
    return (f"From: {SENDER}\r\nSubject: {subject}\r\nMessage-ID: <{next(numbers)}@example.net>\r\n"
            f"{fields}\r\nthe body\r\n").encode()


def deliver(site, raw, *rcpts, sender=SENDER, mail="", expect=250):
    """One transaction; RCPTS are addresses with their parameters."""
    with Lmtp(site.host, site.lmtp_port) as c:
        c.command(f"MAIL FROM:<{sender}>{mail}")
        for rcpt in rcpts:
            address, _, params = rcpt.partition(" ")
            c.command(f"RCPT TO:<{address}> {params}".rstrip())
        c.command("DATA", 354)
        c.send(dot_stuff(raw) + b".\r\n")
        replies = [c.reply() for _ in rcpts]
    assert [code for code, _ in replies] == [expect] * len(rcpts), replies
    return replies


def script(site, user, text):
    site.ctl("sieve", "put", user, "main", "-", input=text)
    site.ctl("sieve", "activate", user, "main")


def subjects(site, user, password):
    c = site.imap(user, password)
    try:
        c.select("INBOX")
        rows = c.fetch("1:*", "(BODY.PEEK[])")[1]
        return [email.message_from_bytes(r[1])["Subject"] for r in rows if isinstance(r, tuple)]
    finally:
        c.logout()


def status_of(raw):
    """The fields of a notice: of the message, and of its one recipient."""
    notice = email.message_from_bytes(raw, policy=email.policy.default)
    assert notice.get_content_type() == "multipart/report"
    assert notice.get_param("report-type") == "delivery-status"
    text, status, header = notice.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert status.get_content_type() == "message/delivery-status"
    whole, one = status.get_payload()
    return notice, dict(whole.items()), dict(one.items()), header


def settled(site, sink, user, count):
    """COUNT mails went out and nothing else is about to."""
    wait_for(lambda: len(sink.messages) >= count)
    wait_for(lambda: site.ctl("outgoing", "list", user, "--json").strip() in ("", "[]"))
    assert len(sink.messages) == count
    return sink.messages


def test_announced(mail_site):
    with Lmtp(mail_site.host, mail_site.lmtp_port) as c:
        assert {"DSN", "DELIVERBY"} <= set(c.capabilities)


@pytest.mark.parametrize("ret", ["FULL", "HDRS", ""])
def test_delivered(mail_site, sink, ret):
    user, password = mail_site.new_account()
    deliver(mail_site, message("of interest"),
            f"{user} NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;alias+2Bx@example.org",
            mail=" ENVID=id+2B17" + (f" RET={ret}" if ret else ""))
    [sent] = settled(mail_site, sink, user, 1)
    assert sent.mail.startswith("MAIL FROM:<>")
    assert sent.rcpts == [f"RCPT TO:<{SENDER}> NOTIFY=NEVER"]
    notice, whole, one, header = status_of(sent.data)
    assert SENDER in notice["To"] and notice["Auto-Submitted"] == "auto-replied"
    assert f"postmaster@{mail_site.domain}" in notice["From"]
    assert whole["Reporting-MTA"].startswith("dns; ")
    assert whole["Original-Envelope-Id"] == "id+17" and "Arrival-Date" in whole
    assert one == {"Original-Recipient": "rfc822; alias+x@example.org",
                   "Final-Recipient": f"rfc822; {user}", "Action": "delivered", "Status": "2.1.5"}
    # RET is about failures (RFC 3461, section 4.3).
    assert header.get_content_type() == "text/rfc822-headers"
    assert b"Subject: of interest" in sent.data and b"the body" not in sent.data
    assert subjects(mail_site, user, password) == ["of interest"]


def test_each_recipient(mail_site, sink):
    users = [mail_site.new_account()[0] for _ in range(4)]
    words = ["NOTIFY=SUCCESS", "NOTIFY=NEVER", "NOTIFY=FAILURE,DELAY", ""]
    deliver(mail_site, message(), *(f"{u} {w}".strip() for u, w in zip(users, words)))
    for user in users[1:]:
        settled(mail_site, sink, user, 1)
    assert status_of(sink.messages[0].data)[2]["Final-Recipient"] == f"rfc822; {users[0]}"


def test_nobody_to_tell(mail_site, sink):
    user, password = mail_site.new_account()
    deliver(mail_site, message("one"), f"{user} NOTIFY=SUCCESS", sender="")
    deliver(mail_site, message("two"), f"{user} NOTIFY=SUCCESS")
    settled(mail_site, sink, user, 1)
    assert b"Subject: two" in sink.messages[0].data
    assert subjects(mail_site, user, password) == ["one", "two"]


def test_redelivery_tells_once(mail_site, sink):
    user, password = mail_site.new_account()
    raw = message("again")
    for _ in range(2):
        deliver(mail_site, raw, f"{user} NOTIFY=SUCCESS")
    settled(mail_site, sink, user, 1)
    assert subjects(mail_site, user, password) == ["again"]


def test_refused_is_not_ours_to_tell(mail_site, sink):
    user, _ = mail_site.new_account()
    script(mail_site, user, 'require "reject"; reject "no";')
    deliver(mail_site, message(), f"{user} NOTIFY=SUCCESS,FAILURE", expect=550)
    deliver(mail_site, message(fields=f"Delivered-To: {user}\r\n"), f"{user} NOTIFY=SUCCESS", expect=554)
    script(mail_site, user, "keep;")
    deliver(mail_site, message("kept"), f"{user} NOTIFY=SUCCESS")
    [sent] = settled(mail_site, sink, user, 1)
    assert b"Subject: kept" in sent.data


def test_redirect_passes_the_request_on(mail_site, sink):
    user, password = mail_site.new_account()
    script(mail_site, user, 'redirect "far@example.com";')
    deliver(mail_site, message(), f"{user} NOTIFY=SUCCESS,DELAY ORCPT=rfc822;alias@example.org",
            mail=" ENVID=id+2B17 RET=HDRS")
    [sent] = settled(mail_site, sink, user, 1)
    assert sent.rcpts == [
        "RCPT TO:<far@example.com> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;alias@example.org"]
    assert " ENVID=id+2B17" in sent.mail and " RET=HDRS" in sent.mail
    assert subjects(mail_site, user, password) == []


def test_redirect_of_a_copy(mail_site, sink):
    """What is stored here is told of by us, and by nobody else."""
    user, password = mail_site.new_account()
    script(mail_site, user, 'require "copy"; redirect :copy "far@example.com";')
    deliver(mail_site, message(), f"{user} NOTIFY=SUCCESS,FAILURE")
    sent = {m.rcpts[0]: m for m in settled(mail_site, sink, user, 2)}
    assert "RCPT TO:<far@example.com> NOTIFY=FAILURE" in sent
    notice = sent[f"RCPT TO:<{SENDER}> NOTIFY=NEVER"]
    assert status_of(notice.data)[2]["Action"] == "delivered"


def test_redirect_to_several(mail_site, sink):
    user, _ = mail_site.new_account()
    script(mail_site, user, 'redirect "far@example.com"; redirect "away@example.com";')
    deliver(mail_site, message(), f"{user} NOTIFY=SUCCESS")
    sent = {m.rcpts[0]: m for m in settled(mail_site, sink, user, 3)}
    assert "RCPT TO:<far@example.com> NOTIFY=NEVER" in sent
    assert "RCPT TO:<away@example.com> NOTIFY=NEVER" in sent
    notice = sent[f"RCPT TO:<{SENDER}> NOTIFY=NEVER"]
    assert status_of(notice.data)[2]["Action"] == "expanded"


def test_discard_is_silent(mail_site, sink):
    """Its owner took the message; what for is his business."""
    user, password = mail_site.new_account()
    script(mail_site, user, "discard;")
    deliver(mail_site, message(), f"{user} NOTIFY=SUCCESS")
    [sent] = settled(mail_site, sink, user, 1)
    assert status_of(sent.data)[2]["Action"] == "delivered"
    assert subjects(mail_site, user, password) == []


def test_utf8(mail_site, sink):
    user = f"j\u00fcrgen@{mail_site.domain}"
    mail_site.ctl("account", "add", user, "--stdin", input="secret-pass\n")
    raw = "Subject: Gr\u00fc\u00dfe\r\nX: 1\r\n\r\nthe body\r\n".encode()
    deliver(mail_site, raw, f"{user} NOTIFY=SUCCESS ORCPT=utf-8;{user}",
            sender="s\u00f8ren@example.net", mail=" SMTPUTF8")
    [sent] = settled(mail_site, sink, user, 1)
    assert " SMTPUTF8" in sent.mail and "<s\u00f8ren@example.net>" in sent.rcpts[0]
    _, _, one, header = status_of(sent.data)
    quoted = f"utf-8; j\\x{{FC}}rgen@{mail_site.domain}"
    assert one["Original-Recipient"] == one["Final-Recipient"] == quoted
    assert header.get_content_type() == "message/global-headers"
    assert "Subject: Gr\u00fc\u00dfe".encode() in sent.data


def test_waits_for_the_mta(mail_site, sink):
    """It is on disk with the message."""
    user, _ = mail_site.new_account()
    sink.answer = lambda line: "451 4.3.2 not now" if line.startswith("MAIL") else None
    deliver(mail_site, message(), f"{user} NOTIFY=SUCCESS")
    assert SENDER in mail_site.ctl("outgoing", "list", user)
    assert not sink.messages
    sink.answer = lambda line: None
    mail_site.ctl("outgoing", "retry", user)
    settled(mail_site, sink, user, 1)


def test_unwanted_notice_is_dropped(mail_site, sink):
    """Its owner knows nothing of it, and hears nothing of it."""
    user, password = mail_site.new_account()
    sink.answer = lambda line: "550 5.1.1 nobody" if line.startswith("RCPT") else None
    deliver(mail_site, message("only this"), f"{user} NOTIFY=SUCCESS")
    wait_for(lambda: any(x.startswith("RCPT") for x in sink.lines))
    settled(mail_site, sink, user, 0)
    assert subjects(mail_site, user, password) == ["only this"]


# ---------------------------------------------------------------------------
# DELIVERBY


@pytest.mark.parametrize("by", ["0;R", "-5;R", "5", ";R", "1234567890;N", "5;X", "5;RN", "x;N"])
def test_by_syntax(mail_site, by):
    with Lmtp(mail_site.host, mail_site.lmtp_port) as c:
        with pytest.raises(LmtpError) as info:
            c.command(f"MAIL FROM:<{SENDER}> BY={by}")
        assert info.value.args[0] == 501 and "5.5.4" in info.value.args[1]


def test_by_in_time(mail_site, sink):
    user, password = mail_site.new_account()
    for n, by in enumerate(["60;R", "+60;RT", "60;N", "0;N", "-3600;NT"]):
        deliver(mail_site, message(str(n)), user, mail=f" BY={by}")
    assert subjects(mail_site, user, password) == ["0", "1", "2", "3", "4"]
    deliver(mail_site, message(), f"{user} NOTIFY=SUCCESS", mail=" BY=3600;R")
    [sent] = settled(mail_site, sink, user, 1)
    assert "Deliver-By-Date" in status_of(sent.data)[1]


def test_by_too_late(mail_site):
    user, password = mail_site.new_account()
    for mode, code in (("R", 550), ("N", 250)):
        with Lmtp(mail_site.host, mail_site.lmtp_port) as c:
            c.command(f"MAIL FROM:<{SENDER}> BY=1;{mode}")
            c.command(f"RCPT TO:<{user}>")
            c.command("DATA", 354)
            time.sleep(2.1)
            c.send(message(mode) + b".\r\n")
            got, lines = c.reply()
        assert got == code, lines
        assert code == 250 or lines[0].startswith("5.4.7")
    assert subjects(mail_site, user, password) == ["N"]


def test_by_in_scripts(mail_site, sink):
    user, password = mail_site.new_account()
    script(mail_site, user, """
        require ["envelope", "envelope-dsn", "envelope-deliverby", "relational", "fileinto",
                 "comparator-i;ascii-numeric", "redirect-deliverby"];
        if allof (envelope "bymode" "return", envelope "bytrace" "true",
                  envelope :value "le" :comparator "i;ascii-numeric" "bytimerelative" "600",
                  envelope :value "ge" :comparator "i;ascii-numeric" "bytimerelative" "590",
                  envelope "notify" "FAILURE", envelope "envid" "e=1", envelope "ret" "HDRS",
                  envelope "orcpt" "rfc822;o@example.org")
        { redirect :bytimerelative 300 :bymode "notify" "far@example.com"; }""")
    deliver(mail_site, message("without"), user)
    deliver(mail_site, message("with"), f"{user} NOTIFY=FAILURE ORCPT=rfc822;o@example.org",
            mail=" BY=600;RT ENVID=e+3D1 RET=HDRS")
    [sent] = settled(mail_site, sink, user, 1)
    assert " BY=300;N" in sent.mail or " BY=299;N" in sent.mail
    assert subjects(mail_site, user, password) == ["without"]
