/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/command.h"

#define LENGTH_OCTETS 4

static const struct name {
	const char *text;
	enum command command;
} names[] = {
	/* clang-format off */
	{ "END",               COMMAND_END },
	{ "IDSESSION",         COMMAND_IDSESSION },
	{ "INSTREAM",          COMMAND_INSTREAM },
	{ "PING",              COMMAND_PING },
	{ "RELOAD",            COMMAND_RELOAD },
	{ "STATS",             COMMAND_STATS },
	{ "VERSION",           COMMAND_VERSION },
	{ "VERSIONCOMMANDS",   COMMAND_VERSIONCOMMANDS },
	/* They name files of this host, or stop what others use. */
	{ "ALLMATCHSCAN",      COMMAND_UNAVAILABLE },
	{ "CONTSCAN",          COMMAND_UNAVAILABLE },
	{ "DETSTATS",          COMMAND_UNAVAILABLE },
	{ "DETSTATSCLEAR",     COMMAND_UNAVAILABLE },
	{ "FILDES",            COMMAND_UNAVAILABLE },
	{ "MULTISCAN",         COMMAND_UNAVAILABLE },
	{ "QUIT",              COMMAND_UNAVAILABLE },
	{ "RAWSCAN",           COMMAND_UNAVAILABLE },
	{ "SCAN",              COMMAND_UNAVAILABLE },
	{ "SESSION",           COMMAND_UNAVAILABLE },
	{ "SHUTDOWN",          COMMAND_UNAVAILABLE },
	{ "STREAM",            COMMAND_UNAVAILABLE },
	/* clang-format on */
};
#define NAMES LEN(names)

/* WORD is the line, or what is before its argument. */
static enum command
find(struct str line)
{
	struct str word = str_sub(line, 0, str_chr(line, ' '));

	for (size_t i = 0; i < NAMES; i++) {
		if (!str_eqc(word, names[i].text))
			continue;
		/* Only those that name files have arguments. */
		return word.n == line.n ||
			       names[i].command == COMMAND_UNAVAILABLE
			   ? names[i].command
			   : COMMAND_UNKNOWN;
	}
	return COMMAND_UNKNOWN;
}

size_t
command_take(struct str in, struct request *out)
{
	bool prefix = in.n > 0 && (*in.p == 'z' || *in.p == 'n');
	struct str window = str_sub(in, 0, COMMAND_MAX), line;
	size_t end;

	out->delimiter = prefix && *in.p == 'z' ? '\0' : '\n';
	end = str_chr(window, out->delimiter);
	if (end == STR_NPOS && in.n < COMMAND_MAX)
		return 0;
	if (end == STR_NPOS) {
		out->command = COMMAND_UNKNOWN;
		return window.n;
	}
	line = str_sub(in, prefix, end - prefix);
	if (!prefix && line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--; /* somebody who types */
	out->command = find(line);
	return end + 1;
}

void
command_names(struct buf *out)
{
	for (size_t i = 0; i < NAMES; i++) {
		if (names[i].command == COMMAND_UNAVAILABLE)
			continue;
		if (i > 0)
			buf_putc(out, ' ');
		buf_puts(out, names[i].text);
	}
}

void
stream_init(struct stream *s, uint64_t max)
{
	*s = (struct stream){ .room = max };
}

/* The octets of the length that are in IN. */
static size_t
take_length(struct stream *s, struct str in)
{
	size_t n = 0;

	while (n < in.n && s->header < LENGTH_OCTETS) {
		s->length = s->length << 8 | (unsigned char)in.p[n++];
		s->header++;
	}
	return n;
}

static enum stream_state
begin_chunk(struct stream *s)
{
	uint32_t length = s->length;

	s->header = 0;
	s->length = 0;
	if (length == 0)
		return STREAM_END;
	if (length > s->room)
		return STREAM_TOO_LONG;
	s->room -= length;
	s->left = length;
	return STREAM_MORE;
}

size_t
stream_take(
    struct stream *s, struct str in, struct str *data, enum stream_state *state)
{
	size_t used = 0;

	*data = STR_NULL;
	*state = STREAM_MORE;
	if (s->left == 0) {
		used = take_length(s, in);
		if (s->header < LENGTH_OCTETS)
			return used;
		*state = begin_chunk(s);
	}
	if (*state != STREAM_MORE)
		return used;
	*data = str_sub(in, used, s->left);
	s->left -= (uint32_t)data->n;
	return used + data->n;
}
