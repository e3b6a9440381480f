/* SPDX-License-Identifier: BSD-2-Clause */
#include "mime/header.h"
#include "sieve/run.h"

/*
 * keep, fileinto, discard, redirect (RFC 5228, section 4; RFC 3894, 5232,
 * 5490, 6009, 6134, 8579, 9042).
 */

static enum sieve_flow
added(struct sieve_run *r, const struct sieve_node *n,
    const struct sieve_action *a)
{
	return sieve_action_add(r, n, a) ? FLOW_NEXT : FLOW_FAILED;
}

static enum sieve_flow
run_keep(struct sieve_run *r, const struct sieve_node *n)
{
	struct sieve_action a = { .kind = SIEVE_ACT_KEEP };

	if (!sieve_place(r, n, STR("INBOX"), &a.place))
		return FLOW_FAILED;
	r->implicit_keep = false;
	return added(r, n, &a);
}

static bool
check_fileinto(struct sieve_checker *c, struct sieve_node *n)
{
	if (sieve_arg(n, SLOT_SPECIAL_USE) && sieve_arg(n, SLOT_MAILBOXID)) {
		sieve_error(c, n->at,
		    "the fileinto command cannot have ':specialuse' and "
		    "':mailboxid' together"); /* RFC 9042, section 5.2 */
		return false;
	}
	return sieve_check_strings(c, sieve_tag_arg(n, SLOT_SPECIAL_USE),
		   "special-use flag", sieve_valid_special_use) &&
	       sieve_check_strings(
		   c, sieve_arg(n, SLOT_1), "mailbox", sieve_valid_mailbox);
}

static enum sieve_flow
run_fileinto(struct sieve_run *r, const struct sieve_node *n)
{
	struct sieve_action a = {
		.kind = SIEVE_ACT_STORE,
		.copy = sieve_arg(n, SLOT_COPY) != NULL,
	};

	if (!sieve_place(r, n, sieve_string(r, sieve_arg(n, SLOT_1)), &a.place))
		return FLOW_FAILED;
	if (!a.copy)
		r->implicit_keep = false;
	return added(r, n, &a);
}

static enum sieve_flow
run_discard(struct sieve_run *r, const struct sieve_node *n)
{
	struct sieve_action a = { .kind = SIEVE_ACT_DISCARD };

	r->implicit_keep = false;
	return added(r, n, &a);
}

/* ------------------------------------------------------------------------
 * redirect
 */

enum { BY_RELATIVE, BY_ABSOLUTE };

