/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "mailauth/spf_eval.h"
#include "mailauth/spf_macro.h"

#define NAME_MAX 253 /* RFC 7208, section 7.3 */

bool
spf_is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------
 * Names of the client (section 5.5)
 */

enum dns_type
spf_address_type(const struct spf_eval *ev)
{
	return ev->ipv4 ? DNS_A : DNS_AAAA;
}

/* Errors are passed over: the client chooses these names. */
static bool
leads_back(struct spf_eval *ev, struct str name)
{
	struct dns_answer answer;

	dns_ask(ev->resolver, ev->arena, name, spf_address_type(ev), &answer);
	return answer.rc == DNS_OK && spf_is_at(ev, &answer, 32, 128);
}

void
spf_find_names(struct spf_eval *ev)
{
	struct dns_answer ptr;
	struct str name;

	if (ev->names_known)
		return;
	ev->names_known = true;
	dns_ask(ev->resolver, ev->arena,
	    dns_reverse_name(ev->arena, &ev->query->client), DNS_PTR, &ptr);
	ev->no_ptr = ptr.rc == DNS_NODATA || ptr.rc == DNS_NXDOMAIN;
	ev->names = arena_array(ev->arena, ev->limits.names, sizeof(name));
	for (size_t i = 0; i < ptr.n && i < ev->limits.names; i++) {
		if (dns_rdata_name(ev->arena, ptr.rdata[i], &name) &&
		    leads_back(ev, name))
			ev->names[ev->n_names++] = name;
	}
}

bool
spf_is_within(struct str name, struct str domain)
{
	return str_iends(name, domain) &&
	       (name.n == domain.n || name.p[name.n - domain.n - 1] == '.');
}

/* %{p}: the domain itself, or else one below it, or else any. */
static struct str
validated_name(struct spf_eval *ev)
{
	struct str below = STR_NULL;

	spf_find_names(ev);
	for (size_t i = 0; i < ev->n_names; i++) {
		if (str_ieq(ev->names[i], ev->domain))
			return ev->names[i];
		if (!below.p && spf_is_within(ev->names[i], ev->domain))
			below = ev->names[i];
	}
	if (below.p)
		return below;
	return ev->n_names > 0 ? ev->names[0] : STR("unknown");
}

/* ------------------------------------------------------------------------
 * Macros (section 7.2)
 */

/* %{i}: IPv4 as usual, IPv6 as nibbles with dots. */
static struct str
dotted_address(struct spf_eval *ev)
{
	static const char digits[] = "0123456789ABCDEF";
	const uint8_t *b = ev->query->client.s6_addr;
	char *p;

	if (ev->ipv4)
		return arena_printf(
		    ev->arena, "%d.%d.%d.%d", b[12], b[13], b[14], b[15]);
	p = arena_alloc(ev->arena, 64);
	for (size_t i = 0; i < 16; i++) {
		p[4 * i] = digits[b[i] >> 4];
		p[4 * i + 2] = digits[b[i] & 15];
		p[4 * i + 1] = p[4 * i + 3] = '.';
	}
	return (struct str){ p, 63 };
}

static struct str
readable_address(struct spf_eval *ev)
{
	char *text = arena_alloc(ev->arena, INET6_ADDRSTRLEN);

	if (ev->ipv4)
		return dotted_address(ev);
	inet_ntop(AF_INET6, &ev->query->client, text, INET6_ADDRSTRLEN);
	return str_of(text);
}

/* Terms with %{s} or %{l} match nothing if the local part is not ASCII
 * (RFC 8616, section 4). */
static struct str
with_local(struct spf_eval *ev, struct str value)
{
	ev->unmatchable = ev->unmatchable || !ev->local_ascii;
	return value;
}

static struct str
value_of(void *arg, char letter)
{
	struct spf_eval *ev = arg;

	switch (letter) {
	case 's':
		return with_local(ev, ev->sender);
	case 'l':
		return with_local(ev, ev->local);
	case 'o':
		return ev->sender_domain;
	case 'd':
		return ev->domain;
	case 'i':
		return dotted_address(ev);
	case 'p':
		return validated_name(ev);
	case 'v':
		return ev->ipv4 ? STR("in-addr") : STR("ip6");
	case 'h':
		return ev->helo;
	case 'c':
		return readable_address(ev);
	case 'r':
		return ev->query->receiver.n ? ev->query->receiver
					     : STR("unknown");
	default: /* t */
		return arena_printf(ev->arena, "%" PRId64, ev->query->now);
	}
}

/* Labels are taken away on the left until it can be a name. */
static struct str
shortened(struct str name)
{
	while (name.n > NAME_MAX) {
		size_t over = name.n - NAME_MAX - 1;
		size_t dot = str_chr(str_sub(name, over, STR_NPOS), '.');

		if (dot == STR_NPOS)
			break;
		name = str_sub(name, over + dot + 1, STR_NPOS);
	}
	return name;
}

bool
spf_target(struct spf_eval *ev, struct str spec, struct str *out)
{
	struct spf_values values = { value_of, ev };
	struct buf b = { 0 };

	*out = ev->domain;
	if (spec.n == 0)
		return true;
	ev->unmatchable = false;
	spf_macro_expand(&b, spec, &values, NAME_MAX + 2, SPF_KEEP_END);
	*out = arena_str(ev->arena, shortened(dns_undotted(buf_str(&b))));
	buf_fini(&b);
	return !ev->unmatchable && dns_is_name(*out);
}

struct str
spf_explain(struct spf_eval *ev, struct str text, size_t limit)
{
	struct spf_values values = { value_of, ev };
	struct buf b = { 0 };
	struct str out;

	spf_macro_expand(&b, text, &values, limit, SPF_KEEP_START);
	out = arena_str(ev->arena, buf_str(&b));
	buf_fini(&b);
	return out;
}
