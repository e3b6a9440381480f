/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <string.h>
#include <unicode/ucasemap.h>
#include <unicode/uidna.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "site/internal.h"

#define MAX_DOMAIN 253
#define MAX_LOCAL 255 /* RFC 5321 says 64; VERP writes longer ones */

static struct {
	pthread_once_t once;
	UIDNA *idna;
	const UNormalizer2 *nfc;
	UCaseMap *fold;
} icu = { .once = PTHREAD_ONCE_INIT };

/* All three are immutable once open, so threads share them. */
static void
icu_init(void)
{
	UErrorCode err = U_ZERO_ERROR;

	icu.idna = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII |
				       UIDNA_NONTRANSITIONAL_TO_UNICODE |
				       UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ,
	    &err);
	icu.nfc = unorm2_getNFCInstance(&err);
	icu.fold = ucasemap_open("", U_FOLD_CASE_DEFAULT, &err);
}

static bool
is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------
 * Domains
 */

/* Letters, digits, hyphens inside labels; underscores exist in the world. */
static bool
valid_ascii_domain(struct str s)
{
	size_t label = 0;

	if (s.n == 0 || s.n > MAX_DOMAIN)
		return false;
	for (size_t i = 0; i <= s.n; i++) {
		char c = i < s.n ? s.p[i] : '.';

		if (c == '.') {
			if (label == 0 || label > 63 || s.p[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!ascii_digit(c) && c != '_' && c != '-' &&
		    !(ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'))
			return false;
		if (c == '-' && label == 0)
			return false;
		label++;
	}
	return true;
}

static struct str
lower(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		p[i] = ascii_lower(s.p[i]);
	return (struct str){ p, s.n };
}

static bool
has_alabel(struct str s)
{
	struct str label;

	while (str_split(&s, '.', &label)) {
		if (str_istarts(label, STR("xn--")))
			return true;
	}
	return false;
}

static bool
idna(struct arena *a, struct str in, bool to_ascii, struct str *out)
{
	UIDNAInfo info = UIDNA_INFO_INITIALIZER;
	UErrorCode err = U_ZERO_ERROR;
	char *p = arena_alloc(a, 1024);
	int32_t n;

	pthread_once(&icu.once, icu_init);
	if (!icu.idna || in.n > 4 * MAX_DOMAIN)
		return false;
	n = (to_ascii ? uidna_nameToASCII_UTF8 : uidna_nameToUnicodeUTF8)(
	    icu.idna, in.p, (int32_t)in.n, p, 1023, &info, &err);
	if (U_FAILURE(err) || info.errors)
		return false;
	*out = (struct str){ p, (size_t)n };
	return true;
}

bool
site_domain_normalize(struct arena *a, struct str text, struct str *out)
{
	struct str s;

	if (text.n > 0 && text.p[text.n - 1] == '.')
		text.n--;
	if (is_ascii(text) && !has_alabel(text)) {
		if (!valid_ascii_domain(text))
			return false;
		*out = lower(a, text);
		return true;
	}
	if (!str_is_utf8(text) || !idna(a, text, true, &s) ||
	    !valid_ascii_domain(s))
		return false;
	*out = lower(a, s);
	return true;
}

struct str
site_domain_display(struct arena *a, struct str domain)
{
	struct str out;

	if (!has_alabel(domain) || !idna(a, domain, false, &out))
		return domain;
	return out;
}

/* ------------------------------------------------------------------------
 * Local parts
 */

static struct str
normalize(struct arena *a, struct str s)
{
	UErrorCode err = U_ZERO_ERROR;
	UChar in[4 * MAX_LOCAL], out[4 * MAX_LOCAL];
	int32_t n;
	char *p;

	pthread_once(&icu.once, icu_init);
	u_strFromUTF8(in, 4 * MAX_LOCAL, &n, s.p, (int32_t)s.n, &err);
	n = unorm2_normalize(icu.nfc, in, n, out, 4 * MAX_LOCAL, &err);
	p = arena_alloc(a, (size_t)n * 3 + 1);
	u_strToUTF8(p, n * 3, &n, out, n, &err);
	if (U_FAILURE(err))
		return s;
	return (struct str){ p, (size_t)n };
}

struct str
address_fold(struct arena *a, struct str local)
{
	UErrorCode err = U_ZERO_ERROR;
	size_t cap = local.n * 3 + 1;
	char *p;
	int32_t n;

	if (is_ascii(local))
		return lower(a, local);
	pthread_once(&icu.once, icu_init);
	p = arena_alloc(a, cap);
	n = ucasemap_utf8FoldCase(
	    icu.fold, p, (int32_t)cap, local.p, (int32_t)local.n, &err);
	if (U_FAILURE(err))
		return local;
	return normalize(a, (struct str){ p, (size_t)n });
}

static bool
needs_quotes(struct str local)
{
	static const char specials[] = "()<>[]:;@\\,\" ";

	if (local.n == 0 || local.p[0] == '.' || local.p[local.n - 1] == '.')
		return true;
	for (size_t i = 0; i < local.n; i++) {
		if (strchr(specials, local.p[i]))
			return true;
	}
	return false;
}

struct str
address_format(struct arena *a, struct str local, struct str domain)
{
	struct buf b = { 0 };
	struct str out;

	if (local.n == 0 || !needs_quotes(local)) {
		buf_putstr(&b, local);
	} else {
		buf_put_quoted(&b, local);
	}
	buf_putc(&b, '@');
	buf_putstr(&b, domain);
	out = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return out;
}

/* The inside of a quoted string, without its quotes and backslashes. */
static bool
unquote(struct arena *a, struct str in, struct str *out)
{
	char *p = arena_alloc(a, in.n + 1);
	size_t n = 0;

	for (size_t i = 1; i + 1 < in.n; i++) {
		if (in.p[i] == '\\' && i + 2 < in.n)
			i++;
		else if (in.p[i] == '"' || in.p[i] == '\\')
			return false;
		p[n++] = in.p[i];
	}
	*out = (struct str){ p, n };
	return n > 0;
}

static bool
clean(struct str local)
{
	for (size_t i = 0; i < local.n; i++) {
		if ((unsigned char)local.p[i] < 0x20 || local.p[i] == 0x7f)
			return false;
	}
	return local.n <= MAX_LOCAL && str_is_utf8(local);
}

/* Dots at the ends or doubled are not RFC 5321, but are in use. */
static bool
parse_local(struct arena *a, struct str in, struct str *out)
{
	static const char specials[] = "()<>[]:;@\\,\" ";

	if (!clean(in))
		return false;
	if (in.n >= 2 && in.p[0] == '"' && in.p[in.n - 1] == '"') {
		if (!unquote(a, in, out))
			return false;
	} else {
		for (size_t i = 0; i < in.n; i++) {
			if (strchr(specials, in.p[i]))
				return false;
		}
		*out = arena_str(a, in);
	}
	if (!is_ascii(*out))
		*out = normalize(a, *out);
	return true;
}

bool
site_address_parse(struct arena *a, struct str text, struct site_address *out)
{
	size_t at = str_rchr(text, '@');

	if (at == STR_NPOS ||
	    !parse_local(a, str_sub(text, 0, at), &out->local) ||
	    !site_domain_normalize(
		a, str_sub(text, at + 1, STR_NPOS), &out->domain))
		return false;
	out->key = arena_printf(a, "%.*s@%.*s",
	    STR_ARG(address_fold(a, out->local)), STR_ARG(out->domain));
	return true;
}
