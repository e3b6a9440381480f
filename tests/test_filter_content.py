# SPDX-License-Identifier: BSD-2-Clause
"""milterd behind a real Postfix, with a real scand and a real spamd: malware,
files that are not wanted, spam, and what happens when they do not answer."""

import base64
import concurrent.futures
import contextlib
import os
import pathlib
import re
import signal
import tempfile
import time

import pytest

from conftest import wait_for
from test_milterd import Filtered, check, message, names, keys, rcpt, submit  # noqa: F401 (fixtures)
from test_scand import EICAR, PATTERN, running, zipped
from test_scanners import GTUBE, start_spamd

RULES = """\
body SEVEN /seven points/
score SEVEN 7
body TWELVE /twelve points/
score TWELVE 12
body TWENTY /twenty points/
score TWENTY 20
"""


@pytest.fixture(scope="module")
def scand():
    with running(alert_encrypted="yes") as s:
        yield s


@pytest.fixture(scope="module")
def spamd():
    with tempfile.TemporaryDirectory() as folder:
        daemon, server = start_spamd(pathlib.Path(folder), settings=RULES)
        yield daemon, server
        daemon.stop()


@pytest.fixture(scope="module")
def mail(names, scand, spamd):  # noqa: F811
    f = Filtered(names)
    f.site.ctl("setting", "set", "antivirus.server", f"unix:{scand.socket}")
    f.site.ctl("setting", "set", "spam.server", spamd[1])
    yield f
    f.remove()


@pytest.fixture
def account(mail):
    return mail.site.new_account()


def with_file(subject, data, name="a.bin", kind="application/octet-stream"):
    encoded = base64.encodebytes(data).decode()
    return (f"From: ann@good.example\nSubject: {subject}\nMessage-ID: <{subject}@test>\n"
            "Date: Thu, 26 Nov 2026 10:00:00 +0000\nMIME-Version: 1.0\n"
            "Content-Type: multipart/mixed; boundary=limit\n\n--limit\n\nSee the file.\n"
            f"--limit\nContent-Type: {kind}; name=\"{name}\"\nContent-Transfer-Encoding: base64\n\n"
            f"{encoded}\n--limit--\n")


def set_for(mail, account, **settings):
    for key, value in settings.items():
        mail.site.ctl("setting", "set", key.replace("__", "."), value, "--account", account[0])


def send(mail, account, text, **options):
    return mail.send("ann@good.example", account[0], text, **options)


def body(subject, text):
    return message("ann@good.example", subject).replace("Hello.", text)


# ---------------------------------------------------------------- malware

def test_malware(mail, account):
    code, reply = send(mail, account, with_file("malware", zipped(PATTERN)))
    assert code == 554 and reply.startswith("5.7.1") and "Test.Pattern" in reply
    set_for(mail, account, antivirus__found="tag")
    assert send(mail, account, with_file("tagged-malware", EICAR))[0] == 250
    m, _ = mail.fetch(*account, "tagged-malware")
    assert m["X-Virus-Score"].startswith("5 (Test.Eicar") and "malware" in m["X-Mailstead-Verdict"]
    assert send(mail, account, with_file("clean", b"nothing"))[0] == 250
    m, _ = mail.fetch(*account, "clean")
    assert m["X-Virus-Score"] == "0" and "X-Mailstead-Verdict" not in m
    set_for(mail, account, antivirus__found="off")
    assert send(mail, account, with_file("unscanned", EICAR))[0] == 250
    m, _ = mail.fetch(*account, "unscanned")
    assert "X-Virus-Score" not in m


def test_own_mail_is_scanned(mail, account):
    with pytest.raises(Exception, match="malware"):
        submit(mail, account, with_file("own-malware", EICAR).replace("ann@good.example", account[0]), account[0])


def test_long_message(mail, account):
    """It is not kept in memory, and scanned as it comes."""
    text = body("long-clean", ("x" * 70 + "\n") * 40000)
    assert send(mail, account, text)[0] == 250
    code, reply = send(mail, account, text.replace("long-clean", "long-bad") + PATTERN.decode() + "\n")
    assert code == 554, reply
    mail.site.ctl("setting", "set", "antivirus.max_size", "1M")
    try:
        assert send(mail, account, text.replace("long-clean", "long-large"))[0] == 250
    finally:
        mail.site.ctl("setting", "unset", "antivirus.max_size")
    m, _ = mail.fetch(*account, "long-large")
    assert "too large to be scanned" in m["X-Mailstead-Verdict"]


