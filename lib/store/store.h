/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * The account store: one SQLite database per account, in
 * DATA_DIR/accounts/xx/ID/account.db, with blobs/ beside it for large
 * messages. docs/architecture.md tells the ideas; this header is what callers
 * rely on.
 *
 * Three things live here. A `store` is a process's window on all accounts: a
 * cache of open ones, the change ring and the indexing thread. An `account`
 * is a counted reference to one of them; any thread may use it, and it costs
 * nothing to hold. A `reader` is a short read transaction on one account:
 * take it, read, give it back before waiting for anything.
 *
 * Promises: what a function that changes an account reports as done is on
 * disk (fsync) when it returns, save pure flag changes, which are on disk
 * within a second and are never torn. A function that fails has changed
 * nothing. UIDs rise strictly and are never used twice; modseqs likewise, for
 * the whole account, across power cuts too.
 *
 * Errors: the enum is for the program, struct err for the operator's log. An
 * err holds names and paths and never goes to a client.
 */

struct store;
struct account;
struct reader;

enum store_rc {
	STORE_OK,
	STORE_NOTFOUND, /* account, mailbox, message or item is not there */
	STORE_EXISTS,   /* the name is taken */
	STORE_INVALID,  /* a name or value the store does not accept */
	STORE_QUOTA,    /* the change would exceed the quota */
	STORE_LIMIT,    /* a configured limit other than quota */
	STORE_BUSY,     /* another writer did not finish in time */
	STORE_NOSPACE,  /* disk full or read-only */
	STORE_CORRUPT,  /* the database or a blob is damaged */
	STORE_IO,       /* another system error */
	STORE_BUG,      /* a broken assumption of ours */
};
const char *store_rc_name(enum store_rc rc);

/* ------------------------------------------------------------------------
 * Store and accounts
 */

struct store_options {
	const char *data_dir;
	const char *run_dir;     /* NULL: no change ring (tools, tests) */
	unsigned max_open;       /* accounts kept open; 0: 1000 */
	unsigned busy_ms;        /* how long a writer waits; 0: 10000 */
	uint64_t blob_threshold; /* larger blobs are files; 0: 1 MiB */
	bool no_indexer;         /* index only when a search asks for it */
	/* Rows of the change record kept; a client that was away longer
	 * compares everything once. 0: 200000 */
	unsigned keep_changes;
};

enum store_rc store_open(
    const struct store_options *o, struct store **out, struct err *e);
/* Waits for the indexer; no account may be in use any more. */
void store_close(struct store **st);

/* An account id: 16 lower-case hex digits, chosen by lib/site. */
bool account_id_valid(struct str id);

/*
 * Make the folder and database of a new account with INBOX and the usual
 * special-use mailboxes (RFC 6154): Drafts, Sent, Junk, Trash, Archive.
 * STORE_EXISTS if it is there already.
 */
enum store_rc account_create(struct store *st, struct str id, struct err *e);
/* Remove the account and everything in it. */
enum store_rc account_remove(struct store *st, struct str id, struct err *e);

/* STORE_NOTFOUND if there is no such account; migrates an older schema. */
enum store_rc account_open(
    struct store *st, struct str id, struct account **out, struct err *e);
void account_close(struct account **a); /* drops the reference */
struct str account_id(const struct account *a);

/* ------------------------------------------------------------------------
 * Change notification
 *
 * CALLBACK runs whenever the account with ID may have changed, by this or any
 * other process: on the thread that changed it, or on one of the store. It
 * must only wake somebody. ID is empty when notifications may have been missed:
 * every account may have changed. One watch a store.
 */
enum store_rc store_watch(struct store *st,
    void (*callback)(void *arg, struct str id), void *arg, struct err *e);

/* ------------------------------------------------------------------------
 * Flags
 *
 * The system flags and the first FLAGS_KEYWORDS keywords of an account are
 * bits; later keywords are indexes in `more`, sorted. Keywords are interned
 * by account_keyword() and never forgotten, so a bit means the same keyword
 * for ever.
 */

#define FLAG_SEEN UINT64_C(1)
#define FLAG_ANSWERED UINT64_C(2)
#define FLAG_FLAGGED UINT64_C(4)
#define FLAG_DRAFT UINT64_C(8)
#define FLAG_DELETED UINT64_C(16) /* of the membership, not of the email */
#define FLAGS_SYSTEM UINT64_C(31)
#define FLAG_KEYWORD(index) (UINT64_C(1) << ((index) + 8)) /* index < 56 */
#define FLAGS_KEYWORDS 56

