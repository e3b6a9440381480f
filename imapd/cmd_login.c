/* SPDX-License-Identifier: BSD-2-Clause */
/* LOGIN and AUTHENTICATE (RFC 3501, 6.2; RFC 4959; RFC 5530). */
#include "base/codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "imapd/command.h"
#include "imapd/proxy.h"

static void
log_failure(struct session *s, struct str user, const char *mechanism,
    enum site_rc rc, const struct err *e)
{
	struct site_peer peer = session_peer(s);

	site_log_refused(conn_id(s->conn), &peer, user, mechanism, rc, e);
}

/* The client cannot tell a wrong password from a wrong user or a block. */
static enum reply
refused(struct session *s, struct cmd *c, enum site_rc rc, unsigned delay_ms)
{
	if (delay_ms)
		conn_delay(s->conn, delay_ms);
	switch (rc) {
	case SITE_DENIED:
	case SITE_BLOCKED:
	case SITE_NOTFOUND:
		return no(c, "AUTHENTICATIONFAILED", "Authentication failed");
	case SITE_DISABLED:
		return no(c, "AUTHORIZATIONFAILED", "Account is disabled");
	case SITE_INVALID:
		return bad(c, "Invalid authentication message");
	default:
		return no(c, "UNAVAILABLE", "Cannot check passwords now");
	}
}

static enum reply
logged_in(struct session *s, struct cmd *c, const struct site_account *acc,
    const char *mechanism, struct str password)
{
	struct buf code = { 0 };
	struct err e = ERR_INIT;
	enum store_rc rc;

	if (acc->backend.n)
		return proxy_login(s, c, acc, mechanism, password);
	rc = session_login(s, acc, &e);
	if (rc != STORE_OK) {
		log_error("cannot open an account",
		    LOG_CSTR("account", acc->id), LOG_ERR(&e));
		return no(c, "UNAVAILABLE", "Mail store is not available");
	}
	log_info("login", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("peer", conn_peer(s->conn)->address),
	    LOG_STR("user", acc->address), LOG_CSTR("account", acc->id),
	    LOG_CSTR("mechanism", mechanism),
	    LOG_CSTR("tls", conn_tls(s->conn) ? "yes" : "no"));
	BUF_LIT(&code, "CAPABILITY ");
	put_capabilities(s, &code);
	c->code = arena_str(s->arena, buf_str(&code));
	buf_fini(&code);
	c->text = "Logged in";
	return REPLY_OK;
}

enum reply
cmd_login(struct session *s, struct cmd *c)
{
	struct site_credentials cred = { .mechanism = STR("LOGIN"),
		.user = c->arg[0],
		.password = c->arg[1],
		.peer = session_peer(s) };
	struct site_account acc;
	struct err e = ERR_INIT;
	unsigned delay_ms = 0;
	enum site_rc rc;
	enum reply r = REPLY_OK;

	if (session_insecure(s))
		return no(c, "PRIVACYREQUIRED", "Start TLS first");
	rc = site_login(s->d->site, s->arena, &cred, &acc, &delay_ms, &e);
	if (rc == SITE_OK)
		r = logged_in(s, c, &acc, "LOGIN", cred.password);
	mem_wipe(s->frame.cmd.p, s->frame.cmd.n);
	if (rc == SITE_OK)
		return r;
	log_failure(s, STR(""), "LOGIN", rc, &e);
	return refused(s, c, rc, delay_ms);
}

/* ------------------------------------------------------------------------
 * AUTHENTICATE
 */

static void
sasl_fini(struct session *s, struct cmd *c)
{
	struct sasl *x = c->data;

	(void)s;
	sasl_free(&x);
	c->data = NULL;
}

static enum reply
succeeded(struct session *s, struct cmd *c)
{
	struct sasl *x = c->data;

	return logged_in(
	    s, c, sasl_account(x), sasl_mechanism(x), sasl_password(x));
}

/* The empty answer to the server's last word (SCRAM). */
static enum reply
acknowledged(struct session *s, struct cmd *c, struct str line)
{
	if (line.n)
		return bad(c, "Expected an empty response");
	return succeeded(s, c);
}

static enum reply sasl_line(struct session *s, struct cmd *c, struct str line);

static enum reply
step(struct session *s, struct cmd *c, struct str in)
{
	struct buf challenge = { 0 }, *out = conn_out(s->conn);
	struct sasl *x = c->data;
	enum sasl_rc rc = sasl_step(x, in, &challenge);
	struct err e = ERR_INIT;
	unsigned delay_ms = 0;
	enum site_rc why;

	if (rc == SASL_FAIL) {
		buf_fini(&challenge);
		why = sasl_result(x, &delay_ms, &e);
		log_failure(s, sasl_user(x), sasl_mechanism(x), why, &e);
		return refused(s, c, why, delay_ms);
	}
	if (rc == SASL_OK && challenge.n == 0) {
		buf_fini(&challenge);
		return succeeded(s, c);
	}
	BUF_LIT(out, "+ ");
	base64_encode(out, buf_str(&challenge));
	BUF_LIT(out, "\r\n");
	buf_fini(&challenge);
	c->line = rc == SASL_OK ? acknowledged : sasl_line;
	return REPLY_WAIT;
}

static enum reply
decode_and_step(struct session *s, struct cmd *c, struct str base64)
{
	struct buf message = { 0 };
	enum reply r;

	if (!base64_decode(&message, base64)) {
		buf_fini(&message);
		return bad(c, "Invalid base64");
	}
	buf_reserve(&message, 1); /* an empty message is not "no message" */
	r = step(s, c, buf_str(&message));
	mem_wipe(message.p, message.n);
	buf_fini(&message);
	return r;
}

static enum reply
sasl_line(struct session *s, struct cmd *c, struct str line)
{
	if (!line.p)
		return bad(c, "Response too long");
	if (str_eqc(line, "*"))
		return bad(c, "Authentication cancelled");
	return decode_and_step(s, c, line);
}

enum reply
cmd_authenticate(struct session *s, struct cmd *c)
{
	struct sasl_options o = session_sasl(s);
	struct str mechanism, initial;
	struct sasl *x = NULL;

	EXPECT(c, parse_sp(&c->p) && parse_atom(&c->p, &mechanism));
	if (session_insecure(s) && (sasl_flags(mechanism) & SASL_PLAINTEXT))
		return no(c, "PRIVACYREQUIRED", "Start TLS first");
	if (!sasl_start(&o, mechanism, &x))
		return no(c, "CANNOT", "Unsupported mechanism");
	c->data = x;
	c->fini = sasl_fini;
	if (!parse_try(&c->p, ' ')) {
		EXPECT(c, parse_end(&c->p));
		return step(s, c, STR_NULL);
	}
	initial = str_sub(c->p.in, c->p.at, c->p.in.n);
	if (str_eqc(initial, "=")) /* an empty initial response */
		initial = STR("");
	return decode_and_step(s, c, initial);
}
