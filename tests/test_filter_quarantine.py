# SPDX-License-Identifier: BSD-2-Clause
"""What milterd keeps apart, behind a real Postfix: for all recipients, or for
some of them while the others get the message."""

import sqlite3

import pytest

from conftest import wait_for
from test_filter_content import body, scand, send, set_for, spamd, with_file  # noqa: F401 (fixtures)
from test_filter_content import mail as filtered  # noqa: F401
from test_milterd import keys, names  # noqa: F401 (fixtures)
from test_scand import EICAR


@pytest.fixture(scope="module")
def mail(filtered):  # noqa: F811
    return filtered


@pytest.fixture
def account(mail):
    return mail.site.new_account()


KINDS = ("spam", "malware", "policy")


def entries(mail, account=None):
    db = sqlite3.connect(mail.site.data_dir / "quarantine.db")
    rows = db.execute("SELECT kind, reason, address, subject FROM entry JOIN message ON message.id = message"
                      " WHERE ? IS NULL OR address = ?", (account, account)).fetchall()
    db.close()
    return [dict(kind=KINDS[kind], reason=reason, address=address, subject=subject)
            for kind, reason, address, subject in rows]


def absent(mail, account, subject):
    """Nothing of that subject came, though a later message did."""
    after = f"after-{subject}"
    assert send(mail, account, body(after, "Hello."))[0] == 250
    mail.fetch(*account, after)
    with mail.site.imap(*account) as c:
        for mailbox in ("INBOX", "Junk"):
            c.select(mailbox)
            found = [n for n in c.search(None, "SUBJECT", f'"{subject}"')[1][0].split()
                     if after.encode() not in c.fetch(n, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][0][1]]
            assert not found


def test_spam(mail, account):
    set_for(mail, account, spam__quarantine="6")
    code, reply = send(mail, account, body("apart-spam", "seven points"))
    assert code == 250, reply
    [e] = entries(mail, account[0])
    assert e["kind"] == "spam" and "score" in e["reason"] and e["subject"] == "apart-spam"
    absent(mail, account, "apart-spam")


def test_malware_for_one_of_two(mail, account):
    """Both want it rejected, but for one it is only tagged: the other's is the operator's to release."""
    other = mail.site.new_account()
    set_for(mail, other, antivirus__found="tag")
    with mail.client() as c:
        c.mail("ann@good.example")
        c.rcpt(account[0])
        c.rcpt(other[0])
        code, reply = c.data(with_file("apart-virus", EICAR).replace("\n", "\r\n"))
    assert code == 250, reply
    m, _ = mail.fetch(*other, "apart-virus")
    assert "malware" in m["X-Mailstead-Verdict"]
    [e] = [e for e in entries(mail) if e["subject"] == "apart-virus"]
    assert e["kind"] == "malware" and e["address"] == account[0]
    absent(mail, account, "apart-virus")


def test_no_room(mail, account):
    """What cannot be kept is not acknowledged."""
    set_for(mail, account, spam__quarantine="6")
    folder = mail.site.data_dir / "quarantine"
    moved = folder.with_name("quarantine.away")
    folder.rename(moved)
    folder.write_text("no folder")
    try:
        code, reply = send(mail, account, body("no-room", "seven points"))
    finally:
        folder.unlink()
        moved.rename(folder)
    assert code == 451 and "cannot be kept now" in reply
    assert send(mail, account, body("room-again", "seven points"))[0] == 250


def test_database_locked(mail, account):
    """Somebody else writes to filter.db: no message waits for that."""
    db = sqlite3.connect(mail.site.data_dir / "filter.db", isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    try:
        assert send(mail, account, body("locked", "Hello."))[0] == 250
    finally:
        db.rollback()
        db.close()
    mail.fetch(*account, "locked")


def test_crash(mail, account):
    """What was acknowledged is there after kill -9."""
    set_for(mail, account, spam__quarantine="6")
    for i in range(5):
        assert send(mail, account, body(f"crash-{i}", "seven points"))[0] == 250
        mail.milterd.kill()
        mail.milterd.wait()
        mail.start()
    found = {e["subject"] for e in entries(mail, account[0])}
    assert found == {f"crash-{i}" for i in range(5)}
    wait_for(lambda: send(mail, account, body("crash-after", "Hello."))[0] == 250)
