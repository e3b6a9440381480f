/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "sieve/fields.h"
#include "sieve/match.h"

/* address and envelope (RFC 5228, section 5; RFC 5233; RFC 6009). */

enum { PART_ALL, PART_LOCAL, PART_DOMAIN, PART_USER, PART_DETAIL };

const struct sieve_tag sieve_tags_part[] = {
	{ "all", CAP_BASE, SLOT_PART, 0, PART_ALL },
	{ "localpart", CAP_BASE, SLOT_PART, 0, PART_LOCAL },
	{ "domain", CAP_BASE, SLOT_PART, 0, PART_DOMAIN },
	{ "user", CAP_SUBADDRESS, SLOT_PART, 0, PART_USER },
	{ "detail", CAP_SUBADDRESS, SLOT_PART, 0, PART_DETAIL },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

/* Where the detail begins in a local part: after the separator. */
static bool
find_detail(const struct sieve_run *r, struct str local, size_t *at)
{
	for (size_t i = 0; i < local.n; i++) {
		if (str_chr(r->in->user.delimiters, local.p[i]) == STR_NPOS)
			continue;
		*at = i + 1;
		return true;
	}
	return false;
}

static struct str
whole(struct arena *a, struct str local, struct str domain)
{
	char *to;

	if (domain.n == 0)
		return local;
	to = arena_alloc(a, local.n + 1 + domain.n);
	if (local.n > 0)
		memcpy(to, local.p, local.n);
	to[local.n] = '@';
	memcpy(to + local.n + 1, domain.p, domain.n);
	return (struct str){ to, local.n + 1 + domain.n };
}

/* False: the address has no such part. */
static bool
part_of(struct sieve_run *r, int which, struct str local, struct str domain,
    struct str *out)
{
	size_t at = 0;
	bool detail;

	switch (which) {
	case PART_LOCAL:
		*out = local;
		return true;
	case PART_DOMAIN:
		*out = domain;
		return true;
	case PART_USER:
		detail = find_detail(r, local, &at);
		*out = detail ? str_sub(local, 0, at - 1) : local;
		return true;
	case PART_DETAIL:
		if (!find_detail(r, local, &at))
			return false;
		*out = str_sub(local, at, SIZE_MAX);
		return true;
	default:
		*out = whole(r->arena, local, domain);
		return true;
	}
}

static enum sieve_answer
match_address(struct sieve_match *m, const struct sieve_node *n,
    struct str local, struct str domain)
{
	int which = sieve_tag_value(n, SLOT_PART, PART_ALL);
	struct str value;

	if (!part_of(m->run, which, local, domain, &value))
		return SIEVE_NO;
	return sieve_match_value(m, value);
}

/* ------------------------------------------------------------------------
 * address
 */

/* Fields that hold addresses, of RFC 5322 and in use. */
static bool
holds_addresses(struct str name)
{
	static const char *const names[] = { "From", "To", "Cc", "Bcc",
		"Sender", "Reply-To", "Resent-From", "Resent-To", "Resent-Cc",
		"Resent-Bcc", "Resent-Sender", "Resent-Reply-To", "Return-Path",
		"Delivered-To", "X-Original-To", "Envelope-From", "Envelope-To",
		"X-Envelope-From", "X-Envelope-To", "Apparently-To",
		"Disposition-Notification-To", "Return-Receipt-To", "Errors-To",
		"Mail-Followup-To", "Mail-Reply-To", "Original-From",
		"Approved", "List-Post", "Abuse-Reports-To", "X-Complaints-To",
		"X-Delivered-To", "X-Forwarded-To", "X-Forwarded-For",
		"X-Sender", "X-Apparently-To", "X-BeenThere", "X-Admin",
		"X-Original-From", "X-Report-Abuse-To", "For-Approval",
		"For-Handling", "For-Comment", "Read-Receipt-To",
		"X-Confirm-Reading-To", "Return-Receipt-Requested",
		"Registered-Mail-Reply-Requested-By" };

	for (size_t i = 0; i < LEN(names); i++) {
		if (str_ieqc(name, names[i]))
			return true;
	}
	return false;
}

static bool
check_address(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *names = sieve_arg(n, SLOT_1);

	if (!sieve_field_tags_check(c, n))
		return false;
	for (size_t i = 0; i < names->ntexts; i++) {
		const struct sieve_text *t = &names->texts[i];

		if (t->npieces > 0 || holds_addresses(t->text))
			continue;
		sieve_error(c, t->at,
		    "the header '%.*s' is not allowed for the address test: it "
		    "holds no addresses",
		    STR_ARG(t->text));
		return false;
	}
	return sieve_match_check(c, n, sieve_arg(n, SLOT_2));
}

static enum sieve_answer
match_field(
    struct sieve_match *m, const struct sieve_node *n, struct sieve_field *f)
{
	struct mime_address *list;
	size_t count = sieve_field_addresses(m->run->arena, f, &list);
	bool all = sieve_tag_value(n, SLOT_PART, PART_ALL) == PART_ALL;
	enum sieve_answer a = SIEVE_NO;

	if (!sieve_charge(m->run, count))
		return SIEVE_FAILED;
	/* RFC 5228, section 2.7.4: what is no address has no parts, though
	 * it may match as a whole. */
	if (count == 0 && all)
		return sieve_match_value(
		    m, sieve_field_decoded(m->run->arena, f));
	for (size_t i = 0; i < count && a == SIEVE_NO; i++) {
		bool whole = list[i].mailbox.n > 0 && list[i].host.n > 0;

		if (list[i].kind == MIME_MAILBOX && (all || whole))
			a = match_address(m, n, list[i].mailbox, list[i].host);
	}
	return a;
}

static enum sieve_answer
test_address(struct sieve_run *r, const struct sieve_node *n)
{
	return sieve_match_fields(r, n, match_field);
}

/* ------------------------------------------------------------------------
 * envelope
 */

enum envelope_part {
	ENV_FROM,
	ENV_TO,
	ENV_ORIG_TO,
	ENV_AUTH,
	ENV_NOTIFY,
	ENV_RET,
	ENV_ENVID,
	ENV_ORCPT,
	ENV_BY_ABSOLUTE,
	ENV_BY_RELATIVE,
	ENV_BY_MODE,
	ENV_BY_TRACE,
};

static const struct {
	const char *name;
	enum sieve_cap cap;
	bool address;
} envelope_parts[] = {
	[ENV_FROM] = { "from", CAP_BASE, true },
	[ENV_TO] = { "to", CAP_BASE, true },
	[ENV_ORIG_TO] = { "orig_to", CAP_BASE, true },
	[ENV_AUTH] = { "auth", CAP_BASE, true },
	[ENV_NOTIFY] = { "notify", CAP_ENVELOPE_DSN, false },
	[ENV_RET] = { "ret", CAP_ENVELOPE_DSN, false },
	[ENV_ENVID] = { "envid", CAP_ENVELOPE_DSN, false },
	[ENV_ORCPT] = { "orcpt", CAP_ENVELOPE_DSN, false },
	[ENV_BY_ABSOLUTE] = { "bytimeabsolute", CAP_ENVELOPE_DELIVERBY, false },
	[ENV_BY_RELATIVE] = { "bytimerelative", CAP_ENVELOPE_DELIVERBY, false },
	[ENV_BY_MODE] = { "bymode", CAP_ENVELOPE_DELIVERBY, false },
	[ENV_BY_TRACE] = { "bytrace", CAP_ENVELOPE_DELIVERBY, false },
};
#define ENVELOPE_PARTS LEN(envelope_parts)

static bool
find_part(struct sieve_caps caps, struct str name, enum envelope_part *out)
{
	for (size_t i = 0; i < ENVELOPE_PARTS; i++) {
		if (!str_ieqc(name, envelope_parts[i].name) ||
		    !sieve_caps_has(caps, envelope_parts[i].cap))
			continue;
		*out = (enum envelope_part)i;
		return true;
	}
	return false;
}

/* RFC 6009: only whole values of what is no address. */
static bool
check_part_tag(struct sieve_checker *c, struct sieve_node *n,
    const struct sieve_text *t, enum envelope_part part)
{
	const struct sieve_arg *tag = sieve_arg(n, SLOT_PART);

	if (!tag || envelope_parts[part].address || tag->def->value == PART_ALL)
		return true;
	sieve_error(c, t->at,
	    "the envelope part '%.*s' is no address, so it has no ':%s'",
	    STR_ARG(t->text), tag->def->name);
	return false;
}

static bool
check_envelope(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *names = sieve_arg(n, SLOT_1);
	enum envelope_part part;

	for (size_t i = 0; i < names->ntexts; i++) {
		const struct sieve_text *t = &names->texts[i];

		if (t->npieces > 0)
			continue;
		if (!find_part(c->caps, t->text, &part)) {
			sieve_error(c, t->at, "unknown envelope part '%.*s'",
			    STR_ARG(t->text));
			return false;
		}
		if (!check_part_tag(c, n, t, part))
			return false;
	}
	return sieve_match_check(c, n, sieve_arg(n, SLOT_2));
}

static enum sieve_answer
match_mailbox(
    struct sieve_match *m, const struct sieve_node *n, struct str address)
{
	size_t at = str_rchr(address, '@');

	if (at == STR_NPOS)
		return match_address(m, n, address, STR(""));
	return match_address(
	    m, n, str_sub(address, 0, at), str_sub(address, at + 1, SIZE_MAX));
}

/* Seconds from now, negative when it is late. */
static struct str
by_time(struct sieve_run *r, bool absolute)
{
	int64_t seconds;
	struct str text = r->in->envelope.by_time;
	bool late = text.n > 0 && text.p[0] == '-';
	uint64_t v;

	if (!str_u64(str_sub(text, late ? 1 : 0, SIZE_MAX), &v) ||
	    v > 999999999)
		return STR_NULL;
	seconds = late ? -(int64_t)v : (int64_t)v;
	if (!absolute)
		return arena_printf(r->arena, "%" PRId64, seconds);
	return sieve_date_text(r->arena, r->in->now + seconds);
}

static struct str
value_of(struct sieve_run *r, enum envelope_part part)
{
	const struct sieve_envelope *e = &r->in->envelope;

	switch (part) {
	case ENV_NOTIFY:
		return e->notify;
	case ENV_RET:
		return e->ret;
	case ENV_ENVID:
		return e->envid;
	case ENV_ORCPT:
		return e->orcpt;
	case ENV_BY_ABSOLUTE:
		return by_time(r, true);
	case ENV_BY_RELATIVE:
		return by_time(r, false);
	case ENV_BY_MODE:
		return e->by_mode;
	case ENV_BY_TRACE:
		return e->by_mode.n == 0 ? STR_NULL
		       : e->by_trace     ? STR("true")
					 : STR("false");
	default:
		return STR_NULL;
	}
}

static enum sieve_answer
match_part(
    struct sieve_match *m, const struct sieve_node *n, enum envelope_part part)
{
	const struct sieve_envelope *e = &m->run->in->envelope;
	struct str value;

	switch (part) {
	case ENV_FROM: /* the null reverse-path is an empty address */
		return match_mailbox(m, n, e->from);
	case ENV_TO:
		return e->to.n > 0 ? match_mailbox(m, n, e->to) : SIEVE_NO;
	case ENV_ORIG_TO:
		value = e->orig_to.n > 0 ? e->orig_to : e->to;
		return value.n > 0 ? match_mailbox(m, n, value) : SIEVE_NO;
	case ENV_AUTH:
		return e->auth.n > 0 ? match_mailbox(m, n, e->auth) : SIEVE_NO;
	default:
		value = value_of(m->run, part);
		return value.n > 0 ? sieve_match_value(m, value) : SIEVE_NO;
	}
}

static enum sieve_answer
test_envelope(struct sieve_run *r, const struct sieve_node *n)
{
	struct strs names = sieve_list(r, sieve_arg(n, SLOT_1));
	struct sieve_match m;
	enum sieve_answer a = SIEVE_NO;
	enum envelope_part part;

	if (!sieve_at_delivery(r)) /* RFC 6785, section 4.6 */
		return sieve_test_fault(
		    r, "the envelope test has no meaning at an IMAP event");
	sieve_match_init(&m, r, n, sieve_arg(n, SLOT_2));
	for (size_t i = 0; i < names.n && a == SIEVE_NO; i++) {
		if (find_part(r->frame->script->caps, names.v[i], &part))
			a = match_part(&m, n, part);
	}
	return sieve_match_end(&m);
}

const struct sieve_verb sieve_verbs_address[] = {
	{ .name = "address",
	    .params = { { 'l', "header list" }, { 'l', "key list" } },
	    .tags = { sieve_tags_match, sieve_tags_part, sieve_tags_index,
		sieve_tags_mime },
	    .check = check_address,
	    .test = test_address },
	{ .name = "envelope",
	    .cap = CAP_ENVELOPE,
	    .params = { { 'l', "envelope parts" }, { 'l', "key list" } },
	    .tags = { sieve_tags_match, sieve_tags_part },
	    .check = check_envelope,
	    .test = test_envelope },
	{ .name = NULL },
};
