/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/release.h"

#include "base/log.h"
#include "mime/header.h"
#include "outbox/mail.h"
#include "site/setting.h"

/* ------------------------------------------------------------------------
 * The header
 */

static bool
is_dropped(struct str name, struct str score_field)
{
	return str_ieqc(name, "X-Spam-Flag") ||
	       str_ieqc(name, "X-Mailstead-Released") ||
	       (score_field.n > 0 && str_ieq(name, score_field));
}

void
release_rewrite(struct buf *out, struct str raw, struct str score_field,
    struct str by, int64_t now)
{
	struct mime_field f;

	BUF_LIT(out, "X-Mailstead-Released: ");
	mime_date_format(out, now, 0);
	buf_printf(out, "\r\n\tby %.*s\r\n", STR_ARG(by));
	while (mime_field_next(&raw, &f)) {
		if (!is_dropped(f.name, score_field))
			buf_putstr(out, f.raw);
	}
	buf_putstr(out, raw);
}

static void
rewrite(const struct release *r, struct arena *a,
    const struct quarantine_entry *entry, struct str raw,
    const struct site_by *by, int64_t now, struct buf *out)
{
	const struct site_scope scope = { entry->domain, entry->account };
	struct str field = site_setting(r->site, a, "sieve.spam_header", scope);

	release_rewrite(out, raw, field, by ? by->who : STR("system"), now);
}

/* ------------------------------------------------------------------------
 * The ways out
 */

static bool
post(const struct release *r, const struct quarantine_entry *entry,
    struct str raw, struct err *e)
{
	const struct outbox_letter l = {
		.sender = entry->sender,
		.to = &entry->address,
		.n = 1,
		.raw = raw,
	};

	return outbox_mail(r->site, r->hostname, &l, e);
}

/* Should it be released again since a crash left no note of it, the account has
 * it once. */
static bool
deliver_here(const struct release *r, struct arena *a,
    const struct quarantine_entry *entry, struct str raw,
    struct deliver_rcpt *to, struct err *e)
{
	const struct deliver_message m = {
		.raw = raw,
		.from = entry->sender,
		.helo = entry->helo,
		.peer = "local",
		.with = "local",
		.id = "release",
		.queue_id = entry->queue_id,
		.identity =
		    arena_printf(a, "quarantine %.*s", STR_ARG(entry->id)),
	};
	const struct deliver_reply *reply;

	deliver_message(r->deliver, &m, to, 1);
	if (to->rc == DELIVER_OK)
		return true;
	reply = deliver_reply(to->rc);
	err_set(e, "%.*s: %s (%s)", STR_ARG(entry->address), reply->text,
	    reply->status);
	return false;
}

static bool
hand_over(const struct release *r, struct arena *a,
    const struct quarantine_entry *entry, struct str raw, struct err *e)
{
	struct deliver_rcpt to = { .address = entry->address };
	enum deliver_rc rc = DELIVER_ELSEWHERE;

	if (entry->account.n > 0)
		rc = deliver_check(r->deliver, a, raw.n, &to, e);
	if (rc == DELIVER_ELSEWHERE)
		return post(r, entry, raw, e);
	return rc == DELIVER_OK && deliver_here(r, a, entry, raw, &to, e);
}

/* ------------------------------------------------------------------------
 * All of it
 */

/* It is out: what cannot be noted any more is logged. */
static enum quarantine_rc
note(const struct release *r, const struct quarantine_entry *entry,
    const struct site_by *by, int64_t now, struct err *e)
{
	const struct site_scope everywhere = { .domain = STR_NULL };
	struct str who = by ? by->who : STR("system");
	bool teach = entry->kind == QUARANTINE_SPAM &&
		     site_setting_bool(r->site, "quarantine.learn", everywhere);
	struct err why = ERR_INIT;

	log_info("quarantine_released", LOG_STR("id", entry->id),
	    LOG_STR("to", entry->address), LOG_STR("by", who));
	if (site_audit(r->site, by, STR("quarantine.release"), entry->id,
		entry->address, &why) != SITE_OK)
		log_error("quarantine_audit", LOG_ERR(&why));
	return quarantine_released(
	    r->quarantine, entry->id, who, now, teach, e);
}

static enum quarantine_rc
release(const struct release *r, struct arena *a, struct str id,
    const struct site_by *by, int64_t now, struct err *e)
{
	struct quarantine_entry entry;
	struct buf raw = { 0 }, out = { 0 };
	enum quarantine_rc rc =
	    quarantine_get(r->quarantine, a, id, &entry, &raw, e);

	if (rc == QUARANTINE_OK && entry.released) {
		err_set(e, "%.*s was released before", STR_ARG(id));
		rc = QUARANTINE_RELEASED;
	}
	if (rc == QUARANTINE_OK) {
		rewrite(r, a, &entry, buf_str(&raw), by, now, &out);
		rc = hand_over(r, a, &entry, buf_str(&out), e)
			 ? note(r, &entry, by, now, e)
			 : QUARANTINE_FAILED;
	}
	buf_fini(&raw);
	buf_fini(&out);
	return rc;
}

enum quarantine_rc
quarantine_release(const struct release *r, struct str id,
    const struct site_by *by, int64_t now, struct err *e)
{
	struct arena *a = arena_new();
	enum quarantine_rc rc = release(r, a, id, by, now, e);

	arena_free(&a);
	return rc;
}
