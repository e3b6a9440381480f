/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/source.h"

#include "base/log.h"

void
script_source_of(struct site *s, const struct site_account *acc,
    struct account *account, struct script_source *out)
{
	*out = (struct script_source){
		.site = s, .account = account, .domain = acc->domain
	};
	rules_of(s, site_scope_of(acc), &out->rules);
}

/* SITE_INVALID and its kin cannot be, so what else fails is no answer. */
static enum sieve_found
no_answer(struct str name, const struct err *e)
{
	log_error(
	    "cannot read a Sieve script", LOG_STR("script", name), LOG_ERR(e));
	return SIEVE_NO_ANSWER;
}

static enum sieve_found
load_personal(
    struct script_source *s, struct arena *a, struct str name, struct buf *out)
{
	struct err e = ERR_INIT;

	if (!s->account)
		return SIEVE_NOT_FOUND;
	switch (script_get(s->account, a, name, NULL, out, &e)) {
	case STORE_OK:
		return SIEVE_FOUND;
	case STORE_NOTFOUND:
		return SIEVE_NOT_FOUND;
	default:
		return no_answer(name, &e);
	}
}

static enum sieve_found
load_global(
    struct script_source *s, struct arena *a, struct str name, struct buf *out)
{
	struct site_script found;
	struct err e = ERR_INIT;

	switch (
	    site_script_global(s->site, a, s->domain, name, &found, out, &e)) {
	case SITE_OK:
		return SIEVE_FOUND;
	case SITE_NOTFOUND:
		return SIEVE_NOT_FOUND;
	default:
		return no_answer(name, &e);
	}
}

static enum sieve_found
load(void *arg, enum sieve_include where, struct str name, struct buf *out)
{
	struct arena *a = arena_new();
	enum sieve_found found = where == SIEVE_PERSONAL
				     ? load_personal(arg, a, name, out)
				     : load_global(arg, a, name, out);

	arena_free(&a);
	return found;
}

struct sieve_compiler
script_compiler(struct script_source *source, bool storing)
{
	return (struct sieve_compiler){ .caps = source->rules.caps,
		.limits = &source->rules.limits,
		.storing = storing,
		.load = load,
		.load_arg = source,
		.notify_methods = source->rules.methods,
		.nnotify_methods = source->rules.nmethods };
}

bool
script_check(struct script_source *source, struct arena *a, struct str name,
    struct str text, struct sieve_diags *diags)
{
	struct sieve_compiler c = script_compiler(source, true);
	struct sieve_program *p = sieve_compile(&c, name, text, a, diags);
	bool ok = p != NULL;

	sieve_program_unref(&p);
	return ok;
}
