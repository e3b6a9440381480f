/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/decode.h"

#include <stdlib.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "mime/internal.h"

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	}
	return true;
}

struct str
mime_nfc(struct arena *a, struct str utf8)
{
	/* A UTF-8 octet makes one unit at most; NFC makes at most three of
	 * one, and a unit at most three octets. */
	int32_t max = (int32_t)utf8.n, n = 0, out = 0;
	UErrorCode rc = U_ZERO_ERROR;
	const UNormalizer2 *nfc;
	UChar *units, *composed;
	char *text;

	if (is_ascii(utf8) || utf8.n > MIME_NFC_MAX)
		return utf8;
	nfc = unorm2_getNFCInstance(&rc);
	units = arena_array(a, (size_t)max + 1, sizeof(*units));
	composed = arena_array(a, (size_t)max * 3 + 1, sizeof(*composed));
	text = arena_array(a, (size_t)max * 9 + 1, 1);
	u_strFromUTF8(units, max + 1, &n, utf8.p, max, &rc);
	n = unorm2_normalize(nfc, units, n, composed, max * 3 + 1, &rc);
	u_strToUTF8(text, max * 9 + 1, &out, composed, n, &rc);
	return U_FAILURE(rc) ? utf8 : (struct str){ text, (size_t)out };
}
