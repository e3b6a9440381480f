-- Sieve scripts of the site (domain NULL) and of domains. The source comes
-- last, so that the other columns are read without it.

CREATE TABLE scripts (
	id INTEGER PRIMARY KEY,
	domain INTEGER REFERENCES domains ON DELETE CASCADE,
	place TEXT NOT NULL
		CHECK (place IN ('before', 'domain', 'after', 'global')),
	name TEXT NOT NULL,
	hash BLOB NOT NULL,
	size INTEGER NOT NULL,
	changed INTEGER NOT NULL,
	source BLOB NOT NULL
);
CREATE UNIQUE INDEX scripts_unique ON scripts (ifnull(domain, 0), place, name);
