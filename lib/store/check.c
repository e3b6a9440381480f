/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/check.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "mime/mime.h"
#include "store/blob.h"
#include "store/internal.h"
#include "store/marker.h"
#include "store/outgoing_row.h"
#include "store/script.h"
#include "store/snapshot.h"
#include "store/training.h"

/*
 * Each test is a query whose rows are the problems, with the statement that
 * mends one; what needs more than SQL follows below. Everything runs in one
 * write transaction per test, so it sees a consistent state and deliveries
 * wait no longer than one test takes.
 */

struct checker {
	struct account *a;
	bool repair;
	void (*report)(void *arg, const char *problem, bool repaired);
	void *arg;
	struct check *out;
	const struct rule *rule;
	int64_t after; /* position between batches of blobs or emails */
	bool more;
};

static void report(struct checker *c, bool repaired, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
report(struct checker *c, bool repaired, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->out->problems++;
	c->out->repaired += repaired;
	if (c->report)
		c->report(c->arg, text, repaired);
}

/* Every row that holds a blob. */
#define BLOB_USERS                                                             \
	"(SELECT blob FROM email UNION ALL SELECT blob FROM outgoing)"

/*
 * FIND gives up to three numbers a row, for the three %lld of TEXT. MEND
 * mends all rows at once.
 */
static const struct rule {
	const char *text, *find, *mend;
} rules[] = {
	{ "mailbox %lld has message UID %lld of email %lld, which is missing",
	    "SELECT mailbox, uid, email FROM message"
	    " WHERE email NOT IN (SELECT id FROM email)",
	    "DELETE FROM message WHERE email NOT IN (SELECT id FROM email)" },
	{ "message UID %2$lld is in mailbox %1$lld, which is missing",
	    "SELECT mailbox, uid, 0 FROM message"
	    " WHERE mailbox NOT IN (SELECT id FROM mailbox)",
	    "DELETE FROM message"
	    " WHERE mailbox NOT IN (SELECT id FROM mailbox)" },
	{ "email %lld is in no mailbox and not about to be removed",
	    "SELECT id, 0, 0 FROM email WHERE id NOT IN"
	    " (SELECT email FROM message UNION SELECT email FROM purge)",
	    "INSERT OR IGNORE INTO purge (email, at) SELECT id, 0 FROM email"
	    " WHERE id NOT IN (SELECT email FROM message)" },
	{ "email %lld is in a mailbox and about to be removed",
	    "SELECT email, 0, 0 FROM purge"
	    " WHERE email IN (SELECT email FROM message)",
	    "DELETE FROM purge WHERE email IN (SELECT email FROM message)" },
	{ "mail %lld goes out to nobody",
	    "SELECT id, 0, 0 FROM outgoing WHERE kind > 0 AND id NOT IN"
	    " (SELECT outgoing FROM outgoing_recipient)",
	    "UPDATE outgoing SET kind = 0 WHERE id NOT IN"
	    " (SELECT outgoing FROM outgoing_recipient)" },
	{ "a recipient of mail %lld, which goes not out, is left",
	    "SELECT DISTINCT outgoing, 0, 0 FROM outgoing_recipient"
	    " WHERE outgoing NOT IN (SELECT id FROM outgoing WHERE kind > 0)",
	    "DELETE FROM outgoing_recipient"
	    " WHERE outgoing NOT IN (SELECT id FROM outgoing WHERE kind > 0)" },
	{ "blob %lld has %lld references, not %lld",
	    "SELECT b.id, n, refs FROM blob b LEFT JOIN"
	    " (SELECT blob, count(*) n FROM " BLOB_USERS " GROUP BY blob) r"
	    " ON r.blob = b.id WHERE refs <> ifnull(n, 0)",
	    "UPDATE blob SET refs ="
	    " (SELECT count(*) FROM " BLOB_USERS " u WHERE u.blob = blob.id)"
	    " WHERE id IN (SELECT b.id FROM blob b LEFT JOIN"
	    " (SELECT blob, count(*) n FROM " BLOB_USERS " GROUP BY blob) r"
	    " ON r.blob = b.id WHERE refs <> ifnull(n, 0))" },
	{ "message UID %2$lld of mailbox %1$lld is not marked as shared",
	    "SELECT mailbox, uid, 0 FROM message WHERE shared = 0 AND email IN"
	    " (SELECT email FROM message GROUP BY email HAVING count(*) > 1)",
	    "UPDATE message SET shared = 1 WHERE shared = 0 AND email IN"
	    " (SELECT email FROM message GROUP BY email HAVING count(*) > 1)" },
	{ "mailbox %lld has UID %lld, but its next one is %lld",
	    "SELECT id, max(uid) AS top, uidnext FROM mailbox JOIN message"
	    " ON mailbox = id GROUP BY id HAVING top >= uidnext",
	    "UPDATE mailbox SET uidnext = max(uidnext, ifnull("
	    "(SELECT max(uid) + 1 FROM message WHERE mailbox = mailbox.id), "
	    "1))" },
	{ "mailbox %lld is at modseq %lld, beyond the account's %lld",
	    "SELECT m.id, m.modseq, s.modseq FROM mailbox m, state s"
	    " WHERE m.modseq > s.modseq",
	    "UPDATE state SET modseq = (SELECT max(modseq) FROM mailbox)" },
	{ "thread %2$lld of mailbox %1$lld is counted wrong",
	    "SELECT mailbox, thread, 0 FROM ("
	    "SELECT mailbox, thread, count(*) AS n, sum(1 - (flags & 1)) AS u"
	    " FROM message GROUP BY mailbox, thread"
	    " EXCEPT SELECT mailbox, thread, messages, unseen"
	    " FROM mailbox_thread)"
	    " UNION SELECT mailbox, thread, 0 FROM ("
	    "SELECT mailbox, thread, messages, unseen FROM mailbox_thread"
	    " EXCEPT SELECT mailbox, thread, count(*), sum(1 - (flags & 1))"
	    " FROM message GROUP BY mailbox, thread)",
	    "REPLACE INTO mailbox_thread SELECT mailbox, thread, count(*),"
	    " sum(1 - (flags & 1)) FROM message GROUP BY mailbox, thread;"
	    "DELETE FROM mailbox_thread WHERE NOT EXISTS (SELECT 1 FROM message"
	    " WHERE message.mailbox = mailbox_thread.mailbox"
	    " AND message.thread = mailbox_thread.thread)" },
	{ "the counters of mailbox %lld are wrong: %lld messages, not %lld"
	  " (or unseen, deleted, size or threads)",
	    "SELECT m.id, count(g.uid) AS n, messages FROM mailbox m"
	    " LEFT JOIN message g ON g.mailbox = m.id GROUP BY m.id"
	    " HAVING n <> messages"
	    " OR ifnull(sum(1 - (g.flags & 1)), 0) <> unseen"
	    " OR ifnull(sum((g.flags >> 4) & 1), 0) <> deleted"
	    " OR ifnull(sum(g.size), 0) <> m.size"
	    " OR (SELECT count(*) FROM mailbox_thread t"
	    "  WHERE t.mailbox = m.id) <> threads"
	    " OR (SELECT count(*) FROM mailbox_thread t"
	    "  WHERE t.mailbox = m.id AND t.unseen > 0) <> unseen_threads",
	    "UPDATE mailbox SET (messages, unseen, deleted, size) ="
	    " (SELECT count(*), ifnull(sum(1 - (flags & 1)), 0),"
	    " ifnull(sum((flags >> 4) & 1), 0), ifnull(sum(g.size), 0)"
	    " FROM message g WHERE g.mailbox = mailbox.id),"
	    " (threads, unseen_threads) = (SELECT count(*),"
	    " ifnull(sum(t.unseen > 0), 0) FROM mailbox_thread t"
	    " WHERE t.mailbox = mailbox.id)" },
	{ "the quota counts %lld octets, not %lld (or emails)",
	    "SELECT bytes, ifnull(sum(e.size), 0) AS real, 0 FROM state"
	    " LEFT JOIN email e ON e.id NOT IN (SELECT email FROM purge)"
	    " HAVING bytes <> real OR emails <> count(e.id)",
	    "UPDATE state SET (bytes, emails) = (SELECT ifnull(sum(size), 0),"
	    " count(*) FROM email WHERE id NOT IN (SELECT email FROM purge))" },
};

/* ------------------------------------------------------------------------
 * Rules
 */

static enum store_rc
run_rule(struct tx *tx, void *arg, struct err *e)
{
	struct checker *c = arg;
	struct sqlite3_stmt *s;
	bool found = false;
	enum store_rc flushed = tx_flush(tx, e);
	enum sq_rc rc;

	if (flushed != STORE_OK)
		return flushed;
	rc = sq_startv(tx->q, c->rule->find, SQ_VALUES(), &s, e);
	while (rc == SQ_OK && (rc = sq_step(s, e)) == SQ_ROW) {
		char text[256];

		found = true;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), c->rule->text,
		    (long long)sq_int(s, 0), (long long)sq_int(s, 1),
		    (long long)sq_int(s, 2));
#pragma GCC diagnostic pop
		report(c, c->repair, "%s", text);
		rc = SQ_OK;
	}
	if (rc != SQ_DONE)
		return store_rc_of(rc);
	if (!found || !c->repair)
		return STORE_OK;
	tx->dirty = false;
	if ((rc = sq_script(tx->q, c->rule->mend, e)) != SQ_OK)
		return store_rc_of(rc);
	return tx_flush(tx, e);
}

