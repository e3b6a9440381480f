# SPDX-License-Identifier: BSD-2-Clause
"""DMARC's reports: from the mail that they are about to the report that comes
back; and DKIM keys that are replaced."""

import email
import gzip
import hmac
import json
import sqlite3
import time
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import wait_for
from nsd import NameServer, txt
from test_milterd import Filtered, message, submit

REPORTS = "dmarc-reports@ours.example"
FAILURES = "ruf@fails.example"


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    server = NameServer(tmp_path_factory.mktemp("nsd"), [
        txt("good.example", "v=spf1 ip4:192.0.2.1 ip4:127.0.0.1 -all"),
        txt("_dmarc.good.example", "v=DMARC1; p=reject; rua=mailto:r@good.example"),
        txt("ours.example", "v=spf1 ip4:198.51.100.1 -all"),
        txt("_dmarc.ours.example", f"v=DMARC1; p=reject; rua=mailto:{REPORTS}"),
        txt("fails.example", "v=spf1 -all"),
        txt("_dmarc.fails.example", f"v=DMARC1; p=reject; fo=1; ruf=mailto:{FAILURES}"),
        txt("stranger.example", "v=spf1 -all"),
        txt("_dmarc.stranger.example", "v=DMARC1; p=none; rua=mailto:victim@good.example"),
        "mx.example. A 192.0.2.1",
    ])
    yield server
    server.close()


@pytest.fixture(scope="module")
def mail(names):
    """A site that hosts ours.example, and reports as good.example."""
    f = Filtered(names)
    f.site.ctl("domain", "add", "ours.example")
    f.site.ctl("account", "add", REPORTS, "--stdin", input="secret-pass\n")
    f.site.ctl("setting", "set", "report.from", "noc@good.example")
    f.site.ctl("setting", "set", "report.org_name", "Good & Co")
    # Our reports come back from 127.0.0.1, which is a stranger here.
    f.site.ctl("setting", "set", "client.helo_ours", "off")
    yield f
    f.remove()


def reports(mail, *args):
    return json.loads(mail.site.ctl("filter", "reports", *args, "--json"))


def collected(mail, domain):
    return [r for r in reports(mail, "list") if r["domain"] == domain]


def report_of(m):
    """The XML of a report's mail."""
    [part] = [p for p in m.walk() if p.get_content_type() == "application/gzip"]
    assert part.get_filename().endswith(".xml.gz")
    return ElementTree.fromstring(gzip.decompress(part.get_payload(decode=True)))


def test_there_and_back(mail):
    user = mail.site.new_account()[0]
    for _ in range(3):
        code, reply = mail.send("x@ours.example", user, message("x@ours.example", "forged"))
        assert code == 550, reply
    code, reply = mail.send("x@ours.example", user, message("x@ours.example", "true"), address="198.51.100.1")
    assert code == 250, reply
    mail.send("x@stranger.example", user, message("x@stranger.example", "elsewhere"))
    wait_for(lambda: collected(mail, "ours.example") and collected(mail, "stranger.example"))
    [period] = collected(mail, "ours.example")
    assert period["state"] == "collecting" and period["rows"] == 2
    rows = reports(mail, "show", period["id"])
    assert [(r["count"], r["disposition"], r["spf"]) for r in rows] == [(3, "reject", "fail"), (1, "none", "pass")]

    done = reports(mail, "send", "--now")
    assert done == {"sent": 1, "failed": 1, "waiting": 0}, [(r["address"], r["reason"]) for r in reports(mail, "list")]
    [period] = collected(mail, "ours.example")
    assert (period["state"], period["address"]) == ("sent", REPORTS)
    [other] = collected(mail, "stranger.example")  # whose reports good.example did not ask for
    assert other["state"] == "failed" and "has not agreed" in other["reason"]

    m, _ = mail.fetch(REPORTS, "secret-pass", '"Report Domain: ours.example"')
    assert m["From"] == "<noc@good.example>" and m["Auto-Submitted"] == "auto-generated"
    x = report_of(m)
    assert x.findtext("report_metadata/org_name") == "Good & Co"
    assert x.findtext("policy_published/p") == "reject"
    assert sorted(int(c.text) for c in x.findall("record/row/count")) == [1, 3]

    # Ours came back to us.
    [back] = wait_for(lambda: reports(mail, "received"))
    assert (back["kind"], back["domain"], back["organization"], back["sender"]) == (
        "dmarc", "ours.example", "Good & Co", "good.example")
    assert (back["passed"], back["failed"]) == (1, 3)
    rows = reports(mail, "received", back["id"])
    assert [(r["source_ip"], r["count"], r["spf"]) for r in rows] == [
        ("192.0.2.1", 3, "fail"), ("198.51.100.1", 1, "pass")]
    # No report is made of a report.
    assert not collected(mail, "good.example")
    # Nothing is sent twice.
    assert reports(mail, "send", "--now") == {"sent": 0, "failed": 0, "waiting": 0}
    again = m.as_bytes().decode().replace("\r\n", "\n").split("\n", 1)[1]
    assert mail.send("noc@good.example", REPORTS, again)[0] == 250
    assert len(reports(mail, "received")) == 1


