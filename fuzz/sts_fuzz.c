/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "outbound/sts.h"

/* MTA-STS: the same bytes as a record and as a policy file. What is made of
 * them for Postfix must be one word. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = { (const char *)data, n }, id;
	struct arena *a = arena_new();
	struct sts_policy p;
	struct buf match = { 0 };
	struct err e = ERR_INIT;

	if (sts_record_parse(text, &id) && id.n > STS_MAX_ID)
		abort();
	if (sts_policy_parse(a, text, &p, &e)) {
		sts_policy_match(&p, &match);
		for (size_t i = 0; i < match.n; i++) {
			if ((unsigned char)match.p[i] <= ' ' ||
			    match.p[i] == '=')
				abort();
		}
		sts_policy_covers(&p, text);
	}
	buf_fini(&match);
	arena_free(&a);
	return 0;
}