static enum store_rc
run_rules(struct checker *c, struct err *e)
{
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < LEN(rules); i++) {
		c->rule = &rules[i];
		if ((rc = write_run(c->a, DURABLE, run_rule, c, e)) != STORE_OK)
			break;
	}
	return rc;
}

/* ------------------------------------------------------------------------
 * The database itself
 */

static enum store_rc
check_database(struct checker *c, struct db *db, struct err *e)
{
	struct sqlite3_stmt *s;
	bool bad = false;
	enum sq_rc rc = sq_start(db->q, &s, e, "PRAGMA integrity_check(20)");

	while (rc == SQ_OK && (rc = sq_step(s, e)) == SQ_ROW) {
		struct str line = sq_str(s, 0);

		if (!str_eqc(line, "ok")) {
			report(c, false, "database: %.*s", STR_ARG(line));
			bad = true;
		}
		rc = SQ_OK;
	}
	if (rc != SQ_DONE)
		return store_rc_of(rc);
	/* Indexes can be made anew from their tables. */
	if (bad && c->repair)
		return store_rc_of(sq_script(db->q, "REINDEX", e));
	return STORE_OK;
}

/* ------------------------------------------------------------------------
 * Blobs, in batches between which deliveries go on
 */

#define BATCH 64

struct item {
	int64_t id;
	uint8_t hash[SHA256_LEN];
};

