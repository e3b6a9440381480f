/* SPDX-License-Identifier: BSD-2-Clause */
#include "lmtpd/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define MAX_LINE 4096 /* RFC 5321 says 512; DSN and SMTPUTF8 add some */
#define MAX_ERRORS 30
/* So much of a message counts as getting ahead. */
#define PROGRESS_OCTETS 4096

struct lmtp lmtp;

/* ------------------------------------------------------------------------
 * Replies
 */

__attribute__((format(printf, 4, 0))) static void
put_reply(struct session *s, unsigned code, const char *status, const char *fmt,
    va_list ap)
{
	struct buf *out = conn_out(s->c);
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	buf_printf(
	    out, "%u %s%s%s\r\n", code, status, *status ? " " : "", text);
}

void
reply(
    struct session *s, unsigned code, const char *status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_reply(s, code, status, fmt, ap);
	va_end(ap);
}

enum net_next
complain(
    struct session *s, unsigned code, const char *status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_reply(s, code, status, fmt, ap);
	va_end(ap);
	if (++s->errors < MAX_ERRORS)
		return NET_DONE;
	reply(s, 421, "4.7.0", "%s too many errors", lmtp.hostname);
	log_warn("too_many_errors", LOG_CSTR("id", conn_id(s->c)),
	    LOG_CSTR("peer", conn_peer(s->c)->address));
	return NET_CLOSE;
}

/* ------------------------------------------------------------------------
 * Life
 */

void
session_reset(struct session *s)
{
	spool_reset(&s->spool);
	data_init(&s->data);
	arena_release(s->arena);
	free(s->rcpts);
	s->rcpts = NULL;
	s->nrcpts = s->rcpts_cap = s->tried = 0;
	s->mail = (struct mail_args){ 0 };
	s->by = (struct deliver_by){ 0 };
	s->too_big = s->chunk_bad = s->chunk_last = false;
	s->chunk_left = 0;
	s->input = IN_COMMAND;
	if (s->state != ST_START)
		s->state = ST_READY;
}

static void *
on_open(struct conn *c)
{
	struct session *s = mem_zalloc(sizeof(*s));

	s->c = c;
	s->state = ST_START;
	s->arena = arena_new();
	spool_init(&s->spool);
	s->progress = clock_mono_ms();
	conn_set_timeout(c, lmtp.timeout);
	reply(s, 220, "", "%s LMTP Mailstead ready", lmtp.hostname);
	return s;
}

static void
on_close(void *session)
{
	struct session *s = session;

	session_reset(s);
	arena_free(&s->arena);
	free(s->helo);
	free(s->queue_id);
	free(s);
}

static void
on_timeout(void *session)
{
	struct session *s = session;

	reply(s, 421, "4.4.2", "%s idle for too long", lmtp.hostname);
	conn_close(s->c);
}

static void
on_stop(void *session)
{
	struct session *s = session;

	/* In the middle of a message a reply would not be understood. */
	if (s->input == IN_COMMAND)
		reply(s, 421, "4.3.2", "%s is shutting down", lmtp.hostname);
}

/* ------------------------------------------------------------------------
 * Input
 */

static void
start_job(struct session *s, enum job job)
{
	s->job = job;
	conn_run(s->c);
}

void
session_message(struct session *s)
{
	start_job(s, JOB_MESSAGE);
}

static void
execute(struct session *s, struct str line)
{
	size_t space = str_chr(line, ' ');
	const struct command *cmd = command_find(str_sub(line, 0, space));
	struct str args = STR_NULL;

	if (space != STR_NPOS)
		args = str_trim(str_sub(line, space + 1, STR_NPOS));
	if (cmd && cmd->blocks && (s->state & cmd->states)) {
		s->command = cmd;
		s->args = arena_str(s->arena, args);
		start_job(s, JOB_COMMAND);
	} else if (command_run(s, cmd, args) == NET_CLOSE) {
		conn_close(s->c);
	}
}

