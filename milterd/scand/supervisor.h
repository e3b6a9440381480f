/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCAND_SUPERVISOR_H
#define SCAND_SUPERVISOR_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "milterd/scand/crew.h"
#include "milterd/scand/settings.h"

/*
 * Looks after the keepers, on a thread of its own. When the databases change,
 * when somebody asks, and when the keeper is gone, it starts a new one; once
 * all scanners of that have proven themselves they take over in the crew, and
 * the old ones end with the scan they have. A keeper that fails changes
 * nothing: what served goes on serving, and it is tried again later.
 */
struct supervisor;

/* CONF is the file that keepers read, SETTINGS what it says now; both are
 * copied, the strings of SETTINGS are not. */
bool supervisor_start(const char *conf, const struct settings *settings,
    struct crew *crew, struct supervisor **out, struct err *e);
/* Ends the keepers; scans that run come to their end. */
void supervisor_stop(struct supervisor **s);

/* Load the databases again. Any thread, at once. */
void supervisor_reload(struct supervisor *s);

/* What serves now; any thread. "ClamAV ..." without databases at first. */
void supervisor_version(struct supervisor *s, struct buf *out);
unsigned supervisor_signatures(struct supervisor *s);
/* Loads by their outcome, for the metrics. */
unsigned supervisor_loads(struct supervisor *s, bool failed);

#endif
