/* SPDX-License-Identifier: BSD-2-Clause */
/* Handing a message to the LMTP server of a backend (RFC 2033). */
#include "backend/backend.h"

#include "backend/login.h"
#include "base/log.h"

/* A message sent again because its acknowledgement came too late is there
 * twice, so we wait longer for it than for the rest (RFC 5321, 4.5.3.2). */
#define TEXT_SECONDS 60
#define END_SECONDS 300

struct talk {
	struct arena *a;
	struct site_backend to;
	struct peer *p;
	bool eightbit, utf8, stls;   /* what it can do */
	struct backend_reply *reply; /* the last one */
	struct err *e;
};

static unsigned
reply_none(struct talk *t)
{
	reply_init(t->reply, 0);
	return 0;
}

/* Into t->reply and E; returns its code, 0 if there is none. */
static unsigned
answer(struct talk *t, void (*each)(struct talk *t, struct str line))
{
	struct str line;
	uint32_t code;
	bool first = true;

	reply_init(t->reply, 0);
	for (;; first = false) {
		if (!peer_line(t->p, &line, t->e))
			return reply_none(t);
		if (line.n < 3 || !str_u32(str_sub(line, 0, 3), &code) ||
		    code < 200 || code > 599) {
			peer_confused(t->p, line, t->e);
			return reply_none(t);
		}
		if (first)
			reply_init(t->reply, code);
		reply_add(t->reply, str_sub(line, 4, STR_NPOS));
		if (each)
			each(t, str_sub(line, 4, STR_NPOS));
		if (line.n == 3 || line.p[3] != '-')
			break;
	}
	err_set(
	    t->e, "the backend said \"%.*s\"", STR_ARG(str_sub(line, 0, 300)));
	return code;
}

static unsigned
command(struct talk *t, struct str line)
{
	line = arena_printf(t->a, "%.*s\r\n", STR_ARG(line));
	return peer_send(t->p, line, t->e) ? answer(t, NULL) : 0;
}

static void
take_extension(struct talk *t, struct str line)
{
	if (str_ieqc(line, "8BITMIME"))
		t->eightbit = true;
	else if (str_ieqc(line, "SMTPUTF8"))
		t->utf8 = true;
}

static unsigned
greet(struct talk *t, const char *hostname)
{
	struct str lhlo = arena_printf(t->a, "LHLO %s\r\n", hostname);
	unsigned code = answer(t, NULL);

	if (code != 220)
		return code;
	t->eightbit = t->utf8 = false;
	if (!peer_send(t->p, lhlo, t->e) ||
	    (code = answer(t, take_extension)) != 250 ||
	    t->to.tls != BACKEND_STARTTLS)
		return code;
	code = command(t, STR("STARTTLS"));
	if (code != 220)
		return code;
	t->eightbit = t->utf8 = false;
	if (!peer_start_tls(t->p, t->e) || !peer_send(t->p, lhlo, t->e))
		return 0;
	return answer(t, take_extension);
}

/* ------------------------------------------------------------------------
 * The message
 */

/* With the dots that begin lines doubled, and the one that ends it. */
static bool
send_text(struct talk *t, struct str text)
{
	bool whole =
	    text.n >= 2 && str_eqc(str_sub(text, text.n - 2, 2), "\r\n");

	if (str_starts(text, STR(".")) && !peer_send(t->p, STR("."), t->e))
		return false;
	while (text.n > 0) {
		size_t at = str_find(text, STR("\r\n."));
		size_t n = at == STR_NPOS ? text.n : at + 3;

		if (!peer_send(t->p, str_sub(text, 0, n), t->e) ||
		    (at != STR_NPOS && !peer_send(t->p, STR("."), t->e)))
			return false;
		text = str_sub(text, n, STR_NPOS);
	}
	return peer_send(t->p, whole ? STR(".\r\n") : STR("\r\n.\r\n"), t->e);
}

static unsigned
converse(struct talk *t, const struct backend_message *m)
{
	unsigned code = greet(t, m->hostname);

	if (code != 250)
		return code;
	if (m->utf8 && !t->utf8) {
		err_set(t->e, "the backend knows no SMTPUTF8");
		reply_init(t->reply, 550);
		reply_add(t->reply, STR("5.6.7 The server that holds the "
					"mailbox knows no SMTPUTF8"));
		return 550;
	}
	code = command(
	    t, arena_printf(t->a, "MAIL FROM:<%.*s>%s%s", STR_ARG(m->from),
		   t->eightbit ? " BODY=8BITMIME" : "",
		   m->utf8 ? " SMTPUTF8" : ""));
	if (code != 250)
		return code;
	code = command(t, arena_printf(t->a, "RCPT TO:<%.*s>", STR_ARG(m->to)));
	if (code != 250 && code != 251)
		return code;
	code = command(t, STR("DATA"));
	if (code != 354)
		return code;
	peer_patience(t->p, TEXT_SECONDS);
	if (!peer_send(t->p, m->head, t->e) || !send_text(t, m->raw))
		return 0;
	peer_patience(t->p, END_SECONDS);
	return answer(t, NULL);
}

unsigned
backend_lmtp(struct site *s, const struct site_account *acc,
    const struct backend_message *m, struct backend_reply *reply, struct err *e)
{
	struct talk t = { .a = arena_new(), .reply = reply, .e = e };
	struct backend_login l = {
		.site = s, .account = acc, .hops = BACKEND_HOPS
	};
	unsigned code = 0;

	reply_init(reply, 0);
	if (login_connect(&l, t.a, SITE_BACKEND_LMTP, &t.to, &t.p, e) ==
	    BACKEND_OK)
		code = converse(&t, m);
	if (code == 250) {
		struct err ignored = ERR_INIT;

		peer_send(t.p, STR("QUIT\r\n"), &ignored);
	}
	peer_free(&t.p);
	arena_free(&t.a);
	return code;
}

bool
lmtp_probe(const struct backend_login *l, struct err *e)
{
	struct backend_reply reply;
	struct talk t = { .a = arena_new(), .reply = &reply, .e = e };
	bool ok = login_connect(l, t.a, SITE_BACKEND_LMTP, &t.to, &t.p, e) ==
		      BACKEND_OK &&
		  greet(&t, "localhost") == 250;

	peer_free(&t.p);
	arena_free(&t.a);
	return ok;
}
