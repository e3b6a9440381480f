/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/zone.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/map.h"
#include "base/mem.h"
#include "dns/internal.h"

#define MAX_ALIASES 16
#define TTL 300
#define STRING_MAX 255 /* RFC 1035, section 3.3 */

struct record {
	struct record *next;
	enum dns_type type;
	struct str rdata;
};

struct node {
	struct record *first, **last;
	bool timeout;
};

struct zone {
	struct resolver resolver; /* first, so that it is found from there */
	struct arena *arena;
	struct map *nodes; /* by name in lower case */
	bool secure;
	atomic_uint asked;
};

/* ------------------------------------------------------------------------
 * Names
 */

static struct str
folded(struct arena *a, struct str name)
{
	struct str undotted = dns_undotted(name);
	char *p = arena_cstr(a, undotted);

	for (size_t i = 0; i < undotted.n; i++)
		p[i] = ascii_lower(p[i]);
	return (struct str){ p, undotted.n };
}

static struct node *
node(struct zone *z, struct str name)
{
	struct node *n = map_get(z->nodes, name);

	if (!n) {
		n = ARENA_NEW(z->arena, struct node);
		n->last = &n->first;
		map_set(z->nodes, name, n);
	}
	return n;
}

/* The node of NAME. Those above it are there from now on, too. */
static struct node *
name_node(struct zone *z, struct str name)
{
	struct str rest = folded(z->arena, name), label;
	struct node *n = node(z, rest);

	while (str_split(&rest, '.', &label) && rest.n > 0)
		node(z, rest);
	return n;
}

static void
add_record(
    struct zone *z, struct str name, enum dns_type type, const struct buf *data)
{
	struct node *n;
	struct record *r;

	if (!dns_is_name(name)) /* nobody can ask for it */
		return;
	n = name_node(z, name);
	r = ARENA_NEW(z->arena, struct record);
	*r = (struct record){ .type = type,
		.rdata = arena_str(z->arena, buf_str(data)) };
	*n->last = r;
	n->last = &r->next;
}

/* ------------------------------------------------------------------------
 * From text to what stands on the wire
 */

static bool
put_address(struct buf *out, struct str text, int family, size_t n)
{
	char cstr[INET6_ADDRSTRLEN], addr[16];

	if (text.n >= sizeof(cstr))
		return false;
	for (size_t i = 0; i < text.n; i++)
		cstr[i] = text.p[i];
	cstr[text.n] = '\0';
	if (inet_pton(family, cstr, addr) != 1)
		return false;
	buf_put(out, addr, n);
	return true;
}

static bool
put_a(struct buf *out, struct str text)
{
	return put_address(out, text, AF_INET, 4);
}

static bool
put_aaaa(struct buf *out, struct str text)
{
	return put_address(out, text, AF_INET6, 16);
}

static bool
put_mx(struct buf *out, struct str text)
{
	struct str preference;
	uint32_t n;

	if (!str_split(&text, ' ', &preference) || !text.p ||
	    !str_u32(preference, &n) || n > UINT16_MAX)
		return false;
	buf_putc(out, (char)(n >> 8));
	buf_putc(out, (char)n);
	return dns_wire_name(out, str_trim(text));
}

/* "0 1 993 imap.example" (RFC 2782) */
static bool
put_srv(struct buf *out, struct str text)
{
	struct str field;
	uint32_t n;

	for (size_t i = 0; i < 3; i++) {
		if (!str_split(&text, ' ', &field) || !str_u32(field, &n) ||
		    n > UINT16_MAX)
			return false;
		buf_putc(out, (char)(n >> 8));
		buf_putc(out, (char)n);
	}
	return dns_wire_name(out, str_trim(text));
}

static void
put_string(struct buf *out, struct str s)
{
	buf_putc(out, (char)s.n);
	buf_putstr(out, s);
}

static bool
put_txt(struct buf *out, struct str text)
{
	do {
		put_string(out, str_sub(text, 0, STRING_MAX));
		text = str_sub(text, STRING_MAX, STR_NPOS);
	} while (text.n > 0);
	return true;
}

/* "3 1 1 0123456789abcdef" (RFC 6698, section 2.2) */
static bool
put_tlsa(struct buf *out, struct str text)
{
	struct str field;
	uint32_t n;

	for (size_t i = 0; i < 3; i++) {
		if (!str_split(&text, ' ', &field) || !str_u32(field, &n) ||
		    n > UINT8_MAX)
			return false;
		buf_putc(out, (char)n);
	}
	if (text.n == 0 ||
	    !hex_decode(text, buf_reserve(out, text.n / 2), text.n / 2))
		return false;
	out->n += text.n / 2;
	return true;
}

