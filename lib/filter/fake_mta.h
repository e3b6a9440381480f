/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_FAKE_MTA_H
#define FILTER_FAKE_MTA_H

#include "base/buf.h"
#include "site/site.h"

/*
 * For tests: an MTA in a thread of its own, which mta.submission of SITE then
 * names. It takes what it is sent, or answers RCPT as a test wants.
 */
void fake_mta_start(struct site *site);
void fake_mta_stop(void);
/* What RCPT is answered from now on; "250 fine" after the start. */
void fake_mta_answer(const char *rcpt);
/* All MAIL commands and lines of messages since the start. */
const char *fake_mta_heard(void);

#endif
