-- What the filter took and keeps apart (lib/filter/quarantine.h). Times are
-- seconds since 1970 UTC.

-- A message; its octets are in the file quarantine/NAME.
CREATE TABLE message (
	id INTEGER PRIMARY KEY,
	file TEXT NOT NULL UNIQUE,
	hash BLOB NOT NULL,
	size INTEGER NOT NULL,
	sender TEXT NOT NULL,
	client TEXT NOT NULL,
	helo TEXT NOT NULL,
	queue_id TEXT NOT NULL,
	subject TEXT NOT NULL,
	author TEXT NOT NULL
);

-- What it is for one of its recipients. "owner" is the account who decides
-- about it and whose share it takes; empty: the operator, and the site's.
-- "n" never comes twice, so that it can tell where a list or a digest ended.
CREATE TABLE entry (
	n INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL UNIQUE,
	message INTEGER NOT NULL REFERENCES message (id),
	kind INTEGER NOT NULL,
	reason TEXT NOT NULL,
	score INTEGER NOT NULL,
	address TEXT NOT NULL,
	account TEXT NOT NULL,
	domain TEXT NOT NULL,
	owner TEXT NOT NULL,
	size INTEGER NOT NULL,
	at INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	released INTEGER NOT NULL DEFAULT 0,
	released_by TEXT NOT NULL DEFAULT '',
	lesson INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX entry_message ON entry (message);
CREATE INDEX entry_account ON entry (account, n);
CREATE INDEX entry_domain ON entry (domain, n);
CREATE INDEX entry_owner ON entry (owner, n, size);
CREATE INDEX entry_expires ON entry (expires);
CREATE INDEX entry_lesson ON entry (n) WHERE lesson = 1;

-- Files of messages that nobody has an entry of any more: to be removed.
CREATE TABLE leftover (file TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TRIGGER entry_deleted AFTER DELETE ON entry
WHEN NOT EXISTS (SELECT 1 FROM entry WHERE message = old.message)
BEGIN
	INSERT INTO leftover SELECT file FROM message WHERE id = old.message;
	DELETE FROM message WHERE id = old.message;
END;

-- How far each account was told of what is new, and when.
CREATE TABLE digest (
	account TEXT PRIMARY KEY,
	n INTEGER NOT NULL,
	at INTEGER NOT NULL
) WITHOUT ROWID;
