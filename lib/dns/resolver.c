/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/resolver.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "dns/internal.h"

/* ------------------------------------------------------------------------
 * Names
 */

struct str
dns_undotted(struct str name)
{
	bool dotted = name.n > 0 && name.p[name.n - 1] == '.';

	return str_sub(name, 0, name.n - dotted);
}

bool
dns_is_name(struct str name)
{
	struct str rest = dns_undotted(name), label;

	if (rest.n == 0 || rest.n > DNS_NAME_MAX)
		return false;
	while (str_split(&rest, '.', &label)) {
		if (label.n == 0 || label.n > DNS_LABEL_MAX)
			return false;
	}
	return true;
}

struct dns_key
dns_key(struct str name, enum dns_type type)
{
	struct dns_key k = { .n = 2 };

	k.text[0] = (char)(type >> 8);
	k.text[1] = (char)type;
	for (size_t i = 0; i < name.n && k.n < sizeof(k.text); i++)
		k.text[k.n++] = ascii_lower(name.p[i]);
	return k;
}

static void
put_label(struct buf *out, struct str label)
{
	buf_putc(out, (char)label.n);
	buf_putstr(out, label);
}

bool
dns_wire_name(struct buf *out, struct str name)
{
	struct str rest = dns_undotted(name), label;

	if (rest.n > 0 && !dns_is_name(rest))
		return false;
	while (rest.n > 0 && str_split(&rest, '.', &label))
		put_label(out, label);
	buf_putc(out, '\0');
	return true;
}

static bool
is_plain(char c)
{
	char l = ascii_lower(c);

	return ascii_digit(c) || (l >= 'a' && l <= 'z') || c == '-' ||
	       c == '_' || c == '.';
}

void
dns_escape(struct str name, char out[DNS_ESCAPED_MAX])
{
	char *p = out;

	for (size_t i = 0; i < name.n && i < DNS_NAME_MAX; i++) {
		if (is_plain(name.p[i]))
			*p++ = name.p[i];
		else
			p += sprintf(p, "\\%03d", (unsigned char)name.p[i]);
	}
	*p = '\0';
}

/* ------------------------------------------------------------------------
 * Questions and answers
 */

void
dns_ask(struct resolver *r, struct arena *a, struct str name,
    enum dns_type type, struct dns_answer *out)
{
	*out = (struct dns_answer){ .rc = DNS_NXDOMAIN };
	if (dns_is_name(name))
		r->ask(r, a, dns_undotted(name), type, out);
}

void
dns_prefetch(struct resolver *r, struct str name, enum dns_type type)
{
	if (r->prefetch && dns_is_name(name))
		r->prefetch(r, dns_undotted(name), type);
}

void
dns_fail(struct dns_answer *out, const char *why)
{
	*out = (struct dns_answer){ .rc = DNS_FAILED, .why = why };
}

void
dns_answer_copy(
    struct arena *a, const struct dns_answer *from, struct dns_answer *to)
{
	struct str *rdata = arena_array(a, from->n, sizeof(*rdata));

	for (size_t i = 0; i < from->n; i++)
		rdata[i] = arena_str(a, from->rdata[i]);
	*to = *from;
	to->rdata = rdata;
	to->why = from->why ? arena_cstr(a, str_of(from->why)) : NULL;
}

static size_t
packed_size(const struct dns_answer *a)
{
	size_t n = sizeof(*a) + a->n * sizeof(*a->rdata);

	for (size_t i = 0; i < a->n; i++)
		n += a->rdata[i].n;
	return n + (a->why ? strlen(a->why) + 1 : 0);
}

/* The answer, its array, and then all octets. */
struct dns_answer *
dns_answer_pack(const struct dns_answer *from, size_t *bytes)
{
	struct dns_answer *to = mem_alloc(*bytes = packed_size(from));
	struct str *rdata = (struct str *)(to + 1);
	char *p = (char *)(rdata + from->n);

	*to = *from;
	to->rdata = rdata;
	for (size_t i = 0; i < from->n; i++) {
		rdata[i] = (struct str){ p, from->rdata[i].n };
		p = mempcpy(p, from->rdata[i].p, from->rdata[i].n);
	}
	if (from->why)
		to->why = strcpy(p, from->why);
	return to;
}

static const struct {
	enum dns_type type;
	const char *name;
} types[] = {
	{ DNS_A, "A" },
	{ DNS_NS, "NS" },
	{ DNS_CNAME, "CNAME" },
	{ DNS_PTR, "PTR" },
	{ DNS_MX, "MX" },
	{ DNS_TXT, "TXT" },
	{ DNS_AAAA, "AAAA" },
	{ DNS_SRV, "SRV" },
	{ DNS_TLSA, "TLSA" },
};

const char *
dns_type_name(enum dns_type type)
{
	for (size_t i = 0; i < LEN(types); i++) {
		if (types[i].type == type)
			return types[i].name;
	}
	return "record";
}

const char *
dns_rc_name(enum dns_rc rc)
{
	static const char *const names[] = {
		[DNS_OK] = "ok",
		[DNS_NODATA] = "no data",
		[DNS_NXDOMAIN] = "no such name",
		[DNS_FAILED] = "failed",
	};

	return names[rc];
}