struct flags {
	uint64_t bits;
	const uint32_t *more; /* keyword indexes >= FLAGS_KEYWORDS */
	uint32_t nmore;
};

/*
 * The index of a keyword (case-insensitive, RFC 9051 section 2.3.2); with
 * CREATE it is made if missing, else STORE_NOTFOUND.
 */
enum store_rc account_keyword(struct account *a, struct str name, bool create,
    uint32_t *index, struct err *e);
/* All keyword names by index; the slice lives as long as ARENA. */
enum store_rc account_keywords(struct account *a, struct arena *arena,
    const struct str **names, uint32_t *count, struct err *e);
void flags_set_keyword(struct arena *arena, struct flags *f, uint32_t index);
bool flags_has_keyword(const struct flags *f, uint32_t index);
bool flags_equal(const struct flags *a, const struct flags *b);

/* ------------------------------------------------------------------------
 * Mailboxes
 *
 * A path is UTF-8 with '/' between levels; INBOX matches in any case. The
 * limits: 255 bytes a level, 1000 bytes and 64 levels in all; no control
 * characters; no empty level.
 */

enum mailbox_role { /* RFC 6154; kept in the database by number */
	ROLE_NONE,
	ROLE_INBOX,
	ROLE_DRAFTS,
	ROLE_SENT,
	ROLE_JUNK,
	ROLE_TRASH,
	ROLE_ARCHIVE,
	ROLE_ALL,
	ROLE_FLAGGED,
	ROLE_IMPORTANT,
};

struct mailbox {
	int64_t id;     /* opaque, never reused; MAILBOXID (RFC 8474) */
	int64_t parent; /* 0: top level */
	struct str path;
	enum mailbox_role role;
	bool subscribed;
	bool noselect; /* exists only to hold children */
	bool has_children;
	uint32_t uidvalidity, uidnext;
	uint64_t modseq; /* HIGHESTMODSEQ */
	uint64_t messages, unseen, deleted, size, threads, unseen_threads;
	uint32_t first_recent; /* UIDs from here on are \Recent to nobody yet */
};

/* STORE_INVALID: no mailbox can have that path. */
enum store_rc mailbox_check_path(struct str path, struct err *e);
/* All mailboxes, sorted by path with INBOX first. */
enum store_rc mailbox_list(struct account *a, struct arena *arena,
    struct mailbox **list, size_t *count, struct err *e);
/* PATH as given by a client; NULL out is allowed to test for existence. */
enum store_rc mailbox_find(struct account *a, struct arena *arena,
    struct str path, struct mailbox *out, struct err *e);
enum store_rc mailbox_get(struct account *a, struct arena *arena, int64_t id,
    struct mailbox *out, struct err *e);
enum store_rc mailbox_find_role(struct account *a, struct arena *arena,
    enum mailbox_role role, struct mailbox *out, struct err *e);

/* Missing parents are made too; rights are those on the parent. *id may be
 * NULL. */
enum store_rc mailbox_create(struct account *a, struct str path,
    enum mailbox_role role, int64_t *id, struct err *e);
/*
 * Rename with all children. Renaming INBOX moves its messages to a new
 * mailbox and leaves INBOX (RFC 9051, 6.3.6).
 */
enum store_rc mailbox_rename(
    struct account *a, struct str from, struct str to, struct err *e);
/*
 * With its messages. One with children stays as \Noselect without messages;
 * if it is that already, or INBOX, STORE_INVALID.
 */
enum store_rc mailbox_delete(struct account *a, struct str path, struct err *e);
/* Subscriptions are by name and outlive the mailbox (RFC 9051, 6.3.7). */
enum store_rc mailbox_subscribe(
    struct account *a, struct str path, bool on, struct err *e);
/* Names that are subscribed, sorted, existing mailboxes or not. */
enum store_rc mailbox_subscriptions(struct account *a, struct arena *arena,
    struct str **paths, size_t *count, struct err *e);
enum store_rc mailbox_set_role(
    struct account *a, struct str path, enum mailbox_role role, struct err *e);
