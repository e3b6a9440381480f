/* SPDX-License-Identifier: BSD-2-Clause */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/codec.h"
#include "ctl/resolver.h"
#include "ctl/verbs.h"
#include "filter/dkim_record.h"
#include "outbound/publish.h"
#include "outbound/sts_fetch.h"

/* What a domain has to have in the DNS: to show it, and to compare it. */

#define MAX_QUERIES 1000 /* a few for each record and key */
#define MAX_MS 15000     /* of a DNS that does not answer */

/* ------------------------------------------------------------------------
 * What there is to publish
 */

/* TLSA 3 1 1: the SHA-256 of the certificate's public key (RFC 6698). */
static bool
key_digest(struct arena *a, X509 *cert, struct str *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	uint8_t hash[SHA256_LEN];
	struct buf hex = { 0 };

	if (n <= 0)
		return false;
	sha256((struct str){ (const char *)der, (size_t)n }, hash);
	OPENSSL_free(der);
	hex_encode(&hex, hash, sizeof(hash));
	*out = arena_str(a, buf_str(&hex));
	buf_fini(&hex);
	return true;
}

static void
read_certificate(struct ctl *c, struct publish *p)
{
	const char *path = conf_get(c->conf, "tls_cert");
	FILE *f = *path ? fopen(path, "re") : NULL;
	X509 *cert = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (*path && (!cert || !key_digest(c->arena, cert, &p->tlsa)))
		ctl_warn(
		    c, "no TLSA record: cannot read the certificate %s", path);
	X509_free(cert);
	if (f)
		fclose(f);
}

static int
read_keys(struct ctl *c, struct publish *p)
{
	struct site_dkim_key *list;
	struct publish_key *keys;
	size_t n;
	enum site_rc rc =
	    site_dkim_list(c->site, c->arena, p->domain, &list, &n, &c->err);

	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	keys = arena_array(c->arena, n + 1, sizeof(*keys));
	for (size_t i = 0; i < n; i++) {
		struct buf text = { 0 };

		if (!dkim_record(&list[i], &text, &c->err))
			return ctl_fail(c, EX_DATAERR, NULL);
		keys[i].key = &list[i];
		keys[i].record = arena_str(c->arena, buf_str(&text));
		buf_fini(&text);
	}
	p->keys = keys;
	p->nkeys = n;
	return 0;
}

static int
read_domain(struct ctl *c, struct publish *p)
{
	struct site_domain d;
	enum site_rc rc;
	int status = ctl_open_site(c);

	if (status != 0)
		return status;
	rc = site_domain_get(c->site, c->arena, ctl_arg(c, 0), &d, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	publish_read(c->site, c->arena, d.name, conf_hostname(c->conf), p);
	read_certificate(c, p);
	return read_keys(c, p);
}

/* ------------------------------------------------------------------------
 * Showing it
 */

static json_t *
describe(const struct publish_record *r)
{
	struct buf line = { 0 };
	json_t *o;

	publish_line(r, &line);
	o = json_pack("{s:o, s:s, s:o, s:o}", "name", json_str(r->name), "type",
	    dns_type_name(r->type), "data", json_str(r->data), "record",
	    json_str(buf_str(&line)));
	buf_fini(&line);
	return o;
}

static int
show_policy(struct ctl *c, const struct publish *p)
{
	struct str text;

	if (publish_policy(c->arena, p, &text, &c->err)) {
		if (c->json)
			return out_done(c,
			    json_pack("{s:o}", "policy", json_str(text)),
			    "%.*s", STR_ARG(text));
		fwrite(text.p, 1, text.n, stdout);
		return 0;
	}
	if (*c->err.msg)
		return ctl_fail(c, EX_CONFIG, "correct mta_sts.mx");
	return ctl_failf(c, EX_CONFIG, "mailstead setting set mta_sts.mode",
	    "%.*s has no MTA-STS policy", STR_ARG(p->domain));
}

static int
show_zone(struct ctl *c, const struct publish_record *list, size_t n)
{
	static const struct column columns[] = { { NULL, NULL, COL_TEXT } };
	json_t *rows = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *o = describe(&list[i]);

		if (!c->json)
			puts(json_string_value(json_object_get(o, "record")));
		json_array_append_new(rows, o);
	}
	if (c->json)
		return out_rows(c, columns, rows);
	json_decref(rows);
	return 0;
}

