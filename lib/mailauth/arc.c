/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/arc.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "mailauth/arc_sets.h"
#include "mailauth/bodies.h"
#include "mailauth/signed.h"

/* Older signatures, which decide nothing, are looked at while it is cheap. */
#define OLD_OCTETS_MAX ((uint64_t)8 << 20)
#define CLOCK_DRIFT 300

/* The parts of ARC-Message-Signature and ARC-Seal that are the same. */
struct claim {
	enum key_type type;
	struct str domain, selector, b;
};

struct message_signature {
	struct claim claim;
	enum canon header;
	struct str names, bh;
	struct body *body;
	struct str why; /* P != NULL: it cannot hold */
};

/* A key that was asked for. */
struct key {
	struct str domain, selector;
	enum key_rc rc;
	struct key_record record;
	struct str why;
};

struct arc_verifier {
	struct arena *a;
	struct resolver *r;
	const struct fields *fields;
	struct arc_sets sets;
	struct header *header;
	struct message_signature signatures[ARC_MAX_SETS];
	struct bodies bodies;
	struct key keys[2 * ARC_MAX_SETS];
	size_t nkeys;
	bool temporary;
	struct str why; /* P != NULL: the chain fails */
};

const char *
arc_result_name(enum arc_result r)
{
	static const char *const names[] = {
		[ARC_NONE] = "none",
		[ARC_PASS] = "pass",
		[ARC_FAIL] = "fail",
	};

	return names[r];
}

/* ------------------------------------------------------------------------
 * Tags
 */

static bool
fail(struct str *why, const char *what)
{
	*why = str_of(what);
	return false;
}

static bool
parse_algorithm(struct str a, enum key_type *out)
{
	if (str_ieqc(a, "rsa-sha256"))
		*out = KEY_RSA;
	else if (str_ieqc(a, "ed25519-sha256"))
		*out = KEY_ED25519;
	else
		return false;
	return true;
}

static bool
parse_times(const struct tags *tags, struct str *why)
{
	struct str t = tags_get(tags, "t"), x = tags_get(tags, "x");
	uint64_t made = 0, expires = UINT64_MAX;
	uint64_t now = (uint64_t)clock_now();

	if (t.p && !tag_number(t, &made))
		return fail(why, "t= is no time");
	if (x.p && !tag_number(x, &expires))
		return fail(why, "x= is no time");
	if (made > now + CLOCK_DRIFT)
		return fail(why, "t= is in the future");
	if (expires < made)
		return fail(why, "x= is before t=");
	if (expires < now - CLOCK_DRIFT)
		return fail(why, "it has expired");
	return true;
}

static bool
parse_claim(
    struct arena *a, const struct tags *t, struct claim *out, struct str *why)
{
	out->domain = tags_get(t, "d");
	out->selector = tags_get(t, "s");
	if (!parse_algorithm(tags_get(t, "a"), &out->type))
		return fail(why, "a= is no algorithm that is known");
	if (out->domain.n == 0)
		return fail(why, "d= is missing");
	if (out->selector.n == 0)
		return fail(why, "s= is missing");
	if (!tag_base64(a, tags_get(t, "b"), &out->b))
		return fail(why, "b= is not base64");
	return parse_times(t, why);
}

/* A field that is there more often than h= says was perhaps put in later; it
 * is From that people look at. */
static bool
parse_names(const struct arc_verifier *v, const struct tags *t, struct str *out,
    struct str *why)
{
	size_t from;

	*out = tags_get(t, "h");
	if (out->n == 0)
		return fail(why, "h= is missing");
	if (names_count(*out, ARC_SEAL) > 0)
		return fail(why, "h= has " ARC_SEAL);
	if (names_total(*out) > SIGNED_NAMES_MAX)
		return fail(why, "h= is too long");
	from = names_count(*out, "from");
	if (from == 0)
		return fail(why, "h= has no From");
	if (from < fields_count(v->fields, "from"))
		return fail(why, "there is a From that h= does not cover");
	return true;
}

static bool
parse_body(struct arc_verifier *v, const struct tags *t,
    struct message_signature *out, struct str *why)
{
	struct str l = tags_get(t, "l");
	uint64_t limit = UINT64_MAX;
	enum canon c;

