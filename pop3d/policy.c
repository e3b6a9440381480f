/* SPDX-License-Identifier: BSD-2-Clause */
#include "pop3d/policy.h"

#include "base/log.h"
#include "site/setting.h"

#define DAY 86400

/* The values of the enums, in their order. */
static const char *const deletes[] = { "yes", "no", "hide", "always", NULL };
static const char *const utf8s[] = { "downgrade", "send", "refuse", NULL };

static unsigned
choice(struct str s, const char *const *words)
{
	for (unsigned i = 0; words[i]; i++) {
		if (str_eqc(s, words[i]))
			return i;
	}
	return 0;
}

static void
read_policy(struct site *s, struct site_scope scope, struct policy *out)
{
	struct arena *a = arena_new();
	uint64_t expire = site_setting_uint(s, "pop3.expire", scope);

	*out = (struct policy){
		.del =
		    choice(site_setting(s, a, "pop3.delete", scope), deletes),
		.utf8 = choice(site_setting(s, a, "pop3.utf8", scope), utf8s),
		.expire = expire ? expire : EXPIRE_NEVER,
		.login_delay = site_setting_uint(s, "pop3.login_delay", scope),
		.seen = site_setting_bool(s, "pop3.seen", scope),
		.content_ids =
		    str_eqc(site_setting(s, a, "pop3.uidl", scope), "content"),
	};
	arena_free(&a);
}

void
policy_of(struct site *s, const struct site_account *acc, struct policy *out)
{
	read_policy(s, site_scope_of(acc), out);
}

/* ------------------------------------------------------------------------
 * CAPA
 */

/* Whole days that a message stays at least. */
static uint64_t
expire_days(const struct policy *p)
{
	if (p->del == DELETE_ALWAYS)
		return 0;
	return p->expire == EXPIRE_NEVER ? EXPIRE_NEVER : p->expire / DAY;
}

static void
put_expire(uint64_t days, bool differs, struct buf *out)
{
	BUF_LIT(out, "EXPIRE ");
	if (days == EXPIRE_NEVER)
		BUF_LIT(out, "NEVER");
	else
		buf_putu(out, days);
	buf_puts(out, differs ? " USER\r\n" : "\r\n");
}

static void
put_delay(uint64_t seconds, bool differs, struct buf *out)
{
	if (seconds == 0 && !differs)
		return;
	BUF_LIT(out, "LOGIN-DELAY ");
	buf_putu(out, seconds);
	buf_puts(out, differs ? " USER\r\n" : "\r\n");
}

/* The strictest of what is set anywhere. */
struct strictest {
	uint64_t days, delay;
	bool days_differ, delay_differs;
};

static void
add_scope(struct site *s, struct site_scope scope, struct strictest *x)
{
	struct policy p;
	uint64_t days;

	read_policy(s, scope, &p);
	days = expire_days(&p);
	x->days_differ |= days != x->days;
	x->delay_differs |= p.login_delay != x->delay;
	if (days < x->days)
		x->days = days;
	if (p.login_delay > x->delay)
		x->delay = p.login_delay;
}

static void
find_strictest(struct site *s, struct strictest *x)
{
	struct site_scope everywhere = { .domain = STR_NULL };
	struct arena *a = arena_new();
	struct site_setting_row *rows;
	struct err e = ERR_INIT;
	struct policy p;
	size_t n = 0;

	read_policy(s, everywhere, &p);
	*x = (struct strictest){ .days = expire_days(&p),
		.delay = p.login_delay };
	if (site_setting_list(s, a, everywhere, true, &rows, &n, &e) != SITE_OK)
		log_error("settings", LOG_ERR(&e));
	for (size_t i = 0; i < n; i++) {
		if (rows[i].scope.domain.n &&
		    str_starts(str_of(rows[i].setting->key), STR("pop3.")))
			add_scope(s, rows[i].scope, x);
	}
	arena_free(&a);
}

void
policy_capabilities(struct site *s, const struct policy *p, struct buf *out)
{
	struct strictest x;

	if (p)
		x = (struct strictest){ expire_days(p), p->login_delay, false,
			false };
	else
		find_strictest(s, &x);
	put_expire(x.days, x.days_differ, out);
	put_delay(x.delay, x.delay_differs, out);
}
