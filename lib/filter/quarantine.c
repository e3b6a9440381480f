/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "filter/clean.h"
#include "filter/quarantine_internal.h"
#include "mime/header.h"
#include "site/setting.h"

/* What comes in, and what becomes of it. */

static const char *const kinds[QUARANTINE_KINDS] = {
	[QUARANTINE_SPAM] = "spam",
	[QUARANTINE_MALWARE] = "malware",
	[QUARANTINE_POLICY] = "policy",
};

const char *
quarantine_kind_name(enum quarantine_kind k)
{
	return (unsigned)k < QUARANTINE_KINDS ? kinds[k] : "unknown";
}

bool
quarantine_kind_parse(struct str s, enum quarantine_kind *out)
{
	for (unsigned i = 0; i < QUARANTINE_KINDS; i++) {
		if (str_ieqc(s, kinds[i])) {
			*out = (enum quarantine_kind)i;
			return true;
		}
	}
	return false;
}

enum quarantine_rc
quarantine_rc_of(enum sq_rc rc)
{
	return rc == SQ_OK || rc == SQ_DONE || rc == SQ_ROW ? QUARANTINE_OK
							    : QUARANTINE_FAILED;
}

/* ------------------------------------------------------------------------
 * Open and close
 */

static char *
path_in(const char *dir, const char *name)
{
	struct buf path = { 0 };
	char *copy;

	buf_printf(&path, "%s/%s", dir, name);
	copy = mem_strdup(buf_cstr(&path));
	buf_fini(&path);
	return copy;
}

static bool
connect_db(struct quarantine *q, struct err *e)
{
	char *path = path_in(q->data_dir, "quarantine.db");
	const struct sq_options o = {
		.path = path, .create = true, .busy_ms = QUARANTINE_BUSY_MS
	};
	bool ok = sq_open(&o, &q->q, e) == SQ_OK &&
		  sq_migrate(q->q, quarantine_migrations, e) == SQ_OK;

	if (!ok)
		err_prefix(e, "%s", path);
	free(path);
	return ok;
}

bool
quarantine_open(const char *data_dir, struct site *s, struct quarantine **out,
    struct err *e)
{
	struct quarantine *q = mem_zalloc(sizeof(*q));

	q->site = s;
	q->data_dir = mem_strdup(data_dir);
	q->dir = path_in(data_dir, "quarantine");
	pthread_mutex_init(&q->lock, NULL);
	*out = q;
	if (fs_mkdirs(q->dir, 0700, e) && connect_db(q, e))
		return true;
	quarantine_close(out);
	return false;
}

void
quarantine_close(struct quarantine **q)
{
	if (!*q)
		return;
	sq_close(&(*q)->q);
	pthread_mutex_destroy(&(*q)->lock);
	free((*q)->data_dir);
	free((*q)->dir);
	free(*q);
	*q = NULL;
}

/* ------------------------------------------------------------------------
 * What comes in
 */

/* A recipient as it will be a row. */
struct incoming {
	const struct quarantine_recipient *r;
	struct str owner;
	int64_t expires;
	uint64_t max_size; /* of all that the owner has; 0: no limit */
};

/* More than this of an address or a subject is of no use to anybody. */
#define TEXT_MAX 320

static struct incoming
prepare(struct quarantine *q, struct arena *a,
    const struct quarantine_recipient *r, int64_t now)
{
	enum { KEEP, SIZE, SITE_SIZE, VALUES };
	struct site_value v[VALUES] = {
		[KEEP] = { .key = "quarantine.keep" },
		[SIZE] = { .key = "quarantine.max_size" },
		[SITE_SIZE] = { .key = "quarantine.site_max_size" },
	};
	const struct site_scope scope = { r->domain, r->account };
	struct str owner = r->kind == QUARANTINE_SPAM ? r->account : STR_NULL;

	site_settings_read(q->site, a, scope, v, VALUES);
	return (struct incoming){
		.r = r,
		.owner = owner,
		.expires =
		    v[KEEP].number ? now + (int64_t)v[KEEP].number : INT64_MAX,
		.max_size = v[owner.n > 0 ? SIZE : SITE_SIZE].number,
	};
}

