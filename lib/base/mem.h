/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/*
 * Allocation that does not fail: out of memory ends the process with a line
 * on stderr. Every size a peer can influence is bounded before it gets here.
 */
void *mem_alloc(size_t n);
void *mem_zalloc(size_t n); /* zeroed */
void *mem_realloc(void *p, size_t n);
/* COUNT * SIZE without overflow. */
void *mem_array(void *p, size_t count, size_t size);
char *mem_strdup(const char *s);

/* Blocks beyond 1 MiB go back to the system when they are freed. glibc learns
 * from the first one of 19 MiB that verifying a password takes to keep as much
 * for every thread. Before threads start. */
void mem_return_large(void);

/* Overwrite secrets so that the compiler cannot leave it out. */
void mem_wipe(void *p, size_t n);

/* Constant-time comparison of N bytes; 0 if equal. */
int mem_ct_cmp(const void *a, const void *b, size_t n);

#endif
