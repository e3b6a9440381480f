/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/keys.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mime/header.h"
#include "store/keys_cache.h"
#include "store/keys_row.h"

/*
 * Keys come in segments, each read at one time and shared by all later
 * versions; a version is the list of its segments and an index by email. New
 * mail so costs what is new and a copy of the index. Keys of mail that has
 * gone stay until they are the larger part.
 */

#define MAX_SEGMENTS 200
#define FILL_BATCH 256 /* rows written in one transaction */
#define READ_BATCH 4096

struct segment {
	_Atomic unsigned refs;
	struct arena *arena;
	const struct email_key **v; /* ascending */
	size_t n;
};

struct keys {
	_Atomic unsigned refs;
	int64_t mailbox;
	uint32_t uidvalidity, uidnext;
	unsigned texts;
	const struct mime_collation *collation;
	struct segment **segments;
	size_t nsegments;
	const struct email_key **index; /* ascending */
	size_t n;
};

/* ------------------------------------------------------------------------
 * Counting
 */

static void
segment_unref(struct segment *s)
{
	if (atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	arena_free(&s->arena);
	free(s);
}

struct keys *
keys_ref(struct keys *k)
{
	atomic_fetch_add(&k->refs, 1);
	return k;
}

void
keys_unref(struct keys **kp)
{
	struct keys *k = *kp;

	*kp = NULL;
	if (!k || atomic_fetch_sub(&k->refs, 1) != 1)
		return;
	for (size_t i = 0; i < k->nsegments; i++)
		segment_unref(k->segments[i]);
	free(k->segments);
	free(k->index);
	free(k);
}

static size_t
size_of(const struct keys *k)
{
	size_t bytes = sizeof(*k) + k->n * sizeof(*k->index);

	for (size_t i = 0; i < k->nsegments; i++)
		bytes += arena_used(k->segments[i]->arena);
	return bytes;
}

const struct email_key *
keys_find(const struct keys *k, int64_t email, size_t *hint)
{
	size_t lo = 0, hi = k->n;

	if (*hint < k->n && k->index[*hint]->email <= email) {
		lo = *hint;
		if (lo + 1 < k->n && k->index[lo + 1]->email >= email)
			hi = lo + 2;
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (k->index[mid]->email < email)
			lo = mid + 1;
		else
			hi = mid;
	}
	*hint = lo;
	return lo < k->n && k->index[lo]->email == email ? k->index[lo] : NULL;
}

/* ------------------------------------------------------------------------
 * One email
 */

struct build {
	struct account *a;
	unsigned texts;
	const struct mime_collation *c;
	struct segment *seg;
	struct buf text, base; /* scratch */
	struct err *e;
};

/* What follows the last end goes on as text WHICH. */
static void
end_text(struct build *b, struct email_key *k, enum key_text which)
{
	k->end[which] = (uint32_t)b->text.n;
}

static void
add_subject(struct build *b, struct email_key *k, const struct key_row *row)
{
	struct str s = row->text[MIME_KEY_SUBJECT];

	k->subject = s.p != NULL;
	k->cut = (row->cut & 1u << MIME_KEY_SUBJECT) != 0;
	if (b->texts & KEY_BIT(KEY_SUBJECT))
		b->c->fold(&b->text, s);
	end_text(b, k, KEY_SUBJECT);
	if (b->texts & KEY_BIT(KEY_BASE)) {
		struct str first;

		if (!str_split(&s, '\n', &first))
			first = STR_NULL;
		buf_clear(&b->base);
		k->reply = mime_base_subject(&b->base, first);
		b->c->order(&b->text, buf_str(&b->base));
	}
	end_text(b, k, KEY_BASE);
}

static void
add_people(struct build *b, struct email_key *k, const struct key_row *row)
{
	static const enum mime_key from[KEY_TEXTS] = {
		[KEY_FROM] = MIME_KEY_FROM_MAILBOX,
		[KEY_TO] = MIME_KEY_TO_MAILBOX,
		[KEY_CC] = MIME_KEY_CC_MAILBOX,
		[KEY_FROM_NAME] = MIME_KEY_FROM_NAME,
		[KEY_TO_NAME] = MIME_KEY_TO_NAME,
	};

	for (enum key_text i = KEY_FROM; i < KEY_TEXTS; i++) {
		if (b->texts & KEY_BIT(i))
			b->c->order(&b->text, row->text[from[i]]);
		end_text(b, k, i);
	}
}

/* The key, its references and its texts stand together. */
static const struct email_key *
make_key(struct build *b, int64_t email, const struct key_row *row)
{
	size_t nrefs = b->texts & KEY_REFERENCES ? row->refs.n / 8 : 0;
	struct email_key k = { .email = email,
		.dated = row->dated,
		.sent = row->sent,
		.zone = (int16_t)row->zone,
		.msgid = row->msgid,
		.nrefs = (uint16_t)nrefs };
	int64_t *refs;
	char *p;

	buf_clear(&b->text);
	add_subject(b, &k, row);
	add_people(b, &k, row);
	p = arena_alloc(b->seg->arena, sizeof(k) + nrefs * 8 + b->text.n);
	refs = (int64_t *)(void *)(p + sizeof(k));
	for (size_t i = 0; i < nrefs; i++)
		refs[i] = key_row_ref(row, i);
	k.refs = refs;
	k.text = p + sizeof(k) + nrefs * 8;
	if (b->text.n)
		memcpy(p + sizeof(k) + nrefs * 8, b->text.p, b->text.n);
	memcpy(p, &k, sizeof(k));
	return (const struct email_key *)(const void *)p;
}

/* ------------------------------------------------------------------------
 * A segment
 */

/* Rows that were missing, computed, to be written. */
struct fill {
	struct arena *arena;
	struct made {
		int64_t email;
		struct key_row row;
	} * made;
	size_t n;
};

static enum store_rc
run_fill(struct tx *tx, void *arg, struct err *e)
{
	const struct fill *f = arg;
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < f->n && rc == STORE_OK; i++)
		rc =
		    key_row_insert(tx->q, f->made[i].email, &f->made[i].row, e);
	return rc;
}

