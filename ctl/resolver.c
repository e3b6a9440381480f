/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/resolver.h"

int
ctl_open_resolver(struct ctl *c, struct ctl_resolver *out)
{
	const char *anchor = conf_get(c->conf, "milterd.trust_anchor");
	const struct dns_options o = {
		.forward = conf_get(c->conf, "milterd.dns_servers"),
		.trust_anchor = *anchor ? anchor : NULL,
	};

	*out = (struct ctl_resolver){ 0 };
	if (psl_open(NULL, &out->psl, &c->err) &&
	    dns_new(&o, &out->dns, &c->err))
		return 0;
	ctl_close_resolver(out);
	return ctl_fail(c, EX_UNAVAILABLE, NULL);
}

void
ctl_close_resolver(struct ctl_resolver *r)
{
	dns_free(&r->dns);
	psl_close(&r->psl);
}
