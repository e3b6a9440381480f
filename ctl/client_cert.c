/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates that accounts log in with. */
#include "site/client_cert.h"

#include "base/codec.h"
#include "base/fs.h"
#include "ctl/verbs.h"

#define MAX_PEM 65536

static struct str
hex(struct ctl *c, const uint8_t fingerprint[CLIENT_CERT_HASH])
{
	struct buf b = { 0 };
	struct str out;

	hex_encode(&b, fingerprint, CLIENT_CERT_HASH);
	out = arena_str(c->arena, buf_str(&b));
	buf_fini(&b);
	return out;
}

/* A file with the certificate, or its fingerprint. */
static int
take(struct ctl *c, const char *arg, uint8_t out[CLIENT_CERT_HASH])
{
	static const char hint[] =
	    "name a file, or the fingerprint that \"openssl x509 -in FILE "
	    "-noout -fingerprint -sha256\" shows";
	struct buf pem = { 0 };
	bool ok;

	if (site_client_cert_fingerprint(str_of(arg), out))
		return 0;
	if (!fs_read(arg, MAX_PEM, &pem, &c->err))
		return ctl_fail(c, EX_NOINPUT, hint);
	ok = site_client_cert_fingerprint(buf_str(&pem), out);
	buf_fini(&pem);
	if (ok)
		return 0;
	return ctl_failf(
	    c, EX_DATAERR, hint, "%s holds no PEM certificate", arg);
}

int
cmd_client_cert_add(struct ctl *c)
{
	uint8_t fingerprint[CLIENT_CERT_HASH];
	struct site_account a;
	enum site_rc rc;
	int status;

	if ((status = take(c, c->argv[1], fingerprint)) != 0 ||
	    (status = ctl_account(c, ctl_arg(c, 0), &a)) != 0)
		return status;
	rc = site_client_cert_add(
	    c->site, &c->by, str_of(a.id), fingerprint, ctl_arg(c, 2), &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	return out_done(c,
	    json_pack("{s:o, s:o}", "address", json_str(a.address),
		"fingerprint", json_str(hex(c, fingerprint))),
	    "%.*s can log in with the certificate %.*s", STR_ARG(a.address),
	    STR_ARG(hex(c, fingerprint)));
}

int
cmd_client_cert_list(struct ctl *c)
{
	static const struct column columns[] = {
		{ "fingerprint", "FINGERPRINT", COL_TEXT },
		{ "label", "LABEL", COL_TEXT },
		{ "created", "ADDED", COL_TIME },
		{ NULL, NULL, COL_TEXT },
	};
	struct site_client_cert *list;
	struct site_account a;
	enum site_rc rc;
	json_t *rows;
	size_t count;
	int status = ctl_account(c, ctl_arg(c, 0), &a);

	if (status != 0)
		return status;
	rc = site_client_cert_list(
	    c->site, c->arena, str_of(a.id), &list, &count, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	rows = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
		    rows, json_pack("{s:o, s:o, s:I}", "fingerprint",
			      json_str(hex(c, list[i].fingerprint)), "label",
			      json_str(list[i].label), "created",
			      (json_int_t)list[i].created));
	return out_rows(c, columns, rows);
}

int
cmd_client_cert_remove(struct ctl *c)
{
	uint8_t fingerprint[CLIENT_CERT_HASH];
	struct site_account a;
	enum site_rc rc;
	int status;

	if ((status = take(c, c->argv[1], fingerprint)) != 0 ||
	    (status = ctl_account(c, ctl_arg(c, 0), &a)) != 0)
		return status;
	rc = site_client_cert_remove(
	    c->site, &c->by, str_of(a.id), fingerprint, &c->err);
	if (rc != SITE_OK)
		return ctl_site_failed(c, rc,
		    "\"mailstead client-certificate list ADDRESS\" shows them");
	return out_done(c,
	    json_pack("{s:o}", "fingerprint", json_str(hex(c, fingerprint))),
	    "%.*s cannot log in with it any more", STR_ARG(a.address));
}
