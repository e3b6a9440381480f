/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/match.h"

/*
 * What the store knows: mailboxexists, metadata and their kin (RFC 5490),
 * mailboxidexists (RFC 9042), specialuse_exists (RFC 8579), valid_ext_list
 * (RFC 6134).
 */

static enum sieve_answer
answered(struct sieve_run *r, enum sieve_answer a)
{
	if (a == SIEVE_FAILED)
		sieve_no_answer(r, "the mail store");
	return a;
}

/* ASK about every name; all must be there. */
static enum sieve_answer
all_exist(struct sieve_run *r, struct strs names,
    enum sieve_answer (*ask)(void *arg, struct str name))
{
	for (size_t i = 0; i < names.n; i++) {
		enum sieve_answer a =
		    ask ? ask(r->in->host->arg, names.v[i]) : SIEVE_NO;

		if (a != SIEVE_YES)
			return answered(r, a);
	}
	return SIEVE_YES;
}

/* A name that cannot be is no error: the test is false (RFC 5490, section
 * 3.1, for mailboxexists). */
static bool
check_mailboxes(struct sieve_checker *c, struct sieve_node *n)
{
	const struct sieve_arg *names = sieve_arg(n, SLOT_1);
	const char *why;

	for (size_t i = 0; names && i < names->ntexts; i++) {
		const struct sieve_text *t = &names->texts[i];

		if (t->npieces == 0 && !sieve_valid_mailbox(t->text, &why))
			sieve_warning(c, t->at,
			    "the mailbox '%.*s' can never exist: %s",
			    STR_ARG(t->text), why);
	}
	return true;
}

static enum sieve_answer
test_mailboxexists(struct sieve_run *r, const struct sieve_node *n)
{
	struct strs names = sieve_list(r, sieve_arg(n, SLOT_1));
	const char *why;

	for (size_t i = 0; i < names.n; i++) {
		if (!sieve_valid_mailbox(names.v[i], &why))
			return SIEVE_NO;
	}
	return all_exist(r, names, r->in->host->mailbox_exists);
}

static enum sieve_answer
test_mailboxidexists(struct sieve_run *r, const struct sieve_node *n)
{
	return all_exist(r, sieve_list(r, sieve_arg(n, SLOT_1)),
	    r->in->host->mailboxid_exists);
}

static bool
check_specialuse_exists(struct sieve_checker *c, struct sieve_node *n)
{
	check_mailboxes(c, n);
	return sieve_check_strings(c, sieve_arg(n, SLOT_2), "special-use flag",
	    sieve_valid_special_use);
}

static enum sieve_answer
test_specialuse_exists(struct sieve_run *r, const struct sieve_node *n)
{
	const struct sieve_host *h = r->in->host;
	struct str mailbox = sieve_string(r, sieve_arg(n, SLOT_1));
	struct strs uses = sieve_list(r, sieve_arg(n, SLOT_2));

	for (size_t i = 0; i < uses.n; i++) {
		enum sieve_answer a =
		    h->special_use_exists
			? h->special_use_exists(h->arg, mailbox, uses.v[i])
			: SIEVE_NO;

		if (a != SIEVE_YES)
			return answered(r, a);
	}
	return SIEVE_YES;
}

/* ------------------------------------------------------------------------
 * Metadata
 */

/* RFC 5464, section 4.1: "/private/..." or "/shared/...". */
static bool
valid_entry(struct str s, const char **why)
{
	*why = "an entry begins with /private/ or /shared/";
	if (!str_istarts(s, STR("/private/")) &&
	    !str_istarts(s, STR("/shared/")))
		return false;
	*why = "an entry has no \"//\", no \"*\" and \"%\", no '/' at its end, "
	       "and no control characters";
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < ' ' || s.p[i] >= 0x7f || s.p[i] == '*' ||
		    s.p[i] == '%')
			return false;
	}
	return str_find(s, STR("//")) == STR_NPOS && s.p[s.n - 1] != '/';
}

static enum sieve_answer
ask_metadata(struct sieve_run *r, struct str mailbox, struct str entry,
    struct buf *value)
{
	const struct sieve_host *h = r->in->host;
	const char *why;

	if (!h->metadata || !valid_entry(entry, &why))
		return SIEVE_NO;
	return answered(r, h->metadata(h->arg, mailbox, entry, value));
}

/* The same for entries (RFC 5490, section 3.3). */
static void
check_entries(struct sieve_checker *c, const struct sieve_arg *names)
{
	const char *why;

	for (size_t i = 0; i < names->ntexts; i++) {
		const struct sieve_text *t = &names->texts[i];

		if (t->npieces == 0 && !valid_entry(t->text, &why))
			sieve_warning(c, t->at,
			    "the metadata entry '%.*s' can never exist: %s",
			    STR_ARG(t->text), why);
	}
}

static bool
check_metadata(struct sieve_checker *c, struct sieve_node *n)
{
	check_mailboxes(c, n);
	check_entries(c, sieve_arg(n, SLOT_2));
	return sieve_match_check(c, n, sieve_arg(n, SLOT_3));
}

