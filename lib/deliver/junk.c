/* SPDX-License-Identifier: BSD-2-Clause */
#include "deliver/junk.h"

#include <stdlib.h>

#include "mime/header.h"
#include "site/setting.h"

enum { WANTED, FIELD, LIMIT, VALUES };

static bool
is_flagged(struct arena *a, struct str header)
{
	return str_ieqc(mime_header_value(a, header, "X-Spam-Flag"), "YES");
}

/* Thousandths in LIMIT; 0: none is enough. */
static bool
reaches(struct arena *a, struct str score, int64_t limit)
{
	return limit != 0 && score.n > 0 &&
	       strtod(arena_cstr(a, score), NULL) * 1000 >= (double)limit;
}

bool
junk_is(struct site *s, struct arena *a, const struct site_account *acc,
    struct str raw)
{
	struct site_value v[VALUES] = {
		[WANTED] = { .key = "delivery.junk" },
		[FIELD] = { .key = "sieve.spam_header" },
		[LIMIT] = { .key = "spam.tag" },
	};
	struct str score;

	site_settings_read(s, a, site_scope_of(acc), v, VALUES);
	if (!v[WANTED].number)
		return false;
	score = mime_header_value(a, raw, arena_cstr(a, v[FIELD].text));
	return is_flagged(a, raw) ||
	       reaches(a, score, (int64_t)v[LIMIT].number);
}
