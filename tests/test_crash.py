# SPDX-License-Identifier: BSD-2-Clause
"""Deliver and APPEND while the daemons are killed at random instants: every
acknowledged message is there once, byte for byte, with its flags."""

import hashlib
import imaplib
import os
import random
import re
import signal
import threading
import time

import pytest

from conftest import wait_for
from lmtp import Lmtp, LmtpError

KILLS = int(os.environ.get("MS_KILLS", "100"))


def body(rng, token):
    lines = [f"From: crash@example.test\r\nSubject: {token}\r\nMessage-ID: <{token}@crash>\r\n\r\n"]
    lines += [f"{rng.random()} of {token}\r\n" for _ in range(rng.randint(1, 400))]
    return "".join(lines).encode()


class Worker(threading.Thread):
    def __init__(self, site, number, accounts, stop):
        super().__init__()
        self.site, self.number, self.accounts, self.stop = site, number, accounts, stop
        self.rng = random.Random(number)
        self.acked = []    # (user, token, raw, flags)
        self.error = None

    def run(self):
        try:
            count = 0
            while not self.stop.is_set():
                count += 1
                token = f"w{self.number}-{count}"
                self.one(self.rng.choice(self.accounts), token, body(self.rng, token))
        except Exception as error:  # shown by the test
            self.error = error


class LmtpWorker(Worker):
    """Like an MTA: what was not acknowledged is sent again, unchanged."""

    def one(self, account, token, raw):
        while not self.stop.is_set():
            try:
                with Lmtp(self.site.host, self.site.lmtp_port) as lmtp:
                    results = lmtp.deliver("crash@example.test", [account[0]], raw)
                if results[0][0] == 250:
                    self.acked.append((account[0], token, raw, None))
                    return
            except (OSError, ConnectionError, LmtpError):
                pass
            time.sleep(0.02)


class AppendWorker(Worker):
    connection = None

    def one(self, account, token, raw):
        flags = self.rng.choice(["", "\\Seen", "\\Flagged \\Answered", "$Token"])
        try:
            with imaplib.IMAP4(self.site.host, self.site.imap_port) as c:
                c.login(*account)
                if c.append("INBOX", f"({flags})", None, raw)[0] == "OK":
                    self.acked.append((account[0], token, raw, flags))
        except (OSError, imaplib.IMAP4.abort, imaplib.IMAP4.error):
            time.sleep(0.02)


def kill_and_restart(site, rng):
    daemon = rng.choice(["lmtpd", "imapd"])
    site.stop_daemon(daemon, signal.SIGKILL)
    (site.run_dir / f"{daemon}.pid").unlink()
    site.started.append(site.start_daemon(daemon))


def stored(site, account):
    """token -> list of (raw, flags) of everything in INBOX."""
    found = {}
    c = site.imap(*account)
    c.select("INBOX", readonly=True)
    typ, data = c.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")
    assert typ == "OK"
    for item in data:
        if not isinstance(item, tuple):
            continue
        token = re.search(rb"^Subject: (\S+)\r$", item[1], re.M).group(1).decode()
        flags = re.search(rb"FLAGS \(([^)]*)\)", item[0]).group(1).decode()
        found.setdefault(token, []).append((item[1], set(flags.split()) - {"\\Recent"}))
    c.logout()
    return found


@pytest.mark.slow
def test_kill_9(own_site):
    site = own_site
    site.started = []
    accounts = [site.new_account() for _ in range(3)]
    stop = threading.Event()
    workers = [LmtpWorker(site, i, accounts, stop) for i in range(2)]
    workers += [AppendWorker(site, i + 2, accounts, stop) for i in range(2)]
    for w in workers:
        w.start()
    rng = random.Random(99)
    try:
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.02, 0.25))
            kill_and_restart(site, rng)
        time.sleep(0.3)
    finally:
        stop.set()
        for w in workers:
            w.join()
    assert [w.error for w in workers if w.error] == []
    acked = [a for w in workers for a in w.acked]
    assert len(acked) > KILLS
    have = {user: stored(site, (user, password)) for user, password in accounts}
    for user, token, raw, flags in acked:
        copies = have[user].get(token, [])
        assert len(copies) == 1, f"{token} of {user}: {len(copies)} copies"
        got, got_flags = copies[0]
        if flags is None:  # delivered: trace headers stand before it
            assert got.endswith(raw), f"{token}: other content"
        else:
            assert hashlib.sha256(got).digest() == hashlib.sha256(raw).digest(), token
            assert got_flags == set(flags.split()), token
    for user in have:
        assert all(len(copies) == 1 for copies in have[user].values()), "a message is there twice"
    site.ctl("check")
    for process in site.started:
        if process.poll() is None and process.pid not in (site.pid("lmtpd"), site.pid("imapd")):
            process.kill()
        if process.poll() is not None:
            process.wait()
