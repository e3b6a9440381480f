/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/sieve_test.h"

#include <stdio.h>

#include "sieve/match.h"

/* The commands and tests that a test file has more than other scripts. */

#define END                                                                    \
	{                                                                      \
		NULL, CAP_BASE, 0, 0, 0                                        \
	}

enum { FROM_SMTP, FROM_FOLDER };

static const struct sieve_tag message_tags[] = {
	{ "smtp", CAP_BASE, SLOT_TEST, 0, FROM_SMTP },
	{ "folder", CAP_BASE, SLOT_TEST, 's', FROM_FOLDER },
	END,
};
static const struct sieve_tag reload_tags[] = {
	{ "extension", CAP_BASE, SLOT_TEST, 's', 0 },
	END,
};
static const struct sieve_tag append_tags[] = {
	{ "append_result", CAP_BASE, SLOT_TEST, 0, 0 },
	END,
};
static const struct sieve_tag number_tags[] = {
	{ "index", CAP_BASE, SLOT_INDEX, 'n', 0 },
	END,
};
static const struct sieve_tag mailbox_tags[] = {
	{ "specialuse", CAP_BASE, SLOT_SPECIAL_USE, 's', 0 },
	{ "mailboxid", CAP_BASE, SLOT_MAILBOXID, 's', 0 },
	END,
};
static const struct sieve_tag metadata_tags[] = {
	{ "mailbox", CAP_BASE, SLOT_TEST, 's', 0 },
	END,
};

static struct str
argument(struct sieve_run *r, const struct sieve_node *n, enum sieve_slot slot)
{
	return sieve_string(r, sieve_arg(n, slot));
}

/* ------------------------------------------------------------------------
 * test, test_fail
 */

static bool
check_test(struct sieve_checker *c, struct sieve_node *n)
{
	sieve_check_block(c, n);
	return true;
}

/* A failure ends the block, whatever it was. */
static enum sieve_flow
run_test(struct sieve_run *r, const struct sieve_node *n)
{
	struct tester *t = r->extra;
	struct sieve_frame *frame = r->frame;
	struct sieve_part *part = r->part;
	struct str name = argument(r, n, SLOT_1);
	unsigned depth = r->depth;
	enum sieve_flow flow;

	if (t->testing)
		return sieve_fault(r, "a test within a test");
	t->failed = false;
	t->testing = true;
	if (t->trace)
		printf("%.*s:%u: %.*s\n", STR_ARG(t->path), n->at.line,
		    STR_ARG(name));
	flow = sieve_run_block(r, n->block);
	if (flow == FLOW_FAILED) {
		if (!t->failed)
			test_failed(t, r->at ? r->at->at.line : n->at.line,
			    r->error.text);
		r->rc = SIEVE_OK;
		r->error = (struct sieve_diag){ 0 };
		r->frame = frame;
		r->part = part;
		r->depth = depth;
		flow = FLOW_NEXT;
	}
	t->testing = false;
	test_record(t, name, n->at.line);
	return flow;
}

static enum sieve_flow
run_test_fail(struct sieve_run *r, const struct sieve_node *n)
{
	struct tester *t = r->extra;

	if (r != t->main)
		t->sub_failed = true;
	else
		test_failed(t, n->at.line, argument(r, n, SLOT_1));
	return FLOW_FAILED;
}

/* Fail the test with a text of ours. */
#define fail_here(r, n, ...)                                                   \
	(test_failed((r)->extra, (n)->at.line,                                 \
	     arena_printf(((struct tester *)(r)->extra)->arena, __VA_ARGS__)), \
	    FLOW_FAILED)

/* ------------------------------------------------------------------------
 * The message
 */

static bool
check_set(struct sieve_checker *c, struct sieve_node *n)
{
	struct str name = sieve_constant(sieve_arg(n, SLOT_1));

	if (name.p && test_object_known(name))
		return true;
	sieve_error(c, n->at, "test_set knows no '%.*s'", STR_ARG(name));
	return false;
}

static enum sieve_flow
run_set(struct sieve_run *r, const struct sieve_node *n)
{
	test_object_set(
	    r->extra, argument(r, n, SLOT_1), argument(r, n, SLOT_2));
	return FLOW_NEXT;
}

static bool
check_message(struct sieve_checker *c, struct sieve_node *n)
{
	if (sieve_arg(n, SLOT_TEST))
		return true;
	sieve_error(c, n->at, "test_message needs ':smtp' or ':folder'");
	return false;
}

static bool
take_message(struct sieve_run *r, const struct sieve_node *n)
{
	uint64_t index = sieve_arg(n, SLOT_1)->number;

	if (sieve_tag_value(n, SLOT_TEST, 0) == FROM_SMTP)
		return test_message_smtp(r->extra, index);
	return test_message_folder(
	    r->extra, sieve_string(r, sieve_tag_arg(n, SLOT_TEST)), index);
}