def test_no_scanner(mail, account, scand):
    mail.site.ctl("setting", "set", "antivirus.server", f"unix:{scand.socket}.gone")
    try:
        code, reply = send(mail, account, body("no-scanner", "Hello again."))
        assert code == 451 and "cannot be scanned for malware now" in reply
        set_for(mail, account, antivirus__failed="tag")
        assert send(mail, account, body("no-scanner", "Hello again."))[0] == 250
    finally:
        mail.site.ctl("setting", "set", "antivirus.server", f"unix:{scand.socket}")
    m, _ = mail.fetch(*account, "no-scanner")
    assert "cannot be scanned" in m["X-Mailstead-Verdict"] and "X-Virus-Score" not in m


def test_scand_dies(mail, account, scand):
    """In the middle of a scan: that message has its answer, and later ones are scanned again."""
    scanners = scand.scanners()
    for pid in scanners:
        os.kill(pid, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(send, mail, account, body("dies", "Hello, scanner that dies."))
        time.sleep(1)
        assert not answer.done()
        scand.process.kill()
        scand.process.wait()
        for pid in scanners:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        code, reply = answer.result(30)
    assert code == 451 and "cannot be scanned for malware now" in reply
    scand.log_file.close()
    scand.start()
    assert send(mail, account, with_file("lives", EICAR))[0] == 554


# ---------------------------------------------------------------- files

@pytest.mark.parametrize("name, data, tagged", [
    ("invoice.pdf.exe", b"text", True), ("harmless.jpg", b"MZ\x90\0", True), ("report.pdf", b"%PDF-1.4", False)],
    ids=["name", "content", "good"])
def test_files(mail, account, name, data, tagged):
    subject = f"file-{name.split('.')[0]}"
    assert send(mail, account, with_file(subject, data, name))[0] == 250
    m, _ = mail.fetch(*account, subject)
    assert ("X-Mailstead-Verdict" in m) == tagged
    if tagged:
        assert name in m["X-Mailstead-Verdict"]
        set_for(mail, account, attachment__action="reject")
        code, reply = send(mail, account, with_file(subject, data, name))
        assert code == 554 and name in reply


# ---------------------------------------------------------------- spam

@pytest.mark.parametrize("points, code, flag", [("no", 250, False), ("seven", 250, True), ("twenty", 554, None)])
def test_scores(mail, account, points, code, flag):
    subject = f"score-{points}"
    got, reply = send(mail, account, body(subject, f"This has {points} points."))
    assert got == code, reply
    if code == 554:
        assert reply.startswith("5.7.1") and re.search(r"score 2\d", reply)
        return
    m, _ = mail.fetch(*account, subject)
    assert (m["X-Spam-Flag"] == "YES") == flag and (mail.mailbox == "Junk") == flag
    assert re.match(r"(Yes|No), score=\d+\.\d required=5\.0\s+tests=", m["X-Spam-Status"])
    if flag:
        assert float(m["X-Spam-Score"]) >= 7 and "SEVEN" in m["X-Spam-Status"]
        assert "spam" in m["X-Mailstead-Verdict"]


def test_thresholds_of_accounts(mail, account):
    set_for(mail, account, spam__tag="12", spam__reject="6.5")
    code, reply = send(mail, account, body("strict", "seven points"))
    assert code == 554, reply
    set_for(mail, account, spam__reject="0")
    assert send(mail, account, body("tolerant", "seven points"))[0] == 250
    m, _ = mail.fetch(*account, "tolerant")
    assert "X-Spam-Flag" not in m and m["X-Spam-Status"].startswith("No")


def test_spam_makes_nobody_known(mail, account):
    """A domain that sends it is greylisted as before, though SPF passes."""
    text = body("junk-domain", "seven points").replace("good.example", "junk.example")
    assert mail.send("x@junk.example", account[0], text)[0] == 250
    mail.fetch(*account, "junk-domain")
    assert mail.mailbox == "Junk"
    set_for(mail, account, greylist__action="tempfail")
    code, reply = rcpt(mail, "y@junk.example", account[0])
    assert code == 451 and b"greylisted" in reply


def test_preferences_of_the_account(mail, account, spamd):
    """Also of mail to a subaddress, since it is the account's."""
    folder = spamd[0].log.parent / "users" / account[0]
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "user_prefs").write_text("score SEVEN 0.5\n")
    assert send(mail, account, body("prefs-address", "seven points"))[0] == 250
    user, domain = account[0].split("@")
    assert mail.send("ann@good.example", f"{user}+tag@{domain}", body("prefs-detail", "seven points"))[0] == 250
    for subject in ("prefs-address", "prefs-detail"):
        m, _ = mail.fetch(*account, subject)
        assert "SEVEN" in m["X-Spam-Status"] and float(m["X-Spam-Score"]) < 5


