/* SPDX-License-Identifier: BSD-2-Clause */
#include "authd/netstring.h"

#define MAX_DIGITS 9

enum netstring_rc
netstring_take(struct str in, size_t max, struct str *out, size_t *used)
{
	size_t colon = str_chr(str_sub(in, 0, MAX_DIGITS + 1), ':');
	struct str digits = str_sub(in, 0, colon);
	uint32_t n;

	if (colon == STR_NPOS && in.n == 0)
		return NETSTRING_PARTIAL;
	if (digits.n > MAX_DIGITS || !str_u32(digits, &n) || n > max ||
	    (digits.n > 1 && digits.p[0] == '0'))
		return NETSTRING_BAD;
	if (colon == STR_NPOS || in.n < colon + 1 + n + 1)
		return NETSTRING_PARTIAL;
	*out = str_sub(in, colon + 1, n);
	*used = colon + 1 + n + 1;
	return in.p[*used - 1] == ',' ? NETSTRING_OK : NETSTRING_BAD;
}

void
netstring_put(struct buf *out, struct str s)
{
	buf_putu(out, s.n);
	buf_putc(out, ':');
	buf_putstr(out, s);
	buf_putc(out, ',');
}
