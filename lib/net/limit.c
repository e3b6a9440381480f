/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/internal.h"

#include "base/clock.h"

bool
limit_pass(struct limit *l, unsigned per_second)
{
	int64_t now = clock_mono_ms() / 1000, then = atomic_load(&l->second);

	if (then != now &&
	    atomic_compare_exchange_strong(&l->second, &then, now))
		atomic_store(&l->count, 0);
	return atomic_fetch_add(&l->count, 1) < per_second;
}
