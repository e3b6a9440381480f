/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/sieve_verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ctl/sieve_source.h"
#include "mime/header.h"

/*
 * mailstead sieve run: what would a script do with a message? Nothing is
 * done; every mailbox is taken to exist, and nothing to be remembered.
 */

struct trial {
	struct ctl *c;
	struct sieve_folders folders;
	struct sieve_host host;
	struct sieve_input in;
	json_t *steps; /* with --trace and --json */
};

/* ------------------------------------------------------------------------
 * An action in words
 */

static void
put_flags(struct buf *out, const struct sieve_place *p)
{
	for (size_t i = 0; i < p->nflags; i++)
		buf_printf(out, "%s%.*s", i ? " " : " with the flags ",
		    STR_ARG(p->flags[i]));
}

static void
put_place(struct buf *out, const struct sieve_place *p)
{
	struct str name = p->mailbox.n ? p->mailbox : STR("INBOX");

	if (p->special_use.n)
		buf_printf(
		    out, "the mailbox for %.*s, or ", STR_ARG(p->special_use));
	if (p->mailboxid.n)
		buf_printf(out, "the mailbox with the id %.*s, or ",
		    STR_ARG(p->mailboxid));
	buf_printf(out, "\"%.*s\"", STR_ARG(name));
	if (p->create)
		BUF_LIT(out, ", made if it is not there");
	put_flags(out, p);
}

static void
put_redirect(struct buf *out, const struct sieve_action *a)
{
	if (a->redirect.list.n)
		buf_printf(out, "redirect to the members of %.*s",
		    STR_ARG(a->redirect.list));
	else
		buf_printf(
		    out, "redirect to %.*s", STR_ARG(a->redirect.address));
}

static void
put_action(struct buf *out, const struct sieve_action *a)
{
	switch (a->kind) {
	case SIEVE_ACT_KEEP:
		BUF_LIT(out, "keep in ");
		put_place(out, &a->place);
		if (a->implicit)
			BUF_LIT(out, " (nothing else was said)");
		break;
	case SIEVE_ACT_STORE:
		BUF_LIT(out, "file into ");
		put_place(out, &a->place);
		break;
	case SIEVE_ACT_DISCARD:
		BUF_LIT(out, "discard");
		break;
	case SIEVE_ACT_REDIRECT:
		put_redirect(out, a);
		break;
	case SIEVE_ACT_REJECT:
		buf_printf(out, "%s: %.*s",
		    a->reject.ereject ? "refuse" : "reject",
		    STR_ARG(a->reject.reason));
		break;
	case SIEVE_ACT_VACATION:
		buf_printf(out, "answer that the owner is away: %.*s",
		    STR_ARG(a->vacation.reason));
		break;
	case SIEVE_ACT_NOTIFY:
		buf_printf(out, "notify %.*s", STR_ARG(a->notify.uri));
		break;
	case SIEVE_ACT_PIPE:
		buf_printf(
		    out, "pipe to the program %.*s", STR_ARG(a->pipe.program));
		break;
	case SIEVE_ACT_REPORT:
		buf_printf(out, "report \"%.*s\" to %.*s",
		    STR_ARG(a->report.feedback), STR_ARG(a->report.to));
		break;
	case SIEVE_ACT_REMEMBER:
		buf_printf(out, "remember for %u seconds that it came",
		    a->remember.seconds);
		break;
	}
}

/* ------------------------------------------------------------------------
 * The same for programs
 */

static json_t *
flags_json(const struct sieve_place *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->nflags; i++)
		json_array_append_new(list, json_str(p->flags[i]));
	return list;
}

static void
add_place(json_t *o, const struct sieve_place *p)
{
	json_object_set_new(
	    o, "mailbox", json_str(p->mailbox.n ? p->mailbox : STR("INBOX")));
	if (p->special_use.n)
		json_object_set_new(o, "special_use", json_str(p->special_use));
	if (p->mailboxid.n)
		json_object_set_new(o, "mailboxid", json_str(p->mailboxid));
	json_object_set_new(o, "create", json_boolean(p->create));
	json_object_set_new(o, "flags", flags_json(p));
}

static json_t *
action_json(const struct sieve_action *a)
{
	struct buf text = { 0 };
	json_t *o;

	put_action(&text, a);
	o = json_pack("{s:s, s:o, s:o, s:i, s:b, s:b}", "action",
	    sieve_action_name(a->kind), "text", json_str(buf_str(&text)),
	    "script", json_str(a->script), "line", (int)a->line, "copy",
	    (int)a->copy, "implicit", (int)a->implicit);
	buf_fini(&text);
	if (a->kind == SIEVE_ACT_KEEP || a->kind == SIEVE_ACT_STORE)
		add_place(o, &a->place);
	else if (a->kind == SIEVE_ACT_REDIRECT)
		json_object_set_new(
		    o, "address", json_str(a->redirect.address));
	else if (a->kind == SIEVE_ACT_NOTIFY)
		json_object_set_new(o, "uri", json_str(a->notify.uri));
	return o;
}

/* ------------------------------------------------------------------------
 * The host
 */

static enum sieve_answer
always(void *arg, struct str name)
{
	(void)arg;
	(void)name;
	return SIEVE_YES;
}

