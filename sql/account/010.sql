-- Sieve scripts. The source comes last, so that the other columns are read
-- without it; delivery asks for the active one by its index.
CREATE TABLE script (
    id INTEGER PRIMARY KEY,      -- stays when the script is renamed
    name TEXT NOT NULL UNIQUE,
    hash BLOB NOT NULL,          -- SHA-256 of the source
    size INTEGER NOT NULL,
    active INTEGER NOT NULL,     -- 0 or 1
    modseq INTEGER NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    source BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX script_active ON script (active) WHERE active = 1;
