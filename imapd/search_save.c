/* SPDX-License-Identifier: BSD-2-Clause */
/* What was found, as the client knows it; and "$", what it shall remember. */
#include <stdlib.h>

#include "imapd/search.h"
#include "imapd/search_result.h"

uint32_t *
search_numbers(const struct search_run *run, bool uid)
{
	uint32_t *found = arena_array(run->arena, run->n + 1, sizeof(*found));

	for (size_t i = 0; i < run->n; i++)
		found[i] = uid ? view_at(run->sc.view, run->seqs[i])->uid
			       : run->seqs[i];
	return found;
}

uint64_t
search_modseq(const struct search_run *run, const struct search_return *ret)
{
	uint64_t most = 0;
	bool gone;

	for (size_t i = 0; i < run->n; i++) {
		uint64_t modseq =
		    scope_row(&run->sc, run->seqs[i], &gone)->modseq;

		if (modseq > most && search_returns(ret, run->n, i))
			most = modseq;
	}
	return most;
}

static int
by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

void
search_save(struct session *s, const struct search_run *run,
    const struct search_return *ret, bool failed)
{
	struct uids_builder b = { .arena = run->arena };
	uint32_t *uids = search_numbers(run, true);
	size_t n = 0;

	for (size_t i = 0; i < run->n && !failed; i++) {
		if (search_returns(ret, run->n, i))
			uids[n++] = uids[i];
	}
	qsort(uids, n, sizeof(*uids), by_number); /* SORT found them */
	for (size_t i = 0; i < n; i++)
		uids_add(&b, uids[i]);
	sel_save(s, uids_done(&b));
}

void
search_unsave(struct session *s, const struct search_return *ret)
{
	if (ret->items & RETURN_SAVE)
		sel_save(s, (struct uids){ NULL, 0 });
}
