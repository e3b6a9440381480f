/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "dns/zone.h"
#include "mailauth/dmarc.h"
#include "mailauth/field.h"

/*
 * The record of any domain, and a From field: the input is a record, and behind
 * its first line end a header.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(what)                                                            \
	do {                                                                   \
		if (!(what))                                                   \
			abort();                                               \
	} while (0)

static void
check_record(struct arena *a, struct str text)
{
	struct dmarc_record r;
	struct str why;

	if (!dmarc_record_parse(a, text, &r, &why))
		return;
	CHECK(r.pct <= 100 && strchr("ynu", r.psd));
	for (size_t i = 0; i < r.nrua; i++) {
		CHECK(str_istarts(r.rua[i].uri, STR("mailto:")));
		CHECK(str_chr(r.rua[i].address, '@') != STR_NPOS);
		CHECK(str_chr(r.rua[i].address, '\n') == STR_NPOS);
	}
}

static void
check_author(
    struct arena *a, struct psl *list, struct str text, struct str domain)
{
	struct signature s = { .result = SIGNATURE_PASS,
		.domain = STR("example.com") };
	struct dmarc_query q = {
		.author = domain, .signatures = &s, .nsignatures = 1
	};
	struct zone *z = zone_new();
	struct dmarc_verdict v;

	zone_add_txt(z, STR("_dmarc.example.com"), &text, 1);
	dmarc_check(zone_resolver(z), list, a, &q, &v);
	q.discovery = DMARC_TREE;
	dmarc_check(zone_resolver(z), list, a, &q, &v);
	CHECK(v.result == DMARC_FAIL || v.policy == DMARC_P_NONE);
	CHECK(zone_asked(z) < 30);
	zone_free(&z);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct psl *list;
	struct str rest = { (const char *)data, size }, text, domain;
	struct arena *a = arena_new();
	struct fields f;
	const char *why;
	struct err e;
	size_t body;

	if (!list && !psl_open(NULL, &list, &e))
		return 0;
	if (!str_split(&rest, '\n', &text))
		text = STR_NULL;
	check_record(a, text);
	f = fields_of(a, rest, &body);
	if (author_domain(a, &f, &domain, &why)) {
		CHECK(str_eq(domain_to_ascii(a, domain), domain));
		check_author(a, list, text, domain);
	}
	arena_free(&a);
	return 0;
}
