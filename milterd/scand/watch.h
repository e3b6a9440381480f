/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCAND_WATCH_H
#define SCAND_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Looks after a folder that freshclam writes to. A change is told when the
 * folder has rested for a while, since several files belong together; without
 * any notice it is looked at from time to time, since notices can be lost
 * (a folder that was not there, a network file system).
 */
struct watch {
	const char *dir;
	int64_t settle_ms, check_ms;
	int fd;
	int64_t settle_at, check_at; /* 0: nothing to settle */
};

void watch_init(
    struct watch *w, const char *dir, unsigned settle, unsigned check);
void watch_fini(struct watch *w);
int64_t watch_due(const struct watch *w); /* of clock_mono_ms() */
/* To call when fd is readable or it is due: is it time to look? */
bool watch_look(struct watch *w);
/* Of names, sizes and times; 0: there is no file. */
uint64_t watch_fingerprint(const char *dir);

#endif