static const struct sieve_tag copy_tags[] = {
	{ "copy", CAP_COPY, SLOT_COPY, 0, 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

static const struct sieve_tag keep_tags[] = {
	{ "flags", CAP_IMAP4FLAGS, SLOT_FLAGS, 'l', 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

static const struct sieve_tag redirect_tags[] = {
	{ "list", CAP_EXTLISTS, SLOT_LIST, 0, 0 },
	{ "notify", CAP_REDIRECT_DSN, SLOT_NOTIFY, 's', 0 },
	{ "ret", CAP_REDIRECT_DSN, SLOT_RET, 's', 0 },
	{ "bytimerelative", CAP_REDIRECT_DELIVERBY, SLOT_BY_TIME, 'n',
	    BY_RELATIVE },
	{ "bytimeabsolute", CAP_REDIRECT_DELIVERBY, SLOT_BY_TIME, 's',
	    BY_ABSOLUTE },
	{ "bymode", CAP_REDIRECT_DELIVERBY, SLOT_BY_MODE, 's', 0 },
	{ "bytrace", CAP_REDIRECT_DELIVERBY, SLOT_BY_TRACE, 0, 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

/* NOTIFY= of RFC 3461: NEVER alone, or some of the others. */
static bool
valid_notify(struct str s, const char **why)
{
	struct str rest = s, word;

	*why = "expected NEVER, or some of SUCCESS, FAILURE and DELAY "
	       "separated by commas";
	if (str_ieqc(s, "NEVER"))
		return true;
	if (s.n == 0)
		return false;
	while (str_split(&rest, ',', &word)) {
		if (!str_ieqc(word, "SUCCESS") && !str_ieqc(word, "FAILURE") &&
		    !str_ieqc(word, "DELAY"))
			return false;
	}
	return true;
}

static bool
valid_ret(struct str s, const char **why)
{
	*why = "expected FULL or HDRS";
	return str_ieqc(s, "FULL") || str_ieqc(s, "HDRS");
}

static bool
valid_mode(struct str s, const char **why)
{
	*why = "expected notify or return";
	return str_ieqc(s, "notify") || str_ieqc(s, "return");
}

static bool
check_redirect(struct sieve_checker *c, struct sieve_node *n)
{
	bool by = sieve_arg(n, SLOT_BY_TIME) != NULL;

	if (c->limits->redirects == 0) {
		sieve_error(c, n->at,
		    "local policy prohibits the use of a redirect action");
		return false;
	}
	if (!by &&
	    (sieve_arg(n, SLOT_BY_MODE) || sieve_arg(n, SLOT_BY_TRACE))) {
		sieve_error(c, n->at,
		    "the redirect command needs ':bytimerelative' or "
		    "':bytimeabsolute' for ':bymode' and ':bytrace'");
		return false;
	}
	if (!sieve_arg(n, SLOT_LIST) &&
	    !sieve_check_strings(
		c, sieve_arg(n, SLOT_1), "address", sieve_valid_address))
		return false;
	return sieve_check_strings(c, sieve_tag_arg(n, SLOT_NOTIFY),
		   "value of ':notify'", valid_notify) &&
	       sieve_check_strings(c, sieve_tag_arg(n, SLOT_RET),
		   "value of ':ret'", valid_ret) &&
	       sieve_check_strings(c, sieve_tag_arg(n, SLOT_BY_MODE),
		   "value of ':bymode'", valid_mode);
}

/* RFC 6009, section 5. */
static bool
deliver_by(
    struct sieve_run *r, const struct sieve_node *n, struct sieve_action *a)
{
	const struct sieve_arg *time = sieve_arg(n, SLOT_BY_TIME);
	int64_t at;

	if (!time)
		return true;
	a->redirect.by = true;
	a->redirect.by_trace = sieve_arg(n, SLOT_BY_TRACE) != NULL;
	a->redirect.by_mode = sieve_string(r, sieve_tag_arg(n, SLOT_BY_MODE));
	if (a->redirect.by_mode.n == 0)
		a->redirect.by_mode = STR("return");
	if (time->def->value == BY_RELATIVE) {
		a->redirect.by_time = (int64_t)(time->value->number > 999999999
						    ? 999999999
						    : time->value->number);
		return true;
	}
	if (!sieve_date_iso(sieve_string(r, time->value), &at)) {
		sieve_fail(r, SIEVE_FAULT,
		    "the value of ':bytimeabsolute' is no date: expected "
		    "2026-12-31T23:59:59Z");
		return false;
	}
	a->redirect.by_time = at - r->in->now;
	return true;
}

static enum sieve_flow
run_redirect(struct sieve_run *r, const struct sieve_node *n)
{
	struct str to = sieve_string(r, sieve_arg(n, SLOT_1));
	struct sieve_action a = {
		.kind = SIEVE_ACT_REDIRECT,
		.copy = sieve_arg(n, SLOT_COPY) != NULL,
	};
	const char *why;

	a.redirect.notify = sieve_string(r, sieve_tag_arg(n, SLOT_NOTIFY));
	a.redirect.ret = sieve_string(r, sieve_tag_arg(n, SLOT_RET));
	if (!deliver_by(r, n, &a))
		return FLOW_FAILED;
	if (sieve_arg(n, SLOT_LIST))
		a.redirect.list = to;
	else if (!sieve_valid_address(to, &why))
		return sieve_fault(
		    r, "cannot redirect to '%.*s': %s", STR_ARG(to), why);
	else
		sieve_address_of(r->arena, to, &a.redirect.address);
	if (!a.copy)
		r->implicit_keep = false;
	return added(r, n, &a);
}

const struct sieve_verb sieve_verbs_action[] = {
	{ .name = "keep", .tags = { keep_tags }, .run = run_keep },
	{ .name = "fileinto",
	    .cap = CAP_FILEINTO,
	    .params = { { 's', "mailbox" } },
	    .tags = { copy_tags, sieve_tags_place },
	    .check = check_fileinto,
	    .run = run_fileinto },
	{ .name = "discard", .run = run_discard },
	{ .name = "redirect",
	    .params = { { 's', "address" } },
	    .tags = { copy_tags, redirect_tags },
	    .check = check_redirect,
	    .run = run_redirect },
	{ .name = NULL },
};
