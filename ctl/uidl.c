/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/uidl.h"

#include <stdio.h>

#include "base/buf.h"

#define MAX_WIDTH 20

struct values {
	uint32_t uid, validity;
	struct str file;
};

/* ------------------------------------------------------------------------
 * Formats
 */

/* The directive at FORMAT, behind its '%': "08Xu". Returns its length. */
static size_t
directive(struct str format, bool *zero, unsigned *width, bool *hex, char *what)
{
	size_t i = 0;

	*zero = format.n > 0 && format.p[0] == '0';
	*width = 0;
	for (; i < format.n && ascii_digit(format.p[i]); i++)
		*width = *width * 10 + (unsigned)(format.p[i] - '0');
	*hex = i < format.n && format.p[i] == 'X';
	i += *hex;
	*what = i < format.n && *width <= MAX_WIDTH ? format.p[i] : '\0';
	return i + 1;
}

static void
put_number(struct buf *out, uint32_t v, bool zero, unsigned width, bool hex)
{
	char text[MAX_WIDTH + 16];
	int n =
	    snprintf(text, sizeof(text), hex ? "%lx" : "%lu", (unsigned long)v);

	for (unsigned i = (unsigned)n; i < width; i++)
		buf_putc(out, zero ? '0' : ' ');
	buf_puts(out, text);
}

static bool
expand(struct str format, const struct values *v, struct buf *out)
{
	for (size_t i = 0; i < format.n; i++) {
		unsigned width;
		bool zero, hex;
		char what;

		if (format.p[i] != '%') {
			buf_putc(out, format.p[i]);
			continue;
		}
		i += directive(str_sub(format, i + 1, STR_NPOS), &zero, &width,
		    &hex, &what);
		if (what == 'u' || what == 'v')
			put_number(out, what == 'u' ? v->uid : v->validity,
			    zero, width, hex);
		else if (what == 'f')
			buf_putstr(out, v->file);
		else
			return false;
	}
	return true;
}

bool
uidl_format_valid(struct str format)
{
	struct values v = { .file = STR("x") };
	struct buf out = { 0 };
	bool ok = expand(format, &v, &out) && str_chr(format, '%') != STR_NPOS;

	buf_fini(&out);
	return ok;
}

/* ------------------------------------------------------------------------
 * dovecot-uidlist
 */

/* "3 V1275660208 N25022 G3085..." or "1 1275660208 25022". */
static uint32_t
validity_of(struct str line)
{
	struct str word;
	uint32_t v = 0;
	bool old;

	str_split(&line, ' ', &word);
	old = str_eqc(word, "1");
	while (line.p && str_split(&line, ' ', &word)) {
		if (old && str_u32(word, &v))
			return v;
		if (str_starts(word, STR("V")) &&
		    str_u32(str_sub(word, 1, STR_NPOS), &v))
			return v;
	}
	return 0;
}

/* "25006 W2481 P0000001 :1276528487.M36.host:2,S", in version 1 without
 * fields and colon. */
static bool
take_record(struct str line, struct values *v, struct str *own)
{
	struct str word;

	*own = STR_NULL;
	if (!str_split(&line, ' ', &word) || !str_u32(word, &v->uid) || !line.p)
		return false;
	while (line.p && line.n > 0 && line.p[0] != ':') {
		struct str rest = line;

		str_split(&rest, ' ', &word);
		if (!rest.p) /* the last word: the name */
			break;
		if (word.n > 1 && word.p[0] == 'P')
			*own = str_sub(word, 1, STR_NPOS);
		line = rest;
	}
	if (!line.p)
		return false;
	if (str_starts(line, STR(":")))
		line = str_sub(line, 1, STR_NPOS);
	v->file = str_sub(line, 0, str_chr(line, ':'));
	return v->file.n > 0;
}

void
uidl_open(
    struct uidl_source *u, struct arena *a, struct str format, struct str list)
{
	struct str line;
	struct values v = { 0 };

	*u = (struct uidl_source){ .format = format, .ids = map_new() };
	if (list.n == 0 || !str_split(&list, '\n', &line))
		return;
	v.validity = validity_of(line);
	while (list.p && str_split(&list, '\n', &line)) {
		struct buf id = { 0 };
		struct str own;

		if (!take_record(line, &v, &own))
			continue;
		if (own.n)
			buf_putstr(&id, own);
		else
			expand(format, &v, &id);
		map_set(u->ids, v.file, arena_cstr(a, buf_str(&id)));
		buf_fini(&id);
	}
}

void
uidl_close(struct uidl_source *u)
{
	map_free(&u->ids);
}

bool
uidl_presentable(struct str id)
{
	for (size_t i = 0; i < id.n; i++) {
		if (id.p[i] < '!' || id.p[i] > '~')
			return false;
	}
	return id.n > 0 && id.n <= 70;
}

/* A format of file names needs no list. */
static bool
names_only(struct str format)
{
	return str_find(format, STR("%f")) != STR_NPOS &&
	       str_find(format, STR("u")) == STR_NPOS &&
	       str_find(format, STR("v")) == STR_NPOS;
}

struct str
uidl_of(const struct uidl_source *u, struct arena *a, struct str unique)
{
	struct values v = { .file = unique };
	struct str id = str_of(map_get(u->ids, unique));
	struct buf made = { 0 };

	if (!id.p && names_only(u->format)) {
		expand(u->format, &v, &made);
		id = arena_str(a, buf_str(&made));
		buf_fini(&made);
	}
	return uidl_presentable(id) ? id : STR_NULL;
}