static enum store_rc
list_items(struct checker *c, struct db *db, const char *sql,
    struct item *items, size_t *n, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_startv(
	    db->q, sql, SQ_VALUES(SQ_I(c->after), SQ_I(BATCH)), &s, e);

	*n = 0;
	while (rc == SQ_OK && (rc = sq_step(s, e)) == SQ_ROW) {
		struct str hash = sq_blob(s, 1);

		items[*n].id = c->after = sq_int(s, 0);
		memset(items[*n].hash, 0, SHA256_LEN);
		memcpy(items[*n].hash, hash.p,
		    hash.n < SHA256_LEN ? hash.n : SHA256_LEN);
		++*n;
		rc = SQ_OK;
	}
	return store_rc_of(rc);
}

/* Is the blob still there? It may have been removed while we looked. */
static bool
still_there(struct db *db, int64_t id)
{
	struct sqlite3_stmt *s;
	struct err ignored;
	bool yes = sq_one(db->q, &s, &ignored,
		       "SELECT 1 FROM blob WHERE id = ?", SQ_I(id)) == SQ_ROW;

	if (yes)
		sq_reset(s);
	return yes;
}

static enum store_rc
check_blob(
    struct checker *c, struct db *db, const struct item *it, struct err *e)
{
	struct buf raw = { 0 };
	uint8_t hash[SHA256_LEN];
	enum store_rc rc =
	    blob_read(c->a, db->q, it->id, 0, UINT64_MAX, &raw, e);

	c->out->blobs++;
	if (rc == STORE_CORRUPT || rc == STORE_IO) {
		if (still_there(db, it->id))
			report(c, false, "%s", e->msg);
		rc = STORE_OK;
	} else if (rc == STORE_OK) {
		sha256(buf_str(&raw), hash);
		if (memcmp(hash, it->hash, SHA256_LEN) != 0)
			report(c, false, "blob %lld does not match its SHA-256",
			    (long long)it->id);
	}
	buf_fini(&raw);
	return rc;
}

