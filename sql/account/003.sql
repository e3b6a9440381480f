-- What SEARCH, SORT and THREAD ask of headers, decoded but not folded; see
-- lib/mime/keys.h. Emails from before this version get their row when it is
-- first asked for.
CREATE TABLE email_key (
    id INTEGER PRIMARY KEY,
    sent INTEGER,            -- Date:, seconds since 1970 UTC; NULL: none
    zone INTEGER NOT NULL,   -- of that date, minutes east of UTC
    msgid INTEGER NOT NULL,  -- hash63; 0: none
    refs BLOB NOT NULL,      -- hash63 of each, u64 little-endian, oldest first
    cut INTEGER NOT NULL,    -- bits of texts that are not whole
    subject TEXT,
    from_mailbox TEXT,
    from_name TEXT,
    to_mailbox TEXT,
    to_name TEXT,
    cc_mailbox TEXT,
    from_text TEXT,
    to_text TEXT,
    cc_text TEXT,
    bcc_text TEXT
) STRICT;
