/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/sieve_test.h"

#include "ctl/message.h"

/* The current message. Its envelope is what its header suggests. */

static bool
address_in(struct tester *t, const char *field, struct str *out)
{
	struct str value =
	    mime_header_value(t->arena, t->in.message, field);
	struct mime_address *list;
	size_t n = mime_addresses(t->arena, value, &list);

	for (size_t i = 0; i < n; i++) {
		if (list[i].kind != MIME_MAILBOX || list[i].mailbox.n == 0)
			continue;
		*out = list[i].host.n ? arena_printf(t->arena, "%.*s@%.*s",
					    STR_ARG(list[i].mailbox),
					    STR_ARG(list[i].host))
				      : arena_str(t->arena, list[i].mailbox);
		return true;
	}
	return false;
}

static void
set_envelope(struct tester *t)
{
	struct sieve_envelope *e = &t->in.envelope;

	*e = (struct sieve_envelope){ .from = STR("sender@example.com"),
		.to = STR("recipient@example.com") };
	if (!address_in(t, "Return-Path", &e->from) &&
	    !address_in(t, "Sender", &e->from))
		address_in(t, "From", &e->from);
	if (!address_in(t, "Envelope-To", &e->to))
		address_in(t, "To", &e->to);
	e->orig_to = e->to;
}

void
test_message_set(struct tester *t, struct str raw, struct strs flags)
{
	struct buf lines = { 0 };

	lines_to_crlf(raw, false, &lines);
	t->in.message = arena_str(t->arena, buf_str(&lines));
	buf_fini(&lines);
	t->flags = flags;
	set_envelope(t);
	if (!t->main)
		return;
	t->main->message = sieve_message_new(t->arena, t->in.message);
	t->main->flags = arena_array(t->arena, flags.n, sizeof(struct str));
	for (size_t i = 0; i < flags.n; i++)
		t->main->flags[i] = flags.v[i];
	t->main->nflags = flags.n;
}

void
test_message_default(struct tester *t)
{
	test_message_set(t,
	    STR("From: sender@example.com\r\n"
		"To: recipient@example.org\r\n"
		"Subject: A message\r\n"
		"\r\n"
		"Its text.\r\n"),
	    (struct strs){ NULL, 0 });
}

/* ------------------------------------------------------------------------
 * What test_set sets
 */

static struct str
without_brackets(struct str s)
{
	s = str_trim(s);
	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = str_sub(s, 1, s.n - 2);
	return s;
}

static struct str *
object(struct tester *t, struct str name)
{
	const struct {
		const char *name;
		struct str *value;
	} objects[] = {
		{ "envelope.from", &t->in.envelope.from },
		{ "envelope.to", &t->in.envelope.to },
		{ "envelope.orig_to", &t->in.envelope.orig_to },
		{ "envelope.auth", &t->in.envelope.auth },
		{ "envelope.notify", &t->in.envelope.notify },
		{ "envelope.ret", &t->in.envelope.ret },
		{ "envelope.envid", &t->in.envelope.envid },
		{ "envelope.orcpt", &t->in.envelope.orcpt },
		{ "envelope.by_time", &t->in.envelope.by_time },
		{ "envelope.by_mode", &t->in.envelope.by_mode },
		{ "imap.cause", &t->in.event.cause },
		{ "imap.mailbox", &t->in.event.mailbox },
		{ "imap.user", &t->in.event.user },
		{ "imap.email", &t->in.event.email },
	};

	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		if (str_ieqc(name, objects[i].name))
			return objects[i].value;
	}
	return NULL;
}

bool
test_object_known(struct str name)
{
	struct tester none = { 0 };

	return str_ieqc(name, "message") ||
	       str_ieqc(name, "envelope.by_trace") || object(&none, name);
}

bool
test_object_set(struct tester *t, struct str name, struct str value)
{
	struct str *to = object(t, name);

	value = arena_str(t->arena, value);
	if (str_ieqc(name, "message"))
		test_message_set(t, value, (struct strs){ NULL, 0 });
	else if (str_ieqc(name, "envelope.by_trace"))
		t->in.envelope.by_trace = str_ieqc(value, "yes");
	else if (to)
		*to = str_istarts(name, STR("envelope.")) &&
				      str_chr(name, '_') == STR_NPOS
			  ? without_brackets(value)
			  : value;
	else
		return false;
	if (str_ieqc(name, "envelope.to"))
		t->in.envelope.orig_to = *to;
	return true;
}