static size_t
take_command(struct session *s, struct str in)
{
	size_t end = str_chr(str_sub(in, 0, MAX_LINE), '\n');
	struct str line;

	if (end == STR_NPOS && in.n < MAX_LINE)
		return 0;
	if (end == STR_NPOS) {
		s->input = IN_SKIP;
		return MAX_LINE;
	}
	line = str_sub(in, 0, end);
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	execute(s, line);
	return end + 1;
}

static size_t
skip_line(struct session *s, struct str in)
{
	size_t end = str_chr(in, '\n');

	if (end == STR_NPOS)
		return in.n;
	s->input = IN_COMMAND;
	if (complain(s, 500, "5.5.2", "Line too long") == NET_CLOSE)
		conn_close(s->c);
	return end + 1;
}

static void
keep(void *arg, struct str piece)
{
	struct session *s = arg;

	if (s->spool.size + piece.n > lmtp.max_size && !s->too_big) {
		s->too_big = true;
		spool_reset(&s->spool);
	}
	if (!s->too_big)
		spool_put(&s->spool, piece);
}

static size_t
take_data(struct session *s, struct str in)
{
	size_t used = data_decode(&s->data, in, keep, s);

	if (s->data.ended)
		session_message(s);
	else if (spool_must_write(&s->spool))
		start_job(s, JOB_WRITE);
	return used;
}

static size_t
take_chunk(struct session *s, struct str in)
{
	struct str part = str_sub(in, 0, s->chunk_left);

	if (!s->chunk_bad)
		keep(s, part);
	s->chunk_left -= part.n;
	if (s->chunk_left == 0)
		session_message(s);
	else if (spool_must_write(&s->spool))
		start_job(s, JOB_WRITE);
	return part.n;
}

static size_t
take(struct session *s, struct str in)
{
	switch (s->input) {
	case IN_COMMAND:
		return take_command(s, in);
	case IN_SKIP:
		return skip_line(s, in);
	case IN_DATA:
		return take_data(s, in);
	case IN_CHUNK:
		return take_chunk(s, in);
	}
	return 0;
}

/*
 * Octets that come one by one do not extend the time: a whole command does, or
 * a piece of a message of some size.
 */
static void
note_progress(struct session *s, enum input before, size_t used)
{
	if (before != IN_DATA && before != IN_CHUNK)
		s->trickle = used ? PROGRESS_OCTETS : 0;
	else
		s->trickle += used;
	if (s->trickle < PROGRESS_OCTETS && s->input == before)
		return;
	s->trickle = 0;
	s->progress = clock_mono_ms();
}

static size_t
on_input(void *session, struct str in)
{
	struct session *s = session;
	enum input before = s->input;
	size_t used = take(s, in);

	note_progress(s, before, used);
	if (clock_mono_ms() - s->progress > (int64_t)lmtp.timeout * 1000)
		on_timeout(s);
	return used;
}

/* ------------------------------------------------------------------------
 * Work
 */

static void
write_spool(struct session *s)
{
	struct err e = ERR_INIT;

	/* The reply comes when the message has ended. */
	if (!spool_write(&s->spool, &e))
		log_error("spool", LOG_CSTR("id", conn_id(s->c)), LOG_ERR(&e));
}

static enum net_next
on_run(void *session)
{
	struct session *s = session;

	switch (s->job) {
	case JOB_COMMAND:
		return command_run(s, s->command, s->args);
	case JOB_WRITE:
		write_spool(s);
		return NET_DONE;
	case JOB_MESSAGE:
		if (s->input == IN_DATA)
			session_deliver(s);
		else
			session_chunk_done(s);
		return NET_DONE;
	}
	return NET_CLOSE;
}

const struct net_proto lmtp_proto = {
	.name = "lmtp",
	.open = on_open,
	.input = on_input,
	.run = on_run,
	.timeout = on_timeout,
	.stop = on_stop,
	.close = on_close,
	.batch = true,
};
