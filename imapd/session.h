/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_SESSION_H
#define IMAPD_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/conf.h"
#include "imapd/frame.h"
#include "imapd/watch.h"
#include "imapd/write.h"
#include "net/server.h"
#include "site/sasl.h"
#include "store/store.h"

/*
 * An IMAP session: what a connection is between commands. It is small,
 * because there are many and most of them sleep; what a command needs lives
 * in the arena, which is given back after each.
 *
 *	session.c   the connection's side: bytes in, workers, timeouts
 *	command.c   the table of commands; from a framed command to its reply
 *	sync.c      the selected mailbox: views, and what to tell the client
 *	idle.c      IDLE
 *	cmd_*.c     the commands
 *	search.c    what search keys mean
 */

struct cmd;
struct context;
struct mime_collation;
struct opened;
struct outbox;
struct programs;

/* Shared by all sessions. */
struct imapd {
	struct store *store;
	struct site *site;
	struct watch *watch;       /* sessions to wake by account */
	struct programs *programs; /* compiled scripts */
	struct outbox *outbox;     /* for what they send */
	const char *hostname;
	const char *sieve_url; /* where scripts are managed; NULL: nowhere */
	unsigned timeout, login_timeout; /* seconds */
	size_t max_literal, max_line;
	bool plaintext_auth;
	bool literal_minus;     /* instead of LITERAL+ (RFC 7888, section 5) */
	unsigned message_limit; /* messages a command may do; 0: no limit */
	/* Octets of large literals in memory, over all sessions. */
	size_t max_literals;
	atomic_size_t literals;
};

enum { /* session states, as bits for the command table */
	ST_NEW = 1,
	ST_AUTH = 2,
	ST_SELECTED = 4,
	ST_IN = ST_AUTH | ST_SELECTED,
	ST_ANY = ST_NEW | ST_IN,
};

enum { /* what ENABLE and its kin switched on */
	EN_CONDSTORE = 1,
	EN_QRESYNC = 2,   /* VANISHED instead of EXPUNGE (RFC 7162) */
	EN_REV2 = 4,      /* IMAP4rev2 (RFC 9051) */
	EN_UTF8 = 8,      /* UTF8=ACCEPT (RFC 6855) */
	EN_UIDONLY = 16,  /* no sequence numbers (RFC 9586) */
	EN_METADATA = 32, /* unsolicited METADATA (RFC 5464) */
};

#define RECENT_RANGES 8

/* The selected mailbox. */
struct selected {
	struct account *account; /* counted; another's if not `own` */
	char owner[17];          /* the account's id */
	bool own;
	unsigned rights; /* enum right */
	int64_t mailbox;
	/*
	 * `view` has the sequence numbers that the client knows; `latest` is
	 * newer or the same, and has the flags. After a command they differ
	 * only by messages whose EXPUNGE could not be sent.
	 */
	struct view *view, *latest;
	/* The client was told of all changes up to here: a modseq, below the
	 * view's while the view has messages that are expunged. */
	uint64_t known;
	bool readonly;
	/* UIDs that are \Recent to this session, ascending. */
	struct uid_range recent[RECENT_RANGES];
	unsigned nrecent;
	uint32_t claimed;        /* below here somebody has claimed them */
	uint64_t metadata_since; /* modseq; of another's account */
	uint32_t keywords;       /* so many the client was told of */
	struct uid_range *saved; /* "$" (RFC 5182), as UIDs */
	size_t nsaved;
	struct context *contexts; /* searches to update (context.h) */
};

