/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_SPOOL_H
#define BASE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * A message while it comes in. Small ones stay in memory; a large one, or
 * any when all sessions together hold more than the budget, goes to a file
 * without a name. Nothing here is durable: that is the store's work.
 */
struct spool {
	struct buf mem; /* the whole message, or what is not in the file yet */
	size_t counted; /* of it in the budget */
	uint64_t size;  /* of the message */
	int fd;         /* -1: in memory */
	char *map;
	size_t mapped;
	bool failed; /* the file could not be written */
};

/* Once, before the first message. HEADROOM: writable bytes before each. */
void spool_configure(const char *dir, uint64_t budget, size_t headroom);

void spool_init(struct spool *s);
/* Never blocks. */
void spool_put(struct spool *s, struct str piece);
/* Should spool_write() be called, on a thread that may block? */
bool spool_must_write(const struct spool *s);
bool spool_write(struct spool *s, struct err *e);
/* The message in one piece, the headroom before it. May block. Good until
 * spool_reset(). */
bool spool_finish(struct spool *s, struct str *raw, struct err *e);
/* Forget the message and free what it took. */
void spool_reset(struct spool *s);

#endif