static const struct {
	enum dns_type type;
	bool (*put)(struct buf *out, struct str text);
} forms[] = {
	{ DNS_A, put_a },
	{ DNS_NS, dns_wire_name },
	{ DNS_CNAME, dns_wire_name },
	{ DNS_PTR, dns_wire_name },
	{ DNS_MX, put_mx },
	{ DNS_TXT, put_txt },
	{ DNS_AAAA, put_aaaa },
	{ DNS_SRV, put_srv },
	{ DNS_TLSA, put_tlsa },
};

static bool
put_rdata(struct buf *out, enum dns_type type, struct str text)
{
	for (size_t i = 0; i < LEN(forms); i++) {
		if (forms[i].type == type)
			return forms[i].put(out, text);
	}
	return false;
}

bool
zone_add(struct zone *z, struct str name, enum dns_type type, struct str text,
    struct err *e)
{
	struct buf data = { 0 };
	bool ok = put_rdata(&data, type, text);

	if (ok)
		add_record(z, name, type, &data);
	else
		err_set(e, "%.*s: this is no %s record: %.*s", STR_ARG(name),
		    dns_type_name(type), STR_ARG(text));
	buf_fini(&data);
	return ok;
}

void
zone_add_txt(
    struct zone *z, struct str name, const struct str *strings, size_t n)
{
	struct buf data = { 0 };

	for (size_t i = 0; i < n; i++)
		put_string(&data, str_sub(strings[i], 0, STRING_MAX));
	if (n == 0)
		put_string(&data, STR_NULL);
	add_record(z, name, DNS_TXT, &data);
	buf_fini(&data);
}

void
zone_add_timeout(struct zone *z, struct str name)
{
	if (dns_is_name(name))
		name_node(z, name)->timeout = true;
}

/* ------------------------------------------------------------------------
 * Answers
 */

static const struct record *
next_of(const struct record *r, enum dns_type type)
{
	while (r && r->type != type)
		r = r->next;
	return r;
}

/* The node that answers for N, NULL if its name does not exist. */
static const struct node *
follow(const struct zone *z, struct arena *a, const struct node *n,
    enum dns_type type, unsigned *aliases)
{
	const struct record *cname;
	struct str name;

	while (
	    n && !n->timeout && type != DNS_CNAME && *aliases < MAX_ALIASES) {
		cname = next_of(n->first, DNS_CNAME);
		if (!cname)
			break;
		++*aliases;
		n = dns_rdata_name(a, cname->rdata, &name)
			? map_get(z->nodes, folded(a, name))
			: NULL;
	}
	return n;
}

static void
fill(struct arena *a, const struct node *n, enum dns_type type,
    struct dns_answer *out)
{
	struct str *rdata = NULL;
	size_t cap = 0;

	for (const struct record *r = next_of(n->first, type); r;
	     r = next_of(r->next, type)) {
		rdata = arena_grow(a, rdata, out->n, &cap, sizeof(*rdata));
		rdata[out->n++] = arena_str(a, r->rdata);
	}
	out->rdata = rdata;
	out->rc = out->n ? DNS_OK : DNS_NODATA;
}

static void
zone_ask(struct resolver *r, struct arena *a, struct str name,
    enum dns_type type, struct dns_answer *out)
{
	struct zone *z = (struct zone *)(void *)r;
	const struct node *n = map_get(z->nodes, folded(a, name));
	unsigned aliases = 0;

	atomic_fetch_add(&z->asked, 1);
	n = follow(z, a, n, type, &aliases);
	*out = (struct dns_answer){
		.rc = DNS_NXDOMAIN, .ttl = TTL, .secure = z->secure
	};
	if (n)
		fill(a, n, type, out);
	if (aliases == MAX_ALIASES)
		dns_fail(out, "too many aliases");
	else if (n && n->timeout && out->n == 0)
		dns_fail(out, "no answer in time");
}

/* ------------------------------------------------------------------------
 * The zone
 */

struct zone *
zone_new(void)
{
	struct zone *z = mem_zalloc(sizeof(*z));

	z->resolver.ask = zone_ask;
	z->arena = arena_new();
	z->nodes = map_new();
	return z;
}

void
zone_free(struct zone **z)
{
	if (!*z)
		return;
	map_free(&(*z)->nodes);
	arena_free(&(*z)->arena);
	free(*z);
	*z = NULL;
}

struct resolver *
zone_resolver(struct zone *z)
{
	return &z->resolver;
}

void
zone_set_secure(struct zone *z, bool secure)
{
	z->secure = secure;
}

unsigned
zone_asked(const struct zone *z)
{
	return atomic_load(&z->asked);
}