/* Rows are a convenience: without them it works as well, each time anew. */
static void
flush_fill(struct build *b, struct fill *f)
{
	struct err e = ERR_INIT;

	if (f->n && write_run(b->a, RELAXED, run_fill, f, &e) != STORE_OK)
		log_warn("search keys not kept", LOG_CSTR("account", b->a->id),
		    LOG_ERR(&e));
	f->n = 0;
	arena_reset(f->arena);
	f->made = arena_array(f->arena, FILL_BATCH, sizeof(*f->made));
}

/* One that cannot be read has no key, so that one damaged message does not
 * end the search of the others. */
static enum store_rc
add_email(struct build *b, struct sq *q, struct fill *f, int64_t email)
{
	struct key_row row = { 0 };
	struct sqlite3_stmt *open;
	bool made;
	enum store_rc rc =
	    key_row_get(b->a, q, email, f->arena, &row, &open, &made, b->e);

	if (rc == STORE_NOTFOUND) /* expunged and purged meanwhile */
		return STORE_OK;
	if (rc == STORE_CORRUPT) {
		log_error("cannot read a message for its keys",
		    LOG_CSTR("account", b->a->id), LOG_INT("email", email),
		    LOG_ERR(b->e));
		return STORE_OK;
	}
	if (rc != STORE_OK)
		return rc;
	b->seg->v[b->seg->n++] = make_key(b, email, &row);
	if (open)
		sq_reset(open);
	if (made)
		f->made[f->n++] = (struct made){ email, row };
	return STORE_OK;
}

/* A read transaction for many rows: one for each would cost more than the
 * rows. */
static enum store_rc
begin_reading(struct build *b, struct db **db)
{
	enum store_rc rc = db_get(b->a, db, b->e);

	if (rc == STORE_OK)
		rc = store_rc_of(sq_run((*db)->q, b->e, "BEGIN"));
	if (rc != STORE_OK)
		db_put(db);
	return rc;
}

static void
end_reading(struct db **db)
{
	struct err ignored = ERR_INIT; /* nothing was written */

	if (*db)
		sq_run((*db)->q, &ignored, "COMMIT");
	db_put(db);
}

/* EMAILS ascending. The connection is given back before anything is written,
 * and now and then, so that the log of the database can start anew. */
static enum store_rc
read_segment(struct build *b, const int64_t *emails, size_t n)
{
	struct fill f = { .arena = arena_new() };
	struct db *db = NULL;
	enum store_rc rc = STORE_OK;

	flush_fill(b, &f);
	for (size_t i = 0; i < n && rc == STORE_OK; i++) {
		if (!db && (rc = begin_reading(b, &db)) != STORE_OK)
			break;
		rc = add_email(b, db->q, &f, emails[i]);
		if (f.n == FILL_BATCH) {
			end_reading(&db);
			flush_fill(b, &f);
		} else if (i % READ_BATCH == READ_BATCH - 1) {
			end_reading(&db);
		}
	}
	end_reading(&db);
	if (rc == STORE_OK)
		flush_fill(b, &f);
	arena_free(&f.arena);
	return rc;
}

/* ------------------------------------------------------------------------
 * A version
 */

