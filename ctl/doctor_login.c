/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/doctor.h"
#include "oauth/oauth.h"

/*
 * What mechanisms to log in with need beside login.mechanisms.
 */

#define MAX_PROVIDERS 100 /* one that hangs takes its timeout */

static bool
is_on(struct doctor *d, const char *mechanism)
{
	struct str rest = site_setting(d->c->site, d->c->arena,
	    "login.mechanisms", (struct site_scope){ 0 });
	struct str word;

	while (rest.n && str_split(&rest, ' ', &word)) {
		if (str_ieqc(word, mechanism))
			return true;
	}
	return false;
}

static void
check_external(struct doctor *d)
{
	bool asked = conf_bool(d->c->conf, "tls_client_certs");
	bool on = is_on(d, "EXTERNAL");

	if (on && !asked)
		doctor_report(d, HEALTH_WARN, "tls_client_certs = yes",
		    "EXTERNAL is among login.mechanisms, but clients are not "
		    "asked for certificates");
	else if (asked && !on)
		doctor_report(d, HEALTH_WARN,
		    "mailstead setting set login.mechanisms \"... EXTERNAL\"",
		    "clients are asked for certificates, but EXTERNAL is not "
		    "among login.mechanisms");
	else if (on)
		doctor_report(
		    d, HEALTH_OK, NULL, "clients can log in with certificates");
}

static void
probe(struct doctor *d, struct str domain)
{
	struct err e = ERR_INIT;

	if (oauth_probe(d->c->site, d->c->arena, domain, &e))
		doctor_report(d, HEALTH_OK, NULL,
		    "access tokens for %.*s can be checked", STR_ARG(domain));
	else
		doctor_report(d, HEALTH_BAD, "see the settings oauth.*",
		    "access tokens for %.*s cannot be checked: %s",
		    STR_ARG(domain), e.msg);
}

/* Do they have the same provider? */
static bool
alike(struct doctor *d, struct str x, struct str y)
{
	static const char *const keys[] = { "oauth.jwks", "oauth.introspection",
		"oauth.issuer", "oauth.audience", "oauth.client_id",
		"oauth.client_secret_file", "oauth.ca_file" };

	for (size_t i = 0; i < LEN(keys); i++) {
		struct str a = site_setting(d->c->site, d->c->arena, keys[i],
		    (struct site_scope){ .domain = x });
		struct str b = site_setting(d->c->site, d->c->arena, keys[i],
		    (struct site_scope){ .domain = y });

		if (!str_eq(a, b))
			return false;
	}
	return true;
}

static void
check_providers(struct doctor *d)
{
	struct ctl *c = d->c;
	struct str probed[MAX_PROVIDERS];
	struct site_domain *list;
	size_t count = 0, n = 0, same;

	if (site_domain_list(c->site, c->arena, &list, &count, &c->err) !=
	    SITE_OK)
		return;
	for (size_t i = 0; i < count && n < MAX_PROVIDERS; i++) {
		for (same = 0; same < n; same++) {
			if (alike(d, probed[same], list[i].name))
				break;
		}
		if (same < n)
			continue;
		probed[n++] = list[i].name;
		probe(d, list[i].name);
	}
}

void
doctor_logins(struct doctor *d)
{
	if (!d->c->site)
		return;
	check_external(d);
	if (is_on(d, "OAUTHBEARER") || is_on(d, "XOAUTH2"))
		check_providers(d);
}
