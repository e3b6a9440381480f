/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CTL_OUTGOING_H
#define CTL_OUTGOING_H

#include "ctl/ctl.h"

/* How much mail of all accounts waits to be sent. */
uint64_t count_outgoing(struct ctl *c);

#endif