	if (!canon_parse(tags_get(t, "c"), &out->header, &c))
		return fail(why, "c= is no canonical form");
	if (l.p && !tag_number(l, &limit))
		return fail(why, "l= is no number");
	if (!tag_base64(v->a, tags_get(t, "bh"), &out->bh))
		return fail(why, "bh= is not base64");
	if (tags_get(t, "q").p && names_count(tags_get(t, "q"), "dns/txt") == 0)
		return fail(why, "q= is no way to ask for keys that is known");
	out->body = bodies_get(&v->bodies, c, limit);
	return out->body || fail(why, "there are too many forms of the body");
}

static bool
parse_signature(
    struct arc_verifier *v, const struct tags *t, struct message_signature *out)
{
	return parse_claim(v->a, t, &out->claim, &out->why) &&
	       parse_names(v, t, &out->names, &out->why) &&
	       parse_body(v, t, out, &out->why);
}

/* Section 4.1.3; cv= by section 5.2, step 3. */
static bool
parse_seal(
    struct arc_verifier *v, unsigned i, struct claim *out, struct str *why)
{
	const struct tags *t = &v->sets.v[i].seal_tags;
	const char *cv = i == 0 ? "none" : "pass";

	if (tags_get(t, "h").p)
		return fail(why, "h= may not be there");
	if (!str_ieqc(tags_get(t, "cv"), cv))
		return fail(
		    why, i == 0 ? "cv= is not none" : "cv= is not pass");
	return parse_claim(v->a, t, out, why);
}

/* ------------------------------------------------------------------------
 * Keys and signatures
 */

static struct key *
key_of(struct arc_verifier *v, const struct claim *c)
{
	struct key *k;

	for (size_t i = 0; i < v->nkeys; i++) {
		if (str_ieq(v->keys[i].domain, c->domain) &&
		    str_ieq(v->keys[i].selector, c->selector))
			return &v->keys[i];
	}
	k = &v->keys[v->nkeys++];
	k->domain = c->domain;
	k->selector = c->selector;
	k->rc =
	    key_lookup(v->r, v->a, c->selector, c->domain, &k->record, &k->why);
	return k;
}

static bool
key_fits(const struct key_record *r, enum key_type t, struct str *why)
{
	if (r->type != t)
		return fail(why, "the key is of another type than a=");
	if (!r->sha256)
		return fail(why, "the key is not for SHA-256");
	if (!r->email)
		return fail(why, "the key is not for mail");
	if (t == KEY_RSA && r->bits < KEY_MIN_BITS)
		return fail(why, "the key is too short");
	return true;
}

static bool
claim_holds(struct arc_verifier *v, const struct claim *c,
    const uint8_t hash[SHA256_LEN], struct str *why)
{
	const struct key *k = key_of(v, c);

	*why = k->why;
	if (k->rc == KEY_FAILED)
		v->temporary = true;
	if (k->rc != KEY_OK)
		return false;
	return key_fits(&k->record, c->type, why) &&
	       (public_key_verify(k->record.key, hash, c->b) ||
		   fail(why, "it does not match"));
}

/* l= must not leave out what readers see. */
static bool
body_holds(const struct message_signature *s, struct str *why)
{
	return body_matches(s->body, s->bh, why) &&
	       (!s->body->more || fail(why, "l= leaves text out"));
}

static bool
signature_holds(
    struct arc_verifier *v, unsigned i, uint64_t *octets, struct str *why)
{
	const struct message_signature *s = &v->signatures[i];
	uint8_t hash[SHA256_LEN];

	*why = s->why;
	if (s->why.p || !body_holds(s, why))
		return false;
	*octets += header_hash(
	    v->header, s->names, v->sets.v[i].signature, s->header, hash);
	return claim_holds(v, &s->claim, hash, why);
}

/* ------------------------------------------------------------------------
 * A message
 */

static bool
chain_fails(
    struct arc_verifier *v, const char *field, unsigned i, struct str why)
{
	v->why = arena_printf(
	    v->a, "%s of instance %u: %.*s", field, i + 1, STR_ARG(why));
	return false;
}

/* Section 5.2, steps 1 to 3, without what needs keys. */
static bool
check_structure(struct arc_verifier *v)
{
	unsigned n = v->sets.highest;

	if (n &&
	    str_ieqc(tags_get(&v->sets.v[n - 1].seal_tags, "cv"), "fail")) {
		v->why = STR("the chain had failed before");
		return false;
	}
	v->why = v->sets.why;
	return !v->why.p;
}

static void
prefetch(struct arc_verifier *v, const struct tags *t)
{
	struct str d = tags_get(t, "d"), s = tags_get(t, "s");

	if (d.n && s.n)
		dns_prefetch(v->r, key_name(v->a, s, d), DNS_TXT);
}

