/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CTL_RESOLVER_H
#define CTL_RESOLVER_H

#include "ctl/ctl.h"
#include "dns/dns.h"
#include "mailauth/psl.h"

/* The DNS and the Public Suffix List as milterd has them, by its configuration.
 */
struct ctl_resolver {
	struct dns *dns;
	struct psl *psl;
};
int ctl_open_resolver(struct ctl *c, struct ctl_resolver *out);
void ctl_close_resolver(struct ctl_resolver *r);

#endif
