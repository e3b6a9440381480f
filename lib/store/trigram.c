/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/trigram.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/mem.h"

/* Beyond this many trigrams a longer needle narrows nothing. */
#define MAX_QUERY_TERMS 24

/*
 * The trigrams seen in the current text: open addressing on the bytes of the
 * trigram (three code points, at most 12 bytes). A slot is in use if its
 * round is the current one, so clearing the set costs nothing.
 */
struct seen {
	uint32_t round;
	size_t mask, count;
	struct slot {
		uint32_t round;
		uint32_t a, b, c;
	} * slots;
};

#define FIRST_SLOTS 8192

static void
seen_clear(struct seen *s)
{
	if (!s->slots) {
		s->slots = mem_zalloc(FIRST_SLOTS * sizeof(*s->slots));
		s->mask = FIRST_SLOTS - 1;
	}
	if (++s->round == 0) {
		memset(s->slots, 0, (s->mask + 1) * sizeof(*s->slots));
		s->round = 1;
	}
	s->count = 0;
}

static struct slot *
seen_slot(const struct seen *s, uint32_t a, uint32_t b, uint32_t c)
{
	uint64_t h = (uint64_t)a << 42 ^ (uint64_t)b << 21 ^ c;
	size_t i;

	h *= UINT64_C(0x9e3779b97f4a7c15);
	i = (size_t)(h >> 32) & s->mask;
	while (s->slots[i].round == s->round &&
	       (s->slots[i].a != a || s->slots[i].b != b || s->slots[i].c != c))
		i = (i + 1) & s->mask;
	return &s->slots[i];
}

static void
seen_grow(struct seen *s)
{
	struct seen bigger = { .round = 1, .mask = s->mask * 2 + 1 };

	bigger.slots = mem_zalloc((bigger.mask + 1) * sizeof(*bigger.slots));
	for (size_t i = 0; i <= s->mask; i++) {
		struct slot *old = &s->slots[i];

		if (old->round == s->round)
			*seen_slot(&bigger, old->a, old->b, old->c) =
			    (struct slot){ 1, old->a, old->b, old->c };
	}
	bigger.count = s->count;
	free(s->slots);
	*s = bigger;
}

/* True the first time a trigram of the text comes. */
static bool
seen_add(struct seen *s, uint32_t a, uint32_t b, uint32_t c)
{
	struct slot *slot = seen_slot(s, a, b, c);

	if (slot->round == s->round)
		return false;
	*slot = (struct slot){ s->round, a, b, c };
	if (++s->count > s->mask / 2)
		seen_grow(s);
	return true;
}

/* The length of the code point at P; a stray byte counts as one. */
static size_t
code_point(const unsigned char *p, size_t n, uint32_t *out)
{
	size_t len = p[0] < 0xc0 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t v = 0;

	if (len > n)
		len = 1;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | p[i];
	*out = v;
	return len;
}

/* ------------------------------------------------------------------------
 * FTS5 tokenizer
 */

static int
tokenizer_create(
    void *unused, const char **args, int nargs, Fts5Tokenizer **out)
{
	(void)unused;
	(void)args;
	(void)nargs;
	*out = (Fts5Tokenizer *)(void *)mem_zalloc(sizeof(struct seen));
	return SQLITE_OK;
}

static void
tokenizer_delete(Fts5Tokenizer *t)
{
	struct seen *s = (struct seen *)(void *)t;

	free(s->slots);
	free(s);
}

static int
tokenize(Fts5Tokenizer *t, void *arg, int flags, const char *text, int ntext,
    int (*token)(void *, int, const char *, int, int, int))
{
	struct seen *s = (struct seen *)(void *)t;
	const unsigned char *p = (const unsigned char *)text;
	size_t n = (size_t)ntext, at = 0;
	size_t start[3] = { 0 }; /* of the last three code points */
	uint32_t cp[3] = { 0 };

	(void)flags;
	seen_clear(s);
	for (unsigned count = 1; at < n; count++) {
		size_t len;
		int rc;

		cp[0] = cp[1];
		cp[1] = cp[2];
		start[0] = start[1];
		start[1] = start[2];
		start[2] = at;
		len = code_point(p + at, n - at, &cp[2]);
		at += len;
		if (count < 3 || !seen_add(s, cp[0], cp[1], cp[2]))
			continue;
		rc = token(arg, 0, text + start[0], (int)(at - start[0]),
		    (int)start[0], (int)at);
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

static fts5_api *
find_api(sqlite3 *db)
{
	fts5_api *api = NULL;
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &st, NULL) ==
	    SQLITE_OK) {
		sqlite3_bind_pointer(st, 1, (void *)&api, "fts5_api_ptr", NULL);
		sqlite3_step(st);
	}
	sqlite3_finalize(st);
	return api;
}

bool
trigram_register(sqlite3 *db, struct err *e)
{
	static fts5_tokenizer tokenizer = { tokenizer_create, tokenizer_delete,
		tokenize };
	fts5_api *api = find_api(db);

	if (!api || api->xCreateTokenizer(api, "mailstead", NULL, &tokenizer,
			NULL) != SQLITE_OK) {
		err_set(e, "SQLite has no FTS5: %s", sqlite3_errmsg(db));
		return false;
	}
	return true;
}

/* ------------------------------------------------------------------------
 * Queries
 */

static void
put_term(struct buf *out, struct str term)
{
	if (out->n)
		BUF_LIT(out, " AND ");
	buf_putc(out, '"');
	for (size_t i = 0; i < term.n; i++) {
		if (term.p[i] == '"')
			buf_putc(out, '"');
		buf_putc(out, term.p[i]);
	}
	buf_putc(out, '"');
}

bool
trigram_query(struct str needle, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)needle.p;
	size_t start[3] = { 0 }, at = 0;
	unsigned terms = 0;

	for (unsigned count = 1; at < needle.n && terms < MAX_QUERY_TERMS;
	     count++) {
		uint32_t ignored;

		start[0] = start[1];
		start[1] = start[2];
		start[2] = at;
		if (p[at] == '\0')
			return false; /* no SQL string holds it */
		at += code_point(p + at, needle.n - at, &ignored);
		if (count < 3)
			continue;
		put_term(out, str_sub(needle, start[0], at - start[0]));
		terms++;
	}
	return terms > 0;
}
