/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/collate.h"

#include <pthread.h>
#include <stdlib.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "mime/decode.h"
#include "mime/internal.h"

static const UNormalizer2 *nfkd;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
get_nfkd(void)
{
	UErrorCode rc = U_ZERO_ERROR;

	nfkd = unorm2_getNFKDInstance(&rc);
	if (U_FAILURE(rc))
		abort(); /* ICU without its data */
}

/* Titlecase, then the full decomposition (RFC 5051, section 2). */
static void
put_casemapped(struct buf *out, UChar32 c)
{
	UChar units[32];
	UErrorCode rc = U_ZERO_ERROR;
	UChar32 title = u_totitle(c), one;
	int32_t n = unorm2_getDecomposition(nfkd, title, units, 32, &rc), i = 0;

	if (n < 0 || U_FAILURE(rc)) {
		utf8_put(out, (uint32_t)title);
		return;
	}
	while (i < n) {
		U16_NEXT(units, i, n, one);
		utf8_put(out, (uint32_t)one);
	}
}

static void
order_ascii(struct buf *out, struct str s)
{
	char *to = buf_reserve(out, s.n);

	for (size_t i = 0; i < s.n; i++)
		to[i] = ascii_upper(s.p[i]);
	out->n += s.n;
}

static void
order_unicode(struct buf *out, struct str s)
{
	size_t ascii = ascii_prefix(s);
	const uint8_t *p = (const uint8_t *)s.p;
	int32_t i = (int32_t)ascii, n = (int32_t)s.n;

	order_ascii(out, str_sub(s, 0, ascii));
	if (ascii == s.n)
		return;
	pthread_once(&once, get_nfkd);
	while (i < n) {
		UChar32 c;

		U8_NEXT(p, i, n, c);
		put_casemapped(out, c < 0 ? 0xfffd : c);
	}
}

static void
octets(struct buf *out, struct str s)
{
	buf_putstr(out, s);
}

const struct mime_collation mime_collations[] = {
	{ "i;unicode-casemap", mime_fold, order_unicode },
	{ "i;ascii-casemap", order_ascii, order_ascii },
	{ "i;octet", octets, octets },
};
const size_t mime_ncollations = LEN(mime_collations);

const struct mime_collation *
mime_collation_find(struct str name)
{
	for (size_t i = 0; i < mime_ncollations; i++) {
		if (str_ieqc(name, mime_collations[i].name))
			return &mime_collations[i];
	}
	return NULL;
}
