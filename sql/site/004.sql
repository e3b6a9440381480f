-- Secrets of rewritten senders (lib/site/srs.h). The one that was not replaced
-- signs; others are kept while an address they signed can be valid.

CREATE TABLE srs_secrets (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	secret TEXT NOT NULL,
	replaced INTEGER
);
