/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/doctor.h"
#include "filter/policy.h"

/* Whom milterd asks about malware and spam: do they answer? */

static void
check_antivirus(struct doctor *d, const struct antivirus_options *o)
{
	struct err e = ERR_INIT;
	char version[128];

	if (!*o->server)
		return;
	if (antivirus_version(o, version, &e))
		doctor_report(d, HEALTH_OK, NULL,
		    "the virus scanner at %s is %s", o->server, version);
	else
		doctor_report(d, HEALTH_BAD,
		    "start scand or clamd, or correct the setting "
		    "antivirus.server",
		    "the virus scanner does not answer: %s", e.msg);
}

static void
check_spam(struct doctor *d, const struct spam_options *o)
{
	struct err e = ERR_INIT;

	if (!*o->server)
		return;
	if (spam_ping(o, &e))
		doctor_report(d, HEALTH_OK, NULL,
		    "the spam engine at %s answers", o->server);
	else
		doctor_report(d, HEALTH_BAD,
		    "start spamd or rspamd, or correct the settings "
		    "spam.engine and spam.server",
		    "the spam engine does not answer: %s", e.msg);
}

void
doctor_scanners(struct doctor *d)
{
	struct site_rules rules;

	if (!d->c->site)
		return;
	filter_rules(d->c->site, d->c->arena, &rules);
	check_antivirus(d, &rules.antivirus);
	check_spam(d, &rules.spam);
}
