/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/milter.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "milterd/protocol.h"

#define ACTIONS                                                                \
	(MILTER_ADDS_HEADERS | MILTER_CHANGES_HEADERS | MILTER_DELETES_RCPTS)

/* Steps that never end a message need no answer: the MTA sends a whole header
 * at once then. Only on Unix sockets, since TCP makes it wait for its own
 * acknowledgements (Nagle's algorithm), 40 ms each time. */
#define SILENT                                                                 \
	(MILTER_SILENT_CONNECT | MILTER_SILENT_HELO | MILTER_SILENT_HEADER |   \
	    MILTER_SILENT_EOH | MILTER_SILENT_BODY)

#define KEEP 4096         /* octets of a buffer between packets */
#define WAITING_MAX 65536 /* octets of packets that wait for the next */

/* An MTA waits for its own client for an hour, and more for a message. */
#define PATIENCE 7200

static struct filter *filter;
static struct milter_counters counters;

/* Where the conversation is, each a bit. */
enum stage {
	AT_START = 1,
	AT_OPTIONS = 2, /* they are agreed on */
	AT_CLIENT = 4,  /* there is a client, and no message */
	AT_MESSAGE = 8,
	AT_BODY = 16, /* of a message whose header is complete */
};
#define WITH_CLIENT (AT_CLIENT | AT_MESSAGE | AT_BODY)
#define ANYWHERE (AT_START | AT_OPTIONS | WITH_CLIENT)

struct milter {
	struct conn *conn;
	enum stage stage;
	struct buf in; /* whole packets that are to be run */
	struct filter_session *session;
	uint32_t silent;    /* steps that the MTA awaits no answer of */
	bool leading_space; /* as MILTER_LEADING_SPACE has it */
	struct buf value;   /* of one header field */
	/* Macros: of the client, of the message, of the next recipient. */
	struct buf client_name, login, queue_id, rcpt_mailer, rcpt_host;
};

void
milter_set_up(struct filter *f, const struct milter_counters *c)
{
	filter = f;
	counters = *c;
}

/* ------------------------------------------------------------------------
 * Negotiation and macros
 */

enum step { STEP_ON, STEP_ERROR, STEP_CLOSE };

static enum step
broken(const struct milter *m, const char *what)
{
	log_error("milter", LOG_CSTR("session", conn_id(m->conn)),
	    LOG_CSTR("error", what));
	return STEP_ERROR;
}

static void
put_macros(struct buf *out, uint32_t stage, const char *names)
{
	milter_put_number(out, stage);
	milter_put_text(out, str_of(names));
}

static void
put_options(struct milter *m, const struct milter_options *o)
{
	struct buf *out = conn_out(m->conn);
	size_t begin = milter_begin(out, MILTER_OPTNEG);
	uint32_t symlist = o->actions & MILTER_SETS_SYMLIST;

	milter_put_number(
	    out, o->version < MILTER_VERSION ? o->version : MILTER_VERSION);
	milter_put_number(out, ACTIONS | symlist);
	milter_put_number(out,
	    m->silent |
		(o->steps & (MILTER_NO_UNKNOWN | MILTER_NO_DATA |
				MILTER_REFUSED_RCPTS | MILTER_LEADING_SPACE)));
	if (symlist) {
		put_macros(out, MILTER_AT_CONNECT, "{client_name}");
		put_macros(out, MILTER_AT_MAIL, "i {auth_authen}");
		put_macros(out, MILTER_AT_RCPT, "{rcpt_mailer} {rcpt_host}");
		put_macros(out, MILTER_AT_EOM, "i");
	}
	milter_end(out, begin);
}

static bool
is_local(const struct milter *m)
{
	return strcmp(conn_peer(m->conn)->address, "local") == 0;
}

static enum step
on_optneg(struct milter *m, struct str data)
{
	struct milter_options o;

	if (!milter_options_parse(data, &o) || o.version < 2)
		return broken(m, "no options that are known");
	if ((o.actions & ACTIONS) != ACTIONS)
		return broken(m,
		    "the MTA does not let headers and recipients be changed");
	m->silent = is_local(m) ? o.steps & SILENT : 0;
	m->leading_space = (o.steps & MILTER_LEADING_SPACE) != 0;
	m->stage = AT_OPTIONS;
	put_options(m, &o);
	return STEP_ON;
}

static void
set(struct buf *to, struct str value)
{
	buf_clear(to);
	buf_putstr(to, value);
}

/* Names come with braces if they are longer than a letter. */
static void
set_macro(struct milter *m, struct str name, struct str value)
{
	if (str_eqc(name, "i"))
		set(&m->queue_id, value);
	else if (str_eqc(name, "{auth_authen}"))
		set(&m->login, value);
	else if (str_eqc(name, "{client_name}"))
		set(&m->client_name, value);
	else if (str_eqc(name, "{rcpt_mailer}"))
		set(&m->rcpt_mailer, value);
	else if (str_eqc(name, "{rcpt_host}"))
		set(&m->rcpt_host, value);
}

