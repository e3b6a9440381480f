/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "base/mem.h"
#include "mailauth/bodies.h"
#include "mailauth/signed.h"
#include "mailauth/verifier_check.h"

#define SIGNATURES_MAX 8

struct check { /* of one signature */
	struct signature *out;
	const struct field *field;
	struct claim claim;
	struct body *body; /* NULL: it cannot pass */
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
	struct bodies bodies;
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

static void
start(struct verifier *v, struct check *c)
{
	if (!signature_parse(
		v->a, v->fields, c->field, v->o.now, c->out, &c->claim))
		return;
	c->body = bodies_get(&v->bodies, c->claim.body, c->claim.limit);
	if (!c->body) {
		signature_fails(c->out, SIGNATURE_POLICY,
		    STR("there are too many forms of the body"));
		return;
	}
	dns_prefetch(
	    v->r, key_name(v->a, c->out->selector, c->out->domain), DNS_TXT);
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

void
verifier_body(struct verifier *v, struct str chunk)
{
	bodies_add(&v->bodies, chunk);
}

/* ------------------------------------------------------------------------
 * The end
 */

/* The signature holds; but does it cover what readers see (RFC 6376, section
 * 8.2)? */
static bool
check_limit(const struct verifier *v, struct check *c)
{
	c->out->partial = c->body->more;
	return !c->out->partial || v->o.allow_partial ||
	       signature_fails(
		   c->out, SIGNATURE_POLICY, STR("l= leaves text out"));
}

static bool
holds(const struct verifier *v, const struct check *c, struct public_key *key)
{
	uint8_t hash[SHA256_LEN];
	struct str why;

	if (!body_matches(c->body, c->claim.bh, &why))
		return signature_fails(c->out, SIGNATURE_FAIL, why);
	header_hash(v->header, c->claim.names, c->field, c->claim.header, hash);
	return public_key_verify(key, hash, c->claim.b) ||
	       signature_fails(c->out, SIGNATURE_FAIL,
		   STR("the header was changed, or the key is another"));
}

static void
end_check(struct verifier *v, struct check *c)
{
	struct key_record key = { 0 };
	enum key_rc rc;

	if (!c->body)
		return;
	rc = key_lookup(
	    v->r, v->a, c->out->selector, c->out->domain, &key, &c->out->why);
	if (signature_key(rc, &key, &c->claim, v->o.min_bits, c->out) &&
	    holds(v, c, key.key) && check_limit(v, c))
		c->out->result = SIGNATURE_PASS;
	public_key_free(&key.key);
}

void
verifier_end(struct verifier *v, const struct signature **list, size_t *n)
{
	bodies_end(&v->bodies);
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
	bodies_fini(&(*v)->bodies);
	free(*v);
	*v = NULL;
}
