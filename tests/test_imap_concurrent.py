# SPDX-License-Identifier: BSD-2-Clause
"""imapd: several sessions on one mailbox."""

import random
import re
import time

import pytest

from imap_raw import Imap, message


@pytest.fixture
def pair(site):
    user, password = site.new_account()
    with Imap(site, user, password) as a, Imap(site, user, password) as b:
        for n in range(5):
            a.append("INBOX", message(n))
        a.ok("SELECT INBOX")
        b.ok("SELECT INBOX")
        yield a, b


def test_changes_arrive(pair):
    a, b = pair
    a.ok("STORE 2 +FLAGS (\\Seen)")
    assert b.ok("NOOP") == ["* 2 FETCH (FLAGS (\\Seen))"]
    a.append("INBOX", message(6))
    assert b.ok("NOOP") == ["* 6 EXISTS", "* 0 RECENT"]  # it is recent to a
    b.ok("STORE 6 +FLAGS ($x)")
    untagged = a.ok("NOOP")
    assert any("FLAGS" in line and "$x" in line for line in untagged[:-1])
    assert untagged[-1] == "* 6 FETCH (FLAGS (\\Recent $x))"


def test_expunge_waits(pair):
    a, b = pair
    a.ok("STORE 2,4 +FLAGS.SILENT (\\Deleted)")
    a.ok("STORE 5 +FLAGS.SILENT (\\Flagged)")
    assert a.ok("EXPUNGE") == ["* 4 EXPUNGE", "* 2 EXPUNGE", "* 3 RECENT"]
    # Numbers stay as they are while EXPUNGE may not be said.
    assert b.ok("FETCH 5 (UID FLAGS)") == ["* 5 FETCH (UID 5 FLAGS (\\Flagged))"]
    a.ok("STORE 3 +FLAGS.SILENT (\\Seen)")
    assert b.ok("FETCH 1 UID") == ["* 1 FETCH (UID 1)", "* 5 FETCH (FLAGS (\\Flagged \\Seen))"]
    assert b.ok("SEARCH UID 5") == ["* SEARCH 5"]
    assert b.ok("STORE 3 +FLAGS (\\Seen)") == ["* 3 FETCH (FLAGS (\\Seen))"]
    assert b.ok("FETCH 3 FLAGS") == ["* 3 FETCH (FLAGS (\\Seen))"]
    untagged, tagged = b.command("COPY 2 Trash")
    assert tagged.startswith("NO [EXPUNGEISSUED]")
    assert untagged[:2] == ["* 4 EXPUNGE", "* 2 EXPUNGE"]
    assert b.ok("FETCH 1:* UID") == [f"* {n} FETCH (UID {uid})" for n, uid in ((1, 1), (2, 3), (3, 5))]


def test_uid_commands_tell_expunges(pair):
    a, b = pair
    a.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    a.ok("EXPUNGE")
    assert "* 1 EXPUNGE" in b.ok("UID FETCH 3 FLAGS")
    assert b.ok("UID FETCH 3 UID") == ["* 2 FETCH (UID 3)"]


def test_silent_store_still_tells_what_others_did(pair):
    a, b = pair
    a.ok("STORE 1 +FLAGS.SILENT (\\Flagged)")
    assert b.ok("STORE 1 +FLAGS.SILENT (\\Seen)") == ["* 1 FETCH (FLAGS (\\Flagged))"]
    assert a.ok("NOOP")[-1] == "* 1 FETCH (FLAGS (\\Flagged \\Seen \\Recent))"


@pytest.mark.alone
def test_idle(site, pair):
    a, b = pair
    b.idle()
    start = time.monotonic()
    a.append("INBOX", message(9))
    assert b.line() == "* 6 EXISTS"
    assert b.line() in ("* 0 RECENT", "* 1 RECENT")  # who looked first
    assert time.monotonic() - start < 2
    a.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    assert b.line() == "* 1 FETCH (FLAGS (\\Deleted))"
    a.ok("EXPUNGE")
    assert b.line() == "* 1 EXPUNGE"
    b.done()
    b.send("idle IDLE\r\n")
    assert b.line().startswith("+ ")
    b.send("NONSENSE\r\n")
    assert b.until("idle")[1].startswith("BAD")


