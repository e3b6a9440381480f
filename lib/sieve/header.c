/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/fields.h"
#include "sieve/match.h"

/* header, exists, size (RFC 5228, section 5; RFC 5260; RFC 5703). */

enum { SIZE_OVER, SIZE_UNDER };

bool
sieve_valid_field(struct str s, const char **why)
{
	*why = "a header name is empty";
	if (s.n == 0)
		return false;
	*why = "a header name is made of visible ASCII characters but ':'";
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == ':')
			return false;
	}
	return true;
}

void
sieve_check_fields(struct sieve_checker *c, const struct sieve_arg *arg)
{
	const char *why;

	for (size_t i = 0; arg && i < arg->ntexts; i++) {
		const struct sieve_text *t = &arg->texts[i];

		if (t->npieces == 0 && !sieve_valid_field(t->text, &why))
			sieve_warning(c, t->at,
			    "there can be no header '%.*s': %s",
			    STR_ARG(t->text), why);
	}
}

static bool
check_header(struct sieve_checker *c, struct sieve_node *n)
{
	sieve_check_fields(c, sieve_arg(n, SLOT_1));
	return sieve_field_tags_check(c, n) &&
	       sieve_match_check(c, n, sieve_arg(n, SLOT_2));
}

static enum sieve_answer
match_field(
    struct sieve_match *m, const struct sieve_node *n, struct sieve_field *f)
{
	struct strs values = sieve_mime_values(m->run, n, f);
	enum sieve_answer a = SIEVE_NO;

	for (size_t i = 0; i < values.n && a == SIEVE_NO; i++)
		a = sieve_match_value(m, values.v[i]);
	return a;
}

static enum sieve_answer
test_header(struct sieve_run *r, const struct sieve_node *n)
{
	return sieve_match_fields(r, n, match_field);
}

static bool
check_exists(struct sieve_checker *c, struct sieve_node *n)
{
	sieve_check_fields(c, sieve_arg(n, SLOT_1));
	return sieve_field_tags_check(c, n);
}

static enum sieve_answer
test_exists(struct sieve_run *r, const struct sieve_node *n)
{
	struct strs names = sieve_list(r, sieve_arg(n, SLOT_1));

	for (size_t i = 0; i < names.n; i++) {
		if (sieve_fields_named(r, n, names.v[i]).n == 0)
			return SIEVE_NO;
	}
	return SIEVE_YES;
}

static const struct sieve_tag size_tags[] = {
	{ "over", CAP_BASE, SLOT_SIZE, 0, SIZE_OVER },
	{ "under", CAP_BASE, SLOT_SIZE, 0, SIZE_UNDER },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

static bool
check_size(struct sieve_checker *c, struct sieve_node *n)
{
	if (!sieve_arg(n, SLOT_SIZE)) {
		sieve_error(
		    c, n->at, "the size test needs ':over' or ':under'");
		return false;
	}
	if (sieve_tag_value(n, SLOT_SIZE, 0) == SIZE_UNDER &&
	    sieve_arg(n, SLOT_1)->number == 0)
		sieve_warning(c, n->at, "no message has a size under 0");
	return true;
}

static enum sieve_answer
test_size(struct sieve_run *r, const struct sieve_node *n)
{
	uint64_t limit = sieve_arg(n, SLOT_1)->number;
	uint64_t size = sieve_message_size(r->message);
	bool yes = sieve_tag_value(n, SLOT_SIZE, 0) == SIZE_OVER ? size > limit
								 : size < limit;

	return yes ? SIEVE_YES : SIEVE_NO;
}

const struct sieve_verb sieve_verbs_header[] = {
	{ .name = "header",
	    .params = { { 'l', "header names" }, { 'l', "key list" } },
	    .tags = { sieve_tags_match, sieve_tags_index, sieve_tags_mime,
		sieve_tags_mime_field },
	    .check = check_header,
	    .test = test_header },
	{ .name = "exists",
	    .params = { { 'l', "header names" } },
	    .tags = { sieve_tags_mime },
	    .check = check_exists,
	    .test = test_exists },
	{ .name = "size",
	    .params = { { 'n', "limit" } },
	    .tags = { size_tags },
	    .check = check_size,
	    .test = test_size },
	{ .name = NULL },
};
