/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/sieve.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/mem.h"
#include "sieve/match.h"

#define DAY (24 * 3600)

const struct sieve_limits sieve_limits_default = {
	.script = 1 << 20,
	.errors = 100,
	.nesting = 32,
	.actions = 32,
	.redirects = 4,
	.notifications = 10,
	.instructions = 2000000,
	.memory = 64U << 20,
	.variable = 4096,
	.variables = 255,
	.includes = 255,
	.include_depth = 10,
	.regex = 100000,
	.header = 2048,
	.vacation_min = DAY,
	.vacation_max = 90 * DAY,
	.vacation_default = 7 * DAY,
	.duplicate_max = 90 * DAY,
};

/* ------------------------------------------------------------------------
 * Programs
 */

static struct sieve_program *
program_new(const struct sieve_language *language)
{
	struct sieve_program *p = mem_zalloc(sizeof(*p));

	p->arena = arena_new();
	p->language = language;
	atomic_init(&p->references, 1);
	return p;
}

struct sieve_program *
sieve_program_ref(struct sieve_program *p)
{
	atomic_fetch_add(&p->references, 1);
	return p;
}

void
sieve_program_unref(struct sieve_program **p)
{
	struct sieve_program *it = *p;

	*p = NULL;
	if (!it || atomic_fetch_sub(&it->references, 1) != 1)
		return;
	for (size_t i = 0; i < it->nregexes; i++)
		sieve_regex_free(&it->regexes[i]);
	arena_free(&it->arena);
	free(it);
}

struct str
sieve_program_name(const struct sieve_program *p)
{
	return p->scripts->name;
}

struct sieve_caps
sieve_program_caps(const struct sieve_program *p)
{
	struct sieve_caps caps = { 0 };

	for (const struct sieve_script *s = p->scripts; s; s = s->next)
		caps.bits |= s->caps.bits;
	return caps;
}

size_t
sieve_program_dependencies(
    const struct sieve_program *p, const struct sieve_dependency **out)
{
	*out = p->dependencies;
	return p->ndependencies;
}

bool
sieve_name_valid(struct str name)
{
	if (name.n == 0 || name.n > 512 || !str_is_utf8(name))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = (uint8_t)name.p[i];
		uint8_t d = i + 1 < name.n ? (uint8_t)name.p[i + 1] : 0;
		uint8_t f = i + 2 < name.n ? (uint8_t)name.p[i + 2] : 0;

		if (c < 0x20 || c == 0x7f || c == '/')
			return false;
		if (c == 0xc2 && d >= 0x80 && d <= 0x9f)
			return false;
		if (c == 0xe2 && d == 0x80 && (f == 0xa8 || f == 0xa9))
			return false; /* line and paragraph separators */
	}
	return true;
}

/* ------------------------------------------------------------------------
 * Compiling
 */

static struct sieve_script *
add_script(struct sieve_program *p, enum sieve_include where, struct str name)
{
	struct sieve_script *s = ARENA_NEW(p->arena, struct sieve_script);
	struct sieve_script **tail = &p->scripts;

	while (*tail)
		tail = &(*tail)->next;
	*tail = s;
	s->name = arena_str(p->arena, name);
	s->where = where;
	s->number = p->nscripts++;
	return s;
}

static void
compile_script(struct sieve_checker *c, struct str source)
{
	struct sieve_script *s = c->script;
	unsigned errors = c->diags->errors;

	s->compiling = true;
	if (source.n > c->limits->script)
		sieve_error(c, (struct sieve_position){ 0, 0 },
		    "the script is too large: %zu octets (limit: %zu)",
		    source.n, c->limits->script);
	else
		s->commands = sieve_parse(c->arena, s->name,
		    arena_str(c->arena, source), c->limits, c->diags);
	if (c->diags->errors == errors)
		sieve_check_commands(c, s->commands);
	s->caps = c->caps;
	s->compiling = false;
	s->failed = c->diags->errors != errors;
}

static struct sieve_caps
caps_at_start(const struct sieve_compiler *o)
{
	struct sieve_caps caps = { 0 };

	if (o->language)
		sieve_caps_add(&caps, o->language->cap);
	return caps;
}