static enum sieve_flow
run_message(struct sieve_run *r, const struct sieve_node *n)
{
	if (take_message(r, n))
		return FLOW_NEXT;
	return fail_here(r, n, "there is no message with the index %" PRIu64,
	    sieve_arg(n, SLOT_1)->number);
}

static enum sieve_answer
answer(bool yes)
{
	return yes ? SIEVE_YES : SIEVE_NO;
}

static enum sieve_answer
test_message(struct sieve_run *r, const struct sieve_node *n)
{
	return answer(take_message(r, n));
}

static enum sieve_flow
run_message_print(struct sieve_run *r, const struct sieve_node *n)
{
	(void)n;
	fprintf(stderr, "%.*s", STR_ARG(sieve_message_raw(r->message)));
	return FLOW_NEXT;
}

/* ------------------------------------------------------------------------
 * The mail store
 */

static enum sieve_flow
run_mailbox_create(struct sieve_run *r, const struct sieve_node *n)
{
	test_mailbox_create(r->extra, argument(r, n, SLOT_1),
	    sieve_string(r, sieve_tag_arg(n, SLOT_SPECIAL_USE)),
	    sieve_string(r, sieve_tag_arg(n, SLOT_MAILBOXID)));
	return FLOW_NEXT;
}

static enum sieve_flow
run_mailbox_delete(struct sieve_run *r, const struct sieve_node *n)
{
	struct str name = argument(r, n, SLOT_1);

	if (test_mailbox_delete(r->extra, name))
		return FLOW_NEXT;
	return fail_here(r, n, "there is no mailbox '%.*s'", STR_ARG(name));
}

static enum sieve_flow
run_metadata_set(struct sieve_run *r, const struct sieve_node *n)
{
	test_metadata_set(r->extra,
	    sieve_string(r, sieve_tag_arg(n, SLOT_TEST)),
	    argument(r, n, SLOT_1), argument(r, n, SLOT_2));
	return FLOW_NEXT;
}

/* ------------------------------------------------------------------------
 * Settings
 */

static enum sieve_flow
run_config_set(struct sieve_run *r, const struct sieve_node *n)
{
	test_config_set(
	    r->extra, argument(r, n, SLOT_1), argument(r, n, SLOT_2));
	return FLOW_NEXT;
}

static enum sieve_flow
run_config_unset(struct sieve_run *r, const struct sieve_node *n)
{
	test_config_set(r->extra, argument(r, n, SLOT_1), STR_NULL);
	return FLOW_NEXT;
}

static enum sieve_flow
run_config_reload(struct sieve_run *r, const struct sieve_node *n)
{
	(void)n;
	test_config_apply(r->extra);
	return FLOW_NEXT;
}

/* ------------------------------------------------------------------------
 * Scripts
 */

static enum sieve_answer
test_script_compile(struct sieve_run *r, const struct sieve_node *n)
{
	return answer(test_compile(r->extra, argument(r, n, SLOT_1)));
}

static enum sieve_answer
test_script_source(struct sieve_run *r, const struct sieve_node *n)
{
	return answer(test_compile_source(r->extra, argument(r, n, SLOT_1)));
}

static enum sieve_answer
test_script_run(struct sieve_run *r, const struct sieve_node *n)
{
	return answer(test_run(r->extra, sieve_arg(n, SLOT_TEST) != NULL));
}

static enum sieve_answer
test_scripts(struct sieve_run *r, const struct sieve_node *n)
{
	return answer(
	    test_multiscript(r->extra, sieve_list(r, sieve_arg(n, SLOT_1))));
}

static enum sieve_flow
run_binary_save(struct sieve_run *r, const struct sieve_node *n)
{
	test_binary_save(r->extra, argument(r, n, SLOT_1));
	return FLOW_NEXT;
}

static enum sieve_flow
run_binary_load(struct sieve_run *r, const struct sieve_node *n)
{
	struct str name = argument(r, n, SLOT_1);

	if (test_binary_load(r->extra, name))
		return FLOW_NEXT;
	return fail_here(r, n, "no script was saved as '%.*s'", STR_ARG(name));
}

/* ------------------------------------------------------------------------
 * The result
 */

static enum sieve_answer
test_result_execute(struct sieve_run *r, const struct sieve_node *n)
{
	(void)n;
	return answer(test_execute(r->extra));
}

static enum sieve_flow
run_result_reset(struct sieve_run *r, const struct sieve_node *n)
{
	struct tester *t = r->extra;

	(void)n;
	test_reset(t);
	t->trap = NULL;
	return FLOW_NEXT;
}

static enum sieve_flow
run_result_print(struct sieve_run *r, const struct sieve_node *n)
{
	struct sieve_run *result = test_result(r->extra);

	(void)n;
	for (size_t i = 0; i < result->nactions; i++)
		fprintf(
		    stderr, "%s\n", sieve_action_name(result->actions[i].kind));
	return FLOW_NEXT;
}