/*
 * Claim \Recent (RFC 3501, 2.3.2): the UIDs from *first to below *next were
 * recent to nobody before, and now are to the caller alone. *next is uidnext.
 */
enum store_rc mailbox_claim_recent(struct account *a, int64_t id,
    uint32_t *first, uint32_t *next, struct err *e);

/* ------------------------------------------------------------------------
 * Views
 *
 * A view is an immutable picture of a mailbox: all of its messages in UID
 * order as of one modseq. Sessions of a mailbox share views; a view is made
 * from the one before it at the cost of what changed. Message sequence
 * numbers are positions in a session's view, so a session that keeps its
 * view keeps its numbers while others expunge.
 */

struct view_row {
	uint32_t uid;
	uint32_t size; /* RFC822.SIZE; UINT32_MAX at most */
	struct flags flags;
	uint64_t modseq;
	int64_t email;    /* key for the functions that read emails */
	int64_t received; /* INTERNALDATE, seconds since 1970 UTC */
	int64_t saved;    /* SAVEDATE (RFC 8514) */
};

struct view; /* counted; see the accessors */

/* The view as of now; the caller drops it with view_unref(). */
enum store_rc view_current(
    struct account *a, int64_t mailbox, struct view **out, struct err *e);
struct view *view_ref(struct view *v);
void view_unref(struct view **v);

int64_t view_mailbox(const struct view *v);
uint64_t view_modseq(const struct view *v); /* HIGHESTMODSEQ */
uint32_t view_uidvalidity(const struct view *v);
uint32_t view_uidnext(const struct view *v);
uint32_t view_count(const struct view *v);
/* SEQ from 1 to view_count(). */
const struct view_row *view_at(const struct view *v, uint32_t seq);
/* The first seq whose UID is at least UID; view_count() + 1 if none. */
uint32_t view_lower_bound(const struct view *v, uint32_t uid);
/* 0 if there is no such UID. */
uint32_t view_seq(const struct view *v, uint32_t uid);
/* The first seq from SEQ on whose modseq is greater than SINCE; view_count() +
 * 1 if none. Parts without one are skipped. */
uint32_t view_next_changed(const struct view *v, uint32_t seq, uint64_t since);
/* The sequence numbers of those of UIDS that are in the view. */
struct uids view_seqs(
    struct arena *arena, const struct view *v, struct uids uids);
/* Those of UIDS below uidnext that are not in the view. */
struct uids view_missing(
    const struct view *v, struct uids uids, struct arena *arena);

/*
 * What a session must tell its client to get from OLD to NEW. expunged() is
 * called with sequence numbers that are right when sent in that order (each
 * one counted after the ones before it: highest first); then changed() with
 * positions in NEW of messages that were in OLD and differ, ascending. New
 * messages are those of NEW beyond the last UID of OLD. Parts that both views
 * share are skipped, so it costs what changed.
 */
struct view_diff {
	void (*expunged)(void *arg, uint32_t seq, uint32_t uid);
	void (*changed)(void *arg, uint32_t seq, const struct view_row *row);
};
void view_diff(const struct view *old, const struct view *new,
    const struct view_diff *cb, void *arg);
bool view_has_expunged(const struct view *old, const struct view *new);
/* NEW with the messages that only OLD has: what can be told to a client whose
 * numbers may not change now. */
struct view *view_with_expunged(const struct view *old, const struct view *new);

/*
 * A client that last synchronised at modseq SINCE may rely on row modseqs
 * greater than the result only; after a power cut this can be 0 (everything
 * changed) for states the lost second may have shown it.
 */
enum store_rc account_since(
    struct account *a, uint64_t since, uint64_t *effective, struct err *e);

/* ------------------------------------------------------------------------
 * Changing messages
 */

struct uid_range {
	uint32_t lo, hi; /* inclusive */
};
/* Sorted, disjoint. */
struct uids {
	const struct uid_range *r;
	size_t n;
};
/* Collects UIDs added in ascending order into ranges, in an arena. */
struct uids_builder {
	struct arena *arena;
	struct uid_range *r;
	size_t n, cap;
};
void uids_add(struct uids_builder *b, uint32_t uid);
/* A range; those come by ascending LO, and may overlap. */
void uids_add_range(struct uids_builder *b, uint32_t lo, uint32_t hi);
struct uids uids_done(const struct uids_builder *b);
uint64_t uids_count(struct uids u);

