/* SPDX-License-Identifier: BSD-2-Clause */
/* USER and PASS, APOP (RFC 1939), AUTH (RFC 5034), AUTH-RESP-CODE (RFC 3206).
 */
#include <stdlib.h>

#include "base/codec.h"
#include "base/mem.h"
#include "pop3d/command.h"
#include "site/sasl.h"

#define MAX_USER 1024

static void
log_failure(struct session *s, struct str user, const char *mechanism,
    enum site_rc rc, const struct err *e)
{
	struct site_peer peer = session_peer(s);

	site_log_refused(conn_id(s->conn), &peer, user, mechanism, rc, e);
}

/* The client cannot tell a wrong password from a wrong user or a block. */
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
		return reply_err(s, "AUTH", "Authentication failed");
	case SITE_DISABLED:
		return reply_err(s, "AUTH", "Account is disabled");
	case SITE_INVALID:
		return complain(s, "Invalid authentication message");
	default:
		return reply_err(s, "SYS/TEMP", "Cannot check passwords now");
	}
}

static enum net_next
enter(struct session *s, const struct site_account *acc, const char *mechanism,
    struct str password)
{
	if (acc->backend.n)
		return proxy_login(s, acc, mechanism, password);
	return session_login(s, acc, mechanism);
}

/* ------------------------------------------------------------------------
 * USER and PASS
 */

enum net_next
cmd_user(struct session *s, struct args *args)
{
	if (session_insecure(s))
		return reply_err(s, NULL, "Start TLS first");
	if (args->text.n > MAX_USER)
		return complain(s, "That name is too long");
	free(s->user);
	s->user = mem_strdup(arena_cstr(s->arena, args->text));
	reply_ok(s, "Now the password");
	return NET_DONE;
}

enum net_next
cmd_pass(struct session *s, struct args *args)
{
	struct site_credentials cred = { .mechanism = STR("USER"),
		.user = str_of(s->user),
		.password = args->text,
		.peer = session_peer(s) };
	struct site_account acc;
	struct err e = ERR_INIT;
	unsigned delay_ms = 0;
	enum net_next next = NET_DONE;
	enum site_rc rc;

	if (!s->user)
		return complain(s, "USER first");
	rc = site_login(s->d->site, s->arena, &cred, &acc, &delay_ms, &e);
	if (rc == SITE_OK)
		next = enter(s, &acc, "USER", args->text);
	mem_wipe((char *)(uintptr_t)args->text.p, args->text.n);
	if (rc == SITE_OK)
		return next;
	log_failure(s, str_of(s->user), "USER", rc, &e);
	return refused(s, rc, delay_ms);
}

/* ------------------------------------------------------------------------
 * APOP
 */

enum net_next
cmd_apop(struct session *s, struct args *args)
{
	size_t space = str_rchr(args->text, ' ');
	struct site_credentials cred = { .mechanism = STR("APOP"),
		.user = str_trim(str_sub(args->text, 0, space)),
		.peer = session_peer(s) };
	struct site_account acc;
	struct err e = ERR_INIT;
	unsigned delay_ms = 0;
	enum site_rc rc;

	if (!s->challenge)
		return reply_err(s, NULL, "APOP is not offered here");
	if (space == STR_NPOS || cred.user.n == 0)
		return complain(s, "Syntax: APOP name digest");
	if (cred.user.n > MAX_USER)
		return complain(s, "That name is too long");
	cred.password = str_sub(args->text, space + 1, STR_NPOS);
	rc = site_login_apop(s->d->site, s->arena, &cred, str_of(s->challenge),
	    &acc, &delay_ms, &e);
	if (rc == SITE_OK)
		return enter(s, &acc, "APOP", STR_NULL);
	log_failure(s, cred.user, "APOP", rc, &e);
	return refused(s, rc, delay_ms);
}

/* ------------------------------------------------------------------------
 * AUTH
 */

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

static void
end_exchange(struct session *s)
{
	sasl_free(&s->sasl);
	s->proved = false;
	s->input = IN_COMMAND;
}

static enum net_next
fail(struct session *s, const char *text)
{
	end_exchange(s);
	return complain(s, text);
}

static enum net_next
succeeded(struct session *s)
{
	enum net_next next = enter(s, sasl_account(s->sasl),
	    sasl_mechanism(s->sasl), sasl_password(s->sasl));

	end_exchange(s);
	return next;
}

static enum net_next
failed(struct session *s)
{
	struct err e = ERR_INIT;
	unsigned delay_ms = 0;
	enum site_rc why = sasl_result(s->sasl, &delay_ms, &e);

	log_failure(s, sasl_user(s->sasl), sasl_mechanism(s->sasl), why, &e);
	end_exchange(s);
	return refused(s, why, delay_ms);
}

static enum net_next
step(struct session *s, struct str in)
{
	struct buf challenge = { 0 }, *out = conn_out(s->conn);
	enum sasl_rc rc = sasl_step(s->sasl, in, &challenge);

	if (rc == SASL_FAIL || (rc == SASL_OK && challenge.n == 0)) {
		buf_fini(&challenge);
		return rc == SASL_OK ? succeeded(s) : failed(s);
	}
	BUF_LIT(out, "+ ");
	base64_encode(out, buf_str(&challenge));
	BUF_LIT(out, "\r\n");
	buf_fini(&challenge);
	s->proved = rc == SASL_OK;
	s->input = IN_SASL;
	return NET_DONE;
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
login_sasl_line(struct session *s)
{
	if (!s->line.p)
		return fail(s, "Response too long");
	if (str_eqc(s->line, "*"))
		return fail(s, "Authentication cancelled");
	if (!s->proved)
		return decode_and_step(s, s->line);
	/* The answer to the server's last word (SCRAM). */
	if (s->line.n)
		return fail(s, "Expected an empty response");
	return succeeded(s);
}

/* Without arguments: what clients older than CAPA ask. */
static enum net_next
list_mechanisms(struct session *s)
{
	struct buf *out = conn_out(s->conn);
	struct str rest = login_mechanisms(s), name;

	reply_ok(s, "Mechanisms follow");
	while (rest.n && str_split(&rest, ' ', &name))
		buf_printf(out, "%.*s\r\n", STR_ARG(name));
	BUF_LIT(out, ".\r\n");
	return NET_DONE;
}

enum net_next
cmd_auth(struct session *s, struct args *args)
{
	struct sasl_options o = options(s);
	struct str rest = str_trim(args->text), mechanism;

	if (!args->given)
		return list_mechanisms(s);
	str_split(&rest, ' ', &mechanism);
	if (session_insecure(s) && (sasl_flags(mechanism) & SASL_PLAINTEXT))
		return reply_err(s, NULL, "Start TLS first");
	if (!sasl_start(&o, mechanism, &s->sasl))
		return complain(s, "Unsupported mechanism");
	if (!rest.p)
		return step(s, STR_NULL);
	/* An empty initial response. */
	return decode_and_step(s, str_eqc(rest, "=") ? STR("") : rest);
}
