# SPDX-License-Identifier: BSD-2-Clause
"""Unique-ids that stay when mail comes from another server."""

import os
import shutil

from imap_raw import message
from test_pop3 import Pop3


def import_(site, account, source, *options):
    """As the daemons' user can read it."""
    for path in [source, *source.rglob("*")] if source.is_dir() else [source]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    site.ctl("import", account[0], source, *options)


def uidls(site, account):
    """Subject -> unique-id."""
    with Pop3(site, *account) as c:
        ids = [line.split() for line in c.many("UIDL")]
        out = {next(x for x in c.many(f"TOP {n} 0") if x.startswith("Subject: "))[9:]: uid for n, uid in ids}
        c.ok("QUIT")
    return out


def maildir(path):
    for sub in ("cur", "new", "tmp"):
        (path / sub).mkdir(parents=True)
    (path / "cur" / "1276528487.M1.host:2,S").write_text(message(1).replace("\r\n", "\n"))
    (path / "cur" / "1276528488.M2.host:2,").write_text(message(2).replace("\r\n", "\n"))
    (path / "new" / "1276528489.M3.host").write_text(message(3).replace("\r\n", "\n"))
    (path / "dovecot-uidlist").write_text("3 V1275660208 N25022 G3085\n"
                                          "25006 :1276528487.M1.host:2,\n"
                                          "25017 Pkept-id W24 :1276528488.M2.host:2,\n")
    return path


def test_dovecot_maildir(site, tmp_path):
    account = site.new_account()
    source = maildir(site.dir / "uidl-maildir")
    import_(site, account, source)
    ids = uidls(site, account)
    assert ids["message 1"] == "000061ae4c0907b0"
    assert ids["message 2"] == "kept-id"
    own = ids["message 3"]
    assert own not in ("", "kept-id") and len(set(ids.values())) == 3
    import_(site, account, source)  # again: nothing changes
    assert uidls(site, account) == ids

    # The settings of ours do not touch them.
    site.ctl("setting", "set", "pop3.uidl", "content", "--account", account[0])
    changed = uidls(site, account)
    assert changed["message 1"] == ids["message 1"] and changed["message 3"] != own

    other = site.new_account()
    import_(site, other, source, "--uidl", "%f")
    assert uidls(site, other) == {"message 1": "1276528487.M1.host", "message 2": "kept-id",
                                  "message 3": "1276528489.M3.host"}
    third = site.new_account()
    import_(site, third, source, "--uidl", "none")
    assert not set(uidls(site, third).values()) & {"kept-id", "000061ae4c0907b0"}
    assert site.ctl("import", third[0], source, "--uidl", "%q", check=False).returncode
    shutil.rmtree(source)


def test_mbox(site):
    account = site.new_account()
    source = site.dir / "uidl.mbox"
    text = message(1).replace("\r\n", "\n").replace("Subject:", "X-UIDL: abc!def\nSubject:", 1)
    source.write_text("From a@b Mon Nov  2 10:00:00 2026\n" + text + "\n")
    import_(site, account, source)
    assert uidls(site, account) == {"message 1": "abc!def"}
    with Pop3(site, *account) as c:
        assert not any(x.startswith("X-UIDL") for x in c.many("RETR 1"))
    os.unlink(source)
