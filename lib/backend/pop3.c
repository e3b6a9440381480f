/* SPDX-License-Identifier: BSD-2-Clause */
/* Logging in at a POP3 backend (RFC 1939, RFC 2449, RFC 2595, RFC 5034). */
#include "backend/login.h"

struct talk {
	const struct backend_login *l;
	struct arena *a;
	struct site_backend to;
	struct peer *p;
	bool xclient, stls, plain, utf8; /* what it can do */
	struct err *e;
};

enum said { SAID_OK, SAID_NO, SAID_GO_ON, SAID_NOTHING };

/* Trouble that is not the user's (RFC 2449, RFC 3206). */
static bool
passes(struct str line)
{
	static const char *const codes[] = { "[IN-USE]", "[LOGIN-DELAY]",
		"[SYS/TEMP]", "[SYS/PERM]" };

	for (size_t i = 0; i < LEN(codes); i++) {
		if (str_find(line, str_of(codes[i])) != STR_NPOS)
			return true;
	}
	return false;
}

static enum said
answer(struct talk *t)
{
	struct str line;

	if (!peer_line(t->p, &line, t->e))
		return SAID_NOTHING;
	if (str_istarts(line, STR("+OK")))
		return SAID_OK;
	if (str_starts(line, STR("+ ")) || str_eqc(line, "+"))
		return SAID_GO_ON;
	if (!str_istarts(line, STR("-ERR"))) {
		peer_confused(t->p, line, t->e);
		return SAID_NOTHING;
	}
	err_set(
	    t->e, "the backend said \"%.*s\"", STR_ARG(str_sub(line, 0, 200)));
	return passes(line) ? SAID_NOTHING : SAID_NO;
}

static enum said
command(struct talk *t, struct str line)
{
	line = arena_printf(t->a, "%.*s\r\n", STR_ARG(line));
	return peer_send(t->p, line, t->e) ? answer(t) : SAID_NOTHING;
}

static void
take_capability(struct talk *t, struct str line)
{
	struct str rest = line, name;

	str_split(&rest, ' ', &name);
	if (str_ieqc(name, "STLS"))
		t->stls = true;
	else if (str_ieqc(name, "XCLIENT"))
		t->xclient = true;
	else if (str_ieqc(name, "UTF8"))
		t->utf8 = true;
	else if (str_ieqc(name, "SASL"))
		t->plain = login_has_word(rest, "PLAIN");
}

/* A server that does not know CAPA has none. */
static bool
ask_capabilities(struct talk *t)
{
	enum said said = command(t, STR("CAPA"));
	struct str line;

	t->plain = t->stls = t->utf8 = false;
	if (said != SAID_OK)
		return said == SAID_NO;
	while (peer_line(t->p, &line, t->e)) {
		if (str_eqc(line, "."))
			return true;
		take_capability(t, line);
	}
	return false;
}

static bool
greet(struct talk *t)
{
	struct str line;

	if (!peer_line(t->p, &line, t->e))
		return false;
	if (!str_istarts(line, STR("+OK")))
		return peer_confused(t->p, line, t->e);
	t->xclient = str_find(line, STR("[XCLIENT]")) != STR_NPOS;
	if (t->to.tls == BACKEND_STARTTLS &&
	    (command(t, STR("STLS")) != SAID_OK || !peer_start_tls(t->p, t->e)))
		return false;
	return ask_capabilities(t);
}

static bool
identify(struct talk *t)
{
	if (!t->xclient)
		return true;
	return command(t, arena_printf(t->a,
			      "XCLIENT ADDR=%s PORT=%u SESSION=%s TTL=%u",
			      t->l->address, t->l->port, t->l->session,
			      t->l->hops - 1)) != SAID_NOTHING;
}

static bool
choose_utf8(struct talk *t)
{
	return !t->l->utf8 || !t->utf8 ||
	       command(t, STR("UTF8")) != SAID_NOTHING;
}

static bool
one_line(struct str s)
{
	return str_chr(s, '\r') == STR_NPOS && str_chr(s, '\n') == STR_NPOS;
}

static enum said
log_in_plainly(struct talk *t, const struct login_as *as)
{
	enum said said;

	if (as->authzid.n || !one_line(as->user) || !one_line(as->password)) {
		err_set(t->e, "the backend offers no SASL PLAIN");
		return SAID_NOTHING;
	}
	said = command(t, arena_printf(t->a, "USER %.*s", STR_ARG(as->user)));
	if (said != SAID_OK)
		return said;
	return command(
	    t, arena_printf(t->a, "PASS %.*s", STR_ARG(as->password)));
}

/* The message may be longer than a command may be (RFC 5034, section 4). */
static enum said
authenticate(struct talk *t, const struct login_as *as)
{
	enum said said;

	if (!t->plain)
		return log_in_plainly(t, as);
	said = command(t, STR("AUTH PLAIN"));
	return said == SAID_GO_ON ? command(t, login_plain(t->a, as)) : said;
}

static enum backend_rc
converse(struct talk *t)
{
	struct login_as as;

	if (!login_as(t->l, &t->to, t->a, &as, t->e) || !greet(t) ||
	    !identify(t) || !choose_utf8(t))
		return BACKEND_DOWN;
	switch (authenticate(t, &as)) {
	case SAID_OK:
		return BACKEND_OK;
	case SAID_NO:
		return BACKEND_DENIED;
	default:
		return BACKEND_DOWN;
	}
}

enum backend_rc
backend_pop3(const struct backend_login *l, struct peer **out, struct err *e)
{
	struct talk t = { .l = l, .a = arena_new(), .e = e };
	enum backend_rc rc =
	    login_connect(l, t.a, SITE_BACKEND_POP3, &t.to, &t.p, e);

	if (rc == BACKEND_OK)
		rc = converse(&t);
	if (rc != BACKEND_OK)
		peer_free(&t.p);
	*out = t.p;
	arena_free(&t.a);
	return rc;
}

bool
pop3_probe(const struct backend_login *l, struct err *e)
{
	struct talk t = { .l = l, .a = arena_new(), .e = e };
	bool ok = login_connect(l, t.a, SITE_BACKEND_POP3, &t.to, &t.p, e) ==
		      BACKEND_OK &&
		  greet(&t);

	peer_free(&t.p);
	arena_free(&t.a);
	return ok;
}
