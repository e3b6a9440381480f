-- What a place says of an entry besides is whether it is no stranger to
-- greylisting: the kind "known" (lib/site/filter_list.h).

CREATE TABLE filter_list_of_three (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	entry TEXT NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('block', 'allow', 'known')),
	domain INTEGER REFERENCES domains ON DELETE CASCADE,
	account INTEGER REFERENCES accounts ON DELETE CASCADE,
	note TEXT NOT NULL DEFAULT '',
	made_by TEXT NOT NULL,
	created INTEGER NOT NULL,
	expires INTEGER NOT NULL DEFAULT 0,
	CHECK (domain IS NULL OR account IS NULL)
);
INSERT INTO filter_list_of_three SELECT * FROM filter_list;
DROP TABLE filter_list;
ALTER TABLE filter_list_of_three RENAME TO filter_list;
CREATE UNIQUE INDEX filter_list_place ON filter_list
	(entry, kind = 'known', ifnull(account, 0), ifnull(domain, 0));
