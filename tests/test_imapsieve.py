# SPDX-License-Identifier: BSD-2-Clause
"""imapd: scripts that act on what IMAP users do (RFC 6785)."""

import email
import email.policy
import re
import sqlite3
import threading
import time

import pytest

from conftest import wait_for
from imap_raw import Imap, message
from lmtp import Lmtp
from managesieve import Sieve
from test_faults import account_dir

ENTRY = "/shared/imapsieve/script"


class Owner:
    """An account, and a connection to it."""

    def __init__(self, site):
        self.site = site
        self.user, self.password = site.new_account()
        self.c = Imap(site, self.user, self.password)

    def connect(self):
        return Imap(self.site, self.user, self.password)

    def script(self, text, mailbox="INBOX", name="events"):
        """Stored, and named by the mailbox."""
        self.site.ctl("sieve", "put", self.user, name, "-", input=text)
        self.c.ok(f'SETMETADATA "{mailbox}" ({ENTRY} "{name}")')

    def set(self, key, value):
        self.site.ctl("setting", "set", key, value, "--account", self.user)

    def mailbox(self, name="INBOX"):
        """Flags and subject of each message."""
        with self.connect() as c:
            c.ok(f'EXAMINE "{name}"')
            lines = c.ok("FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])") if self.count(c, name) else []
        return [(set(re.search(r"FLAGS \(([^)]*)\)", line)[1].split()) - {"\\Recent"},
                 re.search(r"Subject: (.*?)\r\n", line)[1]) for line in lines if "FETCH" in line]

    @staticmethod
    def count(c, name):
        return int(re.search(r"MESSAGES (\d+)", c.ok(f'STATUS "{name}" (MESSAGES)')[0])[1])

    def query(self, sql):
        path = account_dir(self.site, self.user) / "account.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            return db.execute(sql).fetchall()

    def subjects(self, name="INBOX"):
        return [subject for _, subject in self.mailbox(name)]


@pytest.fixture
def owner(mail_site):
    o = Owner(mail_site)
    yield o
    o.c.close()


# Which cause, where, and what changed, as keywords of the message.
TELL = ('require ["imapsieve", "environment", "variables", "imap4flags"];\n'
        'if environment :matches "imap.cause" "*" { set :lower "cause" "${1}"; }\n'
        'addflag "cause-${cause}";\n')


@pytest.mark.parametrize("cause", ["append", "copy", "move", "flag", "fetch"])
def test_causes(owner, cause):
    c = owner.c
    if cause in ("flag", "fetch"):
        c.append("INBOX", message(1))
    owner.script(TELL)
    if cause == "append":
        c.append("INBOX", message(1))
    else:
        if cause in ("copy", "move"):
            c.append("Archive", message(1))
        c.ok(f"SELECT {'INBOX' if cause in ('flag', 'fetch') else 'Archive'}")
        c.ok({"copy": "COPY 1 INBOX", "move": "MOVE 1 INBOX", "flag": "STORE 1 +FLAGS (\\Flagged)",
              "fetch": "FETCH 1 BODY[]"}[cause])
    [(flags, _)] = owner.mailbox()
    expect = {"move": "copy", "fetch": "flag"}.get(cause, cause)
    own = {"flag": {"\\Flagged"}, "fetch": {"\\Seen"}}.get(cause, set())
    assert flags == {f"cause-{expect}"} | own


def test_each_message(owner):
    """MULTIAPPEND stores several, REPLACE one; in the mailbox that is named."""
    c, one = owner.c, message(1)
    owner.script(TELL)
    literal = f"{{{len(one)}+}}\r\n{one}"
    c.ok(f"APPEND INBOX {literal} {literal}")
    c.ok("SELECT INBOX")
    c.ok(f"REPLACE 1 INBOX (new) {literal}")
    assert [f for f, _ in owner.mailbox()] == [{"cause-append"}, {"cause-append", "new"}]
    c.ok(f"REPLACE 1 Archive {literal}")
    assert owner.mailbox("Archive") == [(set(), "message 1")]


