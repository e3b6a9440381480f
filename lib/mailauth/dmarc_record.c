/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/dmarc_internal.h"

#include <string.h>

/*
 * DMARC records (RFC 7489, sections 6.2 to 6.4, RFC 9091, section 3, and
 * DMARCbis): tags as DKIM has them, of which only the version has a fixed
 * place. An error in any other tag costs that tag only.
 */

#define DEFAULT_INTERVAL 86400
#define MAX_TAGS 64

struct reading {
	struct arena *a;
	struct dmarc_record *r;
	bool bad_policy; /* p=, sp= or np= says what is no policy */
	bool any_uri;    /* in rua=, of whatever scheme */
	struct str why;
};

/* ------------------------------------------------------------------------
 * Tags
 */

static bool
read_policy(struct reading *x, struct str v, enum dmarc_policy *out, bool *has)
{
	for (enum dmarc_policy p = DMARC_P_NONE; p <= DMARC_P_REJECT; p++) {
		if (str_ieqc(v, dmarc_policy_name(p))) {
			*out = p;
			*has = true;
		}
	}
	x->bad_policy |= !*has;
	return *has;
}

static bool
set_p(struct reading *x, struct str v)
{
	return read_policy(x, v, &x->r->p, &x->r->has_p);
}

static bool
set_sp(struct reading *x, struct str v)
{
	return read_policy(x, v, &x->r->sp, &x->r->has_sp);
}

static bool
set_np(struct reading *x, struct str v)
{
	return read_policy(x, v, &x->r->np, &x->r->has_np);
}

/* One letter of LETTERS, in any case. */
static bool
read_letter(struct str v, const char *letters, char *out)
{
	char c = v.n == 1 ? ascii_lower(v.p[0]) : '\0';

	if (!c || !strchr(letters, c))
		return false;
	*out = c;
	return true;
}

static bool
read_mode(struct str v, bool *strict)
{
	char c = 'r';
	bool ok = read_letter(v, "rs", &c);

	*strict = c == 's';
	return ok;
}

static bool
set_adkim(struct reading *x, struct str v)
{
	return read_mode(v, &x->r->strict_dkim);
}

static bool
set_aspf(struct reading *x, struct str v)
{
	return read_mode(v, &x->r->strict_spf);
}

static bool
set_pct(struct reading *x, struct str v)
{
	uint32_t n;

	if (!str_u32(v, &n) || n > 100)
		return false;
	x->r->pct = n;
	return true;
}

static bool
set_t(struct reading *x, struct str v)
{
	char c = 'n';
	bool ok = read_letter(v, "yn", &c);

	x->r->testing = c == 'y';
	return ok;
}

static bool
set_psd(struct reading *x, struct str v)
{
	return read_letter(v, "ynu", &x->r->psd);
}

static bool
set_ri(struct reading *x, struct str v)
{
	return str_u32(v, &x->r->interval);
}

/* Options that are not known do not count. */
static bool
set_fo(struct reading *x, struct str v)
{
	struct dmarc_record *r = x->r;
	bool any = false;
	struct str option;

	while (str_split(&v, ':', &option)) {
		char c = '\0';

		if (!read_letter(str_trim(option), "01ds", &c))
			continue;
		if (!any)
			r->fo_0 = false;
		any = true;
		r->fo_0 |= c == '0';
		r->fo_1 |= c == '1';
		r->fo_d |= c == 'd';
		r->fo_s |= c == 's';
	}
	return any;
}

static bool
set_rua(struct reading *x, struct str v)
{
	x->any_uri = dmarc_uris(x->a, v, &x->r->rua, &x->r->nrua);
	return x->any_uri;
}

static bool
set_ruf(struct reading *x, struct str v)
{
	return dmarc_uris(x->a, v, &x->r->ruf, &x->r->nruf);
}

/* Those of other names ("rf", and what is to come) are ignored. */
static const struct {
	const char *name;
	bool (*set)(struct reading *x, struct str value);
} tags[] = {
	/* clang-format off */
	{ "adkim", set_adkim },
	{ "aspf",  set_aspf },
	{ "fo",    set_fo },
	{ "np",    set_np },
	{ "p",     set_p },
	{ "pct",   set_pct },
	{ "psd",   set_psd },
	{ "ri",    set_ri },
	{ "rua",   set_rua },
	{ "ruf",   set_ruf },
	{ "sp",    set_sp },
	{ "t",     set_t },
	/* clang-format on */
};
#define NTAGS LEN(tags)

/* "name = value"; false if there is no "=". */
static bool
split_tag(struct str s, struct str *name, struct str *value)
{
	size_t eq = str_chr(s, '=');

	*name = str_trim(str_sub(s, 0, eq));
	*value =
	    eq == STR_NPOS ? STR_NULL : str_trim(str_sub(s, eq + 1, STR_NPOS));
	return eq != STR_NPOS;
}

/* The first of two equal ones counts. */
static void
read_tag(struct reading *x, struct str part, bool seen[NTAGS])
{
	struct str name, value;

	if (!split_tag(part, &name, &value)) {
		if (name.n > 0)
			x->why = STR("a tag without a value");
		return;
	}
	for (size_t i = 0; i < NTAGS; i++) {
		if (!str_ieqc(name, tags[i].name))
			continue;
		if (seen[i])
			x->why = arena_printf(x->a, "%s= twice", tags[i].name);
		else if (!tags[i].set(x, value))
			x->why = arena_printf(
			    x->a, "%s= has no valid value", tags[i].name);
		seen[i] = true;
	}
}

/* ------------------------------------------------------------------------
 * Records
 */

/* Nothing may stand before the "v", not even a space. */
bool
dmarc_record_is(struct str text)
{
	struct str first, name, value;

	return str_split(&text, ';', &first) && first.n > 0 &&
	       ascii_lower(first.p[0]) == 'v' &&
	       split_tag(first, &name, &value) && name.n == 1 &&
	       str_eqc(value, "DMARC1");
}

bool
dmarc_record_tags(struct arena *a, struct str text, struct dmarc_record *out,
    bool *valid_policy, struct str *why)
{
	struct reading x = { .a = a, .r = out };
	bool seen[NTAGS] = { false };
	struct str part;

	*out = (struct dmarc_record){ .pct = 100,
		.psd = 'u',
		.fo_0 = true,
		.interval = DEFAULT_INTERVAL };
	if (!dmarc_record_is(text))
		return false;
	str_split(&text, ';', &part);
	for (size_t i = 0; i < MAX_TAGS && str_split(&text, ';', &part); i++)
		read_tag(&x, part, seen);
	*valid_policy = out->has_p && !x.bad_policy;
	*why = x.why;
	if (!*valid_policy && x.any_uri) {
		/* Section 6.6.3, step 6: as if it were "p=none". */
		out->has_p = out->has_sp = out->has_np = false;
		*valid_policy = true;
		*why = x.bad_policy ? x.why : STR("no p=: none");
		out->p = out->sp = out->np = DMARC_P_NONE;
	}
	if (!out->has_sp)
		out->sp = out->p;
	if (!out->has_np)
		out->np = out->sp;
	return true;
}

bool
dmarc_record_parse(
    struct arena *a, struct str text, struct dmarc_record *out, struct str *why)
{
	bool valid_policy;

	*why = STR_NULL;
	if (!dmarc_record_tags(a, text, out, &valid_policy, why))
		return false;
	if (!valid_policy)
		*why = STR("neither a valid policy nor a valid rua=");
	return valid_policy;
}
