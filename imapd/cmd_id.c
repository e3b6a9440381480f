/* SPDX-License-Identifier: BSD-2-Clause */
/* ID (RFC 2971): what client and server say of themselves. */
#include "base/log.h"
#include "imapd/command.h"
#include "imapd/id.h"
#include "site/setting.h"

#define LOGGED_VALUE 200 /* octets of a value in the log */
#define LOGGED 1000      /* of all of them */

static const struct site_scope everybody;

/* A front like ours tells how many more there may be before it is a loop. */
static void
note_hops(struct session *s, struct str name, struct str value)
{
	uint32_t n;

	if (str_ieqc(name, "x-proxy-ttl") && str_u32(value, &n) && n < s->hops)
		s->hops = n;
}

static void
note(struct buf *line, struct str list, struct str name, struct str value)
{
	if (!id_listed(list, name) || line->n > LOGGED)
		return;
	if (line->n > 0)
		BUF_LIT(line, ", ");
	buf_putstr(line, str_sub(name, 0, ID_FIELD));
	buf_putc(line, '=');
	buf_putstr(line, str_sub(value, 0, LOGGED_VALUE));
}

static bool
take_fields(
    struct session *s, struct parse *p, struct str list, struct buf *line)
{
	struct str name, value;
	unsigned n = 0;

	if (parse_try(p, ')'))
		return true;
	do {
		if (++n > ID_FIELDS)
			return parse_fail(p, "too many fields");
		if (!parse_string(p, &name) || !parse_sp(p) ||
		    !parse_nstring(p, &value))
			return false;
		note_hops(s, name, value);
		note(line, list, name, value);
	} while (parse_try(p, ' '));
	return parse_char(p, ')');
}

static bool
take_id(struct session *s, struct parse *p, struct buf *line)
{
	struct str list =
	    site_setting(s->d->site, s->arena, "imap.id_log", everybody);

	if (!parse_sp(p))
		return false;
	if (parse_try_word(p, "NIL"))
		return parse_end(p);
	return parse_char(p, '(') && take_fields(s, p, list, line) &&
	       parse_end(p);
}

static void
put_own(struct session *s, struct buf *out)
{
	struct str spec =
		       site_setting(s->d->site, s->arena, "imap.id", everybody),
		   field, value;
	unsigned n = 0;

	BUF_LIT(out, "* ID ");
	while (n < ID_FIELDS && id_next(&spec, &field, &value)) {
		buf_putc(out, n++ ? ' ' : '(');
		write_string(out, field);
		buf_putc(out, ' ');
		write_nstring(out, value);
	}
	buf_puts(out, n ? ")\r\n" : "NIL\r\n");
}

enum reply
cmd_id(struct session *s, struct cmd *c)
{
	struct buf line = { 0 };
	bool ok = take_id(s, &c->p, &line);

	if (ok && line.n > 0)
		log_info("client id", LOG_CSTR("session", conn_id(s->conn)),
		    LOG_STR("id", buf_str(&line)));
	buf_fini(&line);
	EXPECT(c, ok);
	put_own(s, conn_out(s->conn));
	return REPLY_OK;
}