def test_client_sees_what_scripts_change(owner):
    c = owner.c
    c.append("INBOX", message(1))
    owner.script('require ["imapsieve", "imap4flags"]; addflag "$script";')
    c.ok("SELECT INBOX")
    lines = c.ok("STORE 1 +FLAGS (\\Seen)")
    assert re.search(r"FLAGS \([^)]*\$script", lines[-1]), lines
    owner.script('require ["imapsieve", "imap4flags"]; addflag "$other";')
    lines = c.ok("STORE 1 +FLAGS.SILENT (\\Flagged)")
    assert re.search(r"FLAGS \([^)]*\$other", lines[-1]), lines


def test_environment(owner, sink):
    """As one mail notification."""
    owner.c.append("INBOX", message(1), "(\\Flagged old)")
    owner.script(
        'require ["imapsieve", "environment", "variables", "enotify", "imap4flags"];\n' + "".join(
            f'if environment :matches "{item}" "*" {{ set "v{n}" "${{1}}"; }}\n' for n, item in enumerate(
                ["location", "phase", "imap.cause", "imap.mailbox", "imap.user", "imap.email",
                 "imap.changedflags", "domain"]))
        + 'notify :message "${v0}|${v1}|${v2}|${v3}|${v4}|${v5}|${v6}|${v7}" "mailto:ada@example.com";')
    owner.c.ok("SELECT INBOX")
    owner.c.ok("STORE 1 FLAGS (\\Flagged \\Answered new)")
    wait_for(lambda: sink.messages)
    text = email.message_from_bytes(sink.messages[0].data, policy=email.policy.default)["Subject"]
    *items, changed, domain = text.split("|")
    assert items == ["MS", "post", "FLAG", "INBOX", owner.user, owner.user]
    assert set(changed.split()) == {"\\Answered", "old", "new"} and domain == owner.site.domain
    assert owner.mailbox()[0][0] == {"\\Flagged", "\\Answered", "new"}


def test_hasflag_sees_the_flags(owner):
    owner.script('require ["imapsieve", "imap4flags", "environment", "fileinto", "copy"];\n'
                 'if allof (hasflag "\\\\Flagged", environment :contains "imap.changedflags" "\\\\Flagged")\n'
                 '{ fileinto :copy "Archive"; }')
    c = owner.c
    c.append("INBOX", message(1), "(\\Flagged)")
    c.ok("SELECT INBOX")
    c.ok("STORE 1 +FLAGS (\\Seen)")
    assert owner.subjects("Archive") == []
    c.ok("STORE 1 -FLAGS (\\Flagged)")
    assert owner.subjects("Archive") == []
    c.ok("STORE 1 +FLAGS (\\Flagged $x)")
    # The copy has the flags of the message, and is no event itself.
    assert owner.mailbox("Archive") == [({"\\Flagged", "\\Seen", "$x"}, "message 1")]
    assert owner.mailbox() == [({"\\Flagged", "\\Seen", "$x"}, "message 1")]


def test_fileinto_deletes_the_original(owner):
    c = owner.c
    c.ok("CREATE Lists")
    owner.script('require ["imapsieve", "fileinto"]; fileinto "Lists";')
    owner.script('require ["imapsieve", "fileinto"]; fileinto "INBOX";', "Lists", "back")
    c.append("INBOX", message(1), '"05-Jan-2020 10:00:00 +0000"')
    # Not again from there: what scripts do is no event.
    assert owner.mailbox() == [({"\\Deleted"}, "message 1")]
    assert owner.mailbox("Lists") == [(set(), "message 1")]
    c.ok("EXAMINE Lists")
    assert "05-Jan-2020 10:00:00" in c.ok("FETCH 1 INTERNALDATE")[0]
    assert "0 problems" in owner.site.ctl("check", owner.user)


def test_fileinto_and_keep(owner):
    owner.script('require ["imapsieve", "fileinto", "imap4flags"];\n'
                 'fileinto :flags "$filed" "INBOX"; keep :flags "$kept";')
    owner.c.append("INBOX", message(1))
    assert owner.mailbox() == [({"$kept"}, "message 1"), ({"$filed"}, "message 1")]


