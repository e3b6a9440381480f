/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/message.h"

#include <string.h>
#include <time.h>

#include "imapd/utf7.h"

static const struct {
	uint64_t bit;
	const char *name;
	char maildir;
} system_flags[] = {
	{ FLAG_DRAFT, "\\Draft", 'D' },
	{ FLAG_FLAGGED, "\\Flagged", 'F' },
	{ FLAG_ANSWERED, "\\Answered", 'R' },
	{ FLAG_SEEN, "\\Seen", 'S' },
	{ FLAG_DELETED, "\\Deleted", 'T' },
};
#define SYSTEM_FLAGS LEN(system_flags)

size_t
flag_names(struct arena *a, const struct flags *f, const struct str *keywords,
    uint32_t count, struct str **names)
{
	size_t n = 0;

	*names = arena_array(a, SYSTEM_FLAGS + count, sizeof(**names));
	for (size_t i = 0; i < SYSTEM_FLAGS; i++) {
		if (f->bits & system_flags[i].bit)
			(*names)[n++] = str_of(system_flags[i].name);
	}
	for (uint32_t i = 0; i < count; i++) {
		if (flags_has_keyword(f, i))
			(*names)[n++] = keywords[i];
	}
	return n;
}

/* ------------------------------------------------------------------------
 * Lines
 */

void
lines_to_crlf(struct str in, bool faithful, struct buf *out)
{
	size_t lf = str_chr(in, '\n'), from = 0;

	if (lf == STR_NPOS || (faithful && lf > 0 && in.p[lf - 1] == '\r')) {
		buf_putstr(out, in);
		return;
	}
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '\n' || (i > 0 && in.p[i - 1] == '\r'))
			continue;
		buf_put(out, in.p + from, i - from);
		BUF_LIT(out, "\r\n");
		from = i + 1;
	}
	buf_put(out, in.p + from, in.n - from);
}

/* Every LF behind exactly one CR? Then all CRs before LFs can go. */
static bool
plain_crlf(struct str in)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == '\n' && (i == 0 || in.p[i - 1] != '\r' ||
					   (i > 1 && in.p[i - 2] == '\r')))
			return false;
	}
	return true;
}

void
lines_to_lf(struct str in, struct buf *out)
{
	size_t from = 0;

	if (!plain_crlf(in)) {
		buf_putstr(out, in);
		return;
	}
	for (size_t i = 1; i < in.n; i++) {
		if (in.p[i] != '\n')
			continue;
		buf_put(out, in.p + from, i - 1 - from);
		from = i;
	}
	buf_put(out, in.p + from, in.n - from);
}

/* ------------------------------------------------------------------------
 * Maildir
 */

void
maildir_parse(struct str file, struct maildir_name *out)
{
	size_t colon = str_chr(file, ':');
	struct str info =
	    colon == STR_NPOS ? STR_NULL : str_sub(file, colon + 1, file.n);

	*out = (struct maildir_name){ .unique = str_sub(file, 0, colon) };
	if (!str_starts(info, STR("2,")))
		return;
	for (size_t i = 2; i < info.n && info.p[i] != ','; i++) {
		char letter = info.p[i];

		if (letter >= 'a' && letter <= 'z')
			out->letters |= UINT32_C(1) << (letter - 'a');
		for (size_t k = 0; k < SYSTEM_FLAGS; k++) {
			if (system_flags[k].maildir == letter)
				out->bits |= system_flags[k].bit;
		}
	}
}

void
maildir_put_flags(struct buf *out, uint64_t bits, uint32_t letters)
{
	BUF_LIT(out, ":2,");
	for (size_t k = 0; k < SYSTEM_FLAGS; k++) {
		if (bits & system_flags[k].bit)
			buf_putc(out, system_flags[k].maildir);
	}
	for (int i = 0; i < MAILDIR_KEYWORDS; i++) {
		if (letters & UINT32_C(1) << i)
			buf_putc(out, (char)('a' + i));
	}
}

void
maildir_parse_keywords(struct str text, struct str *names)
{
	struct str line;

	for (int i = 0; i < MAILDIR_KEYWORDS; i++)
		names[i] = STR_NULL;
	while (str_split(&text, '\n', &line)) {
		size_t space = str_chr(line, ' ');
		uint32_t i;

		if (space != STR_NPOS && str_u32(str_sub(line, 0, space), &i) &&
		    i < MAILDIR_KEYWORDS)
			names[i] = str_trim(str_sub(line, space + 1, line.n));
	}
}

