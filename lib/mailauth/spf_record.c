/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/spf_record.h"

#include <arpa/inet.h>

#include "mailauth/spf_macro.h"

#define VERSION STR("v=spf1")

/* ------------------------------------------------------------------------
 * Arguments of mechanisms
 */

enum domain { NO_DOMAIN, MAY_DOMAIN, MUST_DOMAIN, MUST_IP4, MUST_IP6 };
enum cidr { NO_CIDR, CIDR4, CIDR6, DUAL_CIDR };

static const struct form {
	const char *name;
	enum domain domain;
	enum cidr cidr;
} forms[] = {
	/* clang-format off */
	[SPF_ALL] =     { "all",     NO_DOMAIN,   NO_CIDR },
	[SPF_INCLUDE] = { "include", MUST_DOMAIN, NO_CIDR },
	[SPF_A] =       { "a",       MAY_DOMAIN,  DUAL_CIDR },
	[SPF_MX] =      { "mx",      MAY_DOMAIN,  DUAL_CIDR },
	[SPF_PTR] =     { "ptr",     MAY_DOMAIN,  NO_CIDR },
	[SPF_IP4] =     { "ip4",     MUST_IP4,    CIDR4 },
	[SPF_IP6] =     { "ip6",     MUST_IP6,    CIDR6 },
	[SPF_EXISTS] =  { "exists",  MUST_DOMAIN, NO_CIDR },
	/* clang-format on */
};

/* Take "/LENGTH" from the end of *text, without leading zeros; false if there
 * is none. */
static bool
take_length(struct str *text, unsigned *out)
{
	size_t slash = str_rchr(*text, '/');
	struct str digits = str_sub(*text, slash + 1, STR_NPOS);
	uint32_t n;

	if (slash == STR_NPOS || digits.n > 3 || !str_u32(digits, &n) ||
	    (digits.n > 1 && digits.p[0] == '0'))
		return false;
	*text = str_sub(*text, 0, slash);
	*out = n;
	return true;
}

/* dual-cidr-length: "/24", "//64" or "/24//64". */
static void
take_dual(struct str *text, struct spf_directive *d)
{
	struct str rest = *text;
	unsigned length;

	if (!take_length(&rest, &length))
		return;
	if (rest.n > 0 && rest.p[rest.n - 1] == '/') {
		d->prefix6 = length;
		*text = str_sub(rest, 0, rest.n - 1);
		take_length(text, &d->prefix4);
	} else {
		d->prefix4 = length;
		*text = rest;
	}
}

static const char *
take_cidr(enum cidr cidr, struct str *text, struct spf_directive *d)
{
	if (cidr == CIDR4)
		take_length(text, &d->prefix4);
	if (cidr == CIDR6)
		take_length(text, &d->prefix6);
	if (cidr == DUAL_CIDR)
		take_dual(text, d);
	return d->prefix4 > 32 || d->prefix6 > 128 ? "a prefix that is too long"
						   : NULL;
}

static bool
parse_address(struct str text, int family, void *out)
{
	char cstr[INET6_ADDRSTRLEN];

	if (text.n >= sizeof(cstr))
		return false;
	for (size_t i = 0; i < text.n; i++)
		cstr[i] = text.p[i];
	cstr[text.n] = '\0';
	return inet_pton(family, cstr, out) == 1;
}

static const char *
parse_network(enum domain domain, struct str text, struct spf_directive *d)
{
	struct in6_addr *a = &d->network;

	if (domain == MUST_IP6)
		return parse_address(text, AF_INET6, a)
			   ? NULL
			   : "this is no IPv6 address";
	a->s6_addr[10] = a->s6_addr[11] = 0xff;
	return parse_address(text, AF_INET, a->s6_addr + 12)
		   ? NULL
		   : "this is no IPv4 address";
}

