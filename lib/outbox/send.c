/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbox/send.h"

#include "backend/smtp.h"
#include "base/clock.h"
#include "outbox/outbox.h"
#include "site/backend.h"
#include "site/setting.h"

#define CONNECT_SECONDS 30
#define SMTP_PORT 25

/* ------------------------------------------------------------------------
 * Where to
 */

static bool
find_mta(
    struct site *site, struct arena *a, struct site_backend *to, struct err *e)
{
	struct site_scope everywhere = { .domain = STR_NULL };
	struct str text = site_setting(site, a, "mta.submission", everywhere);

	*to = (struct site_backend){ .tls = BACKEND_NO_TLS,
		.timeout = CONNECT_SECONDS };
	if (!site_backend_find(text, SITE_BACKEND_IMAP, &to->host, &to->port)) {
		err_set(e, "mta.submission: \"%.*s\" is not HOST:PORT",
		    STR_ARG(text));
		return false;
	}
	if (to->port == 0)
		to->port = SMTP_PORT;
	return true;
}

static bool
greet(struct smtp *t, const char *hostname)
{
	return smtp_greet(t, "EHLO", hostname, false) == 250;
}

bool
outbox_probe(
    struct site *site, const char *hostname, struct buf *where, struct err *e)
{
	struct backend_reply reply;
	struct smtp t = {
		.arena = arena_new(), .who = "the MTA", .reply = &reply, .e = e
	};
	struct site_backend to;
	bool ok = find_mta(site, t.arena, &to, e);

	if (ok)
		buf_printf(where, "%.*s:%u", STR_ARG(to.host), to.port);
	ok = ok && peer_connect_to("MTA", &to, &t.peer, e) &&
	     greet(&t, hostname);
	if (ok)
		smtp_quit(&t);
	peer_free(&t.peer);
	arena_free(&t.arena);
	return ok;
}

/* ------------------------------------------------------------------------
 * Lines
 */

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	}
	return true;
}

bool
send_needs_utf8(const struct outgoing *o)
{
	for (size_t i = 0; i < o->nto; i++) {
		if (!is_ascii(o->to[i]))
			return true;
	}
	return !is_ascii(o->from);
}

static struct str
header_of(struct str raw)
{
	return str_sub(raw, 0, str_find(raw, STR("\r\n\r\n")));
}

/* Seconds from now, which may be negative with N: it is late already. */
static void
put_by(struct buf *line, const struct outgoing *o, int64_t now)
{
	buf_printf(line, " BY=%lld;%.*s", (long long)(o->by_time - now),
	    STR_ARG(o->by_mode));
}

struct str
send_mail_line(
    const struct smtp *t, const struct outgoing *o, struct str raw, int64_t now)
{
	struct buf line = { 0 };
	struct str out;

	buf_printf(&line, "MAIL FROM:<%.*s>", STR_ARG(o->from));
	if (t->size)
		buf_printf(&line, " SIZE=%zu", raw.n);
	if (t->eightbit)
		buf_puts(&line, is_ascii(raw) ? "" : " BODY=8BITMIME");
	if (t->utf8 && (send_needs_utf8(o) || !is_ascii(header_of(raw))))
		buf_puts(&line, " SMTPUTF8");
	if (t->dsn && o->ret.n)
		buf_printf(&line, " RET=%.*s", STR_ARG(o->ret));
	if (t->dsn && o->envid.n)
		buf_printf(&line, " ENVID=%.*s", STR_ARG(o->envid));
	if (t->deliverby && o->by_time && o->by_mode.n)
		put_by(&line, o, now);
	out = arena_str(t->arena, buf_str(&line));
	buf_fini(&line);
	return out;
}

struct str
send_rcpt_line(const struct smtp *t, const struct outgoing *o, struct str to)
{
	struct buf line = { 0 };
	struct str out;

	buf_printf(&line, "RCPT TO:<%.*s>", STR_ARG(to));
	if (t->dsn && o->notify.n)
		buf_printf(&line, " NOTIFY=%.*s", STR_ARG(o->notify));
	if (t->dsn && o->orcpt.n)
		buf_printf(&line, " ORCPT=%.*s", STR_ARG(o->orcpt));
	out = arena_str(t->arena, buf_str(&line));
	buf_fini(&line);
	return out;
}

