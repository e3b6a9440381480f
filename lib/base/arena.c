/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_BLOCK 1024
#define MAX_BLOCK (256 * 1024)

struct block {
	struct block *next; /* older */
	size_t size, used;
	alignas(max_align_t) char bytes[];
};

struct arena {
	struct block *top;
	size_t used;
};

struct arena *
arena_new(void)
{
	return mem_zalloc(sizeof(struct arena));
}

static void
free_blocks(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

void
arena_free(struct arena **a)
{
	if (!*a)
		return;
	free_blocks((*a)->top);
	free(*a);
	*a = NULL;
}

void
arena_release(struct arena *a)
{
	free_blocks(a->top);
	a->top = NULL;
	a->used = 0;
}

void
arena_reset(struct arena *a)
{
	struct block *b = a->top;

	if (!b)
		return;
	if (b->size > ARENA_KEEP) {
		arena_release(a);
		return;
	}
	free_blocks(b->next);
	b->next = NULL;
	b->used = 0;
	a->used = 0;
}

/* Blocks double, so that a large command makes few of them. */
static struct block *
grow(struct arena *a, size_t n)
{
	size_t size = a->top ? a->top->size * 2 : FIRST_BLOCK;
	struct block *b;

	if (size > MAX_BLOCK)
		size = MAX_BLOCK;
	if (size < n)
		size = n;
	b = mem_alloc(sizeof(*b) + size);
	*b = (struct block){ .next = a->top, .size = size };
	a->top = b;
	return b;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	struct block *b = a->top;
	size_t want =
	    (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	void *p;

	if (want < n || want > SIZE_MAX / 2)
		mem_alloc(SIZE_MAX); /* ends the process */
	if (!b || b->size - b->used < want)
		b = grow(a, want);
	p = b->bytes + b->used;
	b->used += want;
	a->used += want;
	return memset(p, 0, n);
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		n = SIZE_MAX;
	return arena_alloc(a, n);
}

void *
arena_grow(struct arena *a, void *list, size_t n, size_t *cap, size_t size)
{
	void *bigger;

	if (n < *cap)
		return list;
	*cap = *cap ? *cap * 2 : 16;
	bigger = arena_array(a, *cap, size);
	if (n)
		memcpy(bigger, list, n * size);
	return bigger;
}

char *
arena_cstr(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return p;
}

struct str
arena_str(struct arena *a, struct str s)
{
	return (struct str){ arena_cstr(a, s), s.n };
}

struct str
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	int n;
	char *p;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return (struct str){ p, (size_t)n };
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}
