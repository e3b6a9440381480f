-- Messages with UTF-8 in their headers, and how long they are for clients that
-- know nothing of it (lib/mime/downgrade.h). Emails from before this version
-- are looked at when it is first asked.
CREATE TABLE email_downgraded (
    email INTEGER PRIMARY KEY,
    size INTEGER            -- NULL: not looked at yet
) STRICT;
CREATE INDEX email_downgraded_unknown ON email_downgraded (email)
    WHERE size IS NULL;
INSERT INTO email_downgraded (email) SELECT id FROM email;
