-- Annotations of mailboxes, and of the account as a whole (RFC 5464).

CREATE TABLE annotation (
    mailbox INTEGER NOT NULL,   -- 0: the account
    user TEXT NOT NULL,         -- account id of whom it is private to; '': shared
    name TEXT NOT NULL,         -- lower case, from behind /private or /shared
    modseq INTEGER NOT NULL,
    value BLOB,                 -- NULL: removed, for those who follow changes
    PRIMARY KEY (mailbox, user, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX annotation_modseq ON annotation (modseq);
