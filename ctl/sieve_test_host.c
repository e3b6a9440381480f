/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/sieve_test.h"

#include <stdio.h>

#include "base/fs.h"

/* What scripts under test ask the world, answered from memory. */

static enum sieve_answer
mailbox_exists(void *arg, struct str name)
{
	return test_mailbox_find(arg, name) ? SIEVE_YES : SIEVE_NO;
}

static enum sieve_answer
mailboxid_exists(void *arg, struct str id)
{
	struct tester *t = arg;

	for (struct test_mailbox *b = t->mailboxes; b; b = b->next) {
		if (b->id.n > 0 && str_eq(b->id, id))
			return SIEVE_YES;
	}
	return SIEVE_NO;
}

static enum sieve_answer
special_use_exists(void *arg, struct str mailbox, struct str use)
{
	const struct test_mailbox *b = mailbox.n
					   ? test_mailbox_find(arg, mailbox)
					   : test_mailbox_use(arg, use);

	return b && str_ieq(b->use, use) ? SIEVE_YES : SIEVE_NO;
}

static enum sieve_answer
metadata(void *arg, struct str mailbox, struct str entry, struct buf *value)
{
	struct tester *t = arg;

	if (mailbox.n && !test_mailbox_find(t, mailbox))
		return SIEVE_NO;
	for (struct test_metadata *m = t->metadata; m; m = m->next) {
		if (!str_eq(m->mailbox, mailbox) || !str_ieq(m->entry, entry))
			continue;
		if (value)
			buf_putstr(value, m->value);
		return SIEVE_YES;
	}
	return SIEVE_NO;
}

/* ------------------------------------------------------------------------
 * Lists: the setting "list/NAME" names the members, separated by spaces; or
 * Pigeonhole's, in a file of keys and values in turn.
 */

#define KEY "priv/sieve/extlists/"

static struct str
list_setting(struct tester *t, struct str list, const char *end)
{
	struct str short_name = list;

	if (str_istarts(list, STR("urn:ietf:params:sieve:addrbook:")))
		short_name = str_sub(list, 21, SIZE_MAX);
	return test_config_get(
	    t, arena_printf(t->arena, "sieve_extlists_list/%.*s/%s",
		   STR_ARG(short_name), end)
		   .p);
}

static void
read_dict(struct tester *t, struct str path, struct test_list *out)
{
	struct buf in = { 0 };
	struct err e = ERR_INIT;
	struct str rest, line;

	fs_read(arena_cstr(t->arena, path), SIEVE_FILE_MAX, &in, &e);
	rest = arena_str(t->arena, buf_str(&in));
	buf_fini(&in);
	while (str_split(&rest, '\n', &line)) {
		if (str_starts(line, STR(KEY)))
			test_list_add(t->arena, out,
			    str_sub(line, sizeof(KEY) - 1, SIZE_MAX));
	}
}

static bool
list_read(struct tester *t, struct str list, struct test_list *out)
{
	struct str own = test_config_get(
	    t, arena_printf(t->arena, "list/%.*s", STR_ARG(list)).p);
	struct str path, word;

	if (own.p) {
		while (str_split(&own, ' ', &word)) {
			if (word.n)
				test_list_add(t->arena, out, word);
		}
		return true;
	}
	if (!list_setting(t, list, "name").p)
		return false;
	path = list_setting(t, list, "dict/file/path");
	if (path.p)
		read_dict(t, path, out);
	return true;
}

static enum sieve_answer
list_contains(void *arg, struct str list, struct str value)
{
	struct test_list l = { 0 };

	if (!list_read(arg, list, &l))
		return SIEVE_FAILED;
	for (size_t i = 0; i < l.n; i++) {
		if (str_ieq(l.v[i], value))
			return SIEVE_YES;
	}
	return SIEVE_NO;
}

static enum sieve_answer
list_valid(void *arg, struct str list)
{
	struct test_list l = { 0 };

	return list_read(arg, list, &l) ? SIEVE_YES : SIEVE_NO;
}

static enum sieve_answer
list_members(void *arg, struct arena *arena, struct str list, struct str **out,
    size_t *count)
{
	struct test_list l = { 0 };

	if (!list_read(arg, list, &l))
		return SIEVE_NO;
	*out = arena_array(arena, l.n, sizeof(struct str));
	for (size_t i = 0; i < l.n; i++)
		(*out)[i] = arena_str(arena, l.v[i]);
	*count = l.n;
	return SIEVE_YES;
}

/* ------------------------------------------------------------------------
 * The rest
 */

/* Nothing is, unless the setting "remember" says so: tests come one after the
 * other with the same message. */
static enum sieve_answer
remembered(void *arg, struct str kind, struct str key)
{
	struct tester *t = arg;

	if (!str_eqc(test_config_get(t, "remember"), "yes"))
		return SIEVE_NO;
	for (struct test_memory *m = t->memory; m; m = m->next) {
		if (m->until > t->in.now && str_eq(m->kind, kind) &&
		    str_eq(m->key, key))
			return SIEVE_YES;
	}
	return SIEVE_NO;
}

static enum sieve_answer
environment(void *arg, struct str name, struct buf *value)
{
	static const char config[] = "vnd.dovecot.config.";
	struct tester *t = arg;
	struct str set;

	if (str_eqc(name, "path")) {
		buf_putstr(value, t->dir);
		return SIEVE_YES;
	}
	if (!str_starts(name, STR(config)))
		return SIEVE_NO;
	set = test_config_get(
	    t, arena_printf(t->arena, "sieve_environment/%.*s",
		   STR_ARG(str_sub(name, sizeof(config) - 1, SIZE_MAX)))
		   .p);
	if (!set.p)
		return SIEVE_NO;
	buf_putstr(value, set);
	return SIEVE_YES;
}

static enum sieve_answer
notify_capability(
    void *arg, struct str uri, struct str capability, struct buf *value)
{
	struct str set = test_config_get(arg, "notify_online");

	(void)uri;
	if (!str_ieqc(capability, "online"))
		return SIEVE_NO;
	if (set.p)
		buf_putstr(value, set);
	else
		BUF_LIT(value, "maybe");
	return SIEVE_YES;
}

static enum sieve_answer
execute(void *arg, const struct sieve_execution *x, struct buf *output)
{
	struct tester *t = arg;
	struct buf why = { 0 };
	enum sieve_answer a = test_program(t, x, output, &why);

	if (why.n > 0 && t->trace)
		printf("  %.*s\n", STR_ARG(buf_str(&why)));
	buf_fini(&why);
	return a;
}

/* A bad pattern at run time is not fatal, though tests count it. */
static void
log_line(void *arg, struct str text)
{
	struct tester *t = arg;

	if (str_starts(text, STR("invalid regular expression")))
		test_error_add(t, arena_str(t->arena, text));
	if (t->trace)
		printf("  log: %.*s\n", STR_ARG(text));
}

static void
trace_line(void *arg, unsigned depth, unsigned line, struct str text)
{
	(void)arg;
	printf("  %5u: %*s%.*s\n", line, (int)depth * 2, "", STR_ARG(text));
}

struct sieve_host
test_host(struct tester *t)
{
	return (struct sieve_host){
		.arg = t,
		.mailbox_exists = mailbox_exists,
		.mailboxid_exists = mailboxid_exists,
		.special_use_exists = special_use_exists,
		.metadata = metadata,
		.list_contains = list_contains,
		.list_valid = list_valid,
		.list_members = list_members,
		.remembered = remembered,
		.environment = environment,
		.notify_capability = notify_capability,
		.execute = execute,
		.log = log_line,
		.trace = t->trace ? trace_line : NULL,
	};
}
