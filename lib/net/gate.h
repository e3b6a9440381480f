/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_GATE_H
#define NET_GATE_H

#include <stdbool.h>

/*
 * Conversations with other servers hold workers, and a server that hangs must
 * not hold all of them: of those that talk to one that said nothing for a
 * second there are at most gate_max(), and who comes then is refused at once.
 * One that answers is not limited. Any thread; NAME is "host:port" or a URL.
 */

#define GATE_QUIET_MS 1000

bool gate_enter(const char *name);
/* After gate_enter(); ANSWERED: the conversation came to its end. */
void gate_leave(const char *name, bool answered);
unsigned gate_max(void); /* half of the workers, by default */

#endif
