-- What greylisting remembers (lib/filter/greylist.h). An id is the beginning
-- of a SHA-256 of what follows it: the filter keeps nothing else in memory.
-- Times are seconds since 1970 UTC. A row is of no use any more when it
-- "expires".

-- Who was asked to come again.
CREATE TABLE greylist_waiting (
	id BLOB PRIMARY KEY,
	place TEXT NOT NULL,
	sender TEXT NOT NULL,
	recipient TEXT NOT NULL,
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	count INTEGER NOT NULL,
	expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX greylist_waiting_expires ON greylist_waiting (expires);

-- Places that came again; sender and recipient are those they did it with.
CREATE TABLE greylist_known (
	id BLOB PRIMARY KEY,
	place TEXT NOT NULL,
	sender TEXT NOT NULL,
	recipient TEXT NOT NULL,
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	count INTEGER NOT NULL,
	expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX greylist_known_expires ON greylist_known (expires);

-- Addresses that our accounts wrote to.
CREATE TABLE greylist_correspondents (
	id BLOB PRIMARY KEY,
	address TEXT NOT NULL,
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	count INTEGER NOT NULL,
	expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX greylist_correspondents_expires
	ON greylist_correspondents (expires);

-- Domains that sent with SPF or DKIM pass.
CREATE TABLE greylist_domains (
	id BLOB PRIMARY KEY,
	domain TEXT NOT NULL,
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	count INTEGER NOT NULL,
	expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX greylist_domains_expires ON greylist_domains (expires);
