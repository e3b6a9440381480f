-- From the content to its emails: SEARCH EMAILID (RFC 8474).
CREATE INDEX email_blob ON email (blob);
