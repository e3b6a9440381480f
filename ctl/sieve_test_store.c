/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/sieve_test.h"

/* A mail store and an outgoing-mail trap of memory. INBOX is always there. */

/* "inbox" in front is INBOX; levels are separated by '.', as those tests have
 * it, or by '/'. */
static bool
same_name(struct str a, struct str b)
{
	if (a.n != b.n || a.n < 5 || !str_ieqc(str_sub(a, 0, 5), "INBOX") ||
	    (a.n > 5 && a.p[5] != '.' && a.p[5] != '/'))
		return str_eq(a, b);
	return str_istarts(b, STR("INBOX")) &&
	       str_eq(str_sub(a, 5, SIZE_MAX), str_sub(b, 5, SIZE_MAX));
}

struct test_mailbox *
test_mailbox_find(struct tester *t, struct str name)
{
	if (name.n == 0)
		name = STR("INBOX");
	for (struct test_mailbox *b = t->mailboxes; b; b = b->next) {
		if (same_name(b->name, name))
			return b;
	}
	return str_ieqc(name, "INBOX")
		   ? test_mailbox_create(t, STR("INBOX"), STR_NULL, STR_NULL)
		   : NULL;
}

struct test_mailbox *
test_mailbox_use(struct tester *t, struct str use)
{
	for (struct test_mailbox *b = t->mailboxes; b; b = b->next) {
		if (b->use.n > 0 && str_ieq(b->use, use))
			return b;
	}
	return NULL;
}

static struct test_mailbox *
mailbox_by_id(struct tester *t, struct str id)
{
	for (struct test_mailbox *b = t->mailboxes; b; b = b->next) {
		if (b->id.n > 0 && str_eq(b->id, id))
			return b;
	}
	return NULL;
}

struct test_mailbox *
test_mailbox_create(
    struct tester *t, struct str name, struct str use, struct str id)
{
	struct test_mailbox *b = NULL;

	if (!str_ieqc(name, "INBOX"))
		b = test_mailbox_find(t, name);
	if (!b) {
		b = ARENA_NEW(t->arena, struct test_mailbox);
		b->name = arena_str(t->arena, name);
		b->next = t->mailboxes;
		t->mailboxes = b;
	}
	if (use.n)
		b->use = arena_str(t->arena, use);
	if (id.n)
		b->id = arena_str(t->arena, id);
	return b;
}

bool
test_mailbox_delete(struct tester *t, struct str name)
{
	for (struct test_mailbox **p = &t->mailboxes; *p; p = &(*p)->next) {
		if (!str_eq((*p)->name, name))
			continue;
		*p = (*p)->next;
		return true;
	}
	return false;
}

void
test_metadata_set(
    struct tester *t, struct str mailbox, struct str entry, struct str value)
{
	struct test_metadata *m = ARENA_NEW(t->arena, struct test_metadata);

	m->mailbox = arena_str(t->arena, mailbox);
	m->entry = arena_str(t->arena, entry);
	m->value = arena_str(t->arena, value);
	m->next = t->metadata;
	t->metadata = m;
}

/* ------------------------------------------------------------------------
 * Mail
 */

static struct test_mail *
append(struct tester *t, struct test_mail **tail, struct str raw)
{
	while (*tail)
		tail = &(*tail)->next;
	*tail = ARENA_NEW(t->arena, struct test_mail);
	(*tail)->raw = arena_str(t->arena, raw);
	return *tail;
}

static const struct test_mail *
nth(const struct test_mail *m, uint64_t index)
{
	while (m && index-- > 0)
		m = m->next;
	return m;
}

bool
test_message_smtp(struct tester *t, uint64_t index)
{
	const struct test_mail *m = nth(t->trap, index);

	if (!m)
		return false;
	test_message_set(t, m->raw, (struct strs){ NULL, 0 });
	t->in.envelope = m->envelope;
	return true;
}

bool
test_message_folder(struct tester *t, struct str folder, uint64_t index)
{
	const struct test_mailbox *b = test_mailbox_find(t, folder);
	const struct test_mail *m = b ? nth(b->mails, index) : NULL;

	if (!m)
		return false;
	test_message_set(t, m->raw, (struct strs){ m->flags, m->nflags });
	return true;
}

