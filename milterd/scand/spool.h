/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCAND_SPOOL_H
#define SCAND_SPOOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/*
 * A stream on its way to a scanner: an unnamed file in memory, so that the
 * scanner maps it and nothing is copied. Sealed, nobody changes it under the
 * scanner. The memory of all is bounded by a budget.
 */

struct budget {
	_Atomic uint64_t used;
	uint64_t max;
};

struct spool {
	struct budget *budget;
	int fd; /* -1: none is open */
	uint64_t size;
};

enum spool_rc { SPOOL_OK, SPOOL_FULL, SPOOL_IO };

enum spool_rc spool_open(struct spool *s, struct budget *b);
enum spool_rc spool_put(struct spool *s, struct str data);
bool spool_seal(struct spool *s);
void spool_close(struct spool *s); /* fine if it is not open */

#endif