/* ------------------------------------------------------------------------
 * Comparing it
 */

/* Keys are compared, not the texts that publish them. */
static enum publish_state
look_key(struct ctl *c, struct resolver *r, const struct site_dkim_key *k,
    struct str *why)
{
	static const enum publish_state states[] = {
		[DKIM_SHOWN] = PUBLISH_OK,
		[DKIM_MISSING] = PUBLISH_MISSING,
		[DKIM_DIFFERENT] = PUBLISH_DIFFERS,
		[DKIM_UNKNOWN] = PUBLISH_UNKNOWN,
	};
	enum publish_state s = states[dkim_look(r, c->arena, k, why)];

	if (s == PUBLISH_MISSING)
		*why = STR("publish it");
	else if (s == PUBLISH_DIFFERS)
		*why =
		    arena_printf(c->arena, "replace it: %.*s", STR_ARG(*why));
	return s;
}

/* The host is there: does it have the policy? */
static enum publish_state
look_policy(
    struct ctl *c, struct resolver *r, const struct publish *p, struct str *why)
{
	struct str want = STR_NULL;
	struct buf text = { 0 };
	enum publish_state s = PUBLISH_OK;
	struct err e = ERR_INIT;

	publish_policy(c->arena, p, &want, &e);
	if (!sts_fetch(c->site, r, p->domain, &text, &e)) {
		s = PUBLISH_MISSING;
		*why = arena_printf(
		    c->arena, "have a web server serve the policy: %s", e.msg);
	} else if (!str_eq(buf_str(&text), want)) {
		s = PUBLISH_DIFFERS;
		*why = STR("have the web server serve the policy as it is now");
	}
	buf_fini(&text);
	return s;
}

static bool
check_record(struct ctl *c, struct resolver *r, const struct publish *p,
    const struct publish_record *record, json_t *rows)
{
	struct str why = STR_NULL;
	enum publish_state s = record->key
				   ? look_key(c, r, record->key, &why)
				   : publish_look(r, c->arena, p, record, &why);
	json_t *o = describe(record);

	if (s == PUBLISH_OK && record->kind == PUBLISH_STS_HOST)
		s = look_policy(c, r, p, &why);
	json_object_set_new(o, "state", json_string(publish_state_name(s)));
	json_object_set_new(o, "next", json_str(why));
	json_array_append_new(rows, o);
	return s == PUBLISH_OK;
}

static int
check_zone(struct ctl *c, const struct publish *p,
    const struct publish_record *list, size_t n)
{
	static const struct column columns[] = {
		{ "name", "NAME", COL_TEXT },
		{ "type", "TYPE", COL_TEXT },
		{ "state", "STATE", COL_TEXT },
		{ "next", "NEXT", COL_TEXT },
		{ "data", NULL, COL_TEXT },
		{ "record", NULL, COL_TEXT },
		{ NULL, NULL, COL_TEXT },
	};
	struct ctl_resolver r = { 0 };
	struct dns_budget *budget;
	json_t *rows;
	bool fine = true;
	int status = ctl_open_resolver(c, &r);

	if (status != 0)
		return status;
	budget = dns_budget_new(
	    dns_resolver(r.dns), MAX_QUERIES, clock_mono_ms() + MAX_MS);
	rows = json_array();
	for (size_t i = 0; i < n; i++)
		fine &= check_record(
		    c, dns_budget_resolver(budget), p, &list[i], rows);
	dns_budget_free(&budget);
	ctl_close_resolver(&r);
	status = out_rows(c, columns, rows);
	return status == 0 && !fine ? 1 : status;
}

int
cmd_dns(struct ctl *c)
{
	struct publish p;
	struct publish_record *list;
	size_t n;
	int status = read_domain(c, &p);

	if (status != 0)
		return status;
	if (ctl_switch(c, "mta-sts"))
		return show_policy(c, &p);
	if (!publish_records(c->arena, &p, &list, &n, &c->err))
		return ctl_fail(c, EX_CONFIG, "correct mta_sts.mx");
	return ctl_switch(c, "check") ? check_zone(c, &p, list, n)
				      : show_zone(c, list, n);
}
