/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that touch no mail: RFC 1939; CAPA and its capabilities, RFC 2449;
 * STLS, RFC 2595; LANG and UTF8, RFC 6856. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "pop3d/command.h"

static void
put_login_capabilities(struct session *s, struct buf *out)
{
	struct str mechanisms = login_mechanisms(s);

	if (!session_insecure(s))
		BUF_LIT(out, "USER\r\n");
	if (mechanisms.n)
		buf_printf(out, "SASL %.*s\r\n", STR_ARG(mechanisms));
	if (conn_starttls_available(s->conn) && !conn_tls(s->conn))
		BUF_LIT(out, "STLS\r\n");
	BUF_LIT(out, "XCLIENT\r\n");
}

enum net_next
cmd_capa(struct session *s, struct args *args)
{
	struct buf *out = conn_out(s->conn);
	bool in = s->state == ST_TRANSACTION;

	(void)args;
	reply_ok(s, "Capabilities follow");
	BUF_LIT(out, "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
		     "PIPELINING\r\nLANG\r\nUTF8 USER\r\n");
	if (!in)
		put_login_capabilities(s, out);
	policy_capabilities(s->d->site, in ? &s->policy : NULL, out);
	BUF_LIT(out, "IMPLEMENTATION Mailstead\r\n.\r\n");
	return NET_DONE;
}

/* ------------------------------------------------------------------------
 * LANG
 */

static const struct {
	const char *tag, *name;
} languages[] = {
	{ "en", "English" },
	{ "i-default", "English, for everybody" },
};
#define LANGUAGES LEN(languages)

static enum net_next
list_languages(struct session *s)
{
	struct buf *out = conn_out(s->conn);

	reply_ok(s, "Languages follow");
	for (size_t i = 0; i < LANGUAGES; i++)
		buf_printf(
		    out, "%s %s\r\n", languages[i].tag, languages[i].name);
	BUF_LIT(out, ".\r\n");
	return NET_DONE;
}

/* As RFC 4647, section 3.4, looks up: "en-GB" finds "en". */
enum net_next
cmd_lang(struct session *s, struct args *args)
{
	struct str range = str_trim(args->text);

	if (!args->given)
		return list_languages(s);
	while (range.n > 0) {
		size_t dash = str_rchr(range, '-');

		for (size_t i = 0; i < LANGUAGES; i++) {
			if (str_ieqc(range, languages[i].tag) ||
			    str_eqc(range, "*")) {
				reply_ok(s, "%s %s", languages[i].tag,
				    languages[i].name);
				return NET_DONE;
			}
		}
		range = str_sub(range, 0, dash == STR_NPOS ? 0 : dash);
	}
	return reply_err(s, NULL, "That language is not known here");
}

/* ------------------------------------------------------------------------
 * The rest
 */

enum net_next
cmd_noop(struct session *s, struct args *args)
{
	(void)args;
	reply_ok(s, "Nothing done");
	return NET_DONE;
}

enum net_next
cmd_utf8(struct session *s, struct args *args)
{
	(void)args;
	s->utf8 = true;
	reply_ok(s, "UTF-8 in headers is understood");
	return NET_DONE;
}

enum net_next
cmd_stls(struct session *s, struct args *args)
{
	(void)args;
	if (conn_tls(s->conn))
		return complain(s, "TLS is on already");
	if (s->utf8) /* RFC 6856, section 2.1 */
		return complain(s, "Not after UTF8");
	if (!conn_starttls_available(s->conn))
		return complain(s, "No TLS here");
	reply_ok(s, "Begin TLS now");
	/* Nothing learned before TLS counts. */
	free(s->user);
	s->user = NULL;
	return NET_STARTTLS;
}

#define MAX_LOGGED 200

/*
 * As Dovecot's: a front tells who the client is, which we log, and how many
 * more fronts there may be before it is a loop.
 */
enum net_next
cmd_xclient(struct session *s, struct args *args)
{
	static const struct str ttl = STR("TTL=");
	struct str rest = args->text, word;
	uint32_t n;

	while (rest.n && str_split(&rest, ' ', &word)) {
		if (str_istarts(word, ttl) &&
		    str_u32(str_sub(word, ttl.n, STR_NPOS), &n) && n < s->hops)
			s->hops = n;
	}
	log_info("front", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("peer", conn_peer(s->conn)->address),
	    LOG_STR("client", str_sub(args->text, 0, MAX_LOGGED)));
	reply_ok(s, "Noted");
	return NET_DONE;
}

enum net_next
cmd_quit(struct session *s, struct args *args)
{
	(void)args;
	if (session_leave(s, true))
		reply_ok(s, "Goodbye");
	else
		reply_err(s, "SYS/TEMP", "Some messages could not be removed");
	return NET_CLOSE;
}
