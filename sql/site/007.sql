-- When the DNS first showed the record of a key that waits for that
-- (lib/site/dkim.h); 0: not yet.

ALTER TABLE dkim_keys ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;
