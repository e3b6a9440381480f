/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCAND_CREW_H
#define SCAND_CREW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "milterd/scand/engine.h"

/*
 * The proven scanners, as the front sees them. A scan takes one, and gives it
 * back if it answered; one that crashed, took too long or could not scan is
 * let go, and its keeper starts another, which must prove itself. So a
 * scanner's death costs the one message that it held, and that is an ERROR.
 *
 * Scanners of the current generation serve; those of an older one end as soon
 * as they are given back. All functions may be called on any thread.
 */
struct crew;

/* Owned by whoever has it; the crew while it is idle there. */
struct scanner {
	struct scanner *next;
	uint64_t generation;
	pid_t pid;
	int channel, pidfd;
	unsigned seconds; /* a scan may take */
};
void scanner_free(struct scanner *s); /* it ends when its scan does */
void scanner_free_all(struct scanner *list);

struct crew *crew_new(unsigned queue_seconds);
void crew_free(struct crew **p);
/* Idle scanners end, scans that wait fail at once, and so do later ones. */
void crew_stop(struct crew *p);

/* From now on GENERATION serves, beginning with LIST. */
void crew_switch(struct crew *p, uint64_t generation, struct scanner *list);
/* S, which may have come too late. */
void crew_add(struct crew *p, struct scanner *s);
/* Nothing serves: shall scans wait for what will? */
void crew_hope(struct crew *p, bool hope);

/* Scan what the sealed FD holds. Blocks. */
void crew_scan(struct crew *p, int fd, struct finding *out);

struct crew_state {
	unsigned idle, busy, waiting;
	bool ready; /* somebody of the current generation serves */
};
struct crew_state crew_state(struct crew *p);

#endif
