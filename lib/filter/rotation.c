/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/rotation.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "filter/dkim_record.h"
#include "site/setting.h"

#define SELECTORS 10 /* tried of one day */
#define REMIND 86400 /* seconds between two notices that a key waits */

/* A step of a domain. */
struct step {
	const struct rotation *r;
	const struct site_by *by;
	struct arena *a;
	struct str domain;
	struct site_dkim_key *keys; /* newest first */
	size_t n;
	int64_t now, rotate, wait, keep;
	bool make, switched;
	rotation_tell *tell;
	void *arg;
	struct err *e;
};

static const char *const names[] = {
	[ROTATION_PUBLISH] = "publish",
	[ROTATION_WAITING] = "waiting",
	[ROTATION_SEEN] = "seen",
	[ROTATION_ACTIVE] = "active",
	[ROTATION_RETIRED] = "retired",
	[ROTATION_REMOVED] = "removed",
};

const char *
rotation_event_name(enum rotation_event v)
{
	return names[v];
}

static void
tell(const struct step *s, enum rotation_event v, const struct site_dkim_key *k,
    struct str why)
{
	s->tell(s->arg, v, k, why);
}

/* ------------------------------------------------------------------------
 * A new key
 */

static bool
is_waited_for(const struct step *s, struct str algorithm)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->keys[i].state == SITE_DKIM_PENDING &&
		    str_eq(s->keys[i].algorithm, algorithm))
			return true;
	}
	return false;
}

/* The latest of those of its algorithm that sign. */
static bool
is_latest(const struct step *s, size_t at)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct site_dkim_key *k = &s->keys[i];

		if (k->state == SITE_DKIM_ACTIVE && i != at &&
		    str_eq(k->algorithm, s->keys[at].algorithm) &&
		    (k->changed > s->keys[at].changed ||
			(k->changed == s->keys[at].changed && i < at)))
			return false;
	}
	return true;
}

/* A second one of the same day is called "20261126-rsa-2". */
static enum site_rc
add(struct step *s, struct site_dkim_key *k)
{
	struct str first = k->selector;
	enum site_rc rc = SITE_EXISTS;

	for (unsigned i = 1; i <= SELECTORS && rc == SITE_EXISTS; i++) {
		if (i > 1)
			k->selector =
			    arena_printf(s->a, "%.*s-%u", STR_ARG(first), i);
		rc = site_dkim_add(s->r->site, s->by, k, s->e);
	}
	return rc;
}

/* As strong as OLD. */
static enum site_rc
replace(struct step *s, const struct site_dkim_key *old)
{
	struct private_key *key;
	struct site_dkim_key k;
	enum key_type type;
	unsigned bits;
	enum site_rc rc;

	if (!private_key_parse(old->pem, &key, s->e))
		return SITE_INVALID;
	type = private_key_type(key);
	bits = private_key_bits(key);
	private_key_free(&key);
	if (!dkim_generate(s->a, s->domain, STR_NULL, type,
		bits > 2048 ? 4096 : 2048, s->now, &k, s->e))
		return SITE_INVALID;
	rc = add(s, &k);
	if (rc == SITE_OK)
		tell(s, ROTATION_PUBLISH, &k, STR_NULL);
	return rc;
}

/* Who asks for a new key and gets the one that was waited for has it. */
static bool
is_due(const struct step *s, const struct site_dkim_key *k)
{
	if (s->make)
		return !s->switched;
	return s->now >= k->changed + s->rotate;
}

static enum site_rc
make_new(struct step *s)
{
	enum site_rc rc = SITE_OK;

	for (size_t i = 0; rc == SITE_OK && i < s->n; i++) {
		const struct site_dkim_key *k = &s->keys[i];

		if (k->state != SITE_DKIM_ACTIVE || !is_latest(s, i) ||
		    is_waited_for(s, k->algorithm))
			continue;
		if (is_due(s, k))
			rc = replace(s, k);
	}
	return rc;
}

/* ------------------------------------------------------------------------
 * One that is waited for
 */

static enum site_rc
activate(struct step *s, const struct site_dkim_key *k)
{
	enum site_rc rc =
	    site_dkim_switch(s->r->site, s->by, s->domain, k->selector, s->e);

	if (rc != SITE_OK)
		return rc;
	s->switched = true;
	tell(s, ROTATION_ACTIVE, k, STR_NULL);
	for (size_t i = 0; i < s->n; i++) {
		const struct site_dkim_key *old = &s->keys[i];

		if (old->state == SITE_DKIM_ACTIVE &&
		    str_eq(old->algorithm, k->algorithm))
			tell(s, ROTATION_RETIRED, old, STR_NULL);
	}
	return SITE_OK;
}

static enum site_rc
set_seen(struct step *s, const struct site_dkim_key *k, int64_t seen)
{
	return site_dkim_seen(
	    s->r->site, s->by, s->domain, k->selector, seen, s->e);
}

/* What can be seen here and now cannot yet be seen by those who asked before it
 * was there. That the DNS does not answer changes nothing. */
