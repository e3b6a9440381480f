-- How much was sent within the windows of limits (lib/filter/limits.h): the
-- current one, which has a number since 1970, and the one before it. A row is of
-- no use any more when it "expires", in seconds since 1970 UTC.

CREATE TABLE limit_counters (
	setting TEXT NOT NULL,
	subject TEXT NOT NULL,
	number INTEGER NOT NULL,
	current INTEGER NOT NULL,
	before INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	PRIMARY KEY (setting, subject)
) WITHOUT ROWID;
CREATE INDEX limit_counters_expires ON limit_counters (expires);
