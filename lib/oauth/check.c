/* SPDX-License-Identifier: BSD-2-Clause */
#include "oauth/oauth.h"

#include "base/clock.h"
#include "oauth/claims.h"
#include "oauth/introspect.h"
#include "oauth/jwt.h"
#include "oauth/keys.h"
#include "site/setting.h"

static const struct site_scope whole_site;

/* ------------------------------------------------------------------------
 * From the token to its claims
 */

static enum site_rc
claims_of_jwt(const struct oauth_config *c, struct str token, json_t **claims,
    struct err *e)
{
	struct jwks *set = NULL;
	enum site_rc rc;
	struct jwt t;

	if (!jwt_parse(token, &t, e))
		return SITE_DENIED;
	rc = keys_get(c, t.kid, &set, e);
	if (rc == SITE_OK && !jwt_verify(&t, set, e))
		rc = SITE_DENIED;
	if (rc == SITE_OK)
		*claims = json_incref(t.claims);
	jwks_free(&set);
	jwt_fini(&t);
	return rc;
}

/* SELF: nobody but the token says so. */
static enum site_rc
get_claims(const struct oauth_config *c, struct str token, json_t **claims,
    bool *self, struct err *e)
{
	*claims = NULL;
	*self = c->jwks.n > 0 && (jwt_shape(token) || c->introspection.n == 0);
	if (*self)
		return claims_of_jwt(c, token, claims, e);
	if (c->introspection.n)
		return introspect(c, token, claims, e);
	err_set(e, "neither oauth.jwks nor oauth.introspection is set");
	return SITE_BUSY;
}

/* ------------------------------------------------------------------------
 * From the claims to the user
 */

/*
 * One domain's provider must not speak for another's users: the user's domain
 * has to believe the very tokens that this one was checked as.
 */
static enum site_rc
check_domain(struct site *s, struct arena *a, const struct oauth_config *c,
    struct str user, struct err *e)
{
	struct site_address address;
	struct oauth_config theirs;

	if (!site_address_parse(a, user, &address)) {
		err_set(e, "the token's user is not an address");
		return SITE_DENIED;
	}
	oauth_config_read(s, a, address.domain, &theirs);
	if (oauth_config_agree(c, &theirs))
		return SITE_OK;
	err_set(e, "the user's domain has another provider");
	return SITE_DENIED;
}

static struct str
default_domain(struct site *s, struct arena *a, struct str domain)
{
	return domain.n
		   ? domain
		   : site_setting(s, a, "login.default_domain", whole_site);
}

enum site_rc
oauth_check(struct site *s, struct arena *a, struct str token,
    struct str domain, struct str *user, struct err *e)
{
	struct oauth_config c;
	json_t *claims;
	enum site_rc rc;
	bool self;

	*user = STR_NULL;
	oauth_config_read(s, a, domain, &c);
	rc = get_claims(&c, token, &claims, &self, e);
	if (rc == SITE_OK)
		rc = claims_check(&c, claims, self, clock_now(), e);
	if (rc == SITE_OK)
		rc = claims_user(
		    &c, a, claims, default_domain(s, a, domain), user, e);
	if (rc == SITE_OK)
		rc = check_domain(s, a, &c, *user, e);
	json_decref(claims);
	return rc;
}

/* ------------------------------------------------------------------------
 * For the doctor
 */

static bool
probe_keys(const struct oauth_config *c, struct err *e)
{
	struct jwks *set;
	size_t count;

	if (c->issuer.n == 0 || c->audience.n == 0) {
		err_set(e, "oauth.issuer and oauth.audience must be set");
		return false;
	}
	if (keys_get(c, NULL, &set, e) != SITE_OK)
		return false;
	jwks_list(set, &count);
	jwks_free(&set);
	if (count == 0)
		err_set(e, "%s has no key that can be used", c->jwks.p);
	return count > 0;
}

/* A token that nobody issued. */
static bool
probe_introspection(const struct oauth_config *c, struct err *e)
{
	json_t *claims;
	enum site_rc rc = introspect(c, STR("mailstead-doctor"), &claims, e);

	json_decref(claims);
	if (rc == SITE_OK)
		err_set(e, "%s takes every token", c->introspection.p);
	return rc == SITE_DENIED;
}

bool
oauth_probe(struct site *s, struct arena *a, struct str domain, struct err *e)
{
	struct oauth_config c;

	oauth_config_read(s, a, domain, &c);
	if (c.jwks.n == 0 && c.introspection.n == 0) {
		err_set(e, "neither oauth.jwks nor oauth.introspection is set");
		return false;
	}
	return (c.jwks.n == 0 || probe_keys(&c, e)) &&
	       (c.introspection.n == 0 || probe_introspection(&c, e));
}
