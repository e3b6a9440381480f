/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/codec.h"
#include "sieve/run.h"

/* duplicate (RFC 7352). What was seen is noted when the actions are carried
 * out, so a run that fails leaves no trace. */

enum { KEY_HEADER, KEY_UNIQUEID };

static const struct sieve_tag duplicate_tags[] = {
	{ "handle", CAP_DUPLICATE, SLOT_HANDLE, 's', 0 },
	{ "header", CAP_DUPLICATE, SLOT_KEY, 's', KEY_HEADER },
	{ "uniqueid", CAP_DUPLICATE, SLOT_KEY, 's', KEY_UNIQUEID },
	{ "seconds", CAP_DUPLICATE, SLOT_PERIOD, 'n', 0 },
	{ "last", CAP_DUPLICATE, SLOT_LAST, 0, 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

static bool
check_duplicate(struct sieve_checker *c, struct sieve_node *n)
{
	if (sieve_tag_value(n, SLOT_KEY, KEY_UNIQUEID) == KEY_HEADER)
		sieve_check_fields(c, sieve_tag_arg(n, SLOT_KEY));
	return true;
}

static struct str
header_value(struct sieve_run *r, struct str name)
{
	struct sieve_fields *f = sieve_message_fields(r->message);

	for (size_t i = 0; i < f->n; i++) {
		if (str_ieq(f->v[i].name, name))
			return sieve_field_decoded(r->arena, &f->v[i]);
	}
	return STR_NULL;
}

/* Empty: the message has none, so it is no duplicate. */
static struct str
unique_id(struct sieve_run *r, const struct sieve_node *n)
{
	const struct sieve_arg *said = sieve_tag_arg(n, SLOT_KEY);

	if (!said)
		return header_value(r, STR("Message-ID"));
	if (sieve_tag_value(n, SLOT_KEY, 0) == KEY_HEADER)
		return header_value(r, sieve_string(r, said));
	return sieve_string(r, said);
}

/* Handles keep lists apart; so does what the id was taken from. */
static struct str
key_of(struct sieve_run *r, const struct sieve_node *n, struct str id)
{
	struct str handle = sieve_string(r, sieve_tag_arg(n, SLOT_HANDLE));
	uint8_t *key = arena_alloc(r->arena, SHA256_LEN);
	struct sha256 *h = sha256_new();

	sha256_add(h, handle);
	sha256_add(h, (struct str){ "", 1 });
	sha256_add(h, id);
	sha256_final(&h, key);
	return (struct str){ (char *)key, SHA256_LEN };
}

static uint32_t
period(struct sieve_run *r, const struct sieve_node *n)
{
	const struct sieve_arg *seconds = sieve_tag_arg(n, SLOT_PERIOD);
	uint64_t v = seconds ? seconds->number : 7 * 24 * 3600;

	return v > r->limits->duplicate_max ? r->limits->duplicate_max
					    : (uint32_t)v;
}

static enum sieve_answer
test_duplicate(struct sieve_run *r, const struct sieve_node *n)
{
	const struct sieve_host *h = r->in->host;
	struct str id = unique_id(r, n);
	struct sieve_action a = { .kind = SIEVE_ACT_REMEMBER };
	enum sieve_answer seen = SIEVE_NO;

	if (id.n == 0)
		return SIEVE_NO;
	a.remember = (struct sieve_memory){ .kind = STR("duplicate"),
		.key = key_of(r, n, id),
		.seconds = period(r, n) };
	if (h->remembered)
		seen = h->remembered(h->arg, a.remember.kind, a.remember.key);
	if (seen == SIEVE_FAILED) {
		sieve_no_answer(r, "the list of messages that were seen");
		return seen;
	}
	if ((seen == SIEVE_NO || sieve_arg(n, SLOT_LAST)) &&
	    !sieve_action_add(r, n, &a))
		return SIEVE_FAILED;
	return seen;
}

const struct sieve_verb sieve_verbs_duplicate[] = {
	{ .name = "duplicate",
	    .cap = CAP_DUPLICATE,
	    .tags = { duplicate_tags },
	    .check = check_duplicate,
	    .test = test_duplicate },
	{ .name = NULL },
};
