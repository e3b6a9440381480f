/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "deliver/dsn.h"
#include "lmtpd/session.h"
#include "site/setting.h"

#define MAX_UNKNOWN 1000 /* recipients refused in a transaction */

/* ------------------------------------------------------------------------
 * Greeting
 */

/* May this peer tell us what happened before it? */
static bool
trusts(const struct session *s)
{
	return conn_peer(s->c)->loopback;
}

static enum net_next
cmd_lhlo(struct session *s, struct str args)
{
	struct buf *out = conn_out(s->c);

	if (args.n == 0 || args.n > 255)
		return complain(s, 501, "5.5.4", "LHLO needs a host name");
	session_reset(s);
	free(s->helo);
	s->helo = mem_alloc(args.n + 1);
	memcpy(s->helo, args.p, args.n);
	s->helo[args.n] = '\0';
	s->state = ST_READY;
	buf_printf(out, "250-%s\r\n250-PIPELINING\r\n250-SIZE %llu\r\n",
	    lmtp.hostname, (unsigned long long)lmtp.max_size);
	BUF_LIT(out, "250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n"
		     "250-SMTPUTF8\r\n250-DSN\r\n250-DELIVERBY\r\n");
	if (conn_starttls_available(s->c))
		BUF_LIT(out, "250-STARTTLS\r\n");
	if (trusts(s))
		BUF_LIT(out, "250-XFORWARD NAME ADDR PORT PROTO HELO IDENT "
			     "SOURCE\r\n");
	BUF_LIT(out, "250 ENHANCEDSTATUSCODES\r\n");
	return NET_DONE;
}

static enum net_next
cmd_helo(struct session *s, struct str args)
{
	(void)args;
	return complain(s, 500, "5.5.1", "This is LMTP: say LHLO");
}

static enum net_next
cmd_starttls(struct session *s, struct str args)
{
	if (args.n > 0)
		return complain(s, 501, "5.5.4", "No arguments, please");
	if (conn_tls(s->c))
		return complain(s, 503, "5.5.1", "TLS is on already");
	if (!conn_starttls_available(s->c))
		return complain(s, 454, "4.7.0", "No TLS here");
	reply(s, 220, "2.0.0", "Go ahead");
	/* Nothing learned before TLS counts (RFC 3207, section 4.2). */
	s->state = ST_START;
	session_reset(s);
	return NET_STARTTLS;
}

/* "IDENT=4XyZ" among others (Postfix's XFORWARD_README); we log it. */
static enum net_next
cmd_xforward(struct session *s, struct str args)
{
	struct str word;

	if (!trusts(s))
		return complain(s, 550, "5.7.0", "Not from you");
	while (str_split(&args, ' ', &word)) {
		size_t equals = str_chr(word, '=');
		struct str value;

		if (word.n == 0)
			continue;
		if (equals == STR_NPOS ||
		    !xtext_decode(
			s->arena, str_sub(word, equals + 1, STR_NPOS), &value))
			return complain(s, 501, "5.5.4", "Bad attribute");
		if (!str_ieqc(str_sub(word, 0, equals), "IDENT"))
			continue;
		free(s->queue_id);
		s->queue_id = NULL;
		if (!str_ieqc(value, "[UNAVAILABLE]") && value.n <= 100)
			s->queue_id = mem_strdup(arena_cstr(s->arena, value));
	}
	arena_reset(s->arena);
	reply(s, 250, "2.0.0", "Noted");
	return NET_DONE;
}

/* ------------------------------------------------------------------------
 * Envelope
 */

static enum net_next
bad_args(struct session *s, enum args_rc rc, const char *form,
    const char *address_status)
{
	switch (rc) {
	case ARGS_ADDRESS:
		return complain(
		    s, 501, address_status, "Bad address: %s", form);
	case ARGS_UNKNOWN:
		return complain(s, 555, "5.5.4", "Unknown parameter");
	case ARGS_VALUE:
		return complain(s, 501, "5.5.4", "Bad parameter value");
	default:
		return complain(s, 501, "5.5.4", "Syntax: %s", form);
	}
}

