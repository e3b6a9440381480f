/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mailauth/srs.h"

/* Addresses of recipients, which anybody can choose; and what we make of a
 * sender leads back to it. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1700000000)

static const struct str secret[] = { STR("secret"), STR("older") };
static const struct srs_secrets secrets = { secret, 2 };

static void
round_trip(struct str sender)
{
	struct buf there = { 0 }, back = { 0 };

	if (srs_forward(&there, secrets, NOW, sender, STR("b.example"))) {
		enum srs_rc rc =
		    srs_reverse(&back, secrets, NOW, buf_str(&there));

		/* An empty host, or one with "=", cannot be told apart. */
		if (rc == SRS_OK && str_istarts(buf_str(&there), STR("SRS0")) &&
		    str_chr(str_sub(sender, str_rchr(sender, '@'), STR_NPOS),
			'=') == STR_NPOS &&
		    !str_eq(buf_str(&back), sender))
			abort();
	}
	buf_fini(&there);
	buf_fini(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct buf out = { 0 };

	if (srs_reverse(&out, secrets, NOW, text) != SRS_OK && out.n > 0)
		abort();
	buf_fini(&out);
	round_trip(text);
	return 0;
}