/* ARGUMENT is what follows the name: empty, or it begins with ":" or "/". */
static const char *
parse_argument(
    const struct form *f, struct str argument, struct spf_directive *d)
{
	const char *wrong = take_cidr(f->cidr, &argument, d);
	bool given = argument.n > 0 && argument.p[0] == ':';

	if (wrong)
		return wrong;
	if (argument.n > 0 && (!given || f->domain == NO_DOMAIN))
		return "this does not belong here";
	if (!given)
		return f->domain == NO_DOMAIN || f->domain == MAY_DOMAIN
			   ? NULL
			   : "an argument is missing";
	argument = str_sub(argument, 1, STR_NPOS);
	if (f->domain == MUST_IP4 || f->domain == MUST_IP6)
		return parse_network(f->domain, argument, d);
	d->domain = argument;
	return spf_domain_check(argument);
}

/* ------------------------------------------------------------------------
 * Terms
 */

static enum spf_result
take_qualifier(struct str *text)
{
	static const struct {
		char c;
		enum spf_result result;
	} qualifiers[] = {
		{ '+', SPF_PASS },
		{ '-', SPF_FAIL },
		{ '?', SPF_NEUTRAL },
		{ '~', SPF_SOFTFAIL },
	};

	for (size_t i = 0; i < LEN(qualifiers); i++) {
		if (text->n == 0 || text->p[0] != qualifiers[i].c)
			continue;
		*text = str_sub(*text, 1, STR_NPOS);
		return qualifiers[i].result;
	}
	return SPF_PASS;
}

static const char *
parse_directive(struct str term, struct spf_directive *d)
{
	struct str rest = term;
	size_t n = 0;

	*d = (struct spf_directive){
		.text = term, .prefix4 = 32, .prefix6 = 128
	};
	d->result = take_qualifier(&rest);
	while (n < rest.n && rest.p[n] != ':' && rest.p[n] != '/')
		n++;
	for (size_t i = 0; i < LEN(forms); i++) {
		if (!str_ieqc(str_sub(rest, 0, n), forms[i].name))
			continue;
		d->mechanism = (enum spf_mechanism)i;
		return parse_argument(&forms[i], str_sub(rest, n, STR_NPOS), d);
	}
	return "unknown mechanism";
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ) */
static bool
is_modifier_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);
		bool alpha = c >= 'a' && c <= 'z';

		if (!alpha && (i == 0 || (!ascii_digit(c) && c != '-' &&
					     c != '_' && c != '.')))
			return false;
	}
	return s.n > 0;
}

/* A modifier that we know may stand there once (section 6). */
static const char *
set_once(struct str *domain, struct str value)
{
	if (domain->n > 0)
		return "this modifier stands there twice";
	*domain = value;
	return spf_domain_check(value);
}

static const char *
parse_modifier(struct str name, struct str value, struct spf_record *r)
{
	if (str_ieqc(name, "redirect"))
		return set_once(&r->redirect, value);
	if (str_ieqc(name, "exp"))
		return set_once(&r->exp, value);
	return spf_macro_check(value, SPF_IN_NAME);
}

static const char *
parse_term(struct arena *a, struct str term, struct spf_record *r, size_t *cap)
{
	size_t equals = str_chr(term, '=');
	struct str name = str_sub(term, 0, equals);

	if (equals != STR_NPOS && is_modifier_name(name))
		return parse_modifier(
		    name, str_sub(term, equals + 1, STR_NPOS), r);
	r->directives =
	    arena_grow(a, r->directives, r->n, cap, sizeof(*r->directives));
	return parse_directive(term, &r->directives[r->n++]);
}

/* ------------------------------------------------------------------------
 * Records
 */

bool
spf_record_is(struct str text)
{
	return str_istarts(text, VERSION) &&
	       (text.n == VERSION.n || text.p[VERSION.n] == ' ');
}

bool
spf_record_parse(struct arena *a, struct str text, struct spf_record *out,
    struct spf_fault *fault)
{
	struct str rest = str_sub(text, VERSION.n, STR_NPOS), term;
	size_t cap = 0;

	*out = (struct spf_record){ 0 };
	*fault = (struct spf_fault){ .where = text };
	if (!spf_record_is(text))
		fault->what = "it does not begin with v=spf1";
	while (!fault->what && str_split(&rest, ' ', &term)) {
		if (term.n > 0)
			fault->what = parse_term(a, term, out, &cap);
		fault->where = term;
	}
	return !fault->what;
}