static void
new_id(char id[QUARANTINE_ID_LEN])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t random[QUARANTINE_ID_LEN];

	rnd_bytes(random, sizeof(random));
	for (size_t i = 0; i < QUARANTINE_ID_LEN; i++)
		id[i] = digits[random[i] % 32];
}

static enum sq_rc
insert_message(struct quarantine *q, struct arena *a,
    const struct quarantine_message *m, const char *file, int64_t *id,
    struct err *e)
{
	uint8_t hash[SHA256_LEN];
	struct str subject = mime_header_value(a, m->raw, "Subject");
	struct str author = mime_header_value(a, m->raw, "From");
	enum sq_rc rc;

	sha256(m->raw, hash);
	rc = sq_run(q->q, e,
	    "INSERT INTO message (file, hash, size, sender, client, helo,"
	    " queue_id, subject, author) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    SQ_C(file), SQ_B(((struct str){ (char *)hash, SHA256_LEN })),
	    SQ_I(m->raw.n), SQ_T(clean_text(a, m->sender, TEXT_MAX)),
	    SQ_T(clean_text(a, m->client, TEXT_MAX)),
	    SQ_T(clean_text(a, m->helo, TEXT_MAX)),
	    SQ_T(clean_text(a, m->queue_id, TEXT_MAX)),
	    SQ_T(clean_text(a, subject, TEXT_MAX)),
	    SQ_T(clean_text(a, author, TEXT_MAX)));
	*id = sq_last_id(q->q);
	return rc;
}

static enum sq_rc
insert_entry(struct quarantine *q, struct arena *a, int64_t message,
    const struct quarantine_message *m, const struct incoming *in,
    struct err *e)
{
	const struct quarantine_recipient *r = in->r;
	char id[QUARANTINE_ID_LEN];

	new_id(id);
	return sq_run(q->q, e,
	    "INSERT INTO entry (id, message, kind, reason, score, address,"
	    " account, domain, owner, size, at, expires)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    SQ_T(((struct str){ id, sizeof(id) })), SQ_I(message),
	    SQ_I(r->kind), SQ_T(clean_text(a, r->reason, TEXT_MAX)),
	    SQ_I(r->score), SQ_T(clean_text(a, r->address, TEXT_MAX)),
	    SQ_T(r->account), SQ_T(r->domain), SQ_T(in->owner), SQ_I(m->raw.n),
	    SQ_I(m->now), SQ_I(in->expires));
}

/* The oldest of an owner go while all of his are too large; the newest, which
 * somebody is about to acknowledge, stays. */
static enum sq_rc
keep_to_limit(struct quarantine *q, const struct incoming *in, struct err *e)
{
	if (in->max_size == 0)
		return SQ_OK;
	return sq_run(q->q, e,
	    "DELETE FROM entry WHERE n IN (SELECT n FROM"
	    " (SELECT n, sum(size) OVER (ORDER BY n DESC) AS total"
	    "  FROM entry WHERE owner = ?1) WHERE total > ?2)"
	    " AND n < (SELECT max(n) FROM entry WHERE owner = ?1)",
	    SQ_T(in->owner), SQ_I(in->max_size));
}

static enum sq_rc
insert(struct quarantine *q, struct arena *a,
    const struct quarantine_message *m, const struct incoming *list,
    const char *file, struct err *e)
{
	enum sq_rc rc = sq_begin(q->q, e);
	int64_t message;

	if (rc != SQ_OK)
		return rc;
	rc = insert_message(q, a, m, file, &message, e);
	for (size_t i = 0; rc == SQ_OK && i < m->n; i++)
		rc = insert_entry(q, a, message, m, &list[i], e);
	for (size_t i = 0; rc == SQ_OK && i < m->n; i++)
		rc = keep_to_limit(q, &list[i], e);
	if (rc == SQ_OK)
		return sq_commit(q->q, e);
	sq_rollback(q->q);
	return rc;
}

