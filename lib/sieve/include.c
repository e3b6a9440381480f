/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/run.h"

/* include, return, global (RFC 6609). */

static const struct sieve_tag include_tags[] = {
	{ "personal", CAP_INCLUDE, SLOT_PLACE, 0, SIEVE_PERSONAL },
	{ "global", CAP_INCLUDE, SLOT_PLACE, 0, SIEVE_GLOBAL },
	{ "once", CAP_INCLUDE, SLOT_ONCE, 0, 0 },
	{ "optional", CAP_INCLUDE, SLOT_OPTIONAL, 0, 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

bool
sieve_global(struct sieve_checker *c, struct str name, struct sieve_position at,
    unsigned *number)
{
	struct sieve_program *p = c->program;

	for (size_t i = 0; i < p->nglobals; i++) {
		if (!str_ieq(p->globals[i], name))
			continue;
		*number = (unsigned)i;
		return true;
	}
	if (!sieve_variable_name_valid(name)) {
		sieve_error(c, at, "invalid name 'global.%.*s' of a variable",
		    STR_ARG(name));
		return false;
	}
	if (p->nglobals >= c->limits->variables) {
		sieve_error(c, at, "more global variables than the limit of %u",
		    c->limits->variables);
		return false;
	}
	p->globals = arena_grow(p->arena, p->globals, p->nglobals,
	    &p->globals_cap, sizeof(*p->globals));
	*number = (unsigned)p->nglobals;
	p->globals[p->nglobals++] = arena_str(p->arena, name);
	return true;
}

static bool
check_include(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *arg = sieve_arg(n, SLOT_1);
	enum sieve_include where =
	    (enum sieve_include)sieve_tag_value(n, SLOT_PLACE, SIEVE_PERSONAL);
	struct str name;

	if (!sieve_need_constant(c, n, arg, "script name"))
		return false;
	name = sieve_constant(arg);
	if (!sieve_name_valid(name)) {
		sieve_error(c, arg->at,
		    "invalid script name '%.*s': no '/', no control "
		    "characters, 1 to 512 octets",
		    STR_ARG(name));
		return false;
	}
	n->more = sieve_compile_included(c, where, name,
	    sieve_arg(n, SLOT_OPTIONAL) != NULL,
	    sieve_arg(n, SLOT_ONCE) != NULL, arg->at);
	return n->more != NULL;
}

static enum sieve_flow
run_include(struct sieve_run *r, const struct sieve_node *n)
{
	const struct sieve_script *s = n->more;

	if (s->missing) {
		if (sieve_arg(n, SLOT_OPTIONAL))
			return FLOW_NEXT;
		return sieve_fault(r, "the included script '%.*s' is missing",
		    STR_ARG(s->name));
	}
	if (sieve_arg(n, SLOT_ONCE) && r->included[s->number])
		return FLOW_NEXT;
	r->included[s->number] = true;
	return sieve_run_script(r, s);
}

static enum sieve_flow
run_return(struct sieve_run *r, const struct sieve_node *n)
{
	(void)n;
	return r->frame->caller ? FLOW_RETURN : FLOW_STOP;
}

static bool
declare_global(
    struct sieve_checker *c, struct str name, struct sieve_position at)
{
	struct sieve_variable *v = sieve_variable_find(c->script, name);
	unsigned number;

	if (!sieve_variable_name_valid(name)) {
		sieve_error(c, at, "invalid variable name '%.*s' in global",
		    STR_ARG(name));
		return false;
	}
	if (v && !v->global) {
		sieve_error(c, at,
		    "the variable '%.*s' was used before it was declared "
		    "global",
		    STR_ARG(name));
		return false;
	}
	if (v)
		return true;
	if (!sieve_global(c, name, at, &number))
		return false;
	v = sieve_variable_add(c, name, at);
	if (!v)
		return false;
	v->global = true;
	v->number = number;
	return true;
}

static bool
check_global(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *names = sieve_arg(n, SLOT_1);
	bool good = true;

	if (!sieve_caps_has(c->caps, CAP_VARIABLES)) {
		sieve_error(
		    c, n->at, "the global command needs require \"variables\"");
		return false;
	}
	if (!sieve_need_constant(c, n, names, "argument"))
		return false;
	for (size_t i = 0; i < names->ntexts; i++)
		good = declare_global(
			   c, names->texts[i].text, names->texts[i].at) &&
		       good;
	return good;
}

static enum sieve_flow
run_global(struct sieve_run *r, const struct sieve_node *n)
{
	(void)r;
	(void)n;
	return FLOW_NEXT;
}

const struct sieve_verb sieve_verbs_include[] = {
	{ .name = "include",
	    .cap = CAP_INCLUDE,
	    .params = { { 's', "script name" } },
	    .tags = { include_tags },
	    .check = check_include,
	    .run = run_include },
	{ .name = "return",
	    .cap = CAP_INCLUDE,
	    .ends = true,
	    .run = run_return },
	{ .name = "global",
	    .cap = CAP_INCLUDE,
	    .params = { { 'l', "variables" } },
	    .check = check_global,
	    .run = run_global },
	{ .name = NULL },
};
