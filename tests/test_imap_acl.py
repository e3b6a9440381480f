# SPDX-License-Identifier: BSD-2-Clause
"""imapd: mailboxes of other users, and who may do what there (RFC 4314)."""

import re

import pytest

from conftest import wait_for
from imap_raw import Imap, message


class Pair:
    """An owner and a friend, and the friend's name for the owner's mailboxes."""

    def __init__(self, site):
        self.site = site
        self.owner_user, self.friend_user = site.new_account(), site.new_account()
        self.owner = Imap(site, *self.owner_user)
        self.friend = Imap(site, *self.friend_user)
        self.prefix = f"Other Users/{self.owner_user[0]}"

    def name(self, mailbox):
        return f'"{self.prefix}/{mailbox}"'

    def grant(self, mailbox, rights, who=None):
        self.owner.ok(f"SETACL {mailbox} {who or self.friend_user[0]} {rights}")


@pytest.fixture
def pair(site):
    p = Pair(site)
    yield p
    p.owner.close()
    p.friend.close()


def acl(c, mailbox):
    """{identifier: letters}, of GETACL."""
    words = c.ok(f"GETACL {mailbox}")[0].split()
    assert words[:3] == ["*", "ACL", mailbox]
    return dict(zip(words[3::2], words[4::2]))


def names(c, pattern):
    return [re.search(r'"/" "?([^"]*)"?$', line)[1] for line in c.ok(f'LIST "" "{pattern}"')]


def test_capability(site):
    with Imap(site) as c:
        line = c.ok("CAPABILITY")[0].split()
    assert "ACL" in line and "RIGHTS=kxte" in line


def test_commands(pair):
    owner, o, f = pair.owner, pair.owner_user[0], pair.friend_user[0]
    owner.ok("CREATE Work")
    assert acl(owner, "Work") == {o: "lrswipkxteacd"}
    assert owner.ok("MYRIGHTS Work") == ["* MYRIGHTS Work lrswipkxteacd"]
    owner.ok(f"SETACL Work {f} lrs")
    owner.ok(f"SETACL Work {f} +wi")
    owner.ok(f"SETACL Work {f} -s")
    assert acl(owner, "Work")[f] == "lrwi"
    owner.ok(f"SETACL Work {f} lrc")  # RFC 2086's create
    assert acl(owner, "Work")[f] == "lrkxc"
    owner.ok(f"SETACL Work -{f} r")
    assert acl(owner, "Work")["-" + f] == "r"
    owner.ok(f"DELETEACL Work -{f}")
    owner.ok(f"DELETEACL Work {f}")
    assert acl(owner, "Work") == {o: "lrswipkxteacd"}
    assert owner.ok(f"LISTRIGHTS Work {f}") == [f'* LISTRIGHTS Work {f} "" l r s w i p k x t e a c d']
    assert owner.ok(f"LISTRIGHTS Work {o}") == [f"* LISTRIGHTS Work {o} la r s w i p k x t e c d"]
    owner.bad(f"SETACL Work {f} lrz")
    owner.bad(f"SETACL Work {f}")
    owner.no("SETACL Work nobody@nowhere.example lr", "CANNOT")
    owner.no(f"SETACL None {f} lr", "NONEXISTENT")


def test_owner_keeps_admin(pair):
    pair.owner.ok("CREATE Work")
    pair.owner.ok(f'SETACL Work {pair.owner_user[0]} ""')
    assert pair.owner.ok("MYRIGHTS Work") == ["* MYRIGHTS Work la"]
    pair.owner.no("SELECT Work", "NOPERM")
    pair.owner.ok(f"DELETEACL Work {pair.owner_user[0]}")
    pair.owner.ok("SELECT Work")


def test_unshared_is_not_there(pair):
    for command in ("SELECT {}", "STATUS {} (MESSAGES)", "GETACL {}", "MYRIGHTS {}", "DELETE {}",
                    "SETACL {} anyone lr", "SUBSCRIBE {}", "RENAME {} X", "LISTRIGHTS {} anyone"):
        pair.friend.no(command.format(pair.name("INBOX")), "NONEXISTENT")
    assert pair.friend.ok('LIST "" "Other Users/*"') == []


def test_list_and_select(pair):
    pair.owner.ok("CREATE Work/Plan")
    pair.owner.append("Work/Plan", message(1))
    pair.grant("Work/Plan", "lr")
    assert names(pair.friend, "*")[-1] == pair.prefix + "/Work/Plan"
    pair.friend.ok(f"STATUS {pair.name('Work/Plan')} (MESSAGES)")
    _, tagged = pair.friend.command(f"SELECT {pair.name('Work/Plan')}")
    assert tagged.startswith("OK [READ-ONLY]")
    assert "message 1" in pair.friend.ok("FETCH 1 (ENVELOPE)")[0]
    pair.friend.no("STORE 1 +FLAGS (\\Seen)")
    pair.friend.ok("UNSELECT")
    # Looked up, but not to be read.
    pair.grant("Work/Plan", "l")
    assert names(pair.friend, "*")[-1] == pair.prefix + "/Work/Plan"
    pair.friend.no(f"SELECT {pair.name('Work/Plan')}", "NOPERM")
    pair.owner.ok(f"DELETEACL Work/Plan {pair.friend_user[0]}")
    assert names(pair.friend, "Other*") == []


