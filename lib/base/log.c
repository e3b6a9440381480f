/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define MAX_VALUE 1024

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static struct {
	const char *prog;
	_Atomic int least, format, fd;
} state = { "mailstead", LOG_INFO, LOG_LOGFMT, STDERR_FILENO };

void
log_init(const char *prog, enum log_level least, enum log_format format)
{
	state.prog = prog;
	state.least = (int)least;
	state.format = (int)format;
}

bool
log_open(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	int old;

	if (fd < 0)
		return false;
	old = atomic_exchange(&state.fd, fd);
	if (old != STDERR_FILENO)
		close(old);
	return true;
}

bool
log_level_parse(struct str s, enum log_level *out)
{
	for (int i = 0; i <= LOG_ERROR; i++) {
		if (str_ieqc(s, level_names[i])) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool
log_format_parse(struct str s, enum log_format *out)
{
	if (!str_ieqc(s, "json") && !str_ieqc(s, "logfmt"))
		return false;
	*out = str_ieqc(s, "json") ? LOG_JSON : LOG_LOGFMT;
	return true;
}

bool
log_enabled(enum log_level level)
{
	return (int)level >= state.least;
}

static void
put_time(struct buf *b)
{
	int64_t us = clock_now_us();
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;
	char text[32];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(b, "%s.%03dZ", text, (int)(us % 1000000 / 1000));
}

/*
 * Both formats quote alike: \", \\ and \u00XX for control characters.
 * What is not UTF-8 goes out as U+FFFD, so that a line stays parsable.
 */
static void
put_quoted(struct buf *b, struct str s)
{
	bool utf8 = str_is_utf8(s);

	buf_putc(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buf_printf(b, "\\u%04x", c);
		else if (c >= 0x80 && !utf8)
			BUF_LIT(b, "\xef\xbf\xbd");
		else
			buf_putc(b, (char)c);
	}
	buf_putc(b, '"');
}

static bool
is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] == '"' || s.p[i] == '=' ||
		    s.p[i] == '\\' || s.p[i] == 0x7f)
			return false;
	}
	return s.n > 0;
}

static void
put_key(struct buf *b, const char *key)
{
	if (state.format == LOG_JSON)
		buf_printf(b, "%s\"%s\":", b->n ? "," : "{", key);
	else
		buf_printf(b, "%s%s=", b->n ? " " : "", key);
}

static void
put_text(struct buf *b, const char *key, struct str s)
{
	put_key(b, key);
	s = str_sub(s, 0, MAX_VALUE);
	if (state.format == LOG_LOGFMT && is_plain(s))
		buf_putstr(b, s);
	else
		put_quoted(b, s);
}

static void
put_field(struct buf *b, const struct log_field *f)
{
	switch (f->type) {
	case LOG_T_STR:
		put_text(b, f->key, f->s);
		break;
	case LOG_T_INT:
		put_key(b, f->key);
		buf_printf(b, "%lld", (long long)f->i);
		break;
	case LOG_T_UINT:
		put_key(b, f->key);
		buf_putu(b, f->u);
		break;
	}
}

void
log_event(enum log_level level, const char *event,
    const struct log_field *fields, unsigned count)
{
	struct buf line = { 0 }, stamp = { 0 };
	ssize_t done;

	if (!log_enabled(level))
		return;
	put_time(&stamp);
	put_text(&line, "time", buf_str(&stamp));
	put_text(&line, "level", str_of(level_names[level]));
	put_text(&line, "prog", str_of(state.prog));
	put_text(&line, "event", str_of(event));
	for (unsigned i = 0; i < count && fields[i].key; i++)
		put_field(&line, &fields[i]);
	if (state.format == LOG_JSON)
		buf_putc(&line, '}');
	buf_putc(&line, '\n');
	/* A log that cannot be written has nowhere to say so. */
	done = write(state.fd, line.p, line.n);
	(void)done;
	buf_fini(&stamp);
	buf_fini(&line);
}
