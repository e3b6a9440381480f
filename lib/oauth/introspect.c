/* SPDX-License-Identifier: BSD-2-Clause */
#include "oauth/introspect.h"

#include "base/fs.h"
#include "base/mem.h"
#include "fetch/fetch.h"
#include "net/gate.h"
#include "oauth/remember.h"

#define MAX_SECRET 4096

/* As RFC 6749, section 2.3.1, has it in the Basic scheme. */
static bool
read_secret(const struct oauth_config *c, struct buf *out, struct err *e)
{
	struct buf raw = { 0 };
	bool ok = c->client_secret_file.n == 0 ||
		  fs_read(c->client_secret_file.p, MAX_SECRET, &raw, e);

	if (ok)
		fetch_escape(out, str_trim(buf_str(&raw)));
	if (raw.p)
		mem_wipe(raw.p, raw.cap);
	buf_fini(&raw);
	return ok;
}

static bool
post(const struct oauth_config *c, struct str token, struct buf *answer,
    struct err *e)
{
	struct buf form = { 0 }, id = { 0 }, secret = { 0 };
	struct fetch f = { .url = c->introspection.p,
		.ca_file = c->ca_file.p,
		.timeout = c->timeout };
	bool ok = read_secret(c, &secret, e);

	if (ok) {
		BUF_LIT(&form, "token_type_hint=access_token&token=");
		fetch_escape(&form, token);
		fetch_escape(&id, c->client_id);
		f.post = buf_cstr(&form);
		f.user = buf_cstr(&id);
		f.password = buf_cstr(&secret);
		ok = fetch(&f, answer, e);
	}
	if (form.p)
		mem_wipe(form.p, form.cap);
	if (secret.p)
		mem_wipe(secret.p, secret.cap);
	buf_fini(&form);
	buf_fini(&id);
	buf_fini(&secret);
	return ok;
}

static enum site_rc
read_answer(struct str text, json_t **claims, struct err *e)
{
	json_t *o = json_loadb(text.p ? text.p : "", text.n, 0, NULL);
	const json_t *active = json_object_get(o, "active");

	*claims = o;
	if (json_is_true(active))
		return SITE_OK;
	if (json_is_false(active)) {
		err_set(e, "the provider says that the token is not active");
		return SITE_DENIED;
	}
	err_set(e, "the provider's answer about the token is not RFC 7662's");
	return SITE_BUSY;
}

static enum site_rc
ask(const struct oauth_config *c, struct str token, json_t **claims,
    struct err *e)
{
	struct buf answer = { 0 };
	enum site_rc rc = SITE_BUSY;
	bool ok;

	if (!gate_enter(c->introspection.p)) {
		err_set(e, "%s does not answer", c->introspection.p);
		return SITE_BUSY;
	}
	ok = post(c, token, &answer, e);
	gate_leave(c->introspection.p, ok);
	if (ok)
		rc = read_answer(buf_str(&answer), claims, e);
	if (rc != SITE_OK) {
		json_decref(*claims);
		*claims = NULL;
	}
	buf_fini(&answer);
	return rc;
}

enum site_rc
introspect(const struct oauth_config *c, struct str token, json_t **claims,
    struct err *e)
{
	enum site_rc rc = SITE_OK;

	*claims = remember_get(c, token);
	if (!*claims && (rc = ask(c, token, claims, e)) == SITE_OK)
		remember_put(c, token, *claims);
	return rc;
}