static enum step
on_macros(struct milter *m, struct str data)
{
	struct str name, value;

	data = str_sub(data, 1, STR_NPOS); /* of which step */
	while (milter_text(&data, &name) && milter_text(&data, &value))
		set_macro(m, name, value);
	return STEP_ON;
}

/* ------------------------------------------------------------------------
 * The client
 */

/* Postfix says "unknown", Sendmail "[192.0.2.1]", if nothing is proven. */
static struct str
proven_name(const struct milter *m)
{
	struct str name = buf_str(&m->client_name);

	return str_eqc(name, "unknown") || str_starts(name, STR("[")) ? STR_NULL
								      : name;
}

static enum step
on_connect(struct milter *m, struct str data)
{
	struct milter_client from;
	struct filter_client client = { .local = true };

	if (!milter_client_parse(data, &from))
		return broken(m, "no client that can be read");
	if (from.known) {
		client.local = false;
		client.address = from.address;
		client.name = proven_name(m);
	}
	filter_session_free(&m->session);
	m->session = filter_session_new(filter, &client);
	m->stage = AT_CLIENT;
	metric_add(counters.connections, 1);
	return STEP_ON;
}

static enum step
on_helo(struct milter *m, struct str data)
{
	struct str name;

	if (!milter_text(&data, &name))
		return broken(m, "no name in HELO");
	filter_helo(m->session, name);
	return STEP_ON;
}

/* ------------------------------------------------------------------------
 * Answers
 */

/* MTAs take "%" for the beginning of something. */
static void
put_reply_text(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '%')
			buf_putc(out, '%');
		buf_putc(out, text.p[i]);
	}
}

#define REPLY_TEXT 450 /* with the code within the line of RFC 5321 */

/* WHY NULL: it is not refused. */
static enum step
answer(struct milter *m, const struct reason *why)
{
	struct buf *out = conn_out(m->conn);
	size_t begin;

	if (!why) {
		milter_put(out, MILTER_CONTINUE);
		return STEP_ON;
	}
	begin = milter_begin(out, MILTER_REPLYCODE);
	buf_printf(out, "%u %s ", why->code % 1000, why->status);
	put_reply_text(out, str_sub(why->text, 0, REPLY_TEXT));
	buf_putc(out, '\0');
	milter_end(out, begin);
	return STEP_ON;
}

/* ------------------------------------------------------------------------
 * A message
 */

/* "<a@b>" as commands have it. */
static bool
read_address(struct str data, struct str *out)
{
	struct str s;

	if (!milter_text(&data, &s))
		return false;
	s = str_trim(s);
	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = str_sub(s, 1, s.n - 2);
	*out = s;
	return true;
}

static enum step
on_mail(struct milter *m, struct str data)
{
	struct filter_envelope e = {
		.login = buf_str(&m->login),
		.queue_id = buf_str(&m->queue_id),
	};

	if (!read_address(data, &e.sender))
		return broken(m, "no sender");
	m->stage = AT_MESSAGE;
	return answer(m, filter_mail(m->session, &e));
}

/* The MTA's error is such a mailer, and its status the host. */
static enum step
on_rcpt(struct milter *m, struct str data)
{
	bool refused = str_eqc(buf_str(&m->rcpt_mailer), "error");
	bool for_good = str_starts(buf_str(&m->rcpt_host), STR("5"));
	struct str address;

	buf_clear(&m->rcpt_mailer);
	buf_clear(&m->rcpt_host);
	if (!read_address(data, &address))
		return broken(m, "no recipient");
	if (!refused)
		return answer(m, filter_rcpt(m->session, address));
	if (for_good)
		filter_rcpt_refused(m->session);
	return answer(m, NULL);
}

static enum step
on_data(struct milter *m, struct str data)
{
	(void)data;
	return answer(m, NULL);
}

static enum step
on_header(struct milter *m, struct str data)
{
	struct str name, value;

	if (!milter_text(&data, &name) || !milter_text(&data, &value))
		return broken(m, "no header field that can be read");
	buf_clear(&m->value);
	if (!m->leading_space)
		buf_putc(&m->value, ' '); /* most probably */
	buf_putstr(&m->value, value);
	filter_field(m->session, name, buf_str(&m->value));
	return STEP_ON;
}

static enum step
on_eoh(struct milter *m, struct str data)
{
	(void)data;
	filter_header_end(m->session);
	m->stage = AT_BODY;
	return STEP_ON;
}

