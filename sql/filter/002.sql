-- Reports (lib/filter/dmarc_history.h, report_send.h, report_receive.h). Times
-- are seconds since 1970 UTC.

-- What an aggregate report will be about: messages in the name of a domain in
-- a period.
CREATE TABLE dmarc_periods (
	id INTEGER PRIMARY KEY,
	domain TEXT NOT NULL,         -- whose DMARC record it was
	begin INTEGER NOT NULL,
	end INTEGER NOT NULL,
	created INTEGER NOT NULL,
	record TEXT NOT NULL,         -- as it was last seen
	discovery TEXT NOT NULL,      -- "psl", "tree"
	rows INTEGER NOT NULL DEFAULT 0,
	lost INTEGER NOT NULL DEFAULT 0, -- messages beyond the limit of rows
	done INTEGER,                 -- when nothing was left to be sent
	UNIQUE (domain, begin, end)
);
CREATE INDEX dmarc_periods_open ON dmarc_periods (id) WHERE done IS NULL;

-- Messages that are alike; gone when the report is sent.
CREATE TABLE dmarc_rows (
	period INTEGER NOT NULL REFERENCES dmarc_periods ON DELETE CASCADE,
	key BLOB NOT NULL,            -- SHA-256 of what follows but the count
	source_ip TEXT NOT NULL,
	disposition TEXT NOT NULL,
	dkim TEXT NOT NULL,
	spf TEXT NOT NULL,
	reason TEXT NOT NULL,         -- of an override; '': there is none
	comment TEXT NOT NULL,
	header_from TEXT NOT NULL,
	envelope_from TEXT NOT NULL,
	signatures TEXT NOT NULL,     -- "domain selector result" a line
	spf_domain TEXT NOT NULL,
	spf_scope TEXT NOT NULL,
	spf_result TEXT NOT NULL,
	count INTEGER NOT NULL,
	PRIMARY KEY (period, key)
) WITHOUT ROWID;

-- What became of it at each address that asked for it.
CREATE TABLE dmarc_sent (
	period INTEGER NOT NULL REFERENCES dmarc_periods ON DELETE CASCADE,
	address TEXT NOT NULL,
	state TEXT NOT NULL,          -- "waiting", "sent", "failed"
	tries INTEGER NOT NULL,
	next INTEGER NOT NULL,        -- no earlier
	changed INTEGER NOT NULL,
	why TEXT NOT NULL,
	PRIMARY KEY (period, address)
) WITHOUT ROWID;

-- Addresses that refuse reports get none for a while.
CREATE TABLE report_refusals (
	address TEXT PRIMARY KEY,
	count INTEGER NOT NULL,
	until INTEGER NOT NULL,
	why TEXT NOT NULL
) WITHOUT ROWID;

-- Failure reports of a day, for the limit.
CREATE TABLE failure_reports (
	domain TEXT NOT NULL,
	day INTEGER NOT NULL,
	count INTEGER NOT NULL,
	PRIMARY KEY (domain, day)
) WITHOUT ROWID;

-- What others sent us.
CREATE TABLE received_reports (
	id INTEGER PRIMARY KEY,
	kind TEXT NOT NULL,           -- "dmarc", "tls"
	organization TEXT NOT NULL,
	report_id TEXT NOT NULL,
	contact TEXT NOT NULL,
	sender TEXT NOT NULL,         -- the domain that is proven to have sent it
	domain TEXT NOT NULL,         -- that it is about
	begin INTEGER NOT NULL,
	end INTEGER NOT NULL,
	received INTEGER NOT NULL,
	passed INTEGER NOT NULL,      -- messages, or TLS sessions
	failed INTEGER NOT NULL,
	UNIQUE (kind, organization, report_id)
);
CREATE INDEX received_reports_received ON received_reports (received);

CREATE TABLE received_aggregates (
	report INTEGER NOT NULL REFERENCES received_reports ON DELETE CASCADE,
	source_ip TEXT NOT NULL,
	count INTEGER NOT NULL,
	disposition TEXT NOT NULL,
	dkim TEXT NOT NULL,
	spf TEXT NOT NULL,
	reasons TEXT NOT NULL,        -- "type comment" a line
	header_from TEXT NOT NULL,
	envelope_from TEXT NOT NULL,
	signatures TEXT NOT NULL,     -- "domain selector result" a line
	spf_results TEXT NOT NULL     -- "domain scope result" a line
);
CREATE INDEX received_aggregates_report ON received_aggregates (report);

-- A policy that was met, or (with a result) a way in which it failed.
CREATE TABLE received_tls (
	report INTEGER NOT NULL REFERENCES received_reports ON DELETE CASCADE,
	policy TEXT NOT NULL,         -- "sts", "tlsa", "no-policy-found"
	domain TEXT NOT NULL,
	result TEXT NOT NULL,         -- '': the totals of the policy
	successes INTEGER NOT NULL,
	failures INTEGER NOT NULL,
	sending_ip TEXT NOT NULL,
	receiving_host TEXT NOT NULL,
	receiving_ip TEXT NOT NULL,
	reason TEXT NOT NULL
);
CREATE INDEX received_tls_report ON received_tls (report);
