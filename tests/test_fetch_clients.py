# SPDX-License-Identifier: BSD-2-Clause
"""fetchmail and getmail at work over POP3 and IMAP: fetch all, keep, fetch what
is new, delete."""

import email
import mailbox
import os
import subprocess

import pytest

from imap_raw import message
from test_clients import need
from test_pop3 import fill, inbox

MESSAGES = 60

pytestmark = pytest.mark.slow


def raw(n):
    return message(n, "".join(f"{'.' if i % 7 == 0 else ''}line {i} of {n}\r\n" for i in range(n * 20)))


class Fetchmail:
    name = "fetchmail"

    def __init__(self, site, account, home, protocol):
        self.account, self.home = account, home
        self.poll = (f"service {site.pop3s_port} protocol pop3 uidl" if protocol == "POP3"
                     else f"service {site.imaps_port} protocol imap")
        self.box, self.repeats = home / "mbox", 0
        self.box.touch()

    def run(self, *options):
        rc = self.home / "fetchmailrc"
        rc.write_text(f'''poll localhost {self.poll}
  user "{self.account[0]}" password "{self.account[1]}" ssl no sslcertck
  mda "(echo From a@b Mon Nov  2 10:00:00 2026; cat; echo) >>{self.box}"
''')
        rc.chmod(0o600)
        done = subprocess.run(["fetchmail", "-f", str(rc), "-i", str(self.home / "ids"), "--pidfile",
                               str(self.home / "pid"), "--nosyslog", *options], capture_output=True, text=True,
                              timeout=120, env={**os.environ, "HOME": str(self.home), "FETCHMAILHOME": str(self.home)})
        assert done.returncode in (0, 1), done.stdout + done.stderr  # 1: no new mail

    def keep(self):
        self.run("--keep")

    def all_and_delete(self):
        self.run("--all", "--nokeep")

    def bodies(self):
        """Body by subject of what was fetched."""
        out = {}
        for m in mailbox.mbox(self.box, create=False):
            out.setdefault(m["Subject"], []).append(m.get_payload())
        return out


class Getmail:
    name = "getmail"

    def __init__(self, site, account, home, protocol):
        self.account, self.home, self.protocol = account, home, protocol
        self.port = site.pop3s_port if protocol == "POP3" else site.imaps_port
        self.box, self.repeats = home / "maildir", 0
        mailbox.Maildir(self.box)
        user = "mailstead"
        for path in (home, self.box, *self.box.iterdir()):
            subprocess.run(["chown", user, path], check=True)
            path.chmod(0o755)
        for path in list(home.parents)[:3]:
            path.chmod(path.stat().st_mode | 0o011)

    def run(self, delete, read_all):
        rc = self.home / "getmailrc"
        rc.write_text(f"""[retriever]
type = Simple{self.protocol}SSLRetriever
server = localhost
port = {self.port}
username = {self.account[0]}
password = {self.account[1]}

timeout = 10

[destination]
type = Maildir
path = {self.box}/

[options]
delete = {delete}
read_all = {read_all}
delivered_to = false
received = false
""")
        rc.chmod(0o644)
        for _ in range(20):
            done = subprocess.run(["getmail", "--getmaildir", str(self.home), "--rcfile", str(rc)], capture_output=True,
                                  text=True, timeout=120, user="mailstead", group="mailstead", extra_groups=[], cwd="/",
                                  env={**os.environ, "HOME": str(self.home)})
            # getmail 6.18 forks for each delivery and at times waits for the
            # end of a child after it was told of it. What it then gave up
            # comes with the next run, and so does what the child had done.
            lost = (done.stdout + done.stderr).count("waiting child pid")
            self.repeats += lost
            if not lost:
                break
        assert done.returncode == 0, done.stdout + done.stderr

    def keep(self):
        self.run(False, False)

    def all_and_delete(self):
        self.run(True, True)

    def bodies(self):
        out = {}
        for m in mailbox.Maildir(self.box, factory=None):
            out.setdefault(m["Subject"], []).append(m.get_payload())
        return out


@pytest.mark.parametrize("protocol", ["POP3", "IMAP"])
@pytest.mark.parametrize("program", [Fetchmail, Getmail], ids=lambda p: p.name)
def test_fetches(site, tmp_path, program, protocol):
    need(program.name)
    account = site.new_account()
    fill(site, account, *[raw(n) for n in range(MESSAGES)])
    client = program(site, account, tmp_path, protocol)

    def expect(numbers):
        got = client.bodies()
        assert got.keys() == {f"message {n}" for n in numbers}
        for n in numbers:
            want = email.message_from_string(raw(n)).get_payload().replace("\r\n", "\n").rstrip("\n")
            assert got[f"message {n}"][0].replace("\r\n", "\n").rstrip("\n") == want

    def times(number):
        """Each was fetched so often. A client that lost count fetches some again."""
        counts = [len(bodies) for bodies in client.bodies().values()]
        assert min(counts) == number, counts
        assert client.repeats or max(counts) == number, counts

    client.keep()
    expect(range(MESSAGES))
    assert len(inbox(site, account)) == MESSAGES

    # Only what is new: the unique-ids say so.
    fill(site, account, *[raw(n) for n in range(MESSAGES, MESSAGES + 5)])
    client.keep()
    expect(range(MESSAGES + 5))
    times(1)

    client.all_and_delete()
    times(2)
    assert inbox(site, account) == {}
