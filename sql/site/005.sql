-- When a key got into its state: for the rotation of DKIM keys
-- (lib/site/dkim.h).

ALTER TABLE dkim_keys ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
UPDATE dkim_keys SET changed = created;