struct sieve_program *
sieve_compile(const struct sieve_compiler *o, struct str name,
    struct str source, struct arena *arena, struct sieve_diags *diags)
{
	struct sieve_program *p = program_new(o->language);
	struct sieve_checker c = {
		.compiler = o,
		.limits = o->limits ? o->limits : &sieve_limits_default,
		.program = p,
		.arena = p->arena,
		.diags = diags,
		.caps = caps_at_start(o),
	};

	*diags = (struct sieve_diags){ .arena = arena };
	c.script = add_script(p, SIEVE_PERSONAL, name);
	compile_script(&c, source);
	if (diags->errors > 0)
		sieve_program_unref(&p);
	return p;
}

/* ------------------------------------------------------------------------
 * Included scripts
 */

static struct sieve_script *
find_script(struct sieve_program *p, enum sieve_include where, struct str name)
{
	/* The main script has no place that it could be included from. */
	for (struct sieve_script *s = p->scripts->next; s; s = s->next) {
		if (s->where == where && str_eq(s->name, name))
			return s;
	}
	return NULL;
}

static void
add_dependency(struct sieve_program *p, const struct sieve_script *s,
    const struct buf *source)
{
	struct sieve_dependency *d;

	p->dependencies = arena_grow(p->arena, p->dependencies,
	    p->ndependencies, &p->dependencies_cap, sizeof(*d));
	d = &p->dependencies[p->ndependencies++];
	*d = (struct sieve_dependency){
		.where = s->where, .name = s->name, .missing = s->missing
	};
	if (!s->missing)
		sha256(buf_str(source), d->hash);
}

static const char *
place_name(enum sieve_include where)
{
	return where == SIEVE_GLOBAL ? "global" : "personal";
}

static bool
load(struct sieve_checker *c, struct sieve_script *s, bool optional,
    struct sieve_position at, struct buf *source)
{
	const struct sieve_compiler *o = c->compiler;
	enum sieve_found found =
	    o->load ? o->load(o->load_arg, s->where, s->name, source)
		    : SIEVE_NOT_FOUND;

	s->missing = found != SIEVE_FOUND;
	add_dependency(c->program, s, source);
	if (found == SIEVE_FOUND)
		return true;
	if (found == SIEVE_NO_ANSWER)
		sieve_error(c, at, "the %s script '%.*s' cannot be read now",
		    place_name(s->where), STR_ARG(s->name));
	else if (!optional && o->storing)
		sieve_warning(c, at,
		    "there is no %s script '%.*s' yet; store it before this "
		    "one runs",
		    place_name(s->where), STR_ARG(s->name));
	else if (!optional)
		sieve_error(c, at, "there is no %s script '%.*s' to include",
		    place_name(s->where), STR_ARG(s->name));
	return false;
}

/* With the checker's state of its own. */
static bool
compile_included(struct sieve_checker *c, struct sieve_script *s,
    struct sieve_position at, struct str source)
{
	struct sieve_checker inner = {
		.compiler = c->compiler,
		.limits = c->limits,
		.program = c->program,
		.script = s,
		.arena = c->arena,
		.diags = c->diags,
		.caps = caps_at_start(c->compiler),
		.include_depth = c->include_depth + 1,
	};

	if (inner.include_depth > c->limits->include_depth) {
		sieve_error(c, at,
		    "includes nest deeper than the limit of %u levels",
		    c->limits->include_depth);
		s->failed = true;
		return false;
	}
	compile_script(&inner, source);
	if (s->failed)
		sieve_error(c, at, "the included %s script '%.*s' has errors",
		    place_name(s->where), STR_ARG(s->name));
	return !s->failed;
}

struct sieve_script *
sieve_compile_included(struct sieve_checker *c, enum sieve_include where,
    struct str name, bool optional, bool once, struct sieve_position at)
{
	struct sieve_script *s = find_script(c->program, where, name);
	struct buf source = { 0 };

	if (s && s->compiling && !once) {
		sieve_error(c, at, "circular include of the %s script '%.*s'",
		    place_name(where), STR_ARG(name));
		return NULL;
	}
	if (s)
		return s->failed ? NULL : s;
	if (c->program->nscripts > c->limits->includes) {
		sieve_error(c, at, "more scripts included than the limit of %u",
		    c->limits->includes);
		return NULL;
	}
	s = add_script(c->program, where, name);
	if (load(c, s, optional, at, &source) &&
	    !compile_included(c, s, at, buf_str(&source)))
		s = NULL;
	else if (s->missing && !optional && !c->compiler->storing)
		s = NULL;
	buf_fini(&source);
	return s;
}