static bool
is_bare(struct str s, size_t i)
{
	if (s.p[i] == '\r')
		return i + 1 == s.n || s.p[i + 1] != '\n';
	return s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r');
}

bool
send_clean(struct str text, struct buf *out)
{
	bool bare = false;

	for (size_t i = 0; i < text.n && !bare; i++)
		bare = is_bare(text, i);
	for (size_t i = 0; bare && i < text.n; i++) {
		if (is_bare(text, i))
			BUF_LIT(out, "\r\n");
		else
			buf_putc(out, text.p[i]);
	}
	return bare;
}

/* ------------------------------------------------------------------------
 * The conversation
 */

/* 0, a broken conversation, is worth another try, as 4yz is. */
static struct verdict
verdict_of(const struct smtp *t, unsigned code)
{
	struct verdict v = { .fate = FATE_LATER };

	if (code >= 200 && code < 300)
		return (struct verdict){ .fate = FATE_SENT };
	if (code >= 500)
		v.fate = FATE_FAILED;
	if (t->reply->code)
		v.why = arena_printf(t->arena, "%u %s %s", t->reply->code,
		    t->reply->status, t->reply->text);
	else
		v.why = arena_str(t->arena, str_of(t->e->msg));
	return v;
}

/* For those that are still to be told. */
static void
settle(struct sending *s, const bool *open, struct verdict v)
{
	for (size_t i = 0; i < s->what->nto; i++) {
		if (open[i])
			s->verdicts[i] = v;
	}
}

static size_t
name_recipients(struct sending *s, struct smtp *t, bool *open)
{
	size_t taken = 0;

	for (size_t i = 0; i < s->what->nto; i++) {
		unsigned code =
		    smtp_command(t, send_rcpt_line(t, s->what, s->what->to[i]));

		open[i] = code == 250 || code == 251;
		taken += open[i];
		if (!open[i])
			s->verdicts[i] = verdict_of(t, code);
		if (code == 0) {
			for (size_t k = i + 1; k < s->what->nto; k++)
				open[k] = true;
			settle(s, open, verdict_of(t, 0));
			return 0;
		}
	}
	return taken;
}

static void
converse(struct sending *s, struct smtp *t, bool *open)
{
	struct verdict no_utf8 = { FATE_FAILED,
		STR("550 5.6.7 The MTA knows no SMTPUTF8") };
	unsigned code;

	if (send_needs_utf8(s->what) && !t->utf8) {
		settle(s, open, no_utf8);
		return;
	}
	code = smtp_command(t, send_mail_line(t, s->what, s->raw, clock_now()));
	if (code != 250) {
		settle(s, open, verdict_of(t, code));
		return;
	}
	if (name_recipients(s, t, open) == 0)
		return;
	code = smtp_command(t, STR("DATA"));
	if (code == 354)
		code = smtp_text(t, STR_NULL, s->raw);
	settle(s, open, verdict_of(t, code));
}

static void
tell(const struct sending *s, struct peer *p)
{
	if (s->talking)
		s->talking(s->arg, p);
}

bool
send_mail(struct sending *s, struct err *e)
{
	struct backend_reply reply;
	struct smtp t = {
		.arena = s->arena, .who = "the MTA", .reply = &reply, .e = e
	};
	bool *open = arena_array(s->arena, s->what->nto, sizeof(*open));
	struct buf clean = { 0 };
	struct site_backend to;
	bool up;

	for (size_t i = 0; i < s->what->nto; i++)
		open[i] = true;
	if (!find_mta(s->site, s->arena, &to, e) ||
	    !peer_connect_to("MTA", &to, &t.peer, e))
		return false;
	tell(s, t.peer);
	if (send_clean(s->raw, &clean))
		s->raw = buf_str(&clean);
	if ((up = greet(&t, s->hostname))) {
		peer_patience(t.peer, CONNECT_SECONDS);
		converse(s, &t, open);
		smtp_quit(&t);
	}
	tell(s, NULL);
	peer_free(&t.peer);
	buf_fini(&clean);
	return up;
}
