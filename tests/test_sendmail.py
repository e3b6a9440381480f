# SPDX-License-Identifier: BSD-2-Clause
"""milterd behind a real Sendmail, unpacked into a folder of its own, since its
packages and Postfix's exclude each other: whether headers come out right, where
the two MTAs count and write them differently."""

import email
import os
import pathlib
import re
import shutil
import smtplib
import subprocess
import tempfile

import dkim
import pytest

from conftest import Claims, Site, wait_for
from smtp_sink import Sink
from test_milterd import FORGED, message, names, keys  # noqa: F401 (fixtures)

PACKAGES = ("sendmail-bin", "sendmail-cf")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """MS_SENDMAIL names a folder with the packages; without it they are fetched."""
    folder = tmp_path_factory.mktemp("sendmail")
    packages = pathlib.Path(os.environ.get("MS_SENDMAIL", folder))
    if not list(packages.glob("sendmail-bin*.deb")):
        done = subprocess.run(["apt-get", "download", *PACKAGES], cwd=packages, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            pytest.skip(f"needs Debian's packages {', '.join(PACKAGES)}: {done.stderr.strip()[-200:]}")
    for package in packages.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, folder / "root"], check=True)
    return folder / "root"


CONFIGURATION = """\
divert(0)dnl
define(`confDOMAIN_NAME', `mta.example')dnl
define(`confPID_FILE', `DIR/pid')dnl
define(`STATUS_FILE', `DIR/status')dnl
define(`HELP_FILE', `DIR/help')dnl
define(`ALIAS_FILE', `')dnl
define(`QUEUE_DIR', `DIR/queue')dnl
define(`confDEF_USER_ID', `nobody:nogroup')dnl
FEATURE(`no_default_msa')dnl
define(`confPRIVACY_FLAGS', `goaway')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h SINK')dnl
define(`confTO_IDENT', `0')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`nocanonify')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
DAEMON_OPTIONS(`Family=inet, Addr=127.0.0.1, Port=PORT, Name=MTA')dnl
INPUT_MAIL_FILTER(`mailstead', `S=inet:MILTER@127.0.0.1, F=T, T=C:30s;S:60s;R:60s;E:2m')dnl
MAILER(`smtp')dnl
"""


def named(name):
    """Sendmail waits for a minute where the host's name has no domain. Some machines allow no namespaces."""
    if subprocess.run(["unshare", "--uts", "true"], capture_output=True, check=False).returncode != 0:
        return []
    return ["unshare", "--uts", "sh", "-c", f'hostname {name}; exec "$@"', "sendmail"]