static enum net_next
cmd_mail(struct session *s, struct str args)
{
	struct mail_args m;
	enum args_rc rc =
	    mail_args_parse(s->arena, arena_str(s->arena, args), &m);

	if (rc != ARGS_OK)
		return bad_args(s, rc, "MAIL FROM:<address>", "5.1.7");
	if (!m.utf8 && !is_ascii(m.from))
		return complain(s, 553, "5.6.7", "That address needs SMTPUTF8");
	if (m.size > lmtp.max_size) {
		reply(s, 552, "5.3.4", "Message too big: at most %llu bytes",
		    (unsigned long long)lmtp.max_size);
		arena_reset(s->arena);
		return NET_DONE;
	}
	s->mail = m;
	s->by = (struct deliver_by){ m.by.set, m.by.refuse, m.by.trace,
		clock_now() + m.by.seconds };
	s->state = ST_MAIL;
	reply(s, 250, "2.1.0", "Sender ok");
	return NET_DONE;
}

/* "postmaster" alone is the site's own (RFC 5321, section 4.5.1). */
static struct str
complete(struct session *s, struct str to)
{
	struct site_scope everywhere = { .domain = STR_NULL };
	struct str domain;

	if (!str_ieqc(to, "postmaster"))
		return to;
	domain = site_setting(
	    lmtp.site, s->arena, "login.default_domain", everywhere);
	if (domain.n == 0)
		domain = str_of(lmtp.hostname);
	return arena_printf(
	    s->arena, "%.*s@%.*s", STR_ARG(to), STR_ARG(domain));
}

static struct deliver_rcpt *
add_rcpt(struct session *s)
{
	if (s->nrcpts == s->rcpts_cap) {
		s->rcpts_cap = s->rcpts_cap ? s->rcpts_cap * 2 : 4;
		s->rcpts = mem_array(s->rcpts, s->rcpts_cap, sizeof(*s->rcpts));
	}
	s->rcpts[s->nrcpts] = (struct deliver_rcpt){ 0 };
	return &s->rcpts[s->nrcpts++];
}

static void
log_refused(struct session *s, const struct deliver_rcpt *r, enum deliver_rc rc,
    const struct err *e)
{
	LOG_AT(
	    rc == DELIVER_TEMP || rc == DELIVER_NOSPACE ? LOG_ERROR : LOG_INFO,
	    "rcpt_refused", LOG_CSTR("id", conn_id(s->c)),
	    LOG_CSTR("queue", s->queue_id), LOG_STR("from", s->mail.from),
	    LOG_STR("to", r->address), LOG_CSTR("result", deliver_rc_name(rc)),
	    LOG_ERR(e));
}

static enum net_next
cmd_rcpt(struct session *s, struct str args)
{
	struct rcpt_args a;
	struct deliver_rcpt *r;
	struct err e = ERR_INIT;
	const struct deliver_reply *text;
	enum args_rc args_rc = rcpt_args_parse(s->arena, args, &a);
	enum deliver_rc rc;

	if (args_rc != ARGS_OK)
		return bad_args(s, args_rc, "RCPT TO:<address>", "5.1.3");
	if (!s->mail.utf8 && !is_ascii(a.to))
		return complain(s, 553, "5.6.7", "That address needs SMTPUTF8");
	/* Those refused take memory until the transaction ends, too. */
	if (s->nrcpts >= lmtp.max_recipients ||
	    ++s->tried > lmtp.max_recipients + MAX_UNKNOWN) {
		reply(s, 452, "4.5.3", "Too many recipients");
		return NET_DONE;
	}
	r = add_rcpt(s);
	r->address = complete(s, a.to);
	r->original = a.orcpt;
	r->orcpt = a.orcpt_full;
	r->notify = a.notify_words;
	rc = deliver_check(lmtp.deliver, s->arena, s->mail.size, r, &e);
	text = deliver_reply(rc);
	if (rc == DELIVER_OK) {
		s->state = ST_RCPT;
		reply(s, 250, "2.1.5", "Recipient ok");
		return NET_DONE;
	}
	log_refused(s, r, rc, &e);
	metric_add(lmtp.results[rc], 1);
	reply(s, text->code, text->status, "<%.*s> %s", STR_ARG(a.to),
	    text->text);
	s->nrcpts--;
	return NET_DONE;
}

/* ------------------------------------------------------------------------
 * Messages
 */