static enum store_rc
check_blobs(struct checker *c, struct db *db, struct err *e)
{
	struct item items[BATCH];
	size_t n = BATCH;
	enum store_rc rc = STORE_OK;

	c->after = 0;
	while (rc == STORE_OK && n == BATCH) {
		rc = list_items(c, db,
		    "SELECT id, hash FROM blob WHERE id > ?"
		    " ORDER BY id LIMIT ?",
		    items, &n, e);
		for (size_t i = 0; i < n && rc == STORE_OK; i++)
			rc = check_blob(c, db, &items[i], e);
	}
	return rc;
}

/* ------------------------------------------------------------------------
 * Cached structures
 */

struct rebuild {
	struct checker *c;
	struct db *db;
	int64_t email;
	struct mime_digest digest;
};

static enum store_rc
put_cache(struct tx *tx, void *arg, struct err *e)
{
	struct rebuild *r = arg;
	const struct mime_digest *d = &r->digest;

	return store_rc_of(sq_run(tx->q, e,
	    "INSERT OR REPLACE INTO email_cache SELECT id, ?, ?, ?, ?, ?"
	    " FROM email WHERE id = ?",
	    SQ_B(d->envelope), SQ_B(d->bodystructure), SQ_B(d->layout),
	    SQ_T(d->preview), SQ_T(d->msgid), SQ_I(r->email)));
}

static enum store_rc
rebuild_cache(struct checker *c, struct db *db, int64_t email, int64_t blob,
    struct err *e)
{
	struct rebuild r = { .c = c, .db = db, .email = email };
	struct arena *arena = arena_new();
	struct buf raw = { 0 };
	enum store_rc rc = blob_read(c->a, db->q, blob, 0, UINT64_MAX, &raw, e);

	if (rc == STORE_OK) {
		mime_digest(arena, buf_str(&raw), &r.digest);
		rc = write_run(c->a, DURABLE, put_cache, &r, e);
	} else if (rc == STORE_CORRUPT) {
		rc = STORE_OK; /* reported with the blob */
	}
	buf_fini(&raw);
	arena_free(&arena);
	return rc;
}

static enum store_rc
check_caches(struct checker *c, struct db *db, struct err *e)
{
	for (;;) {
		struct sqlite3_stmt *s;
		int64_t email, blob;
		enum store_rc rc;
		enum sq_rc step = sq_one(db->q, &s, e,
		    "SELECT id, blob FROM email WHERE id > ? AND id NOT IN"
		    " (SELECT id FROM email_cache) ORDER BY id LIMIT 1",
		    SQ_I(c->after));

		if (step != SQ_ROW)
			return store_rc_of(step);
		c->after = email = sq_int(s, 0);
		blob = sq_int(s, 1);
		sq_reset(s);
		report(c, c->repair, "email %lld has no cached structure",
		    (long long)email);
		if (!c->repair)
			continue;
		if ((rc = rebuild_cache(c, db, email, blob, e)) != STORE_OK)
			return rc;
	}
}

/* ------------------------------------------------------------------------
 * Stray files
 */

/* A file that no row names. Young ones may be on their way in. */
#define STRAY_AGE_S 3600

static bool
is_named(struct db *db, struct str name)
{
	uint8_t hash[SHA256_LEN];
	struct sqlite3_stmt *s;
	struct err ignored;
	bool yes;

	if (!hex_decode(name, hash, SHA256_LEN))
		return false;
	yes = sq_one(db->q, &s, &ignored,
		  "SELECT 1 FROM blob WHERE hash = ? AND data IS NULL",
		  SQ_B(((struct str){ (const char *)hash, SHA256_LEN }))) ==
	      SQ_ROW;
	if (yes)
		sq_reset(s);
	return yes;
}

static void
check_file(struct checker *c, struct db *db, const char *path, const char *name)
{
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_mtime > clock_now() - STRAY_AGE_S ||
	    is_named(db, str_of(name)))
		return;
	report(c, c->repair && unlink(path) == 0, "%s belongs to no message",
	    path);
}

/* DEPTH 1: blobs/; its folders hold the files. */
static enum store_rc
check_folder(
    struct checker *c, struct db *db, const char *dir, int depth, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	enum store_rc rc = STORE_OK;

	if (!d) {
		if (errno == ENOENT)
			return STORE_OK;
		err_errno(e, "cannot open %s", dir);
		return STORE_IO;
	}
	while (rc == STORE_OK && (entry = readdir(d))) {
		struct buf path = { 0 };

		if (entry->d_name[0] == '.')
			continue;
		buf_printf(&path, "%s/%s", dir, entry->d_name);
		if (entry->d_type == DT_DIR && depth)
			rc = check_folder(c, db, buf_cstr(&path), depth - 1, e);
		else
			check_file(c, db, buf_cstr(&path), entry->d_name);
		buf_fini(&path);
	}
	closedir(d);
	return rc;
}

