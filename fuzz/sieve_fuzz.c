/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sieve/sieve.h"

/*
 * The input is a script, then a line with "%%", then a message. Whatever they
 * are: a script compiles or says why not, at a place that is in it; a run ends
 * within its limits; and its actions are carried out to the end, with the
 * message somewhere unless the script threw it away.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INSTRUCTIONS 20000

static void
check(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "not true: %s\n", what);
		abort();
	}
}

static enum sieve_answer
yes_to_name(void *arg, struct str name)
{
	(void)arg;
	return name.n % 3 == 0 ? SIEVE_NO : SIEVE_YES;
}

static enum sieve_answer
remembered(void *arg, struct str kind, struct str key)
{
	(void)arg;
	check(kind.n > 0 && key.n == 32, "a key of 32 octets");
	return key.p[0] & 1 ? SIEVE_YES : SIEVE_NO;
}

static enum sieve_answer
metadata(void *arg, struct str mailbox, struct str entry, struct buf *value)
{
	(void)arg;
	(void)mailbox;
	buf_putstr(value, entry);
	return SIEVE_YES;
}

static enum sieve_answer
execute(void *arg, const struct sieve_execution *x, struct buf *output)
{
	(void)arg;
	check(x->program.n > 0, "a program has a name");
	buf_putstr(output, x->input);
	return SIEVE_YES;
}

static enum sieve_found
load(void *arg, enum sieve_include where, struct str name, struct buf *out)
{
	(void)arg;
	(void)where;
	check(sieve_name_valid(name), "a name that a script may have");
	buf_puts(out, "require \"variables\"; set \"a\" \"b\";");
	return name.n & 1 ? SIEVE_FOUND : SIEVE_NOT_FOUND;
}

static const struct sieve_host host = {
	.mailbox_exists = yes_to_name,
	.mailboxid_exists = yes_to_name,
	.metadata = metadata,
	.remembered = remembered,
	.execute = execute,
};

/* ------------------------------------------------------------------------
 * A sink that counts
 */

static enum sieve_answer
store(void *arg, const struct sieve_place *place, struct str raw, bool implicit,
    struct buf *why)
{
	(void)implicit;
	++*(unsigned *)arg;
	check(raw.p != NULL, "a message has octets");
	buf_puts(why, "full");
	return place->mailbox.n % 5 == 4 ? SIEVE_NO : SIEVE_YES;
}

static enum sieve_answer
send_mail(void *arg, const struct sieve_mail *mail, struct buf *why)
{
	++*(unsigned *)arg;
	(void)why;
	check(mail->nto > 0 && mail->raw.n > 0, "mail goes to somebody");
	return SIEVE_YES;
}

static void
run(struct sieve_program *p, struct str message)
{
	struct sieve_limits limits = sieve_limits_default;
	struct sieve_input in = {
		.message = message,
		.envelope = { .from = STR("a@example.org"),
		    .to = STR("b+c@example.net") },
		.user = { .address = STR("b@example.net"),
		    .delimiters = STR("+") },
		.host = &host,
		.limits = &limits,
		.spam = { .field = STR("X-Spam"), .max = 10 },
		.now = 1700000000,
	};
	struct sieve_sender sender = { .hostname = STR("h.example"),
		.postmaster = STR("p@example.net") };
	unsigned count = 0;
	struct sieve_sink sink = {
		.arg = &count, .store = store, .send = send_mail
	};
	const struct sieve_action *list;
	struct sieve_run *r;
	size_t n;

	limits.instructions = INSTRUCTIONS;
	limits.memory = 8U << 20;
	r = sieve_run_new(&in);
	sieve_run_next(r, p);
	n = sieve_run_actions(r, &list);
	check(n > 0, "something becomes of a message");
	check(sieve_execute(r, &sender, &sink) != SIEVE_TEMPORARY,
	    "nothing fails for a while");
	sieve_run_free(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct str web = { "https", 5 };
	struct str in = { (const char *)data, size }, message = STR_NULL;
	size_t at = str_find(in, STR("\n%%\n"));
	struct sieve_compiler c = {
		.load = load, .notify_methods = &web, .nnotify_methods = 1
	};
	struct arena *a = arena_new();
	struct sieve_diags diags;
	struct sieve_program *p;
	struct buf text = { 0 };

	for (enum sieve_cap cap = CAP_BASE + 1; cap < CAP_COUNT; cap++)
		sieve_caps_add(&c.caps, cap);
	if (at != STR_NPOS) {
		message = str_sub(in, at + 4, SIZE_MAX);
		in = str_sub(in, 0, at);
	}
	p = sieve_compile(&c, STR("fuzz"), in, a, &diags);
	check((p == NULL) == (diags.errors > 0), "errors, or a program");
	sieve_diags_print(&text, &diags);
	check(str_is_utf8(buf_str(&text)), "messages are UTF-8");
	buf_fini(&text);
	if (p)
		run(p, message);
	sieve_program_unref(&p);
	arena_free(&a);
	return 0;
}