def test_discard_and_expunge(owner):
    c = owner.c
    owner.script('require "imapsieve"; if header "subject" "message 1" { discard; }')
    c.append("INBOX", message(0), "(\\Deleted)")
    c.append("INBOX", message(1))
    c.append("INBOX", message(2))
    assert owner.mailbox() == [({"\\Deleted"}, "message 0"), ({"\\Deleted"}, "message 1"), (set(), "message 2")]
    owner.set("sieve.imap_expunge", "yes")
    c.append("INBOX", message(1))
    # Only what the script discarded.
    assert owner.subjects() == ["message 0", "message 1", "message 2"]
    c.ok("SELECT INBOX")
    assert "* 2 EXPUNGE" in c.ok("STORE 2 +FLAGS (\\Flagged)") + c.ok("NOOP")


def test_keep_cancels_discard(owner):
    owner.script('require "imapsieve"; discard; keep;')
    owner.c.append("INBOX", message(1), "(\\Seen)")
    assert owner.mailbox() == [({"\\Seen"}, "message 1")]


def test_keywords_beyond_bits(owner):
    c = owner.c
    c.ok("SELECT INBOX")
    c.append("INBOX", message(1))
    for n in range(60):
        c.ok(f"STORE 1 +FLAGS.SILENT (k{n})")
    owner.script('require ["imapsieve", "imap4flags"]; removeflag "k58"; addflag "k-new";')
    c.ok("STORE 1 -FLAGS.SILENT (k59 k0)")
    [(flags, _)] = owner.mailbox()
    assert flags == {f"k{n}" for n in range(1, 58)} | {"k-new"}


def test_redirect(owner, sink):
    owner.script('require ["imapsieve", "copy"]; redirect :copy "elsewhere@example.com";')
    owner.c.append("INBOX", message(1))
    wait_for(lambda: sink.messages)
    assert f"FROM:<{owner.user}>" in sink.messages[0].mail
    assert "TO:<elsewhere@example.com>" in sink.messages[0].rcpts[0]
    assert b"Subject: message 1" in sink.messages[0].data
    assert owner.mailbox() == [(set(), "message 1")]
    owner.script('require "imapsieve"; redirect "elsewhere@example.com";')
    owner.c.append("INBOX", message(2))
    wait_for(lambda: len(sink.messages) == 2)
    assert owner.mailbox()[1] == ({"\\Deleted"}, "message 2")


def test_changes_are_transient(owner):
    owner.script('require ["imapsieve", "editheader", "fileinto", "copy"];\n'
                 'deleteheader "subject"; addheader "Subject" "changed"; fileinto :copy "Archive";')
    owner.c.append("INBOX", message(1))
    assert owner.subjects() == ["message 1"]
    assert owner.subjects("Archive") == ["changed"]


@pytest.mark.parametrize("text, why", [
    ('require ["imapsieve", "envelope"]; if envelope "from" "x" { discard; } else { discard; }', "envelope"),
    ('require ["imapsieve", "reject"]; if false { reject "no"; } discard;', "reject"),
    ('require ["imapsieve", "vacation"]; vacation "away"; discard;', "vacation"),
    ('require ["imapsieve", "fileinto", "imap4flags"]; addflag "$x"; fileinto "Nowhere";', "Nowhere"),
    ('require ["imapsieve", "imap4flags", "ihave"]; addflag "$x"; error "oops";', "oops"),
])
def test_errors_keep(owner, text, why):
    owner.script(text)
    owner.c.append("INBOX", message(1), "(\\Seen)")
    assert owner.mailbox() == [({"\\Seen"}, "message 1")]
    assert why in owner.site.log("imapd")
    assert why in owner.query("SELECT value FROM document WHERE kind = 'sieve.note'")[0][0].decode()


def test_not_at_deliveries(owner):
    """A script for events can be stored, not activated, and does not run when mail comes."""
    site = owner.site
    owner.script('require "imapsieve"; discard;')
    with Sieve(site, owner.user, owner.password) as s:
        assert "imapsieve" in s.capabilities()["SIEVE"].split()
        assert "imapsieve" in s.no('SETACTIVE "events"')
        s.put("other", 'require "imapsieve"; keep;')
    assert site.ctl("sieve", "activate", owner.user, "events", check=False).returncode
    with Lmtp(site.host, site.lmtp_port) as c:
        [(code, _)] = c.deliver("a@example.net", [owner.user], message(1).encode())
    assert code == 250
    assert owner.mailbox() == [(set(), "message 1")]