struct session {
	struct imapd *d;
	struct conn *conn;
	struct arena *arena; /* of the command that runs; else empty */
	struct frame frame;
	enum frame_event ready; /* what input() found for run() */
	struct cmd *cmd;        /* runs, streams or waits; in the arena */
	unsigned state, enabled;
	unsigned hops;  /* fronts that may still follow (backend.h) */
	unsigned bad;   /* commands in a row that were not understood */
	size_t charged; /* of d->literals */
	int64_t opened, last_input; /* clock_mono_ms() */
	bool expired;               /* close with BYE */
	struct account *account;
	char user[17]; /* the account's id */
	/* place.c */
	char *address; /* the account's; NULL before login */
	char *others;  /* "Other Users/"; NULL: they are not shown */
	struct opened *opened_accounts; /* in the arena */
	struct watcher watcher;
	struct notify *notify; /* NULL: none asked for */
	struct selected sel;
	/* Modseqs of annotations: told so far, and the last change here, which
	 * was in the account metadata_owner. */
	uint64_t metadata_since, metadata_own;
	char metadata_owner[17];
	const struct mime_collation *collation; /* NULL: the default */
	/* No script acts on this mailbox of the account's: event_script.c. */
	struct {
		int64_t mailbox, until; /* monotonic ms */
		unsigned generation;
	} quiet;
	struct keywords keywords; /* of the account; in the arena */
};

extern const struct net_proto imap_proto;

/* Logged in as the account of SITE; opens its store. */
enum store_rc session_login(
    struct session *s, const struct site_account *acc, struct err *e);

/* From within a command: nothing is left of the account and of what the client
 * asked for as its user; it can log in anew. */
void session_logout(struct session *s);

/* Mailbox names travel as UTF-8, not as modified UTF-7. */
bool session_utf8(const struct session *s);
/* Passwords may not travel on this connection. */
bool session_insecure(const struct session *s);
struct site_peer session_peer(const struct session *s);
/* What SASL needs to know of the connection. */
struct sasl_options session_sasl(const struct session *s);

/* ------------------------------------------------------------------------
 * sync.c
 */

/* Leave the selected mailbox, if any. */
void sel_close(struct session *s);
/* Is it the selected one? */
bool sel_is(const struct session *s, const struct account *a, int64_t mailbox);
/* What the user may do in it is read again; may he still read? */
bool sel_readable(struct session *s);
/* Take the mailbox's newest state as `latest`. */
enum store_rc sel_refresh(struct session *s, struct err *e);
/*
 * Changes that need no telling, because the command has reported them or the
 * client does not want to hear of its own: of these UIDs but EXCEPT, when their
 * modseq is in [lo, hi].
 */
struct told {
	struct uids uids, except;
	uint64_t lo, hi;
};

/*
 * Tell the client what changed, save TOLD (may be NULL). With EXPUNGE false
 * nothing that renumbers is sent: what was expunged stays in the view.
 * False: the mailbox is gone, and the session with it.
 */
bool sel_sync(struct session *s, bool expunge, const struct told *told);

/*
 * The client may have seen modseqs above those of changes it was not told of.
 * With QRESYNC it has to hear a lower HIGHESTMODSEQ then, or would never hear
 * of these changes if it lost its connection (RFC 7162, section 3.2).
 */
bool sel_behind(const struct session *s);

/* The newest row of the message with number SEQ; *gone: it is expunged. */
const struct view_row *sel_row(
    const struct session *s, uint32_t seq, bool *gone);
/* \Recent is claimed: not by readers, and IMAP4rev2 does not have it. */
bool sel_wants_recent(const struct session *s);
bool sel_recent(const struct session *s, uint32_t uid);
uint32_t sel_count_recent(const struct session *s, const struct view *v);
/* Mark as \Recent what nobody had before; then refresh again. */
enum store_rc sel_claim(struct session *s, struct err *e);

/* Call before a line that shows F: loads keyword names, and announces new
 * ones with FLAGS and PERMANENTFLAGS. */
void sel_keywords(struct session *s, const struct flags *f);
void sel_put_flag_lists(struct session *s);

/*
 * The messages a set names: as UIDs, and as sequence numbers of the view.
 * For UIDs nothing is said of those that do not exist.
 */
struct uids sel_uids(struct session *s, struct uids set, bool uid);
struct uids sel_seqs(struct session *s, struct uids set, bool uid);

/* Remember UIDS as "$" (RFC 5182); and what it stands for. */
void sel_save(struct session *s, struct uids uids);
struct uids sel_saved(const struct session *s, bool uid);

#endif
