# SPDX-License-Identifier: BSD-2-Clause
"""imapd: what is not shared is not there (RFC 4314, section 6), and what is taken away is gone."""

import pytest

from imap_raw import message
from test_imap_acl import pair  # noqa: F401  (a fixture)


@pytest.mark.parametrize("command", ["COPY 1 {}", "APPEND {} {{3+}}\r\nabc", "CREATE {}", "RENAME {shared} {}",
                                     "REPLACE 1 {} {{5+}}\r\na: b\n", "MOVE 1 {}"])
def test_hidden_is_like_missing(pair, command):  # noqa: F811
    """Nobody finds out by trying which names an owner uses."""
    pair.owner.ok("CREATE Hidden")
    pair.owner.ok("CREATE Shared")
    pair.grant("Shared", "lrx")
    pair.friend.append("INBOX", message(1))
    pair.friend.ok("SELECT INBOX")
    answers = {}
    for name in ("Hidden", "Missing", "Hidden/x", "Missing/x"):
        untagged, tagged = pair.friend.command(command.format(pair.name(name), shared=pair.name("Shared")))
        assert tagged.startswith("NO ")
        answers.setdefault(tagged, []).append(name)
    assert len(answers) == 1, answers


def test_lost_rights_are_lost_at_once(pair):  # noqa: F811
    for rights, command in (("lr", "EXPUNGE"), ("lr", "UID EXPUNGE 1"), ("lr", "MOVE 1 {}"), ("lr", "CLOSE"),
                            ("lr", "REPLACE 1 {} {{5+}}\r\na: b\n"), ("l", "COPY 1 INBOX"), ("l", "FETCH 1 BODY[]")):
        pair.owner.ok("CREATE Work")
        pair.owner.append("Work", message(1), "(\\Deleted)")
        pair.grant("Work", "lrswite")
        pair.friend.ok(f"SELECT {pair.name('Work')}")
        pair.grant("Work", rights)
        try:
            untagged, tagged = pair.friend.command(command.format(pair.name("Work")))
            assert tagged.startswith("NO [NOPERM]") or command == "CLOSE"
            assert not any("BODY" in line for line in untagged)
        except EOFError:  # it may not be read any more
            pair.friend.close()
            pair.friend = type(pair.friend)(pair.site, *pair.friend_user)
        assert "MESSAGES 1" in pair.owner.ok("STATUS Work (MESSAGES)")[0]
        assert "MESSAGES 0" in pair.friend.ok("STATUS INBOX (MESSAGES)")[0]
        if rights == "lr" and command != "CLOSE":
            pair.friend.ok("UNSELECT")
        pair.owner.ok("DELETE Work")


def test_replace_takes_both_rights(pair):  # noqa: F811
    """As EXPUNGE of a message that is marked first does."""
    pair.owner.ok("CREATE Work")
    pair.owner.append("Work", message(1))
    for rights, ok in (("lrit", False), ("lrie", False), ("lrite", True)):
        pair.grant("Work", rights)
        pair.friend.ok(f"SELECT {pair.name('Work')}")
        _, tagged = pair.friend.command(f"REPLACE 1 {pair.name('Work')} {{6+}}\r\na: b\r\n")
        assert tagged.startswith("OK" if ok else "NO [NOPERM]"), (rights, tagged)
