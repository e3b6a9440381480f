# SPDX-License-Identifier: BSD-2-Clause
"""The verbs "mailstead sieve ..."."""

import json

import pytest

from managesieve import Sieve

SCRIPT = 'require "fileinto";\nfileinto "Archive";\n'


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "a.sieve"
    path.write_text(SCRIPT)
    return path


def rows(site, *args):
    return json.loads(site.ctl("sieve", "list", *args, "--json"))


def test_account(site, script):
    user, password = site.new_account()
    assert rows(site, user) == []
    assert "stored" in site.ctl("sieve", "put", user, "a", script)
    site.ctl("sieve", "put", user, "b", input="keep;\n")
    assert site.ctl("sieve", "get", user, "a") == SCRIPT  # text mode: CRLF is LF
    assert json.loads(site.ctl("sieve", "get", user, "b", "--json"))["source"] == "keep;\r\n"
    site.ctl("sieve", "activate", user, "b")
    assert [(r["name"], r["active"]) for r in rows(site, user)] == [("a", False), ("b", True)]
    assert "yes" in site.ctl("sieve", "list", user)
    with Sieve(site, user, password) as c:
        assert c.scripts() == ["a", "*b"]
        site.ctl("sieve", "put", user, "a", script, "--activate")
        site.ctl("sieve", "rename", user, "a", "c")
        assert c.scripts() == ["b", "*c"]
        done = site.ctl("sieve", "delete", user, "c", check=False)
        assert done.returncode and "deactivate" in done.stderr
        site.ctl("sieve", "deactivate", user)
        site.ctl("sieve", "delete", user, "c")
        assert c.scripts() == ["b"]


def test_refused(site, script, tmp_path):
    user, _ = site.new_account()
    broken = tmp_path / "broken.sieve"
    broken.write_text('keep;\n  nonsense "a";\n')
    done = site.ctl("sieve", "put", user, "main", broken, check=False)
    assert done.returncode == 65 and "main:2:" in done.stderr and "nothing was stored" in done.stderr
    assert rows(site, user) == []
    for args, status in ((("get", user, "nope"), 66), (("activate", user, "nope"), 66), (("delete", user, "nope"), 66),
                         (("rename", user, "a", "b"), 66), (("put", user, "a\x01", script), 65),
                         (("put", user, "a", "/nowhere"), 66), (("get", user), 64), (("list", "nobody@x.test"), 67),
                         (("get", "a", "--place", "nowhere"), 64), (("get", "a", "--place", "domain"), 64),
                         (("put", "a", script, "--place", "before", "--activate"), 64),
                         (("put", "a", script, "--place", "before", "--domain", site.domain), 65),
                         (("put", "a", script, "--domain", "nowhere.test"), 67)):
        done = site.ctl("sieve", *args, check=False)
        assert done.returncode == status, (args, done)
    site.ctl("setting", "set", "sieve.max_scripts", "1", "--account", user)
    site.ctl("sieve", "put", user, "a", script)
    done = site.ctl("sieve", "put", user, "b", script, check=False)
    assert done.returncode and "sieve.max_scripts" in done.stderr
    site.ctl("setting", "set", "sieve.max_script_size", "10", "--account", user)
    done = site.ctl("sieve", "put", user, "a", script, check=False)
    assert done.returncode == 65 and "sieve.max_script_size" in done.stderr
    site.ctl("setting", "set", "sieve.extensions", "vacation", "--account", user)
    site.ctl("setting", "unset", "sieve.max_script_size", "--account", user)
    assert site.ctl("sieve", "activate", user, "a", check=False).returncode == 65


def test_site(site, script):
    domain = site.domain
    site.ctl("sieve", "put", "--place", "before", "20", script)
    site.ctl("sieve", "put", "--place", "before", "10", script)
    site.ctl("sieve", "put", "--place", "after", "z", script)
    site.ctl("sieve", "put", "--domain", domain, "house", script)
    site.ctl("sieve", "put", "--domain", domain, "--place", "global", "g", script)
    try:
        assert [(r["domain"], r["place"], r["name"]) for r in rows(site)] == [
            ("", "before", "10"), ("", "before", "20"), ("", "after", "z"), (domain, "domain", "house"),
            (domain, "global", "g")]
        assert [r["name"] for r in rows(site, "--domain", domain)] == ["house", "g"]
        assert [r["name"] for r in rows(site, "--place", "before")] == ["10", "20"]
        assert site.ctl("sieve", "get", "--domain", domain, "house") == SCRIPT
        # An account can include what is global.
        user, _ = site.new_account()
        text = 'require "include";\ninclude :global "g";\n'
        assert json.loads(site.ctl("sieve", "put", user, "a", "--json", input=text))["warnings"] == []
        assert "script.put" in site.ctl("audit")
    finally:
        for args in (("--place", "before", "10"), ("--place", "before", "20"), ("--place", "after", "z"),
                     ("--domain", domain, "house"), ("--domain", domain, "--place", "global", "g")):
            site.ctl("sieve", "delete", *args)
    assert rows(site) == []
    assert json.loads(site.ctl("sieve", "put", user, "a", "--json", input=text))["warnings"][0]["line"] == 2


