/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_MATCH_H
#define IMAPD_MATCH_H

#include <stdbool.h>

#include "base/str.h"

/*
 * LIST wildcards (RFC 3501, section 6.3.8): "*" stands for anything, "%" for
 * anything but the separator '/'. INBOX as the first level matches in any
 * case. The time is at most the product of the lengths, whatever the pattern.
 */

#define MATCH_MAX 1024 /* a longer pattern matches nothing */

bool match_mailbox(struct str pattern, struct str path);

#endif
