/* SPDX-License-Identifier: BSD-2-Clause */
/* Logging in at a ManageSieve backend (RFC 5804). */
#include "backend/login.h"

struct talk {
	const struct backend_login *l;
	struct arena *a;
	struct site_backend to;
	struct peer *p;
	bool xclient, plain; /* what it can do */
	struct err *e;
};

enum said { SAID_OK, SAID_NO, SAID_NOTHING };

/* NAME and VALUE of a line of capabilities: "NAME" or "NAME" "VALUE". */
static void
take_capability(struct talk *t, struct str line)
{
	struct str name = str_sub(line, 1, STR_NPOS), value;
	size_t quote = str_chr(name, '"');

	value = str_trim(str_sub(name, quote + 1, STR_NPOS));
	name = str_sub(name, 0, quote);
	if (value.n >= 2 && value.p[0] == '"')
		value = str_sub(value, 1, value.n - 2);
	if (str_ieqc(name, "SASL"))
		t->plain = login_has_word(value, "PLAIN");
	else if (str_ieqc(name, "XCLIENT"))
		t->xclient = true;
}

/* The octets of a literal that LINE announces, if it does, are lines too. */
static bool
skip_literal(struct talk *t, struct str line)
{
	size_t open = str_rchr(line, '{');
	struct str digits, more;
	uint64_t n, got = 0;

	if (line.n < 3 || line.p[line.n - 1] != '}' || open == STR_NPOS)
		return true;
	digits = str_sub(line, open + 1, line.n - open - 2);
	if (!str_u64(digits, &n))
		return true;
	while (got <= n) { /* the last line is what follows the literal */
		if (!peer_line(t->p, &more, t->e))
			return false;
		got += more.n + 2;
	}
	return true;
}

/* Trouble that is not the user's. */
static bool
passes(struct str line)
{
	static const char *const codes[] = { "(TRYLATER", "(REFERRAL",
		"(ENCRYPT-NEEDED", "(AUTH-TOO-WEAK" };

	for (size_t i = 0; i < LEN(codes); i++) {
		if (str_find(line, str_of(codes[i])) != STR_NPOS)
			return true;
	}
	return false;
}

/* Up to the line that ends a response; capabilities on the way are noted. */
static enum said
answer(struct talk *t)
{
	struct str line;
	bool denied;

	while (peer_line(t->p, &line, t->e)) {
		if (str_starts(line, STR("\""))) {
			take_capability(t, line);
			continue;
		}
		if (str_istarts(line, STR("OK")))
			return skip_literal(t, line) ? SAID_OK : SAID_NOTHING;
		if (!str_istarts(line, STR("NO"))) {
			peer_confused(t->p, line, t->e);
			return SAID_NOTHING;
		}
		denied = !passes(line);
		err_set(t->e, "the backend said \"%.*s\"",
		    STR_ARG(str_sub(line, 0, 200)));
		return denied ? SAID_NO : SAID_NOTHING;
	}
	return SAID_NOTHING;
}

static enum said
command(struct talk *t, struct str line)
{
	line = arena_printf(t->a, "%.*s\r\n", STR_ARG(line));
	return peer_send(t->p, line, t->e) ? answer(t) : SAID_NOTHING;
}

/* A server tells what it can when the client comes, and again with TLS. */
static bool
greet(struct talk *t)
{
	if (answer(t) != SAID_OK)
		return false;
	if (t->to.tls != BACKEND_STARTTLS)
		return true;
	t->plain = t->xclient = false; /* nothing said in clear text counts */
	return command(t, STR("STARTTLS")) == SAID_OK &&
	       peer_start_tls(t->p, t->e) && answer(t) == SAID_OK;
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

/* As a literal, since a quoted string has 1024 octets at most. */
static enum said
authenticate(struct talk *t, const struct login_as *as)
{
	struct str plain = login_plain(t->a, as);

	if (!t->plain) {
		err_set(t->e, "the backend offers no SASL PLAIN");
		return SAID_NOTHING;
	}
	return command(
	    t, arena_printf(t->a, "AUTHENTICATE \"PLAIN\" {%zu+}\r\n%.*s",
		   plain.n, STR_ARG(plain)));
}

static enum backend_rc
converse(struct talk *t)
{
	struct login_as as;

	if (!login_as(t->l, &t->to, t->a, &as, t->e) || !greet(t) ||
	    !identify(t))
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
backend_sieve(const struct backend_login *l, struct peer **out, struct err *e)
{
	struct talk t = { .l = l, .a = arena_new(), .e = e };
	enum backend_rc rc =
	    login_connect(l, t.a, SITE_BACKEND_SIEVE, &t.to, &t.p, e);

	if (rc == BACKEND_OK)
		rc = converse(&t);
	if (rc != BACKEND_OK)
		peer_free(&t.p);
	*out = t.p;
	arena_free(&t.a);
	return rc;
}

bool
sieve_probe(const struct backend_login *l, struct err *e)
{
	struct talk t = { .l = l, .a = arena_new(), .e = e };
	bool ok = login_connect(l, t.a, SITE_BACKEND_SIEVE, &t.to, &t.p, e) ==
		      BACKEND_OK &&
		  greet(&t);

	peer_free(&t.p);
	arena_free(&t.a);
	return ok;
}
