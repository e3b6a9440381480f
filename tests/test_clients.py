# SPDX-License-Identifier: BSD-2-Clause
"""Programs that people use: mbsync, offlineimap, mutt, neomutt and Python's imaplib at work."""

import concurrent.futures
import contextlib
import imaplib
import mailbox
import os
import re
import shutil
import subprocess

import pytest

from imap_raw import Imap, message

MESSAGES = 5000

pytestmark = pytest.mark.slow


def need(program):
    if not shutil.which(program):
        pytest.skip(f"NOT TESTED: {program} is not installed")


def fill(site, account, count, at_once=50, connections=4):
    """Append COUNT small messages, many in flight."""
    def run(numbers):
        with Imap(site, *account, timeout=60) as c:
            for start in range(0, len(numbers), at_once):
                some = numbers[start:start + at_once]
                raws = [message(n, f"This is number {n}.\r\n").encode() for n in some]
                c.send(b"".join(b"x%d APPEND INBOX {%d+}\r\n%s\r\n" % (n, len(raw), raw)
                                for n, raw in zip(some, raws)))
                for n in some:
                    assert c.until(f"x{n}")[1].startswith("OK")

    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        list(pool.map(run, [range(i, count, connections) for i in range(connections)]))


# ---------------------------------------------------------------------------
# mbsync


class Mbsync:
    def __init__(self, site, account, home):
        self.dir = home
        self.maildir = home / "mail"
        self.maildir.mkdir()
        (home / "mbsyncrc").write_text(f"""\
IMAPAccount site
Host localhost
Port {site.imaps_port}
User {account[0]}
Pass {account[1]}
SSLType IMAPS
CertificateFile {site.dir}/tls/cert.pem

IMAPStore far
Account site

MaildirStore near
Path {self.maildir}/
Inbox {self.maildir}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
""")

    def run(self):
        """One synchronisation that has nothing to complain about."""
        done = subprocess.run(["mbsync", "-V", "-c", str(self.dir / "mbsyncrc"), "-a"], capture_output=True,
                              text=True, timeout=240, env={**os.environ, "HOME": str(self.dir)})
        output = done.stdout + done.stderr
        assert done.returncode == 0, output[-2000:]
        bad = [line for line in output.splitlines() if re.search(r"\b(error|warning|failed|lost)\b", line, re.I)]
        assert not bad
        return output

    def box(self, name="INBOX"):
        return mailbox.Maildir(self.maildir / name, create=False)


def state(site, account, name="INBOX"):
    """UID -> (number, flags) of everything there."""
    with Imap(site, *account, timeout=60) as c:
        c.ok(f"SELECT {name}")
        out = {}
        for line in c.ok("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])"):
            uid = re.search(r"UID (\d+)", line)
            if uid and "Subject: " in line:
                flags = set(re.search(r"FLAGS \(([^)]*)\)", line)[1].split()) - {"\\Recent"}
                out[int(uid[1])] = (re.search(r"Subject: (.*)\r", line)[1], flags)
        return out


def snapshot(root):
    return {str(p.relative_to(root)): p.stat().st_size for p in root.rglob("*")
            if p.is_file() and "/cur/" in str(p) or "/new/" in str(p)}


def test_mbsync(site, tmp_path):
    need("mbsync")
    account = site.new_account()
    fill(site, account, MESSAGES)
    with Imap(site, *account) as c:
        c.ok("CREATE Archive/2026")
        c.append("Archive/2026", message(1), "(\\Seen \\Flagged)")
    sync = Mbsync(site, account, tmp_path)
    sync.run()
    box = sync.box()
    assert len(box) == MESSAGES
    subjects = {m["Subject"] for m in box}
    assert subjects == {f"message {n}" for n in range(MESSAGES)}
    [archived] = sync.box("Archive/2026")
    assert set(archived.get_flags()) == {"F", "S"}

    # A second run finds nothing to do.
    before = snapshot(sync.maildir), state(site, account)
    sync.run()
    assert (snapshot(sync.maildir), state(site, account)) == before

    # What was done here comes to be there.
    keys = sorted(box.keys())
    by_key = {}
    for n, key in enumerate(keys[:300]):
        m = box[key]
        by_key[m["Subject"]] = n
        if n < 100:
            m.set_subdir("cur")
            m.set_flags("FRS")
            box[key] = m
        elif n < 200:
            box.remove(key)
        else:
            m.set_subdir("cur")
            m.set_flags("T")
            box[key] = m
    for n in range(50):
        new = mailbox.MaildirMessage(message(f"local {n}").replace("\r\n", "\n"))
        new.set_subdir("cur")
        new.set_flags("S")
        box.add(new)
    # And the other way round, in the same run.
    with Imap(site, *account) as c:
        c.ok("SELECT INBOX")
        c.append("INBOX", message("far"), "(\\Answered)")
    sync.run()
    there = {subject: flags for subject, flags in state(site, account).values()}
    assert len(there) == MESSAGES - 200 + 51
    for subject, n in by_key.items():
        if n < 100:
            assert there[subject] == {"\\Flagged", "\\Answered", "\\Seen"}
        else:
            assert subject not in there
    for n in range(50):
        assert there[f"message local {n}"] == {"\\Seen"}
    assert "message far" in {m["Subject"] for m in sync.box()}
    assert len(sync.box()) == len(there)

    sync.run()
    assert {s: f for s, f in state(site, account).values()} == there


