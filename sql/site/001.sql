-- The site database. Times are seconds since 1970 UTC. "generation" rises
-- with every change of the directory, not with the high-churn tables
-- (logins, auth_failures), so that caches survive those. "secret" makes the
-- salts that unknown users are shown.

CREATE TABLE meta (
	only INTEGER PRIMARY KEY CHECK (only = 1),
	generation INTEGER NOT NULL,
	secret BLOB NOT NULL
);
INSERT INTO meta VALUES (1, 1, randomblob(32));

CREATE TABLE domains (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE,
	parent INTEGER REFERENCES domains ON DELETE SET NULL,
	alias_of INTEGER REFERENCES domains ON DELETE RESTRICT,
	disabled INTEGER NOT NULL DEFAULT 0,
	created INTEGER NOT NULL
);
CREATE INDEX domains_parent ON domains (parent) WHERE parent IS NOT NULL;
CREATE INDEX domains_alias ON domains (alias_of) WHERE alias_of IS NOT NULL;

CREATE TABLE accounts (
	n INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL UNIQUE,
	key TEXT NOT NULL UNIQUE,
	address TEXT NOT NULL,
	domain INTEGER NOT NULL REFERENCES domains ON DELETE RESTRICT,
	name TEXT NOT NULL DEFAULT '',
	state INTEGER NOT NULL DEFAULT 0,
	backend TEXT NOT NULL DEFAULT '',
	password TEXT,
	created INTEGER NOT NULL,
	revision INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX accounts_domain ON accounts (domain, key);

-- Ids are never used twice, not even by chance.
CREATE TABLE removed_accounts (
	id TEXT PRIMARY KEY,
	address TEXT NOT NULL,
	removed INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE verifiers (
	account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
	mechanism TEXT NOT NULL,
	data TEXT NOT NULL,
	PRIMARY KEY (account, mechanism)
) WITHOUT ROWID;

CREATE TABLE app_passwords (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
	label TEXT NOT NULL,
	hash BLOB NOT NULL,
	services TEXT NOT NULL DEFAULT '*',
	created INTEGER NOT NULL,
	expires INTEGER,
	UNIQUE (account, hash)
);

CREATE TABLE totp (
	account INTEGER PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
	secret BLOB NOT NULL,
	confirmed INTEGER NOT NULL DEFAULT 0,
	last_step INTEGER NOT NULL DEFAULT 0,
	recovery TEXT NOT NULL DEFAULT '',
	created INTEGER NOT NULL
);

CREATE TABLE aliases (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	key TEXT NOT NULL UNIQUE,
	address TEXT NOT NULL,
	domain INTEGER NOT NULL REFERENCES domains ON DELETE CASCADE,
	disabled INTEGER NOT NULL DEFAULT 0,
	created INTEGER NOT NULL
);
CREATE INDEX aliases_domain ON aliases (domain, key);
CREATE TABLE alias_targets (
	alias INTEGER NOT NULL REFERENCES aliases ON DELETE CASCADE,
	position INTEGER NOT NULL,
	target TEXT NOT NULL,
	PRIMARY KEY (alias, position)
) WITHOUT ROWID;

-- domain and account both NULL: the site's.
CREATE TABLE settings (
	id INTEGER PRIMARY KEY,
	domain INTEGER REFERENCES domains ON DELETE CASCADE,
	account INTEGER REFERENCES accounts ON DELETE CASCADE,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	CHECK (domain IS NULL OR account IS NULL)
);
CREATE UNIQUE INDEX settings_scope
	ON settings (ifnull(account, 0), ifnull(domain, 0), key);

CREATE TABLE dkim_keys (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	domain INTEGER NOT NULL REFERENCES domains ON DELETE CASCADE,
	selector TEXT NOT NULL,
	algorithm TEXT NOT NULL,
	private_pem TEXT NOT NULL,
	state TEXT NOT NULL DEFAULT 'pending',
	created INTEGER NOT NULL,
	UNIQUE (domain, selector)
);

CREATE TABLE certificates (
	name TEXT PRIMARY KEY,
	chain TEXT NOT NULL,
	key TEXT NOT NULL,
	changed INTEGER NOT NULL
) WITHOUT ROWID;

-- What an account may administer: a role on a domain, or (NULL) the site.
CREATE TABLE roles (
	id INTEGER PRIMARY KEY,
	account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
	domain INTEGER REFERENCES domains ON DELETE CASCADE,
	role TEXT NOT NULL
);
CREATE UNIQUE INDEX roles_unique ON roles (account, ifnull(domain, 0), role);

CREATE TABLE api_keys (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	label TEXT NOT NULL,
	hash BLOB NOT NULL UNIQUE,
	account INTEGER REFERENCES accounts ON DELETE CASCADE,
	scopes TEXT NOT NULL,
	networks TEXT NOT NULL DEFAULT '',
	created INTEGER NOT NULL,
	expires INTEGER,
	last_used INTEGER
);

CREATE TABLE web_sessions (
	hash BLOB PRIMARY KEY,
	account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
	created INTEGER NOT NULL,
	last_used INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	peer TEXT NOT NULL DEFAULT '',
	agent TEXT NOT NULL DEFAULT '',
	csrf BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX web_sessions_account ON web_sessions (account);

-- Senders and clients blocked or allowed by hand, at any scope.
CREATE TABLE address_lists (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	domain INTEGER REFERENCES domains ON DELETE CASCADE,
	account INTEGER REFERENCES accounts ON DELETE CASCADE,
	kind TEXT NOT NULL,
	pattern TEXT NOT NULL,
	allow INTEGER NOT NULL,
	note TEXT NOT NULL DEFAULT '',
	created INTEGER NOT NULL
);
CREATE UNIQUE INDEX address_lists_unique ON address_lists
	(ifnull(account, 0), ifnull(domain, 0), kind, pattern);

CREATE TABLE webhooks (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	domain INTEGER REFERENCES domains ON DELETE CASCADE,
	url TEXT NOT NULL,
	events TEXT NOT NULL,
	secret TEXT NOT NULL,
	disabled INTEGER NOT NULL DEFAULT 0,
	created INTEGER NOT NULL
);

-- Who shares what with whom; the rights are in the owner's database.
CREATE TABLE share_index (
	owner INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
	kind TEXT NOT NULL,
	item INTEGER NOT NULL,
	grantee TEXT NOT NULL,
	PRIMARY KEY (grantee, owner, kind, item)
) WITHOUT ROWID;
CREATE INDEX share_index_owner ON share_index (owner, kind, item);

CREATE TABLE audit (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	time INTEGER NOT NULL,
	who TEXT NOT NULL,
	peer TEXT NOT NULL,
	action TEXT NOT NULL,
	object TEXT NOT NULL,
	detail TEXT NOT NULL
);

-- High churn from here on.
CREATE TABLE logins (
	account INTEGER PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
	time INTEGER NOT NULL,
	service TEXT NOT NULL,
	peer TEXT NOT NULL
);
CREATE TABLE app_password_uses (
	app INTEGER PRIMARY KEY REFERENCES app_passwords ON DELETE CASCADE,
	time INTEGER NOT NULL
);

-- account '': all failures of the peer.
CREATE TABLE auth_failures (
	peer TEXT NOT NULL,
	account TEXT NOT NULL,
	count INTEGER NOT NULL,
	last INTEGER NOT NULL,
	until INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (peer, account)
) WITHOUT ROWID;
CREATE INDEX auth_failures_last ON auth_failures (last);
