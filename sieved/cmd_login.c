/* SPDX-License-Identifier: BSD-2-Clause */
/* AUTHENTICATE (RFC 5804, section 2.1). The server's last word goes with the
 * OK, so that there is no extra round for it. */
#include <string.h>

#include "base/codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "sieved/command.h"
#include "site/sasl.h"

/* The client cannot tell a wrong password from a wrong user or a block, nor
 * (TRANSITION-NEEDED) what the site knows of a user. */
static enum net_next
refused(struct session *s, enum site_rc rc, unsigned delay_ms)
{
	if (delay_ms)
		conn_delay(s->conn, delay_ms);
	metric_add(s->d->refused, 1);
	switch (rc) {
	case SITE_DENIED:
	case SITE_BLOCKED:
	case SITE_NOTFOUND:
		return reply_no(s, NULL, "Authentication failed");
	case SITE_DISABLED:
		return reply_no(s, NULL, "Account is disabled");
	case SITE_INVALID:
		return complain(s, "Invalid authentication message");
	default:
		return reply_no(s, "TRYLATER", "Cannot check passwords now");
	}
}

static struct sasl_options
options(struct session *s)
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

struct str
login_mechanisms(struct session *s)
{
	struct sasl_options o = options(s);

	return sasl_mechanisms(&o, s->arena);
}

void
login_end(struct session *s)
{
	sasl_free(&s->sasl);
}

static enum net_next
fail(struct session *s, const char *text)
{
	login_end(s);
	return complain(s, text);
}

/* ------------------------------------------------------------------------
 * The end of an exchange
 */

static enum net_next
enter(struct session *s, const struct site_account *acc, const char *mechanism,
    const char *code)
{
	if (!session_login(s, acc))
		return reply_no(
		    s, "TRYLATER", "The store is not available now");
	metric_add(s->d->logins, 1);
	log_info("login", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("peer", conn_peer(s->conn)->address),
	    LOG_STR("user", acc->address), LOG_CSTR("account", acc->id),
	    LOG_CSTR("mechanism", mechanism),
	    LOG_CSTR("tls", conn_tls(s->conn) ? "yes" : "no"));
	return reply_ok(s, code, "Logged in");
}

/* LAST: what the server says with its success; may be empty. */
static enum net_next
succeeded(struct session *s, struct str last)
{
	const struct site_account *acc = sasl_account(s->sasl);
	const char *mechanism = sasl_mechanism(s->sasl);
	struct buf code = { 0 };
	enum net_next next;

	if (last.n) {
		BUF_LIT(&code, "SASL \"");
		base64_encode(&code, last);
		buf_putc(&code, '"');
	}
	if (proxy_refers(s, acc))
		next = proxy_refer(s, acc);
	else if (acc->backend.n)
		next = proxy_login(s, acc, mechanism, sasl_password(s->sasl),
		    last.n ? buf_cstr(&code) : NULL);
	else
		next =
		    enter(s, acc, mechanism, last.n ? buf_cstr(&code) : NULL);
	buf_fini(&code);
	login_end(s);
	return next;
}

static enum net_next
failed(struct session *s)
{
	struct err e = ERR_INIT;
	struct site_peer peer = session_peer(s);
	unsigned delay_ms = 0;
	enum site_rc why = sasl_result(s->sasl, &delay_ms, &e);

	site_log_refused(conn_id(s->conn), &peer, sasl_user(s->sasl),
	    sasl_mechanism(s->sasl), why, &e);
	login_end(s);
	return refused(s, why, delay_ms);
}

/* ------------------------------------------------------------------------
 * Rounds
 */

static void
challenge(struct session *s, struct str message)
{
	struct buf *out = conn_out(s->conn), base64 = { 0 };

	base64_encode(&base64, message);
	put_string(out, buf_str(&base64));
	BUF_LIT(out, "\r\n");
	buf_fini(&base64);
}

static enum net_next
step(struct session *s, struct str in)
{
	struct buf message = { 0 };
	enum net_next next = NET_DONE;

	switch (sasl_step(s->sasl, in, &message)) {
	case SASL_CONTINUE:
		challenge(s, buf_str(&message));
		break;
	case SASL_OK:
		next = succeeded(s, buf_str(&message));
		break;
	case SASL_FAIL:
		next = failed(s);
		break;
	}
	buf_fini(&message);
	return next;
}

static enum net_next
decode_and_step(struct session *s, struct str base64)
{
	struct buf message = { 0 };
	enum net_next next;

	if (!base64_decode(&message, base64)) {
		buf_fini(&message);
		return fail(s, "Invalid base64");
	}
	buf_reserve(&message, 1); /* an empty message is not "no message" */
	next = step(s, buf_str(&message));
	mem_wipe(message.p, message.n);
	buf_fini(&message);
	return next;
}

enum net_next
login_line(struct session *s, struct str line)
{
	struct str text;

	if (!args_string(s->arena, line, &text))
		return fail(s, "Expected a string");
	if (str_eqc(text, "*"))
		return fail(s, "Authentication cancelled");
	return decode_and_step(s, text);
}

/* Why a mechanism that we know is not to be had. */
static enum net_next
not_offered(struct session *s, struct str mechanism)
{
	bool needs_tls = str_iends(mechanism, STR("-PLUS")) ||
			 str_ieqc(mechanism, "EXTERNAL");

	if (!sasl_flags(mechanism))
		return complain(s, "Unsupported mechanism");
	if (!conn_tls(s->conn) && needs_tls)
		return reply_no(s, "ENCRYPT-NEEDED", "Start TLS first");
	return reply_no(
	    s, "AUTH-TOO-WEAK", "That mechanism is not allowed here");
}

enum net_next
cmd_authenticate(struct session *s, const struct args *args)
{
	struct sasl_options o = options(s);
	struct str mechanism = args->v[0].text, first = args->v[1].text;

	if (session_insecure(s) && (sasl_flags(mechanism) & SASL_PLAINTEXT))
		return reply_no(s, "ENCRYPT-NEEDED", "Start TLS first");
	if (!sasl_start(&o, mechanism, &s->sasl))
		return not_offered(s, mechanism);
	if (args->n == 1)
		return step(s, STR_NULL);
	/* An empty initial response is "" or, as elsewhere, "=". */
	return decode_and_step(s, str_eqc(first, "=") ? STR("") : first);
}
