-- What deliveries decided besides storing. Mail and notifications that go out:
-- the row is made by the transaction of the delivery and removed once somebody
-- else has taken it over (lib/store/outgoing.h).
CREATE TABLE outgoing (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL,      -- enum outgoing_kind; 0: done, holds its blob
    blob INTEGER NOT NULL,
    created INTEGER NOT NULL,
    due INTEGER NOT NULL,       -- not to be tried before
    tries INTEGER NOT NULL,
    sender TEXT NOT NULL,
    notify TEXT NOT NULL,       -- parameters of RFC 3461, or ''
    ret TEXT NOT NULL,
    envid TEXT NOT NULL,
    orcpt TEXT NOT NULL,
    by_time INTEGER NOT NULL,   -- RFC 2852; 0: none
    by_mode TEXT NOT NULL
) STRICT;
CREATE INDEX outgoing_due ON outgoing (due) WHERE kind > 0;

CREATE TABLE outgoing_recipient (
    outgoing INTEGER NOT NULL,
    n INTEGER NOT NULL,
    address TEXT NOT NULL,
    why TEXT NOT NULL,          -- what was said when it was tried last
    PRIMARY KEY (outgoing, n)
) STRICT, WITHOUT ROWID;

-- What vacation answered and duplicate saw (lib/store/memory.h).
CREATE TABLE memory (
    kind TEXT NOT NULL,
    key BLOB NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX memory_until ON memory (until);
