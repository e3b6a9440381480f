/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mailauth/report_internal.h"

/* Reports of anybody: packed, as text, and as the mail that brings them. What
 * was read is written, and that read again. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(what)                                                            \
	do {                                                                   \
		if (!(what))                                                   \
			abort();                                               \
	} while (0)

static void
check_aggregate(struct arena *a, struct str text)
{
	struct aggregate r, again;
	struct buf xml = { 0 };
	struct err e;

	if (!aggregate_parse(a, text, &r, &e))
		return;
	aggregate_write(&xml, &r);
	CHECK(aggregate_parse(a, buf_str(&xml), &again, &e));
	CHECK(again.nrows == r.nrows && again.nerrors == r.nerrors);
	buf_fini(&xml);
}

static void
check_tls(struct arena *a, struct str text)
{
	struct tls_report r, again;
	struct buf json = { 0 };
	struct err e;

	if (!tls_report_parse(a, text, &r, &e))
		return;
	tls_report_write(&json, &r);
	CHECK(tls_report_parse(a, buf_str(&json), &again, &e));
	CHECK(again.n == r.n);
	buf_fini(&json);
}

static void
check_redaction(struct str text)
{
	struct buf b = { 0 };
	size_t before = 0, after = 0;

	report_redact(&b, text, STR("example.com"), STR("key"));
	for (size_t i = 0; i < text.n; i++)
		before += text.p[i] == '@';
	for (size_t i = 0; i < b.n; i++)
		after += b.p[i] == '@';
	CHECK(after <= before);
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str raw = { (const char *)data, size }, text;
	struct arena *a = arena_new();
	struct feedback f;
	struct err e;

	if (report_unpack(a, raw, &text, &e)) {
		check_aggregate(a, text);
		check_tls(a, text);
	}
	feedback_parse(a, raw, &f, &e);
	report_find(a, raw, &text, &e);
	check_redaction(raw);
	arena_free(&a);
	return 0;
}
