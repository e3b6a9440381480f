/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/srs.h"

#include "base/clock.h"
#include "base/codec.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "site/internal.h"

#define SECRET_LEN 24
#define KEEP ((int64_t)(SRS_MAX_DAYS + 1) * 86400)

/* ------------------------------------------------------------------------
 * Secrets
 */

static enum site_rc
read_secrets(
    struct sq *q, struct arena *a, struct srs_secrets *out, struct err *e)
{
	struct str *list = NULL;
	size_t n = 0, cap = 0;
	struct sqlite3_stmt *st;
	enum sq_rc rc = sq_start(q, &st, e,
	    "SELECT secret FROM srs_secrets"
	    " WHERE replaced IS NULL OR replaced > ? ORDER BY id DESC",
	    SQ_I(clock_now() - KEEP));

	while (rc == SQ_OK && (rc = sq_step(st, e)) == SQ_ROW) {
		list = arena_grow(a, list, n, &cap, sizeof(*list));
		list[n++] = sq_dup(a, st, 0);
		rc = SQ_OK;
	}
	*out = (struct srs_secrets){ list, n };
	return site_rc_of(rc);
}

static enum sq_rc
add_secret(struct sq *q, struct err *e)
{
	uint8_t raw[SECRET_LEN];
	struct buf text = { 0 };
	int64_t now = clock_now();
	enum sq_rc rc;

	rnd_bytes(raw, sizeof(raw));
	base64_encode(&text, (struct str){ (const char *)raw, sizeof(raw) });
	rc = sq_run(q, e, "DELETE FROM srs_secrets WHERE replaced <= ?",
	    SQ_I(now - KEEP));
	if (rc == SQ_OK)
		rc = sq_run(q, e,
		    "UPDATE srs_secrets SET replaced = ?"
		    " WHERE replaced IS NULL",
		    SQ_I(now));
	if (rc == SQ_OK)
		rc = sq_run(q, e, "INSERT INTO srs_secrets (secret) VALUES (?)",
		    SQ_T(buf_str(&text)));
	mem_wipe(raw, sizeof(raw));
	mem_wipe(text.p, text.n);
	buf_fini(&text);
	return rc;
}

/* With ROTATE always, else only if there is none. */
static enum site_rc
make_secret(
    struct site *s, const struct site_by *by, bool rotate, struct err *e)
{
	struct sqlite3_stmt *st;
	struct sq *q;
	enum sq_rc sq;
	enum site_rc rc = site_change_begin(s, &q, e);

	if (rc != SITE_OK)
		return rc;
	sq = sq_one(q, &st, e,
	    "SELECT 1 FROM srs_secrets"
	    " WHERE replaced IS NULL");
	if (sq == SQ_ROW)
		sq_reset(st);
	if (sq == SQ_DONE || (sq == SQ_ROW && rotate))
		sq = add_secret(q, e);
	return site_change_end(
	    s, site_rc_of(sq), by, "srs.rotate", STR("site"), STR_NULL, e);
}

enum site_rc
site_srs_rotate(struct site *s, const struct site_by *by, struct err *e)
{
	return make_secret(s, by, true, e);
}

static enum site_rc
get_secrets(
    struct site *s, struct arena *a, struct srs_secrets *out, struct err *e)
{
	struct reader_slot *r;
	enum site_rc rc = site_reader(s, &r, e);

	if (rc != SITE_OK)
		return rc;
	rc = read_secrets(r->q, a, out, e);
	site_reader_done(s, r);
	return rc;
}

static enum site_rc
need_secrets(
    struct site *s, struct arena *a, struct srs_secrets *out, struct err *e)
{
	enum site_rc rc = get_secrets(s, a, out, e);

	if (rc != SITE_OK || out->count > 0)
		return rc;
	rc = make_secret(s, NULL, false, e);
	return rc == SITE_OK ? get_secrets(s, a, out, e) : rc;
}

/* ------------------------------------------------------------------------
 * Addresses
 */

static enum site_rc
is_hosted(struct site *s, struct arena *a, struct str address, bool *yes,
    struct err *e)
{
	struct site_address parsed;
	struct site_domain d;
	enum site_rc rc;

	*yes = true;
	if (!site_address_parse(a, address, &parsed))
		return SITE_OK; /* nothing that we could make better */
	rc = site_domain_get(s, a, parsed.domain, &d, e);
	*yes = rc == SITE_OK;
	return rc == SITE_NOTFOUND ? SITE_OK : rc;
}

enum site_rc
site_srs_sender(struct site *s, struct arena *a,
    const struct site_account *owner, struct str sender, struct str *out,
    struct err *e)
{
	struct site_scope everywhere = { .domain = STR_NULL };
	struct site_scope scope = owner ? site_scope_of(owner) : everywhere;
	struct str domain = site_setting(s, a, "srs.domain", scope);
	struct srs_secrets secrets;
	struct buf text = { 0 };
	bool ours;
	enum site_rc rc;

	*out = sender;
	if (domain.n == 0 && owner)
		domain = owner->domain;
	if (sender.n == 0 || domain.n == 0 ||
	    (owner && !site_setting_bool(s, "srs.enabled", scope)))
		return SITE_OK;
	rc = is_hosted(s, a, sender, &ours, e);
	if (rc != SITE_OK || ours)
		return rc;
	if ((rc = need_secrets(s, a, &secrets, e)) != SITE_OK)
		return rc;
	if (srs_forward(&text, secrets, clock_now(), sender, domain))
		*out = arena_str(a, buf_str(&text));
	buf_fini(&text);
	return SITE_OK;
}

enum site_rc
site_srs_recipient(struct site *s, struct arena *a, struct str address,
    struct str *out, struct err *e)
{
	static const char *const reasons[] = { [SRS_NONE] = "is no SRS address",
		[SRS_FORGED] = "was not made here",
		[SRS_EXPIRED] = "is too old" };
	struct srs_secrets secrets;
	struct buf text = { 0 };
	enum srs_rc rc;
	enum site_rc got;

	if (!str_istarts(address, STR("SRS")))
		return site_fail(e, SITE_NOTFOUND, "%.*s %s", STR_ARG(address),
		    reasons[SRS_NONE]);
	if ((got = get_secrets(s, a, &secrets, e)) != SITE_OK)
		return got;
	rc = srs_reverse(&text, secrets, clock_now(), address);
	if (rc == SRS_OK)
		*out = arena_str(a, buf_str(&text));
	buf_fini(&text);
	return rc == SRS_OK ? SITE_OK
			    : site_fail(e, SITE_NOTFOUND, "%.*s %s",
				  STR_ARG(address), reasons[rc]);
}
