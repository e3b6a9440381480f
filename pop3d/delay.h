/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef POP3D_DELAY_H
#define POP3D_DELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/*
 * When accounts logged in last, for LOGIN-DELAY (RFC 2449, section 6.5). It
 * is kept in memory: a restart lets everybody in once. Any thread may call.
 */
struct delays;

struct delays *delays_new(void);
void delays_free(struct delays **d);

/* True, and it counts as a login, unless the last one of ID is less than
 * SECONDS ago. */
bool delays_pass(struct delays *d, struct str id, uint64_t seconds);

#endif
