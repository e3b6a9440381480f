/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/fields.h"
#include "sieve/match.h"

/* addheader and deleteheader (RFC 5293). */

static const struct sieve_tag last_tag[] = {
	{ "last", CAP_EDITHEADER, SLOT_LAST, 0, 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};
static const struct sieve_tag index_tags[] = {
	{ "index", CAP_EDITHEADER, SLOT_INDEX, 'n', 0 },
	{ "last", CAP_EDITHEADER, SLOT_LAST, 0, 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

/* Section 6: what tells where a message has been may not be changed. */
static bool
never_deleted(struct str name)
{
	return str_ieqc(name, "Received") || str_ieqc(name, "Auto-Submitted");
}

static bool
is_protected(const struct sieve_run *r, struct str name)
{
	if (str_ieqc(name, "Subject"))
		return false;
	for (size_t i = 0; i < r->in->nprotected; i++) {
		if (str_ieq(name, r->in->protected_fields[i]))
			return true;
	}
	return false;
}

/* "field name 'X' is invalid". */
static bool
check_name(struct sieve_checker *c, const struct sieve_arg *name)
{
	return sieve_check_strings(c, name, "field name", sieve_valid_field);
}

static bool
has_no_nul(struct str s, const char **why)
{
	*why = "it contains a NUL";
	return s.n == 0 || str_chr(s, '\0') == STR_NPOS;
}

/* RFC 5322, section 3.2.5: none of the obsolete syntax may be written. */
static bool
valid_value(struct str s, const char **why)
{
	if (!has_no_nul(s, why))
		return false;
	*why = "it contains a control character";
	for (size_t i = 0; i < s.n; i++) {
		if (((uint8_t)s.p[i] < ' ' || s.p[i] == 0x7f) &&
		    str_chr(STR("\t\r\n"), s.p[i]) == STR_NPOS)
			return false;
	}
	return true;
}

static bool
check_value_size(struct sieve_checker *c, const struct sieve_arg *value)
{
	struct str s = sieve_constant(value);

	if (s.n <= c->limits->header)
		return true;
	sieve_error(c, value->at,
	    "the value is longer than the limit of %zu octets for a header",
	    c->limits->header);
	return false;
}

static bool
check_addheader(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *value = sieve_arg(n, SLOT_2);

	return check_name(c, sieve_arg(n, SLOT_1)) &&
	       sieve_check_strings(c, value, "value", valid_value) &&
	       check_value_size(c, value);
}

/* The message is about to be edited. False: too much for a script. */
static bool
begin_edit(struct sieve_run *r)
{
	if (!sieve_charge(r, sieve_message_fields(r->message)->n / 8))
		return false;
	r->message = sieve_message_version(r->message);
	return true;
}

static enum sieve_flow
run_addheader(struct sieve_run *r, const struct sieve_node *n)
{
	struct str name = sieve_string(r, sieve_arg(n, SLOT_1));
	struct str value = sieve_string(r, sieve_arg(n, SLOT_2));
	const char *why;

	if (!sieve_valid_field(name, &why))
		return sieve_fault(
		    r, "field name '%.*s' is invalid: %s", STR_ARG(name), why);
	if (!has_no_nul(value, &why))
		return sieve_fault(r, "the value of '%.*s' is invalid: %s",
		    STR_ARG(name), why);
	if (value.n > r->limits->header)
		return sieve_fault(r,
		    "the value of '%.*s' is longer than the limit of %zu "
		    "octets for a header",
		    STR_ARG(name), r->limits->header);
	if (is_protected(r, name)) {
		sieve_log(
		    r, "the header '%.*s' may not be added", STR_ARG(name));
		return FLOW_NEXT;
	}
	if (!begin_edit(r))
		return FLOW_FAILED;
	sieve_message_add_field(
	    r->message, name, value, sieve_arg(n, SLOT_LAST) != NULL);
	return FLOW_NEXT;
}

/* ------------------------------------------------------------------------
 * deleteheader
 */

static bool
check_deleteheader(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *last = sieve_arg(n, SLOT_LAST);

	if (last && !sieve_arg(n, SLOT_INDEX)) {
		sieve_error(c, last->at,
		    "the :last tag of the deleteheader command cannot be "
		    "specified without the :index tag");
		return false;
	}
	return sieve_field_tags_check(c, n) &&
	       check_name(c, sieve_arg(n, SLOT_1)) &&
	       sieve_match_check(c, n, sieve_arg(n, SLOT_2));
}

/* Does the field at I match the patterns? Without any it does. */
static enum sieve_answer
matches(struct sieve_run *r, const struct sieve_node *n, size_t i)
{
	struct sieve_field *f = &sieve_message_fields(r->message)->v[i];
	struct sieve_match m;

	if (!sieve_arg(n, SLOT_2))
		return SIEVE_YES;
	sieve_match_init(&m, r, n, sieve_arg(n, SLOT_2));
	sieve_match_value(&m, sieve_field_decoded(r->arena, f));
	return sieve_match_end(&m);
}

/* Positions of the fields with that name that match, ascending. */
static size_t
find_matching(struct sieve_run *r, const struct sieve_node *n, struct str name,
    size_t **out)
{
	struct sieve_fields *f = sieve_message_fields(r->message);
	const struct sieve_arg *index = sieve_tag_arg(n, SLOT_INDEX);
	bool last = sieve_arg(n, SLOT_LAST) != NULL;
	size_t *list = arena_array(r->arena, f->n, sizeof(*list));
	size_t found = 0, seen = 0, total = 0;

	for (size_t i = 0; i < f->n; i++)
		total += str_ieq(f->v[i].name, name);
	for (size_t i = 0; i < f->n; i++) {
		uint64_t number;

		if (!str_ieq(f->v[i].name, name))
			continue;
		number = last ? total - seen : seen + 1;
		seen++;
		if (index && index->number != number)
			continue;
		if (matches(r, n, i) == SIEVE_YES)
			list[found++] = i;
	}
	*out = list;
	return found;
}

static enum sieve_flow
run_deleteheader(struct sieve_run *r, const struct sieve_node *n)
{
	struct str name = sieve_string(r, sieve_arg(n, SLOT_1));
	const char *why;
	size_t *list, count;

	if (!sieve_valid_field(name, &why))
		return sieve_fault(
		    r, "field name '%.*s' is invalid: %s", STR_ARG(name), why);
	if (never_deleted(name) || is_protected(r, name)) {
		sieve_log(
		    r, "the header '%.*s' may not be deleted", STR_ARG(name));
		return FLOW_NEXT;
	}
	count = find_matching(r, n, name, &list);
	if (r->rc != SIEVE_OK)
		return FLOW_FAILED;
	if (count == 0)
		return FLOW_NEXT;
	if (!begin_edit(r))
		return FLOW_FAILED;
	while (count-- > 0)
		sieve_message_delete_field(r->message, list[count]);
	return FLOW_NEXT;
}

const struct sieve_verb sieve_verbs_editheader[] = {
	{ .name = "addheader",
	    .cap = CAP_EDITHEADER,
	    .params = { { 's', "field name" }, { 's', "value" } },
	    .tags = { last_tag },
	    .check = check_addheader,
	    .run = run_addheader },
	{ .name = "deleteheader",
	    .cap = CAP_EDITHEADER,
	    .params = { { 's', "field name" }, { 'l', "value patterns" } },
	    .optional_last = true,
	    .tags = { sieve_tags_match, index_tags },
	    .check = check_deleteheader,
	    .run = run_deleteheader },
	{ .name = NULL },
};
