/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/sieve_test.h"

#include <stdlib.h>

/* Settings by the names that Pigeonhole's tests use, and some of our own. */

void
test_config_set(struct tester *t, struct str name, struct str value)
{
	struct test_setting *s = ARENA_NEW(t->arena, struct test_setting);

	s->name = arena_str(t->arena, name);
	s->value = value.p ? arena_str(t->arena, value) : STR_NULL;
	s->next = t->config.settings; /* the last one counts */
	t->config.settings = s;
}

struct str
test_config_get(struct tester *t, const char *name)
{
	for (struct test_setting *s = t->config.settings; s; s = s->next) {
		if (str_eqc(s->name, name))
			return s->value;
	}
	return STR_NULL;
}

/* ------------------------------------------------------------------------
 * Values
 */

static struct str
text(struct tester *t, const char *name)
{
	return str_trim(test_config_get(t, name));
}

/* 0: none is allowed. */
static void
count(struct tester *t, const char *name, unsigned *out)
{
	struct str s = text(t, name);
	uint32_t v;

	if (s.n > 0 && str_u32(s, &v))
		*out = v;
}

/* 0: as many as you like. */
static void
number(struct tester *t, const char *name, unsigned *out)
{
	struct str s = text(t, name);
	uint32_t v;

	if (s.n > 0 && str_u32(s, &v))
		*out = v ? v : UINT32_MAX;
}

static void
size(struct tester *t, const char *name, size_t *out)
{
	struct str s = text(t, name);
	uint64_t v;

	if (s.n > 0 && str_size(s, &v))
		*out = v ? (size_t)v : SIZE_MAX;
}

