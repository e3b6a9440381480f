/* SPDX-License-Identifier: BSD-2-Clause */
#include "pop3d/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "pop3d/command.h"
#include "site/sasl.h"

/* SASL messages of SASL_MAX_MESSAGE octets fit, in base64. */
#define MAX_LINE 12288
#define MAX_ERRORS_BEFORE 5 /* mistakes in a row, before login */
#define MAX_ERRORS 50

/* ------------------------------------------------------------------------
 * Replies
 */

void
reply_ok(struct session *s, const char *fmt, ...)
{
	struct buf *out = conn_out(s->conn);
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->errors = 0;
	buf_printf(out, "+OK%s%s\r\n", *text ? " " : "", text);
}

enum net_next
reply_err(struct session *s, const char *code, const char *text)
{
	struct buf *out = conn_out(s->conn);

	BUF_LIT(out, "-ERR ");
	if (code)
		buf_printf(out, "[%s] ", code);
	buf_puts(out, text);
	BUF_LIT(out, "\r\n");
	return NET_DONE;
}

enum net_next
complain(struct session *s, const char *text)
{
	unsigned max =
	    s->state == ST_AUTHORIZATION ? MAX_ERRORS_BEFORE : MAX_ERRORS;

	reply_err(s, NULL, text);
	if (++s->errors < max)
		return NET_DONE;
	log_warn("too_many_errors", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("peer", conn_peer(s->conn)->address));
	return NET_CLOSE;
}

/* ------------------------------------------------------------------------
 * Life
 */

/* The timestamp tells clients that there is APOP (RFC 1939, section 4). */
static void
greet(struct session *s)
{
	struct buf challenge = { 0 };
	unsigned char random[16];

	if (!site_apop_on(s->d->site)) {
		reply_ok(s, "%s Mailstead ready", s->d->hostname);
		return;
	}
	rnd_bytes(random, sizeof(random));
	buf_putc(&challenge, '<');
	hex_encode(&challenge, random, sizeof(random));
	buf_printf(&challenge, "@%s>", s->d->hostname);
	s->challenge = mem_strdup(buf_cstr(&challenge));
	buf_fini(&challenge);
	reply_ok(s, "%s Mailstead ready %s", s->d->hostname, s->challenge);
}

static void *
on_open(struct conn *c)
{
	struct session *s = mem_zalloc(sizeof(*s));

	s->d = conn_listen_arg(c);
	s->conn = c;
	s->arena = arena_new();
	s->state = ST_AUTHORIZATION;
	s->hops = BACKEND_HOPS;
	s->progress = clock_mono_ms();
	conn_set_timeout(c, s->d->login_timeout);
	greet(s);
	return s;
}

/* The rest of an answer is not wanted any more. */
static void
free_step(struct session *s)
{
	s->step = NULL;
	buf_fini(&s->scratch);
	buf_fini(&s->ascii);
	downgrade_fini(&s->downgrade);
}

static void
on_close(void *session)
{
	struct session *s = session;

	session_leave(s, false);
	sasl_free(&s->sasl);
	free_step(s);
	arena_free(&s->arena);
	free(s->challenge);
	free(s->user);
	free(s);
}

static unsigned
time_allowed(const struct session *s)
{
	return s->state == ST_AUTHORIZATION ? s->d->login_timeout
					    : s->d->timeout;
}

/* Nothing is removed and nothing said (RFC 1939, section 3). */
static void
on_timeout(void *session)
{
	struct session *s = session;

	log_info("timeout", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("peer", conn_peer(s->conn)->address));
	conn_close(s->conn);
}

static void
on_stop(void *session)
{
	struct session *s = session;

	reply_err(s, "SYS/TEMP", "Server stops");
}

/* ------------------------------------------------------------------------
 * Input
 */

static void
execute(struct session *s, struct str line)
{
	struct args args;
	const struct command *cmd = command_find(line_keyword(line, &args));
	enum net_next next;

	if (cmd && cmd->blocks && s->state & cmd->states) {
		args.text = arena_str(s->arena, args.text);
		s->command = cmd;
		s->args = args;
		conn_run(s->conn);
		return;
	}
	next = command_run(s, cmd, &args);
	arena_release(s->arena);
	if (next == NET_CLOSE)
		conn_close(s->conn);
}

static void
sasl_line(struct session *s, struct str line)
{
	s->line = line.p ? arena_str(s->arena, line) : line;
	conn_run(s->conn);
}

static size_t
take_line(struct session *s, struct str in)
{
	size_t end = str_chr(str_sub(in, 0, MAX_LINE), '\n');
	struct str line;

	if (end == STR_NPOS && in.n < MAX_LINE)
		return 0;
	if (end == STR_NPOS) {
		s->after_skip = s->input;
		s->input = IN_SKIP;
		return MAX_LINE;
	}
	line = str_sub(in, 0, end);
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (s->input == IN_SASL)
		sasl_line(s, line);
	else
		execute(s, line);
	return end + 1;
}

static size_t
skip_line(struct session *s, struct str in)
{
	size_t end = str_chr(in, '\n');

	if (end == STR_NPOS)
		return in.n;
	s->input = s->after_skip;
	if (s->input == IN_SASL)
		sasl_line(s, STR_NULL);
	else if (complain(s, "Line too long") == NET_CLOSE)
		conn_close(s->conn);
	return end + 1;
}

/* Octets that come one by one do not extend the time; whole lines do, but not
 * that for logging in. */
static size_t
on_input(void *session, struct str in)
{
	struct session *s = session;
	int64_t now = clock_mono_ms();
	size_t used;

	if (now - s->progress > (int64_t)time_allowed(s) * 1000) {
		on_timeout(s);
		return in.n;
	}
	used = s->input == IN_SKIP ? skip_line(s, in) : take_line(s, in);
	if (used > 0 && s->input != IN_SKIP && s->state == ST_TRANSACTION)
		s->progress = now;
	return used;
}

