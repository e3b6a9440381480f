/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/comparator.h"

#include <string.h>

#include "base/buf.h"

static const struct sieve_comparator comparators[] = {
	{ "i;ascii-casemap", CAP_CMP_ASCII_CASEMAP, false, false, NULL },
	{ "i;octet", CAP_CMP_OCTET, false, true, NULL },
	{ "i;ascii-numeric", CAP_CMP_ASCII_NUMERIC, true, false, NULL },
	{ "i;unicode-casemap", CAP_CMP_UNICODE_CASEMAP, false, false, NULL },
};
#define COMPARATORS LEN(comparators)

const struct sieve_comparator *
sieve_comparator_find(struct str name)
{
	for (size_t i = 0; i < COMPARATORS; i++) {
		if (str_eqc(name, comparators[i].name))
			return &comparators[i];
	}
	return NULL;
}

const struct sieve_comparator *
sieve_comparator_default(void)
{
	return &comparators[0];
}

/* RFC 4790, section 9.1: leading digits; anything else is infinity. */
static struct str
digits(struct str s)
{
	size_t n = 0, zeros = 0;

	while (n < s.n && ascii_digit(s.p[n]))
		n++;
	while (zeros + 1 < n && s.p[zeros] == '0')
		zeros++;
	return str_sub(s, zeros, n - zeros);
}

static int
compare_numbers(struct str a, struct str b)
{
	struct str x = digits(a), y = digits(b);

	if (x.n == 0 || y.n == 0)
		return (x.n == 0) - (y.n == 0);
	if (x.n != y.n)
		return x.n < y.n ? -1 : 1;
	return memcmp(x.p, y.p, x.n);
}

static int
compare_unicode(struct str a, struct str b)
{
	const struct mime_collation *m =
	    mime_collation_find(STR("i;unicode-casemap"));
	struct buf x = { 0 }, y = { 0 };
	int result;

	m->order(&x, a);
	m->order(&y, b);
	result = str_cmp(buf_str(&x), buf_str(&y));
	buf_fini(&x);
	buf_fini(&y);
	return result;
}

static bool
is_unicode(const struct sieve_comparator *c)
{
	return c->cap == CAP_CMP_UNICODE_CASEMAP;
}

int
sieve_compare(const struct sieve_comparator *c, struct str a, struct str b)
{
	if (c->numeric)
		return compare_numbers(a, b);
	if (c->octets)
		return str_cmp(a, b);
	return is_unicode(c) ? compare_unicode(a, b) : str_icmp(a, b);
}

static struct str
ordered(struct arena *a, const struct sieve_comparator *c, struct str text)
{
	struct buf out = { 0 };

	if (!is_unicode(c))
		return sieve_fold(a, c, text).text;
	mime_collation_find(str_of(c->name))->order(&out, text);
	text = arena_str(a, buf_str(&out));
	buf_fini(&out);
	return text;
}

bool
sieve_contains(struct arena *a, const struct sieve_comparator *c,
    struct str value, struct str key)
{
	return key.n == 0 ||
	       str_find(ordered(a, c, value), ordered(a, c, key)) != STR_NPOS;
}

static size_t
utf8_length(struct str s, size_t i)
{
	size_t n = 1;

	while (i + n < s.n && ((uint8_t)s.p[i + n] & 0xc0) == 0x80 && n < 4)
		n++;
	return n;
}

/* Character by character, to know where each came from. */
static struct sieve_folded
fold_unicode(struct arena *a, struct str text)
{
	const struct mime_collation *m =
	    mime_collation_find(STR("i;unicode-casemap"));
	struct buf out = { 0 };
	size_t *at = NULL, n = 0, cap = 0;
	struct sieve_folded f;

	for (size_t i = 0; i < text.n;) {
		size_t length = utf8_length(text, i);

		m->order(&out, str_sub(text, i, length));
		for (; n < out.n; n++) {
			at = arena_grow(a, at, n, &cap, sizeof(*at));
			at[n] = i;
		}
		i += length;
	}
	at = arena_grow(a, at, n, &cap, sizeof(*at));
	at[n] = text.n;
	f = (struct sieve_folded){ arena_str(a, buf_str(&out)), at };
	buf_fini(&out);
	return f;
}

struct sieve_folded
sieve_fold(struct arena *a, const struct sieve_comparator *c, struct str text)
{
	char *p;

	if (c->octets)
		return (struct sieve_folded){ text, NULL };
	if (is_unicode(c))
		return fold_unicode(a, text);
	p = arena_alloc(a, text.n + 1);
	for (size_t i = 0; i < text.n; i++)
		p[i] = ascii_upper(text.p[i]);
	return (struct sieve_folded){ { p, text.n }, NULL };
}

size_t
sieve_folded_char(
    const struct sieve_comparator *c, const struct sieve_folded *f, size_t i)
{
	size_t n = 1;

	if (c->octets)
		return 1;
	if (!f->at)
		return utf8_length(f->text, i);
	while (i + n < f->text.n && f->at[i + n] == f->at[i])
		n++;
	return n;
}
