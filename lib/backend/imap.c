/* SPDX-License-Identifier: BSD-2-Clause */
/* Logging in at an IMAP backend (RFC 3501; RFC 2971 with Dovecot's fields). */
#include "backend/login.h"

#include <stdio.h>
#include <string.h>

/* Words are complete without the brackets around them. */
struct talk {
	const struct backend_login *l;
	struct arena *a;
	struct site_backend to;
	struct peer *p;
	struct buf caps; /* the newest list */
	unsigned tag;
	struct err *e;
};

/* ------------------------------------------------------------------------
 * Responses
 */

/* "CAPABILITY ..." at the start of TEXT, up to "]" if that comes first. */
static bool
take_capability(struct talk *t, struct str text)
{
	static const struct str word = STR("CAPABILITY ");

	if (!str_istarts(text, word))
		return false;
	buf_clear(&t->caps);
	text = str_sub(text, word.n, STR_NPOS);
	buf_putstr(&t->caps, str_sub(text, 0, str_chr(text, ']')));
	return true;
}

/* What an OK carries in its brackets. */
static bool
take_code(struct talk *t, struct str text)
{
	return str_starts(text, STR("[")) &&
	       take_capability(t, str_sub(text, 1, STR_NPOS));
}

/* A NO that is about the user; those with other codes are of trouble that
 * passes, as LIMIT and UNAVAILABLE are (RFC 5530). */
static bool
denies(struct str line)
{
	static const char *const codes[] = { "[AUTHENTICATIONFAILED]",
		"[AUTHORIZATIONFAILED]", "[EXPIRED]" };
	struct str text = str_sub(line, 3, STR_NPOS);

	if (!str_istarts(line, STR("NO ")))
		return false;
	for (size_t i = 0; i < LEN(codes); i++) {
		if (str_istarts(text, str_of(codes[i])))
			return true;
	}
	return !str_starts(text, STR("["));
}

enum said { SAID_OK, SAID_NO, SAID_GO_ON, SAID_NOTHING };

/* Read up to the tagged response or "+"; *had: it told capabilities. */
static enum said
answer(struct talk *t, bool *had)
{
	char tag[16];
	struct str line;

	*had = false;
	snprintf(tag, sizeof(tag), "A%u ", t->tag);
	while (peer_line(t->p, &line, t->e)) {
		if (str_starts(line, STR("+")))
			return SAID_GO_ON;
		if (str_istarts(line, STR("* BYE"))) {
			peer_confused(t->p, line, t->e);
			return SAID_NOTHING;
		}
		if (str_starts(line, STR("* "))) {
			*had |= take_capability(t, str_sub(line, 2, STR_NPOS));
			continue;
		}
		if (!str_starts(line, str_of(tag)))
			break;
		line = str_sub(line, strlen(tag), STR_NPOS);
		if (str_istarts(line, STR("OK "))) {
			*had |= take_code(t, str_sub(line, 3, STR_NPOS));
			return SAID_OK;
		}
		err_set(t->e, "the backend said \"%.*s\"",
		    STR_ARG(str_sub(line, 0, 200)));
		return denies(line) ? SAID_NO : SAID_NOTHING;
	}
	if (!t->e->msg[0])
		peer_confused(t->p, line, t->e);
	return SAID_NOTHING;
}

static enum said
command(struct talk *t, struct str text, bool *had)
{
	struct buf line = { 0 };
	bool ok;

	buf_printf(&line, "A%u ", ++t->tag);
	buf_putstr(&line, text);
	BUF_LIT(&line, "\r\n");
	ok = peer_send(t->p, buf_str(&line), t->e);
	buf_fini(&line);
	return ok ? answer(t, had) : SAID_NOTHING;
}

/* ------------------------------------------------------------------------
 * The conversation
 */

static bool
ask_capability(struct talk *t)
{
	bool had;

	return command(t, STR("CAPABILITY"), &had) == SAID_OK && had;
}

