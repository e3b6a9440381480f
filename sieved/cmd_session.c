/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that touch no script (RFC 5804, sections 1.7 and 2). */
#include "base/log.h"
#include "sieved/command.h"

/* ------------------------------------------------------------------------
 * Capabilities
 */

static void
put_capability(struct session *s, const char *name, struct str value)
{
	struct buf *out = conn_out(s->conn);

	buf_printf(out, "\"%s\"", name);
	if (value.p) {
		buf_putc(out, ' ');
		put_string(out, value);
	}
	BUF_LIT(out, "\r\n");
}

static void
put_rules(struct session *s)
{
	struct rules rules;
	struct buf words = { 0 };

	session_rules(s, &rules);
	sieve_caps_print(&words, rules.caps);
	buf_reserve(&words, 1); /* empty is not "no value" */
	put_capability(s, "SIEVE", buf_str(&words));
	buf_fini(&words);
	if (sieve_caps_has(rules.caps, CAP_ENOTIFY))
		put_capability(s, "NOTIFY",
		    rules.nmethods ? STR("mailto https") : STR("mailto"));
	if (sieve_caps_has(rules.caps, CAP_EXTLISTS))
		put_capability(s, "EXTLISTS", STR("urn"));
	put_capability(s, "MAXREDIRECTS",
	    arena_printf(s->arena, "%u", rules.limits.redirects));
}

void
put_capabilities(struct session *s)
{
	bool in = s->state == ST_AUTH;
	struct str mechanisms = in ? STR_NULL : login_mechanisms(s);

	put_capability(s, "IMPLEMENTATION", STR("Mailstead"));
	put_rules(s);
	/* Whoever is logged in cannot log in again. */
	put_capability(s, "SASL", mechanisms.n ? mechanisms : STR(""));
	if (!in && conn_starttls_available(s->conn) && !conn_tls(s->conn))
		put_capability(s, "STARTTLS", STR_NULL);
	if (!in)
		put_capability(s, "XCLIENT", STR_NULL);
	if (in)
		put_capability(s, "OWNER", s->who.address);
	put_capability(s, "UNAUTHENTICATE", STR_NULL);
	put_capability(s, "LANGUAGE", STR("en"));
	put_capability(s, "VERSION", STR("1.0"));
}

enum net_next
cmd_capability(struct session *s, const struct args *args)
{
	(void)args;
	put_capabilities(s);
	return reply_ok(s, NULL, NULL);
}

/* ------------------------------------------------------------------------
 * The rest
 */

enum net_next
cmd_noop(struct session *s, const struct args *args)
{
	struct buf code = { 0 };

	if (args->n == 0)
		return reply_ok(s, NULL, "Nothing done");
	if (!str_is_utf8(args->v[0].text))
		return complain(s, "The tag is not UTF-8");
	BUF_LIT(&code, "TAG ");
	put_string(&code, args->v[0].text);
	reply_ok(s, buf_cstr(&code), "Nothing done");
	buf_fini(&code);
	return NET_DONE;
}

enum net_next
cmd_starttls(struct session *s, const struct args *args)
{
	(void)args;
	if (conn_tls(s->conn))
		return complain(s, "TLS is on already");
	if (!conn_starttls_available(s->conn))
		return complain(s, "No TLS here");
	reply_ok(s, NULL, "Begin TLS now");
	return NET_STARTTLS;
}

enum net_next
cmd_unauthenticate(struct session *s, const struct args *args)
{
	(void)args;
	session_logout(s);
	return reply_ok(s, NULL, "You may log in again");
}

#define MAX_LOGGED 200

/*
 * As Dovecot's: a front tells who the client is, which we log, and how many
 * more fronts there may be before it is a loop.
 */
enum net_next
cmd_xclient(struct session *s, const struct args *args)
{
	static const struct str ttl = STR("TTL=");
	struct buf said = { 0 };
	uint32_t n;

	for (size_t i = 0; i < args->n; i++) {
		struct str word = args->v[i].text;

		buf_printf(&said, "%s%.*s", i ? " " : "", STR_ARG(word));
		if (str_istarts(word, ttl) &&
		    str_u32(str_sub(word, ttl.n, STR_NPOS), &n) && n < s->hops)
			s->hops = n;
	}
	log_info("front", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("peer", conn_peer(s->conn)->address),
	    LOG_STR("client", str_sub(buf_str(&said), 0, MAX_LOGGED)));
	buf_fini(&said);
	return reply_ok(s, NULL, "Noted");
}

enum net_next
cmd_logout(struct session *s, const struct args *args)
{
	(void)args;
	reply_ok(s, NULL, "Goodbye");
	return NET_CLOSE;
}
