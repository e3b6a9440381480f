-- The account database: everything that one account owns.
--
-- One line of numbers orders it all. state.modseq is the last one handed out;
-- every change takes the next, and the ids of mailboxes, emails, threads,
-- collections and resources are the modseq of their creation, so they are
-- unique for ever and tell what is newer.

CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    modseq INTEGER NOT NULL,
    change_floor INTEGER NOT NULL,  -- `change` is complete above this
    uidvalidity INTEGER NOT NULL,   -- last one handed out
    indexed INTEGER NOT NULL,       -- emails up to this id are in `search`
    bytes INTEGER NOT NULL,         -- quota usage: each email once
    emails INTEGER NOT NULL,
    warned INTEGER NOT NULL,        -- quota percentage last warned about
    boot TEXT NOT NULL              -- boot id under which it was last opened
) STRICT;

-- Numbers that a power cut may have handed out and lost (see note_boot). A
-- client whose state lies in [lo, hi) resynchronises in full.
CREATE TABLE gap (
    lo INTEGER PRIMARY KEY,
    hi INTEGER NOT NULL
) STRICT;

-- What changed, for those that ask "since". A row stands for a range of
-- items; messages that were added need none, their ids tell.
CREATE TABLE change (
    modseq INTEGER NOT NULL,
    kind INTEGER NOT NULL,       -- enum change_kind
    container INTEGER NOT NULL,  -- mailbox or collection; 0: account
    lo INTEGER NOT NULL,         -- UIDs, or ids
    hi INTEGER NOT NULL,
    PRIMARY KEY (modseq, kind, container, lo)
) STRICT, WITHOUT ROWID;

-- Mail --------------------------------------------------------------------

CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY,
    parent INTEGER NOT NULL,  -- 0: top level
    name TEXT NOT NULL,       -- one level, UTF-8
    role INTEGER NOT NULL,
    noselect INTEGER NOT NULL,
    uidvalidity INTEGER NOT NULL,
    uidnext INTEGER NOT NULL,
    first_recent INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    unseen INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    size INTEGER NOT NULL,
    threads INTEGER NOT NULL,
    unseen_threads INTEGER NOT NULL,
    UNIQUE (parent, name)
) STRICT;

