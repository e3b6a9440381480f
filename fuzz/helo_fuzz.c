/* SPDX-License-Identifier: BSD-2-Clause */
/* What a stranger calls itself, and what DNS lists are told about. */
#include <stdlib.h>

#include "base/arena.h"
#include "filter/dnsbl.h"
#include "filter/helo.h"
#include "site/filter_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct addr client = { { 0x20, 0x01, 0x0d, 0xb8 } };
	const struct str text = { (const char *)data, n };
	struct arena *a = arena_new();
	struct dnsbl_set set;
	struct err e = ERR_INIT;
	struct str entry;
	const char *why;

	if ((helo_look(text, &client, &why) == HELO_OK) != (*why == '\0'))
		abort();
	dnsbl_parse(text, &set, &e);
	/* It stays what it is. */
	if (site_list_normalize(a, text, &entry) &&
	    site_list_type_of(entry) != site_list_type_of(text))
		abort();
	arena_free(&a);
	return 0;
}