/* A dot within a level, which modified UTF-7 has no spelling for. Dovecot
 * shows it as it stands; we read it back as it was. */
#define DOT "&AC4-"

static void
decode_level(struct buf *out, struct str level)
{
	size_t at;

	while ((at = str_find(level, STR(DOT))) != STR_NPOS) {
		utf7_decode_lax(out, str_sub(level, 0, at));
		buf_putc(out, '.');
		level = str_sub(level, at + strlen(DOT), level.n);
	}
	utf7_decode_lax(out, level);
}

bool
maildir_folder_path(struct arena *a, struct str folder, struct str *path)
{
	struct str level;
	struct buf b = { 0 };
	bool ok = folder.n > 1 && folder.p[0] == '.';

	folder = str_sub(folder, 1, folder.n);
	while (ok && str_split(&folder, '.', &level)) {
		if (b.n)
			buf_putc(&b, '/');
		ok = level.n > 0;
		decode_level(&b, level);
	}
	*path = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return ok && str_is_utf8(*path);
}

struct str
maildir_path_folder(struct arena *a, struct str path)
{
	struct str level, out;
	struct buf b = { 0 };

	while (str_split(&path, '/', &level)) {
		struct str part;
		bool first = true;

		buf_putc(&b, '.');
		while (str_split(&level, '.', &part)) {
			if (!first)
				BUF_LIT(&b, DOT);
			utf7_encode(&b, part);
			first = false;
		}
	}
	out = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return out;
}

/* ------------------------------------------------------------------------
 * mbox
 */

/* "From sender Sun Nov 22 17:00:00 2026", perhaps with a zone behind. */
bool
mbox_is_from(struct str line, int64_t *received)
{
	char text[256];
	struct tm tm = { 0 };
	const char *p;

	*received = 0;
	if (!str_starts(line, STR("From ")) || line.n >= sizeof(text))
		return false;
	memcpy(text, line.p, line.n);
	text[line.n] = '\0';
	for (p = text + 5; (p = strchr(p, ' ')); p++) {
		const char *end = strptime(p, " %a %b %d %H:%M:%S", &tm);
		const char *year = end ? strptime(end, " %Y", &tm) : NULL;

		/* "17:00:00 +0100 2026" and "17:00:00 CET 2026" exist too. */
		if (end && !year && (end = strchr(end + 1, ' ')))
			year = strptime(end, " %Y", &tm);
		if (year) {
			*received = timegm(&tm);
			return true;
		}
	}
	return false;
}

static void
put_keyword(struct arena *a, struct mail *m, struct str word)
{
	struct str *list;

	if (word.n == 0 || word.p[0] == '\\')
		return;
	list = arena_array(a, m->nkeywords + 1, sizeof(*list));
	if (m->nkeywords)
		memcpy(list, m->keywords, m->nkeywords * sizeof(*list));
	list[m->nkeywords++] = arena_str(a, word);
	m->keywords = list;
}

static void
take_status(struct arena *a, struct mail *m, struct str value)
{
	static const struct {
		char letter;
		uint64_t bit;
	} letters[] = { { 'R', FLAG_SEEN }, { 'A', FLAG_ANSWERED },
		{ 'F', FLAG_FLAGGED }, { 'T', FLAG_DRAFT },
		{ 'D', FLAG_DELETED } };

	(void)a;
	for (size_t i = 0; i < value.n; i++) {
		for (size_t k = 0; k < LEN(letters); k++)
			if (letters[k].letter == value.p[i])
				m->bits |= letters[k].bit;
	}
}

static void
take_keywords(struct arena *a, struct mail *m, struct str value)
{
	struct str word;

	while (str_split(&value, ' ', &word))
		put_keyword(a, m, str_trim(word));
}

static void
take_uidl(struct arena *a, struct mail *m, struct str value)
{
	m->uidl = arena_str(a, value);
}

static void
take_nothing(struct arena *a, struct mail *m, struct str value)
{
	(void)a;
	(void)m;
	(void)value;
}