def test_failure_reports(mail):
    """Only where they are wanted, and so many a day; nobody's name is in them
    but the author's."""
    ctl = mail.site.ctl
    ctl("domain", "add", "fails.example")
    ctl("account", "add", FAILURES, "--stdin", input="secret-pass\n")
    # Of a domain without DMARC: nothing signs our reports here.
    ctl("setting", "set", "report.from", "noc@mx.example")
    user = mail.site.new_account()[0]

    def forge(subject):
        code, reply = mail.send("someone@fails.example", user, message("boss@fails.example", subject))
        assert code == 550, reply

    forge("unreported")
    ctl("setting", "set", "report.failure", "redacted")
    ctl("setting", "set", "report.failure_limit", "2")
    for i in range(3):
        forge(f"forged-{i}")
    time.sleep(1.5)  # what is noted is written within a second
    done = reports(mail, "send")  # unless milterd was first
    assert done["sent"] <= 2 and not done["failed"]
    with mail.site.imap(FAILURES, "secret-pass") as c:
        wait_for(lambda: int(c.select("INBOX")[1][0]) >= 2)
        assert int(c.select("INBOX")[1][0]) == 2
        assert not c.search(None, "TEXT", "unreported")[1][0]
    ctl("setting", "set", "report.failure", "no")
    ctl("setting", "set", "report.from", "noc@good.example")

    m, _ = mail.fetch(FAILURES, "secret-pass", '"DMARC failure report for fails.example"')
    assert m["Return-Path"] == "<>" and m.get_content_type() == "multipart/report"
    text, report, header = m.get_payload()
    assert report.get_content_type() == "message/feedback-report"
    fields = report.get_payload()[0]
    assert (fields["Feedback-Type"], fields["Auth-Failure"]) == ("auth-failure", "dmarc")
    assert (fields["Delivery-Result"], fields["Identity-Alignment"]) == ("reject", "none")
    assert (fields["Source-IP"], fields["Reported-Domain"]) == ("192.0.2.1", "fails.example")
    assert fields["Original-Mail-From"] == "someone@fails.example"  # their own
    assert fields["SPF-DNS"] == 'txt : "v=spf1 -all"'
    assert "spf=fail" in fields["Authentication-Results"] and "dmarc=fail" in fields["Authentication-Results"]
    assert header.get_content_type() == "text/rfc822-headers"
    assert "boss@fails.example" in header.get_payload() and "Subject: forged-" in header.get_payload()
    local, domain = user.split("@")
    assert fields["Original-Rcpt-To"].endswith("@" + domain)
    assert f"{local}@".encode() not in b"".join(p.as_bytes() for p in (text, report, header))


def notification(envid, action):
    return ("From: MAILER-DAEMON@mx.example\nSubject: Undelivered\n"
            "Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n"
            "--x\n\nSorry.\n--x\nContent-Type: message/delivery-status\n\n"
            f"Reporting-MTA: dns; mx.example\nOriginal-Envelope-Id: {envid}\n\n"
            f"Final-Recipient: rfc822; {REPORTS}\nAction: {action}\nStatus: 5.1.1\n"
            "Diagnostic-Code: smtp; 550 nobody of that name\n--x--\n")


def test_reports_come_back(mail):
    """Who has an envelope id of ours can only have it from the report."""
    [period] = collected(mail, "ours.example")
    assert period["state"] == "sent"
    with sqlite3.connect(f"file:{mail.site.dir}/data/filter.db?mode=ro", uri=True) as db:
        [key] = db.execute("SELECT key FROM report_secret").fetchone()
    tag = hmac.digest(key, f"{period['id']} {REPORTS}".encode(), "sha256")[:16].hex()
    mail.site.ctl("setting", "set", "report.from", REPORTS)
    for envid, action in ((f"report-{period['id']}-{'0' * 32}", "failed"),
                          (f"report-{period['id']}-{tag}", "delayed")):
        assert mail.send("", REPORTS, notification(envid, action))[0] == 250
    time.sleep(1.5)
    assert collected(mail, "ours.example")[0]["state"] == "sent"
    assert mail.send("", REPORTS, notification(f"report-{period['id']}-{tag}", "failed"))[0] == 250
    [failed] = wait_for(lambda: [p for p in collected(mail, "ours.example") if p["state"] == "failed"])
    assert failed["reason"] == "it came back: smtp; 550 nobody of that name"
    mail.site.ctl("setting", "set", "report.from", "noc@good.example")


