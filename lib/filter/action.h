/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_ACTION_H
#define FILTER_ACTION_H

#include <stdbool.h>

#include "base/str.h"

/* What can be done about a message, the weakest first. */
enum filter_action {
	FILTER_OFF,        /* nothing */
	FILTER_TAG,        /* deliver it with a note in its header */
	FILTER_QUARANTINE, /* take it, and keep it apart */
	FILTER_TEMPFAIL,   /* "try again later" */
	FILTER_REJECT,
};
#define FILTER_ACTIONS (FILTER_REJECT + 1)
const char *filter_action_name(enum filter_action a); /* "tag" */
bool filter_action_parse(struct str s, enum filter_action *out);

#endif
