/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CTL_DAEMONS_H
#define CTL_DAEMONS_H

#include "ctl/ctl.h"

/* The daemons of a site, ended by NULL. */
extern const char *const daemon_names[];
bool daemon_runs(struct ctl *c, const char *name);

#endif
