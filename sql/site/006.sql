-- Whom the filter blocks or allows, whatever it thinks of the message
-- (lib/site/filter_list.h). Without domain and account an entry is for the
-- whole site. One place says one thing about an entry.

CREATE TABLE filter_list (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	entry TEXT NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('block', 'allow')),
	domain INTEGER REFERENCES domains ON DELETE CASCADE,
	account INTEGER REFERENCES accounts ON DELETE CASCADE,
	note TEXT NOT NULL DEFAULT '',
	made_by TEXT NOT NULL,
	created INTEGER NOT NULL,
	expires INTEGER NOT NULL DEFAULT 0,
	CHECK (domain IS NULL OR account IS NULL)
);
CREATE UNIQUE INDEX filter_list_place
	ON filter_list (entry, ifnull(account, 0), ifnull(domain, 0));