def test_forged_scores_go(mail, account):
    forged = "X-Spam-Flag: NO\nX-Spam-Score: -99\nX-Spam-Status: No\nX-Virus-Score: 0 (really)\n"
    assert send(mail, account, message("ann@good.example", "forged-score", forged))[0] == 250
    m, _ = mail.fetch(*account, "forged-score")
    assert "X-Spam-Flag" not in m and len(m.get_all("X-Spam-Score")) == 1 and float(m["X-Spam-Score"]) > -90
    assert m.get_all("X-Virus-Score") == ["0"]


def test_gtube(mail, account, spamd):
    """Also where no spam engine is asked."""
    mail.site.ctl("setting", "set", "spam.server", "")
    try:
        code, reply = send(mail, account, body("gtube", GTUBE.decode()))
    finally:
        mail.site.ctl("setting", "set", "spam.server", spamd[1])
    assert code == 554 and "spam" in reply


def test_spamd_hangs(mail, account, spamd):
    """Mail goes on within the time that it may take, as the settings have it."""
    daemon, _ = spamd
    mail.site.ctl("setting", "set", "spam.timeout", "2s")
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        begin = time.monotonic()
        assert send(mail, account, body("hangs", "Hello there."))[0] == 250
        assert time.monotonic() - begin < 8
        set_for(mail, account, spam__failed="tempfail")
        code, reply = send(mail, account, body("hangs-more", "Hello there."))
        assert code == 451 and "cannot be looked at for spam now" in reply
    finally:
        daemon.process.send_signal(signal.SIGCONT)
        mail.site.ctl("setting", "unset", "spam.timeout")
    m, _ = mail.fetch(*account, "hangs")
    assert "X-Spam-Status" not in m
    wait_for(lambda: send(mail, account, body("works", "Hello there."))[0] == 250)


def test_sieve_reads_the_score(mail, account):
    """The header is in the form that spamtest and virustest want."""
    mail.site.ctl("sieve", "put", account[0], "main", "-", "--activate", input=(
        'require ["spamtest", "virustest", "relational", "comparator-i;ascii-numeric", "fileinto", "mailbox"];\n'
        'if virustest :value "ge" :comparator "i;ascii-numeric" "5" { fileinto :create "Virus"; }\n'
        'elsif spamtest :value "ge" :comparator "i;ascii-numeric" "7" { fileinto :create "Spam"; }\n'))
    set_for(mail, account, antivirus__found="tag")
    assert send(mail, account, body("sieve-spam", "seven points"))[0] == 250
    assert send(mail, account, with_file("sieve-virus", EICAR))[0] == 250
    with mail.site.imap(*account) as c:
        wait_for(lambda: c.select("Spam")[0] == "OK" and c.search(None, "SUBJECT", "sieve-spam")[1][0])
        wait_for(lambda: c.select("Virus")[0] == "OK" and c.search(None, "SUBJECT", "sieve-virus")[1][0])


def test_check_explains_content(mail, account):
    rows = check(mail, with_file("why-virus", EICAR), "--client-ip", "192.0.2.1", "--from", "ann@good.example")
    assert "Test.Eicar" in rows["virus", "found"]
    assert rows["decision", "reject"].startswith("554 5.7.1 it contains malware")
    rows = check(mail, body("why-spam", "seven points"), "--client-ip", "192.0.2.1", "--from", "ann@good.example")
    assert any("SEVEN" in v for (name, _), v in rows.items() if name == "spam")
    rows = check(mail, with_file("why-file", b"MZ", "a.jpg"), "--client-ip", "192.0.2.1", "--from", "a@good.example")
    assert "application/x-msdownload" in rows["attachment", "found"]
