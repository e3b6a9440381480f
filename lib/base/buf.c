/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PRINTF_ROOM 128 /* enough for most */

void
buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

char *
buf_reserve(struct buf *b, size_t n)
{
	size_t need;

	if (__builtin_add_overflow(b->n, n, &need))
		need = SIZE_MAX;
	if (need > b->cap || !b->p) { /* never NULL + 0 */
		size_t cap = b->cap < 128 ? 128 : b->cap + b->cap / 2;

		if (cap < need)
			cap = need;
		b->p = mem_realloc(b->p, cap);
		b->cap = cap;
	}
	return b->p + b->n;
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(buf_reserve(b, n), p, n);
	b->n += n;
}

void
buf_putc(struct buf *b, char c)
{
	*buf_reserve(b, 1) = c;
	b->n++;
}

void
buf_puts(struct buf *b, const char *cstr)
{
	buf_put(b, cstr, strlen(cstr));
}

void
buf_putstr(struct buf *b, struct str s)
{
	buf_put(b, s.p, s.n);
}

void
buf_putu(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_put(b, digits + i, sizeof(digits) - i);
}

void
buf_put_quoted(struct buf *b, struct str s)
{
	char *to = buf_reserve(b, 2 * s.n + 2);

	*to++ = '"';
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			*to++ = '\\';
		*to++ = s.p[i];
	}
	*to++ = '"';
	b->n = (size_t)(to - b->p);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	char *to = buf_reserve(b, PRINTF_ROOM);
	size_t room = b->cap - b->n;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(to, room, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n >= room)
		vsnprintf(
		    buf_reserve(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
	if (n > 0)
		b->n += (size_t)n;
	va_end(again);
}

const char *
buf_cstr(struct buf *b)
{
	*buf_reserve(b, 1) = '\0';
	return b->p;
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
}
