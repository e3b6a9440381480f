/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the index knows of a fuzzy key (RFC 6203): emails that may have all of
 * its words. A word that may have a typo has one of two pieces unharmed.
 */
#include "imapd/search.h"

struct emails {
	const int64_t *v;
	size_t n;
	bool all; /* any */
};

static enum store_rc
ask(const struct search_run *run, struct str needle, struct emails *out,
    struct err *e)
{
	return search_candidates(run->sc.account, &needle, 1, run->arena,
	    &out->v, &out->n, &out->all, e);
}

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

static enum store_rc
ask_word(const struct search_run *run, struct str word, struct emails *out,
    struct err *e)
{
	struct str pieces[2];
	size_t n = fuzzy_pieces(word, pieces);
	struct emails other;
	enum store_rc rc = ask(run, pieces[0], out, e);

	if (rc != STORE_OK || n == 1)
		return rc;
	rc = ask(run, pieces[1], &other, e);
	if (rc != STORE_OK)
		return rc;
	if (out->all || other.all)
		out->all = true;
	else
		*out = join(run, out, &other, false);
	return STORE_OK;
}

enum store_rc
search_narrow_fuzzy(
    const struct search_run *run, struct search_key *k, struct err *e)
{
	struct emails all = { .all = true };

	for (size_t i = 0; i < k->words.n; i++) {
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
