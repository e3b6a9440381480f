/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_SITE_H
#define SITE_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * The site database (DATA_DIR/site.db): who lives here, under which
 * addresses, with which password and settings. Setting keys are in
 * site/setting.h, logging in with a password is here, SASL mechanisms are in
 * site/sasl.h.
 *
 * A `site` is one handle for the whole process; any thread may use it. Reads
 * take microseconds and always see what any process committed before the
 * call, so nobody needs a restart or a reload. What a function that changes
 * the directory reports as done is on disk when it returns.
 *
 * Everything returned is copied into the caller's arena. Errors: the enum is
 * for the program, struct err for the operator's log; no err holds a secret
 * and none goes to a client.
 *
 * Addresses: the domain is kept as lower-case A-labels (RFC 5891), the local
 * part in NFC as it was first written. They are compared without regard to
 * case (of any script), so two accounts cannot differ in case alone; where
 * the setting address.case_sensitive is on, mail must also match exactly.
 */

struct site;

enum site_rc {
	SITE_OK,
	SITE_NOTFOUND, /* no such domain, account, alias or setting */
	SITE_EXISTS,   /* the name is taken */
	SITE_INVALID,  /* not an address, a domain, a value of that key ... */
	SITE_DENIED,   /* wrong user or password: never says which */
	SITE_BLOCKED,  /* too many failures; no password is looked at */
	SITE_DISABLED, /* right password, but the account may not use this */
	SITE_BUSY,     /* another writer did not finish in time */
	SITE_NOSPACE,  /* disk full or read-only */
	SITE_CORRUPT,
	SITE_IO,
	SITE_BUG,
};
const char *site_rc_name(enum site_rc rc);

/* Makes the database if DATA_DIR is there but site.db is not. */
enum site_rc site_open(const char *data_dir, struct site **out, struct err *e);
/* Writes out what the batching writer still holds. */
void site_close(struct site **s);
/* A number that changes whenever the directory changed: for caches above. */
uint64_t site_generation(struct site *s);

/* Who makes a change, for the audit trail. NULL stands for "system". */
struct site_by {
	struct str
	    who; /* "cli:root", an account's address, an API key's name */
	struct str from; /* address of the peer; may be empty */
};

/* ------------------------------------------------------------------------
 * Addresses
 */

struct site_address {
	struct str local;  /* NFC, case kept */
	struct str domain; /* lower-case A-labels */
	struct str key;    /* what is compared: folded local part @ domain */
};
/*
 * Take TEXT apart: a bare addr-spec, UTF-8 allowed, quoted local parts
 * unquoted. "@domain" (empty local part) is a catch-all. False if malformed.
 */
bool site_address_parse(
    struct arena *a, struct str text, struct site_address *out);
/* Lower-case A-labels of a domain in any form; false if it is none. */
bool site_domain_normalize(struct arena *a, struct str text, struct str *out);
/* For people: U-labels where they are valid, else the text as it is. */
struct str site_domain_display(struct arena *a, struct str domain);

/* ------------------------------------------------------------------------
 * Domains
 */

struct site_domain {
	struct str name;
	struct str parent;   /* the hosted domain it inherits from, or empty */
	struct str alias_of; /* all its addresses mean those of this domain */
	bool disabled;       /* nothing is accepted for it */
	int64_t created;
	uint64_t accounts, aliases;
};

/* A domain below a hosted one inherits the settings of the nearest. */
enum site_rc site_domain_add(struct site *s, const struct site_by *by,
    struct str name, struct str alias_of, struct err *e);
enum site_rc site_domain_get(struct site *s, struct arena *a, struct str name,
    struct site_domain *out, struct err *e);
enum site_rc site_domain_list(struct site *s, struct arena *a,
    struct site_domain **list, size_t *count, struct err *e);
/* ALIAS_OF with P == NULL is left alone; empty makes it a domain of its own. */
enum site_rc site_domain_set(struct site *s, const struct site_by *by,
    struct str name, const bool *disabled, struct str alias_of, struct err *e);
