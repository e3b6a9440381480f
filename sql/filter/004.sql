-- MTA-STS policies of other domains (lib/outbound/sts_cache.h), as they were
-- fetched. One that is forgotten leaves the next attacker a chance to hide it.
CREATE TABLE sts_policies (
	domain TEXT PRIMARY KEY,
	id TEXT NOT NULL,
	text TEXT NOT NULL,
	fetched INTEGER NOT NULL,
	expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sts_policies_fetched ON sts_policies (fetched);
