/* SPDX-License-Identifier: BSD-2-Clause */
#include "sieve/run.h"

/* Where copies are stored: the tags of fileinto, and those of :fcc. */

const struct sieve_tag sieve_tags_place[] = {
	{ "create", CAP_MAILBOX, SLOT_CREATE, 0, 0 },
	{ "flags", CAP_IMAP4FLAGS, SLOT_FLAGS, 'l', 0 },
	{ "specialuse", CAP_SPECIAL_USE, SLOT_SPECIAL_USE, 's', 0 },
	{ "mailboxid", CAP_MAILBOXID, SLOT_MAILBOXID, 's', 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

const struct sieve_tag sieve_tags_fcc[] = {
	{ "fcc", CAP_FCC, SLOT_FCC, 's', 0 },
	{ NULL, CAP_BASE, 0, 0, 0 },
};

#define MAILBOX_MAX 1000

bool
sieve_valid_mailbox(struct str s, const char **why)
{
	*why = "it is empty";
	if (s.n == 0)
		return false;
	*why = "it is too long";
	if (s.n > MAILBOX_MAX)
		return false;
	*why = "it is not UTF-8";
	return str_is_utf8(s);
}

/* RFC 6154, section 6: a backslash and an atom. */
bool
sieve_valid_special_use(struct str s, const char **why)
{
	*why = "expected a backslash and a word, such as \\\\Junk";
	if (s.n < 2 || s.p[0] != '\\')
		return false;
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
		    str_chr(STR("(){%*\"\\]"), s.p[i]) != STR_NPOS)
			return false;
	}
	return true;
}

bool
sieve_mailbox_valid(struct sieve_run *r, struct str name)
{
	const char *why;

	if (sieve_valid_mailbox(name, &why))
		return true;
	sieve_fail(r, SIEVE_FAULT, "invalid folder name '%.*s': %s",
	    STR_ARG(name), why);
	return false;
}

/* Flags that are said, or else those of the internal variable. */
static void
place_flags(
    struct sieve_run *r, const struct sieve_node *n, struct sieve_place *out)
{
	const struct sieve_arg *said = sieve_tag_arg(n, SLOT_FLAGS);

	out->flags = r->flags;
	out->nflags = r->nflags;
	if (said) {
		struct strs flags = sieve_flags(r, sieve_list(r, said));

		out->flags = flags.v;
		out->nflags = flags.n;
	}
}

bool
sieve_place(struct sieve_run *r, const struct sieve_node *n, struct str mailbox,
    struct sieve_place *out)
{
	*out = (struct sieve_place){
		.mailbox = mailbox,
		.special_use =
		    sieve_string(r, sieve_tag_arg(n, SLOT_SPECIAL_USE)),
		.mailboxid = sieve_string(r, sieve_tag_arg(n, SLOT_MAILBOXID)),
		.create = sieve_arg(n, SLOT_CREATE) != NULL,
	};
	place_flags(r, n, out);
	return sieve_mailbox_valid(r, mailbox);
}

bool
sieve_fcc(
    struct sieve_run *r, const struct sieve_node *n, struct sieve_place *out)
{
	const struct sieve_arg *box = sieve_tag_arg(n, SLOT_FCC);

	if (!box || !sieve_place(r, n, sieve_string(r, box), out))
		return false;
	if (!sieve_arg(n, SLOT_FLAGS))
		out->nflags = 0; /* those are of the message that came */
	return true;
}

/* RFC 8580, section 3: the other tags mean something only with :fcc. */
bool
sieve_fcc_check(struct sieve_checker *c, struct sieve_node *n)
{
	static const enum sieve_slot of_fcc[] = { SLOT_CREATE, SLOT_FLAGS,
		SLOT_SPECIAL_USE, SLOT_MAILBOXID };

	if (sieve_arg(n, SLOT_FCC))
		return sieve_check_strings(c, sieve_tag_arg(n, SLOT_FCC),
			   "mailbox", sieve_valid_mailbox) &&
		       sieve_check_strings(c,
			   sieve_tag_arg(n, SLOT_SPECIAL_USE),
			   "special-use flag", sieve_valid_special_use);
	for (size_t i = 0; i < LEN(of_fcc); i++) {
		const struct sieve_arg *a = sieve_arg(n, of_fcc[i]);

		if (!a)
			continue;
		sieve_error(c, a->at,
		    "the tag ':%s' of the %s command needs ':fcc'",
		    a->def->name, n->verb->name);
		return false;
	}
	return true;
}