def test_subscriptions(pair):
    pair.owner.ok("CREATE Work")
    pair.grant("Work", "lr")
    pair.friend.ok(f"SUBSCRIBE {pair.name('Work')}")
    assert f'* LSUB () "/" {pair.name("Work")}' in pair.friend.ok('LSUB "" *')
    assert any("Other Users" in line for line in pair.friend.ok('LIST (SUBSCRIBED) "" *'))
    assert not any("Work" in line for line in pair.owner.ok('LSUB "" *'))
    pair.friend.ok(f"UNSUBSCRIBE {pair.name('Work')}")
    assert not any("Other Users" in line for line in pair.friend.ok('LSUB "" *'))


def flags(c, seq):
    line = next(line for line in c.ok(f"FETCH {seq} FLAGS") if "FLAGS" in line)
    return set(re.search(r"FLAGS \((.*?)\)", line)[1].split()) - {"\\Recent"}


def test_flags_need_their_rights(pair):
    pair.owner.ok("CREATE Work")
    for n in range(4):
        pair.owner.append("Work", message(n))
    cases = (("lrs", {"\\Seen"}), ("lrw", {"\\Flagged", "kw"}), ("lrt", {"\\Deleted"}))
    for seq, (rights, expected) in enumerate(cases, 1):
        pair.grant("Work", rights)
        pair.friend.ok(f"SELECT {pair.name('Work')}")
        pair.friend.ok(f"STORE {seq} +FLAGS (\\Seen \\Flagged \\Deleted kw)")
        assert flags(pair.friend, seq) == expected
    # FETCH of a body sets \Seen for those alone who may.
    pair.friend.ok("FETCH 4 BODY[]")
    assert flags(pair.friend, 4) == set()
    # A right that is lost while the mailbox is open is lost.
    pair.grant("Work", "lr")
    pair.friend.no("STORE 4 +FLAGS (\\Deleted)")


def test_expunge_needs_e(pair):
    pair.owner.ok("CREATE Work")
    pair.owner.append("Work", message(1), "(\\Deleted)")
    pair.grant("Work", "lrt")
    pair.friend.ok(f"SELECT {pair.name('Work')}")
    pair.friend.no("EXPUNGE", "NOPERM")
    pair.friend.ok("CLOSE")
    assert "MESSAGES 1" in pair.owner.ok("STATUS Work (MESSAGES)")[0]
    pair.grant("Work", "lrte")
    pair.friend.ok(f"SELECT {pair.name('Work')}")
    assert "* 1 EXPUNGE" in pair.friend.ok("EXPUNGE")


def test_append_needs_i(pair):
    pair.owner.ok("CREATE Work")
    pair.grant("Work", "lr")
    target = pair.name("Work")
    _, tagged = pair.friend.command(f"APPEND {target} {{3+}}\r\nabc")
    assert tagged.startswith("NO [NOPERM]")
    pair.grant("Work", "i")  # to a mailbox that cannot be seen
    pair.friend.append(target, message(1), "(\\Seen \\Flagged)")
    pair.owner.ok("SELECT Work")
    assert flags(pair.owner, 1) == set()


def test_create_and_delete(pair):
    pair.owner.ok("CREATE Work")
    pair.grant("Work", "lr")
    child = pair.name("Work/Child")
    pair.friend.no(f"CREATE {child}", "NOPERM")
    pair.friend.no(f"CREATE {pair.name('Elsewhere')}", "NOPERM")
    pair.grant("Work", "lrk")
    pair.friend.ok(f"CREATE {child}")
    # Who may see the parent may see the child.
    assert pair.prefix + "/Work/Child" in names(pair.friend, "*")
    pair.friend.no(f"DELETE {child}", "NOPERM")
    pair.grant("Work/Child", "lrx")
    pair.friend.ok(f"RENAME {child} {pair.name('Work/Other')}")
    pair.friend.no(f"RENAME {pair.name('Work/Other')} Mine", "CANNOT")
    pair.friend.ok(f"DELETE {pair.name('Work/Other')}")


def test_administer(pair):
    pair.owner.ok("CREATE Work")
    pair.grant("Work", "lr")
    pair.friend.no(f"GETACL {pair.name('Work')}", "NOPERM")
    pair.grant("Work", "lra")
    pair.friend.ok(f"SETACL {pair.name('Work')} {pair.friend_user[0]} lrswa")
    assert pair.friend.ok(f"MYRIGHTS {pair.name('Work')}")[0].endswith(" lrswa")


def test_negative_rights(pair):
    pair.owner.ok("CREATE Work")
    pair.grant("Work", "lrsw")
    pair.grant("Work", "w", "-" + pair.friend_user[0])
    assert pair.friend.ok(f"MYRIGHTS {pair.name('Work')}")[0].endswith(" lrs")