static bool
greet(struct talk *t)
{
	struct str line;
	bool had;

	if (!peer_line(t->p, &line, t->e))
		return false;
	if (!str_istarts(line, STR("* OK ")))
		return peer_confused(t->p, line, t->e);
	had = take_code(t, str_sub(line, 5, STR_NPOS));
	if (t->to.tls == BACKEND_STARTTLS) {
		if (command(t, STR("STARTTLS"), &had) != SAID_OK ||
		    !peer_start_tls(t->p, t->e))
			return false;
		had = false; /* nothing said in clear text counts */
	}
	return had || ask_capability(t);
}

/* Tell who the client is; what the backend thinks of it does not matter. */
static bool
identify(struct talk *t)
{
	struct str id;
	bool had;

	if (!login_has_word(buf_str(&t->caps), "ID"))
		return true;
	id = arena_printf(t->a,
	    "ID (\"name\" \"Mailstead\" \"x-originating-ip\" \"%s\""
	    " \"x-originating-port\" \"%u\" \"x-session-id\" \"%s\""
	    " \"x-proxy-ttl\" \"%u\")",
	    t->l->address, t->l->port, t->l->session, t->l->hops - 1);
	return command(t, id, &had) != SAID_NOTHING;
}

/* As a quoted string, if it can be one. */
static bool
quote(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' || c > '~')
			return false;
	}
	buf_put_quoted(out, s);
	return true;
}

static enum said
log_in_plainly(struct talk *t, const struct login_as *as, bool *had)
{
	struct buf line = { 0 };
	enum said said = SAID_NOTHING;

	BUF_LIT(&line, "LOGIN ");
	if (as->authzid.n == 0 && quote(&line, as->user)) {
		buf_putc(&line, ' ');
		if (quote(&line, as->password))
			said = command(t, buf_str(&line), had);
	}
	if (said == SAID_NOTHING && !t->e->msg[0])
		err_set(t->e, "the backend offers no AUTH=PLAIN");
	buf_fini(&line);
	return said;
}

static enum said
authenticate(struct talk *t, const struct login_as *as, bool *had)
{
	struct str plain = login_plain(t->a, as);
	enum said said;

	if (!login_has_word(buf_str(&t->caps), "AUTH=PLAIN"))
		return log_in_plainly(t, as, had);
	if (login_has_word(buf_str(&t->caps), "SASL-IR"))
		return command(t,
		    arena_printf(
			t->a, "AUTHENTICATE PLAIN %.*s", STR_ARG(plain)),
		    had);
	said = command(t, STR("AUTHENTICATE PLAIN"), had);
	if (said != SAID_GO_ON)
		return said;
	plain = arena_printf(t->a, "%.*s\r\n", STR_ARG(plain));
	return peer_send(t->p, plain, t->e) ? answer(t, had) : SAID_NOTHING;
}

static enum backend_rc
converse(struct talk *t)
{
	struct login_as as;
	bool had;

	if (!login_as(t->l, &t->to, t->a, &as, t->e) || !greet(t) ||
	    !identify(t))
		return BACKEND_DOWN;
	switch (authenticate(t, &as, &had)) {
	case SAID_OK:
		return had || ask_capability(t) ? BACKEND_OK : BACKEND_DOWN;
	case SAID_NO:
		return BACKEND_DENIED;
	default:
		return BACKEND_DOWN;
	}
}

enum backend_rc
backend_imap(const struct backend_login *l, struct peer **out,
    struct buf *capability, struct err *e)
{
	struct talk t = { .l = l, .a = arena_new(), .e = e };
	enum backend_rc rc =
	    login_connect(l, t.a, SITE_BACKEND_IMAP, &t.to, &t.p, e);

	if (rc == BACKEND_OK)
		rc = converse(&t);
	if (rc == BACKEND_OK)
		buf_putstr(capability, buf_str(&t.caps));
	else
		peer_free(&t.p);
	*out = t.p;
	buf_fini(&t.caps);
	arena_free(&t.a);
	return rc;
}

bool
imap_probe(const struct backend_login *l, struct err *e)
{
	struct talk t = { .l = l, .a = arena_new(), .e = e };
	bool ok = login_connect(l, t.a, SITE_BACKEND_IMAP, &t.to, &t.p, e) ==
		      BACKEND_OK &&
		  greet(&t);

	peer_free(&t.p);
	buf_fini(&t.caps);
	arena_free(&t.a);
	return ok;
}
