/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/session.h"

#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "imapd/command.h"
#include "imapd/notify.h"
#include "imapd/place.h"

/* The largest legal ID fits (30 fields of 1,054 octets, RFC 2971), and so do
 * SASL messages of SASL_MAX_MESSAGE octets. */
#define LINE_BEFORE_LOGIN 40960
#define SMALL_LITERAL 65536
#define LITERAL_MINUS 4096 /* longest that does not wait, under LITERAL- */
#define IDLE_CHECK 120     /* seconds */

static void *
session_open(struct conn *c)
{
	struct session *s = mem_zalloc(sizeof(*s));
	struct buf *out = conn_out(c);

	s->d = conn_listen_arg(c);
	s->conn = c;
	s->arena = arena_new();
	s->state = ST_NEW;
	s->hops = BACKEND_HOPS;
	s->opened = s->last_input = clock_mono_ms();
	s->frame.max_line = LINE_BEFORE_LOGIN;
	conn_set_timeout(c, s->d->login_timeout);
	BUF_LIT(out, "* OK [CAPABILITY ");
	put_capabilities(s, out);
	BUF_LIT(out, "] ");
	buf_puts(out, s->d->hostname);
	BUF_LIT(out, " Mailstead ready\r\n");
	return s;
}

static void
bye(struct session *s, const char *text)
{
	write_untagged(conn_out(s->conn), text);
	conn_close(s->conn);
}

/* The name of the command says that messages come, which may be large. */
static bool
is_append(struct str cmd)
{
	size_t sp = str_chr(cmd, ' ');
	struct str name = str_sub(cmd, sp + 1, cmd.n);

	return sp != STR_NPOS && (str_istarts(name, STR("APPEND ")) ||
				     str_istarts(name, STR("REPLACE ")) ||
				     str_istarts(name, STR("UID REPLACE ")));
}

/* Large literals share one budget. */
static bool
charge(struct session *s, size_t n)
{
	struct imapd *d = s->d;

	if (n <= SMALL_LITERAL)
		return true;
	if (atomic_fetch_add(&d->literals, n) + n > d->max_literals) {
		atomic_fetch_sub(&d->literals, n);
		log_warn("literal refused: too many at once",
		    LOG_CSTR("session", conn_id(s->conn)), LOG_UINT("size", n));
		return false;
	}
	s->charged += n;
	return true;
}

/* It came without waiting, although it should have. */
static bool
too_bold(const struct session *s)
{
	return s->d->literal_minus && !s->frame.sync &&
	       s->frame.literal > LITERAL_MINUS;
}

static enum frame_event
offered(struct session *s)
{
	struct frame *f = &s->frame;
	bool large = s->state != ST_NEW && is_append(buf_str(&f->cmd));
	size_t max = large ? s->d->max_literal : f->max_line;
	size_t held = large ? f->cmd.n - f->line : f->cmd.n;

	if (too_bold(s) || f->literal > max || held > max - f->literal ||
	    !charge(s, (size_t)f->literal))
		return frame_refuse(f);
	if (f->sync)
		BUF_LIT(conn_out(s->conn), "+ OK\r\n");
	frame_accept(f);
	return FRAME_MORE;
}

/* Slow bytes do not keep a session that has not logged in. */
static bool
overdue(const struct session *s)
{
	return s->state == ST_NEW && clock_mono_ms() - s->opened >
					 (int64_t)s->d->login_timeout * 1000;
}

static size_t
session_input(void *session, struct str in)
{
	struct session *s = session;
	size_t used = 0;

	s->last_input = clock_mono_ms();
	if (overdue(s)) {
		bye(s, "BYE Too slow to log in");
		return in.n;
	}
	while (used < in.n) {
		size_t n;
		enum frame_event ev =
		    frame_feed(&s->frame, str_sub(in, used, in.n), &n);

		used += n;
		if (ev == FRAME_LITERAL)
			ev = offered(s);
		if (ev == FRAME_MORE)
			continue;
		if (ev == FRAME_BROKEN) {
			bye(s, "BYE Absurd literal");
			return in.n;
		}
		s->ready = ev;
		conn_run(s->conn);
		return used;
	}
	return used;
}

/* A waiting command was woken or looks for itself. */
static enum reply
woken(struct session *s)
{
	struct cmd *c = s->cmd;
	bool more = c && c->wake && c->wake(s, c);

	if (s->expired)
		return REPLY_ABORT;
	return more ? REPLY_MORE : REPLY_WAIT;
}