def test_everybody(site, pair):
    pair.owner.ok("CREATE Work")
    pair.grant("Work", "lr", "@" + site.domain)
    assert pair.prefix + "/Work" in names(pair.friend, "*")
    pair.grant("Work", '""', "@" + site.domain)
    assert pair.prefix + "/Work" not in names(pair.friend, "*")
    pair.grant("Work", "lr", "anyone")
    assert pair.prefix + "/Work" in names(pair.friend, "*")
    pair.owner.ok("DELETEACL Work anyone")


@pytest.mark.parametrize("command", ["COPY", "MOVE"])
def test_copy_between_accounts(pair, command):
    pair.owner.ok("CREATE Work")
    pair.grant("Work", "lrswite")
    # So that keywords have other numbers there.
    pair.owner.append("INBOX", message(9), "(other)")
    for n in range(3):
        pair.friend.append("INBOX", message(n), "($Forwarded \\Seen)" if n == 1 else "(\\Flagged)")
    pair.friend.ok("SELECT INBOX")
    untagged, tagged = pair.friend.command(f"{command} 2:3 {pair.name('Work')}")
    assert tagged.startswith("OK")
    assert re.search(r"COPYUID \d+ 2:3 1:2", tagged + "".join(untagged))
    pair.owner.ok("SELECT Work")
    assert flags(pair.owner, 1) == {"$Forwarded", "\\Seen"}
    assert flags(pair.owner, 2) == {"\\Flagged"}
    assert "message 2" in pair.owner.ok("FETCH 2 (BODY[])")[0]
    left = "1" if command == "MOVE" else "3"
    assert f"MESSAGES {left}" in pair.friend.ok("STATUS INBOX (MESSAGES)")[0]
    # And back, from a mailbox that is selected in the other account.
    pair.friend.ok(f"SELECT {pair.name('Work')}")
    pair.friend.ok(f"{command} 1 Archive")
    assert "MESSAGES 1" in pair.friend.ok("STATUS Archive (MESSAGES)")[0]


def test_quota_is_the_owners(site, pair):
    pair.owner.ok("CREATE Work")
    pair.grant("Work", "lri")
    site.ctl("account", "set", pair.owner_user[0], "--quota", "2000")
    big = message(1, "x" * 3000 + "\r\n")
    pair.friend.append("INBOX", big)
    pair.friend.ok("SELECT INBOX")
    pair.friend.no(f"COPY 1 {pair.name('Work')}", "OVERQUOTA")
    assert "MESSAGES 0" in pair.owner.ok("STATUS Work (MESSAGES)")[0]


def test_idle_across_accounts(pair):
    pair.owner.ok("CREATE Work")
    pair.grant("Work", "lr")
    pair.friend.ok(f"SELECT {pair.name('Work')}")
    pair.friend.idle()
    pair.owner.append("Work", message(1))
    assert pair.friend.line() == "* 1 EXISTS"
    pair.friend.done()


def test_revoked_while_selected(pair):
    pair.owner.ok("CREATE Work")
    pair.owner.append("Work", message(1))
    pair.grant("Work", "lr")
    pair.friend.ok(f"SELECT {pair.name('Work')}")
    pair.owner.ok(f"DELETEACL Work {pair.friend_user[0]}")

    def refused():
        try:
            return not pair.friend.command("FETCH 1 BODY[]")[1].startswith("OK")
        except (EOFError, ConnectionError):
            return True

    wait_for(refused)


def test_levels(pair):
    """Above mailboxes that are shared there are names without one."""
    pair.owner.ok("CREATE Work/Plan")
    pair.grant("Work/Plan", "lr")
    top = f'"{pair.prefix}"'
    assert pair.friend.ok('LIST "" "Other Users/%"') == [f'* LIST (\\Noselect \\HasChildren) "/" {top}']
    assert '* LIST (\\Noselect \\HasChildren) "/" "Other Users"' in pair.friend.ok('LIST "" %')
    assert pair.friend.ok(f'LIST "" "{pair.prefix}/%"') == [
        f'* LIST (\\Noselect \\HasChildren) "/" {pair.name("Work")}']
    assert pair.friend.ok(f'LIST "" "{pair.prefix}/*" RETURN (STATUS (MESSAGES))') == [
        f'* LIST () "/" {pair.name("Work/Plan")}', f'* STATUS {pair.name("Work/Plan")} (MESSAGES 0)']
    assert pair.friend.ok("NAMESPACE") == ['* NAMESPACE (("" "/")) (("Other Users/" "/")) NIL']


def test_uses_are_the_owners(pair):
    """Another's \\Sent is not where this user's mail is sent from (RFC 6154)."""
    pair.grant("Sent", "lr")
    sent = pair.name("Sent")
    assert pair.friend.ok(f'LIST "" {sent}') == [f'* LIST (\\HasNoChildren) "/" {sent}']
    assert not any("Other Users" in line for line in pair.friend.ok('LIST (SPECIAL-USE) "" *'))
