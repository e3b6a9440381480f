/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/client_cert.h"
#include "site/sasl_mech.h"

/*
 * EXTERNAL (RFC 4422, appendix A): the client proved who it is with its TLS
 * certificate; the one message is whom it wants to be, or empty.
 */

bool
sasl_has_external(const struct sasl_options *o)
{
	struct arena *a;
	struct str users[CLIENT_CERT_USERS];
	struct err e = ERR_INIT;
	size_t n = 0;
	bool listed;

	if (!o->certificate)
		return false;
	a = arena_new();
	site_client_cert_users(o->site, a, o->certificate,
	    o->certificate_trusted, users, &n, &listed, &e);
	arena_free(&a);
	return n > 0;
}

static enum sasl_rc
deny(struct sasl *x, struct str user, const char *why)
{
	if (sasl_begin_login(x, user, STR_NULL, "EXTERNAL") == SASL_FAIL)
		return SASL_FAIL;
	x->login.reason = why;
	return sasl_verdict(x, false);
}

/* The first of the certificate's users who is an account, and the wanted one
 * if one is wanted. */
static enum sasl_rc
choose(struct sasl *x, struct str authzid, const struct str *users, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (sasl_begin_login(x, users[i], authzid, "EXTERNAL") ==
		    SASL_FAIL)
			return SASL_FAIL;
		if (x->login.known && login_authzid_allowed(&x->login))
			return sasl_verdict(x, true);
	}
	return deny(x, authzid.n ? authzid : users[0],
	    "the certificate is not that account's");
}

enum sasl_rc
sasl_step_external(struct sasl *x, struct str in, struct buf *out)
{
	struct str users[CLIENT_CERT_USERS];
	size_t n;
	bool listed;

	(void)out;
	if (!in.p)
		return SASL_CONTINUE;
	if (in.n > 0 && !str_is_utf8(in))
		return sasl_malformed(x, "expected an authorisation identity");
	x->result =
	    site_client_cert_users(x->o.site, x->arena, x->o.certificate,
		x->o.certificate_trusted, users, &n, &listed, &x->err);
	if (x->result != SITE_OK)
		return SASL_FAIL;
	if (n == 0)
		return deny(x, in, "the certificate proves nobody");
	if (listed && n > 1 && in.n == 0)
		return deny(x, users[0],
		    "several accounts list the certificate, and the client "
		    "does not say which one it means");
	return choose(x, in, users, n);
}
