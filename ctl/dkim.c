/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"
#include "ctl/verbs.h"
#include "filter/dkim_record.h"

/* ------------------------------------------------------------------------
 * New ones
 */

static int
generate(struct ctl *c, struct site_dkim_key *k)
{
	const char *algorithm = ctl_option(c, "algorithm");
	const char *bits = ctl_option(c, "bits");
	enum key_type type = KEY_RSA;
	enum site_dkim_state state = k->state;
	uint32_t n = 2048;

	if (algorithm && !key_type_parse(str_of(algorithm), &type))
		return ctl_failf(c, EX_USAGE, "rsa or ed25519",
		    "there is no algorithm \"%s\"", algorithm);
	if (bits && (!str_u32(str_of(bits), &n) || (n != 2048 && n != 4096)))
		return ctl_failf(c, EX_USAGE, "2048 or 4096",
		    "an RSA key cannot have \"%s\" bits here", bits);
	if (!dkim_generate(c->arena, k->domain,
		str_of(ctl_option(c, "selector")), type, n, clock_now(), k,
		&c->err))
		return ctl_fail(c, EX_SOFTWARE, NULL);
	k->state = state;
	return 0;
}

static json_t *
describe(const struct site_dkim_key *k, struct str text)
{
	return json_pack("{s:o, s:o, s:o, s:s, s:I, s:I, s:o}", "domain",
	    json_str(k->domain), "selector", json_str(k->selector), "algorithm",
	    json_str(k->algorithm), "state", site_dkim_state_name(k->state),
	    "created", (json_int_t)k->created, "changed",
	    (json_int_t)k->changed, "record", json_str(text));
}

static int
show(struct ctl *c, const struct site_dkim_key *k)
{
	struct buf text = { 0 }, line = { 0 };
	int status;

	if (!dkim_record(k, &text, &c->err) ||
	    !dkim_zone_line(k, &line, &c->err))
		return ctl_fail(c, EX_DATAERR, NULL);
	status = out_done(
	    c, describe(k, buf_str(&text)), "%.*s", STR_ARG(buf_str(&line)));
	buf_fini(&text);
	buf_fini(&line);
	return status;
}

int
cmd_dkim_new(struct ctl *c)
{
	struct site_dkim_key k = {
		.domain = ctl_arg(c, 0),
		.state = ctl_switch(c, "active") ? SITE_DKIM_ACTIVE
						 : SITE_DKIM_PENDING,
	};
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status == 0)
		status = generate(c, &k);
	if (status != 0)
		return status;
	rc = site_dkim_add(c->site, &c->by, &k, &c->err);
	return rc == SITE_OK ? show(c, &k) : ctl_site_failed(c, rc, NULL);
}

/* ------------------------------------------------------------------------
 * Those there are
 */

static const struct column columns[] = {
	{ "domain", "DOMAIN", COL_TEXT },
	{ "selector", "SELECTOR", COL_TEXT },
	{ "algorithm", "ALGORITHM", COL_TEXT },
	{ "state", "STATE", COL_TEXT },
	{ "changed", "SINCE", COL_TIME },
	{ "created", NULL, COL_TIME },
	{ "record", NULL, COL_TEXT },
	{ NULL, NULL, COL_TEXT },
};

static int
read_list(
    struct ctl *c, struct str domain, struct site_dkim_key **list, size_t *n)
{
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_dkim_list(c->site, c->arena, domain, list, n, &c->err);
	return rc == SITE_OK ? 0 : ctl_site_failed(c, rc, NULL);
}

int
cmd_dkim_list(struct ctl *c)
{
	struct site_dkim_key *list;
	json_t *rows;
	size_t n;
	int status = read_list(c, ctl_arg(c, 0), &list, &n);

	if (status != 0)
		return status;
	rows = json_array();
	for (size_t i = 0; i < n; i++) {
		struct buf text = { 0 };

		if (!dkim_record(&list[i], &text, &c->err))
			ctl_warn(c, "%.*s: %s", STR_ARG(list[i].selector),
			    c->err.msg);
		json_array_append_new(rows, describe(&list[i], buf_str(&text)));
		buf_fini(&text);
	}
	return out_rows(c, columns, rows);
}

int
cmd_dkim_show(struct ctl *c)
{
	struct site_dkim_key *list;
	size_t n;
	int status = read_list(c, ctl_arg(c, 0), &list, &n);

	if (status != 0)
		return status;
	for (size_t i = 0; i < n; i++) {
		if (str_ieq(list[i].selector, ctl_arg(c, 1)))
			return show(c, &list[i]);
	}
	return ctl_failf(c, EX_NOUSER,
	    "mailstead dkim list shows those there are",
	    "the domain has no DKIM key with the selector \"%s\"", c->argv[1]);
}

static int
set_state(struct ctl *c, enum site_dkim_state state, const char *what)
{
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_dkim_set(
	    c->site, &c->by, ctl_arg(c, 0), ctl_arg(c, 1), state, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	return out_done(c, json_object(), "%s %s", c->argv[1], what);
}

int
cmd_dkim_activate(struct ctl *c)
{
	return set_state(c, SITE_DKIM_ACTIVE, "signs from now on");
}

int
cmd_dkim_retire(struct ctl *c)
{
	return set_state(c, SITE_DKIM_RETIRED,
	    "signs no more; leave its record in the DNS for a week");
}

int
cmd_dkim_remove(struct ctl *c)
{
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_dkim_remove(
	    c->site, &c->by, ctl_arg(c, 0), ctl_arg(c, 1), &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	return out_done(c, json_object(), "%s is gone", c->argv[1]);
}
