/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/srs.h"

#include "ctl/verbs.h"

int
cmd_srs_show(struct ctl *c)
{
	struct str address;
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_srs_recipient(
	    c->site, c->arena, ctl_arg(c, 0), &address, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	return out_done(c, json_pack("{s:o}", "address", json_str(address)),
	    "%.*s", STR_ARG(address));
}

int
cmd_srs_rotate(struct ctl *c)
{
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_srs_rotate(c->site, &c->by, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	return out_done(c, json_object(),
	    "a new secret signs; older ones are believed for three weeks");
}
