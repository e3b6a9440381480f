/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mailauth/key.h"

/* Key records, which whoever signs publishes. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size }, why = STR_NULL;
	static const uint8_t hash[32];
	struct arena *a = arena_new();
	struct key_record r;
	enum key_rc rc = key_record_parse(a, text, &r, &why);

	if ((rc == KEY_OK) != (r.key != NULL) || (rc == KEY_OK) == (why.n > 0))
		abort();
	if (rc == KEY_OK) {
		struct buf b = { 0 };

		public_key_base64(r.key, &b);
		if (b.n == 0 || public_key_verify(r.key, hash, text))
			abort();
		buf_fini(&b);
	}
	public_key_free(&r.key);
	arena_free(&a);
	return 0;
}
