/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_SCORE_H
#define FILTER_SCORE_H

#include <pthread.h>
#include <stdbool.h>

/* Who asks a slow server waits for his turn. Any thread. */
struct turns {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	unsigned taken;
};
void turns_init(struct turns *t);
void turns_fini(struct turns *t);
/* While there are MAX of them, wait, for SECONDS at most. False: in vain. */
bool turns_take(struct turns *t, unsigned max, unsigned seconds);
void turns_end(struct turns *t);

#endif