/* SITE_EXISTS while it has accounts; its aliases and settings go with it. */
enum site_rc site_domain_remove(
    struct site *s, const struct site_by *by, struct str name, struct err *e);

/* PEM chain and key for a TLS server name: the exact domain, then a wildcard
 * for its parent, as stored by site_certificate_set(). */
enum site_rc site_certificate(struct site *s, struct str name,
    struct buf *chain, struct buf *key, struct err *e);
/* The same for struct daemon; a failure is logged. S may be NULL. */
bool site_serve_certificate(
    struct site *s, struct str name, struct buf *chain, struct buf *key);
/* NAME may begin with "*."; an empty chain removes. */
enum site_rc site_certificate_set(struct site *s, const struct site_by *by,
    struct str name, struct str chain, struct str key, struct err *e);

/* ------------------------------------------------------------------------
 * Accounts
 */

enum site_account_state {
	SITE_ACTIVE,
	SITE_STATE_DISABLED, /* no login, mail refused for good (5.2.1) */
	SITE_SUSPENDED,      /* no login, mail still taken */
};
const char *site_account_state_name(enum site_account_state state);
bool site_account_state_parse(struct str s, enum site_account_state *out);

struct site_account {
	char id[17]; /* opaque: never changes, never used again */
	struct str address;
	struct str domain;
	struct str name; /* for display */
	enum site_account_state state;
	uint64_t quota_bytes, quota_messages; /* effective; 0: no limit */
	struct str backend; /* who holds it (site/backend.h); empty: we */
	bool has_password;
	int64_t created;
	int64_t last_login; /* 0: never */
	uint64_t revision;  /* rises with every change of the account */
};

/* By its own address only; aliases and subaddresses are site_resolve()'s. */
enum site_rc site_account_find(struct site *s, struct arena *a,
    struct str address, struct site_account *out, struct err *e);
enum site_rc site_account_get(struct site *s, struct arena *a, struct str id,
    struct site_account *out, struct err *e);
/*
 * Up to LIMIT accounts (0: all) sorted by address, of DOMAIN (empty: all),
 * whose address key comes after AFTER (empty: from the start).
 */
enum site_rc site_account_list(struct site *s, struct arena *a,
    struct str domain, struct str after, size_t limit,
    struct site_account **list, size_t *count, struct err *e);
/* The domain must exist. PASSWORD may be empty: no login then. The account's
 * store is the caller's to make: account_create(). */
enum site_rc site_account_add(struct site *s, struct arena *a,
    const struct site_by *by, struct str address, struct str name,
    struct str password, struct site_account *out, struct err *e);

enum site_account_field {
	SITE_SET_NAME = 1,
	SITE_SET_STATE = 2,
	SITE_SET_BACKEND = 4,
	SITE_SET_ADDRESS = 8, /* rename, within or across hosted domains */
};
/* Change the FIELDS of the account with NEW->id to what NEW holds. Quota is
 * a setting: quota.bytes and quota.messages in the account's scope. */
enum site_rc site_account_set(struct site *s, const struct site_by *by,
    unsigned fields, const struct site_account *new, struct err *e);
/* With its passwords and settings; aliases that name it stay. */
enum site_rc site_account_remove(
    struct site *s, const struct site_by *by, struct str id, struct err *e);

/* ------------------------------------------------------------------------
 * Passwords
 */

/* Hash as the settings say and store, with SCRAM, CRAM-MD5 and APOP verifiers
 * where the mechanisms are on. Empty: removed. */
enum site_rc site_password_set(struct site *s, const struct site_by *by,
    struct str id, struct str password, struct err *e);
/* Store a hash from elsewhere: "{SCHEME}..." or crypt(3) form. */
enum site_rc site_password_set_hash(struct site *s, const struct site_by *by,
    struct str id, struct str hash, struct err *e);

struct site_app_password {
	int64_t id;
	struct str label;
	int64_t created, last_used;
};
/* PLAIN gets the generated password, shown once. */
enum site_rc site_app_password_add(struct site *s, const struct site_by *by,
    struct str id, struct str label, struct buf *plain, struct err *e);
