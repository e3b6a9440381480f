/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "sieve/match.h"

/* environment (RFC 5183), with the items of RFC 6785 and vnd.dovecot.*. */

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static struct str
joined(struct sieve_run *r, const struct str *v, size_t n)
{
	struct buf out = { 0 };
	struct str s;

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_putc(&out, ' ');
		buf_putstr(&out, v[i]);
	}
	s = arena_str(r->arena, buf_str(&out));
	buf_fini(&out);
	return s;
}

/* Items that are empty are unknown. */
static struct str
standard(struct sieve_run *r, struct str name)
{
	const struct sieve_input *in = r->in;
	const struct {
		const char *name;
		struct str value;
	} items[] = {
		{ "domain", in->domain },
		{ "host", in->hostname },
		{ "location", sieve_at_delivery(r) ? STR("MDA") : STR("MS") },
		{ "name", STR("Mailstead") },
		{ "phase", sieve_at_delivery(r) ? STR("during") : STR("post") },
		{ "remote-host", in->remote_host },
		{ "remote-ip", in->remote_ip },
		{ "version", STR(PACKAGE_VERSION) },
		{ "imap.cause", in->event.cause },
		{ "imap.mailbox", in->event.mailbox },
		{ "imap.user", in->event.user },
		{ "imap.email", in->event.email },
		{ "vnd.dovecot.username", in->user.name },
		{ "vnd.dovecot.default-mailbox", STR("INBOX") },
		{ "vnd.dovecot.default_mailbox", STR("INBOX") },
	};

	for (size_t i = 0; i < LEN(items); i++) {
		if (str_ieqc(name, items[i].name))
			return items[i].value;
	}
	if (str_ieqc(name, "imap.changedflags"))
		return joined(r, in->event.changed_flags, in->event.nchanged);
	return STR_NULL;
}

/* RFC 6785, sections 4.2 and 4.5. */
static bool
may_be_empty(struct str name)
{
	return str_ieqc(name, "imap.changedflags") ||
	       str_ieqc(name, "imap.user") || str_ieqc(name, "imap.email");
}

bool
sieve_environment(struct sieve_run *r, struct str name, struct str *out)
{
	const struct sieve_host *h = r->in->host;
	struct buf value = { 0 };
	bool known;

	*out = standard(r, name);
	if (out->n > 0)
		return true;
	if (may_be_empty(name)) {
		*out = STR("");
		return true;
	}
	known =
	    h->environment && h->environment(h->arg, name, &value) == SIEVE_YES;
	*out = arena_str(r->arena, buf_str(&value));
	buf_fini(&value);
	return known;
}

static bool
check_environment(struct sieve_checker *c, struct sieve_node *n)
{
	return sieve_match_check(c, n, sieve_arg(n, SLOT_2));
}

static enum sieve_answer
test_environment(struct sieve_run *r, const struct sieve_node *n)
{
	struct str name = sieve_string(r, sieve_arg(n, SLOT_1)), value;
	struct sieve_match m;

	if (!sieve_environment(r, name, &value))
		return SIEVE_NO;
	sieve_match_init(&m, r, n, sieve_arg(n, SLOT_2));
	sieve_match_value(&m, value);
	return sieve_match_end(&m);
}

const struct sieve_verb sieve_verbs_environment[] = {
	{ .name = "environment",
	    .cap = CAP_ENVIRONMENT,
	    .params = { { 's', "item" }, { 'l', "key list" } },
	    .tags = { sieve_tags_match },
	    .check = check_environment,
	    .test = test_environment },
	{ .name = NULL },
};