def test_backup_brings_scripts_back(own_site, script, tmp_path):
    user, _ = own_site.new_account()
    own_site.ctl("sieve", "put", user, "a", script, "--activate")
    own_site.ctl("sieve", "put", "--place", "before", "b", script)
    copy = own_site.dir / "copy"
    own_site.ctl("backup", copy)
    own_site.ctl("sieve", "deactivate", user)
    own_site.ctl("sieve", "delete", user, "a")
    own_site.ctl("account", "remove", user, "--yes")
    own_site.ctl("restore", copy, user)
    assert [(r["name"], r["active"]) for r in rows(own_site, user)] == [("a", True)]
    assert [r["name"] for r in rows(own_site)] == ["b"]


@pytest.mark.parametrize("form", ["maildir", "mbox"])
def test_export(site, script, tmp_path, form):
    user, _ = site.new_account()
    long = "\U0001f600" * 128
    site.ctl("sieve", "put", user, "main ä", script, "--activate")
    site.ctl("sieve", "put", user, long, script)
    site.ctl("export", user, tmp_path / "out", "--format", form)
    names = sorted(x.name for x in (tmp_path / "out" / "sieve").iterdir())
    assert names[0] == "main ä.sieve" and len(names) == 2 and names[1].startswith(long[:50])
    assert (tmp_path / "out" / ".dovecot.sieve").read_text() == SCRIPT
    site.ctl("export", user, tmp_path / "inbox", "--mailbox", "INBOX")
    assert not (tmp_path / "inbox" / "sieve").exists()
    # Taken in again, all is as it was, but for the long name.
    other, _ = site.new_account()
    done = json.loads(site.ctl("import", other, tmp_path / "out", "--json"))
    assert (done["scripts"], done["active_script"], done["refused_scripts"]) == (2, "main ä", [])
    assert site.ctl("mailbox", "list", other) == site.ctl("mailbox", "list", user)
    assert ("main ä", True) in [(r["name"], r["active"]) for r in rows(site, other)] and len(rows(site, other)) == 2
    assert site.ctl("sieve", "get", other, "main ä") == SCRIPT


@pytest.fixture
def home(tmp_path):
    """As Dovecot has one: ~/Maildir, ~/sieve/*.sieve, ~/.dovecot.sieve."""
    for path in ("Maildir/cur", "Maildir/new", "Maildir/tmp", "sieve/tmp"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "sieve" / "main.sieve").write_text('require "include";\ninclude "part";\n')
    (tmp_path / "sieve" / "part.sieve").write_bytes(b"keep;\r\n")
    (tmp_path / "sieve" / "main.svbin").write_bytes(bytes(100))
    return tmp_path


def take(site, user, home, *args):
    done = site.ctl("import", user, home / "Maildir", "--json", *args, check=False)
    assert done.returncode == 0, done
    return json.loads(done.stdout), done.stderr


def test_import(site, home):
    user, _ = site.new_account()
    (home / ".dovecot.sieve").symlink_to("/nowhere/sieve/main.sieve")  # the home has moved
    assert take(site, user, home)[0]["scripts"] == 0
    done, said = take(site, user, home, "--sieve", home)
    assert (done["scripts"], done["active_script"], done["refused_scripts"], said) == (2, "main", [], "")
    assert [(r["name"], r["active"]) for r in rows(site, user)] == [("main", True), ("part", False)]
    assert json.loads(site.ctl("sieve", "get", user, "part", "--json"))["source"] == "keep;\r\n"
    # Once more: nothing new, and nothing said.
    done, said = take(site, user, home, "--sieve", home)
    assert (done["scripts"], done["active_script"], done["refused_scripts"], said) == (0, "", [], "")
    # What the owner did since stays.
    site.ctl("sieve", "put", user, "part", input="discard;\n")
    site.ctl("sieve", "activate", user, "part")
    done, said = take(site, user, home, "--sieve", home)
    assert done["refused_scripts"] == ["part"] and "another one" in said and '"part" stays active, not "main"' in said
    assert site.ctl("sieve", "get", user, "part") == "discard;\n"
    assert [r["name"] for r in rows(site, user) if r["active"]] == ["part"]


def test_import_leaves_out(site, home, tmp_path):
    """What does not compile, or might be somebody else's file."""
    user, _ = site.new_account()
    (home / ".dovecot.sieve").symlink_to("sieve/main.sieve")
    (home / "sieve" / "main.sieve").write_text("keep;\nnonsense;\n")
    (home / "sieve" / "link.sieve").symlink_to("part.sieve")
    (home / "sieve" / "large.sieve").write_text("keep;\n" + "#" * (2 << 20))
    (home / "sieve" / "a\x01.sieve").write_text("keep;\n")
    done, said = take(site, user, home, "--sieve", home)
    assert done["refused_scripts"] == ["a\x01", "large", "link", "main"] and done["scripts"] == 1
    assert "main:2:1: error:" in said and "does not compile" in said and "no script is active now" in said
    assert [(r["name"], r["active"]) for r in rows(site, user)] == [("part", False)]
    # A file in place of the link; for some mailboxes, or an mbox, there are no scripts.
    (home / ".dovecot.sieve").unlink()
    (home / ".dovecot.sieve").write_text(SCRIPT)
    done, _ = take(site, user, home, "--sieve", home)
    assert done["active_script"] == "dovecot.orig"
    assert "1 Sieve script, " not in site.ctl("import", user, home / "Maildir", "--mailbox", "old")
    other, _ = site.new_account()
    assert 'and 2 Sieve scripts, "dovecot.orig" being active' in site.ctl(
        "import", other, home / "Maildir", "--sieve", home)
