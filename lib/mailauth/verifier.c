/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "base/mem.h"
#include "mailauth/opendkim.h"
#include "mailauth/signed.h"
#include "mailauth/verifier_check.h"

#define SIGNATURES_MAX 8

/* One signature; HANDLE only while it can still pass. */
struct check {
	struct signature *out;
	const struct field *field;
	struct claim claim;
	struct opendkim *handle;
	struct body_hash *limited; /* with l=: what it leaves out */
};

struct verifier {
	struct arena *a;
	struct resolver *r;
	const struct fields *fields;
	struct verifier_options o;
	struct header *header;
	struct check *checks;
	struct signature *signatures;
	size_t n;
	char last[2]; /* octets of the body */
	bool body;    /* there is some */
};

const char *
signature_result_name(enum signature_result r)
{
	static const char *const names[] = {
		[SIGNATURE_PASS] = "pass",
		[SIGNATURE_FAIL] = "fail",
		[SIGNATURE_POLICY] = "policy",
		[SIGNATURE_NEUTRAL] = "neutral",
		[SIGNATURE_TEMPERROR] = "temperror",
		[SIGNATURE_PERMERROR] = "permerror",
	};

	return names[r];
}

/* ------------------------------------------------------------------------
 * The header
 */

static int
by_place(const void *a, const void *b)
{
	const struct field *x = *(const struct field *const *)a;
	const struct field *y = *(const struct field *const *)b;

	return (x > y) - (x < y);
}

/* What h= chooses, and the signature itself, from top to bottom. */
static size_t
choose(struct verifier *v, const struct check *c, const struct field ***out)
{
	struct str names = c->claim.names, name;
	const struct field **list =
	    arena_array(v->a, names_total(names) + 1, sizeof(*list));
	size_t n = 0;

	header_rewind(v->header);
	list[n++] = c->field;
	while (str_split(&names, ':', &name)) {
		const struct field *f = header_take(v->header, str_trim(name));

		if (f == c->field)
			f = header_take(v->header, str_trim(name));
		if (f)
			list[n++] = f;
	}
	qsort(list, n, sizeof(*list), by_place);
	*out = list;
	return n;
}

static void
start(struct verifier *v, struct check *c)
{
	const struct field **chosen;
	size_t n;

	if (!signature_parse(
		v->a, v->fields, c->field, v->o.now, c->out, &c->claim))
		return;
	dns_prefetch(
	    v->r, key_name(v->a, c->out->selector, c->out->domain), DNS_TXT);
	n = choose(v, c, &chosen);
	c->out->result = SIGNATURE_NEUTRAL;
	c->handle = opendkim_new(v->a, chosen, n, c->field, &c->out->why);
	if (c->handle && c->claim.limit != UINT64_MAX)
		c->limited = body_hash_new(c->claim.body, c->claim.limit);
}

static void
find_signatures(struct verifier *v)
{
	const struct field *f;
	size_t i = 0, n = fields_count(v->fields, "DKIM-Signature");

	if (n > v->o.max_signatures)
		n = v->o.max_signatures;
	v->checks = arena_array(v->a, n, sizeof(*v->checks));
	v->signatures = arena_array(v->a, n, sizeof(*v->signatures));
	while (v->n < n &&
	       (f = fields_next(v->fields, "DKIM-Signature", &i)) != NULL) {
		v->checks[v->n].field = f;
		v->checks[v->n].out = &v->signatures[v->n];
		v->n++;
	}
}

struct verifier *
verifier_new(struct arena *a, struct resolver *r, const struct fields *fields,
    const struct verifier_options *o)
{
	struct verifier *v = mem_zalloc(sizeof(*v));

	v->a = a;
	v->r = r;
	v->fields = fields;
	if (o)
		v->o = *o;
	if (v->o.max_signatures == 0)
		v->o.max_signatures = SIGNATURES_MAX;
	if (v->o.min_bits == 0)
		v->o.min_bits = KEY_MIN_BITS;
	find_signatures(v);
	if (v->n)
		v->header = header_index(a, fields);
	for (size_t i = 0; i < v->n; i++)
		start(v, &v->checks[i]);
	return v;
}

/* ------------------------------------------------------------------------
 * The body
 */

static void
put_body(struct verifier *v, struct str chunk)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->checks[i].handle)
			opendkim_body(v->checks[i].handle, chunk);
		if (v->checks[i].limited)
			body_hash_add(v->checks[i].limited, chunk);
	}
}

void
verifier_body(struct verifier *v, struct str chunk)
{
	if (chunk.n == 0)
		return;
	v->last[0] = chunk.n > 1 ? chunk.p[chunk.n - 2] : v->last[1];
	v->last[1] = chunk.p[chunk.n - 1];
	v->body = true;
	put_body(v, chunk);
}

/* Both forms end a last line that does not end; libopendkim refuses it. */
static void
end_body(struct verifier *v)
{
	if (v->body && (v->last[0] != '\r' || v->last[1] != '\n'))
		put_body(v, STR("\r\n"));
}

/* ------------------------------------------------------------------------
 * The end
 */

/* l= that does not cover the whole (RFC 6376, section 8.2). */
static void
check_limit(const struct verifier *v, struct check *c)
{
	unsigned char hash[32];
	uint64_t length;

	if (!c->limited)
		return;
	body_hash_end(c->limited, hash, &length, &c->out->partial);
	if (c->out->partial && !v->o.allow_partial)
		signature_fails(
		    c->out, SIGNATURE_POLICY, STR("l= leaves text out"));
}

static void
end_check(struct verifier *v, struct check *c)
{
	struct key_record key = { 0 };
	enum key_rc rc;

	if (!c->handle)
		return;
	rc = key_lookup(
	    v->r, v->a, c->out->selector, c->out->domain, &key, &c->out->why);
	if (signature_key(rc, &key, &c->claim, v->o.min_bits, c->out)) {
		c->out->result = opendkim_end(c->handle, &key, &c->out->why);
		if (c->out->result == SIGNATURE_PASS)
			check_limit(v, c);
	}
	public_key_free(&key.key);
}

void
verifier_end(struct verifier *v, const struct signature **list, size_t *n)
{
	end_body(v);
	for (size_t i = 0; i < v->n; i++)
		end_check(v, &v->checks[i]);
	*list = v->signatures;
	*n = v->n;
}

void
verifier_free(struct verifier **v)
{
	if (!*v)
		return;
	for (size_t i = 0; i < (*v)->n; i++) {
		opendkim_free(&(*v)->checks[i].handle);
		body_hash_free(&(*v)->checks[i].limited);
	}
	free(*v);
	*v = NULL;
}