static enum net_next
cmd_data(struct session *s, struct str args)
{
	if (args.n > 0)
		return complain(s, 501, "5.5.4", "No arguments, please");
	if (s->mail.body == BODY_BINARYMIME)
		return complain(s, 503, "5.5.1", "BINARYMIME needs BDAT");
	if (s->chunk_last || s->spool.size > 0 || s->too_big)
		return complain(s, 503, "5.5.1", "BDAT has begun");
	data_init(&s->data);
	s->input = IN_DATA;
	reply(s, 354, "", "End with <CRLF>.<CRLF>");
	return NET_DONE;
}

/* The octets follow whatever we think of the command, so they are read. */
static enum net_next
cmd_bdat(struct session *s, struct str args)
{
	uint64_t size;
	bool last;

	if (bdat_args_parse(args, &size, &last) != ARGS_OK) {
		reply(s, 501, "5.5.4", "Syntax: BDAT size [LAST]");
		return NET_CLOSE; /* nobody knows where the next command is */
	}
	s->chunk_bad = s->state != ST_RCPT;
	s->chunk_left = size;
	s->chunk_last = last;
	s->input = IN_CHUNK;
	if (size == 0)
		session_message(s);
	return NET_DONE;
}

static const char *
protocol(const struct session *s)
{
	static const char *const names[2][2] = { { "LMTP", "LMTPS" },
		{ "UTF8LMTP", "UTF8LMTPS" } };

	return names[s->mail.utf8][conn_tls(s->c)];
}

static void
set_all(struct session *s, enum deliver_rc rc)
{
	for (size_t i = 0; i < s->nrcpts; i++)
		s->rcpts[i].rc = rc;
}

static void
deliver(struct session *s, struct str raw)
{
	char id[48];
	struct deliver_message m = {
		.raw = raw,
		.headroom = DELIVER_HEADROOM,
		.from = s->mail.from,
		.helo = str_of(s->helo),
		.peer = conn_peer(s->c)->address,
		.with = protocol(s),
		.id = id,
		.queue_id = str_of(s->queue_id),
		.ret = s->mail.ret,
		.envid = s->mail.envid,
		.by = s->by,
	};

	snprintf(id, sizeof(id), "%s.%u", conn_id(s->c), ++s->transactions);
	metric_add(lmtp.messages, 1);
	metric_add(lmtp.bytes, (double)raw.n);
	deliver_message(lmtp.deliver, &m, s->rcpts, s->nrcpts);
}

/* What another server said of the recipient is repeated as it is. */
static void
answer_one(struct session *s, const struct deliver_rcpt *r)
{
	const struct deliver_reply *text = deliver_reply(r->rc);

	if (r->words.code)
		reply(s, r->words.code, r->words.status, "%s, id %s.%u",
		    r->words.text, conn_id(s->c), s->transactions);
	else
		reply(s, text->code, text->status, "<%.*s> %s, id %s.%u",
		    STR_ARG(r->address), text->text, conn_id(s->c),
		    s->transactions);
}

/* One reply for each recipient that was accepted, in their order. */
static void
answer(struct session *s)
{
	for (size_t i = 0; i < s->nrcpts; i++) {
		metric_add(lmtp.results[s->rcpts[i].rc], 1);
		answer_one(s, &s->rcpts[i]);
	}
}

static void
refuse_too_big(struct session *s)
{
	log_info("too_big", LOG_CSTR("id", conn_id(s->c)),
	    LOG_CSTR("queue", s->queue_id), LOG_STR("from", s->mail.from),
	    LOG_UINT("limit", lmtp.max_size));
	for (size_t i = 0; i < s->nrcpts; i++)
		reply(s, 552, "5.3.4", "Message too big: at most %llu bytes",
		    (unsigned long long)lmtp.max_size);
}

void
session_deliver(struct session *s)
{
	struct err e = ERR_INIT;
	struct str raw;

	if (s->too_big) {
		refuse_too_big(s);
	} else if (!spool_finish(&s->spool, &raw, &e)) {
		log_error("spool", LOG_CSTR("id", conn_id(s->c)), LOG_ERR(&e));
		set_all(s, DELIVER_NOSPACE);
		answer(s);
	} else {
		deliver(s, raw);
		answer(s);
	}
	session_reset(s);
	free(s->queue_id); /* XFORWARD speaks of one message */
	s->queue_id = NULL;
}