# ---------------------------------------------------------------------------
# offlineimap


def offlineimap(site, account, home):
    rc = home / "offlineimaprc"
    rc.write_text(f"""\
[general]
accounts = site
metadata = {home}/metadata
ui = quiet
[Account site]
localrepository = local
remoterepository = remote
[Repository local]
type = Maildir
localfolders = {home}/mail
[Repository remote]
type = IMAP
remotehost = localhost
remoteport = {site.imaps_port}
remoteuser = {account[0]}
remotepass = {account[1]}
ssl = yes
sslcacertfile = {site.dir}/tls/cert.pem
""")
    done = subprocess.run(["offlineimap", "-o", "-c", str(rc)], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "HOME": str(home)})
    assert done.returncode == 0 and "ERROR" not in done.stderr, done.stdout + done.stderr


def test_offlineimap(site, tmp_path):
    need("offlineimap")
    account = site.new_account()
    fill(site, account, 200)
    offlineimap(site, account, tmp_path)
    box = mailbox.Maildir(tmp_path / "mail" / "INBOX", factory=None)
    assert sorted(m["Subject"] for m in box) == sorted(f"message {n}" for n in range(200))
    assert (tmp_path / "mail" / "Archive").is_dir()
    # Both sides change, and hear of each other.
    keys = {m["Subject"]: key for key, m in box.items()}
    box.remove(keys["message 1"])
    read = box[keys["message 2"]]
    read.set_subdir("cur")
    read.set_flags("FS")
    box[keys["message 2"]] = read
    box.add(message(1000, "from here\r\n").replace("\r\n", "\n"))
    with Imap(site, *account) as c:
        c.ok("SELECT INBOX")
        there = {subject: uid for uid, (subject, _) in state(site, account).items()}
        c.ok(f"UID STORE {there['message 3']} +FLAGS (\\Answered)")
        c.ok(f"UID STORE {there['message 4']} +FLAGS (\\Deleted)")
        c.ok("EXPUNGE")
    offlineimap(site, account, tmp_path)
    there = {subject: flags for subject, flags in state(site, account).values()}
    assert set(there) == {f"message {n}" for n in (*range(200), 1000)} - {"message 1", "message 4"}
    assert "\\Flagged" in there["message 2"] and "\\Seen" in there["message 2"]
    here = {m["Subject"]: m for m in mailbox.Maildir(tmp_path / "mail" / "INBOX", factory=None)}
    assert set(here) == set(there)
    assert "R" in here["message 3"].get_flags()


# ---------------------------------------------------------------------------
# mutt


def mutt(program, site, account, home, keys, folder="INBOX"):
    """Run mutt or neomutt, which types KEYS at a mailbox and quits."""
    rc = home / "muttrc"
    rc.write_text(f"""\
set imap_user="{account[0]}" imap_pass="{account[1]}"
set folder="imaps://{site.host}:{site.imaps_port}/"
set spoolfile="+{folder}"
set ssl_starttls=yes ssl_force_tls=yes ssl_verify_host=no
set certificate_file={home}/certificates
set header_cache={home}/cache
set delete=yes quit=yes move=no mark_old=no wait_key=no confirmappend=no confirmcreate=no
set imap_condstore=yes imap_qresync=yes
set pager_stop=yes tmpdir={home} timeout=1 sleep_time=0 record="" imap_keepalive=30
push "{keys}"
""")
    shutil.copy(site.dir / "tls" / "cert.pem", home / "certificates")
    # mutt wants a terminal; script(1) is one.
    done = subprocess.run(["script", "-qec", f"{program} -n -F {rc}", "/dev/null"], capture_output=True, text=True,
                          errors="replace", timeout=60, stdin=subprocess.DEVNULL,
                          env={**os.environ, "HOME": str(home), "TERM": "xterm", "COLUMNS": "120", "LINES": "40"})
    return done.stdout