static void
seconds(struct tester *t, const char *name, uint32_t *out)
{
	struct str s = text(t, name);
	uint64_t v;

	if (s.n > 0 && str_duration(s, &v))
		*out = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static void
boolean(struct tester *t, const char *name, bool *out)
{
	struct str s = text(t, name);

	if (s.n > 0)
		*out = str_ieqc(s, "yes") || str_ieqc(s, "true");
}

static void
words(struct tester *t, const char *name, struct test_list *out)
{
	struct str rest = text(t, name), word;

	while (str_split(&rest, ' ', &word)) {
		if (word.n)
			test_list_add(t->arena, out, word);
	}
}

/* ------------------------------------------------------------------------
 * Groups of settings
 */

#define INSTRUCTIONS_A_SECOND 1000000

static void
apply_limits(struct tester *t)
{
	struct sieve_limits *l = &t->config.limits;
	uint32_t cpu = 0;

	*l = sieve_limits_default;
	seconds(t, "sieve_max_cpu_time", &cpu);
	if (cpu)
		l->instructions = (uint64_t)cpu * INSTRUCTIONS_A_SECOND;
	size(t, "sieve_max_script_size", &l->script);
	number(t, "sieve_max_actions", &l->actions);
	count(t, "sieve_max_redirects", &l->redirects);
	count(t, "sieve_notify_max_notifications", &l->notifications);
	number(t, "sieve_include_max_nesting_depth", &l->include_depth);
	number(t, "sieve_include_max_includes", &l->includes);
	size(t, "sieve_variables_max_value_size", &l->variable);
	size(t, "sieve_variables_max_variable_size", &l->variable);
	number(t, "sieve_variables_max_scope_size", &l->variables);
	number(t, "sieve_variables_max_scope_count", &l->variables);
	size(t, "sieve_editheader_max_header_size", &l->header);
	seconds(t, "sieve_vacation_min_period", &l->vacation_min);
	seconds(t, "sieve_vacation_max_period", &l->vacation_max);
	seconds(t, "sieve_vacation_default_period", &l->vacation_default);
	seconds(t, "sieve_duplicate_max_period", &l->duplicate_max);
	t->main_limits = *l;
	t->main_limits.instructions = UINT64_MAX / 2;
	t->main_limits.memory = SIZE_MAX / 2;
	t->main_limits.script = SIEVE_FILE_MAX;
}

/* "FIELD" or "FIELD:PATTERN". */
static void
score_field(
    struct tester *t, const char *name, struct str *field, struct str *pattern)
{
	struct str s = text(t, name);
	size_t colon = str_chr(s, ':');

	*field = s;
	*pattern = STR_NULL;
	if (colon == STR_NPOS)
		return;
	*field = str_trim(str_sub(s, 0, colon));
	*pattern = str_trim(str_sub(s, colon + 1, SIZE_MAX));
}

static void
apply_score(struct tester *t, const char *prefix, struct sieve_score *s)
{
	struct str form;

#define NAME(rest) arena_printf(t->arena, "%s_%s", prefix, rest).p
	*s = (struct sieve_score){ .form = SIEVE_SCORE_NUMBER };
	score_field(t, NAME("status_header"), &s->field, &s->pattern);
	score_field(
	    t, NAME("score_max_header"), &s->max_field, &s->max_pattern);
	form = text(t, NAME("status_type"));
	if (str_ieqc(form, "strlen"))
		s->form = SIEVE_SCORE_STRLEN;
	else if (str_ieqc(form, "text"))
		s->form = SIEVE_SCORE_TEXT;
	if (text(t, NAME("score_max_value")).n)
		s->max = strtod(
		    arena_cstr(t->arena, text(t, NAME("score_max_value"))),
		    NULL);
	for (unsigned i = 0; i <= 10; i++)
		s->texts[i] = text(
		    t, arena_printf(t->arena, "%s_text_value/%u", prefix, i).p);
#undef NAME
}

/* "sieve_editheader_header" has names; each has settings of its own. */
static void
protected_fields(struct tester *t, struct test_list *out)
{
	struct test_list names = { 0 };

	words(t, "sieve_editheader_header", &names);
	for (size_t i = 0; i < names.n; i++) {
		bool forbidden = false;

		boolean(t,
		    arena_printf(t->arena,
			"sieve_editheader_header/%.*s/forbid_delete",
			STR_ARG(names.v[i]))
			.p,
		    &forbidden);
		if (forbidden)
			test_list_add(t->arena, out, names.v[i]);
	}
}

static void
apply_user(struct tester *t)
{
	struct sieve_user *u = &t->in.user;
	struct test_list methods = { 0 }, fields = { 0 };

	u->address = text(t, "sieve_user_email");
	u->name = STR("testsuite");
	u->delimiters = text(t, "recipient_delimiter");
	if (u->delimiters.n == 0)
		u->delimiters = STR("+");
	words(t, "notify_methods", &methods);
	if (methods.n == 0)
		test_list_add(t->arena, &methods, STR("mailto"));
	t->in.notify_methods = methods.v;
	t->in.nnotify_methods = methods.n;
	protected_fields(t, &fields);
	t->in.protected_fields = fields.v;
	t->in.nprotected = fields.n;
}

static struct str
path(struct tester *t, const char *name)
{
	struct str s = text(t, name);

	return str_eqc(s, "user_email") ? STR("user") : s;
}

static void
apply_sender(struct tester *t)
{
	struct sieve_sender *s = &t->config.sender;

	*s = (struct sieve_sender){
		.hostname = t->in.hostname,
		.postmaster = STR("postmaster@example.com"),
		.redirect_from = path(t, "sieve_redirect_envelope_from"),
		.report_from = path(t, "sieve_report_from"),
		.notify_from = path(t, "sieve_notify_mailto_envelope_from"),
		.vacation_subject =
		    text(t, "sieve_vacation_default_subject_template"),
		.vacation_no_subject =
		    text(t, "sieve_vacation_default_subject"),
	};
	boolean(t, "sieve_vacation_send_from_recipient",
	    &s->vacation_from_recipient);
	boolean(t, "sieve_vacation_use_original_recipient",
	    &s->vacation_original_recipient);
	boolean(t, "sieve_vacation_to_header_ignore_envelope",
	    &s->vacation_to_header);
	if (str_ieqc(text(t, "sieve_vacation_check_recipient"), "no"))
		s->vacation_any_recipient = true;
}

static void
apply_programs(struct tester *t)
{
	static const char *const kinds[] = { [SIEVE_PIPE] = "pipe",
		[SIEVE_FILTER] = "filter",
		[SIEVE_EXECUTE] = "execute" };

#define NAME(rest) arena_printf(t->arena, "sieve_%s_%s", kinds[i], rest).p
	for (size_t i = 0; i < 3; i++) {
		uint32_t time = 10;

		t->config.bin_dir[i] = text(t, NAME("bin_dir"));
		seconds(t, NAME("exec_timeout"), &time);
		t->config.timeout[i] = time;
		t->config.crlf[i] = !str_ieqc(text(t, NAME("input_eol")), "lf");
	}
#undef NAME
}

/* "clock" is a time after the start. */
static void
apply_clock(struct tester *t)
{
	uint32_t after = 0;

	seconds(t, "clock", &after);
	t->in.now = t->started + after;
}

void
test_config_apply(struct tester *t)
{
	apply_clock(t);
	apply_limits(t);
	apply_score(t, "sieve_spamtest", &t->in.spam);
	apply_score(t, "sieve_virustest", &t->in.virus);
	apply_user(t);
	apply_sender(t);
	apply_programs(t);
}