static void
trace(void *arg, unsigned depth, unsigned line, struct str text)
{
	struct trial *t = arg;

	if (!t->steps) {
		printf(
		    "%5u: %*s%.*s\n", line, (int)depth * 2, "", STR_ARG(text));
		return;
	}
	json_array_append_new(
	    t->steps, json_pack("{s:i, s:i, s:o}", "line", (int)line, "depth",
			  (int)depth, "text", json_str(text)));
}

static void
log_line(void *arg, struct str text)
{
	(void)arg;
	fprintf(stderr, "log: %.*s\n", STR_ARG(text));
}

static struct str
first_address(struct ctl *c, struct str message, const char *field)
{
	struct mime_address *list;
	size_t n = mime_addresses(
	    c->arena, mime_header_value(c->arena, message, field), &list);

	for (size_t i = 0; i < n; i++) {
		if (list[i].kind == MIME_MAILBOX)
			return arena_printf(c->arena, "%.*s@%.*s",
			    STR_ARG(list[i].mailbox), STR_ARG(list[i].host));
	}
	return STR_NULL;
}

/* What the options say, else what the message suggests. */
static struct str
envelope(struct trial *t, const char *option, const char *field)
{
	const char *given = ctl_option(t->c, option);

	if (given)
		return str_of(given);
	return field ? first_address(t->c, t->in.message, field) : STR_NULL;
}

static void
prepare(struct trial *t)
{
	static const struct str methods[] = { { "mailto", 6 }, { "https", 5 } };
	struct sieve_input *in = &t->in;

	t->host = (struct sieve_host){
		.arg = t,
		.mailbox_exists = always,
		.mailboxid_exists = always,
		.log = log_line,
		.trace = ctl_switch(t->c, "trace") ? trace : NULL,
	};
	if (t->host.trace && t->c->json)
		t->steps = json_array();
	in->host = &t->host;
	in->envelope.from = envelope(t, "from", "Return-Path");
	if (!in->envelope.from.p)
		in->envelope.from = envelope(t, "from", "From");
	in->envelope.to = envelope(t, "to", "To");
	in->envelope.orig_to = envelope(t, "orig-to", NULL);
	in->user.address = in->envelope.to;
	in->user.delimiters = STR("+");
	in->hostname = in->domain = STR("localhost");
	in->notify_methods = methods;
	in->nnotify_methods = 2;
	in->now = (int64_t)time(NULL);
	in->max_received = 50;
}

/* ------------------------------------------------------------------------
 * The verb
 */

static int
print_actions(struct trial *t, struct sieve_run *r, enum sieve_rc rc)
{
	const struct sieve_diag *e = sieve_run_error(r);
	const struct sieve_action *list;
	size_t n = sieve_run_actions(r, &list);
	json_t *actions = json_array(), *out;

	for (size_t i = 0; i < n; i++) {
		json_t *a = action_json(&list[i]);

		if (!t->c->json)
			printf("%s\n",
			    json_string_value(json_object_get(a, "text")));
		json_array_append_new(actions, a);
	}
	out = json_pack("{s:o, s:I}", "actions", actions, "instructions",
	    (json_int_t)sieve_run_instructions(r));
	if (t->steps)
		json_object_set_new(out, "trace", t->steps);
	if (rc != SIEVE_OK)
		json_object_set_new(out, "error",
		    json_pack("{s:o, s:i, s:o}", "script", json_str(e->script),
			"line", (int)e->line, "text", json_str(e->text)));
	if (t->c->json)
		out_done(t->c, out, "%s", "");
	else
		json_decref(out);
	if (rc == SIEVE_OK)
		return 0;
	return ctl_failf(t->c, EXIT_FAILURE, NULL, "%.*s:%u: %.*s",
	    STR_ARG(e->script), e->line, STR_ARG(e->text));
}

static struct sieve_program *
compile(struct trial *t, struct str path, struct str source)
{
	struct sieve_compiler o = {
		.load = sieve_folders_load,
		.load_arg = &t->folders,
	};
	struct sieve_diags diags = { 0 };
	struct sieve_program *p;
	struct buf text = { 0 };

	if (sieve_extensions_given(t->c, &o.caps) != 0)
		return NULL;
	p = sieve_compile(&o, path, source, t->c->arena, &diags);
	sieve_diags_print(&text, &diags);
	fwrite(text.n ? text.p : "", 1, text.n, stderr);
	buf_fini(&text);
	return p;
}

int
cmd_sieve_run(struct ctl *c)
{
	struct trial t = { .c = c };
	struct sieve_program *p;
	struct sieve_run *r;
	struct str source;
	int status;

	t.folders = (struct sieve_folders){ .arena = c->arena,
		.personal = sieve_path_folder(ctl_arg(c, 0)),
		.global = str_of(ctl_option(c, "global")),
		.bare = true };
	if (!sieve_source_read(c->arena, ctl_arg(c, 0), &source, &c->err) ||
	    !sieve_message_read(
		c->arena, ctl_arg(c, 1), &t.in.message, &c->err))
		return ctl_fail(c, EX_NOINPUT, NULL);
	p = compile(&t, ctl_arg(c, 0), source);
	if (!p)
		return EX_DATAERR;
	prepare(&t);
	r = sieve_run_new(&t.in);
	status = print_actions(&t, r, sieve_run_next(r, p));
	sieve_run_free(&r);
	sieve_program_unref(&p);
	return status;
}
