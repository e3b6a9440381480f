-- POP3 unique-ids that messages had on the server they came from, so that
-- clients do not fetch them again.

CREATE TABLE email_uidl (
    email INTEGER PRIMARY KEY,
    uidl TEXT NOT NULL UNIQUE
) STRICT;