/* Between commands: events for NOTIFY. A command half read stays as it is. */
static enum net_next
between_commands(struct session *s)
{
	bool more = notify_active(s) && notify_look(s);

	if (more)
		return NET_MORE;
	s->keywords = (struct keywords){ 0 };
	place_release(s);
	arena_release(s->arena);
	return s->expired ? NET_CLOSE : NET_DONE;
}

static enum net_next
session_run(void *session)
{
	struct session *s = session;
	struct cmd *c = s->cmd;
	bool input = s->ready != FRAME_MORE;

	if (!c && !input)
		return between_commands(s);
	if (c && c->step)
		return command_finish(s, c->step(s, c));
	if (!input)
		return command_finish(s, woken(s));
	if (c && c->line) {
		struct str line =
		    s->ready == FRAME_DONE ? buf_str(&s->frame.cmd) : STR_NULL;

		return command_finish(s, c->line(s, c, line));
	}
	return command_finish(s, command_start(s));
}

static void
session_timeout(void *session)
{
	struct session *s = session;
	int64_t quiet = (clock_mono_ms() - s->last_input) / 1000;

	if (s->state == ST_NEW) {
		bye(s, "BYE Too slow to log in");
	} else if (quiet + 1 >= (int64_t)s->d->timeout || !s->cmd) {
		bye(s, "BYE Idle for too long");
	} else { /* in IDLE: see that nothing was missed, and go on */
		conn_set_timeout(s->conn, IDLE_CHECK);
		conn_run(s->conn);
	}
}

static void
session_wake(void *session)
{
	struct session *s = session;

	if (s->cmd ? s->cmd->wake != NULL : notify_active(s))
		conn_run(s->conn);
}

static void
session_stop(void *session)
{
	struct session *s = session;

	write_untagged(conn_out(s->conn), "BYE [UNAVAILABLE] Server stops");
}

/* Whatever is of the account and not of a command. */
static void
leave_account(struct session *s)
{
	watch_remove(s->d->watch, &s->watcher);
	notify_free(s);
	sel_close(s);
	place_logout(s);
	account_close(&s->account);
}

static void
session_close(void *session)
{
	struct session *s = session;

	command_drop(s);
	leave_account(s);
	frame_fini(&s->frame);
	arena_free(&s->arena);
	free(s);
}

const struct net_proto imap_proto = {
	.name = "imap",
	.batch = true,
	.open = session_open,
	.input = session_input,
	.run = session_run,
	.timeout = session_timeout,
	.wake = session_wake,
	.stop = session_stop,
	.close = session_close,
	.relay_stop = "* BYE [UNAVAILABLE] Server stops\r\n",
	.relay_idle = "* BYE Idle for too long\r\n",
};

enum store_rc
session_login(struct session *s, const struct site_account *acc, struct err *e)
{
	enum store_rc rc =
	    account_open(s->d->store, str_of(acc->id), &s->account, e);

	if (rc != STORE_OK)
		return rc;
	memcpy(s->user, acc->id, sizeof(s->user));
	place_login(s, acc);
	s->state = ST_AUTH;
	s->bad = 0;
	s->frame.max_line = s->d->max_line;
	conn_set_timeout(s->conn, s->d->timeout);
	conn_set_user(s->conn, acc->address);
	return STORE_OK;
}

void
session_logout(struct session *s)
{
	leave_account(s);
	memset(s->user, 0, sizeof(s->user));
	s->state = ST_NEW;
	s->enabled = 0;
	s->bad = 0;
	s->metadata_since = s->metadata_own = 0;
	s->collation = NULL;
	s->quiet.until = 0;
	s->keywords = (struct keywords){ 0 };
	s->opened = clock_mono_ms();
	s->frame.max_line = LINE_BEFORE_LOGIN;
	conn_set_timeout(s->conn, s->d->login_timeout);
	conn_set_user(s->conn, STR_NULL);
}

bool
session_utf8(const struct session *s)
{
	return (s->enabled & (EN_REV2 | EN_UTF8)) != 0;
}

bool
session_insecure(const struct session *s)
{
	return !conn_tls(s->conn) && !conn_peer(s->conn)->loopback &&
	       !s->d->plaintext_auth;
}

struct sasl_options
session_sasl(const struct session *s)
{
	struct sasl_options o = { .site = s->d->site,
		.peer = session_peer(s),
		.plaintext = !session_insecure(s),
		.hostname = s->d->hostname,
		.binding = conn_tls(s->conn) ? conn_binding : NULL,
		.binding_arg = s->conn };

	o.certificate = conn_certificate(s->conn, &o.certificate_trusted);
	return o;
}

struct site_peer
session_peer(const struct session *s)
{
	const struct conn_peer *peer = conn_peer(s->conn);

	return (struct site_peer){ peer->address, "imap", peer->loopback,
		conn_tls(s->conn) };
}
