/* SPDX-License-Identifier: BSD-2-Clause */
#include <jansson.h>
#include <stdlib.h>

#include "site/sasl_mech.h"

/*
 * OAUTHBEARER (RFC 7628), with ^A for the octet 1:
 *
 *	C: n,a=user@example.org,^Aauth=Bearer TOKEN^A^A
 *
 * and XOAUTH2, which Google made before it:
 *
 *	C: user=user@example.org^Aauth=Bearer TOKEN^A^A
 *
 * To a token that is no good the server answers with JSON, the client with
 * something that says nothing, and only then the exchange fails; clients fetch
 * a new token on seeing the JSON.
 */

#define SEPARATOR '\1'

enum { STATE_TOKEN, STATE_REFUSED };

bool
sasl_has_oauth(const struct sasl_options *o)
{
	return o->site->check_token != NULL;
}

/* ------------------------------------------------------------------------
 * What the client says
 */

static bool
take_bearer(struct str value, struct str *token)
{
	static const struct str scheme = STR("Bearer ");

	if (!str_istarts(value, scheme))
		return false;
	*token = str_trim(str_sub(value, scheme.n, value.n));
	return token->n > 0;
}

/* Pairs up to the empty one; those we do not know (host, port) are skipped. */
static bool
take_pairs(struct str in, struct sasl_bearer *b)
{
	struct str pair;

	while (str_split(&in, SEPARATOR, &pair) && in.p) {
		size_t eq = str_chr(pair, '=');
		struct str key, value;

		if (pair.n == 0)
			return in.n == 0;
		if (eq == STR_NPOS || eq == 0)
			return false;
		key = str_sub(pair, 0, eq);
		value = str_sub(pair, eq + 1, pair.n);
		if (str_eqc(key, "user"))
			b->user = value;
		else if (str_eqc(key, "auth") && !take_bearer(value, &b->token))
			return false;
	}
	return false;
}

static bool
take_gs2(struct arena *a, struct str *in, struct str *user)
{
	struct str flag, name;

	*user = STR_NULL;
	if (!str_split(in, ',', &flag) || !str_split(in, ',', &name) ||
	    in->n == 0 || in->p[0] != SEPARATOR)
		return false;
	*in = str_sub(*in, 1, in->n);
	if (!str_eqc(flag, "n") && !str_eqc(flag, "y"))
		return false;
	return name.n == 0 ||
	       (str_starts(name, STR("a=")) &&
		   sasl_unescape_name(a, str_sub(name, 2, name.n), user));
}

bool
sasl_parse_bearer(
    struct arena *a, struct str in, bool gs2, struct sasl_bearer *out)
{
	struct str user;

	*out = (struct sasl_bearer){ 0 };
	if (!gs2)
		return take_pairs(in, out) && out->user.n > 0;
	if (!take_gs2(a, &in, &user) || !take_pairs(in, out))
		return false;
	out->user = user; /* there, "user=" means nothing */
	return true;
}

/* ------------------------------------------------------------------------
 * What we say
 */

static void
add_setting(struct sasl *x, json_t *o, const char *name, const char *key)
{
	struct str value = site_setting(x->o.site, x->arena, key,
	    (struct site_scope){ .domain = x->domain });

	if (value.n)
		json_object_set_new(o, name, json_stringn(value.p, value.n));
}

static enum sasl_rc
send_status(struct sasl *x, struct buf *out)
{
	bool google = x->mech->step == sasl_step_xoauth2;
	json_t *o = json_object();
	char *text;

	if (google) {
		json_object_set_new(o, "status", json_string("401"));
		json_object_set_new(o, "schemes", json_string("bearer"));
	} else {
		json_object_set_new(o, "status",
		    json_string(x->result == SITE_DISABLED
				    ? "insufficient_scope"
				    : "invalid_token"));
		add_setting(x, o, "openid-configuration", "oauth.discovery");
	}
	add_setting(x, o, "scope", "oauth.scopes");
	text = json_dumps(o, JSON_COMPACT);
	buf_puts(out, text ? text : "{}");
	free(text);
	json_decref(o);
	x->state = STATE_REFUSED;
	return SASL_CONTINUE;
}

/* ------------------------------------------------------------------------
 * Checking
 */

static struct str
domain_of(const struct login *l)
{
	size_t at = str_rchr(l->key, '@');

	return at == STR_NPOS ? STR_NULL : str_sub(l->key, at + 1, l->key.n);
}

/* Counted and logged like a wrong password. */
static enum sasl_rc
refuse(struct sasl *x, enum site_rc why, struct buf *out)
{
	x->login.reason = arena_printf(x->arena, "%s", x->err.msg).p;
	if (why == SITE_DENIED)
		sasl_verdict(x, false);
	else
		x->result = why;
	x->held_ms = x->delay_ms;
	return send_status(x, out);
}

static enum sasl_rc
check(struct sasl *x, const struct sasl_bearer *b, struct buf *out)
{
	struct str user, wanted = arena_str(x->arena, b->user);
	enum site_rc rc;

	/* First the throttle, and whose settings count. */
	if (sasl_begin_login(x, wanted, STR_NULL, x->mech->setting) ==
	    SASL_FAIL)
		return SASL_FAIL;
	x->domain = domain_of(&x->login);
	rc = x->o.site->check_token(
	    x->o.site, x->arena, b->token, x->domain, &user, &x->err);
	if (rc == SITE_DENIED || rc == SITE_DISABLED)
		return refuse(x, rc, out);
	x->result = rc;
	if (rc != SITE_OK ||
	    sasl_begin_login(x, user, wanted, x->mech->setting) == SASL_FAIL)
		return SASL_FAIL;
	if (!x->login.known)
		x->login.reason = "the token's user is no account";
	else if (!login_authzid_allowed(&x->login))
		x->login.reason = "the token is another user's";
	return sasl_verdict(x, true);
}

static enum sasl_rc
step(struct sasl *x, struct str in, bool gs2, struct buf *out)
{
	struct sasl_bearer b;

	if (x->state == STATE_REFUSED) {
		x->delay_ms = x->held_ms;
		return SASL_FAIL;
	}
	if (!in.p)
		return SASL_CONTINUE;
	if (!sasl_parse_bearer(x->arena, in, gs2, &b))
		return sasl_malformed(x, "malformed message");
	if (b.token.n)
		return check(x, &b, out);
	/* Who sends no token asks where to get one. */
	x->result = SITE_DENIED;
	err_set(&x->err, "the client sent no token");
	return send_status(x, out);
}

enum sasl_rc
sasl_step_oauthbearer(struct sasl *x, struct str in, struct buf *out)
{
	return step(x, in, true, out);
}

enum sasl_rc
sasl_step_xoauth2(struct sasl *x, struct str in, struct buf *out)
{
	return step(x, in, false, out);
}