def test_recent_is_shown_once(site):
    user, password = site.new_account()
    with Imap(site, user, password) as a, Imap(site, user, password) as b:
        a.append("INBOX", message(1))
        assert "* 1 RECENT" in a.ok("EXAMINE INBOX")
        assert "* 1 RECENT" in a.ok("SELECT INBOX")
        assert "* 0 RECENT" in b.ok("SELECT INBOX")
        b.append("INBOX", message(2))
        assert a.ok("NOOP") == ["* 2 EXISTS", "* 1 RECENT"]
        assert b.ok("FETCH 1:2 FLAGS") == ["* 1 FETCH (FLAGS ())", "* 2 FETCH (FLAGS (\\Recent))"]


class Model:
    """What a client knows from the responses alone."""

    def __init__(self, connection):
        self.c = connection
        self.messages = []  # [uid or None, flags or None]

    def run(self, command):
        untagged, tagged = self.c.command(command)
        quiet = re.match(r"(FETCH|STORE|SEARCH) ", command)
        for line in untagged:
            self.take(line, quiet)
        return tagged

    def take(self, line, quiet):
        number = re.match(r"\* (\d+) (EXISTS|EXPUNGE|FETCH)(.*)", line, re.S)
        if not number:
            return
        n, word, rest = int(number[1]), number[2], number[3]
        if word == "EXISTS":
            assert n >= len(self.messages), line
            self.messages += [[None, None] for _ in range(n - len(self.messages))]
            return
        assert 1 <= n <= len(self.messages), line
        if word == "EXPUNGE":
            assert not quiet, line
            del self.messages[n - 1]
            return
        entry = self.messages[n - 1]
        uid = re.search(r"UID (\d+)", rest)
        if uid:
            assert entry[0] in (None, int(uid[1])), (entry, line)
            entry[0] = int(uid[1])
        flags = re.search(r"FLAGS \((.*?)\)", rest)
        if flags:
            entry[1] = frozenset(flags[1].split()) - {"\\Recent"}


@pytest.mark.parametrize("seed", range(4))
def test_random_sessions_agree(site, seed):
    """Random commands on three sessions; each one's picture, built from its
    responses only, must be right at every step and the same at the end."""
    r = random.Random(seed)
    user, password = site.new_account()
    models = [Model(Imap(site, user, password)) for _ in range(3)]
    try:
        for model in models:
            model.run("SELECT INBOX")
        for n in range(300):
            model = r.choice(models)
            count = len(model.messages)
            pick = r.randint(1, count) if count else 0
            pair = sorted((pick, r.randint(1, count))) if count else (0, 0)
            flag = r.choice(("\\Seen", "\\Flagged", "\\Deleted", "$a", "$b"))
            sign = r.choice(("+", "-", ""))
            silent = r.choice(("", "", ".SILENT"))
            kind = r.choice(("append", "store", "store", "uidstore", "fetch", "uidfetch", "noop", "expunge", "move"))
            if kind == "append" or count == 0:
                model.c.send(f"x APPEND INBOX {{{len(message(n))}+}}\r\n{message(n)}\r\n")
                for line in model.c.until("x")[0]:
                    model.take(line, False)
            elif kind == "store":
                tagged = model.run(f"STORE {pair[0]}:{pair[1]} {sign}FLAGS ({flag})")
                assert tagged.startswith("OK"), tagged
            elif kind == "uidstore" and model.messages[pick - 1][0] and not silent:
                model.run(f"UID STORE {model.messages[pick - 1][0]} {sign}FLAGS ({flag})")
            elif kind == "fetch":
                model.run(f"FETCH {pair[0]}:{pair[1]} (UID FLAGS)")
            elif kind == "uidfetch":
                model.run("UID FETCH 1:* (FLAGS)")
            elif kind == "expunge":
                model.run("EXPUNGE")
            elif kind == "move" and r.random() < 0.2:
                model.run(f"MOVE {pick} Trash")
            else:
                model.run("NOOP")
        for model in models:
            model.run("NOOP")
            told = [flags for _, flags in model.messages]
            before = [list(m) for m in model.messages]
            model.run("UID FETCH 1:* (FLAGS)")
            assert len(model.messages) == len(before)
            for known, (_, flags) in zip(told, model.messages):
                assert known is None or known == flags, (before, model.messages)
        assert models[0].messages == models[1].messages == models[2].messages
    finally:
        for model in models:
            model.c.close()
