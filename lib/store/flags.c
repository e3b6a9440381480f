/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A keyword is an atom of at most this many octets. */
#define MAX_KEYWORD 200
/* Keywords of one account; each costs its name in every open process. */
#define MAX_KEYWORDS 10000

bool
flags_has_keyword(const struct flags *f, uint32_t index)
{
	if (index < FLAGS_KEYWORDS)
		return (f->bits & FLAG_KEYWORD(index)) != 0;
	for (uint32_t i = 0; i < f->nmore; i++) {
		if (f->more[i] == index)
			return true;
	}
	return false;
}

void
flags_set_keyword(struct arena *arena, struct flags *f, uint32_t index)
{
	uint32_t *more, at = 0;

	if (index < FLAGS_KEYWORDS) {
		f->bits |= FLAG_KEYWORD(index);
		return;
	}
	if (flags_has_keyword(f, index))
		return;
	more = arena_array(arena, f->nmore + 1, sizeof(*more));
	while (at < f->nmore && f->more[at] < index) {
		more[at] = f->more[at];
		at++;
	}
	more[at] = index;
	if (f->nmore > at)
		memcpy(more + at + 1, f->more + at,
		    (f->nmore - at) * sizeof(*more));
	f->more = more;
	f->nmore++;
}

bool
flags_equal(const struct flags *a, const struct flags *b)
{
	return a->bits == b->bits && a->nmore == b->nmore &&
	       (a->nmore == 0 ||
		   memcmp(a->more, b->more, a->nmore * sizeof(*a->more)) == 0);
}

/* ------------------------------------------------------------------------
 * Keyword names: a cache of a table that only grows
 */

static bool
name_valid(struct str name)
{
	if (name.n == 0 || name.n > MAX_KEYWORD)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		/* atom-specials of RFC 9051, and the backslash of flags */
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f ||
		    str_chr(STR("(){%*\"\\]"), name.p[i]) != STR_NPOS)
			return false;
	}
	return true;
}

static bool
find_cached(struct account *a, struct str name, uint32_t *index)
{
	bool found = false;

	pthread_mutex_lock(&a->keyword_lock);
	for (uint32_t i = 0; i < a->nkeywords && !found; i++) {
		found = str_ieq(a->keywords[i], name);
		if (found)
			*index = i;
	}
	pthread_mutex_unlock(&a->keyword_lock);
	return found;
}

/* Read names that were added since; under keyword_lock. */
static enum sq_rc
read_new(struct account *a, struct db *db, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc step = sq_start(db->q, &s, e,
	    "SELECT name FROM keyword WHERE id >= ? ORDER BY id",
	    SQ_I(a->nkeywords));
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		struct str name = sq_str(s, 0);

		a->keywords = mem_array(
		    a->keywords, a->nkeywords + 1, sizeof(*a->keywords));
		a->keywords[a->nkeywords++] =
		    (struct str){ strndup(name.p, name.n), name.n };
		step = SQ_OK;
	}
	return step;
}

/* Nobody may wait for a connection with the lock in hand: those who have one
 * may wait for the lock. */
static enum store_rc
load_new(struct account *a, struct err *e)
{
	struct db *db;
	enum store_rc rc = db_get(a, &db, e);

	if (rc != STORE_OK)
		return rc;
	pthread_mutex_lock(&a->keyword_lock);
	rc = store_rc_of(read_new(a, db, e));
	pthread_mutex_unlock(&a->keyword_lock);
	db_put(&db);
	return rc;
}

static enum store_rc
intern_keyword(struct tx *tx, void *arg, struct err *e)
{
	struct str *name = arg;
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(tx->q, &s, e, "SELECT count(*) FROM keyword");
	int64_t count;

	if (rc != SQ_ROW)
		return store_rc_of(rc);
	count = sq_int(s, 0);
	sq_reset(s);
	if (count >= MAX_KEYWORDS)
		return store_fail(e, STORE_LIMIT,
		    "account %s has %d keywords already", tx->a->id,
		    MAX_KEYWORDS);
	return store_rc_of(sq_run(tx->q, e,
	    "INSERT OR IGNORE INTO keyword (id, name) VALUES (?, ?)",
	    SQ_I(count), SQ_T(*name)));
}

enum store_rc
account_keyword(struct account *a, struct str name, bool create,
    uint32_t *index, struct err *e)
{
	enum store_rc rc = STORE_OK;
	bool found;

	if (!name_valid(name))
		return store_fail(e, STORE_INVALID,
		    "\"%.*s\" cannot be a keyword", STR_ARG(name));
	found = find_cached(a, name, index);
	if (!found && (rc = load_new(a, e)) == STORE_OK)
		found = find_cached(a, name, index);
	if (!found && rc == STORE_OK && create) {
		rc = write_run(a, DURABLE, intern_keyword, &name, e);
		if (rc == STORE_OK)
			rc = load_new(a, e);
		found = rc == STORE_OK && find_cached(a, name, index);
	}
	if (rc == STORE_OK && !found)
		return store_fail(
		    e, STORE_NOTFOUND, "no keyword \"%.*s\"", STR_ARG(name));
	return rc;
}

enum store_rc
account_keywords(struct account *a, struct arena *arena,
    const struct str **names, uint32_t *count, struct err *e)
{
	struct str *out;
	enum store_rc rc = load_new(a, e);

	pthread_mutex_lock(&a->keyword_lock);
	*count = a->nkeywords;
	out = arena_array(arena, *count, sizeof(*out));
	for (uint32_t i = 0; i < *count; i++)
		out[i] = arena_str(arena, a->keywords[i]);
	pthread_mutex_unlock(&a->keyword_lock);
	*names = out;
	return rc;
}
