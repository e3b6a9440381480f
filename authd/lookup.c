/* SPDX-License-Identifier: BSD-2-Clause */
#include "authd/lookup.h"

#include "base/log.h"
#include "site/backend.h"
#include "site/setting.h"
#include "site/srs.h"

/* One look-up; the reply is built in `out`. */
struct query {
	struct site *site;
	struct arena *arena;
	struct str key;
	struct buf *out;
	struct err err;
};

/* What is not an address or not ours is not found; a fault of ours is temp. */
static enum lookup_rc
verdict(struct query *q, enum site_rc rc)
{
	switch (rc) {
	case SITE_OK:
		return LOOKUP_FOUND;
	case SITE_NOTFOUND:
	case SITE_INVALID:
	case SITE_DISABLED:
		return LOOKUP_NOTFOUND;
	default:
		log_error("lookup", LOG_STR("key", q->key),
		    LOG_CSTR("result", site_rc_name(rc)), LOG_ERR(&q->err));
		return LOOKUP_TEMP;
	}
}

static enum lookup_rc
find_domain(struct query *q)
{
	struct site_domain d;
	enum lookup_rc rc =
	    verdict(q, site_domain_get(q->site, q->arena, q->key, &d, &q->err));

	if (rc != LOOKUP_FOUND)
		return rc;
	if (d.disabled)
		return LOOKUP_NOTFOUND;
	buf_putstr(q->out, d.name);
	return rc;
}

static enum lookup_rc
resolve(struct query *q, struct site_targets *t)
{
	return verdict(q, site_resolve(q->site, q->arena, q->key, t, &q->err));
}

static bool
takes_mail(const struct site_target *t)
{
	return t->local && t->account.state != SITE_STATE_DISABLED;
}

static enum lookup_rc
find_mailbox(struct query *q)
{
	struct site_targets t;
	enum lookup_rc rc = resolve(q, &t);

	for (size_t i = 0; rc == LOOKUP_FOUND && i < t.count; i++) {
		if (takes_mail(&t.list[i])) {
			buf_putstr(q->out, t.list[i].account.address);
			return rc;
		}
	}
	return rc == LOOKUP_FOUND ? LOOKUP_NOTFOUND : rc;
}

/* ------------------------------------------------------------------------
 * Aliases
 */

/* Does the address already say where it goes, with or without a detail? */
static bool
leads_to_itself(struct query *q, const struct site_targets *t)
{
	struct site_address asked, own;

	return t->count == 1 && t->list[0].local &&
	       site_address_parse(q->arena, q->key, &asked) &&
	       site_address_parse(q->arena, t->list[0].address, &own) &&
	       str_eq(asked.domain, own.domain) &&
	       asked.local.n ==
		   own.local.n +
		       (t->list[0].detail.n ? t->list[0].detail.n + 1 : 0) &&
	       str_starts(
		   asked.key, str_sub(own.key, 0, str_rchr(own.key, '@')));
}

static enum lookup_rc
find_alias(struct query *q)
{
	struct site_targets t;
	enum lookup_rc rc = resolve(q, &t);

	if (rc != LOOKUP_FOUND)
		return rc;
	if (leads_to_itself(q, &t) || (t.count == 1 && !t.list[0].local &&
					  str_eq(t.list[0].address, q->key)))
		return LOOKUP_NOTFOUND;
	for (size_t i = 0; i < t.count; i++) {
		buf_puts(q->out, i ? "," : "");
		buf_putstr(
		    q->out, site_target_address(q->site, q->arena, &t.list[i]));
	}
	return rc;
}

/* ------------------------------------------------------------------------
 * Senders and transports
 */

static enum lookup_rc
find_senders(struct query *q)
{
	struct site_account *list;
	size_t count;
	enum lookup_rc rc = verdict(
	    q, site_senders(q->site, q->arena, q->key, &list, &count, &q->err));

	if (rc != LOOKUP_FOUND || count == 0)
		return rc == LOOKUP_FOUND ? LOOKUP_NOTFOUND : rc;
	for (size_t i = 0; i < count; i++) {
		buf_puts(q->out, i ? "," : "");
		buf_putstr(q->out, list[i].address);
	}
	return rc;
}

/* "lmtp:inet:[host]:24" for an account that has a backend. */
static enum lookup_rc
find_transport(struct query *q)
{
	struct site_targets t;
	enum lookup_rc rc = resolve(q, &t);
	struct site_backend b;

	if (rc != LOOKUP_FOUND)
		return rc;
	if (t.count != 1 || !t.list[0].local ||
	    !site_backend(
		q->site, q->arena, &t.list[0].account, SITE_BACKEND_LMTP, &b))
		return LOOKUP_NOTFOUND;
	buf_printf(q->out, "lmtp:inet:[%.*s]:%u", STR_ARG(b.host), b.port);
	return rc;
}

/* ------------------------------------------------------------------------
 * Rewritten senders
 */

static enum lookup_rc
find_srs(struct query *q)
{
	struct str address;
	enum lookup_rc rc = verdict(q,
	    site_srs_recipient(q->site, q->arena, q->key, &address, &q->err));

	if (rc == LOOKUP_FOUND)
		buf_putstr(q->out, address);
	return rc;
}

static enum lookup_rc
find_srs_sender(struct query *q)
{
	struct str address;
	enum lookup_rc rc = verdict(q, site_srs_sender(q->site, q->arena, NULL,
					   q->key, &address, &q->err));

	if (rc != LOOKUP_FOUND)
		return rc;
	if (str_eq(address, q->key))
		return LOOKUP_NOTFOUND;
	buf_putstr(q->out, address);
	return rc;
}

static const struct {
	const char *name;
	enum lookup_rc (*find)(struct query *q);
} maps[] = {
	{ "aliases", find_alias },
	{ "domains", find_domain },
	{ "mailboxes", find_mailbox },
	{ "senders", find_senders },
	{ "srs", find_srs },
	{ "srs-sender", find_srs_sender },
	{ "transport", find_transport },
};

enum lookup_rc
lookup(struct site *s, struct arena *a, struct str map, struct str key,
    struct buf *out)
{
	struct query q = { .site = s, .arena = a, .key = key, .out = out };
	enum lookup_rc rc;

	buf_clear(out);
	for (size_t i = 0; i < LEN(maps); i++) {
		if (!str_eqc(map, maps[i].name))
			continue;
		rc = maps[i].find(&q);
		if (rc == LOOKUP_FOUND && out->n <= LOOKUP_MAX_REPLY)
			return rc;
		buf_clear(out);
		if (rc == LOOKUP_TEMP)
			buf_puts(out, "the directory is not available");
		if (rc != LOOKUP_FOUND)
			return rc;
		buf_puts(out, "the alias has too many targets");
		return LOOKUP_PERM;
	}
	buf_puts(out, "there is no such map");
	return LOOKUP_PERM;
}
