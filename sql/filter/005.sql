-- Failure reports that are to be sent (lib/filter/failure_queue.h): what they
-- tell of a message. Times are seconds since 1970 UTC. Gone when they are sent.
CREATE TABLE failure_queue (
	id INTEGER PRIMARY KEY,
	next INTEGER NOT NULL,        -- no earlier
	created INTEGER NOT NULL,
	domain TEXT NOT NULL,         -- whose DMARC record it was
	record TEXT NOT NULL,
	author TEXT NOT NULL,
	source_ip TEXT NOT NULL,
	mail_from TEXT NOT NULL,
	rcpt_to TEXT NOT NULL,
	results TEXT NOT NULL,
	auth_failure TEXT NOT NULL,
	delivery_result TEXT NOT NULL,
	alignment TEXT NOT NULL,
	dkim_domain TEXT NOT NULL,    -- of a signature; '': there was none
	dkim_selector TEXT NOT NULL,
	dkim_identity TEXT NOT NULL,
	header TEXT NOT NULL,
	spf_record TEXT NOT NULL      -- that the sender fails; '': none
);
CREATE INDEX failure_queue_next ON failure_queue (next);

-- By which equal names stay equal when they are made unreadable, and envelope
-- ids are ours (lib/filter/report_bounce.h).
CREATE TABLE report_secret (key BLOB NOT NULL);
INSERT INTO report_secret VALUES (randomblob(32));
