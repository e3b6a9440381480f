/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "base/codec.h"
#include "base/mem.h"
#include "mailauth/arc_sets.h"
#include "mailauth/signed.h"

/*
 * Sealing (RFC 8617, section 5.1). The tags of both signatures stand in the
 * order of their names, as most sealers write them. Their b= is not folded:
 * seals cover it, and would cover a space wherever a line ended.
 */
struct arc_sealer {
	const struct fields *fields;
	const struct private_key *key;
	const struct arc_seal *o;
	unsigned instance;
	const char *cv;
	struct arc_sets sets; /* that the seal covers */
	struct arena *arena;
	struct header *header;
	struct body_hash *body;
};

void
arc_fields_fini(struct arc_fields *f)
{
	buf_fini(&f->seal);
	buf_fini(&f->signature);
	buf_fini(&f->results);
}

/* Section 5.1.2: nothing is added to a chain that ended. */
static const char *
cv_of(const struct arc_verdict *v)
{
	if (v->result == ARC_NONE)
		return "none";
	if (v->n == 0 || v->n >= ARC_MAX_SETS ||
	    str_ieqc(v->sets[v->n - 1].cv, "fail"))
		return NULL;
	return v->result == ARC_PASS ? "pass" : "fail";
}

/* A seal that says "fail" covers its own set only. */
static bool
take_sets(struct arc_sealer *s, const struct arc_verdict *v, struct err *e)
{
	if (v->result != ARC_PASS)
		return true;
	arc_collect(s->arena, s->fields, &s->sets);
	if (!s->sets.why.p && s->sets.highest == v->n)
		return true;
	err_set(e, "the ARC sets of the message are not those verified");
	return false;
}

struct arc_sealer *
arc_sealer_new(struct arena *a, const struct fields *fields,
    const struct private_key *k, const struct arc_seal *o)
{
	struct arc_sealer *s = mem_zalloc(sizeof(*s));

	s->arena = a;
	s->fields = fields;
	s->key = k;
	s->o = o;
	s->header = header_index(a, fields);
	s->body = body_hash_new(CANON_RELAXED, UINT64_MAX);
	return s;
}

void
arc_sealer_body(struct arc_sealer *s, struct str chunk)
{
	body_hash_add(s->body, chunk);
}

void
arc_sealer_free(struct arc_sealer **s)
{
	if (!*s)
		return;
	body_hash_free(&(*s)->body);
	free(*s);
	*s = NULL;
}

/* ------------------------------------------------------------------------
 * The three fields
 */

static void
put_results(struct arc_sealer *s, struct buf *out)
{
	struct str results = str_trim(s->o->results);

	buf_printf(
	    out, " i=%u; %.*s;\n\t", s->instance, STR_ARG(s->o->authserv_id));
	buf_putstr(out, results.n ? results : STR("none"));
}

static void
choose_names(struct arc_sealer *s, struct buf *out)
{
	if (s->o->headers.n) {
		buf_putstr(out, s->o->headers);
		return;
	}
	names_signed(out, s->fields, STR_NULL);
	for (size_t n = fields_count(s->fields, "DKIM-Signature"); n; n--)
		buf_printf(out, "%sDKIM-Signature", out->n ? ":" : "");
}

/* What both signatures end in. */
static void
put_end(struct arc_sealer *s, struct tag_writer *w)
{
	tags_put_instance(w, s->instance);
	tags_put(w, "s", s->o->selector);
	if (s->o->now > 0)
		tags_put_number(w, "t", (uint64_t)s->o->now);
}

static void
put_signature_tags(struct arc_sealer *s, struct tag_writer *w, struct str names)
{
	uint8_t hash[SHA256_LEN];
	uint64_t length;
	bool more;

	body_hash_end(s->body, hash, &length, &more);
	tags_put(w, "a", str_of(private_key_algorithm(s->key)));
	tags_put_b(w);
	tags_put_base64(w, "bh", (struct str){ (char *)hash, SHA256_LEN });
	tags_put(w, "c", STR("relaxed/relaxed"));
	tags_put(w, "d", s->o->domain);
	tags_put(w, "h", names);
	put_end(s, w);
}

static bool
put_signature(struct arc_sealer *s, struct buf *out, struct err *e)
{
	struct field self = { STR(ARC_SIGNATURE), STR_NULL };
	struct buf names = { 0 };
	uint8_t hash[SHA256_LEN];
	struct tag_writer w;
	bool ok;

	choose_names(s, &names);
	tags_begin(&w, out);
	put_signature_tags(s, &w, buf_str(&names));
	self.value = buf_str(out);
	header_hash(s->header, buf_str(&names), &self, CANON_RELAXED, hash);
	ok = tags_sign(&w, s->key, hash, false, e);
	buf_fini(&names);
	return ok;
}

static void
hash_sets(struct sha256 *sha, const struct arc_sets *sets)
{
	for (unsigned i = 0; i < sets->highest; i++) {
		const struct arc_fields_of *set = &sets->v[i];

		sha256_field(sha, set->results->name, set->results->value);
		sha256_field(sha, set->signature->name, set->signature->value);
		sha256_field(sha, set->seal->name, set->seal->value);
	}
}

static bool
put_seal(struct arc_sealer *s, struct arc_fields *out, struct err *e)
{
	struct sha256 *sha = sha256_new();
	uint8_t hash[SHA256_LEN];
	struct tag_writer w;

	tags_begin(&w, &out->seal);
	tags_put(&w, "a", str_of(private_key_algorithm(s->key)));
	tags_put_b(&w);
	tags_put(&w, "cv", str_of(s->cv));
	tags_put(&w, "d", s->o->domain);
	put_end(s, &w);
	hash_sets(sha, &s->sets);
	sha256_field(sha, STR(ARC_RESULTS), buf_str(&out->results));
	sha256_field(sha, STR(ARC_SIGNATURE), buf_str(&out->signature));
	sha256_last_field(
	    sha, CANON_RELAXED, STR(ARC_SEAL), buf_str(&out->seal));
	sha256_final(&sha, hash);
	return tags_sign(&w, s->key, hash, false, e);
}

bool
arc_sealer_end(struct arc_sealer *s, const struct arc_verdict *v,
    struct arc_fields *out, struct err *e)
{
	*out = (struct arc_fields){ .seal = { 0 } };
	s->cv = cv_of(v);
	s->instance = v->result == ARC_NONE ? 1 : (unsigned)v->n + 1;
	if (!s->cv || !take_sets(s, v, e))
		return false;
	put_results(s, &out->results);
	if (put_signature(s, &out->signature, e) && put_seal(s, out, e))
		return true;
	arc_fields_fini(out);
	return false;
}