/* ------------------------------------------------------------------------
 * Work
 */

static enum net_next
on_run(void *session)
{
	struct session *s = session;
	enum net_next next;

	if (s->step)
		next = s->step(s);
	else if (s->input == IN_SASL)
		next = login_sasl_line(s);
	else
		next = command_run(s, s->command, &s->args);
	if (next == NET_MORE)
		return next;
	free_step(s);
	arena_release(s->arena);
	s->progress =
	    s->state == ST_TRANSACTION ? clock_mono_ms() : s->progress;
	return next;
}

const struct net_proto pop3_proto = {
	.name = "pop3",
	.open = on_open,
	.input = on_input,
	.run = on_run,
	.timeout = on_timeout,
	.stop = on_stop,
	.close = on_close,
	.batch = true,
	.relay_stop = "-ERR [SYS/TEMP] Server stops\r\n",
};

/* ------------------------------------------------------------------------
 * The account
 */

bool
session_insecure(const struct session *s)
{
	return !conn_tls(s->conn) && !conn_peer(s->conn)->loopback &&
	       !s->d->plaintext_auth;
}

struct site_peer
session_peer(const struct session *s)
{
	const struct conn_peer *peer = conn_peer(s->conn);

	return (struct site_peer){ peer->address, "pop3", peer->loopback,
		conn_tls(s->conn) };
}

static enum net_next
not_available(struct session *s, const char *what, const struct err *e)
{
	log_error(what, LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("account", s->id), LOG_ERR(e));
	return reply_err(s, "SYS/TEMP", "Mail store is not available");
}

static enum net_next
refuse(struct session *s, const char *code, const char *text)
{
	metric_add(s->d->refused, 1);
	log_info("login refused", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("account", s->id), LOG_CSTR("code", code));
	return reply_err(s, code, text);
}

/* With the lock held. */
static bool
open_maildrop(struct session *s)
{
	struct err e = ERR_INIT;
	enum store_rc rc =
	    account_open(s->d->store, str_of(s->id), &s->account, &e);

	if (rc == STORE_OK)
		rc = maildrop_open(
		    &s->drop, s->account, &s->policy, s->utf8, &e);
	if (rc == STORE_OK)
		return true;
	account_close(&s->account);
	locks_give(s->d->locks, str_of(s->id));
	not_available(s, "cannot open an account", &e);
	return false;
}

enum net_next
session_login(
    struct session *s, const struct site_account *acc, const char *mechanism)
{
	struct err e = ERR_INIT;

	memcpy(s->id, acc->id, sizeof(s->id));
	policy_of(s->d->site, acc, &s->policy);
	switch (locks_take(s->d->locks, str_of(s->id), &e)) {
	case LOCK_OK:
		break;
	case LOCK_IN_USE:
		return refuse(
		    s, "IN-USE", "Another POP3 session has the maildrop");
	case LOCK_FAILED:
		return not_available(s, "cannot lock a maildrop", &e);
	}
	if (!delays_pass(s->d->delays, str_of(s->id), s->policy.login_delay)) {
		locks_give(s->d->locks, str_of(s->id));
		return refuse(
		    s, "LOGIN-DELAY", "Too soon after the last login");
	}
	if (!open_maildrop(s))
		return NET_DONE; /* the client was told and may try again */
	s->state = ST_TRANSACTION;
	s->progress = clock_mono_ms();
	conn_set_timeout(s->conn, s->d->timeout);
	conn_set_user(s->conn, acc->address);
	metric_add(s->d->logins, 1);
	log_info("login", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("peer", conn_peer(s->conn)->address),
	    LOG_STR("user", acc->address), LOG_CSTR("account", acc->id),
	    LOG_CSTR("mechanism", mechanism),
	    LOG_CSTR("tls", conn_tls(s->conn) ? "yes" : "no"),
	    LOG_UINT("messages", s->drop.count));
	reply_ok(s, "Logged in");
	return NET_DONE;
}

/* What was retrieved was seen, even if the client never says QUIT. */
static void
mark_seen(struct session *s)
{
	struct err e = ERR_INIT;
	enum store_rc rc = maildrop_mark_seen(&s->drop, &s->policy, &e);

	if (rc != STORE_OK)
		log_warn("cannot set \\Seen", LOG_CSTR("account", s->id),
		    LOG_CSTR("result", store_rc_name(rc)), LOG_ERR(&e));
}

bool
session_leave(struct session *s, bool update)
{
	struct err e = ERR_INIT;
	enum store_rc rc = STORE_OK;
	uint32_t removed = 0;

	if (s->state != ST_TRANSACTION)
		return true;
	mark_seen(s);
	if (update)
		rc = maildrop_update(&s->drop, &s->policy, &removed, &e);
	if (rc != STORE_OK) {
		log_error("cannot remove messages", LOG_CSTR("account", s->id),
		    LOG_CSTR("result", store_rc_name(rc)), LOG_ERR(&e));
		removed = 0;
	}
	metric_add(s->d->removed, removed);
	log_info("logout", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("account", s->id), LOG_UINT("retrieved", s->retrieved),
	    LOG_UINT("top", s->topped), LOG_UINT("bytes", s->bytes),
	    LOG_UINT("removed", removed),
	    LOG_CSTR("quit", update ? "yes" : "no"));
	maildrop_close(&s->drop);
	account_close(&s->account);
	locks_give(s->d->locks, str_of(s->id));
	s->state = ST_AUTHORIZATION;
	return rc == STORE_OK;
}