bool
quarantine_add(
    struct quarantine *q, const struct quarantine_message *m, struct err *e)
{
	struct arena *a = arena_new();
	struct incoming *list = arena_array(a, m->n, sizeof(*list));
	struct err ignored;
	char file[QUARANTINE_NAME];
	bool ok = quarantine_file_write(q->dir, m->raw, file, e);

	for (size_t i = 0; ok && i < m->n; i++)
		list[i] = prepare(q, a, &m->recipients[i], m->now);
	if (ok) {
		pthread_mutex_lock(&q->lock);
		ok = insert(q, a, m, list, file, e) == SQ_OK;
		pthread_mutex_unlock(&q->lock);
		if (!ok)
			quarantine_file_remove(q->dir, str_of(file), &ignored);
	}
	arena_free(&a);
	return ok;
}

/* ------------------------------------------------------------------------
 * What becomes of it
 */

/* One row, or there is no such entry. */
static enum quarantine_rc
changed_one(struct quarantine *q, struct str id, enum sq_rc rc, struct err *e)
{
	if (rc != SQ_OK)
		return QUARANTINE_FAILED;
	if (sq_changes(q->q) > 0)
		return QUARANTINE_OK;
	err_set(e, "nothing in quarantine has the id \"%.*s\"", STR_ARG(id));
	return QUARANTINE_NOTFOUND;
}

enum quarantine_rc
quarantine_delete(struct quarantine *q, struct str id, struct err *e)
{
	enum quarantine_rc rc;

	pthread_mutex_lock(&q->lock);
	rc = changed_one(q, id,
	    sq_run(q->q, e, "DELETE FROM entry WHERE id = ?", SQ_T(id)), e);
	if (rc == QUARANTINE_OK && !quarantine_tidy(q, e))
		rc = QUARANTINE_FAILED;
	pthread_mutex_unlock(&q->lock);
	return rc;
}

bool
quarantine_forget(struct quarantine *q, struct str account, struct err *e)
{
	static const char *const rows[] = {
		"DELETE FROM entry WHERE account = ?",
		"DELETE FROM digest WHERE account = ?",
	};
	enum sq_rc rc;

	pthread_mutex_lock(&q->lock);
	rc = sq_begin(q->q, e);
	for (size_t i = 0; rc == SQ_OK && i < LEN(rows); i++)
		rc = sq_run(q->q, e, rows[i], SQ_T(account));
	if (rc == SQ_OK)
		rc = sq_commit(q->q, e);
	else
		sq_rollback(q->q);
	if (rc == SQ_OK && !quarantine_tidy(q, e))
		rc = SQ_ERROR;
	pthread_mutex_unlock(&q->lock);
	return rc == SQ_OK;
}

enum quarantine_rc
quarantine_released(struct quarantine *q, struct str id, struct str by,
    int64_t now, bool teach, struct err *e)
{
	enum quarantine_rc rc;

	pthread_mutex_lock(&q->lock);
	rc = changed_one(q, id,
	    sq_run(q->q, e,
		"UPDATE entry SET released = ?, released_by = ?, lesson = ?"
		" WHERE id = ?",
		SQ_I(now), SQ_T(by), SQ_I(teach), SQ_T(id)),
	    e);
	pthread_mutex_unlock(&q->lock);
	return rc;
}

enum quarantine_rc
quarantine_learned(struct quarantine *q, struct str id, struct err *e)
{
	enum quarantine_rc rc;

	pthread_mutex_lock(&q->lock);
	rc = changed_one(q, id,
	    sq_run(
		q->q, e, "UPDATE entry SET lesson = 2 WHERE id = ?", SQ_T(id)),
	    e);
	pthread_mutex_unlock(&q->lock);
	return rc;
}

enum quarantine_rc
quarantine_told(struct quarantine *q, struct str account, int64_t n,
    int64_t now, struct err *e)
{
	enum sq_rc rc;

	pthread_mutex_lock(&q->lock);
	rc = sq_run(q->q, e,
	    "INSERT OR REPLACE INTO digest (account, n, at) VALUES (?, ?, ?)",
	    SQ_T(account), SQ_I(n), SQ_I(now));
	pthread_mutex_unlock(&q->lock);
	return quarantine_rc_of(rc);
}
