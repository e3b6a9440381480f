/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ctl/ctl.h"

#define MAX_COLUMNS 16

json_t *
json_str(struct str s)
{
	json_t *v = json_stringn(s.p ? s.p : "", s.n);
	struct buf b = { 0 };

	if (v)
		return v;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] && (unsigned char)s.p[i] < 0x80)
			buf_putc(&b, s.p[i]);
		else
			buf_puts(&b, "\xef\xbf\xbd");
	}
	v = json_stringn(b.p, b.n);
	buf_fini(&b);
	return v;
}

/* ------------------------------------------------------------------------
 * Cells
 */

static void
put_size(struct buf *b, uint64_t n)
{
	static const char units[] = "KMGTPE";
	double v = (double)n;
	int unit = -1;

	if (n < 1024) {
		buf_putu(b, n);
		return;
	}
	for (; v >= 1024 && unit < 5; unit++)
		v /= 1024;
	buf_printf(b, v < 10 ? "%.1f%c" : "%.0f%c", v, units[unit]);
}

static void
put_time(struct buf *b, int64_t t)
{
	time_t seconds = (time_t)t;
	struct tm tm;
	char text[32];

	if (t == 0) {
		buf_putc(b, '-');
		return;
	}
	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	buf_puts(b, text);
}

/* Control characters of a stored text must not reach the terminal. */
static void
put_text(struct buf *b, const char *s)
{
	for (; s && *s; s++)
		buf_putc(b, (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s);
}

static void
put_list(struct buf *b, const json_t *list)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v)
	{
		buf_puts(b, i ? " " : "");
		put_text(b, json_string_value(v));
	}
}

static const char *
cell(struct arena *a, enum column_kind kind, const json_t *v)
{
	struct buf b = { 0 };
	uint64_t n = (uint64_t)json_integer_value(v);
	const char *out;

	switch (kind) {
	case COL_TEXT:
		put_text(&b, json_string_value(v));
		break;
	case COL_NUMBER:
		buf_putu(&b, n);
		break;
	case COL_SIZE:
		put_size(&b, n);
		break;
	case COL_LIMIT:
		if (n)
			put_size(&b, n);
		else
			buf_putc(&b, '-');
		break;
	case COL_TIME:
		put_time(&b, (int64_t)n);
		break;
	case COL_BOOL:
		buf_puts(&b, json_is_true(v) ? "yes" : "no");
		break;
	case COL_LIST:
		put_list(&b, v);
		break;
	}
	out = arena_cstr(a, buf_str(&b));
	buf_fini(&b);
	return out;
}

/* Columns on a terminal, not bytes. */
static int
width(const char *s)
{
	mbstate_t st = { 0 };
	wchar_t wide[512];
	size_t n = mbsrtowcs(wide, &s, 511, &st);
	int w = n == (size_t)-1 ? -1 : wcswidth(wide, n);

	return w < 0 ? (int)strlen(s ? s : "") : w;
}

static void
print_padded(const char *text, int to, bool right)
{
	int pad = to - width(text);

	if (right && pad > 0)
		printf("%*s", pad, "");
	fputs(text, stdout);
	if (!right && pad > 0)
		printf("%*s", pad, "");
}

/* ------------------------------------------------------------------------
 * Tables and records
 */

static bool
numeric(enum column_kind k)
{
	return k == COL_NUMBER || k == COL_SIZE || k == COL_LIMIT;
}

static int
print_json(json_t *v)
{
	int rc = json_dumpf(v, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);

	putchar('\n');
	json_decref(v);
	return rc == 0 ? 0 : EX_IOERR;
}

static void
print_line(
    const struct column *columns, const char *const *cells, const int *widths)
{
	int last = 0;

	for (int i = 0; columns[i].key; i++)
		last = columns[i].title ? i : last;
	for (int i = 0; columns[i].key; i++) {
		bool right = numeric(columns[i].kind);

		if (!columns[i].title)
			continue;
		print_padded(
		    cells[i], i == last && !right ? 0 : widths[i], right);
		fputs(i == last ? "\n" : "  ", stdout);
	}
}

int
out_rows(struct ctl *c, const struct column *columns, json_t *rows)
{
	const char *titles[MAX_COLUMNS];
	const char **cells;
	int widths[MAX_COLUMNS] = { 0 }, n = 0;
	size_t i, count = json_array_size(rows);
	json_t *row;

	if (c->json)
		return print_json(rows);
	for (; columns[n].key; n++) {
		titles[n] = columns[n].title ? columns[n].title : "";
		widths[n] = width(titles[n]);
	}
	cells = arena_array(c->arena, count + 1, sizeof(*cells) * (size_t)n);
	json_array_foreach(rows, i, row)
	{
		for (int k = 0; k < n; k++) {
			const char *text = cell(c->arena, columns[k].kind,
			    json_object_get(row, columns[k].key));
			int w = width(text);

			cells[i * (size_t)n + (size_t)k] = text;
			widths[k] = w > widths[k] ? w : widths[k];
		}
	}
	if (count > 0)
		print_line(columns, titles, widths);
	for (i = 0; i < count; i++)
		print_line(columns, cells + i * (size_t)n, widths);
	json_decref(rows);
	return 0;
}

