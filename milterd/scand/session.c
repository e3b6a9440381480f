/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/session.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "milterd/scand/command.h"

struct session {
	struct conn *c;
	struct scand *d;
	struct request request;
	bool several;    /* IDSESSION */
	uint64_t number; /* of the command, in such a session */
	bool streaming;
	struct stream stream;
	struct spool spool;
	int64_t deadline; /* of the stream, clock_mono_ms() */
};

/* ------------------------------------------------------------------------
 * Answers
 */

static void
answer_head(struct session *s)
{
	if (s->several)
		buf_printf(
		    conn_out(s->c), "%llu: ", (unsigned long long)s->number);
}

static void
answer_tail(struct session *s)
{
	buf_putc(conn_out(s->c), s->request.delimiter);
	if (!s->several)
		conn_close(s->c);
}

static void
answer(struct session *s, const char *text)
{
	answer_head(s);
	buf_puts(conn_out(s->c), text);
	answer_tail(s);
}

/* What follows would not be understood as it is meant. */
static void
answer_and_close(struct session *s, const char *text)
{
	answer(s, text);
	conn_close(s->c);
}

static void
refuse_stream(struct session *s, const char *text)
{
	metric_add(s->d->refused, 1);
	log_warn("stream_refused", LOG_CSTR("conn", conn_id(s->c)),
	    LOG_CSTR("reason", text), LOG_UINT("size", s->spool.size));
	spool_close(&s->spool);
	s->streaming = false;
	answer_and_close(s, text);
}

/* ------------------------------------------------------------------------
 * Commands that are answered at once
 */

static void
version(struct session *s)
{
	answer_head(s);
	supervisor_version(s->d->supervisor, conn_out(s->c));
	if (s->request.command == COMMAND_VERSIONCOMMANDS) {
		BUF_LIT(conn_out(s->c), "| COMMANDS: ");
		command_names(conn_out(s->c));
	}
	answer_tail(s);
}

/* As clamd writes it, for clamdtop and those who read it with a script. */
static void
stats(struct session *s)
{
	struct crew_state p = crew_state(s->d->crew);
	struct buf *out = conn_out(s->c);

	answer_head(s);
	buf_printf(out,
	    "POOLS: 1\n\nSTATE: %s PRIMARY\n"
	    "THREADS: live %u  idle %u max %u idle-timeout %u\n"
	    "QUEUE: %u items\n\n"
	    "MEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A "
	    "pools 0 pools_used N/A pools_total N/A\nEND",
	    p.ready ? "VALID" : "INVALID", p.busy + p.idle, p.idle,
	    p.busy + p.idle, s->d->settings.timeout, p.waiting);
	answer_tail(s);
}

/* A filter has no business to ask for it: the administrator may, and who
 * runs freshclam as this user. */
static void
reload(struct session *s)
{
	int64_t uid = conn_peer(s->c)->uid;

	if (uid != 0 && uid != (int64_t)getuid()) {
		answer(s, "COMMAND UNAVAILABLE");
		return;
	}
	log_info("reload_asked", LOG_CSTR("conn", conn_id(s->c)),
	    LOG_INT("uid", uid));
	supervisor_reload(s->d->supervisor);
	answer(s, "RELOADING");
}

static void
begin_stream(struct session *s)
{
	const struct settings *set = &s->d->settings;

	stream_init(&s->stream, set->max_stream);
	s->deadline = clock_mono_ms() + set->receive_time * 1000LL;
	s->streaming = true;
	if (spool_open(&s->spool, &s->d->budget) != SPOOL_OK)
		refuse_stream(s, "No memory file ERROR");
}

static void
execute(struct session *s)
{
	switch (s->request.command) {
	case COMMAND_PING:
		answer(s, "PONG");
		break;
	case COMMAND_VERSION:
	case COMMAND_VERSIONCOMMANDS:
		version(s);
		break;
	case COMMAND_STATS:
		stats(s);
		break;
	case COMMAND_RELOAD:
		reload(s);
		break;
	case COMMAND_INSTREAM:
		begin_stream(s);
		break;
	case COMMAND_IDSESSION:
		s->several = true;
		break;
	case COMMAND_END:
		conn_close(s->c);
		break;
	case COMMAND_UNAVAILABLE:
		answer_and_close(s, "COMMAND UNAVAILABLE");
		break;
	case COMMAND_UNKNOWN:
		answer_and_close(s, "UNKNOWN COMMAND");
		break;
	}
}

/* ------------------------------------------------------------------------
 * Input
 */