/* Values, or the one that :index names. */
static enum sieve_answer
match_list(struct sieve_run *r, const struct sieve_node *n, struct strs values)
{
	const struct sieve_arg *index = sieve_tag_arg(n, SLOT_INDEX);
	enum sieve_answer a = SIEVE_NO;
	struct sieve_match m;

	sieve_match_init(&m, r, n, sieve_arg(n, SLOT_1));
	for (size_t i = 0; i < values.n && a == SIEVE_NO; i++) {
		if (!index || index->number == i + 1)
			a = sieve_match_value(&m, values.v[i]);
	}
	return sieve_match_end(&m);
}

static enum sieve_answer
test_result_action(struct sieve_run *r, const struct sieve_node *n)
{
	struct sieve_run *result = test_result(r->extra);
	struct str *names =
	    arena_array(r->arena, result->nactions, sizeof(*names));
	struct strs list = { names, 0 };

	for (size_t i = 0; i < result->nactions; i++) {
		const struct sieve_action *a = &result->actions[i];

		if (!a->implicit && a->kind != SIEVE_ACT_REMEMBER)
			names[list.n++] = str_of(sieve_action_name(a->kind));
	}
	return match_list(r, n, list);
}

static enum sieve_answer
test_error(struct sieve_run *r, const struct sieve_node *n)
{
	struct tester *t = r->extra;

	return match_list(r, n, (struct strs){ t->errors.v, t->errors.n });
}

static bool
check_match(struct sieve_checker *c, struct sieve_node *n)
{
	return sieve_match_check(c, n, sieve_arg(n, SLOT_1));
}

/* ------------------------------------------------------------------------
 * The table
 */

#define TESTSUITE .cap = CAP_DOVECOT_TESTSUITE

static const struct sieve_verb language_verbs[] = {
	/* clang-format off */
	{ .name = "test", TESTSUITE, .params = { { 's', "name" } }, .block = true,
	    .check = check_test, .run = run_test },
	{ .name = "test_fail", TESTSUITE, .params = { { 's', "reason" } },
	    .run = run_test_fail },
	{ .name = "test_set", TESTSUITE,
	    .params = { { 's', "object" }, { 's', "value" } },
	    .check = check_set, .run = run_set },
	{ .name = "test_message", TESTSUITE, .params = { { 'n', "index" } },
	    .tags = { message_tags }, .check = check_message, .run = run_message },
	{ .name = "test_message", TESTSUITE, .params = { { 'n', "index" } },
	    .tags = { message_tags }, .check = check_message, .test = test_message },
	{ .name = "test_message_print", TESTSUITE, .run = run_message_print },
	{ .name = "test_mailbox_create", TESTSUITE, .params = { { 's', "mailbox" } },
	    .tags = { mailbox_tags }, .run = run_mailbox_create },
	{ .name = "test_mailbox_delete", TESTSUITE, .params = { { 's', "mailbox" } },
	    .run = run_mailbox_delete },
	{ .name = "test_imap_metadata_set", TESTSUITE,
	    .params = { { 's', "entry" }, { 's', "value" } },
	    .tags = { metadata_tags }, .run = run_metadata_set },
	{ .name = "test_config_set", TESTSUITE,
	    .params = { { 's', "setting" }, { 's', "value" } },
	    .run = run_config_set },
	{ .name = "test_config_unset", TESTSUITE, .params = { { 's', "setting" } },
	    .run = run_config_unset },
	{ .name = "test_config_reload", TESTSUITE, .tags = { reload_tags },
	    .run = run_config_reload },
	{ .name = "test_script_compile", TESTSUITE, .params = { { 's', "script" } },
	    .test = test_script_compile },
	{ .name = "test_script_source", TESTSUITE, .params = { { 's', "source" } },
	    .test = test_script_source },
	{ .name = "test_script_run", TESTSUITE, .tags = { append_tags },
	    .test = test_script_run },
	{ .name = "test_multiscript", TESTSUITE, .params = { { 'l', "scripts" } },
	    .test = test_scripts },
	{ .name = "test_binary_save", TESTSUITE, .params = { { 's', "name" } },
	    .run = run_binary_save },
	{ .name = "test_binary_load", TESTSUITE, .params = { { 's', "name" } },
	    .run = run_binary_load },
	{ .name = "test_result_execute", TESTSUITE, .test = test_result_execute },
	{ .name = "test_result_reset", TESTSUITE, .run = run_result_reset },
	{ .name = "test_result_print", TESTSUITE, .run = run_result_print },
	{ .name = "test_result_action", TESTSUITE, .params = { { 'l', "key list" } },
	    .tags = { sieve_tags_match, number_tags }, .check = check_match,
	    .test = test_result_action },
	{ .name = "test_error", TESTSUITE, .params = { { 'l', "key list" } },
	    .tags = { sieve_tags_match, number_tags }, .check = check_match,
	    .test = test_error },
	{ .name = NULL },
	/* clang-format on */
};

const struct sieve_language test_language = { language_verbs, CAP_BASE };
