/* SPDX-License-Identifier: BSD-2-Clause */
#include "pop3d/delay.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"

#define MAX_KEPT 100000 /* then all are forgotten */

struct delays {
	pthread_mutex_t lock;
	struct map *last; /* id -> int64_t, monotonic milliseconds */
};

struct delays *
delays_new(void)
{
	struct delays *d = mem_zalloc(sizeof(*d));

	pthread_mutex_init(&d->lock, NULL);
	d->last = map_new();
	return d;
}

static void
forget_all(struct delays *d)
{
	size_t at = 0;
	void *value;

	while (map_next(d->last, &at, NULL, &value))
		free(value);
	map_free(&d->last);
}

void
delays_free(struct delays **d)
{
	if (!*d)
		return;
	forget_all(*d);
	pthread_mutex_destroy(&(*d)->lock);
	free(*d);
	*d = NULL;
}

bool
delays_pass(struct delays *d, struct str id, uint64_t seconds)
{
	int64_t now = clock_mono_ms(), *last;
	bool pass;

	if (seconds == 0)
		return true;
	pthread_mutex_lock(&d->lock);
	last = map_get(d->last, id);
	pass = !last || (uint64_t)(now - *last) / 1000 >= seconds;
	if (!last && map_count(d->last) >= MAX_KEPT) {
		forget_all(d);
		d->last = map_new();
	}
	if (!last) {
		last = mem_alloc(sizeof(*last));
		map_set(d->last, id, last);
	}
	if (pass)
		*last = now;
	pthread_mutex_unlock(&d->lock);
	return pass;
}
