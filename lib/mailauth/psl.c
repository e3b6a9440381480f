/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/psl.h"

#include <idn2.h>
#include <libpsl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Where Debian's package publicsuffix has it; none is compiled into libpsl
 * there. */
#define DEFAULT_LIST "/usr/share/publicsuffix/public_suffix_list.dafsa"

#define MAX_NAME 253  /* RFC 1035, section 2.3.4, as text */
#define MAX_UTF8 1024 /* of a name before it is in A-labels */
#define MAX_LABEL 63

struct psl {
	psl_ctx_t *ctx;
};

bool
psl_open(const char *path, struct psl **out, struct err *e)
{
	psl_ctx_t *ctx = psl_load_file(path ? path : DEFAULT_LIST);

	*out = NULL;
	if (!ctx) {
		err_set(e, "cannot read the Public Suffix List %s",
		    path ? path : DEFAULT_LIST);
		return false;
	}
	*out = mem_alloc(sizeof(**out));
	(*out)->ctx = ctx;
	return true;
}

void
psl_close(struct psl **p)
{
	if (!*p)
		return;
	psl_free((*p)->ctx);
	free(*p);
	*p = NULL;
}

/* ------------------------------------------------------------------------
 * Names
 */

/* Labels of 1 to 63 octets that are no space, control or beyond ASCII. */
static bool
is_name(struct str s)
{
	size_t label = 0;

	if (s.n == 0 || s.n > MAX_NAME)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '.' ? label == 0 : c <= ' ' || c > '~')
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > MAX_LABEL)
			return false;
	}
	return label > 0;
}

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] & 0x80)
			return false;
	}
	return true;
}

/* UTS #46 (which maps capitals and full-width dots, too), nontransitional: the
 * registries' reading of a name. */
static struct str
to_a_labels(struct arena *a, struct str name)
{
	char *ascii = NULL;
	struct str s = STR_NULL;

	if (name.n > MAX_UTF8 || !str_is_utf8(name))
		return s;
	if (idn2_to_ascii_8z(arena_cstr(a, name), &ascii,
		IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK)
		s = arena_str(a, str_of(ascii));
	idn2_free(ascii);
	return s;
}

/* Underscores and the like are taken as they are: names of mail have them. */
static struct str
lower(struct arena *a, struct str name)
{
	char *p = arena_cstr(a, name);

	for (size_t i = 0; i < name.n; i++)
		p[i] = ascii_lower(p[i]);
	return (struct str){ p, name.n };
}

struct str
domain_to_ascii(struct arena *a, struct str name)
{
	struct str s = is_ascii(name) ? name : to_a_labels(a, name);

	if (s.n > 1 && s.p[s.n - 1] == '.')
		s.n--;
	return is_name(s) ? lower(a, s) : STR_NULL;
}

struct str
psl_organizational(const struct psl *p, struct arena *a, struct str name)
{
	struct str s = domain_to_ascii(a, name);
	const char *found;

	if (s.n == 0)
		return STR_NULL;
	found = psl_registrable_domain(p->ctx, s.p);
	return found ? str_of(found) : STR_NULL;
}