static enum store_rc
check_files(struct checker *c, struct db *db, struct err *e)
{
	struct buf dir = { 0 };
	enum store_rc rc;

	buf_printf(&dir, "%s/blobs", c->a->dir);
	rc = check_folder(c, db, buf_cstr(&dir), 1, e);
	buf_fini(&dir);
	return rc;
}

static void
wrong_script(void *arg, struct str name)
{
	struct checker *c = arg;

	report(c, c->repair, "Sieve script \"%.*s\" is not what its hash says",
	    STR_ARG(name));
}

/* Nor what the spam filter can learn. */
static enum store_rc
check_training(struct checker *c, struct err *e)
{
	struct arena *arena = arena_new();
	struct training *list;
	size_t n;
	enum store_rc rc = training_list(c->a, arena, 1, &list, &n, e);

	arena_free(&arena);
	if (rc != STORE_OK || n == 0 ||
	    marker_is_set(c->a->st, MARKER_TRAINING, account_id(c->a)))
		return rc;
	report(c, c->repair, "what the spam filter can learn is not marked");
	return c->repair
		   ? marker_set(c->a->st, MARKER_TRAINING, account_id(c->a), e)
		   : STORE_OK;
}

/* Without its marker mail would not be found. */
static enum store_rc
check_marker(struct checker *c, struct err *e)
{
	struct outgoing_state out;
	enum store_rc rc = outgoing_state(c->a, &out, e);

	if (rc != STORE_OK || out.count == 0 ||
	    marker_is_set(c->a->st, MARKER_OUTGOING, account_id(c->a)))
		return rc;
	report(c, c->repair, "mail that goes out is not marked");
	return c->repair
		   ? marker_set(c->a->st, MARKER_OUTGOING, account_id(c->a), e)
		   : STORE_OK;
}

static enum store_rc
count_rows(struct checker *c, struct db *db, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(db->q, &s, e,
	    "SELECT (SELECT count(*) FROM email),"
	    " (SELECT count(*) FROM mailbox), (SELECT count(*) FROM message)");

	if (rc != SQ_ROW)
		return store_rc_of(rc);
	c->out->emails = (uint64_t)sq_int(s, 0);
	c->out->mailboxes = (uint64_t)sq_int(s, 1);
	c->out->messages = (uint64_t)sq_int(s, 2);
	sq_reset(s);
	return STORE_OK;
}

enum store_rc
account_check(struct account *a, bool repair,
    void (*report_fn)(void *arg, const char *problem, bool repaired), void *arg,
    struct check *out, struct err *e)
{
	struct checker c = { .a = a,
		.repair = repair,
		.report = report_fn,
		.arg = arg,
		.out = out };
	struct db *db;
	enum store_rc rc;

	*out = (struct check){ 0 };
	if (repair)
		snapshots_remove(a);
	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	if ((rc = check_database(&c, db, e)) == STORE_OK &&
	    (rc = check_blobs(&c, db, e)) == STORE_OK) {
		c.after = 0;
		rc = check_caches(&c, db, e);
	}
	if (rc == STORE_OK && (rc = run_rules(&c, e)) == STORE_OK &&
	    (rc = scripts_verify(a, repair, wrong_script, &c, e)) == STORE_OK &&
	    (rc = check_marker(&c, e)) == STORE_OK &&
	    (rc = check_training(&c, e)) == STORE_OK &&
	    (rc = check_files(&c, db, e)) == STORE_OK)
		rc = count_rows(&c, db, e);
	db_put(&db);
	return rc;
}

static enum store_rc
run_reindex(struct tx *tx, void *arg, struct err *e)
{
	(void)arg;
	return store_rc_of(sq_script(tx->q,
	    "INSERT INTO search (search) VALUES ('delete-all');"
	    "UPDATE state SET indexed = 0",
	    e));
}

enum store_rc
account_reindex(struct account *a, struct err *e)
{
	enum store_rc rc = write_run(a, DURABLE, run_reindex, NULL, e);

	return rc == STORE_OK ? account_index(a, e) : rc;
}
