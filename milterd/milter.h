/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MILTERD_MILTER_H
#define MILTERD_MILTER_H

#include "base/err.h"
#include "filter/filter.h"
#include "net/daemon.h"

/*
 * The milter protocol, by libmilter: what the MTA tells goes to lib/filter,
 * what that decides goes back.
 *
 * libmilter runs the callbacks of one connection on any of its threads, one
 * after the other; all state is in the connection's private pointer.
 */

struct milter_counters {
	struct metric *connections, *aborted;
	struct metric *messages[FILTER_ACTIONS];
};

/* SPEC as in address.h. Binds; called once. */
bool milter_listen(const char *spec, const char *run_dir, struct err *e);
/* Serve on a thread of its own until milter_stop(). */
bool milter_start(
    struct filter *f, const struct milter_counters *c, struct err *e);
void milter_stop(void);

#endif
