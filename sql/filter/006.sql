-- What TLS reports are made of, and what became of them
-- (lib/outbound/tls_collect.h, tls_send.h). Days are their first second, UTC.
CREATE TABLE tls_days (
	id INTEGER PRIMARY KEY,
	day INTEGER NOT NULL,
	domain TEXT NOT NULL,
	done INTEGER,                 -- when its reports were; NULL: not yet
	UNIQUE (day, domain)
);
CREATE INDEX tls_days_waiting ON tls_days (day) WHERE done IS NULL;
CREATE TABLE tls_sessions (
	report INTEGER NOT NULL,      -- tls_days.id
	policy TEXT NOT NULL,         -- "sts", "tlsa", "no-policy-found"
	strings TEXT NOT NULL,        -- it, a line each
	result TEXT NOT NULL,         -- '': success
	mx TEXT NOT NULL,             -- of a failure
	ip TEXT NOT NULL,
	count INTEGER NOT NULL,
	PRIMARY KEY (report, policy, strings, result, mx, ip)
) WITHOUT ROWID;
CREATE TABLE tls_sent (
	report INTEGER NOT NULL,
	address TEXT NOT NULL,        -- URI
	state TEXT NOT NULL,          -- "sent", "waiting", "failed"
	next INTEGER NOT NULL,        -- of "waiting"
	changed INTEGER NOT NULL,
	why TEXT NOT NULL,
	PRIMARY KEY (report, address)
) WITHOUT ROWID;

-- How far a mail log was read.
CREATE TABLE tls_logs (
	path TEXT PRIMARY KEY,
	inode INTEGER NOT NULL,
	at INTEGER NOT NULL
) WITHOUT ROWID;
