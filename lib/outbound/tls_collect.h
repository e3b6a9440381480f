/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOUND_TLS_COLLECT_H
#define OUTBOUND_TLS_COLLECT_H

#include "outbound/outbound.h"

/*
 * What TLS reports are made of (RFC 8460): the mail log that report.tls_log
 * names is followed, and its sessions are counted in filter.db, each by day,
 * domain, and what the domain promises. Sessions with hosts that are no MX of
 * the recipient's domain, such as a relay, are not its affair.
 *
 * How far the log was read is in filter.db, too: a restart goes on there. After
 * the log was rotated the new file is read from its beginning, the end of the
 * old one as long as this process has it open.
 */
#define TLS_COLLECT_EVERY 10      /* seconds: of the chore */
#define TLS_COLLECT_DOMAINS 10000 /* a day; of more nothing is counted */

struct tls_collect;
/* What is named must outlive it. */
struct tls_collect *tls_collect_new(
    const struct outbound_options *o, struct outbound *outbound);
void tls_collect_free(struct tls_collect **c);
/* A chore; ARG is it. */
bool tls_collect_run(void *arg, int64_t now, struct err *e);

#endif
