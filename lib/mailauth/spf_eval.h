/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MAILAUTH_SPF_EVAL_H
#define MAILAUTH_SPF_EVAL_H

#include "mailauth/spf.h"
#include "mailauth/spf_record.h"

/*
 * One evaluation of check_host() (RFC 7208, section 4) with all that it
 * recurses into. spf.c walks through records, spf_match.c has the mechanisms,
 * spf_name.c what macros stand for and whose names the client may have.
 */

struct spf_eval {
	struct resolver *resolver;
	struct arena *arena;
	const struct spf_query *query;
	bool ipv4; /* is the client */
	struct str sender, local, sender_domain, helo;
	bool local_ascii;
	struct spf_limits limits;
	unsigned lookups, voids;

	struct str domain; /* of the record that is being evaluated */
	struct str record; /* the first that was found */
	bool unmatchable;  /* set while a macro is expanded: RFC 8616 */

	/* The client's names that lead back to it, once they are known. */
	bool names_known, no_ptr;
	struct str *names;
	size_t n_names;

	enum spf_result error; /* why the evaluation stopped */
	struct str problem;
};

/* End the evaluation with RESULT, an error. */
void spf_stop(struct spf_eval *ev, enum spf_result result, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* How check_host() came out. */
struct spf_outcome {
	enum spf_result result;
	struct str mechanism;   /* that matched */
	struct str domain, exp; /* whose record had it, and its exp= */
};
void spf_check_host(
    struct spf_eval *ev, struct str domain, struct spf_outcome *out);

enum spf_match { SPF_NO_MATCH, SPF_MATCH, SPF_STOPPED };
enum spf_match spf_match(struct spf_eval *ev, const struct spf_directive *d);
/* One more term that asks the DNS (section 4.6.4); false if it is one too
 * many. */
bool spf_count_lookup(struct spf_eval *ev);

/* The name that domain-spec SPEC stands for, that of the record if SPEC is
 * empty; false if it is none. */
bool spf_target(struct spf_eval *ev, struct str spec, struct str *out);
/* At most LIMIT octets of an explain-string that was checked. */
struct str spf_explain(struct spf_eval *ev, struct str text, size_t limit);
/* Find the client's names (section 5.5). */
void spf_find_names(struct spf_eval *ev);
/* Is NAME DOMAIN, or below it? */
bool spf_is_within(struct str name, struct str domain);
/* Is an address of ANSWER the client's, as far as the prefixes go? */
bool spf_is_at(const struct spf_eval *ev, const struct dns_answer *answer,
    unsigned prefix4, unsigned prefix6);
/* What type of record holds addresses of the client's kind. */
enum dns_type spf_address_type(const struct spf_eval *ev);

bool spf_is_ascii(struct str s);

#endif
