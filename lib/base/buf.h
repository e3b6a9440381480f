/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/*
 * A growing byte buffer. Zero-initialised it is empty and owns nothing.
 * [0, n) are the bytes; cap is what is allocated. Pointers into it are good
 * until the next call that adds.
 */
struct buf {
	char *p;
	size_t n, cap;
};

void buf_fini(struct buf *b); /* frees; the buffer is empty and usable again */
static inline struct str
buf_str(const struct buf *b)
{
	return (struct str){ b->p, b->n };
}

/* Make room for N more bytes and return where they go; n does not change. */
char *buf_reserve(struct buf *b, size_t n);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_putc(struct buf *b, char c);
void buf_puts(struct buf *b, const char *cstr);
void buf_putstr(struct buf *b, struct str s);
void buf_putu(struct buf *b, uint64_t v); /* in decimal */
/* As a quoted-string: between ", and a \ before each " and \ in it. */
void buf_put_quoted(struct buf *b, struct str s);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The bytes followed by a NUL that n does not count. */
const char *buf_cstr(struct buf *b);
void buf_drop(struct buf *b, size_t n); /* remove the first N bytes */
void buf_clear(struct buf *b);          /* keeps the memory */

#define BUF_LIT(b, literal) buf_put((b), (literal), sizeof(literal) - 1)

#endif