enum site_rc site_app_password_list(struct site *s, struct arena *a,
    struct str id, struct site_app_password **list, size_t *count,
    struct err *e);
enum site_rc site_app_password_remove(struct site *s, const struct site_by *by,
    struct str id, int64_t app, struct err *e);

/* ------------------------------------------------------------------------
 * Aliases
 */

struct site_alias {
	struct str address; /* "@domain": catch-all */
	const struct str *targets;
	size_t count;
	bool disabled;
	int64_t created;
};
#define SITE_MAX_TARGETS 1000

/* Targets are addresses anywhere, or "@domain": the same local part there. */
enum site_rc site_alias_set(struct site *s, const struct site_by *by,
    const struct site_alias *alias, bool must_be_new, struct err *e);
enum site_rc site_alias_get(struct site *s, struct arena *a, struct str address,
    struct site_alias *out, struct err *e);
/* Sorted by address; DOMAIN empty: all. */
enum site_rc site_alias_list(struct site *s, struct arena *a, struct str domain,
    struct site_alias **list, size_t *count, struct err *e);
enum site_rc site_alias_remove(struct site *s, const struct site_by *by,
    struct str address, struct err *e);

/* ------------------------------------------------------------------------
 * Where mail for an address goes
 */

struct site_target {
	bool local;                  /* an account of this site */
	struct site_account account; /* if local */
	struct str address;          /* as it came out of the aliases */
	struct str detail;           /* subaddress (RFC 5233), if any */
};
struct site_targets {
	struct site_target *list;
	size_t count;
	bool direct;    /* the address is one account's own */
	size_t missing; /* targets in hosted domains that do not exist */
};

/*
 * Tried in this order: alias, account, the same with subaddresses stripped
 * (longest local part first), catch-all. An alias that names its own address
 * means the account of that address. Loops end where they began; each target
 * comes once. SITE_NOTFOUND: the domain is hosted here, the address is not;
 * SITE_DISABLED: the domain or alias is off; SITE_INVALID: not an address.
 * An address of a domain that is not hosted here is one remote target. The
 * state of accounts is the caller's to look at.
 */
enum site_rc site_resolve(struct site *s, struct arena *a, struct str address,
    struct site_targets *out, struct err *e);

/* The target as one address: the detail goes back behind the local part. */
struct str site_target_address(
    struct site *s, struct arena *a, const struct site_target *t);

/*
 * May the account send as ADDRESS: its own, with or without subaddress, or an
 * alias that leads to it (catch-alls only if sender.catchall is on)?
 */
enum site_rc site_may_send_as(struct site *s, const struct site_account *acc,
    struct str address, bool *yes, struct err *e);
/* All accounts that may send as ADDRESS. */
enum site_rc site_senders(struct site *s, struct arena *a, struct str address,
    struct site_account **list, size_t *count, struct err *e);

/* ------------------------------------------------------------------------
 * Logging in
 */

struct site_peer {
	const char *address; /* "192.0.2.1", "2001:db8::1" or "local" */
	const char *service; /* "imap", "smtp", "pop3", ... */
	bool loopback;       /* includes Unix sockets */
	bool tls;
};

struct site_credentials {
	struct str mechanism; /* for the log: "PLAIN", "LOGIN" */
	struct str user;      /* authcid; login.default_domain completes it */
	struct str authzid;   /* empty, or the same account */
	struct str password;
	struct site_peer peer;
};

/*
 * Check a password; what it costs does not tell whether the user exists.
 * Blocks for as long as a hash takes, and for its turn: the number computed at
 * once is bounded (auth.hash_threads). *delay_ms is how long the answer to a
 * failure should be held back; it is 0 on success.
 *
 * SITE_OK; SITE_DENIED; SITE_BLOCKED; SITE_DISABLED (the password was right
 * but the account is not active or its services exclude this one); another
 * code means "try again later" and is never counted against anybody.
 */
