/* SPDX-License-Identifier: BSD-2-Clause */
/* Handing a message to the LMTP server of a backend (RFC 2033). */
#include "backend/backend.h"

#include "backend/login.h"
#include "backend/smtp.h"

struct talk {
	struct smtp smtp;
	struct site_backend to;
};

static unsigned
greet(struct talk *t, const char *hostname)
{
	return smtp_greet(
	    &t->smtp, "LHLO", hostname, t->to.tls == BACKEND_STARTTLS);
}

static unsigned
refuse_utf8(struct smtp *t)
{
	err_set(t->e, "the backend knows no SMTPUTF8");
	reply_init(t->reply, 550);
	reply_add(t->reply,
	    STR("5.6.7 The server that holds the mailbox knows no SMTPUTF8"));
	return 550;
}

static struct str
mail_line(const struct smtp *t, const struct backend_message *m)
{
	struct buf line = { 0 };
	struct str out;

	buf_printf(&line, "MAIL FROM:<%.*s>%s%s", STR_ARG(m->from),
	    t->eightbit ? " BODY=8BITMIME" : "", m->utf8 ? " SMTPUTF8" : "");
	if (t->dsn && m->ret.n > 0)
		buf_printf(&line, " RET=%.*s", STR_ARG(m->ret));
	if (t->dsn && m->envid.n > 0)
		buf_printf(&line, " ENVID=%.*s", STR_ARG(m->envid));
	if (t->deliverby && m->by.n > 0)
		buf_printf(&line, " BY=%.*s", STR_ARG(m->by));
	out = arena_str(t->arena, buf_str(&line));
	buf_fini(&line);
	return out;
}

static struct str
rcpt_line(const struct smtp *t, const struct backend_message *m)
{
	struct buf line = { 0 };
	struct str out;

	buf_printf(&line, "RCPT TO:<%.*s>", STR_ARG(m->to));
	if (t->dsn && m->notify.n > 0)
		buf_printf(&line, " NOTIFY=%.*s", STR_ARG(m->notify));
	if (t->dsn && m->orcpt.n > 0)
		buf_printf(&line, " ORCPT=%.*s", STR_ARG(m->orcpt));
	out = arena_str(t->arena, buf_str(&line));
	buf_fini(&line);
	return out;
}

static unsigned
converse(struct talk *talk, const struct backend_message *m)
{
	struct smtp *t = &talk->smtp;
	unsigned code = greet(talk, m->hostname);

	if (code != 250)
		return code;
	if (m->utf8 && !t->utf8)
		return refuse_utf8(t);
	if (m->tells)
		*m->tells = t->dsn;
	code = smtp_command(t, mail_line(t, m));
	if (code != 250)
		return code;
	code = smtp_command(t, rcpt_line(t, m));
	if (code != 250 && code != 251)
		return code;
	code = smtp_command(t, STR("DATA"));
	return code == 354 ? smtp_text(t, m->head, m->raw) : code;
}

unsigned
backend_lmtp(struct site *s, const struct site_account *acc,
    const struct backend_message *m, struct backend_reply *reply, struct err *e)
{
	struct talk t = { .smtp = { .arena = arena_new(),
			      .who = "the backend",
			      .reply = reply,
			      .e = e } };
	struct backend_login l = {
		.site = s, .account = acc, .hops = BACKEND_HOPS
	};
	unsigned code = 0;

	reply_init(reply, 0);
	if (login_connect(&l, t.smtp.arena, SITE_BACKEND_LMTP, &t.to,
		&t.smtp.peer, e) == BACKEND_OK)
		code = converse(&t, m);
	if (code == 250)
		smtp_quit(&t.smtp);
	peer_free(&t.smtp.peer);
	arena_free(&t.smtp.arena);
	return code;
}

bool
lmtp_probe(const struct backend_login *l, struct err *e)
{
	struct backend_reply reply;
	struct talk t = { .smtp = { .arena = arena_new(),
			      .who = "the backend",
			      .reply = &reply,
			      .e = e } };
	bool ok = login_connect(l, t.smtp.arena, SITE_BACKEND_LMTP, &t.to,
		      &t.smtp.peer, e) == BACKEND_OK &&
		  greet(&t, "localhost") == 250;

	peer_free(&t.smtp.peer);
	arena_free(&t.smtp.arena);
	return ok;
}