/* The newest signature first: its form of the body must be there. */
static void
prepare(struct arc_verifier *v)
{
	for (unsigned i = v->sets.highest; i-- > 0;) {
		prefetch(v, &v->sets.v[i].seal_tags);
		prefetch(v, &v->sets.v[i].signature_tags);
	}
	for (unsigned i = v->sets.highest; i-- > 0;)
		parse_signature(
		    v, &v->sets.v[i].signature_tags, &v->signatures[i]);
}

struct arc_verifier *
arc_verifier_new(
    struct arena *a, struct resolver *r, const struct fields *fields)
{
	struct arc_verifier *v = mem_zalloc(sizeof(*v));

	v->a = a;
	v->r = r;
	v->fields = fields;
	arc_collect(a, fields, &v->sets);
	if (!v->sets.any || !check_structure(v))
		return v;
	v->header = header_index(a, fields);
	prepare(v);
	return v;
}

void
arc_verifier_body(struct arc_verifier *v, struct str chunk)
{
	bodies_add(&v->bodies, chunk);
}

void
arc_verifier_free(struct arc_verifier **v)
{
	if (!*v)
		return;
	bodies_fini(&(*v)->bodies);
	for (size_t i = 0; i < (*v)->nkeys; i++)
		public_key_free(&(*v)->keys[i].record.key);
	free(*v);
	*v = NULL;
}

/* ------------------------------------------------------------------------
 * The end
 */

/* What the seal of a set covers: all before it, which SHA has, and itself. */
static void
seal_hash(const struct sha256 *before, const struct field *seal,
    uint8_t out[SHA256_LEN])
{
	struct sha256 *sha = sha256_copy(before);

	sha256_last_field(sha, CANON_RELAXED, seal->name, seal->value);
	sha256_final(&sha, out);
}

static bool
seals_hold(struct arc_verifier *v)
{
	struct sha256 *sha = sha256_new();
	uint8_t hash[SHA256_LEN];
	struct str why = STR_NULL;
	unsigned i;

	for (i = 0; i < v->sets.highest; i++) {
		const struct arc_fields_of *set = &v->sets.v[i];
		struct claim claim;

		sha256_field(sha, set->results->name, set->results->value);
		sha256_field(sha, set->signature->name, set->signature->value);
		seal_hash(sha, set->seal, hash);
		if (!parse_seal(v, i, &claim, &why) ||
		    !claim_holds(v, &claim, hash, &why))
			break;
		sha256_field(sha, set->seal->name, set->seal->value);
	}
	sha256_final(&sha, hash);
	return i == v->sets.highest || chain_fails(v, ARC_SEAL, i, why);
}

/* Step 5: of instance N, the newest, it is known. */
static unsigned
oldest_pass(struct arc_verifier *v)
{
	uint64_t octets = 0;
	struct str why;
	unsigned i;

	for (i = v->sets.highest - 1; i > 0; i--) {
		if (octets > OLD_OCTETS_MAX ||
		    !signature_holds(v, i - 1, &octets, &why))
			break;
	}
	return i == 0 ? 0 : i + 1;
}

static bool
chain_holds(struct arc_verifier *v)
{
	unsigned newest = v->sets.highest - 1;
	uint64_t octets = 0;
	struct str why;

	bodies_end(&v->bodies);
	if (!signature_holds(v, newest, &octets, &why))
		return chain_fails(v, ARC_SIGNATURE, newest, why);
	return seals_hold(v);
}

static void
tell_sets(struct arc_verifier *v, struct arc_verdict *out)
{
	out->n = v->sets.highest;
	out->sets = arena_array(v->a, out->n, sizeof(*out->sets));
	for (unsigned i = 0; i < out->n; i++) {
		const struct arc_fields_of *set = &v->sets.v[i];

		out->sets[i] = (struct arc_set){
			.instance = i + 1,
			.domain = tags_get(&set->seal_tags, "d"),
			.selector = tags_get(&set->seal_tags, "s"),
			.results = set->info,
			.cv = tags_get(&set->seal_tags, "cv"),
		};
	}
}

void
arc_verifier_end(struct arc_verifier *v, struct arc_verdict *out)
{
	*out = (struct arc_verdict){ .result = ARC_NONE };
	if (!v->sets.any)
		return;
	tell_sets(v, out);
	if (!v->why.p && chain_holds(v)) {
		out->result = ARC_PASS;
		out->oldest_pass = oldest_pass(v);
		return;
	}
	out->result = ARC_FAIL;
	out->temporary = v->temporary;
	out->why = v->why;
}