enum site_rc site_login(struct site *s, struct arena *a,
    const struct site_credentials *c, struct site_account *out,
    unsigned *delay_ms, struct err *e);

/*
 * Who checks passwords of accounts that have a backend and no password here
 * (lib/backend does; lib/site has no network). SITE_OK, SITE_DENIED, or
 * another code for "not now". Set before the first login.
 */
typedef enum site_rc site_prover(struct site *s, const struct site_account *acc,
    struct str password, struct err *e);
void site_set_prover(struct site *s, site_prover *prove);

/*
 * Who checks OAuth access tokens (lib/oauth does, since it may need the
 * network). DOMAIN is that of the user whom the client named, or empty; it
 * chooses the settings oauth.*. SITE_OK with *user, the address that TOKEN
 * stands for; SITE_DENIED: it is not valid, or not any more; SITE_DISABLED: it
 * is, but not for this; another code means "not now". E never has the token.
 * Set before the first login; where it is not, OAUTHBEARER and XOAUTH2 are not
 * offered.
 */
typedef enum site_rc site_token_check(struct site *s, struct arena *a,
    struct str token, struct str domain, struct str *user, struct err *e);
void site_set_token_check(struct site *s, site_token_check *check);

/* Log that a login was refused; an error if it was for no fault of the
 * client's. */
void site_log_refused(const char *session, const struct site_peer *peer,
    struct str user, const char *mechanism, enum site_rc why,
    const struct err *e);

/* Is APOP (RFC 1939) among login.mechanisms? */
bool site_apop_on(struct site *s);
/* The same for APOP: c->password is the digest in hex that the client made of
 * CHALLENGE, which is the greeting's <...> with its brackets. */
enum site_rc site_login_apop(struct site *s, struct arena *a,
    const struct site_credentials *c, struct str challenge,
    struct site_account *out, unsigned *delay_ms, struct err *e);

/* Forget failures and blocks of an address, an account's address, or both
 * (empty: any). */
enum site_rc site_unblock(struct site *s, const struct site_by *by,
    struct str peer, struct str user, struct err *e);
struct site_block {
	struct str peer; /* "192.0.2.0/24" style for IPv6: its /64 */
	struct str user; /* empty: the whole address is blocked */
	uint64_t failures;
	int64_t last, until; /* until 0: counted, not blocked */
};
enum site_rc site_block_list(struct site *s, struct arena *a,
    struct site_block **list, size_t *count, struct err *e);
/* The addresses that are blocked whole at NOW; at most SITE_BLOCKED_MAX, those
 * that are for longest. */
#define SITE_BLOCKED_MAX 10000
enum site_rc site_blocked(struct site *s, struct arena *a, int64_t now,
    struct site_block **list, size_t *count, struct err *e);
/* Block an address whole for auth.block_time, unless it is trusted. Does not
 * wait for the disk. */
void site_block_address(struct site *s, const struct site_peer *peer);
/* How a block names the client with this address. */
void site_block_peer(const char *address, char out[64]);

/* ------------------------------------------------------------------------
 * Audit trail
 */

struct site_audit_row {
	int64_t id, time;
	struct str who, from, action, object, detail;
};
enum site_rc site_audit(struct site *s, const struct site_by *by,
    struct str action, struct str object, struct str detail, struct err *e);
/* The newest first, before row BEFORE (0: from the newest), at most LIMIT. */
enum site_rc site_audit_list(struct site *s, struct arena *a, int64_t before,
    size_t limit, struct site_audit_row **list, size_t *count, struct err *e);

/* ------------------------------------------------------------------------
 * Care
 */

/*
 * Verify the database: SQLite's own integrity and every reference. REPORT
 * gets a sentence for each problem; SITE_OK also when there were some.
 */
enum site_rc site_check(struct site *s,
    void (*report)(void *arg, const char *problem), void *arg, struct err *e);
/* A synced copy as of one moment in PATH, which must not exist. Nobody is
 * disturbed. */
enum site_rc site_backup(struct site *s, const char *path, struct err *e);

#endif