struct quota {
	uint64_t bytes, messages; /* 0: no limit */
};

struct append {
	struct str raw; /* the message, CRLF lines as received */
	struct flags flags;
	int64_t received; /* 0: now */
	/*
	 * Recognise a redelivery: if an append with the same KEY was stored
	 * within WINDOW seconds, this one is not stored again and reports the
	 * UID of the first (0 if that is gone). Empty: never.
	 */
	struct str key;
	uint32_t window;
	/* The same for an equal Message-ID; 0: off. */
	uint32_t msgid_window;
	/*
	 * POP3 unique-id that the message had on another server, 1 to 70
	 * octets from '!' to '~'; empty: none. A message that is there
	 * already gets it, too; if another message has it, it is ignored.
	 */
	struct str uidl;
	bool by_user; /* not delivered: the spam filter may learn of it */
};

struct appended {
	uint32_t uid, uidvalidity;
	bool duplicate;
	int64_t email;
	/* 80, 90 or 100 if this append took the account past that share of its
	 * quota for the first time since it was below; else 0. */
	unsigned quota_warning;
};

/*
 * Add COUNT messages to MAILBOX, all or none; RESULTS has COUNT entries.
 * QUOTA may be NULL. Concurrent appends to an account share a commit.
 */
enum store_rc account_append(struct account *a, int64_t mailbox,
    const struct append *items, size_t count, const struct quota *quota,
    struct appended *results, struct err *e);

/*
 * Add a message to MAILBOX and remove UID from mailbox FROM, both or none
 * (RFC 8508). STORE_NOTFOUND also if there is no such UID.
 */
enum store_rc account_replace(struct account *a, int64_t from, uint32_t uid,
    int64_t mailbox, const struct append *item, const struct quota *quota,
    struct appended *result, struct err *e);

enum flag_op { FLAGS_ADD, FLAGS_REMOVE, FLAGS_REPLACE };
#define NO_UNCHANGEDSINCE UINT64_MAX

/*
 * Change flags of the UIDs that exist. Messages whose modseq is greater than
 * UNCHANGEDSINCE are left alone and reported in *failed (may be NULL when
 * UNCHANGEDSINCE is NO_UNCHANGEDSINCE). Messages that already have the flags
 * keep their modseq. *modseq is the one given to the change, or 0 if nothing
 * changed.
 */
enum store_rc account_store_flags(struct account *a, int64_t mailbox,
    struct uids uids, enum flag_op op, const struct flags *flags,
    uint64_t unchangedsince, struct arena *arena, struct uids *failed,
    uint64_t *modseq, struct err *e);

/* The same, but only the bits of MAY change: those of the system flags, and
 * FLAGS_KEYWORD_BITS for all keywords. */
#define FLAGS_KEYWORD_BITS (~FLAGS_SYSTEM)
#define FLAGS_ANY UINT64_MAX
enum store_rc account_store_flags_of(struct account *a, int64_t mailbox,
    struct uids uids, enum flag_op op, const struct flags *flags, uint64_t may,
    uint64_t unchangedsince, struct arena *arena, struct uids *failed,
    uint64_t *modseq, struct err *e);

/*
 * Copy, or MOVE, the UIDs that exist; all or none. COPIED->from and ->to are
 * parallel lists in ascending order of `from` (COPYUID, RFC 4315). What becomes
 * an email of its own, because its mailbox has it already, counts against the
 * QUOTA (may be NULL).
 */
struct copied {
	uint32_t uidvalidity; /* of the destination */
	struct uids from, to;
};
enum store_rc account_copy(struct account *a, int64_t from, struct uids uids,
    int64_t to, bool move, const struct quota *quota, struct arena *arena,
    struct copied *copied, struct err *e);

/*
 * Copy the UIDs that exist to the mailbox TARGET of another account, with
 * those flags that are in MAY (as for account_store_flags_of); all or none,
 * unless the machine stops in between. They count against the QUOTA there.
 */
enum store_rc account_copy_to(struct account *from, int64_t mailbox,
    struct uids uids, struct account *to, int64_t target, uint64_t may,
    const struct quota *quota, struct arena *arena, struct copied *copied,
    struct err *e);

/*
 * Remove the UIDs that exist, or only those with \Deleted. EXPUNGED may be
 * NULL.
 */
