# SPDX-License-Identifier: BSD-2-Clause
"""imapd: mailbox names outside ASCII, composed and not (RFC 9051, section 5.1)."""

import pytest

from imap_raw import Imap, message

COMPOSED, LOOSE = "B\u00fccher", "Bu\u0308cher"


@pytest.fixture
def c(site):
    with Imap(site, *site.new_account()) as connection:
        yield connection


def test_normalised(c):
    c.ok("ENABLE IMAP4rev2")
    assert c.ok(f'CREATE "{LOOSE}"') == [f'* LIST () "/" "{COMPOSED}" ("OLDNAME" ("{LOOSE}"))']
    for name in (LOOSE, COMPOSED):
        c.append(f'"{name}"', message(1))
        assert any(COMPOSED in line for line in c.ok(f'LIST "" "{name}"'))
        assert c.ok(f'STATUS "{name}" (MESSAGES)')[0].startswith(f'* STATUS "{COMPOSED}" ')
        c.no(f'CREATE "{name}"', "ALREADYEXISTS")
    assert any(f'("OLDNAME" ("{LOOSE}"))' in line for line in c.ok(f'SELECT "{LOOSE}"'))
    c.ok(f'RENAME "{LOOSE}" "x{LOOSE}"')
    assert c.ok('LIST "" "x*"') == [f'* LIST (\\HasNoChildren) "/" "x{COMPOSED}"']
    assert c.ok("CREATE Plain") == []


def test_modified_utf7(c):
    c.ok("CREATE Bu&Awg-cher")
    assert any('"/" B&APw-cher' in line for line in c.ok('LIST "" *'))
    c.ok("SUBSCRIBE Bu&Awg-cher")
    assert c.ok('LSUB "" B*') == ['* LSUB () "/" B&APw-cher']
    c.ok("DELETE B&APw-cher")
