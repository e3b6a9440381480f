/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "filter/attachment.h"
#include "filter/edit.h"

/* The files in a message, patterns for them, and a header written anew. The
 * first line is the patterns. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fields as they are, but for the folds, which become CRLF. */
static void
write_header(struct arena *a, struct str raw)
{
	size_t body;
	struct fields h = fields_of(a, raw, &body);
	struct edits e = { 0 };
	struct buf as_is = { 0 }, edited = { 0 };

	header_write(&as_is, &h);
	if (h.n > 0) {
		edits_delete(a, &e, h.v[0].name, 1, 0);
		edits_deleted(&e);
	}
	edits_apply(&edited, &h, &e);
	if (edited.n > as_is.n || (h.n > 0 && edited.n == as_is.n))
		abort();
	buf_fini(&as_is);
	buf_fini(&edited);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str raw = { (const char *)data, size }, patterns, word;
	struct arena *a = arena_new();
	struct attachment *list;
	size_t n;

	str_split(&raw, '\n', &patterns);
	n = attachment_list(a, raw, &list);
	if (n > ATTACHMENTS_MAX)
		abort();
	attachment_match(list, n, patterns, &word);
	write_header(a, raw);
	arena_free(&a);
	return 0;
}