void
session_chunk_done(struct session *s)
{
	s->input = IN_COMMAND;
	if (s->chunk_bad) {
		s->chunk_bad = s->chunk_last = false;
		reply(s, 503, "5.5.1", "No recipients for a message");
	} else if (s->chunk_last) {
		session_deliver(s);
	} else if (s->too_big) {
		/* RFC 3030, section 2: the transaction is over. */
		reply(s, 552, "5.3.4", "Message too big: at most %llu bytes",
		    (unsigned long long)lmtp.max_size);
		session_reset(s);
	} else {
		reply(s, 250, "2.0.0", "%llu bytes so far",
		    (unsigned long long)s->spool.size);
	}
}

/* ------------------------------------------------------------------------
 * The rest
 */

static enum net_next
cmd_rset(struct session *s, struct str args)
{
	(void)args;
	session_reset(s);
	reply(s, 250, "2.0.0", "Forgotten");
	return NET_DONE;
}

static enum net_next
cmd_noop(struct session *s, struct str args)
{
	(void)args;
	reply(s, 250, "2.0.0", "Ok");
	return NET_DONE;
}

static enum net_next
cmd_quit(struct session *s, struct str args)
{
	(void)args;
	reply(s, 221, "2.0.0", "%s goodbye", lmtp.hostname);
	return NET_CLOSE;
}

static enum net_next
cmd_vrfy(struct session *s, struct str args)
{
	(void)args;
	reply(s, 252, "2.5.2", "Send some mail and see");
	return NET_DONE;
}

static enum net_next cmd_help(struct session *s, struct str args);

/* ------------------------------------------------------------------------
 * The table
 */

static const struct command commands[] = {
	/* clang-format off */
	{ "BDAT",     ST_ANY,   false, cmd_bdat, "size [LAST]" },
	{ "DATA",     ST_RCPT,  false, cmd_data, "" },
	{ "EHLO",     ST_ANY,   false, cmd_helo, "(use LHLO)" },
	{ "HELO",     ST_ANY,   false, cmd_helo, "(use LHLO)" },
	{ "HELP",     ST_ANY,   false, cmd_help, "" },
	{ "LHLO",     ST_ANY,   false, cmd_lhlo, "host" },
	{ "MAIL",     ST_READY, false, cmd_mail, "FROM:<address> [SIZE=n] [BODY=8BITMIME] [BY=n;mode] ..." },
	{ "NOOP",     ST_ANY,   false, cmd_noop, "" },
	{ "QUIT",     ST_ANY,   false, cmd_quit, "" },
	{ "RCPT",     ST_MAIL | ST_RCPT, true, cmd_rcpt, "TO:<address> [NOTIFY=...] [ORCPT=...]" },
	{ "RSET",     ST_ANY,   false, cmd_rset, "" },
	{ "STARTTLS", ST_START | ST_READY, true, cmd_starttls, "" },
	{ "VRFY",     ST_ANY,   false, cmd_vrfy, "address" },
	{ "XFORWARD", ST_START | ST_READY, false, cmd_xforward, "name=value ..." },
	/* clang-format on */
};

#define COUNT LEN(commands)

static enum net_next
cmd_help(struct session *s, struct str args)
{
	struct buf *out = conn_out(s->c);

	(void)args;
	for (size_t i = 0; i < COUNT; i++)
		buf_printf(out, "214-2.0.0 %s %s\r\n", commands[i].name,
		    commands[i].help);
	reply(s, 214, "2.0.0", "See lmtpd(8)");
	return NET_DONE;
}

const struct command *
command_table(size_t *count)
{
	*count = COUNT;
	return commands;
}

static int
compare(const void *name, const void *cmd)
{
	return str_icmp(*(const struct str *)name,
	    str_of(((const struct command *)cmd)->name));
}

const struct command *
command_find(struct str name)
{
	return bsearch(&name, commands, COUNT, sizeof(*commands), compare);
}

enum net_next
command_run(struct session *s, const struct command *cmd, struct str args)
{
	if (!cmd)
		return complain(s, 500, "5.5.2", "Unknown command");
	if (s->state & cmd->states)
		return cmd->run(s, args);
	if (s->state == ST_START)
		return complain(s, 503, "5.5.1", "LHLO first");
	if (cmd->states & ST_READY)
		return complain(s, 503, "5.5.1", "Not within a transaction");
	if (cmd->run == cmd_data && s->state == ST_MAIL)
		return complain(s, 503, "5.5.1", "No valid recipients");
	return complain(s, 503, "5.5.1", "MAIL first");
}