CREATE TABLE subscription (
    path TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE keyword (
    id INTEGER PRIMARY KEY,  -- index: its flag bit, or beyond the bits
    name TEXT NOT NULL COLLATE NOCASE UNIQUE
) STRICT;

-- Immutable bytes. Up to the threshold they are in `data`, above it in the
-- file blobs/xx/HASH, synced before the row that names it commits.
CREATE TABLE blob (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,  -- SHA-256
    refs INTEGER NOT NULL,
    size INTEGER NOT NULL,
    codec INTEGER NOT NULL,     -- enum blob_codec
    frames BLOB,                -- ends of the compressed frames; NULL: one
    data BLOB                   -- NULL: in the file
) STRICT;

CREATE TABLE email (
    id INTEGER PRIMARY KEY,
    blob INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    msgid INTEGER NOT NULL,     -- hash63 of the Message-ID; 0: none
    sent INTEGER NOT NULL,
    received INTEGER NOT NULL,
    size INTEGER NOT NULL,
    attachment INTEGER NOT NULL
) STRICT;
CREATE INDEX email_thread ON email (thread);

-- What FETCH and lists show, computed at delivery and kept ready to send.
CREATE TABLE email_cache (
    id INTEGER PRIMARY KEY,
    envelope BLOB NOT NULL,
    structure BLOB NOT NULL,
    layout BLOB NOT NULL,
    preview TEXT NOT NULL,
    msgid TEXT NOT NULL
) STRICT;

-- An email's membership in a mailbox. Flags are the email's and equal in all
-- of its memberships, save \Deleted.
CREATE TABLE message (
    mailbox INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    email INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    keywords BLOB,              -- those without a bit; u32, little-endian
    modseq INTEGER NOT NULL,
    size INTEGER NOT NULL,
    received INTEGER NOT NULL,
    saved INTEGER NOT NULL,
    shared INTEGER NOT NULL,    -- 1: the email may have other memberships
    PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_email ON message (email);

CREATE TABLE mailbox_thread (
    mailbox INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    unseen INTEGER NOT NULL,
    PRIMARY KEY (mailbox, thread)
) STRICT, WITHOUT ROWID;

-- Which thread a Message-ID belongs to, by base subject (RFC 8621, 3).
CREATE TABLE thread_ref (
    msgid INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    PRIMARY KEY (msgid, subject)
) STRICT, WITHOUT ROWID;

-- Recent deliveries, so that a redelivery is stored once.
CREATE TABLE delivery (
    key BLOB PRIMARY KEY,
    at INTEGER NOT NULL,
    email INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Emails that left their last mailbox. Content is removed a little later, so
-- that sessions which still see a message can read it.
CREATE TABLE purge (
    email INTEGER PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT;

-- Trigrams of the folded text of emails; rowid is the email's id.
CREATE VIRTUAL TABLE search USING fts5(
    text, content='', detail=none, columnsize=0, tokenize='mailstead'
);

-- Collections and their items ----------------------------------------------

CREATE TABLE collection (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,      -- enum collection_kind
    name TEXT NOT NULL,         -- last segment of its address
    display TEXT NOT NULL,
    properties TEXT NOT NULL,   -- JSON: colour, order, time zone, ...
    modseq INTEGER NOT NULL,    -- of its last change, items included
    items INTEGER NOT NULL,
    size INTEGER NOT NULL,
    UNIQUE (kind, name)
) STRICT;

CREATE TABLE resource (
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL,
    name TEXT NOT NULL,         -- last segment of its address
    uid TEXT NOT NULL,          -- UID of the iCalendar or vCard object
    type TEXT NOT NULL,         -- component: VEVENT, VTODO, VCARD, ...
    etag TEXT NOT NULL,
    modseq INTEGER NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    size INTEGER NOT NULL,
    raw BLOB NOT NULL,          -- the bytes as the client wrote them
    UNIQUE (collection, name)
) STRICT;
CREATE INDEX resource_uid ON resource (collection, uid);
CREATE INDEX resource_modseq ON resource (collection, modseq);

-- Names that went, for those that ask "since" by name (RFC 6578).
CREATE TABLE resource_gone (
    collection INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (collection, modseq, name)
) STRICT, WITHOUT ROWID;

-- Occurrences, for time ranges; seconds UTC, hi exclusive.
CREATE TABLE instance (
    collection INTEGER NOT NULL,
    lo INTEGER NOT NULL,
    hi INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    recurrence TEXT NOT NULL,   -- RECURRENCE-ID or ''
    PRIMARY KEY (collection, lo, resource, recurrence)
) STRICT, WITHOUT ROWID;
CREATE INDEX instance_resource ON instance (resource);

-- Searchable values: names, addresses, phone numbers, categories.
CREATE TABLE resource_value (
    collection INTEGER NOT NULL,
    property TEXT NOT NULL,
    value TEXT NOT NULL,        -- folded
    resource INTEGER NOT NULL,
    PRIMARY KEY (collection, property, value, resource)
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_value_resource ON resource_value (resource);

-- The rest of what an account owns -----------------------------------------

-- Rights of others on a mailbox or collection (RFC 4314 letters).
CREATE TABLE share (
    object INTEGER NOT NULL,    -- id of the mailbox or collection
    identifier TEXT NOT NULL,   -- account id, 'anyone', '-' for negative
    rights TEXT NOT NULL,
    modseq INTEGER NOT NULL,
    PRIMARY KEY (object, identifier)
) STRICT, WITHOUT ROWID;

-- Named documents without an index of their own: Sieve scripts, identities,
-- PGP keys, device sync states, annotations (RFC 5464).
CREATE TABLE document (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    modseq INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
