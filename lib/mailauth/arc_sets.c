/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/arc_sets.h"

#include "mailauth/signed.h"

static void
fail(struct arc_sets *s, struct str why)
{
	if (!s->why.p)
		s->why = why;
}

/* ------------------------------------------------------------------------
 * "i=1; authserv-id; ...": no tags, but CFWS may stand anywhere (section 4.1.1)
 */

static void
skip_comment(struct str *s)
{
	unsigned depth = 0;

	while (s->n) {
		char c = *s->p;
		size_t step = c == '\\' && s->n > 1 ? 2 : 1;

		if (c == '(')
			depth++;
		else if (c == ')')
			depth--;
		*s = str_sub(*s, step, STR_NPOS);
		if (depth == 0)
			return;
	}
}

static void
skip_cfws(struct str *s)
{
	while (s->n) {
		if (*s->p == '(')
			skip_comment(s);
		else if (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' ||
			 *s->p == '\n')
			*s = str_sub(*s, 1, STR_NPOS);
		else
			return;
	}
}

static bool
take_char(struct str *s, char c)
{
	skip_cfws(s);
	if (s->n == 0 || *s->p != c)
		return false;
	*s = str_sub(*s, 1, STR_NPOS);
	return true;
}

static bool
take_info(struct str value, struct str *instance, struct str *info)
{
	size_t n = 0;

	if (!take_char(&value, 'i') || !take_char(&value, '='))
		return false;
	skip_cfws(&value);
	while (n < value.n && ascii_digit(value.p[n]))
		n++;
	*instance = str_sub(value, 0, n);
	value = str_sub(value, n, STR_NPOS);
	if (!take_char(&value, ';'))
		return false;
	*info = str_trim(value);
	return true;
}

/* ------------------------------------------------------------------------
 * Sets
 */

/* NULL: no such instance can be (section 4.2.1). */
static struct arc_fields_of *
set_of(struct arc_sets *s, struct str instance)
{
	uint64_t i;

	if (instance.n == 0 || !tag_number(instance, &i) || i < 1 ||
	    i > ARC_MAX_SETS)
		return NULL;
	if (i > s->highest)
		s->highest = (unsigned)i;
	return &s->v[i - 1];
}

static void
put_field(struct arena *a, struct arc_sets *s, const struct field **slot,
    const struct field *f)
{
	if (*slot)
		fail(s, arena_printf(a, "%.*s twice for one instance",
			    STR_ARG(f->name)));
	else
		*slot = f;
}

static void
add_results(struct arena *a, struct arc_sets *s, const struct field *f)
{
	struct str instance = STR_NULL, info = STR_NULL;
	struct arc_fields_of *set = NULL;

	if (take_info(f->value, &instance, &info))
		set = set_of(s, instance);
	if (!set) {
		fail(s, STR(ARC_RESULTS " without an instance"));
		return;
	}
	if (!set->results)
		set->info = info;
	put_field(a, s, &set->results, f);
}

static void
add_signed(
    struct arena *a, struct arc_sets *s, const struct field *f, bool seal)
{
	struct arc_fields_of *set = NULL;
	struct tags t;
	struct str why;

	if (!tags_parse(a, f->value, &t, &why)) {
		fail(s, arena_printf(a, "%.*s with %.*s", STR_ARG(f->name),
			    STR_ARG(why)));
		return;
	}
	set = set_of(s, tags_get(&t, "i"));
	if (!set) {
		fail(s, arena_printf(
			    a, "%.*s without an instance", STR_ARG(f->name)));
		return;
	}
	if (seal && !set->seal)
		set->seal_tags = t;
	if (!seal && !set->signature)
		set->signature_tags = t;
	put_field(a, s, seal ? &set->seal : &set->signature, f);
}

static void
check_complete(struct arena *a, struct arc_sets *s)
{
	for (unsigned i = 0; i < s->highest; i++) {
		const struct arc_fields_of *set = &s->v[i];
		const char *missing = !set->seal        ? ARC_SEAL
				      : !set->signature ? ARC_SIGNATURE
				      : !set->results   ? ARC_RESULTS
							: NULL;

		if (missing)
			fail(s, arena_printf(a, "%s of instance %u is missing",
				    missing, i + 1));
	}
}

void
arc_collect(struct arena *a, const struct fields *f, struct arc_sets *out)
{
	size_t n = 0;

	*out = (struct arc_sets){ .highest = 0 };
	for (size_t i = 0; i < f->n; i++) {
		struct str name = f->v[i].name;
		bool seal = str_ieqc(name, ARC_SEAL);
		bool results = str_ieqc(name, ARC_RESULTS);

		if (!seal && !results && !str_ieqc(name, ARC_SIGNATURE))
			continue;
		out->any = true;
		if (n++ == 3 * (size_t)ARC_MAX_SETS) {
			fail(out, STR("too many ARC fields"));
			return;
		}
		if (results)
			add_results(a, out, &f->v[i]);
		else
			add_signed(a, out, &f->v[i], seal);
	}
	check_complete(a, out);
}
