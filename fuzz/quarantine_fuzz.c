/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "filter/clean.h"
#include "filter/release.h"
#include "mime/header.h"

/* What people see of a stranger's subject, and a message as it is released. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SUBJECT_MAX 320

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

static void
check_clean(struct arena *a, struct str value)
{
	struct str s = clean_text(a, value, SUBJECT_MAX);

	expect(s.n <= SUBJECT_MAX && str_is_utf8(s));
	for (size_t i = 0; i < s.n; i++)
		expect((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f);
}

/* What was said of it before it was released counts no more. */
static void
check_release(struct arena *a, struct str raw)
{
	struct buf out = { 0 };
	struct mime_field f;

	release_rewrite(
	    &out, raw, STR("X-Spam-Score"), STR("cli:root"), 1800000000);
	expect(!mime_field_find(buf_str(&out), "X-Spam-Flag", &f));
	expect(!mime_field_find(buf_str(&out), "X-Spam-Score", &f));
	expect(mime_header_value(a, buf_str(&out), "X-Mailstead-Released").n);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = { (const char *)data, size };
	struct arena *a = arena_new();

	check_clean(a, input);
	check_release(a, input);
	arena_free(&a);
	return 0;
}
