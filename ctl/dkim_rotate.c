/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"
#include "ctl/resolver.h"
#include "ctl/verbs.h"
#include "filter/dkim_record.h"
#include "filter/rotation.h"

/* DKIM keys and the DNS: what it shows, and new keys in the place of old ones.
 */

/* ------------------------------------------------------------------------
 * check
 */

/* What is to be done about a record that is SHOWN so. */
static const char *
advice(const struct site_dkim_key *k, enum dkim_shown shown)
{
	if (shown == DKIM_UNKNOWN)
		return "try again: the DNS did not answer";
	if (k->state == SITE_DKIM_RETIRED)
		return shown == DKIM_SHOWN
			   ? "leave it while mail may be on its way"
			   : "mail on its way cannot be verified";
	if (shown != DKIM_SHOWN)
		return k->state == SITE_DKIM_ACTIVE
			   ? "publish it now: signatures are worthless"
			   : "publish it";
	return k->state == SITE_DKIM_ACTIVE ? "" : "it can be activated";
}

static bool
check_key(struct ctl *c, struct resolver *r, const struct site_dkim_key *k,
    json_t *rows)
{
	struct str why = STR_NULL;
	struct buf line = { 0 };
	enum dkim_shown shown = dkim_look(r, c->arena, k, &why);

	if (!dkim_zone_line(k, &line, &c->err))
		ctl_warn(c, "%.*s: %s", STR_ARG(k->selector), c->err.msg);
	json_array_append_new(rows,
	    json_pack("{s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:o}", "domain",
		json_str(k->domain), "selector", json_str(k->selector),
		"algorithm", json_str(k->algorithm), "state",
		site_dkim_state_name(k->state), "dns", dkim_shown_name(shown),
		"next", advice(k, shown), "reason", json_str(why), "record",
		json_str(buf_str(&line))));
	buf_fini(&line);
	return shown == DKIM_SHOWN || k->state != SITE_DKIM_ACTIVE;
}

static const struct column check_columns[] = {
	{ "domain", "DOMAIN", COL_TEXT },
	{ "selector", "SELECTOR", COL_TEXT },
	{ "algorithm", "ALGORITHM", COL_TEXT },
	{ "state", "STATE", COL_TEXT },
	{ "dns", "DNS", COL_TEXT },
	{ "next", "NEXT", COL_TEXT },
	{ "reason", NULL, COL_TEXT },
	{ "record", NULL, COL_TEXT },
	{ NULL, NULL, COL_TEXT },
};

/* 1: a key signs that nobody can verify. */
int
cmd_dkim_check(struct ctl *c)
{
	struct ctl_resolver r = { 0 };
	struct site_dkim_key *list;
	json_t *rows;
	size_t n;
	bool fine = true;
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0 || (status = ctl_open_resolver(c, &r)) != 0)
		return status;
	rc = site_dkim_list(
	    c->site, c->arena, ctl_arg(c, 0), &list, &n, &c->err);
	rows = json_array();
	for (size_t i = 0; rc == SITE_OK && i < n; i++)
		fine &= check_key(c, dns_resolver(r.dns), &list[i], rows);
	ctl_close_resolver(&r);
	if (rc != SITE_OK) {
		json_decref(rows);
		return ctl_site_failed(c, rc, NULL);
	}
	status = out_rows(c, check_columns, rows);
	return status == 0 && !fine ? 1 : status;
}

/* ------------------------------------------------------------------------
 * rotate
 */

struct telling {
	struct ctl *c;
	json_t *rows;
};

static void
take_event(void *arg, enum rotation_event v, const struct site_dkim_key *k,
    struct str why)
{
	struct telling *t = arg;
	struct buf line = { 0 };

	if (!dkim_zone_line(k, &line, &t->c->err))
		ctl_warn(t->c, "%.*s: %s", STR_ARG(k->selector), t->c->err.msg);
	json_array_append_new(
	    t->rows, json_pack("{s:o, s:o, s:s, s:o, s:o}", "domain",
			 json_str(k->domain), "selector", json_str(k->selector),
			 "step", rotation_event_name(v), "reason",
			 json_str(why), "record", json_str(buf_str(&line))));
	buf_fini(&line);
}

static const struct column rotate_columns[] = {
	{ "domain", "DOMAIN", COL_TEXT },
	{ "selector", "SELECTOR", COL_TEXT },
	{ "step", "STEP", COL_TEXT },
	{ "record", "RECORD", COL_TEXT },
	{ "reason", NULL, COL_TEXT },
	{ NULL, NULL, COL_TEXT },
};

int
cmd_dkim_rotate(struct ctl *c)
{
	struct telling t = { c, NULL };
	struct ctl_resolver r = { 0 };
	struct rotation rotation;
	struct str domain;
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0 || (status = ctl_open_resolver(c, &r)) != 0)
		return status;
	rotation = (struct rotation){ c->site, dns_resolver(r.dns) };
	t.rows = json_array();
	if (!site_domain_normalize(c->arena, ctl_arg(c, 0), &domain))
		domain = ctl_arg(c, 0);
	rc = rotation_step(&rotation, &c->by, domain, ctl_switch(c, "now"),
	    clock_now(), take_event, &t, &c->err);
	ctl_close_resolver(&r);
	if (rc == SITE_OK)
		return out_rows(c, rotate_columns, t.rows);
	json_decref(t.rows);
	return ctl_site_failed(c, rc, NULL);
}