def test_which_script(owner):
    c = owner.c
    flag = 'require ["imapsieve", "imap4flags"]; addflag "{}";'
    owner.script(flag.format("server"), "", "server")
    owner.script(flag.format("box"), "Archive", "box")
    c.append("INBOX", message(1))
    c.append("Archive", message(1))
    assert owner.mailbox()[0][0] == {"server"}
    assert owner.mailbox("Archive")[0][0] == {"box"}
    assert c.ok(f"GETMETADATA Archive {ENTRY}") == [f'* METADATA Archive ({ENTRY} "box")']
    assert c.ok(f'GETMETADATA "" {ENTRY}') == [f'* METADATA "" ({ENTRY} "server")']
    # An entry that names nothing does not make way for the server's.
    c.ok(f'SETMETADATA Archive ({ENTRY} "")')
    c.append("Archive", message(2))
    _, tagged = c.command(f'SETMETADATA INBOX ({ENTRY} "none")')
    assert tagged == "OK Set, but you have no script of that name"
    c.append("INBOX", message(2))
    assert owner.mailbox("Archive")[1][0] == owner.mailbox()[1][0] == set()
    c.ok(f"SETMETADATA INBOX ({ENTRY} NIL)")
    c.append("INBOX", message(3))
    assert owner.mailbox()[2][0] == {"server"}
    c.no('SETMETADATA "" (/shared/comment "x")', "NOPERM")


def test_shared_mailboxes(owner):
    """The script is the owner's, whoever stores the message, and only he chooses it."""
    friend = Owner(owner.site)
    owner.script('require ["imapsieve", "environment", "variables", "imap4flags"];\n'
                 'if environment :matches "imap.user" "*@*" { addflag "by-${1}"; }')
    owner.site.ctl("sieve", "put", friend.user, "events", "-", input='require "imapsieve"; discard;')
    owner.c.ok(f"SETACL INBOX {friend.user} lrswite")
    name = f'"Other Users/{owner.user}/INBOX"'
    friend.c.no(f'SETMETADATA {name} ({ENTRY} "events")', "NOPERM")
    friend.c.ok(f'SETMETADATA {name} (/shared/comment "x")')
    friend.c.append(name, message(1))
    friend.c.close()
    assert owner.mailbox() == [({f"by-{friend.user.split('@')[0]}"}, "message 1")]


def test_capability(owner):
    def url(c):
        found = [w for w in c.ok("CAPABILITY")[0].split() if w.startswith("IMAPSIEVE=")]
        return found[0] if found else None

    site = owner.site
    with Imap(site) as c:
        before = url(c)
    assert re.fullmatch(rf"IMAPSIEVE=sieve://[a-z0-9.-]+:{site.sieve_port}", before)
    assert url(owner.c) == before
    owner.script('require ["imapsieve", "imap4flags"]; addflag "x";')
    owner.set("sieve.extensions", "* -imapsieve")
    assert url(owner.c) is None
    owner.c.append("INBOX", message(1))
    assert owner.mailbox()[0][0] == set()


def test_limit_of_messages(owner):
    c = owner.c
    for n in range(5):
        c.append("Archive", message(n))
    owner.script('require ["imapsieve", "imap4flags"]; addflag "seen-by-script";')
    owner.set("sieve.imap_max_messages", "3")
    c.ok("SELECT Archive")
    c.ok("COPY 1:5 INBOX")
    flags = [bool(f) for f, _ in owner.mailbox()]
    assert flags == [True, True, True, False, False]
    assert re.search(r"more messages than scripts act on.*done=3 left=2", owner.site.log("imapd"))