/* ------------------------------------------------------------------------
 * The sink
 */

/* No level is empty; empty as a whole is INBOX. */
static bool
name_is_good(struct str name)
{
	struct str level;

	while (name.n > 0 && str_split(&name, '/', &level)) {
		if (level.n == 0)
			return false;
	}
	return true;
}

static struct test_mailbox *
place_mailbox(struct tester *t, const struct sieve_place *p)
{
	struct test_mailbox *b = NULL;

	if (p->mailboxid.n)
		b = mailbox_by_id(t, p->mailboxid);
	if (!b && p->special_use.n)
		b = test_mailbox_use(t, p->special_use);
	if (!b)
		b = test_mailbox_find(t, p->mailbox);
	if (!b && p->create)
		b = test_mailbox_create(
		    t, p->mailbox, p->special_use, STR_NULL);
	return b;
}

static enum sieve_answer
sink_store(void *arg, const struct sieve_place *place, struct str raw,
    bool implicit, struct buf *why)
{
	struct tester *t = arg;
	struct test_mailbox *b = place_mailbox(t, place);
	struct test_mail *m;
	struct str *flags;

	(void)implicit;
	if (!name_is_good(place->mailbox)) {
		buf_printf(why, "'%.*s' is no name of a mailbox",
		    STR_ARG(place->mailbox));
		return SIEVE_NO;
	}
	if (!b) {
		buf_printf(why, "mailbox '%.*s' doesn't exist",
		    STR_ARG(place->mailbox));
		return SIEVE_NO;
	}
	m = append(t, &b->mails, raw);
	flags = arena_array(t->arena, place->nflags + 1, sizeof(*flags));
	for (size_t i = 0; i < place->nflags; i++)
		flags[i] = arena_str(t->arena, place->flags[i]);
	m->flags = flags;
	m->nflags = place->nflags;
	if (ctl_switch(t->c, "pigeonhole")) /* which marks all it stores */
		flags[m->nflags++] = STR("$HasNoAttachment");
	return SIEVE_YES;
}

static enum sieve_answer
sink_send(void *arg, const struct sieve_mail *mail, struct buf *why)
{
	struct tester *t = arg;

	(void)why;
	for (size_t i = 0; i < mail->nto; i++) {
		struct test_mail *m = append(t, &t->trap, mail->raw);

		m->envelope = (struct sieve_envelope){
			.from = arena_str(t->arena, mail->from),
			.to = arena_str(t->arena, mail->to[i]),
			.notify = arena_str(t->arena, mail->notify),
			.ret = arena_str(t->arena, mail->ret),
			.envid = arena_str(t->arena, mail->envid),
			.orcpt = arena_str(t->arena, mail->orcpt),
			.by_mode = arena_str(t->arena, mail->by_mode),
			.by_trace = mail->by_trace,
		};
		m->envelope.orig_to = m->envelope.to;
		if (mail->by)
			m->envelope.by_time =
			    arena_printf(t->arena, "%" PRId64, mail->by_time);
	}
	return SIEVE_YES;
}

static enum sieve_answer
sink_notify(void *arg, const struct sieve_action *a, struct buf *why)
{
	(void)arg;
	(void)a;
	(void)why;
	return SIEVE_YES;
}

static enum sieve_answer
sink_pipe(void *arg, const struct sieve_execution *x, struct buf *why)
{
	return test_program(arg, x, NULL, why);
}

static enum sieve_answer
sink_remember(void *arg, const struct sieve_memory *m)
{
	struct tester *t = arg;
	struct test_memory *it = ARENA_NEW(t->arena, struct test_memory);

	it->kind = arena_str(t->arena, m->kind);
	it->key = arena_str(t->arena, m->key);
	it->until = t->in.now + m->seconds;
	it->next = t->memory;
	t->memory = it;
	return SIEVE_YES;
}

struct sieve_sink
test_sink(struct tester *t)
{
	return (struct sieve_sink){
		.arg = t,
		.store = sink_store,
		.send = sink_send,
		.notify = sink_notify,
		.pipe = sink_pipe,
		.remember = sink_remember,
	};
}