static enum site_rc
look(struct step *s, const struct site_dkim_key *k)
{
	struct str why = STR_NULL;
	enum dkim_shown shown = dkim_look(s->r->resolver, s->a, k, &why);

	if (shown != DKIM_SHOWN) {
		tell(s, ROTATION_WAITING, k, why);
		return k->seen && shown != DKIM_UNKNOWN ? set_seen(s, k, 0)
							: SITE_OK;
	}
	if (k->seen && s->now >= k->seen + s->wait)
		return activate(s, k);
	tell(s, ROTATION_SEEN, k, STR_NULL);
	return k->seen ? SITE_OK : set_seen(s, k, s->now);
}

static enum site_rc
forget(struct step *s, const struct site_dkim_key *k)
{
	enum site_rc rc =
	    site_dkim_remove(s->r->site, s->by, s->domain, k->selector, s->e);

	if (rc == SITE_OK)
		tell(s, ROTATION_REMOVED, k, STR_NULL);
	return rc;
}

static enum site_rc
move(struct step *s)
{
	enum site_rc rc = SITE_OK;

	for (size_t i = 0; rc == SITE_OK && i < s->n; i++) {
		const struct site_dkim_key *k = &s->keys[i];

		if (k->state == SITE_DKIM_PENDING)
			rc = look(s, k);
		else if (k->state == SITE_DKIM_RETIRED &&
			 s->now >= k->changed + s->keep)
			rc = forget(s, k);
	}
	return rc;
}

/* ------------------------------------------------------------------------
 * Domains
 */

static int64_t
setting(const struct step *s, const char *key)
{
	struct site_scope scope = { .domain = s->domain };

	return (int64_t)site_setting_uint(s->r->site, key, scope);
}

static enum site_rc
take_step(struct step *s)
{
	enum site_rc rc =
	    site_dkim_list(s->r->site, s->a, s->domain, &s->keys, &s->n, s->e);

	s->rotate = setting(s, "dkim.rotate");
	s->wait = setting(s, "dkim.rotate_wait");
	s->keep = setting(s, "dkim.rotate_keep");
	if (rc == SITE_OK && (s->rotate || s->make))
		rc = move(s);
	if (rc == SITE_OK) /* what has just begun to sign is new enough */
		rc = site_dkim_list(
		    s->r->site, s->a, s->domain, &s->keys, &s->n, s->e);
	if (rc == SITE_OK && (s->rotate || s->make))
		rc = make_new(s);
	return rc;
}

enum site_rc
rotation_step(const struct rotation *r, const struct site_by *by,
    struct str domain, bool make, int64_t now, rotation_tell *tell_whom,
    void *arg, struct err *e)
{
	struct step s = {
		.r = r,
		.by = by,
		.a = arena_new(),
		.domain = domain,
		.now = now,
		.make = make,
		.tell = tell_whom,
		.arg = arg,
		.e = e,
	};
	enum site_rc rc = take_step(&s);

	arena_free(&s.a);
	return rc;
}

/* ------------------------------------------------------------------------
 * The chore
 */

struct chore_log {
	int64_t now;
};

static const char *
advice(enum rotation_event v)
{
	static const char *const texts[] = {
		[ROTATION_PUBLISH] = "publish this record",
		[ROTATION_WAITING] = "publish this record",
		[ROTATION_SEEN] = "",
		[ROTATION_ACTIVE] = "",
		[ROTATION_RETIRED] = "leave its record where it is for now",
		[ROTATION_REMOVED] = "its record may be taken out of the DNS",
	};

	return texts[v];
}

/* Each chore would say it again. */
static bool
was_said(const struct chore_log *l, enum rotation_event v,
    const struct site_dkim_key *k)
{
	if (v == ROTATION_SEEN)
		return k->seen != 0;
	return v == ROTATION_WAITING &&
	       (l->now - k->created) % REMIND >= ROTATION_EVERY;
}

static void
note_step(void *arg, enum rotation_event v, const struct site_dkim_key *k,
    struct str why)
{
	struct buf line = { 0 };
	struct err e = ERR_INIT;

	if (was_said(arg, v, k))
		return;
	if (v == ROTATION_PUBLISH || v == ROTATION_WAITING)
		dkim_zone_line(k, &line, &e);
	log_info("dkim_rotation", LOG_STR("domain", k->domain),
	    LOG_STR("selector", k->selector),
	    LOG_CSTR("step", rotation_event_name(v)),
	    LOG_CSTR("next", advice(v)), LOG_STR("record", buf_str(&line)),
	    LOG_STR("reason", why));
	buf_fini(&line);
}

bool
rotation_chore(void *arg, int64_t now, struct err *e)
{
	static const struct site_by by = { .who = STR("milterd") };
	const struct rotation *r = arg;
	struct chore_log log = { now };
	struct arena *a = arena_new();
	struct site_dkim_key *keys;
	struct str last = STR_NULL;
	size_t n;
	enum site_rc rc = site_dkim_list(r->site, a, STR_NULL, &keys, &n, e);
	bool ok = rc == SITE_OK;

	for (size_t i = 0; rc == SITE_OK && i < n; i++) {
		if (str_eq(keys[i].domain, last))
			continue;
		last = keys[i].domain;
		if (rotation_step(r, &by, last, false, now, note_step, &log,
			e) != SITE_OK)
			ok = false;
	}
	arena_free(&a);
	return ok;
}