static const struct {
	const char *name;
	void (*take)(struct arena *a, struct mail *m, struct str value);
} status_fields[] = {
	{ "Status:", take_status },
	{ "X-Status:", take_status },
	{ "X-Keywords:", take_keywords },
	{ "X-UIDL:", take_uidl },
	{ "X-UID:", take_nothing },
	{ "X-IMAP:", take_nothing },
	{ "X-IMAPbase:", take_nothing },
};

/* Is it one of the fields that mbox programs add? */
static bool
take_field(struct arena *a, struct mail *m, struct str line)
{
	for (size_t i = 0; i < LEN(status_fields); i++) {
		struct str name = str_of(status_fields[i].name);

		if (!str_istarts(line, name))
			continue;
		status_fields[i].take(
		    a, m, str_trim(str_sub(line, name.n, line.n)));
		return true;
	}
	return false;
}

static bool
is_quoted_from(struct str line)
{
	size_t n = 0;

	while (n < line.n && line.p[n] == '>')
		n++;
	return str_starts(str_sub(line, n, line.n), STR("From "));
}

/* The next line with its end. */
static bool
take_line(struct str *rest, struct str *line)
{
	size_t lf = str_chr(*rest, '\n');
	size_t n = lf == STR_NPOS ? rest->n : lf + 1;

	*line = str_sub(*rest, 0, n);
	*rest = str_sub(*rest, n, rest->n);
	return n > 0;
}

void
mbox_parse(struct arena *a, struct str text, struct mail *m, struct buf *raw)
{
	struct buf plain = { 0 };
	struct str line;
	bool header = true, dropped = false;

	m->bits = 0;
	m->nkeywords = 0;
	m->uidl = STR_NULL;
	while (take_line(&text, &line)) {
		struct str body = str_trim(line);

		if (header && body.n == 0)
			header = false;
		/* A field left out takes its continuation lines with it. */
		dropped = header && (line.p[0] == ' ' || line.p[0] == '\t'
					    ? dropped
					    : take_field(a, m, line));
		if (dropped)
			continue;
		if (line.p[0] == '>' && is_quoted_from(line))
			line = str_sub(line, 1, line.n);
		buf_putstr(&plain, line);
	}
	lines_to_crlf(buf_str(&plain), true, raw);
	buf_fini(&plain);
	m->raw = buf_str(raw);
}

static void
put_from_line(struct buf *out, int64_t received)
{
	time_t t = (time_t)received;
	struct tm tm;
	char date[64];

	gmtime_r(&t, &tm);
	strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", &tm);
	buf_printf(out, "From MAILER-DAEMON %s\n", date);
}

static void
put_status(struct buf *out, const struct mail *m, const char *eol)
{
	buf_printf(out, "Status: %sO%s", m->bits & FLAG_SEEN ? "R" : "", eol);
	if (m->bits & ~FLAG_SEEN) {
		BUF_LIT(out, "X-Status: ");
		buf_puts(out, m->bits & FLAG_ANSWERED ? "A" : "");
		buf_puts(out, m->bits & FLAG_FLAGGED ? "F" : "");
		buf_puts(out, m->bits & FLAG_DRAFT ? "T" : "");
		buf_puts(out, m->bits & FLAG_DELETED ? "D" : "");
		buf_puts(out, eol);
	}
	if (m->nkeywords) {
		BUF_LIT(out, "X-Keywords:");
		for (size_t i = 0; i < m->nkeywords; i++)
			buf_printf(out, " %.*s", STR_ARG(m->keywords[i]));
		buf_puts(out, eol);
	}
}

void
mbox_write(struct buf *out, const struct mail *m)
{
	struct buf text = { 0 };
	struct str rest, line;
	const char *eol;
	bool header = true;

	lines_to_lf(m->raw, &text);
	eol = str_find(buf_str(&text), STR("\r\n")) == STR_NPOS ? "\n" : "\r\n";
	put_from_line(out, m->received);
	rest = buf_str(&text);
	while (take_line(&rest, &line)) {
		if (header && str_trim(line).n == 0) {
			put_status(out, m, eol);
			header = false;
		}
		if (is_quoted_from(line))
			buf_putc(out, '>');
		buf_putstr(out, line);
	}
	if (header)
		put_status(out, m, eol);
	if (text.n == 0 || text.p[text.n - 1] != '\n')
		buf_putc(out, '\n');
	buf_putc(out, '\n');
	buf_fini(&text);
}
