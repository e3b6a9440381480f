/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/mem.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

static void *
check(void *p)
{
	if (!p) {
		fputs("mailstead: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *
mem_alloc(size_t n)
{
	return check(malloc(n ? n : 1));
}

void *
mem_zalloc(size_t n)
{
	return check(calloc(1, n ? n : 1));
}

void *
mem_realloc(void *p, size_t n)
{
	return check(realloc(p, n ? n : 1));
}

void *
mem_array(void *p, size_t count, size_t size)
{
	return check(reallocarray(p, count ? count : 1, size));
}

char *
mem_strdup(const char *s)
{
	return check(strdup(s));
}

void
mem_return_large(void)
{
#ifdef M_MMAP_THRESHOLD /* set: glibc no longer adapts it */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
#endif
}

void
mem_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

int
mem_ct_cmp(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n);
}
