# SPDX-License-Identifier: BSD-2-Clause
"""imapd: what users do with messages is told in one place, and teaches the
spam filter."""

import os
import re
import signal
import sqlite3

import pytest

from conftest import wait_for
from imap_raw import Imap, message
from test_faults import account_dir


def test_training(site):
    user, password = site.new_account()
    with Imap(site, user, password) as c:
        for n in range(3):
            c.append("INBOX", message(n))
        c.ok("SELECT INBOX")
        c.ok("MOVE 1 Junk")
        c.ok("STORE 1 +FLAGS ($Junk)")
        c.ok("STORE 2 +FLAGS (\\Seen)")
        c.append("Junk", message(9))
        c.ok("SELECT Junk")
        c.ok("MOVE 1 INBOX")
    with sqlite3.connect(f"file:{account_dir(site, user)}/account.db?mode=ro", uri=True) as db:
        rows = db.execute("SELECT spam FROM training ORDER BY n").fetchall()
    # Marked; filed there; and the first, which came back.
    assert [spam for (spam,) in rows] == [1, 1, 0]


@pytest.mark.slow
def test_events(own_site):
    site = own_site
    conf = site.dir / "mailstead.conf"
    conf.write_text("log_level = debug\n" + conf.read_text())
    os.kill(site.pid("imapd"), signal.SIGHUP)
    wait_for(lambda: "reloaded" in site.log("imapd"))
    with Imap(site, site.user1, site.pass1) as c:
        c.append("INBOX", message(1))
        c.append("INBOX", message(2))
        c.ok("SELECT INBOX")
        c.ok("STORE 1:2 +FLAGS (\\Seen)")
        c.ok("STORE 1:2 +FLAGS (\\Seen)")  # changes nothing
        c.ok("COPY 1:2 Archive")
        c.ok("MOVE 2 Archive")
    events = re.findall(r'event="mail event".*?cause=(\w+).*?messages=(\d+)', site.log("imapd"))
    assert events == [("APPEND", "1"), ("APPEND", "1"), ("FLAG", "2"), ("COPY", "2"), ("COPY", "1")]
