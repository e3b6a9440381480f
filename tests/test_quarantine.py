# SPDX-License-Identifier: BSD-2-Clause
"""What becomes of mail in quarantine: listed, shown, released, deleted, told
of, backed up."""

import email
import email.policy
import json
import os
import sqlite3
import subprocess
import time

import pytest

from conftest import BUILD, wait_for

TOOL = BUILD / "tests" / "quarantine_tool"


def message(subject, extra=""):
    return (f"{extra}From: Mallory <m@evil.example>\nTo: somebody@example.test\nSubject: {subject}\n"
            f"Message-ID: <{subject}@evil.example>\nDate: Thu, 26 Nov 2026 10:00:00 +0000\n\nBuy.\n")


def put(site, to, subject, kind="spam", extra="", text=None):
    """Into quarantine; its id."""
    text = (text or message(subject, extra)).replace("\n", "\r\n")
    owner = (site.data_dir / "site.db").stat()
    subprocess.run([TOOL, site.data_dir, kind, to, "m@evil.example"], input=text.encode(), check=True,
                   user=owner.st_uid, group=owner.st_gid, timeout=30)
    return entries(site)[0]["id"]


def entries(site, *filters):
    return json.loads(site.ctl("--json", "filter", "quarantine", "list", *filters))


@pytest.fixture
def account(site):
    return site.new_account()


def found(site, account, subject):
    with site.imap(*account) as c:
        for mailbox in ("INBOX", "Junk"):
            c.select(mailbox)
            if numbers := c.search(None, "SUBJECT", f'"{subject}"')[1][0].split():
                raw = c.fetch(numbers[-1], "(BODY.PEEK[])")[1][0][1]
                return mailbox, email.message_from_bytes(raw, policy=email.policy.default)
    return None, None


def test_list_and_show(site, account):
    other = site.new_account()
    first = put(site, account[0], "=?utf-8?q?Gr=C3=BC=C3=9Fe=1B[2J?=")
    second = put(site, other[0], "bad file", kind="malware")
    mine = entries(site, "--account", account[0])
    assert [e["id"] for e in mine] == [first]
    assert mine[0]["subject"] == "Grüße [2J" and mine[0]["kind"] == "spam" and mine[0]["to"] == account[0]
    assert mine[0]["author"] == "Mallory <m@evil.example>" and mine[0]["score"] == 7.5
    assert [e["id"] for e in entries(site, "--kind", "malware")][0] == second
    page = entries(site, "--limit", "1")
    assert [e["id"] for e in page] == [second]
    assert entries(site, "--limit", "1", "--before", page[0]["number"])[0]["id"] == first
    assert entries(site, "--account", account[0], "--since", "1h") and len(first) == 16
    shown = json.loads(site.ctl("--json", "filter", "quarantine", "show", first))
    assert shown["client"] == "192.0.2.1" and shown["reason"] == "the score is 7.5"
    assert "Buy." in site.ctl("filter", "quarantine", "show", first, "--raw")
    assert site.ctl("filter", "quarantine", "show", "nosuch", check=False).returncode == 66
    text = site.ctl("filter", "quarantine", "list")
    assert first in text and "\x1b" not in text


def test_release(site, account):
    spam = "X-Spam-Flag: YES\nX-Spam-Score: 7.5\nX-Mailstead-Released: never\n"
    one = put(site, account[0], "wanted", extra=spam)
    site.ctl("filter", "quarantine", "release", one)
    mailbox, m = found(site, account, "wanted")
    assert mailbox == "INBOX"
    assert "X-Spam-Flag" not in m and "X-Spam-Score" not in m
    [released] = m.get_all("X-Mailstead-Released")
    assert "by cli:" in released
    assert m["Return-Path"] == "<m@evil.example>" and m["Delivered-To"] == account[0]
    again = site.ctl("filter", "quarantine", "release", one, check=False)
    assert again.returncode and "was released before" in again.stderr
    assert entries(site, "--account", account[0]) == []
    [entry] = entries(site, "--account", account[0], "--all")
    assert entry["released"] > 0 and entry["released_by"].startswith("cli:")
    assert f"quarantine.release {one}" in " ".join(site.ctl("audit").split())


def test_release_after_a_crash(site, account):
    """It was delivered, but that was not noted: the account does not get it twice."""
    one = put(site, account[0], "once")
    site.ctl("filter", "quarantine", "release", one)
    with sqlite3.connect(site.dir / "data" / "quarantine.db", timeout=10) as db:
        assert db.execute("UPDATE entry SET released = 0 WHERE id = ?", (one,)).rowcount == 1
    time.sleep(1.1)  # another date in the header
    site.ctl("filter", "quarantine", "release", one)
    with site.imap(*account) as c:
        c.select()
        assert len(c.search(None, "SUBJECT", "once")[1][0].split()) == 1