class Sendmail:
    def __init__(self, root, sink, milter):
        self.claims = Claims()
        self.port = self.claims.port()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sm.", dir="/tmp"))
        (self.dir / "queue").mkdir(mode=0o700)
        text = CONFIGURATION
        for word, value in (("DIR/", f"{self.dir}/"), ("$h SINK", f"$h {sink.port}"), ("Port=PORT", f"Port={self.port}"),
                            ("inet:MILTER", f"inet:{milter}")):
            assert word in text
            text = text.replace(word, value)
        (self.dir / "a.mc").write_text(text)
        cf = root / "usr/share/sendmail/cf"
        made = subprocess.run(["m4", f"-D_CF_DIR_={cf}/", cf / "m4/cf.m4", self.dir / "a.mc"],
                              capture_output=True, text=True, check=True)
        (self.dir / "a.cf").write_text(made.stdout)
        self.log = open(self.dir / "log", "wb")
        self.process = subprocess.Popen(
            [*named("mta.example"), root / "usr/libexec/sendmail/sendmail", "-C", self.dir / "a.cf", "-bD", "-q1s"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        wait_for(self.answers, 90)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError((self.dir / "log").read_text()[-2000:])
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=5):
                return True
        except OSError:
            return False

    def send(self, sender, to, text):
        with smtplib.SMTP("127.0.0.1", self.port, local_hostname="mx.example", timeout=60) as c:
            c.ehlo()
            assert c.mail(sender)[0] == 250
            code, reply = c.rcpt(to)
            if code != 250:
                return code, reply.decode()
            code, reply = c.data(text.replace("\n", "\r\n"))
            return code, reply.decode()

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
        self.claims.release()
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture(scope="module")
def sink():
    s = Sink()
    yield s
    s.close()


@pytest.fixture(scope="module")
def mail(root, sink, names):  # noqa: F811
    site = Site()
    site.start()
    site.stop_daemon("milterd")
    conf = site.dir / "mailstead.conf"
    # Sendmail trusts no socket below a folder such as /tmp.
    claims = Claims()
    milter = claims.port()
    conf.write_text(conf.read_text().replace(
        "listen = unix:mta/milter?mode=0666",
        f"listen = 127.0.0.1:{milter}\ndns_servers = {names.address}\ntrust_anchor ="))
    site.start_daemon("milterd")
    site.ctl("setting", "set", "filter.trusted_networks", "::1")
    site.ctl("setting", "set", "greylist.action", "off")
    mta = Sendmail(root, sink, milter)
    mta.site = site
    yield mta
    mta.close()
    site.remove()
    claims.release()


def received(sink, subject):
    def find():
        return [m.data for m in sink.messages if f"Subject: {subject}\r\n".encode() in m.data]

    [raw] = wait_for(find, 30)
    return email.message_from_bytes(raw), raw


def test_fields(mail, sink):
    """Forged ones go, all of them, and ours stand on top."""
    code, reply = mail.send("x@watching.example", "friend@far.example", message("x@watching.example", "fields", FORGED))
    assert code == 250, reply
    m, raw = received(sink, "fields")
    values = [re.sub(r"\s+", " ", v).strip() for v in m.get_all("Authentication-Results")]
    assert values[0].startswith("mail.example.test; spf=fail")
    assert [v.split(";")[0] for v in values[1:]] == ["other.test", "third.test"]
    assert b"MAIL.example.TEST" not in raw and raw.count(b"X-Mailstead-Verdict:") == 1


def test_refusal(mail):
    code, reply = mail.send("x@strict.example", "friend@far.example", message("x@strict.example", "refused"))
    assert code == 550 and reply.startswith("5.7.26") and "strict.example" in reply, reply


def test_signature(mail, sink):
    """What we sign leaves Sendmail as it was signed."""
    site = mail.site
    site.ctl("setting", "set", "filter.trusted_networks", "127.0.0.0/8")
    out = site.ctl("dkim", "show", "example.test", "quickstart")
    record = "".join(re.findall(r'"([^"]*)"', out)).encode()
    try:
        text = message("root@example.test", "signed", "X-Folded: one\n\ttwo\n  three\nX-Narrow:none\n")
        code, reply = mail.send("root@example.test", "friend@far.example", text)
    finally:
        site.ctl("setting", "set", "filter.trusted_networks", "::1")
    assert code == 250, reply
    _, raw = received(sink, "signed")
    begin = raw.index(b"DKIM-Signature:")
    assert dkim.verify(raw[begin:], dnsfunc=lambda name, timeout=5: record), raw


def test_verifies(mail, sink, keys):  # noqa: F811
    """Folded and narrow fields come to us as they were signed by others."""
    text = message("ann@good.example", "foreign", "X-Folded: one\n\ttwo\n  three\nX-Narrow:none\n")
    text = text.replace("\n", "\r\n").encode()
    signature = dkim.sign(text, b"s1", b"good.example", keys[0], canonicalize=(b"simple", b"simple"),
                          include_headers=[b"from", b"subject", b"x-folded", b"x-narrow"])
    code, reply = mail.send("ann@good.example", "friend@far.example",
                            (signature + text).decode().replace("\r\n", "\n"))
    assert code == 250, reply
    m, _ = received(sink, "foreign")
    assert "dkim=pass" in m["Authentication-Results"] and "dmarc=pass" in m["Authentication-Results"]


def test_greylisting(mail):
    mail.site.ctl("setting", "set", "greylist.action", "tempfail")
    try:
        code, reply = mail.send("x@nobody.example", "friend@far.example", message("x@nobody.example", "grey"))
    finally:
        mail.site.ctl("setting", "set", "greylist.action", "off")
    assert code == 451 and "greylisted" in reply
