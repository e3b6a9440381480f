/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCAND_PROCESS_H
#define SCAND_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "milterd/scand/crew.h"

/* A keeper (keeper.h) as the supervisor sees it: a process, our end of the
 * pair, and what came through it. */
struct process {
	uint64_t generation; /* counted from 1; 0: there is none */
	pid_t pid;
	int control; /* -1: we have closed it, it ends */
	int pidfd;
	char *dir;            /* its temporary folder */
	uint64_t fingerprint; /* of the databases when it began */
	int64_t since;

	/* Since PACKET_LOADED. */
	unsigned scanners, seconds, signatures;
	char version[128];
	/* Proven, until they are given to the crew. */
	struct scanner *proven;
	unsigned nproven;
};

bool process_start(const char *conf, const char *temp_dir, uint64_t generation,
    struct process *out, struct err *e);

enum process_news {
	PROCESS_NOTHING, /* more will come */
	PROCESS_SCANNER, /* one more in proven */
	PROCESS_FAILED,  /* E has the reason; it is of no use any more */
};
/* Take one packet that is there. */
enum process_news process_hear(struct process *p, struct err *e);
/* Nothing is expected of it any more; its scanners are the caller's. */
void process_let_go(struct process *p);
/* Wait for it for so long; then it is killed. */
void process_end(struct process *p, int milliseconds);

#endif