static enum step
on_body(struct milter *m, struct str data)
{
	filter_body(m->session, data);
	return STEP_ON;
}

/* What is of a message must not be of the next one. */
static enum step
on_abort(struct milter *m, struct str data)
{
	(void)data;
	filter_abort(m->session);
	m->stage = AT_CLIENT;
	buf_clear(&m->login);
	buf_clear(&m->queue_id);
	return STEP_ON;
}

/* ------------------------------------------------------------------------
 * The end
 */

static void
put_field(struct buf *out, enum milter_reply reply, uint32_t index,
    struct str name, struct str value)
{
	size_t begin = milter_begin(out, (char)reply);

	milter_put_number(out, index);
	milter_put_text(out, name);
	milter_put_text(out, value);
	milter_end(out, begin);
}

static void
apply(struct milter *m, const struct edit *e)
{
	struct buf *out = conn_out(m->conn);
	struct str value = e->value;

	if (e->delete) {
		put_field(out, MILTER_CHANGE_HEADER, (uint32_t)e->delete,
		    e->name, STR(""));
		return;
	}
	if (!m->leading_space && value.n > 0 && value.p[0] == ' ')
		value = str_sub(value, 1, STR_NPOS);
	put_field(out, MILTER_INSERT_HEADER, 0, e->name, value);
}

/* Those for whom it is kept apart. */
static void
leave_out(struct milter *m, const struct filter_outcome *outcome)
{
	struct buf *out = conn_out(m->conn);

	for (size_t i = 0; i < outcome->n; i++) {
		size_t begin;

		if (outcome->fates[i] != FILTER_QUARANTINE)
			continue;
		begin = milter_begin(out, MILTER_DELETE_RCPT);
		buf_printf(out, "<%.*s>", STR_ARG(outcome->recipients[i]));
		buf_putc(out, '\0');
		milter_end(out, begin);
	}
}

static enum step
conclude(struct milter *m, const struct filter_outcome *outcome)
{
	metric_add(counters.messages[outcome->action], 1);
	if (outcome->refusal)
		return answer(m, outcome->refusal);
	if (outcome->action == FILTER_QUARANTINE) {
		milter_put(conn_out(m->conn), MILTER_DISCARD);
		return STEP_ON;
	}
	for (size_t i = 0; i < outcome->edits.n; i++)
		apply(m, &outcome->edits.v[i]);
	leave_out(m, outcome);
	return answer(m, NULL);
}

/* The last of the body may come with it. */
static enum step
on_eom(struct milter *m, struct str data)
{
	struct filter_outcome outcome;
	enum step s;

	if (data.n > 0)
		filter_body(m->session, data);
	filter_end(m->session, buf_str(&m->queue_id), &outcome);
	s = conclude(m, &outcome);
	on_abort(m, STR_NULL);
	return s;
}

static enum step
on_quit(struct milter *m, struct str data)
{
	(void)m;
	(void)data;
	return STEP_CLOSE;
}

/* The next client comes over the same connection, with the same options. */
static enum step
on_quit_nc(struct milter *m, struct str data)
{
	(void)data;
	filter_session_free(&m->session);
	m->stage = AT_OPTIONS;
	buf_clear(&m->client_name);
	buf_clear(&m->login);
	buf_clear(&m->queue_id);
	return STEP_ON;
}

/* ------------------------------------------------------------------------
 * Commands
 */

static const struct command {
	enum milter_command letter;
	unsigned stages; /* in which it may come */
	bool answered;   /* here, unless the step is silent; else by itself */
	uint32_t silent;
	enum step (*run)(struct milter *m, struct str data);
} commands[] = {
	/* clang-format off */
	{ MILTER_OPTNEG,  AT_START,               false, 0,                     on_optneg },
	{ MILTER_MACROS,  ANYWHERE,               false, 0,                     on_macros },
	{ MILTER_CONNECT, AT_OPTIONS,             true,  MILTER_SILENT_CONNECT, on_connect },
	{ MILTER_HELO,    AT_CLIENT | AT_MESSAGE, true,  MILTER_SILENT_HELO,    on_helo },
	{ MILTER_MAIL,    AT_CLIENT | AT_MESSAGE, false, 0,                     on_mail },
	{ MILTER_RCPT,    AT_MESSAGE,             false, 0,                     on_rcpt },
	{ MILTER_DATA,    AT_MESSAGE,             false, 0,                     on_data },
	{ MILTER_UNKNOWN, AT_CLIENT | AT_MESSAGE, false, 0,                     on_data },
	{ MILTER_HEADER,  AT_MESSAGE,             true,  MILTER_SILENT_HEADER,  on_header },
	{ MILTER_EOH,     AT_MESSAGE,             true,  MILTER_SILENT_EOH,     on_eoh },
	{ MILTER_BODY,    AT_BODY,                true,  MILTER_SILENT_BODY,    on_body },
	{ MILTER_EOM,     AT_BODY,                false, 0,                     on_eom },
	{ MILTER_ABORT,   WITH_CLIENT,            false, 0,                     on_abort },
	{ MILTER_QUIT,    ANYWHERE,               false, 0,                     on_quit },
	{ MILTER_QUIT_NC, AT_OPTIONS|WITH_CLIENT, false, 0,                     on_quit_nc },
	/* clang-format on */
};

