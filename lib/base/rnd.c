/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/rnd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void
rnd_bytes(void *p, size_t n)
{
	char *at = p;

	while (n) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0) {
			if (errno == EINTR)
				continue;
			abort();
		}
		at += got;
		n -= (size_t)got;
	}
}

uint64_t
rnd_u64(void)
{
	uint64_t v;

	rnd_bytes(&v, sizeof(v));
	return v;
}

uint64_t
rnd_below(uint64_t limit)
{
	uint64_t ceiling = UINT64_MAX - UINT64_MAX % limit, v;

	do
		v = rnd_u64();
	while (v >= ceiling);
	return v % limit;
}
