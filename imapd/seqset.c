/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/seqset.h"

#include <stdlib.h>

static bool
take_num(struct str text, size_t *at, uint32_t star, uint32_t *num)
{
	size_t start = *at;

	if (start < text.n && text.p[start] == '*') {
		*at = start + 1;
		*num = star;
		return true;
	}
	while (*at < text.n && ascii_digit(text.p[*at]))
		(*at)++;
	if (str_u32(str_sub(text, start, *at - start), num) && *num > 0)
		return true;
	*at = start;
	return false;
}

static bool
take_range(struct str text, size_t *at, uint32_t star, struct uid_range *r)
{
	if (!take_num(text, at, star, &r->lo))
		return false;
	r->hi = r->lo;
	if (*at < text.n && text.p[*at] == ':') {
		(*at)++;
		if (!take_num(text, at, star, &r->hi))
			return false;
	}
	if (r->lo == 0 || r->hi == 0) /* "*" of an empty mailbox */
		r->lo = r->hi = 0;
	if (r->lo > r->hi) {
		uint32_t lo = r->hi;

		r->hi = r->lo;
		r->lo = lo;
	}
	return true;
}

static int
by_lo(const void *a, const void *b)
{
	const struct uid_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Sort, join what touches, and drop the empty ranges (lo == 0). */
static size_t
merge(struct uid_range *r, size_t n)
{
	size_t kept = 0;

	qsort(r, n, sizeof(*r), by_lo);
	for (size_t i = 0; i < n; i++) {
		if (r[i].lo == 0)
			continue;
		if (kept && (r[kept - 1].hi == UINT32_MAX ||
				r[i].lo <= r[kept - 1].hi + 1)) {
			if (r[i].hi > r[kept - 1].hi)
				r[kept - 1].hi = r[i].hi;
			continue;
		}
		r[kept++] = r[i];
	}
	return kept;
}

static size_t
count_ranges(struct str text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == ',';
	return n;
}

enum seqset_rc
seqset_parse(struct arena *a, struct str text, uint32_t star, struct uids *out,
    size_t *at)
{
	size_t max = count_ranges(text), n = 0;
	struct uid_range *r;

	*out = (struct uids){ NULL, 0 };
	*at = 0;
	if (max > SEQSET_MAX_RANGES)
		return SEQSET_TOO_MANY;
	r = arena_array(a, max, sizeof(*r));
	for (;;) {
		if (!take_range(text, at, star, &r[n++]))
			return SEQSET_SYNTAX;
		if (*at == text.n)
			break;
		if (text.p[*at] != ',')
			return SEQSET_SYNTAX;
		(*at)++;
	}
	*out = (struct uids){ r, merge(r, n) };
	return SEQSET_OK;
}

bool
seqset_has(struct uids set, uint32_t num)
{
	size_t lo = 0, hi = set.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (set.r[mid].hi < num)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < set.n && set.r[lo].lo <= num;
}

uint32_t
seqset_max(struct uids set)
{
	return set.n ? set.r[set.n - 1].hi : 0;
}

struct uids
seqset_and(struct arena *a, struct uids x, struct uids y)
{
	struct uids_builder b = { .arena = a };
	size_t i = 0, k = 0;

	while (i < x.n && k < y.n) {
		const struct uid_range *p = &x.r[i], *q = &y.r[k];
		uint32_t lo = p->lo > q->lo ? p->lo : q->lo;
		uint32_t hi = p->hi < q->hi ? p->hi : q->hi;

		if (lo <= hi)
			uids_add_range(&b, lo, hi);
		if (p->hi < q->hi)
			i++;
		else
			k++;
	}
	return uids_done(&b);
}

struct uids
seqset_slice(struct arena *a, struct uids set, uint64_t from, uint64_t to)
{
	struct uids_builder b = { .arena = a };
	uint64_t at = 0; /* position of the range's first number */

	for (size_t i = 0; i < set.n && at < to; i++) {
		struct uid_range r = set.r[i];
		uint64_t end = at + r.hi - r.lo + 1;

		if (end > to)
			r.hi -= (uint32_t)(end - to);
		if (at < from && end > from)
			r.lo += (uint32_t)(from - at);
		if (end > from)
			uids_add_range(&b, r.lo, r.hi);
		at = end;
	}
	return uids_done(&b);
}

void
seqset_put(struct buf *out, struct uids set)
{
	for (size_t i = 0; i < set.n; i++) {
		if (i)
			buf_putc(out, ',');
		buf_putu(out, set.r[i].lo);
		if (set.r[i].hi != set.r[i].lo) {
			buf_putc(out, ':');
			buf_putu(out, set.r[i].hi);
		}
	}
}