static int
by_id(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Emails of V from UID on that OLD (may be NULL) has no key of, ascending. */
static int64_t *
missing_emails(
    const struct view *v, uint32_t uid, const struct keys *old, size_t *n)
{
	uint32_t count = view_count(v), seq = view_lower_bound(v, uid);
	int64_t *list = mem_array(NULL, count - seq + 2, sizeof(*list));
	size_t hint = 0, kept = 0;
	bool sorted = true;

	*n = 0;
	for (; seq <= count; seq++) {
		int64_t email = view_at(v, seq)->email;

		if (old && keys_find(old, email, &hint))
			continue;
		sorted &= *n == 0 || list[*n - 1] < email;
		list[(*n)++] = email;
	}
	if (sorted)
		return list;
	qsort(list, *n, sizeof(*list), by_id);
	for (size_t i = 0; i < *n; i++) {
		if (kept == 0 || list[kept - 1] != list[i])
			list[kept++] = list[i];
	}
	*n = kept;
	return list;
}

/* The index of OLD and of the new segment. */
static void
merge_index(struct keys *k, const struct keys *old, const struct segment *seg)
{
	size_t n = old ? old->n : 0, i = 0, j = 0;

	k->index = mem_array(NULL, n + seg->n + 1, sizeof(*k->index));
	while (i < n || j < seg->n) {
		if (j == seg->n ||
		    (i < n && old->index[i]->email < seg->v[j]->email))
			k->index[k->n++] = old->index[i++];
		else
			k->index[k->n++] = seg->v[j++];
	}
}

/* V and, if it is not NULL, OLD; the segment of B is taken over. */
static struct keys *
next_version(const struct build *b, const struct view *v, struct keys *old)
{
	struct keys *k = mem_zalloc(sizeof(*k));
	size_t n = old ? old->nsegments : 0;

	atomic_init(&k->refs, 1);
	k->mailbox = view_mailbox(v);
	k->uidvalidity = view_uidvalidity(v);
	k->uidnext = view_uidnext(v);
	k->texts = b->texts;
	k->collation = b->c;
	k->segments = mem_array(NULL, n + 1, sizeof(struct segment *));
	for (; k->nsegments < n; k->nsegments++) {
		k->segments[k->nsegments] = old->segments[k->nsegments];
		atomic_fetch_add(&k->segments[k->nsegments]->refs, 1);
	}
	k->segments[k->nsegments++] = b->seg;
	merge_index(k, old, b->seg);
	return k;
}

static bool
of_this(const struct keys *k, const struct view *v,
    const struct mime_collation *c, unsigned want)
{
	return k && k->collation == c && (k->texts & want) == want &&
	       k->uidvalidity == view_uidvalidity(v);
}

/* Worth going on from? Not if most of it is of mail that has gone. */
static bool
can_continue(const struct keys *k, const struct view *v)
{
	return k->nsegments < MAX_SEGMENTS &&
	       k->n / 2 <= (size_t)view_count(v) + 64;
}

static enum store_rc
make_version(
    struct build *b, const struct view *v, struct keys *old, struct keys **out)
{
	size_t n;
	int64_t *emails = missing_emails(v, old ? old->uidnext : 1, old, &n);
	enum store_rc rc;

	b->seg = mem_zalloc(sizeof(*b->seg));
	atomic_init(&b->seg->refs, 1);
	b->seg->arena = arena_new();
	b->seg->v = arena_array(b->seg->arena, n + 1, sizeof(*b->seg->v));
	rc = read_segment(b, emails, n);
	if (rc == STORE_OK)
		*out = next_version(b, v, old);
	else
		segment_unref(b->seg);
	free(emails);
	buf_fini(&b->text);
	buf_fini(&b->base);
	return rc;
}

enum store_rc
keys_of(struct account *a, const struct view *v, unsigned want,
    const struct mime_collation *c, struct keys **out, struct err *e)
{
	struct keys *old = keys_cache_get(a, view_mailbox(v));
	struct build b = { .a = a, .texts = want, .c = c, .e = e };
	enum store_rc rc = STORE_OK;

	*out = NULL;
	if (of_this(old, v, c, want) && old->uidnext >= view_uidnext(v)) {
		*out = old;
		return STORE_OK;
	}
	if (of_this(old, v, c, want)) {
		b.texts = old->texts;
		if (!can_continue(old, v))
			keys_unref(&old);
	} else {
		if (of_this(old, v, c, 0))
			b.texts |= old->texts;
		keys_unref(&old);
	}
	rc = make_version(&b, v, old, out);
	if (rc == STORE_OK)
		keys_cache_put(a, view_mailbox(v), *out, size_of(*out));
	keys_unref(&old);
	return rc;
}

bool
keys_cached(struct account *a, const struct view *v, unsigned want,
    const struct mime_collation *c)
{
	struct keys *k = keys_cache_get(a, view_mailbox(v));
	bool yes = of_this(k, v, c, want);

	keys_unref(&k);
	return yes;
}
