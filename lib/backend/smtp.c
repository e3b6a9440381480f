/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/smtp.h"

/* A message sent again because its acknowledgement came too late is there
 * twice, so we wait longer for it than for the rest. */
#define TEXT_SECONDS 60
#define END_SECONDS 300

static unsigned
reply_none(struct smtp *t)
{
	reply_init(t->reply, 0);
	return 0;
}

static bool
read_code(struct str line, uint32_t *code)
{
	return line.n >= 3 && str_u32(str_sub(line, 0, 3), code) &&
	       *code >= 200 && *code <= 599;
}

/* EACH gets the text of every line. */
static unsigned
answer(struct smtp *t, void (*each)(struct smtp *t, struct str text))
{
	struct str line;
	uint32_t code;
	bool first = true;

	reply_init(t->reply, 0);
	for (;; first = false) {
		if (!peer_line(t->peer, &line, t->e))
			return reply_none(t);
		if (!read_code(line, &code)) {
			peer_confused(t->peer, line, t->e);
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
	    t->e, "%s said \"%.*s\"", t->who, STR_ARG(str_sub(line, 0, 300)));
	return code;
}

unsigned
smtp_answer(struct smtp *t)
{
	return answer(t, NULL);
}

unsigned
smtp_command(struct smtp *t, struct str line)
{
	line = arena_printf(t->arena, "%.*s\r\n", STR_ARG(line));
	return peer_send(t->peer, line, t->e) ? answer(t, NULL) : 0;
}

/* ------------------------------------------------------------------------
 * Greeting
 */

static void
take_extension(struct smtp *t, struct str line)
{
	struct str word = str_sub(line, 0, str_chr(line, ' '));

	t->eightbit |= str_ieqc(word, "8BITMIME");
	t->utf8 |= str_ieqc(word, "SMTPUTF8");
	t->size |= str_ieqc(word, "SIZE");
	t->dsn |= str_ieqc(word, "DSN");
	t->deliverby |= str_ieqc(word, "DELIVERBY");
}

static unsigned
hello(struct smtp *t, struct str line)
{
	t->eightbit = t->utf8 = t->size = t->dsn = t->deliverby = false;
	return peer_send(t->peer, line, t->e) ? answer(t, take_extension) : 0;
}

unsigned
smtp_greet(
    struct smtp *t, const char *verb, const char *hostname, bool starttls)
{
	struct str line = arena_printf(t->arena, "%s %s\r\n", verb, hostname);
	unsigned code = answer(t, NULL);

	if (code != 220 || (code = hello(t, line)) != 250 || !starttls)
		return code;
	code = smtp_command(t, STR("STARTTLS"));
	if (code != 220)
		return code;
	return peer_start_tls(t->peer, t->e) ? hello(t, line) : 0;
}

/* ------------------------------------------------------------------------
 * The message
 */

/* With the dots that begin lines doubled, and the one that ends it. */
static bool
send_text(struct smtp *t, struct str text)
{
	bool whole =
	    text.n >= 2 && str_eqc(str_sub(text, text.n - 2, 2), "\r\n");

	if (str_starts(text, STR(".")) && !peer_send(t->peer, STR("."), t->e))
		return false;
	while (text.n > 0) {
		size_t at = str_find(text, STR("\r\n."));
		size_t n = at == STR_NPOS ? text.n : at + 3;

		if (!peer_send(t->peer, str_sub(text, 0, n), t->e) ||
		    (at != STR_NPOS && !peer_send(t->peer, STR("."), t->e)))
			return false;
		text = str_sub(text, n, STR_NPOS);
	}
	return peer_send(
	    t->peer, whole ? STR(".\r\n") : STR("\r\n.\r\n"), t->e);
}

unsigned
smtp_text(struct smtp *t, struct str head, struct str raw)
{
	peer_patience(t->peer, TEXT_SECONDS);
	if (!peer_send(t->peer, head, t->e) || !send_text(t, raw))
		return reply_none(t);
	peer_patience(t->peer, END_SECONDS);
	return answer(t, NULL);
}

void
smtp_quit(struct smtp *t)
{
	struct err ignored = ERR_INIT;

	peer_send(t->peer, STR("QUIT\r\n"), &ignored);
}