TLS = {
    "organization-name": "Good & Co", "contact-info": "noc@good.example", "report-id": "tls-1",
    "date-range": {"start-datetime": "2026-11-25T00:00:00Z", "end-datetime": "2026-11-25T23:59:59Z"},
    "policies": [{"policy": {"policy-type": "sts", "policy-domain": "ours.example"},
                  "summary": {"total-successful-session-count": 5, "total-failure-session-count": 2},
                  "failure-details": [{"result-type": "certificate-expired", "failed-session-count": 2,
                                       "receiving-mx-hostname": "mx.ours.example"}]}]}


def tls_report(domain, report_id):
    m = email.message.EmailMessage()
    m["From"], m["To"], m["Subject"] = "noc@good.example", REPORTS, f"TLS {report_id}"
    m.set_content("A report.")
    text = json.dumps(TLS).replace("ours.example", domain).replace("tls-1", report_id)
    m.add_attachment(gzip.compress(text.encode()), "application", "tlsrpt+gzip", filename="report.json.gz")
    return m.as_string()


def test_tls_reports_are_received(mail):
    assert mail.send("noc@good.example", REPORTS, tls_report("ours.example", "tls-1"))[0] == 250

    def tls():
        return [r for r in reports(mail, "received") if r["kind"] == "tls"]

    [r] = wait_for(tls)
    assert (r["domain"], r["passed"], r["failed"], r["report_id"]) == ("ours.example", 5, 2, "tls-1")
    rows = reports(mail, "received", r["id"])
    assert [(x["result"], x["failures"]) for x in rows] == [("", 2), ("certificate-expired", 2)]


def test_others_reports_are_not_read(mail):
    """Of nobody knows whom, about domains that are not ours, and what accounts make up."""
    account = mail.site.new_account()
    submit(mail, account, tls_report("ours.example", "tls-5").replace("noc@good.example", account[0]), REPORTS)
    assert mail.send("noc@mx.example", REPORTS, tls_report("ours.example", "tls-2").replace(
        "From: noc@good.example", "From: noc@mx.example"))[0] == 250
    assert mail.send("noc@good.example", REPORTS, tls_report("other.example", "tls-3"))[0] == 250
    assert mail.send("noc@good.example", REPORTS, tls_report("ours.example", "tls-4"))[0] == 250
    ids = wait_for(lambda: [i for i in (r["report_id"] for r in reports(mail, "received")) if i == "tls-4"] and
                   [r["report_id"] for r in reports(mail, "received")])
    assert not {"tls-2", "tls-3", "tls-5"} & set(ids)


def test_keys_are_replaced(mail, names):
    """What the DNS does not show never signs."""
    ctl = mail.site.ctl
    ctl("filter", "dkim", "new", "ours.example", "--selector", "first", "--algorithm", "ed25519", "--active")
    ctl("setting", "set", "dkim.rotate_wait", "0", "--domain", "ours.example")

    def check():
        out = ctl("dkim", "check", "ours.example", "--json", check=False)
        return out.returncode, {k["selector"]: (k["state"], k["dns"], k["record"]) for k in json.loads(out.stdout)}

    status, keys = check()
    assert status == 1 and keys["first"][:2] == ("active", "missing")
    steps = json.loads(ctl("dkim", "rotate", "ours.example", "--now", "--json"))
    assert [s["step"] for s in steps] == ["publish"]
    new = steps[0]["selector"]
    assert [s["step"] for s in json.loads(ctl("dkim", "rotate", "ours.example", "--now", "--json"))] == ["waiting"]
    names.add(steps[0]["record"])
    names.add(keys["first"][2])
    assert check()[0] == 0
    for step in ("seen", "active"):
        done = json.loads(ctl("dkim", "rotate", "ours.example", "--now", "--json"))
        assert done[0]["step"] == step
        if step == "active":
            break
    status, keys = check()
    assert keys[new][:2] == ("active", "published") and keys["first"][:2] == ("retired", "published")