def test_administrators_scripts(owner):
    """Global ones run first, with what Dovecot's know of where messages came from."""
    site = owner.site
    learn = ('require ["imapsieve", "environment", "variables", "imap4flags"];\n'
             'if allof (environment "imap.cause" "COPY", environment "imap.mailbox" "Junk")\n'
             '{ addflag "learned-spam"; }\n'
             'elsif allof (environment "imap.cause" "COPY", environment "vnd.dovecot.mailbox-from" "Junk")\n'
             '{ addflag "learned-ham"; }\n')
    site.ctl("sieve", "put", "--place", "global", "learn", "-", input=learn)
    owner.set("sieve.imap_before", "learn missing")
    owner.script('require ["imapsieve", "imap4flags"]; addflag "own";', "Junk")
    c = owner.c
    c.append("INBOX", message(1))
    c.ok("SELECT INBOX")
    c.ok("MOVE 1 Junk")
    assert owner.mailbox("Junk")[0][0] == {"learned-spam", "own"}
    c.ok("SELECT Junk")
    c.ok("MOVE 1 INBOX")
    assert owner.mailbox()[0][0] == {"learned-spam", "learned-ham", "own"}
    assert "names a script that is not there" in site.log("imapd")
    # What users teach the spam filter is noted as ever, once.
    assert owner.query("SELECT spam FROM training") == [(0,)]


@pytest.fixture(scope="module")
def learned(mail_site):
    """Where the program `learn` writes what it gets; `slow` takes its time."""
    programs, out = mail_site.dir / "programs", mail_site.dir / "learned"
    programs.mkdir(mode=0o755)
    out.mkdir()
    out.chmod(0o777)
    for name, text in (("learn", f'cat >"{out}/$1"'), ("slow", "sleep 0.7")):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    mail_site.ctl("setting", "set", "sieve.program_dir", programs)
    mail_site.ctl("setting", "set", "sieve.program_paths", out)
    return out


def test_limit_of_time(owner, learned):
    c = owner.c
    for n in range(5):
        c.append("Archive", message(n))
    owner.set("sieve.extensions", "* vnd.dovecot.pipe")
    owner.set("sieve.imap_max_time", "1s")
    owner.script('require ["imapsieve", "vnd.dovecot.pipe", "imap4flags"];\n'
                 'addflag "slow"; pipe "slow"; keep;')
    c.ok("SELECT Archive")
    c.ok("COPY 1:5 INBOX")
    flags = [bool(f) for f, _ in owner.mailbox()]
    assert flags[0] and not flags[-1] and flags == sorted(flags, reverse=True)


def leave_at_end(c):
    while c.file.readline():
        pass
    c.close()


def test_stop(owner, learned):
    """The end of the server does not wait for all of them."""
    site, c = owner.site, owner.c
    for n in range(20):
        c.append("Archive", message(n))
    owner.set("sieve.extensions", "* vnd.dovecot.pipe")
    owner.script('require ["imapsieve", "vnd.dovecot.pipe", "copy"]; pipe :copy "slow";')
    c.ok("SELECT Archive")
    c.send("x COPY 1:20 INBOX\r\n")
    with owner.connect() as other:
        wait_for(lambda: Owner.count(other, "INBOX") == 20)
    # A client that stays after the BYE would be waited for, too.
    threading.Thread(target=leave_at_end, args=(c,)).start()
    begin = time.monotonic()
    site.stop_daemon("imapd")
    assert time.monotonic() - begin < 8
    site.start_daemon("imapd")
    assert len(owner.subjects()) == 20


def test_program(owner, learned):
    """Spam training as others do it: the message goes to a program."""
    owner.set("sieve.extensions", "* vnd.dovecot.pipe")
    owner.script('require ["imapsieve", "vnd.dovecot.pipe", "copy"]; pipe :copy "learn" ["spam"];', "Junk")
    owner.c.append("INBOX", message(1))
    owner.c.ok("SELECT INBOX")
    owner.c.ok("MOVE 1 Junk")
    assert (learned / "spam").read_bytes().decode() == message(1)
    assert owner.mailbox("Junk") == [(set(), "message 1")]
    # What it cannot do leaves the message alone.
    owner.script('require ["imapsieve", "vnd.dovecot.pipe"]; pipe "none";', "Junk")
    owner.c.append("Junk", message(2))
    assert owner.mailbox("Junk")[1] == (set(), "message 2")
