/* SPDX-License-Identifier: BSD-2-Clause */
#include "oauth/claims.h"

#include <string.h>

static enum site_rc
fail(struct err *e, enum site_rc rc, const char *what)
{
	err_set(e, "%s", what);
	return rc;
}

/* ------------------------------------------------------------------------
 * Lists: a JSON string, an array of them, or words in a string
 */

static bool
has_word(struct str words, const char *word)
{
	struct str w;

	while (words.n && str_split(&words, ' ', &w)) {
		if (str_eqc(w, word))
			return true;
	}
	return false;
}

static bool
is_in(const json_t *value, struct str wanted)
{
	const char *text = json_string_value(value);
	const json_t *v;
	size_t i;

	if (text)
		return str_eqc(wanted, text);
	json_array_foreach(value, i, v)
	{
		text = json_string_value(v);
		if (text && str_eqc(wanted, text))
			return true;
	}
	return false;
}

/* "scope" is a string of words; others call it "scp" and have an array. */
static bool
has_scope(const json_t *claims, struct str wanted)
{
	static const char *const names[] = { "scope", "scp" };

	for (size_t i = 0; i < 2; i++) {
		const json_t *v = json_object_get(claims, names[i]);
		struct str words = str_of(json_string_value(v)), w;

		if (is_in(v, wanted))
			return true;
		while (words.n && str_split(&words, ' ', &w)) {
			if (str_eq(w, wanted))
				return true;
		}
	}
	return false;
}

/* ------------------------------------------------------------------------
 * Is it for us, and now?
 */

static enum site_rc
check_issuer(const struct oauth_config *c, const json_t *claims, bool self,
    struct err *e)
{
	const json_t *iss = json_object_get(claims, "iss");

	if (str_eqc(c->issuer, "*"))
		return SITE_OK;
	if (c->issuer.n == 0)
		return self ? fail(e, SITE_BUSY,
				  "the setting oauth.issuer is empty, so no "
				  "JWT is believed")
			    : SITE_OK;
	if ((!iss && !self) || (json_is_string(iss) && is_in(iss, c->issuer)))
		return SITE_OK;
	return fail(e, SITE_DENIED, "the token is of another issuer");
}

static enum site_rc
check_audience(const struct oauth_config *c, const json_t *claims, bool self,
    struct err *e)
{
	const json_t *aud = json_object_get(claims, "aud");
	struct str rest = c->audience, word;

	if (c->audience.n == 0)
		return self ? fail(e, SITE_BUSY,
				  "the setting oauth.audience is empty, so no "
				  "JWT is believed")
			    : SITE_OK;
	if (has_word(c->audience, "*") || (!aud && !self))
		return SITE_OK;
	while (str_split(&rest, ' ', &word)) {
		if (word.n && is_in(aud, word))
			return SITE_OK;
	}
	return fail(e, SITE_DENIED, "the token is for another audience");
}

/* False if it is there and no time. Absent: MISSING. */
static bool
take_time(
    const json_t *claims, const char *name, double missing, double *seconds)
{
	const json_t *v = json_object_get(claims, name);

	*seconds = v ? json_number_value(v) : missing;
	return !v || json_is_number(v);
}

static enum site_rc
check_times(const struct oauth_config *c, const json_t *claims, bool self,
    int64_t now, struct err *e)
{
	double exp, nbf, t = (double)now, leeway = (double)c->leeway;

	if (!take_time(claims, "exp", self ? 0 : t, &exp) ||
	    !take_time(claims, "nbf", t, &nbf))
		return fail(e, SITE_DENIED, "the token's times are no numbers");
	if (self && !json_object_get(claims, "exp"))
		return fail(e, SITE_DENIED, "the token has no end");
	if (exp + leeway < t)
		return fail(e, SITE_DENIED, "the token has expired");
	if (nbf - leeway > t)
		return fail(e, SITE_DENIED, "the token is not valid yet");
	return SITE_OK;
}

static enum site_rc
check_scopes(const struct oauth_config *c, const json_t *claims, struct err *e)
{
	struct str rest = c->scopes, word;

	while (rest.n && str_split(&rest, ' ', &word)) {
		if (word.n == 0 || has_scope(claims, word))
			continue;
		err_set(e, "the token lacks the scope \"%.*s\"", STR_ARG(word));
		return SITE_DISABLED;
	}
	return SITE_OK;
}

enum site_rc
claims_check(const struct oauth_config *c, const json_t *claims, bool self,
    int64_t now, struct err *e)
{
	enum site_rc rc = check_issuer(c, claims, self, e);

	if (rc == SITE_OK)
		rc = check_audience(c, claims, self, e);
	if (rc == SITE_OK)
		rc = check_times(c, claims, self, now, e);
	if (rc == SITE_OK)
		rc = check_scopes(c, claims, e);
	return rc;
}

/* ------------------------------------------------------------------------
 * Whose is it?
 */

/* An address that its owner has not shown to be his (OpenID Connect). */
static bool
unverified(const json_t *claims, struct str name)
{
	const json_t *v = json_object_get(claims, "email_verified");
	const char *text = json_string_value(v);

	return str_eqc(name, "email") &&
	       (json_is_false(v) || (text && strcmp(text, "false") == 0));
}

enum site_rc
claims_user(const struct oauth_config *c, struct arena *a, const json_t *claims,
    struct str domain, struct str *user, struct err *e)
{
	struct str rest = c->claims, name;

	while (rest.n && str_split(&rest, ' ', &name)) {
		struct str value = str_of(json_string_value(
		    json_object_getn(claims, name.p, name.n)));

		if (value.n == 0)
			continue;
		if (unverified(claims, name))
			return fail(e, SITE_DENIED,
			    "the token's address is not verified");
		*user = str_chr(value, '@') == STR_NPOS && domain.n
			    ? arena_printf(a, "%.*s@%.*s", STR_ARG(value),
				  STR_ARG(domain))
			    : arena_str(a, value);
		return SITE_OK;
	}
	return fail(e, SITE_DENIED, "the token has none of oauth.claims");
}
