/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MILTERD_MILTER_H
#define MILTERD_MILTER_H

#include "filter/filter.h"
#include "net/daemon.h"

/*
 * The milter protocol: what the MTA tells goes to lib/filter, what that decides
 * goes back.
 *
 * Why not libmilter: it asks poll(2) three times and read(2) twice for each of
 * the forty packets of a message, and its two workers wait for the data of one
 * session while others are ready, so that it cost more than all the rest of
 * the filter and left processors idle (docs/performance.md).
 */
struct milter_counters {
	struct metric *connections;
	struct metric *messages[FILTER_ACTIONS];
};

extern const struct net_proto milter_proto;

/* Before the first connection. What is named must outlive the last. */
void milter_set_up(struct filter *f, const struct milter_counters *c);

#endif
