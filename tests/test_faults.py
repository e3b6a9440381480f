# SPDX-License-Identifier: BSD-2-Clause
"""Disks that are full or read-only, stores that are damaged, peers that hang:
nothing is acknowledged that is not stored, whoever is not concerned does not
notice, and when the fault is gone all works again."""

import base64
import contextlib
import json
import os
import pathlib
import random
import re
import resource
import signal
import smtplib
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from conftest import Site, wait_for
from imap_raw import Imap, message
from lmtp import Lmtp, LmtpError

MIB = 1 << 20

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: mounting a small disk needs root")


def mount(*args):
    done = subprocess.run(["mount", *map(str, args)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"NOT TESTED: mount {args}: {done.stderr.strip()}")


@pytest.fixture
def small_site():
    """A site whose data are on a disk of 24 MiB."""
    s = Site()
    s.data_dir = s.dir / "data"
    s.data_dir.mkdir()
    mount("-t", "tmpfs", "-o", "size=24m", "mailstead-test", s.data_dir)
    try:
        yield s.start()
    finally:
        s.stop()
        subprocess.run(["umount", "-l", str(s.data_dir)], check=True)
        s.remove()


def noise(size, seed=1):
    """Text that does not compress."""
    raw = base64.encodebytes(random.Random(seed).randbytes(size * 3 // 4))
    return raw.replace(b"\n", b"\r\n")


def mail(token, body=b"x\r\n"):
    return f"Subject: {token}\r\nMessage-ID: <{token}@faults.test>\r\n\r\n".encode() + body


def deliver(site, user, raw):
    """What LMTP said."""
    with Lmtp(site.host, site.lmtp_port) as c:
        try:
            return "%d %s" % c.deliver("a@x.test", [user], raw)[0]
        except LmtpError as error:
            return "%d %s" % error.args


def append(c, raw):
    """What IMAP said."""
    c.send(b"p APPEND INBOX {%d+}\r\n%s\r\n" % (len(raw), raw))
    return c.until("p")[1]


def subjects(site, account):
    with Imap(site, *account) as c:
        c.ok("SELECT INBOX")
        lines = "\n".join(c.ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]"))
        return re.findall(r"Subject: (\S+)", lines)


def account_dir(site, user):
    ident = json.loads(site.ctl("account", "show", user, "--json"))["id"]
    [path] = (site.data_dir / "accounts").glob(f"*/{ident}")
    return path


@contextlib.contextmanager
def stopped(site, *names):
    for name in names:
        site.stop_daemon(name)
    try:
        yield
    finally:
        for name in names:
            process = site.start_daemon(name)
            # Nobody left dead and unburied, for quickstart would wait.
            threading.Thread(target=process.wait, daemon=True).start()


def errors_of(site, daemon, account, since=0):
    """Log lines that blame this account's store."""
    ident = account_dir(site, account[0]).name
    return [line for line in site.log(daemon)[since:].splitlines()
            if "level=error" in line and ident in line]


# ---------------------------------------------------------------------------
# No space


@needs_root
@pytest.mark.slow
def test_disk_full(small_site):
    site = small_site
    account = site.new_account()
    acked, refused = [], []
    assert deliver(site, account[0], mail("before")).startswith("250")
    acked.append("before")
    filler = site.data_dir / "filler"
    disk = os.statvfs(site.data_dir)
    filler.write_bytes(bytes(disk.f_bavail * disk.f_bsize - 600000))
    pids = [site.pid(d) for d in ("imapd", "lmtpd", "authd")]

    for n in range(60):
        token, size = f"lmtp-{n}", (20000, 1500000)[n % 10 == 9]
        reply = deliver(site, account[0], mail(token, noise(size, n)))
        (acked if reply.startswith("250") else refused).append(token)
        assert re.match(r"250|452 4\.3\.1|451 4\.3\.0", reply), reply
    assert len(acked) > 3 and len(refused) > 10
    # Another message than those, so that it is not recognised.
    reply = deliver(site, account[0], mail("last", noise(400000, 99)))
    assert reply.startswith("452 4.3.1"), reply
    refused.append("last")

    # Who reads is not concerned, and who writes is told.
    with Imap(site, *account) as c:
        c.ok("SELECT INBOX")
        for n in range(10):
            token = f"append-{n}"
            tagged = append(c, mail(token, noise(30000, 1000 + n)))
            (acked if tagged.startswith("OK") else refused).append(token)
            assert re.match(r"OK |NO \[UNAVAILABLE\] No space left", tagged), tagged
        assert f"append-{n}" in refused
        assert "Subject: before" in "".join(c.ok("FETCH 1 BODY.PEEK[]"))
        c.ok('LIST "" *')
    assert sorted(subjects(site, account)) == sorted(acked)
    assert "no_space" in site.log("lmtpd") and "No space left" in site.log("imapd") + site.log("lmtpd")

    # Postfix keeps what it cannot hand over.
    with smtplib.SMTP(site.host, site.smtp_port) as c:
        c.sendmail("a@x.test", [account[0]], mail("queued", noise(400000, 77)))
    wait_for(lambda: re.search(r"status=deferred.*4\.3\.", (site.dir / "log" / "postfix.log").read_text()), 20)

    filler.unlink()
    subprocess.run(["postqueue", "-c", str(site.dir / "postfix" / "etc"), "-f"], check=True)
    acked.append("queued")
    wait_for(lambda: "queued" in subjects(site, account), 20, every=0.2)
    assert deliver(site, account[0], mail("after", noise(1500000))).startswith("250")
    with Imap(site, *account) as c:
        assert append(c, mail("append-after")).startswith("OK")
        c.ok("SELECT INBOX")
        c.ok("STORE 1 +FLAGS (\\Deleted)")
        c.ok("EXPUNGE")
    acked = acked[1:] + ["after", "append-after"]
    assert sorted(subjects(site, account)) == sorted(acked)
    assert pids == [site.pid(d) for d in ("imapd", "lmtpd", "authd")]
    # No parts of messages stay behind.
    assert not list((account_dir(site, account[0]) / "blobs").rglob("*.tmp"))
    with stopped(site, "imapd", "lmtpd"):
        db = sqlite3.connect(account_dir(site, account[0]) / "account.db")
        assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        db.close()


@needs_root
def test_full_to_the_last_byte(small_site):
    """Logging in and reading need no space."""
    site = small_site
    account = site.new_account()
    assert deliver(site, account[0], mail("there", noise(50000))).startswith("250")
    fresh = site.new_account()
    filler = site.data_dir / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as f:
        while True:
            f.write(bytes(4096))
    assert os.statvfs(site.data_dir).f_bavail == 0
    assert subjects(site, account) == ["there"]
    assert deliver(site, account[0], mail("large", noise(300000))).startswith("45")
    assert deliver(site, fresh[0], mail("large", noise(300000))).startswith("45")
    with smtplib.SMTP(site.host, site.smtp_port) as c:
        c.ehlo()
        c.mail("a@x.test")
        assert c.rcpt(account[0])[0] == 250
        assert c.rcpt(f"nobody@{site.domain}")[0] == 550
    filler.unlink()
    for user in (account, fresh):
        assert deliver(site, user[0], mail("small")).startswith("250")
    assert subjects(site, account) == ["there", "small"]
    assert subjects(site, fresh) == ["small"]


@needs_root
def test_read_only(own_site):
    """A disk that became read-only: temporary failures, and a reason."""
    site = own_site
    account = site.new_account()
    assert deliver(site, account[0], mail("before")).startswith("250")
    accounts = site.data_dir / "accounts"
    with stopped(site, "imapd", "lmtpd"):
        mount("--bind", accounts, accounts)
        try:
            mount("-o", "remount,bind,ro", accounts)
        except BaseException:
            subprocess.run(["umount", "-l", str(accounts)], check=True)
            raise
    try:
        reply = deliver(site, account[0], mail("meanwhile"))
        assert re.match(r"452 4\.3\.1|451 4\.3\.0", reply), reply
        assert errors_of(site, "lmtpd", account)
        with Imap(site) as c:
            _, tagged = c.command("LOGIN %s %s" % account)
            if tagged.startswith("OK"):
                assert append(c, mail("x")).startswith("NO [UNAVAILABLE]")
            else:
                assert tagged.startswith("NO [UNAVAILABLE]"), tagged
        assert errors_of(site, "imapd", account)
    finally:
        subprocess.run(["umount", "-l", str(accounts)], check=True)
    assert wait_for(lambda: deliver(site, account[0], mail("meanwhile")).startswith("250"))
    assert subjects(site, account) == ["before", "meanwhile"]


def test_file_size_limit(own_site):
    """ulimit -f: an error like others, not the end of the daemon."""
    site = own_site
    account = site.new_account()
    large = mail("large", noise(3 * MIB))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with stopped(site, "imapd", "lmtpd"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, hard))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        pids = [site.pid(d) for d in ("imapd", "lmtpd")]
        assert deliver(site, account[0], mail("before")).startswith("250")
        assert re.match(r"45[12] 4\.3\.[01]", deliver(site, account[0], large))
        with Imap(site, *account) as c:
            assert append(c, large).startswith("NO [UNAVAILABLE]")
        assert deliver(site, account[0], mail("small")).startswith("250")
        assert pids == [site.pid(d) for d in ("imapd", "lmtpd")]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with stopped(site, "imapd", "lmtpd"):
        pass
    assert deliver(site, account[0], large).startswith("250")
    assert subjects(site, account) == ["before", "small", "large"]


# ---------------------------------------------------------------------------
# Damage


def table_pages(path, table):
    """Where the pages of this table are: the root."""
    db = sqlite3.connect(path)
    size = db.execute("PRAGMA page_size").fetchone()[0]
    root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    db.close()
    return (root - 1) * size, size


@pytest.mark.parametrize("table", ["sqlite_schema", "mailbox", "message", "state"])
def test_damaged_page(own_site, table):
    site = own_site
    account, other = site.new_account(), site.new_account()
    for user in (account, other):
        for n in range(20):
            assert deliver(site, user[0], mail(f"m{n}", noise(3000, n))).startswith("250")
    path = account_dir(site, account[0]) / "account.db"
    with stopped(site, "imapd", "lmtpd"):
        good = path.read_bytes()
        at, size = (0, 4096) if table == "sqlite_schema" else table_pages(path, table)
        with path.open("r+b") as f:
            f.seek(at + (100 if at == 0 else 0))
            f.write(random.Random(3).randbytes(size - 100))
    since = {d: len(site.log(d)) for d in ("imapd", "lmtpd")}

    assert deliver(site, account[0], mail("new")).startswith("451 4.3.0")
    assert errors_of(site, "lmtpd", account, since["lmtpd"])
    with Imap(site) as c:
        answers = []
        for command in ("LOGIN %s %s" % account, "SELECT INBOX", "FETCH 1:* (UID BODY.PEEK[])"):
            answers.append(c.command(command)[1])
            if not answers[-1].startswith("OK"):
                break
        assert re.match(r"NO \[(CORRUPTION|UNAVAILABLE)\] ", answers[-1]), answers
    assert errors_of(site, "imapd", account, since["imapd"])

    assert deliver(site, other[0], mail("new")).startswith("250")
    assert len(subjects(site, other)) == 21
    assert not errors_of(site, "imapd", other) + errors_of(site, "lmtpd", other)

    with stopped(site, "imapd", "lmtpd"):  # from the backup
        for suffix in ("-wal", "-shm"):
            pathlib.Path(f"{path}{suffix}").unlink(missing_ok=True)
        path.write_bytes(good)
    assert deliver(site, account[0], mail("new")).startswith("250")
    assert len(subjects(site, account)) == 21


FILE_FAULTS = {
    "unreadable": lambda path: path.chmod(0),
    "missing": lambda path: path.unlink(),
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: os.truncate(path, 0),
}


@pytest.mark.parametrize("fault", FILE_FAULTS)
def test_message_file(site, fault):
    """One large message that cannot be read; all others can."""
    account = site.new_account()
    large = mail("large", noise(2 * MIB))
    for raw in (mail("one"), large, mail("three")):
        assert deliver(site, account[0], raw).startswith("250")
    [path] = [p for p in (account_dir(site, account[0]) / "blobs").rglob("*") if p.is_file()]
    good, stat = path.read_bytes(), path.stat()
    since = len(site.log("imapd"))
    FILE_FAULTS[fault](path)
    with Imap(site, *account) as c:
        c.ok("SELECT INBOX")
        # What is cached beside the row needs no file.
        assert len(c.ok("FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE RFC822.SIZE)")) == 3
        c.send("f FETCH 1:* (UID BODY.PEEK[])\r\n")
        try:
            untagged, tagged = c.until("f")
            assert re.match(r"NO \[(CORRUPTION|UNAVAILABLE)\]", tagged), tagged
            text = "\n".join(untagged)
            assert "Subject: one" in text and "Subject: three" in text and "Subject: large" not in text
        except (EOFError, ConnectionError):
            # In the middle of a literal there is no other way to tell.
            assert fault == "truncated"
    assert errors_of(site, "imapd", account, since)
    with Imap(site, *account) as c:
        c.ok("SELECT INBOX")
        assert "Subject: three" in "".join(c.ok("FETCH 3 BODY.PEEK[]"))
        assert deliver(site, account[0], mail("four")).startswith("250")
    path.unlink(missing_ok=True)
    path.write_bytes(good)
    os.chown(path, stat.st_uid, stat.st_gid)
    with Imap(site, *account) as c:
        c.ok("SELECT INBOX")
        assert "Subject: large" in "".join(c.ok("FETCH 2 BODY.PEEK[]"))


def test_damaged_row(own_site):
    """A message of which the stored octets are wrong."""
    site = own_site
    account = site.new_account()
    for n in range(3):
        assert deliver(site, account[0], mail(f"m{n}", noise(20000, n) + b"a line\r\n" * 500)).startswith("250")
    path = account_dir(site, account[0]) / "account.db"
    with stopped(site, "imapd", "lmtpd"):
        db = sqlite3.connect(path)
        ident, data = db.execute("SELECT id, data FROM blob ORDER BY id LIMIT 1 OFFSET 1").fetchone()
        db.execute("UPDATE blob SET data = ? WHERE id = ?", (data[:500] + bytes(1000) + data[1500:], ident))
        db.commit()
        db.close()
        stat = path.parent.stat()
        for p in path.parent.glob("account.db*"):
            os.chown(p, stat.st_uid, stat.st_gid)
    with Imap(site, *account) as c:
        c.ok("SELECT INBOX")
        assert len(c.ok("FETCH 1:* (UID ENVELOPE BODYSTRUCTURE)")) == 3
        for n in (1, 3):
            assert f"Subject: m{n - 1}" in "".join(c.ok(f"FETCH {n} BODY.PEEK[]"))
        try:
            assert c.command("FETCH 2 BODY.PEEK[]")[1].startswith("NO [CORRUPTION]")
        except (EOFError, ConnectionError):
            pytest.fail("a small message is read before it is announced")
    assert errors_of(site, "imapd", account)


# ---------------------------------------------------------------------------
# Peers that hang


READER = """
import imaplib, sys
c = imaplib.IMAP4(sys.argv[1], int(sys.argv[2]))
c.login(*sys.argv[3:5])
c.select()
print("ready", flush=True)
sys.stdin.readline()
data = c.fetch("1:*", "(BODY.PEEK[])")[1]
print(sum(len(x[1]) for x in data if isinstance(x, tuple)), flush=True)
"""


def rss(site, daemon):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{site.pid(daemon)}/status").read())[1]) * 1024


@pytest.mark.alone
@pytest.mark.slow
def test_slow_readers(own_site):
    """More clients that do not read than there are workers: memory stays
    bounded and others are served."""
    site = own_site
    account, other = site.new_account(), site.new_account()
    total = 0
    for n in range(8):
        raw = mail(f"m{n}", noise(3 * MIB, n))
        with Imap(site, *account) as c:
            assert append(c, raw).startswith("OK")
        total += len(raw)
    before = rss(site, "imapd")
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(Imap(site, *account, timeout=60)) for _ in range(60)]
        for c in slow:
            c.ok("SELECT INBOX")
            c.send("f FETCH 1:* (BODY.PEEK[])\r\n")
        time.sleep(1)
        start = time.monotonic()
        for _ in range(10):
            with Imap(site, *other) as c:
                c.append("INBOX", message())
            with Imap(site, *account) as c:  # the same account's, too
                c.ok("SELECT INBOX")
                assert append(c, mail("small")).startswith("OK")
        assert time.monotonic() - start < 5
        assert rss(site, "imapd") < before + 150 * MIB * int(os.environ.get("MS_MEMORY_FACTOR", "1"))
        untagged, tagged = slow[0].until("f")
        assert tagged.startswith("OK")
        assert sum(len(x.encode()) for x in untagged) > total
    with Imap(site, *other) as c:
        c.ok("NOOP")


@pytest.mark.slow
def test_stopped_client(own_site):
    """kill -STOP in the middle of a FETCH; it goes on where it was."""
    site = own_site
    account = site.new_account()
    raw = mail("large", noise(20 * MIB))
    with Imap(site, *account, timeout=30) as c:
        assert append(c, raw).startswith("OK")
    with subprocess.Popen([sys.executable, "-c", READER, site.host, str(site.imap_port), *account],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        try:
            assert reader.stdout.readline() == "ready\n"
            reader.stdin.write("\n")
            reader.stdin.flush()
            time.sleep(0.01)
            os.kill(reader.pid, signal.SIGSTOP)
            time.sleep(0.5)
            assert deliver(site, account[0], mail("meanwhile")).startswith("250")
            with Imap(site, *account) as c:
                c.ok("SELECT INBOX")
                c.ok("STORE 1 +FLAGS (\\Flagged)")
            os.kill(reader.pid, signal.SIGCONT)
            assert int(reader.stdout.readline()) == len(raw)
        finally:
            os.kill(reader.pid, signal.SIGCONT)
            reader.stdin.close()


@pytest.mark.alone
@pytest.mark.slow
def test_stopped_mta(own_site):
    """Many clients that stop in the middle of DATA hold nobody else up."""
    site = own_site
    account = site.new_account()
    with contextlib.ExitStack() as stack:
        slow = []
        for n in range(60):
            c = stack.enter_context(Lmtp(site.host, site.lmtp_port))
            c.command("MAIL FROM:<a@x.test>")
            c.command(f"RCPT TO:<{account[0]}>")
            c.command("DATA", 354)
            c.send(mail(f"slow-{n}", noise(300000, n)))
            slow.append(c)
        start = time.monotonic()
        for n in range(20):
            assert deliver(site, account[0], mail(f"quick-{n}")).startswith("250")
        assert time.monotonic() - start < 5
        for c in slow[:30]:
            c.send(b".\r\n")
        for c in slow[:30]:
            assert c.reply()[0] == 250
    got = subjects(site, account)
    assert sorted(got) == sorted([f"quick-{n}" for n in range(20)] + [f"slow-{n}" for n in range(30)])


def test_authd_away(own_site):
    """Without authd nobody is told that an address does not exist."""
    site = own_site
    with stopped(site, "authd"):
        with smtplib.SMTP(site.host, site.smtp_port) as c:
            c.ehlo()
            c.mail("a@x.test")
            assert c.rcpt(site.user1)[0] in range(400, 500)
            assert c.rcpt(f"nobody@{site.domain}")[0] in range(400, 500)

    # Postfix's processes remember a while what failed: others are asked.
    with smtplib.SMTP(site.host, site.smtp_port) as c:
        c.ehlo()
        c.mail("a@x.test")
        assert c.rcpt(site.user2)[0] == 250
        assert c.rcpt(f"nobody-else@{site.domain}")[0] == 550


def test_lmtpd_away(own_site):
    """Mail waits in the queue, and comes once."""
    site = own_site
    account = site.new_account()
    with stopped(site, "lmtpd"):
        with smtplib.SMTP(site.host, site.smtp_port) as c:
            c.sendmail("a@x.test", [account[0]], mail("waits"))
        wait_for(lambda: "status=deferred" in (site.dir / "log" / "postfix.log").read_text(), 20)
    subprocess.run(["postqueue", "-c", str(site.dir / "postfix" / "etc"), "-f"], check=True)
    wait_for(lambda: subjects(site, account) == ["waits"], 20, every=0.2)
