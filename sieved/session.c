/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieved/session.h"

#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "sieved/command.h"
#include "site/sasl.h"

/* SASL messages of SASL_MAX_MESSAGE octets fit, in base64. */
#define MAX_LINE 12288
#define MAX_ERRORS_NEW 5 /* mistakes in a row, before login */
#define MAX_ERRORS 50

/* ------------------------------------------------------------------------
 * Replies
 */

static void
put_reply(
    struct session *s, const char *word, const char *code, const char *text)
{
	struct buf *out = conn_out(s->conn);

	buf_puts(out, word);
	if (code)
		buf_printf(out, " (%s)", code);
	if (text) {
		buf_putc(out, ' ');
		put_string(out, str_of(text));
	}
	BUF_LIT(out, "\r\n");
}

enum net_next
reply_ok(struct session *s, const char *code, const char *text)
{
	s->errors = 0;
	put_reply(s, "OK", code, text);
	return NET_DONE;
}

enum net_next
reply_no(struct session *s, const char *code, const char *text)
{
	put_reply(s, "NO", code, text);
	return NET_DONE;
}

enum net_next
reply_bye(struct session *s, const char *code, const char *text)
{
	put_reply(s, "BYE", code, text);
	return NET_CLOSE;
}

enum net_next
complain(struct session *s, const char *text)
{
	unsigned max = s->state == ST_NEW ? MAX_ERRORS_NEW : MAX_ERRORS;

	reply_no(s, NULL, text);
	if (++s->errors < max)
		return NET_DONE;
	log_warn("too_many_errors", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("peer", conn_peer(s->conn)->address));
	return reply_bye(s, NULL, "Too many errors");
}

/* ------------------------------------------------------------------------
 * Life
 */

static void
start_login(struct session *s)
{
	s->state = ST_NEW;
	s->errors = 0;
	s->frame.max_line = s->frame.max_literal = MAX_LINE;
	s->progress = clock_mono_ms();
	conn_set_timeout(s->conn, s->d->login_timeout);
}

/* To a client that has just come, or has just been given TLS. */
static void
greet(struct session *s)
{
	put_capabilities(s);
	reply_ok(s, NULL, "Mailstead ready");
	arena_release(s->arena);
}

static void *
on_open(struct conn *c)
{
	struct session *s = mem_zalloc(sizeof(*s));

	s->d = conn_listen_arg(c);
	s->conn = c;
	s->arena = arena_new();
	s->kept = arena_new();
	s->hops = BACKEND_HOPS;
	start_login(s);
	greet(s);
	return s;
}

static void
on_secured(void *session)
{
	greet(session);
}

static void
on_close(void *session)
{
	struct session *s = session;

	session_logout(s);
	sasl_free(&s->sasl);
	frame_reset(&s->frame);
	arena_free(&s->arena);
	arena_free(&s->kept);
	free(s);
}

static unsigned
time_allowed(const struct session *s)
{
	return s->state == ST_NEW ? s->d->login_timeout : s->d->timeout;
}

static void
on_timeout(void *session)
{
	struct session *s = session;

	log_info("timeout", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("peer", conn_peer(s->conn)->address));
	reply_bye(s, NULL, "Too long without a command");
	conn_close(s->conn);
}

static void
on_stop(void *session)
{
	reply_bye(session, "TRYLATER", "Server stops");
}

/* ------------------------------------------------------------------------
 * Input and work
 */

/* Octets that come one by one do not extend the time; whole commands do, but
 * not that for logging in. */
static size_t
on_input(void *session, struct str in)
{
	struct session *s = session;
	size_t used;

	if (clock_mono_ms() - s->progress > (int64_t)time_allowed(s) * 1000) {
		on_timeout(s);
		return in.n;
	}
	s->event = frame_feed(&s->frame, in, &used);
	if (s->event != FRAME_MORE)
		conn_run(s->conn);
	return used;
}

static enum net_next
too_long(struct session *s)
{
	struct str head = buf_str(&s->frame.cmd);
	struct str name = str_sub(head, 0, str_chr(head, ' '));

	if (s->event == FRAME_LARGE && s->state == ST_AUTH &&
	    (str_ieqc(name, "PUTSCRIPT") || str_ieqc(name, "CHECKSCRIPT")))
		return reply_no(
		    s, "QUOTA/MAXSIZE", "The script is larger than allowed");
	if (s->sasl)
		login_end(s);
	return complain(s, "That command is too long");
}

static enum net_next
run(struct session *s)
{
	struct str line = buf_str(&s->frame.cmd);

	if (s->event == FRAME_HOPELESS)
		return reply_bye(s, NULL, "That literal is much too large");
	if (s->event != FRAME_DONE)
		return too_long(s);
	return s->sasl ? login_line(s, line) : command_run(s, line);
}

static enum net_next
on_run(void *session)
{
	struct session *s = session;
	bool password = s->state == ST_NEW; /* it may have been one */
	enum net_next next = run(s);

	if (password)
		mem_wipe(s->frame.cmd.p, s->frame.cmd.n);
	frame_reset(&s->frame);
	arena_release(s->arena);
	if (s->state == ST_AUTH)
		s->progress = clock_mono_ms();
	return next;
}

#define STOPS "BYE (TRYLATER) \"Server stops\"\r\n"
#define IDLE "BYE \"Too long without a command\"\r\n"

const struct net_proto sieve_proto = {
	.name = "sieve",
	.open = on_open,
	.input = on_input,
	.run = on_run,
	.secured = on_secured,
	.timeout = on_timeout,
	.stop = on_stop,
	.close = on_close,
	.batch = true,
	.relay_stop = STOPS,
	.relay_idle = IDLE,
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

	return (struct site_peer){ peer->address, "sieve", peer->loopback,
		conn_tls(s->conn) };
}

void
session_rules(const struct session *s, struct rules *out)
{
	struct site_scope site = { 0 };

	rules_of(s->d->site,
	    s->state == ST_AUTH ? site_scope_of(&s->who) : site, out);
}

bool
session_login(struct session *s, const struct site_account *acc)
{
	struct err e = ERR_INIT;
	struct rules rules;

	if (account_open(s->d->store, str_of(acc->id), &s->account, &e) !=
	    STORE_OK) {
		log_error("cannot open an account",
		    LOG_CSTR("session", conn_id(s->conn)),
		    LOG_CSTR("account", acc->id), LOG_ERR(&e));
		return false;
	}
	s->who = *acc;
	s->who.address = arena_str(s->kept, acc->address);
	s->who.domain = arena_str(s->kept, acc->domain);
	s->who.name = s->who.backend = STR_NULL;
	s->state = ST_AUTH;
	s->errors = 0;
	s->progress = clock_mono_ms();
	session_rules(s, &rules);
	s->frame.max_literal = rules.limits.script;
	conn_set_timeout(s->conn, s->d->timeout);
	conn_set_user(s->conn, acc->address);
	return true;
}

void
session_logout(struct session *s)
{
	if (s->state != ST_AUTH)
		return;
	log_info("logout", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("account", s->who.id));
	account_close(&s->account);
	s->who = (struct site_account){ 0 };
	arena_release(s->kept);
	conn_set_user(s->conn, STR(""));
	start_login(s);
}