def test_account_goes_with_what_it_has(site):
    account = site.new_account()
    one, bad = put(site, account[0], "gone"), put(site, account[0], "gone-bad", kind="malware")
    other = put(site, site.new_account()[0], "stays")
    site.ctl("account", "remove", account[0], "--yes")
    left = {e["id"] for e in entries(site)}
    assert other in left and not {one, bad} & left


def test_release_runs_scripts_and_heeds_quota(site, account):
    script = 'require ["fileinto", "mailbox"]; fileinto :create "Sorted";'
    site.ctl("sieve", "put", account[0], "s", "-", "--activate", input=script)
    one = put(site, account[0], "sorted")
    site.ctl("filter", "quarantine", "release", one)
    with site.imap(*account) as c:
        assert c.select("Sorted")[1] == [b"1"]
    two = put(site, account[0], "too much")
    site.ctl("account", "set", account[0], "--messages", "1")
    full = site.ctl("filter", "quarantine", "release", two, check=False)
    assert full.returncode == 75 and "over quota" in full.stderr
    assert [e["id"] for e in entries(site, "--account", account[0])] == [two]


def test_release_for_others_goes_by_the_mta(site, account):
    """Whoever is no account of ours: here an alias, which the MTA knows."""
    alias = f"alias-{account[0]}"
    site.ctl("alias", "add", alias, account[0])
    one = put(site, alias, "by-mta")
    assert entries(site)[0]["account"] == ""
    site.ctl("filter", "quarantine", "release", one)
    wait_for(lambda: found(site, account, "by-mta")[0] == "INBOX", 30)
    assert found(site, account, "by-mta")[1]["X-Mailstead-Released"]


def test_all_of_an_account(site, account):
    for n in range(3):
        put(site, account[0], f"many-{n}")
    bad = put(site, account[0], "many-bad", kind="malware")
    assert site.ctl("filter", "quarantine", "release", check=False).returncode == 64
    site.ctl("filter", "quarantine", "release", "--all", "--account", account[0])
    assert [e["id"] for e in entries(site, "--account", account[0])] == [bad]
    site.ctl("filter", "quarantine", "delete", "--all", "--account", account[0])
    assert entries(site, "--account", account[0]) == []
    assert "quarantine.delete" in site.ctl("audit")


def test_digest(site, account):
    site.ctl("setting", "set", "quarantine.digest", "1d", "--account", account[0])
    site.ctl("setting", "set", "quarantine.url", "https://mail.example/q/%s?x", "--domain", site.domain)
    hostile = message("=?utf-8?q?a=0D=0ARelease:_https://evil.example/=E2=80=AEx?=").replace("Mallory", "=?utf-8?q?M=00?=")
    one = put(site, account[0], "", text=hostile)
    put(site, account[0], "not mine", kind="malware")
    assert "1 digests sent" in site.ctl("filter", "quarantine", "digest")
    _, m = found(site, account, "1 new message in quarantine")
    assert m["Auto-Submitted"] == "auto-generated" and m.get_content_type() == "text/plain" and not m.defects
    lines = m.get_content().splitlines()
    assert f"Release: https://mail.example/q/{one}?x" in lines
    assert [line for line in lines if line.startswith("Release: ")] == [f"Release: https://mail.example/q/{one}?x"]
    assert "Subject: a  Release: https://evil.example/ x" in lines
    assert any(line.startswith("Came: ") and "score 7.5, kept until 20" in line for line in lines)
    # Not again, nor before it is due.
    put(site, account[0], "later")
    assert "0 digests sent" in site.ctl("filter", "quarantine", "digest")


def test_backup_and_check(site, account, tmp_path):
    one = put(site, account[0], "kept for ever")
    copy = tmp_path / "copy"
    site.ctl("backup", copy)
    names = {p.name for p in (copy / "quarantine").iterdir()}
    assert names and (copy / "quarantine.db").exists()
    data = tmp_path / "data"
    conf = tmp_path / "mailstead.conf"
    conf.write_text((site.dir / "mailstead.conf").read_text().replace(str(site.data_dir), str(data)))
    ctl = [str(BUILD / "ctl" / "mailstead"), "-c", str(conf)]
    for path in (tmp_path, *tmp_path.parents):
        if str(path).startswith("/tmp/"):
            os.chmod(path, 0o777)
    subprocess.run(ctl + ["restore", str(copy)], check=True, capture_output=True)
    shown = subprocess.run(ctl + ["filter", "quarantine", "show", one, "--raw"], check=True, capture_output=True)
    assert b"Subject: kept for ever" in shown.stdout
    assert subprocess.run(ctl + ["check"], capture_output=True).returncode == 0
    for path in (data / "quarantine").iterdir():
        path.write_bytes(b"\0" * path.stat().st_size)
    bad = subprocess.run(ctl + ["check"], capture_output=True, text=True)
    assert bad.returncode == 1 and "not what its hash says" in bad.stdout
