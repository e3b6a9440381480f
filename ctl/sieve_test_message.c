/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/sieve_test.h"

#include "ctl/message.h"

/* The current message. Its envelope is what its header suggests. */

static bool
address_in(struct tester *t, const char *field, struct str *out)
{
	struct str value = mime_header_value(t->arena, t->in.message, field);
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

/* "@a.example,@b.example:" of RFC 5321, section 4.1.2, off *s. */
static bool
take_route(struct str *s)
{
	struct str route, domain;
	size_t colon = str_chr(*s, ':');
	const char *why;

	if (s->n == 0 || s->p[0] != '@')
		return true;
	if (colon == STR_NPOS)
		return false;
	route = str_sub(*s, 0, colon);
	*s = str_sub(*s, colon + 1, SIZE_MAX);
	while (str_split(&route, ',', &domain)) {
		struct buf address = { 0 };
		bool good;

		buf_printf(&address, "x%.*s", STR_ARG(domain));
		good = domain.n > 1 && domain.p[0] == '@' &&
		       sieve_valid_address(buf_str(&address), &why);
		buf_fini(&address);
		if (!good)
			return false;
	}
	return true;
}

/* A path as SMTP has it, with or without its brackets; STR_NULL if it is
 * none, as a server that is asked to deliver to one would refuse it. */
static struct str
read_path(struct str s)
{
	bool open, close;
	const char *why;

	s = str_trim(s);
	open = s.n > 0 && s.p[0] == '<';
	close = s.n > 0 && s.p[s.n - 1] == '>';
	if (open != close || str_eqc(s, "<"))
		return STR_NULL;
	if (open)
		s = str_sub(s, 1, s.n - 2);
	if (s.n == 0)
		return STR("");
	if (!take_route(&s))
		return STR_NULL;
	if (str_chr(s, '@') == STR_NPOS && str_chr(s, ' ') == STR_NPOS)
		return s; /* MAILER-DAEMON */
	return sieve_valid_address(s, &why) ? s : STR_NULL;
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

	for (size_t i = 0; i < LEN(objects); i++) {
		if (str_ieqc(name, objects[i].name))
			return objects[i].value;
	}
	return NULL;
}

static bool
is_path(struct str name)
{
	return str_ieqc(name, "envelope.from") ||
	       str_ieqc(name, "envelope.to") ||
	       str_ieqc(name, "envelope.orig_to");
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
		*to = is_path(name) ? read_path(value) : value;
	else
		return false;
	if (str_ieqc(name, "envelope.to"))
		t->in.envelope.orig_to = *to;
	return true;
}
