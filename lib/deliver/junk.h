/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DELIVER_JUNK_H
#define DELIVER_JUNK_H

#include "site/site.h"

/*
 * Is RAW spam for this account? A filter in front of the MTA said so
 * (X-Spam-Flag: YES), or gave it a score that the account's own spam.tag
 * reaches, in the field that Sieve's spamtest reads. Only if the setting
 * delivery.junk says that such mail has a place of its own.
 */
bool junk_is(struct site *s, struct arena *a, const struct site_account *acc,
    struct str raw);

#endif
