/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/digest.h"

#include <time.h>

#include "base/log.h"
#include "mime/compose.h"
#include "site/setting.h"

/* ------------------------------------------------------------------------
 * The mail
 */

static void
put_time(struct buf *out, int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;
	char text[32];

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm);
	buf_puts(out, text);
}

/* The page of the setting quarantine.url, with the id where it has "%s". */
static void
put_url(struct buf *out, struct str url, struct str id)
{
	size_t at = str_find(url, STR("%s"));

	buf_putstr(out, str_sub(url, 0, at));
	if (at != STR_NPOS) {
		buf_putstr(out, id);
		buf_putstr(out, str_sub(url, at + 2, url.n));
	}
}

/* A stranger's text stands in a line of its own, so that it cannot pretend to
 * be ours. */
static void
put_entry(struct buf *out, const struct quarantine_entry *e, struct str url)
{
	buf_printf(out, "From:    %.*s\r\n", STR_ARG(e->author));
	buf_printf(out, "Subject: %.*s\r\n", STR_ARG(e->subject));
	BUF_LIT(out, "Came:    ");
	put_time(out, e->at);
	if (e->score)
		buf_printf(out, ", score %.1f", (double)e->score / 1000);
	if (e->expires != INT64_MAX) {
		BUF_LIT(out, ", kept until ");
		put_time(out, e->expires);
	}
	buf_printf(out, "\r\nId:      %.*s\r\n", STR_ARG(e->id));
	if (url.n > 0) {
		BUF_LIT(out, "Release: ");
		put_url(out, url, e->id);
		BUF_LIT(out, "\r\n");
	}
	BUF_LIT(out, "\r\n");
}

static void
put_text(struct buf *out, struct str url, const struct quarantine_entry *list,
    size_t n, uint64_t total)
{
	BUF_LIT(out, "These messages to you were taken for spam, and kept "
		     "apart. Those you do not want\r\n"
		     "need nothing done: they are deleted by themselves. ");
	if (url.n > 0)
		BUF_LIT(out, "Of one that you want, open\r\nthe page to "
			     "release it.\r\n\r\n");
	else
		BUF_LIT(out, "Of one that you want, tell\r\nyour postmaster "
			     "the id.\r\n\r\n");
	for (size_t i = 0; i < n; i++)
		put_entry(out, &list[i], url);
	if (total > n)
		buf_printf(out, "And %llu more, which came before these.\r\n",
		    (unsigned long long)(total - n));
}

void
digest_write(struct buf *out, const struct site_account *to, struct str url,
    const struct quarantine_entry *list, size_t n, uint64_t total, int64_t now)
{
	struct buf text = { 0 };
	struct compose c;

	compose_init(&c, out);
	buf_printf(&text, "postmaster@%.*s", STR_ARG(to->domain));
	compose_address(&c, "From", STR("Mail system"), buf_str(&text));
	compose_address(&c, "To", to->name, to->address);
	buf_clear(&text);
	buf_printf(&text, "%llu new message%s in quarantine",
	    (unsigned long long)total, total == 1 ? "" : "s");
	compose_text(&c, "Subject", buf_str(&text));
	compose_date(&c, now, 0);
	compose_msgid(&c, to->domain);
	compose_raw(&c, "Auto-Submitted", STR("auto-generated"));
	buf_clear(&text);
	put_text(&text, url, list, n, total);
	compose_body(&c, buf_str(&text));
	compose_finish(&c);
	buf_fini(&text);
}

/* ------------------------------------------------------------------------
 * Sending
 */

static bool
deliver_to(const struct digest *d, struct arena *a,
    const struct site_account *to, struct str raw, struct err *e)
{
	const struct deliver_message m = {
		.raw = raw,
		.helo = STR("localhost"),
		.peer = "local",
		.with = "local",
		.id = "digest",
	};
	struct deliver_rcpt r = { .address = to->address };

	r.rc = deliver_check(d->deliver, a, raw.n, &r, e);
	if (r.rc == DELIVER_OK) {
		deliver_message(d->deliver, &m, &r, 1);
		err_set(e, "%s", deliver_reply(r.rc)->text);
	}
	if (r.rc != DELIVER_OK)
		err_prefix(
		    e, "quarantine digest for %.*s", STR_ARG(to->address));
	return r.rc == DELIVER_OK;
}

static bool
tell(const struct digest *d, struct arena *a, const struct site_account *to,
    const struct quarantine_entry *list, size_t n, uint64_t total, int64_t now,
    struct err *e)
{
	struct str url =
	    site_setting(d->site, a, "quarantine.url", site_scope_of(to));
	struct buf raw = { 0 };
	bool ok;

	digest_write(&raw, to, url, list, n, total, now);
	ok = deliver_to(d, a, to, buf_str(&raw), e) &&
	     quarantine_told(d->quarantine, str_of(to->id), list[0].n, now,
		 e) == QUARANTINE_OK;
	buf_fini(&raw);
	return ok;
}

/* An account that is gone is told nothing. */
static bool
tell_if_due(const struct digest *d, struct arena *a, struct str id, int64_t now,
    size_t *sent, struct err *e)
{
	struct quarantine_entry *list;
	struct site_account to;
	struct err ignored;
	uint64_t every, total;
	int64_t last;
	size_t n;

	if (site_account_get(d->site, a, id, &to, &ignored) != SITE_OK)
		return true;
	every =
	    site_setting_uint(d->site, "quarantine.digest", site_scope_of(&to));
	if (every == 0)
		return true;
	if (quarantine_new(d->quarantine, a, id, DIGEST_MAX, &list, &n, &total,
		&last, e) != QUARANTINE_OK)
		return false;
	if (n == 0 || last + (int64_t)every > now)
		return true;
	if (!tell(d, a, &to, list, n, total, now, e))
		return false;
	++*sent;
	return true;
}

bool
digest_send(const struct digest *d, int64_t now, size_t *sent, struct err *e)
{
	struct arena *all = arena_new(), *one = arena_new();
	struct str *accounts;
	struct err why = ERR_INIT;
	size_t n, count = 0;
	bool ok = quarantine_news(d->quarantine, all, &accounts, &n, e) ==
		  QUARANTINE_OK;

	for (size_t i = 0; i < n; i++) {
		if (!tell_if_due(d, one, accounts[i], now, &count, &why)) {
			ok = false;
			*e = why;
		}
		arena_reset(one);
	}
	if (sent)
		*sent = count;
	arena_free(&all);
	arena_free(&one);
	return ok;
}