static size_t
take_command(struct session *s, struct str in, bool *done)
{
	size_t n = command_take(in, &s->request);

	*done = n == 0;
	if (n == 0)
		return 0;
	s->number += s->several;
	execute(s);
	/* Without a session nothing is expected behind its one command. */
	*done = !s->streaming && !s->several;
	return n;
}

static void
end_stream(struct session *s)
{
	s->streaming = false;
	if (spool_seal(&s->spool))
		conn_run(s->c);
	else
		refuse_stream(s, "The memory file cannot be sealed ERROR");
}

static void
take_data(struct session *s, struct str data)
{
	enum spool_rc rc = spool_put(&s->spool, data);

	if (rc == SPOOL_FULL)
		refuse_stream(s, "Too many streams at once ERROR");
	else if (rc == SPOOL_IO)
		refuse_stream(s, "No memory for the stream ERROR");
	else if (clock_mono_ms() > s->deadline)
		refuse_stream(s, "The stream takes too long ERROR");
}

static size_t
take_stream(struct session *s, struct str in, bool *done)
{
	enum stream_state state;
	struct str data;
	size_t n = stream_take(&s->stream, in, &data, &state);

	if (data.n > 0)
		take_data(s, data);
	if (state == STREAM_TOO_LONG)
		refuse_stream(s, "INSTREAM size limit exceeded. ERROR");
	else if (state == STREAM_END)
		end_stream(s);
	*done = !s->streaming;
	return n;
}

static size_t
on_input(void *session, struct str in)
{
	struct session *s = session;
	size_t used = 0;
	bool done = false;

	while (!done && used < in.n) {
		struct str rest = str_sub(in, used, STR_NPOS);

		used += s->streaming ? take_stream(s, rest, &done)
				     : take_command(s, rest, &done);
	}
	return used;
}

/* ------------------------------------------------------------------------
 * Scanning, on a worker
 */

static void
tell(struct session *s, const struct finding *f, int64_t us)
{
	struct scand *d = s->d;
	struct metric *const counts[] = { [VERDICT_CLEAN] = d->clean,
		[VERDICT_FOUND] = d->found,
		[VERDICT_ERROR] = d->failed };
	static const enum log_level levels[] = { [VERDICT_CLEAN] = LOG_DEBUG,
		[VERDICT_FOUND] = LOG_INFO,
		[VERDICT_ERROR] = LOG_ERROR };
	static const char *const events[] = { [VERDICT_CLEAN] = "clean",
		[VERDICT_FOUND] = "found",
		[VERDICT_ERROR] = "scan_failed" };

	metric_add(counts[f->verdict], 1);
	metric_add(d->bytes, (double)s->spool.size);
	LOG_AT(levels[f->verdict], events[f->verdict],
	    LOG_CSTR("conn", conn_id(s->c)), LOG_CSTR("text", f->text),
	    LOG_UINT("size", s->spool.size), LOG_INT("us", us));
}

static enum net_next
on_run(void *session)
{
	static const char *const ends[] = { [VERDICT_CLEAN] = "OK",
		[VERDICT_FOUND] = " FOUND",
		[VERDICT_ERROR] = " ERROR" };
	struct session *s = session;
	int64_t begun = clock_mono_us();
	struct finding f;

	crew_scan(s->d->crew, s->spool.fd, &f);
	tell(s, &f, clock_mono_us() - begun);
	spool_close(&s->spool);
	answer_head(s);
	buf_printf(conn_out(s->c), "stream: %s%s", f.text, ends[f.verdict]);
	answer_tail(s);
	return NET_DONE;
}

/* ------------------------------------------------------------------------
 * The connection
 */

static void *
on_open(struct conn *c)
{
	struct session *s = mem_zalloc(sizeof(*s));

	s->c = c;
	s->d = conn_listen_arg(c);
	s->spool.fd = -1;
	s->request.delimiter = '\n';
	conn_set_timeout(c, s->d->settings.timeout);
	return s;
}

static void
on_timeout(void *session)
{
	struct session *s = session;

	if (s->streaming)
		refuse_stream(s, "The stream has stopped ERROR");
	else
		answer_and_close(s, "COMMAND READ TIMED OUT");
}

static void
on_close(void *session)
{
	struct session *s = session;

	spool_close(&s->spool);
	free(s);
}

const struct net_proto scand_proto = {
	.name = "clamd",
	.open = on_open,
	.input = on_input,
	.run = on_run,
	.timeout = on_timeout,
	.close = on_close,
};
