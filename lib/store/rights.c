/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/rights.h"

#include <stdlib.h>

#include "store/internal.h"

/* In the order in which they are shown. */
static const struct {
	char letter;
	unsigned rights;
} letters[] = {
	{ 'l', RIGHT_LOOKUP },
	{ 'r', RIGHT_READ },
	{ 's', RIGHT_SEEN },
	{ 'w', RIGHT_WRITE },
	{ 'i', RIGHT_INSERT },
	{ 'p', RIGHT_POST },
	{ 'k', RIGHT_CREATE },
	{ 'x', RIGHT_DELETE },
	{ 't', RIGHT_TRASH },
	{ 'e', RIGHT_EXPUNGE },
	{ 'a', RIGHT_ADMIN },
	{ 'c', RIGHT_CREATE | RIGHT_DELETE },
	{ 'd', RIGHT_TRASH | RIGHT_EXPUNGE },
};
#define LETTERS LEN(letters)
#define COMPAT 2 /* the last ones are RFC 2086's */

bool
rights_parse(struct str text, unsigned *out)
{
	*out = 0;
	for (size_t i = 0; i < text.n; i++) {
		size_t j = 0;

		while (j < LETTERS && letters[j].letter != text.p[i])
			j++;
		if (j == LETTERS)
			return false;
		*out |= letters[j].rights;
	}
	return true;
}

static void
put(struct buf *out, unsigned rights, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (rights & letters[i].rights)
			buf_putc(out, letters[i].letter);
	}
}

void
rights_put(struct buf *out, unsigned rights)
{
	put(out, rights, LETTERS - COMPAT);
}

void
rights_put_compat(struct buf *out, unsigned rights)
{
	put(out, rights, LETTERS);
}

/* ------------------------------------------------------------------------
 * Who may do what
 */

/* What the rows of an object say of one user. */
struct sum {
	unsigned granted, denied;
	bool named; /* by his own identifier */
};

static bool
is_named(const struct share_who *who, struct str identifier)
{
	if (str_eq(identifier, who->account))
		return true;
	if (who->owner) /* is not one of many in his own account */
		return false;
	if (identifier.n && identifier.p[0] == '@')
		return str_eq(
		    str_sub(identifier, 1, identifier.n), who->domain);
	return who->anyone && str_eqc(identifier, "anyone");
}

static void
add_row(struct sum *sum, const struct share_who *who, struct str identifier,
    struct str text)
{
	bool denies = identifier.n && identifier.p[0] == '-';
	unsigned rights;

	if (denies)
		identifier = str_sub(identifier, 1, identifier.n);
	if (!is_named(who, identifier) || !rights_parse(text, &rights))
		return;
	if (denies) {
		sum->denied |= rights;
	} else {
		sum->granted |= rights;
		sum->named = sum->named || str_eq(identifier, who->account);
	}
}

static unsigned
total(const struct sum *sum, const struct share_who *who)
{
	unsigned all = who->owner && !sum->named ? RIGHTS_ALL : sum->granted;

	all &= ~sum->denied;
	return who->owner ? all | RIGHTS_OWNER : all;
}

enum store_rc
share_rights(struct account *a, int64_t object, const struct share_who *who,
    unsigned *out, struct err *e)
{
	struct sum sum = { 0 };
	struct sqlite3_stmt *s;
	struct db *db;
	enum store_rc rc;
	enum sq_rc step;

	*out = 0;
	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_start(db->q, &s, e,
	    "SELECT identifier, rights FROM share WHERE object = ?",
	    SQ_I(object));
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		add_row(&sum, who, sq_str(s, 0), sq_str(s, 1));
		step = SQ_OK;
	}
	db_put(&db);
	if (step == SQ_DONE)
		*out = total(&sum, who);
	return store_rc_of(step);
}

/* The identifiers that can name WHO, those that deny him included. */
static void
identifiers_of(struct arena *arena, const struct share_who *who, struct str *v)
{
	v[0] = who->account;
	v[1] = arena_printf(arena, "-%.*s", STR_ARG(who->account));
	v[2] = arena_printf(arena, "@%.*s", STR_ARG(who->domain));
	v[3] = arena_printf(arena, "-@%.*s", STR_ARG(who->domain));
}

enum store_rc
share_rights_all(struct account *a, struct arena *arena,
    const struct share_who *who, struct share_right **list, size_t *count,
    struct err *e)
{
	struct sum sum = { 0 };
	struct sqlite3_stmt *s;
	struct str id[4];
	struct db *db;
	size_t cap = 0;
	enum store_rc rc;
	enum sq_rc step;

	*list = NULL;
	*count = 0;
	identifiers_of(arena, who, id);
	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_start(db->q, &s, e,
	    "SELECT object, identifier, rights FROM share WHERE identifier IN"
	    " (?, ?, ?, ?, 'anyone', '-anyone') ORDER BY object",
	    SQ_T(id[0]), SQ_T(id[1]), SQ_T(id[2]), SQ_T(id[3]));
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		int64_t object = sq_int(s, 0);

		if (!*count || (*list)[*count - 1].object != object) {
			*list = arena_grow(
			    arena, *list, *count, &cap, sizeof(**list));
			(*list)[(*count)++].object = object;
			sum = (struct sum){ 0 };
		}
		add_row(&sum, who, sq_str(s, 1), sq_str(s, 2));
		(*list)[*count - 1].rights = total(&sum, who);
		step = SQ_OK;
	}
	db_put(&db);
	return store_rc_of(step);
}

static int
find_object(const void *key, const void *item)
{
	int64_t want = *(const int64_t *)key;
	const struct share_right *r = item;

	return (want > r->object) - (want < r->object);
}

unsigned
share_rights_of(const struct share_right *list, size_t count, int64_t object,
    const struct share_who *who)
{
	const struct share_right *r =
	    count ? bsearch(&object, list, count, sizeof(*list), find_object)
		  : NULL;

	return r ? r->rights : who->owner ? RIGHTS_ALL : 0;
}

enum store_rc
share_grants(struct account *a, struct arena *arena, struct share_grant **list,
    size_t *count, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	size_t cap = 0;
	enum store_rc rc;
	enum sq_rc step;

	*list = NULL;
	*count = 0;
	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_start(db->q, &s, e,
	    "SELECT object, identifier, object IN (SELECT id FROM mailbox)"
	    " FROM share WHERE identifier NOT LIKE '-%'"
	    " ORDER BY object, identifier");
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		*list = arena_grow(arena, *list, *count, &cap, sizeof(**list));
		(*list)[(*count)++] = (struct share_grant){ sq_int(s, 0),
			sq_int(s, 2) != 0, sq_dup(arena, s, 1) };
		step = SQ_OK;
	}
	db_put(&db);
	return store_rc_of(step);
}
