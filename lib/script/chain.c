/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/chain.h"

#include <string.h>

#include "base/log.h"
#include "script/note.h"
#include "site/setting.h"

/* ------------------------------------------------------------------------
 * Which ones
 */

static void
add_site(struct script_chain *c, const struct site_script *s)
{
	struct script_link *l = &c->v[c->n++];

	l->name = s->name;
	l->site = *s;
	memcpy(l->hash, s->hash, SHA256_LEN);
}

static void
add_personal(struct script_chain *c, const struct script *s)
{
	struct script_link *l = &c->v[c->n++];

	l->name = s->name;
	l->personal = true;
	memcpy(l->hash, s->hash, SHA256_LEN);
}

enum store_rc
script_chain_of(struct script_host *h, struct script_chain *out, struct err *e)
{
	struct site_script *site;
	struct script own = { 0 };
	size_t n, i = 0;
	enum store_rc rc;

	*out = (struct script_chain){ 0 };
	if (site_scripts_of(
		h->site, h->arena, h->owner->domain, &site, &n, e) != SITE_OK)
		return STORE_IO;
	rc = script_active(h->account, h->arena, &own, e);
	if (rc != STORE_OK || n + (own.id != 0) == 0)
		return rc;
	out->v = arena_array(h->arena, n + 1, sizeof(*out->v));
	for (; i < n && site[i].place != SITE_SCRIPT_AFTER; i++)
		add_site(out, &site[i]);
	if (own.id)
		add_personal(out, &own);
	for (; i < n; i++)
		add_site(out, &site[i]);
	return STORE_OK;
}

/* ------------------------------------------------------------------------
 * At IMAP events
 */

static size_t
count_words(struct str text)
{
	size_t n = 0;
	struct str word;

	while (text.n && str_split(&text, ' ', &word))
		n += word.n > 0;
	return n;
}

/* One that is named but not there is left out. */
static enum store_rc
add_global(struct script_host *h, struct str name, struct script_chain *out,
    struct err *e)
{
	struct site_script found;

	switch (site_script_global(
	    h->site, h->arena, h->owner->domain, name, &found, NULL, e)) {
	case SITE_OK:
		add_site(out, &found);
		return STORE_OK;
	case SITE_NOTFOUND:
		log_warn("sieve.imap_before names a script that is not there",
		    LOG_CSTR("account", h->owner->id), LOG_STR("script", name));
		return STORE_OK;
	default:
		return STORE_IO;
	}
}

/* The entry is chosen before its value is looked at: one that names nothing
 * does not make way for the account's (RFC 6785, section 2.3.1). */
static enum store_rc
add_chosen(struct script_host *h, int64_t mailbox, struct script_chain *out,
    struct err *e)
{
	struct script own;
	struct str name;
	enum store_rc rc = annotation_shared(
	    h->account, h->arena, mailbox, STR(SCRIPT_ENTRY), &name, e);

	if (rc != STORE_OK || name.n == 0)
		return rc;
	rc = script_get(h->account, h->arena, name, &own, NULL, e);
	if (rc == STORE_OK)
		add_personal(out, &own);
	return rc == STORE_NOTFOUND || rc == STORE_INVALID ? STORE_OK : rc;
}

enum store_rc
script_chain_of_event(struct script_host *h, int64_t mailbox,
    struct script_chain *out, struct err *e)
{
	struct str before = site_setting(
	    h->site, h->arena, "sieve.imap_before", site_scope_of(h->owner));
	enum store_rc rc = STORE_OK;
	struct str name;

	*out = (struct script_chain){ .event = true };
	out->v =
	    arena_array(h->arena, count_words(before) + 1, sizeof(*out->v));
	while (rc == STORE_OK && before.n && str_split(&before, ' ', &name)) {
		if (name.n > 0)
			rc = add_global(h, name, out, e);
	}
	if (rc == STORE_OK)
		rc = add_chosen(h, mailbox, out, e);
	if (rc != STORE_OK || out->n == 0)
		return rc;
	if (!sieve_caps_has(script_host_source(h)->rules.caps, CAP_IMAPSIEVE))
		out->n = 0;
	return STORE_OK;
}

/* ------------------------------------------------------------------------
 * Running
 */

struct reading {
	struct script_host *h;
	const struct script_link *link;
};

static bool
read_source(void *arg, struct buf *out, struct err *e)
{
	struct reading *r = arg;
	struct site_script what = r->link->site;

	if (r->link->personal)
		return script_get(r->h->account, r->h->arena, r->link->name,
			   NULL, out, e) == STORE_OK;
	return site_script_get(r->h->site, &what, out, e) == SITE_OK;
}

static void
failed(struct script_host *h, const struct script_link *l,
    const struct sieve_diag *why)
{
	log_warn("a Sieve script failed", LOG_CSTR("id", h->id),
	    LOG_CSTR("account", h->owner->id), LOG_STR("script", l->name),
	    LOG_CSTR("of", l->personal ? "account" : "site"),
	    LOG_UINT("line", why->line), LOG_STR("error", why->text));
	if (l->personal)
		script_note_put(h->account, l->name, l->hash, why);
}

void
script_chain_failed(struct script_host *h, const struct script_chain *chain,
    const struct sieve_diag *why)
{
	for (size_t i = 0; i < chain->n; i++) {
		const struct script_link *l = &chain->v[i];

		/* One it includes has another name; then it is the account's
		 * if that has one. */
		if (str_eq(l->name, why->script) || i + 1 == chain->n ||
		    l->personal) {
			failed(h, l, why);
			return;
		}
	}
}

static void
unreadable(struct script_host *h, const struct script_link *l,
    const struct sieve_diags *d, const struct err *e)
{
	if (d->n == 0) {
		log_error("cannot read a Sieve script", LOG_CSTR("id", h->id),
		    LOG_CSTR("account", h->owner->id),
		    LOG_STR("script", l->name), LOG_ERR(e));
		return;
	}
	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i].severity != SIEVE_ERROR)
			continue;
		failed(h, l, &d->v[i]);
		return;
	}
}

static struct sieve_program *
program_of(struct script_host *h, struct programs *ps,
    const struct script_chain *chain, const struct script_link *l)
{
	struct reading reading = { h, l };
	struct script_name name = { l->name, l->hash, read_source, &reading };
	struct script_source source = *script_host_source(h);
	struct sieve_diags diags;
	struct sieve_program *p;
	struct err e = ERR_INIT;

	source.rules.caps = chain->event
				? sieve_caps_event(source.rules.caps)
				: sieve_caps_delivery(source.rules.caps);
	if (!l->personal)
		source.account = NULL;
	p = programs_get(ps, &source, &name, h->arena, &diags, &e);
	if (!p)
		unreadable(h, l, &diags, &e);
	return p;
}

enum sieve_rc
script_chain_run(struct script_host *h, struct programs *ps,
    const struct script_chain *chain, struct sieve_run *r)
{
	enum sieve_rc rc = SIEVE_OK;

	for (size_t i = 0; i < chain->n && sieve_run_keeps(r); i++) {
		const struct script_link *l = &chain->v[i];
		struct sieve_program *p = program_of(h, ps, chain, l);

		if (!p && l->personal)
			break;
		if (!p)
			continue;
		rc = sieve_run_next(r, p);
		sieve_program_unref(&p);
		if (rc != SIEVE_OK && rc != SIEVE_TEMPORARY)
			failed(h, l, sieve_run_error(r));
		if (rc != SIEVE_OK)
			break;
	}
	return rc == SIEVE_TEMPORARY ? rc : SIEVE_OK;
}