@pytest.mark.parametrize("program", ["mutt", "neomutt"])
def test_mutt(site, tmp_path, program):
    need(program)
    account = site.new_account()
    fill(site, account, 20, connections=1)
    with Imap(site, *account) as c:
        c.ok("CREATE Kept")
    # Read the first, delete the second and third, save the fourth, flag the fifth.
    screen = mutt(program, site, account, tmp_path, "<first-entry><display-message><exit>"
                  "<delete-pattern>~s 'message (1|2)$'<enter>"
                  "<limit>~s 'message 3$'<enter><first-entry><save-message>=Kept<enter>"
                  "<limit>all<enter><limit>~s 'message 4$'<enter><first-entry><flag-message>"
                  "<limit>all<enter><sync-mailbox><quit>")
    there = {subject: flags for subject, flags in state(site, account).values()}
    assert set(there) == {f"message {n}" for n in range(20)} - {"message 1", "message 2", "message 3"}, screen[-3000:]
    assert "\\Seen" in there["message 0"]
    assert "\\Flagged" in there["message 4"]
    assert [s for s, _ in state(site, account, "Kept").values()] == ["message 3"]
    # Again, with its header cache: the same mailbox, and nothing changes.
    before = state(site, account)
    screen = mutt(program, site, account, tmp_path, "<limit>~b 'number 7'<enter><exit>")
    assert state(site, account) == before, screen[-3000:]


# ---------------------------------------------------------------------------
# imaplib


def ok(result):
    typ, data = result
    assert typ == "OK", (typ, data)
    return data


def test_imaplib_walk(site):
    """Everything the library has a method for and we announce."""
    user, password = site.new_account()
    raw = message(1, "one\r\n").encode()
    c = imaplib.IMAP4(site.host, site.imap_port)
    with contextlib.closing(c.socket()):
        ok(c.login(user, password))
        ok(c.noop())
        for name in ("Work", "Work/Deep", "Other"):
            ok(c.create(name))
            ok(c.subscribe(name))
        ok(c.rename("Other", "Renamed"))
        assert any(b"Work/Deep" in line for line in ok(c.list('""', "*")))
        assert any(b"Work/Deep" in line for line in ok(c.lsub('""', "*")))
        ok(c.append("Work", "(\\Seen)", '"02-Nov-2026 10:00:00 +0100"', raw))
        ok(c.append("Work", None, None, raw))
        assert b"MESSAGES 2" in ok(c.status("Work", "(MESSAGES UNSEEN UIDNEXT)"))[0]
        assert ok(c.select("Work")) == [b"2"]
        assert ok(c.search(None, "UNSEEN")) == [b"2"]
        assert ok(c.uid("SEARCH", "CHARSET", "UTF-8", "SUBJECT", "message")) == [b"1 2"]
        data = ok(c.fetch("1:2", "(RFC822 INTERNALDATE)"))
        assert [item[1] for item in data if isinstance(item, tuple)] == [raw, raw]
        assert b"10:00:00 +0100" in data[0][0] or b"09:00:00 +0000" in data[0][0]
        ok(c.store("1", "+FLAGS", "(\\Flagged $Label1)"))
        ok(c.copy("1:2", "Renamed"))
        ok(c.uid("MOVE", "2", "Work/Deep"))
        assert c.response("EXPUNGE")[1] == [b"2"]
        ok(c.store("1", "+FLAGS", "\\Deleted"))
        assert ok(c.expunge()) == [b"1"]
        ok(c.check())
        ok(c.close())
        assert ok(c.select("Renamed", readonly=True)) == [b"2"]
        assert c.is_readonly
        flags = imaplib.ParseFlags(ok(c.fetch("1", "(FLAGS)"))[0])
        assert {b"\\Seen", b"\\Flagged", b"$Label1"} <= set(flags)
        ok(c.unselect())
        ok(c.unsubscribe("Work"))
        for name in ("Work/Deep", "Work", "Renamed"):
            ok(c.delete(name))
        assert c.select("Work")[0] == "NO"
        ok(c.enable("CONDSTORE"))
        ok(c.namespace())
        assert c.logout()[0] == "BYE"
