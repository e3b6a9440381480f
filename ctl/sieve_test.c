/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/sieve_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ctl/sieve_verbs.h"

void
test_list_add(struct arena *a, struct test_list *l, struct str s)
{
	l->v = arena_grow(a, l->v, l->n, &l->cap, sizeof(*l->v));
	l->v[l->n++] = s;
}

/* ------------------------------------------------------------------------
 * Results
 */

void
test_failed(struct tester *t, unsigned line, struct str why)
{
	t->failed = true;
	t->line = line;
	t->why = arena_str(t->arena, why.n ? why : STR("failed"));
}

void
test_record(struct tester *t, struct str name, unsigned line)
{
	json_t *row = json_pack("{s:o, s:i, s:b}", "test", json_str(name),
	    "line", (int)line, "passed", (int)!t->failed);

	if (t->failed) {
		t->failures++;
		json_object_set_new(
		    row, "failed_line", json_integer((json_int_t)t->line));
		json_object_set_new(row, "message", json_str(t->why));
	} else {
		t->passed++;
	}
	json_array_append_new(t->results, row);
	t->failed = false;
}

/* What goes wrong outside of tests: the file fails. */
static void
record_file(struct tester *t, unsigned line, struct str why)
{
	test_failed(t, line, why);
	test_record(t, STR(""), line);
}

/* ------------------------------------------------------------------------
 * One file
 */

static struct sieve_program *
compile_file(struct tester *t)
{
	struct sieve_limits limits = sieve_limits_default;
	struct sieve_compiler c = {
		.caps = test_caps(),
		.limits = &limits,
		.load = sieve_folders_load,
		.load_arg = &t->folders,
		.language = &test_language,
	};
	struct sieve_diags diags = { 0 };
	struct sieve_program *p;
	struct err e = ERR_INIT;
	struct str source;

	limits.script = SIEVE_FILE_MAX;
	if (!sieve_source_read(t->arena, t->path, &source, &e)) {
		record_file(t, 0, str_of(e.msg));
		return NULL;
	}
	p = sieve_compile(&c, t->path, source, t->arena, &diags);
	for (size_t i = 0; i < diags.n; i++) {
		if (diags.v[i].severity == SIEVE_ERROR)
			record_file(t, diags.v[i].line, diags.v[i].text);
	}
	return p;
}

static void
run_file(struct tester *t)
{
	struct sieve_program *p = compile_file(t);

	if (!p)
		return;
	t->main = sieve_run_new(&t->in);
	t->main->extra = t;
	test_message_default(t);
	if (sieve_run_next(t->main, p) != SIEVE_OK)
		record_file(t, sieve_run_error(t->main)->line,
		    sieve_run_error(t->main)->text);
	else if (t->failed)
		record_file(t, t->line, t->why);
	test_script_fini(t);
	sieve_run_free(&t->main);
	sieve_program_unref(&p);
}

static struct str
full_path(struct arena *a, const char *path)
{
	char *real = realpath(path, NULL);
	struct str out = arena_str(a, str_of(real ? real : path));

	free(real);
	return out;
}

static void
tester_init(
    struct tester *t, struct ctl *c, struct arena *arena, const char *path)
{
	*t = (struct tester){ .c = c, .arena = arena, .path = str_of(path) };
	t->results = json_array();
	t->trace = ctl_switch(c, "trace");
	t->dir = sieve_path_folder(full_path(arena, path));
	t->folders = (struct sieve_folders){
		.arena = arena,
		.personal =
		    arena_printf(arena, "%.*s/included", STR_ARG(t->dir)),
		.global = arena_printf(
		    arena, "%.*s/included-global", STR_ARG(t->dir)),
	};
	t->host = test_host(t);
	t->in = (struct sieve_input){
		.host = &t->host,
		.limits = &t->main_limits,
		.domain = STR("example.com"),
		.hostname = STR("host.example.com"),
		.remote_host = STR("client.example.org"),
		.remote_ip = STR("192.0.2.1"),
		.max_received = 50,
	};
	t->started = (int64_t)time(NULL);
	test_config_apply(t);
	test_mailbox_find(t, STR("INBOX"));
}

/* ------------------------------------------------------------------------
 * The verb
 */

static void
print_file(const struct tester *t, bool all)
{
	size_t i;
	json_t *row;

	printf("%.*s: %u passed", STR_ARG(t->path), t->passed);
	if (t->failures > 0)
		printf(", %u failed", t->failures);
	putchar('\n');
	json_array_foreach(t->results, i, row)
	{
		const char *why =
		    json_string_value(json_object_get(row, "message"));
		const char *name =
		    json_string_value(json_object_get(row, "test"));

		if (why)
			printf("  line %d, \"%s\": %s\n",
			    (int)json_integer_value(
				json_object_get(row, "failed_line")),
			    name, why);
		else if (all)
			printf("  ok \"%s\"\n", name);
	}
	fflush(stdout);
}

struct totals {
	unsigned files, failed_files, passed, failed;
	json_t *list;
};

/* With --expect-failure, every test must fail. */
static bool
file_passed(struct ctl *c, const struct tester *t)
{
	if (ctl_switch(c, "expect-failure"))
		return t->passed == 0 && t->failures > 0;
	return t->failures == 0;
}

static void
test_file(struct ctl *c, const char *path, struct totals *sum)
{
	struct arena *arena = arena_new();
	struct tester t;
	bool good;

	tester_init(&t, c, arena, path);
	run_file(&t);
	good = file_passed(c, &t);
	sum->files++;
	sum->failed_files += !good;
	sum->passed += t.passed;
	sum->failed += t.failures;
	if (!c->json)
		print_file(&t, ctl_switch(c, "all"));
	json_array_append_new(sum->list,
	    json_pack("{s:o, s:b, s:i, s:i, s:o}", "file", json_str(t.path),
		"good", (int)good, "passed", (int)t.passed, "failed",
		(int)t.failures, "tests", t.results));
	arena_free(&arena);
}

int
cmd_sieve_test(struct ctl *c)
{
	struct totals sum = { .list = json_array() };

	for (int i = 0; i < c->argc; i++)
		test_file(c, c->argv[i], &sum);
	out_done(c,
	    json_pack("{s:i, s:i, s:i, s:i, s:o}", "files", (int)sum.files,
		"failed_files", (int)sum.failed_files, "passed",
		(int)sum.passed, "failed", (int)sum.failed, "results",
		sum.list),
	    "%u files, %u with failures; %u tests passed, %u failed", sum.files,
	    sum.failed_files, sum.passed, sum.failed);
	return sum.failed_files ? EXIT_FAILURE : 0;
}
