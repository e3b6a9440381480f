/* SPDX-License-Identifier: BSD-2-Clause */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filter/answers.h"
#include "filter/spam_engine.h"

/* What scanners answer. However odd, it comes out as bounded ASCII. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(what)                                                            \
	do {                                                                   \
		if (!(what))                                                   \
			abort();                                               \
	} while (0)

static void
check_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		CHECK(s.p[i] >= ' ' && s.p[i] <= '~');
}

static void
check_verdict(const struct spam_verdict *v)
{
	CHECK(isfinite(v->score) && isfinite(v->threshold));
	CHECK(v->rules.n <= SPAM_RULES_MAX);
	check_plain(v->rules);
}

static void
read_clamd(struct str text)
{
	struct err e = ERR_INIT;
	char name[128];

	if (clamd_answer("s", text, name, &e) == SCAN_FOUND)
		CHECK(*name);
	check_plain(str_of(name));
	if (clamd_version("s", text, name, &e))
		check_plain(str_of(name));
	check_plain(str_of(e.msg));
}

static void
read_spamd(struct str text)
{
	struct arena *a = arena_new();
	struct spamd_answer r;
	struct spam_verdict v;
	struct err e = ERR_INIT;

	if (spamd_answer("s", text, &r, &e) &&
	    spamd_verdict("s", &r, a, &v, &e))
		check_verdict(&v);
	check_plain(str_of(e.msg));
	arena_free(&a);
}

static void
read_rspamd(struct str text)
{
	struct arena *a = arena_new();
	struct spam_verdict v;
	struct err e = ERR_INIT;

	if (rspamd_verdict("s", text, a, &v, &e))
		check_verdict(&v);
	rspamd_complaint("s", 404, text, &e);
	rspamd_knows(404, text);
	check_plain(str_of(e.msg));
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };

	read_clamd(text);
	read_spamd(text);
	read_rspamd(text);
	return 0;
}
