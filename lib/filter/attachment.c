/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/attachment.h"

#include <string.h>

#include "mime/decode.h"
#include "mime/mime.h"

/* ------------------------------------------------------------------------
 * What the first octets say
 */

static const struct signature {
	const char *octets;
	size_t n;
	const char *type;
} signatures[] = {
	{ "MZ", 2, "application/x-msdownload" },
	{ "\177ELF", 4, "application/x-executable" },
	{ "#!", 2, "text/x-script" },
	{ "\xca\xfe\xba\xbe", 4, "application/java-vm" },
	{ "\xcf\xfa\xed\xfe", 4, "application/x-mach-binary" },
	{ "\xce\xfa\xed\xfe", 4, "application/x-mach-binary" },
	{ "\x4c\0\0\0\x01\x14\x02\0", 8, "application/x-ms-shortcut" },
	{ "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, "application/x-ole-storage" },
	{ "MSCF", 4, "application/vnd.ms-cab-compressed" },
	{ "PK\003\004", 4, "application/zip" },
	{ "Rar!\032\007", 6, "application/vnd.rar" },
	{ "7z\274\257\047\034", 6, "application/x-7z-compressed" },
	{ "%PDF-", 5, "application/pdf" },
	{ "{\\rtf", 5, "application/rtf" },
};
#define SIGNATURE_MAX 8

static const char *
content_of(struct str octets)
{
	for (size_t i = 0; i < LEN(signatures); i++) {
		const struct signature *s = &signatures[i];

		if (octets.n >= s->n && memcmp(octets.p, s->octets, s->n) == 0)
			return s->type;
	}
	return NULL;
}

/* ------------------------------------------------------------------------
 * Finding them
 */

static struct str
type_of(struct arena *a, const struct mime_part *p)
{
	char *text = arena_cstr(a, arena_printf(a, "%.*s/%.*s",
				       STR_ARG(p->type), STR_ARG(p->subtype)));

	for (char *c = text; *c; c++)
		*c = ascii_lower(*c);
	return str_of(text);
}

static struct str
name_of(struct arena *a, const struct mime_part *p)
{
	struct str name = mime_part_filename(a, p);

	while (name.n > 0 &&
	       (name.p[name.n - 1] == '.' || name.p[name.n - 1] == ' '))
		name.n--;
	return name;
}

static const char *
look_inside(const struct mime_message *m, const struct mime_part *p)
{
	struct buf octets = { 0 };
	const char *type;

	mime_decode_cte(&octets, p->cte, mime_part_body(m, p), SIGNATURE_MAX);
	type = content_of(buf_str(&octets));
	buf_fini(&octets);
	return type;
}

static bool
is_file(const struct mime_part *p, struct str name)
{
	if (p->multipart || p->message)
		return false;
	return name.n > 0 || !str_ieqc(p->type, "text") ||
	       mime_part_is_attachment(p);
}

size_t
attachment_list(struct arena *a, struct str raw, struct attachment **list)
{
	const struct mime_message *m = mime_parse(a, raw, NULL);
	size_t n = 0, cap = 0;

	*list = NULL;
	for (const struct mime_part *p = m->root; p && n < ATTACHMENTS_MAX;
	     p = mime_part_next(p)) {
		struct str name = name_of(a, p);

		if (!is_file(p, name))
			continue;
		*list = arena_grow(a, *list, n, &cap, sizeof(**list));
		(*list)[n++] = (struct attachment){ name, type_of(a, p),
			look_inside(m, p) };
	}
	return n;
}

/* ------------------------------------------------------------------------
 * Patterns
 */

/* At a mismatch only the last star can help, so it is quadratic at worst in
 * the length of a name, which is one line of a header. */
static bool
glob(struct str pattern, struct str s)
{
	size_t p = 0, i = 0, star = STR_NPOS, from = 0;

	while (i < s.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = i;
		} else if (p < pattern.n &&
			   (pattern.p[p] == '?' || ascii_lower(pattern.p[p]) ==
						       ascii_lower(s.p[i]))) {
			p++;
			i++;
		} else if (star != STR_NPOS) {
			p = star + 1;
			i = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

static bool
is_meant(const struct attachment *f, struct str pattern)
{
	if (str_chr(pattern, '/') != STR_NPOS)
		return glob(pattern, f->type) ||
		       (f->content && glob(pattern, str_of(f->content)));
	return f->name.n > 0 && glob(pattern, f->name);
}

const struct attachment *
attachment_match(const struct attachment *list, size_t n, struct str patterns,
    struct str *pattern)
{
	while (patterns.n > 0 && str_split(&patterns, ' ', pattern)) {
		for (size_t i = 0; pattern->n > 0 && i < n; i++) {
			if (is_meant(&list[i], *pattern))
				return &list[i];
		}
	}
	return NULL;
}
