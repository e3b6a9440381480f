/* SPDX-License-Identifier: BSD-2-Clause */
/* What the index knows of search keys: emails that may match. */
#include "imapd/search.h"
#include "mime/decode.h"

/* ------------------------------------------------------------------------
 * Fuzzy keys (RFC 6203): all of their words
 */

/* With fewer it is cheaper to read them than to ask on. */
#define FEW 64

struct emails {
	const int64_t *v;
	size_t n;
	bool all; /* any */
};

/* Both ascend; what is in one of them, or in both. */
static struct emails
join(const struct search_run *run, const struct emails *x,
    const struct emails *y, bool both)
{
	int64_t *v = arena_array(run->arena, x->n + y->n + 1, sizeof(*v));
	size_t n = 0, i = 0, k = 0;

	while (i < x->n && k < y->n) {
		int64_t a = x->v[i], b = y->v[k];

		if (!both || a == b)
			v[n++] = a < b ? a : b;
		i += a <= b;
		k += b <= a;
	}
	while (!both && i < x->n)
		v[n++] = x->v[i++];
	while (!both && k < y->n)
		v[n++] = y->v[k++];
	return (struct emails){ v, n, false };
}

/* As it is, or with a typo in one of its places. */
static enum store_rc
ask_word(const struct search_run *run, struct str word, struct emails *out,
    struct err *e)
{
	struct str parts[2];
	enum store_rc rc = STORE_OK;

	*out = (struct emails){ 0 };
	for (size_t i = 0;
	     rc == STORE_OK && !out->all && fuzzy_parts(word, i, parts); i++) {
		struct emails one = { 0 };

		rc = search_candidates(run->sc.account, parts, 2, run->arena,
		    &one.v, &one.n, &one.all, e);
		if (one.all)
			out->all = true;
		else
			*out = join(run, out, &one, false);
	}
	return rc;
}

static enum store_rc
narrow_words(const struct search_run *run, struct search_key *k, struct err *e)
{
	struct emails all = { .all = true };

	for (size_t i = 0; i < k->words.n && (all.all || all.n > FEW); i++) {
		struct emails one;
		enum store_rc rc = ask_word(run, k->words.words[i], &one, e);

		if (rc != STORE_OK)
			return rc;
		if (one.all)
			continue;
		all = all.all ? one : join(run, &all, &one, true);
	}
	k->narrowed = !all.all;
	k->candidates = all.v;
	k->ncandidates = all.n;
	return STORE_OK;
}

/* ------------------------------------------------------------------------
 * Any key
 */

/* Of a field without a needle its name is looked for. */
static struct str
index_needle(const struct search_run *run, const struct search_key *k)
{
	if (k->kind == SK_HEADER && k->indexed.n == 0) {
		struct str name =
		    arena_printf(run->arena, "%.*s:", STR_ARG(k->name));

		return search_folded(run->arena, mime_fold, name);
	}
	return k->indexed;
}

static bool
asks_index(const struct search_run *run, const struct search_key *k)
{
	if (search_is_subject(k) && run->keys)
		return false;
	return k->kind == SK_TEXT || k->kind == SK_BODY || k->kind == SK_HEADER;
}

enum store_rc
search_narrow(const struct search_run *run, struct search_key *k, struct err *e)
{
	enum store_rc rc = STORE_OK;
	bool all = true;

	if (asks_index(run, k) && k->words.n) {
		rc = narrow_words(run, k, e);
	} else if (asks_index(run, k)) {
		struct str needle = index_needle(run, k);

		rc = search_candidates(run->sc.account, &needle, 1, run->arena,
		    &k->candidates, &k->ncandidates, &all, e);
		k->narrowed = rc == STORE_OK && !all;
	}
	for (struct search_key *c = k->child; c && rc == STORE_OK; c = c->next)
		rc = search_narrow(run, c, e);
	return rc;
}
