-- What the spam filter can learn: messages whose owner said what they are.

CREATE TABLE training (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    email INTEGER NOT NULL UNIQUE,
    spam INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
