/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_RND_H
#define BASE_RND_H

#include <stddef.h>
#include <stdint.h>

/* Bytes from the kernel's generator, fit for keys; cannot fail. */
void rnd_bytes(void *p, size_t n);
uint64_t rnd_u64(void);
/* Uniform in [0, limit); LIMIT > 0. */
uint64_t rnd_below(uint64_t limit);

#endif
