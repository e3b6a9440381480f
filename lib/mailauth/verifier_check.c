/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/verifier_check.h"

#include "base/clock.h"
#include "mailauth/signed.h"

#define CLOCK_DRIFT 300

bool
signature_fails(struct signature *out, enum signature_result r, struct str why)
{
	out->result = r;
	out->why = why;
	return false;
}

/* ------------------------------------------------------------------------
 * The signature
 */

static const char *const required[] = { "v", "a", "b", "bh", "d", "h", "s" };

static bool
has_required(struct arena *a, const struct tags *t, struct signature *out)
{
	for (size_t i = 0; i < LEN(required); i++) {
		if (tags_get(t, required[i]).n == 0)
			return signature_fails(out, SIGNATURE_NEUTRAL,
			    arena_printf(a, "%s= is missing", required[i]));
	}
	return true;
}

/* RFC 6008, section 4: the first 8 characters tell signatures apart. */
static struct str
start_of_b(struct arena *a, struct str b)
{
	char text[8];
	size_t n = 0;

	for (size_t i = 0; i < b.n && n < sizeof(text); i++) {
		if ((unsigned char)b.p[i] > ' ')
			text[n++] = b.p[i];
	}
	return arena_str(a, (struct str){ text, n });
}

static void
tell(struct arena *a, const struct tags *t, struct signature *out)
{
	out->domain = tags_get(t, "d");
	out->selector = tags_get(t, "s");
	out->algorithm = tags_get(t, "a");
	out->identity = tags_get(t, "i");
	out->b = start_of_b(a, tags_get(t, "b"));
	if (out->identity.n == 0)
		out->identity = arena_printf(a, "@%.*s", STR_ARG(out->domain));
}

static bool
check_algorithm(struct signature *out, struct claim *c)
{
	if (str_ieqc(out->algorithm, "rsa-sha1"))
		return signature_fails(out, SIGNATURE_POLICY,
		    STR("rsa-sha1 does not count any more"));
	if (str_ieqc(out->algorithm, "rsa-sha256"))
		c->type = KEY_RSA;
	else if (str_ieqc(out->algorithm, "ed25519-sha256"))
		c->type = KEY_ED25519;
	else
		return signature_fails(out, SIGNATURE_PERMERROR,
		    STR("a= is no algorithm that is known"));
	return true;
}

/* Is NAME d= or below it? */
static bool
check_identity(struct arena *a, struct signature *out, struct claim *c)
{
	struct str d = key_ascii(a, out->domain);
	struct str name = key_ascii(a,
	    str_sub(out->identity, str_rchr(out->identity, '@') + 1, STR_NPOS));

	if (str_rchr(out->identity, '@') == STR_NPOS)
		return signature_fails(
		    out, SIGNATURE_NEUTRAL, STR("i= has no domain"));
	c->subdomain = !str_ieq(name, d);
	if (!c->subdomain || (name.n > d.n && str_iends(name, d) &&
				 name.p[name.n - d.n - 1] == '.'))
		return true;
	return signature_fails(
	    out, SIGNATURE_PERMERROR, STR("i= is outside of d="));
}

static bool
check_times(const struct tags *tags, uint64_t now, struct signature *out)
{
	struct str t = tags_get(tags, "t"), x = tags_get(tags, "x");
	uint64_t made = 0, expires = UINT64_MAX;

	if (t.p && !tag_number(t, &made))
		return signature_fails(
		    out, SIGNATURE_NEUTRAL, STR("t= is no time"));
	if (x.p && !tag_number(x, &expires))
		return signature_fails(
		    out, SIGNATURE_NEUTRAL, STR("x= is no time"));
	if (made > now + CLOCK_DRIFT)
		return signature_fails(
		    out, SIGNATURE_POLICY, STR("t= is in the future"));
	if (expires < made)
		return signature_fails(
		    out, SIGNATURE_NEUTRAL, STR("x= is before t="));
	if (expires < now - CLOCK_DRIFT)
		return signature_fails(
		    out, SIGNATURE_POLICY, STR("it has expired"));
	return true;
}

