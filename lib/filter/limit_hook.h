/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_LIMIT_HOOK_H
#define FILTER_LIMIT_HOOK_H

#include "filter/limits.h"

/*
 * Tells a URL (limit.webhook) that somebody came to a limit: one POST with a
 * JSON document, from a thread of its own. One that is not answered with 2xx
 * within LIMIT_HOOK_SECONDS is logged, not repeated: the log has the event.
 */

#define LIMIT_HOOK_SECONDS 10
#define LIMIT_HOOK_MAX 100 /* that wait; more are not sent */

struct limit_hook;
struct limit_hook *limit_hook_new(void);
/* Waits for the one that is under way; the others are not sent. */
void limit_hook_free(struct limit_hook **h);

/* Never waits for the network. False: too many wait, or there is no thread. */
bool limit_hook_put(struct limit_hook *h, const char *url,
    const struct limit_over *over, int64_t now, struct err *e);

#endif
