/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVE_RUN_H
#define SIEVE_RUN_H

#include "sieve/check.h"
#include "sieve/message.h"

/*
 * A run: inside lib/sieve, for the commands and tests.
 *
 * Whatever they make lives in the run's arena. A command that cannot go on
 * says why with sieve_fault() and returns FLOW_FAILED, a test SIEVE_FAILED.
 */

#define SIEVE_MATCH_VALUES 33 /* ${0} to ${32} */

/* A script that is running. */
struct sieve_frame {
	struct sieve_frame *caller;
	const struct sieve_script *script;
	struct str *variables;
	struct str match[SIEVE_MATCH_VALUES];
	size_t nmatch;
};

/* The part that foreverypart is at. */
struct sieve_part {
	struct sieve_part *outer;
	const struct mime_part *root; /* the loop is over what is within */
	const struct mime_part *part;
	struct sieve_message *message; /* they belong to */
	bool replaced; /* PART is no longer what it was: not to be entered */
};

struct sieve_run {
	const struct sieve_input *in;
	const struct sieve_limits *limits;
	struct arena *arena;
	struct arena *scratch;         /* of one comparison */
	struct sieve_message *message; /* the version that is current */
	struct sieve_program *program;
	struct sieve_program **programs; /* held until the end */
	size_t nprograms, programs_cap;
	struct sieve_frame *frame;
	struct str *globals;
	bool *included; /* by number of script */
	struct sieve_part *part;
	const struct sieve_node
	    *break_to;     /* foreverypart that FLOW_BREAK ends */
	struct str *flags; /* the internal variable of RFC 5232 */
	size_t nflags;
	struct sieve_action *actions;
	size_t nactions, actions_cap;
	unsigned redirects, notifications;
	size_t first; /* action of the script that is running */
	bool implicit_keep;
	bool finished; /* keep is among the actions */
	uint64_t instructions;
	unsigned depth; /* for the trace */
	const struct sieve_node *at;
	enum sieve_rc rc;
	struct sieve_diag error;
	void *extra; /* of an added language */
};

/* Else at an IMAP event (RFC 6785). */
static inline bool
sieve_at_delivery(const struct sieve_run *r)
{
	return r->in->event.cause.n == 0;
}

/* ------------------------------------------------------------------------
 * Failing
 */

/* Keep the first one. */
void sieve_fail(struct sieve_run *r, enum sieve_rc rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define sieve_fault(r, ...)                                                    \
	(sieve_fail((r), SIEVE_FAULT, __VA_ARGS__), FLOW_FAILED)
#define sieve_test_fault(r, ...)                                               \
	(sieve_fail((r), SIEVE_FAULT, __VA_ARGS__), SIEVE_FAILED)
/* Count N instructions, and look at the memory. False: that was too much. */
bool sieve_charge(struct sieve_run *r, uint64_t n);
/* For a question to the host that it could not answer. */
void sieve_no_answer(struct sieve_run *r, const char *what);

/* For the trace, if there is one, and for people. */
void sieve_trace(struct sieve_run *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void sieve_log(struct sieve_run *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* ------------------------------------------------------------------------
 * Going on
 */

enum sieve_flow sieve_run_block(
    struct sieve_run *r, const struct sieve_node *list);
enum sieve_answer sieve_run_test(
    struct sieve_run *r, const struct sieve_node *test);
/* Run an included script from its beginning to its end or `return`. */
enum sieve_flow sieve_run_script(
    struct sieve_run *r, const struct sieve_script *s);

/* ------------------------------------------------------------------------
 * Arguments
 */

struct strs {
	const struct str *v;
	size_t n;
};
/* Their values now. ARG NULL: an empty string; none. */
struct str sieve_string(struct sieve_run *r, const struct sieve_arg *arg);
struct strs sieve_list(struct sieve_run *r, const struct sieve_arg *arg);
/* The value that a tag takes. NULL if there is no such tag. */
static inline const struct sieve_arg *
sieve_tag_arg(const struct sieve_node *n, enum sieve_slot slot)
{
	const struct sieve_arg *a = sieve_arg(n, slot);

	return a ? a->value : NULL;
}

/* Set a variable: cut to the limit. */
void sieve_variable_set(
    struct sieve_run *r, const struct sieve_variable *v, struct str value);
/* What the modifiers of N make of S (RFC 5229, section 4.1). */
struct str sieve_modify(
    struct sieve_run *r, const struct sieve_node *n, struct str s);
/* An item of `environment`. False: unknown. */
bool sieve_environment(struct sieve_run *r, struct str name, struct str *out);

/* ------------------------------------------------------------------------
 * Actions
 */

/*
 * Add an action; its place in the script and the message are filled in. One
 * that repeats an earlier one is dropped. False: a limit or a conflict,
 * reported.
 */
bool sieve_action_add(struct sieve_run *r, const struct sieve_node *n,
    const struct sieve_action *a);
/* Drop what `keep` said. */
void sieve_forget_keep(struct sieve_run *r);
/* The tags :copy, :create, :flags, :specialuse, :mailboxid of N. */
bool sieve_place(struct sieve_run *r, const struct sieve_node *n,
    struct str mailbox, struct sieve_place *out);
/* :fcc with its own; false if it has none. FAILED is set upon an error. */
bool sieve_fcc(
    struct sieve_run *r, const struct sieve_node *n, struct sieve_place *out);
bool sieve_fcc_check(struct sieve_checker *c, struct sieve_node *n);
/* Check a run-time value; reported if it is no valid mailbox name. */
bool sieve_mailbox_valid(struct sieve_run *r, struct str name);

/* Flags: the words of texts in a row, each once, the invalid ones dropped. */
struct strs sieve_flags(struct sieve_run *r, struct strs texts);

/* RFC 3339, for :bytimeabsolute and dates. */
bool sieve_date_iso(struct str text, int64_t *epoch);
struct str sieve_date_text(struct arena *a, int64_t epoch); /* UTC */
/* "user@example.org" of an RFC 5322 mailbox; false if it is none. */
bool sieve_address_of(struct arena *a, struct str text, struct str *out);

#endif