static bool
check_servermetadata(struct sieve_checker *c, struct sieve_node *n)
{
	check_entries(c, sieve_arg(n, SLOT_1));
	return sieve_match_check(c, n, sieve_arg(n, SLOT_2));
}

static enum sieve_answer
match_metadata(struct sieve_run *r, const struct sieve_node *n,
    struct str mailbox, struct str entry, enum sieve_slot keys)
{
	struct sieve_match m;
	struct buf value = { 0 };
	enum sieve_answer a = ask_metadata(r, mailbox, entry, &value);

	sieve_match_init(&m, r, n, sieve_arg(n, keys));
	if (a == SIEVE_YES)
		sieve_match_value(&m, arena_str(r->arena, buf_str(&value)));
	buf_fini(&value);
	return a == SIEVE_FAILED ? a : sieve_match_end(&m);
}

static enum sieve_answer
test_metadata(struct sieve_run *r, const struct sieve_node *n)
{
	struct str mailbox = sieve_string(r, sieve_arg(n, SLOT_1));
	struct str entry = sieve_string(r, sieve_arg(n, SLOT_2));

	return match_metadata(r, n, mailbox, entry, SLOT_3);
}

static enum sieve_answer
test_servermetadata(struct sieve_run *r, const struct sieve_node *n)
{
	struct str entry = sieve_string(r, sieve_arg(n, SLOT_1));

	return match_metadata(r, n, STR(""), entry, SLOT_2);
}

static enum sieve_answer
all_entries(struct sieve_run *r, struct str mailbox, struct strs entries)
{
	for (size_t i = 0; i < entries.n; i++) {
		struct buf value = { 0 };
		enum sieve_answer a =
		    ask_metadata(r, mailbox, entries.v[i], &value);

		buf_fini(&value);
		if (a != SIEVE_YES)
			return a;
	}
	return SIEVE_YES;
}

static bool
check_metadataexists(struct sieve_checker *c, struct sieve_node *n)
{
	check_mailboxes(c, n);
	check_entries(c, sieve_arg(n, SLOT_2));
	return true;
}

static bool
check_servermetadataexists(struct sieve_checker *c, struct sieve_node *n)
{
	check_entries(c, sieve_arg(n, SLOT_1));
	return true;
}

static enum sieve_answer
test_metadataexists(struct sieve_run *r, const struct sieve_node *n)
{
	return all_entries(r, sieve_string(r, sieve_arg(n, SLOT_1)),
	    sieve_list(r, sieve_arg(n, SLOT_2)));
}

static enum sieve_answer
test_servermetadataexists(struct sieve_run *r, const struct sieve_node *n)
{
	return all_entries(r, STR(""), sieve_list(r, sieve_arg(n, SLOT_1)));
}

static enum sieve_answer
test_valid_ext_list(struct sieve_run *r, const struct sieve_node *n)
{
	return all_exist(
	    r, sieve_list(r, sieve_arg(n, SLOT_1)), r->in->host->list_valid);
}

const struct sieve_verb sieve_verbs_mailbox[] = {
	{ .name = "mailboxexists",
	    .cap = CAP_MAILBOX,
	    .params = { { 'l', "mailbox names" } },
	    .check = check_mailboxes,
	    .test = test_mailboxexists },
	{ .name = "mailboxidexists",
	    .cap = CAP_MAILBOXID,
	    .params = { { 'l', "mailbox ids" } },
	    .test = test_mailboxidexists },
	{ .name = "specialuse_exists",
	    .cap = CAP_SPECIAL_USE,
	    .params = { { 's', "mailbox" }, { 'l', "special-use flags" } },
	    .optional_first = true,
	    .check = check_specialuse_exists,
	    .test = test_specialuse_exists },
	{ .name = "metadata",
	    .cap = CAP_MBOXMETADATA,
	    .params = { { 's', "mailbox" }, { 's', "annotation name" },
		{ 'l', "key list" } },
	    .tags = { sieve_tags_match },
	    .check = check_metadata,
	    .test = test_metadata },
	{ .name = "metadataexists",
	    .cap = CAP_MBOXMETADATA,
	    .params = { { 's', "mailbox" }, { 'l', "annotation names" } },
	    .check = check_metadataexists,
	    .test = test_metadataexists },
	{ .name = "servermetadata",
	    .cap = CAP_SERVERMETADATA,
	    .params = { { 's', "annotation name" }, { 'l', "key list" } },
	    .tags = { sieve_tags_match },
	    .check = check_servermetadata,
	    .test = test_servermetadata },
	{ .name = "servermetadataexists",
	    .cap = CAP_SERVERMETADATA,
	    .params = { { 'l', "annotation names" } },
	    .check = check_servermetadataexists,
	    .test = test_servermetadataexists },
	{ .name = "valid_ext_list",
	    .cap = CAP_EXTLISTS,
	    .params = { { 'l', "list names" } },
	    .test = test_valid_ext_list },
	{ .name = NULL },
};