static const struct command *
find(char letter)
{
	for (size_t i = 0; i < LEN(commands); i++) {
		if (commands[i].letter == (enum milter_command)letter)
			return &commands[i];
	}
	return NULL;
}

static enum step
run_packet(struct milter *m, const struct milter_packet *p)
{
	const struct command *c = find(p->command);
	enum step s;

	if (!c || !(c->stages & m->stage))
		return broken(m, c ? "a command that may not come here"
				   : "a command that nobody knows");
	s = c->run(m, p->data);
	if (s == STEP_ON && c->answered && !(m->silent & c->silent))
		milter_put(conn_out(m->conn), MILTER_CONTINUE);
	return s;
}

/* ------------------------------------------------------------------------
 * The connection
 */

static void *
on_open(struct conn *c)
{
	struct milter *m = mem_zalloc(sizeof(*m));

	m->conn = c;
	m->stage = AT_START;
	conn_set_timeout(c, PATIENCE);
	return m;
}

/* Does anything depend on when it is run? The client's DNS lists are asked
 * while it is still greeting. */
static bool
may_wait(const struct milter *m, char letter)
{
	const struct command *c = find(letter);

	if (!c || c->letter == MILTER_CONNECT)
		return false;
	return c->answered
		   ? (m->silent & c->silent) != 0
		   : c->letter == MILTER_MACROS || c->letter == MILTER_ABORT;
}

/* Take whole packets. *due: not all of them may wait. */
static bool
take_packets(const struct milter *m, struct str *in, bool *due)
{
	struct milter_packet p;
	enum milter_rc rc;

	*due = false;
	while ((rc = milter_take(in, &p)) == MILTER_WHOLE)
		*due |= !may_wait(m, p.command);
	return rc != MILTER_BROKEN;
}

/* The first packet, for which nobody has to be asked. */
static size_t
negotiate(struct milter *m, struct str in)
{
	struct milter_packet p;
	struct str rest = in;

	switch (milter_take(&rest, &p)) {
	case MILTER_PARTIAL:
		return 0;
	case MILTER_WHOLE:
		if (run_packet(m, &p) != STEP_ON)
			conn_close(m->conn);
		break;
	case MILTER_BROKEN:
		broken(m, "a packet of a length that cannot be");
		conn_close(m->conn);
		return in.n;
	}
	return in.n - rest.n;
}

/* Packets go to a worker. To wake one costs more than most packets do, so those
 * that may wait go with the next that may not: a whole header, the body and the
 * end of a message of usual size. */
static size_t
on_input(void *session, struct str in)
{
	struct milter *m = session;
	struct str rest = in;
	bool due;

	if (m->stage == AT_START)
		return negotiate(m, in);
	if (!take_packets(m, &rest, &due)) {
		broken(m, "a packet of a length that cannot be");
		conn_close(m->conn);
		return in.n;
	}
	buf_putstr(&m->in, str_sub(in, 0, in.n - rest.n));
	if (due || m->in.n >= WAITING_MAX)
		conn_run(m->conn);
	return in.n - rest.n;
}

static enum net_next
on_run(void *session)
{
	struct milter *m = session;
	struct str rest = buf_str(&m->in);
	struct milter_packet p;
	enum step s = STEP_ON;

	while (s == STEP_ON && milter_take(&rest, &p) == MILTER_WHOLE)
		s = run_packet(m, &p);
	if (m->in.n > KEEP) /* an idle connection has no large buffers */
		buf_fini(&m->in);
	buf_clear(&m->in);
	return s == STEP_ON ? NET_DONE : NET_CLOSE;
}

static void
on_timeout(void *session)
{
	struct milter *m = session;

	conn_close(m->conn);
}

static void
on_close(void *session)
{
	struct milter *m = session;

	filter_session_free(&m->session);
	buf_fini(&m->in);
	buf_fini(&m->value);
	buf_fini(&m->client_name);
	buf_fini(&m->login);
	buf_fini(&m->queue_id);
	buf_fini(&m->rcpt_mailer);
	buf_fini(&m->rcpt_host);
	free(m);
}

const struct net_proto milter_proto = {
	.name = "milter",
	.open = on_open,
	.input = on_input,
	.run = on_run,
	.timeout = on_timeout,
	.close = on_close,
};