int
out_record(struct ctl *c, const struct column *columns, json_t *object)
{
	int widest = 0;

	if (c->json)
		return print_json(object);
	for (int i = 0; columns[i].key; i++) {
		int w = columns[i].title ? width(columns[i].title) : 0;

		widest = w > widest ? w : widest;
	}
	for (int i = 0; columns[i].key; i++) {
		if (!columns[i].title)
			continue;
		print_padded(columns[i].title, widest, false);
		printf("  %s\n", cell(c->arena, columns[i].kind,
				     json_object_get(object, columns[i].key)));
	}
	json_decref(object);
	return 0;
}

int
out_done(struct ctl *c, json_t *object, const char *fmt, ...)
{
	va_list ap;

	if (c->json)
		return print_json(object);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	json_decref(object);
	return 0;
}

/* ------------------------------------------------------------------------
 * Progress
 */

#define BAR 30

void
progress_start(
    struct progress *p, struct ctl *c, const char *what, uint64_t total)
{
	*p = (struct progress){ .what = what, .total = total };
	p->tty = !c->json && isatty(STDERR_FILENO);
}

static void
show(struct progress *p)
{
	uint64_t done = p->done < p->total ? p->done : p->total;
	int filled = p->total ? (int)(done * BAR / p->total) : 0;

	fprintf(stderr, "\r%s [", p->what);
	for (int i = 0; i < BAR; i++)
		fputc(i < filled ? '#' : '.', stderr);
	if (p->total)
		fprintf(stderr, "] %3d%%  %llu", (int)(done * 100 / p->total),
		    (unsigned long long)p->done);
	else
		fprintf(stderr, "] %llu", (unsigned long long)p->done);
	fflush(stderr);
}

void
progress_add(struct progress *p, uint64_t n)
{
	int64_t now;

	p->done += n;
	if (!p->tty)
		return;
	now = clock_mono_ms();
	if (now - p->shown_ms < 100)
		return;
	p->shown_ms = now;
	show(p);
}

void
progress_end(struct progress *p)
{
	if (!p->tty)
		return;
	show(p);
	fputc('\n', stderr);
}

/* ------------------------------------------------------------------------
 * Questions
 */

bool
ask_yes(struct ctl *c, const char *question)
{
	char line[16];

	if (ctl_switch(c, "yes"))
		return true;
	if (!isatty(STDIN_FILENO))
		return false;
	fprintf(stderr, "%s [y/N] ", question);
	return fgets(line, sizeof(line), stdin) &&
	       (line[0] == 'y' || line[0] == 'Y');
}

static bool
read_line(FILE *from, struct arena *a, struct str *out)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n = getline(&line, &cap, from);

	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	if (n >= 0)
		*out = arena_str(a, (struct str){ line, (size_t)n });
	if (line)
		mem_wipe(line, cap);
	free(line);
	return n >= 0;
}

static bool
read_hidden(const char *prompt, struct arena *a, struct str *out)
{
	struct termios old, quiet;
	bool ok;

	fputs(prompt, stderr);
	if (tcgetattr(STDIN_FILENO, &old) != 0)
		return false;
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	ok = read_line(stdin, a, out);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	fputc('\n', stderr);
	return ok;
}

int
ask_password(struct ctl *c, struct str *out)
{
	const char *given = ctl_option(c, "password");
	struct str again;

	if (given) {
		*out = str_of(given);
		return 0;
	}
	if (ctl_switch(c, "stdin"))
		return read_line(stdin, c->arena, out)
			   ? 0
			   : ctl_failf(c, EX_NOINPUT, NULL,
				 "no password on standard input");
	if (!isatty(STDIN_FILENO))
		return ctl_failf(c, EX_USAGE,
		    "give it with --stdin, one line on standard input",
		    "no terminal to ask for the password");
	if (!read_hidden("Password: ", c->arena, out) ||
	    !read_hidden("Again: ", c->arena, &again))
		return ctl_failf(c, EX_NOINPUT, NULL, "no password given");
	if (!str_eq(*out, again))
		return ctl_failf(
		    c, EX_DATAERR, "try again", "the two passwords differ");
	return 0;
}