/* A From more than h= covers would be the one that readers see. */
static bool
check_names(const struct fields *f, struct signature *out, struct claim *c)
{
	size_t from = names_count(c->names, "from");

	if (names_total(c->names) > SIGNED_NAMES_MAX)
		return signature_fails(
		    out, SIGNATURE_POLICY, STR("h= is too long"));
	if (from == 0)
		return signature_fails(
		    out, SIGNATURE_PERMERROR, STR("h= has no From"));
	if (from < fields_count(f, "from"))
		return signature_fails(out, SIGNATURE_POLICY,
		    STR("there is a From that h= does not cover"));
	return true;
}

static bool
check_forms(struct arena *a, const struct tags *t, struct signature *out,
    struct claim *c)
{
	struct str l = tags_get(t, "l"), q = tags_get(t, "q");

	if (!canon_parse(tags_get(t, "c"), &c->header, &c->body))
		return signature_fails(
		    out, SIGNATURE_PERMERROR, STR("c= is no canonical form"));
	if (l.p && !tag_number(l, &c->limit))
		return signature_fails(
		    out, SIGNATURE_NEUTRAL, STR("l= is no number"));
	if (q.p && names_count(q, "dns/txt") == 0)
		return signature_fails(out, SIGNATURE_PERMERROR,
		    STR("q= is no way to ask for keys that is known"));
	if (!tag_base64(a, tags_get(t, "bh"), &c->bh))
		return signature_fails(
		    out, SIGNATURE_NEUTRAL, STR("bh= is not base64"));
	if (!tag_base64(a, tags_get(t, "b"), &c->b))
		return signature_fails(
		    out, SIGNATURE_NEUTRAL, STR("b= is not base64"));
	return true;
}

bool
signature_parse(struct arena *a, const struct fields *f,
    const struct field *field, int64_t now, struct signature *out,
    struct claim *c)
{
	struct tags t;

	*out = (struct signature){ .result = SIGNATURE_NEUTRAL };
	*c = (struct claim){ .limit = UINT64_MAX };
	if (!tags_parse(a, field->value, &t, &out->why))
		return false;
	tell(a, &t, out);
	c->names = tags_get(&t, "h");
	if (!has_required(a, &t, out))
		return false;
	if (!str_eqc(tags_get(&t, "v"), "1"))
		return signature_fails(
		    out, SIGNATURE_PERMERROR, STR("v= is another version"));
	return check_algorithm(out, c) && check_identity(a, out, c) &&
	       check_forms(a, &t, out, c) && check_names(f, out, c) &&
	       check_times(&t, (uint64_t)(now ? now : clock_now()), out);
}

/* ------------------------------------------------------------------------
 * Its key
 */

bool
signature_key(enum key_rc rc, const struct key_record *key,
    const struct claim *c, unsigned min_bits, struct signature *out)
{
	if (rc != KEY_OK) {
		out->result = rc == KEY_FAILED ? SIGNATURE_TEMPERROR
					       : SIGNATURE_PERMERROR;
		return false; /* the look-up said why */
	}
	out->bits = key->bits;
	out->testing = key->testing;
	out->secure = key->secure;
	if (key->type != c->type)
		return signature_fails(out, SIGNATURE_PERMERROR,
		    STR("the key is of another type than a="));
	if (!key->sha256)
		return signature_fails(out, SIGNATURE_PERMERROR,
		    STR("the key is not for SHA-256"));
	if (!key->email)
		return signature_fails(
		    out, SIGNATURE_PERMERROR, STR("the key is not for mail"));
	if (key->strict && c->subdomain)
		return signature_fails(out, SIGNATURE_PERMERROR,
		    STR("the key is not for subdomains"));
	if (key->type == KEY_RSA && key->bits < min_bits)
		return signature_fails(
		    out, SIGNATURE_POLICY, STR("the key is too short"));
	return true;
}