enum store_rc account_expunge(struct account *a, int64_t mailbox,
    struct uids uids, bool only_deleted, struct arena *arena,
    struct uids *expunged, struct err *e);

/* UIDs removed from the mailbox after modseq SINCE (VANISHED, RFC 7162).
 * *complete is false when the record does not reach back so far. */
enum store_rc mailbox_vanished(struct account *a, int64_t mailbox,
    uint64_t since, struct arena *arena, struct uids *out, bool *complete,
    struct err *e);

/*
 * What counts against the quota: each email once, however many mailboxes it
 * is in, until the last of them lets it go.
 */
struct usage {
	uint64_t bytes, messages;
};
enum store_rc account_usage(
    struct account *a, struct usage *out, struct err *e);

/* ------------------------------------------------------------------------
 * Reading emails
 */

enum store_rc reader_begin(
    struct account *a, struct reader **out, struct err *e);
void reader_end(struct reader **r);

/* What was computed at delivery (lib/mime's digest), ready to send. */
struct email_meta {
	struct str envelope;      /* IMAP ENVELOPE, parenthesised */
	struct str bodystructure; /* IMAP BODYSTRUCTURE with extension data */
	struct str layout;        /* offsets of parts: mime_layout_find() */
	struct str preview;
	struct str msgid;
};
/* The slices are good until the next call with this reader. */
enum store_rc email_meta(
    struct reader *r, int64_t email, struct email_meta *out, struct err *e);

struct email_facts {
	int64_t thread;
	int64_t sent; /* Date:, or received if it has none */
	int64_t received;
	uint64_t size;
	bool has_attachment;
};
enum store_rc email_facts(
    struct reader *r, int64_t email, struct email_facts *out, struct err *e);

/*
 * Append octets [offset, offset + length) of the message to OUT, clamped to
 * its end. Decompresses only the frames touched.
 */
enum store_rc email_read(struct reader *r, int64_t email, uint64_t offset,
    uint64_t length, struct buf *out, struct err *e);

/*
 * The POP3 unique-id the email came with (struct append); STORE_NOTFOUND if
 * it has none. The slice is good until the next call with this reader.
 */
enum store_rc email_uidl(
    struct reader *r, int64_t email, struct str *out, struct err *e);
/* SHA-256 of the message's octets. */
enum store_rc email_hash(
    struct reader *r, int64_t email, uint8_t out[32], struct err *e);

/* ------------------------------------------------------------------------
 * Search
 *
 * The index knows text without case and diacritics (mime_plain()); how text is
 * compared exactly is the caller's choice.
 */

enum search_field { SEARCH_TEXT, SEARCH_BODY, SEARCH_HEADERS };

/*
 * Emails that may contain every NEEDLE, sorted by email id, from the trigram
 * index; *all is true if the index cannot narrow (needles under three
 * characters). Indexes first what is not indexed yet.
 */
enum store_rc search_candidates(struct account *a, const struct str *needles,
    size_t count, struct arena *arena, const int64_t **emails, size_t *n,
    bool *all, struct err *e);
/* The text of its header and of its parts as FOLD rewrites it, such as
 * mime_fold(); good until the next call with R. */
enum store_rc email_text(struct reader *r, int64_t email,
    void (*fold)(struct buf *out, struct str utf8), struct str *headers,
    struct str *body, struct err *e);
/* Does the email contain NEEDLE, which FOLD has rewritten as well? */
enum store_rc email_contains(struct reader *r, int64_t email,
    enum search_field field, void (*fold)(struct buf *out, struct str utf8),
    struct str needle, bool *yes, struct err *e);
/* Emails of a thread; emails whose content has a hash that begins with PREFIX
 * (LENGTH octets, 32 at most). Ascending. */
enum store_rc emails_of_thread(struct account *a, int64_t thread,
    struct arena *arena, const int64_t **emails, size_t *n, struct err *e);
enum store_rc emails_by_hash(struct account *a, const uint8_t *prefix,
    size_t length, struct arena *arena, const int64_t **emails, size_t *n,
    struct err *e);
/* Index everything not yet indexed. */
enum store_rc account_index(struct account *a, struct err *e);

/*
 * Collections and their items, shares and documents: collection.h. Checking,
 * repairing and copying: check.h.
 */

#endif
