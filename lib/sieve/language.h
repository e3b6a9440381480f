/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVE_LANGUAGE_H
#define SIEVE_LANGUAGE_H

#include "sieve/sieve.h"

/*
 * Inside lib/sieve, and for whoever adds commands of his own (`mailstead
 * sieve test`): the words of the language as rows of tables.
 *
 * The parser (syntax.h) makes a tree of nodes that knows nothing of words. The
 * checker looks each up, puts its arguments into slots and asks the row's own
 * check; what comes out is run as it is.
 */

struct sieve_node;
struct sieve_checker;
struct sieve_run;

/* Where a command finds an argument: the positional ones by number, tags by
 * what they say. Tags with the same slot exclude each other. */
enum sieve_slot {
	SLOT_1,
	SLOT_2,
	SLOT_3,
	SLOT_4,
	SLOT_MATCH, /* :is :contains :matches :regex :list :count :value */
	SLOT_COMPARATOR,
	SLOT_PART, /* :all :localpart :domain :user :detail */
	SLOT_INDEX,
	SLOT_LAST,
	SLOT_MIME,
	SLOT_ANYCHILD,
	SLOT_MIME_FIELD, /* :type :subtype :contenttype :param */
	SLOT_ZONE,       /* :zone :originalzone */
	SLOT_COPY,
	SLOT_CREATE,
	SLOT_FLAGS,
	SLOT_SPECIAL_USE,
	SLOT_MAILBOXID,
	SLOT_FCC,
	SLOT_LIST,
	SLOT_NOTIFY, /* of redirect */
	SLOT_RET,
	SLOT_BY_TIME, /* :bytimerelative :bytimeabsolute */
	SLOT_BY_MODE,
	SLOT_BY_TRACE,
	SLOT_PERIOD, /* :days :seconds */
	SLOT_SUBJECT,
	SLOT_FROM,
	SLOT_ADDRESSES,
	SLOT_HANDLE,
	SLOT_IMPORTANCE,
	SLOT_OPTIONS,
	SLOT_MESSAGE,
	SLOT_PLACE, /* :personal :global */
	SLOT_ONCE,
	SLOT_OPTIONAL,
	SLOT_CASE,   /* :lower :upper */
	SLOT_FIRST,  /* :lowerfirst :upperfirst */
	SLOT_WILD,   /* :quotewildcard :quoteregex */
	SLOT_LENGTH, /* :length */
	SLOT_ENCODE, /* :encodeurl */
	SLOT_SIZE,   /* :over :under */
	SLOT_BODY,   /* :raw :content :text */
	SLOT_PERCENT,
	SLOT_NAME,
	SLOT_TRY,
	SLOT_INPUT, /* :input :pipe */
	SLOT_OUTPUT,
	SLOT_KEY,   /* :header :uniqueid */
	SLOT_COUNT, /* :first of extracttext */
	SLOT_HEADERS,
	SLOT_TEST, /* of a language that is added */
};

struct sieve_tag {
	const char *name; /* without the colon; NULL ends a table */
	enum sieve_cap cap;
	enum sieve_slot slot;
	char takes; /* 0, 'n' number, 's' string, 'l' string list */
	int value;  /* which of the tags of its slot */
};

struct sieve_param {
	char type; /* 's', 'l', 'n'; 0 ends the list */
	const char *name;
};

enum sieve_flow {
	FLOW_NEXT,
	FLOW_STOP,
	FLOW_BREAK,  /* of a foreverypart: see run->break_to */
	FLOW_RETURN, /* of an included script */
	FLOW_FAILED,
};

enum sieve_tests { TESTS_NONE, TESTS_ONE, TESTS_MANY };

struct sieve_verb {
	const char *name; /* NULL ends a table */
	enum sieve_cap cap;
	struct sieve_param params[4];
	bool optional_first; /* the first parameter may be missing, */
	bool optional_last;  /* or the last one */
	enum sieve_tests tests;
	bool block;
	bool ends; /* of commands: nothing after it in its block is run */
	const struct sieve_tag *tags[6];
	/* More than the table says; reports with sieve_error(). */
	bool (*check)(struct sieve_checker *c, struct sieve_node *n);
	/* A command has run, a test has test. */
	enum sieve_flow (*run)(struct sieve_run *r, const struct sieve_node *n);
	enum sieve_answer (*test)(
	    struct sieve_run *r, const struct sieve_node *n);
};

struct sieve_language {
	const struct sieve_verb *verbs; /* ended by a NULL name */
	enum sieve_cap cap;             /* that every script has, unasked */
};

/* NULL: there is no such word. A command and a test may share a name. */
const struct sieve_verb *sieve_verb_find(
    const struct sieve_language *extra, struct str name, bool test);

/* The tables, each in the file named. */
extern const struct sieve_verb sieve_verbs_control[];     /* control.c */
extern const struct sieve_verb sieve_verbs_action[];      /* action.c */
extern const struct sieve_verb sieve_verbs_logic[];       /* logic.c */
extern const struct sieve_verb sieve_verbs_address[];     /* address.c */
extern const struct sieve_verb sieve_verbs_header[];      /* header.c */
extern const struct sieve_verb sieve_verbs_body[];        /* body.c */
extern const struct sieve_verb sieve_verbs_date[];        /* date.c */
extern const struct sieve_verb sieve_verbs_variables[];   /* variables.c */
extern const struct sieve_verb sieve_verbs_flags[];       /* flags.c */
extern const struct sieve_verb sieve_verbs_include[];     /* include.c */
extern const struct sieve_verb sieve_verbs_mailbox[];     /* mailbox.c */
extern const struct sieve_verb sieve_verbs_environment[]; /* environment.c */
extern const struct sieve_verb sieve_verbs_editheader[];  /* editheader.c */
extern const struct sieve_verb sieve_verbs_parts[];       /* parts.c */
extern const struct sieve_verb sieve_verbs_reject[];      /* reject.c */
extern const struct sieve_verb sieve_verbs_vacation[];    /* vacation.c */
extern const struct sieve_verb sieve_verbs_notify[];      /* notify.c */
extern const struct sieve_verb sieve_verbs_score[];       /* score.c */
extern const struct sieve_verb sieve_verbs_duplicate[];   /* duplicate.c */
extern const struct sieve_verb sieve_verbs_program[];     /* program.c */
extern const struct sieve_verb sieve_verbs_abuse[];       /* abuse.c */

/* Tags that several of them take. */
extern const struct sieve_tag sieve_tags_match[]; /* match.c */
extern const struct sieve_tag sieve_tags_part[];  /* address.c */
extern const struct sieve_tag sieve_tags_index[]; /* fields.c */
extern const struct sieve_tag sieve_tags_mime[];  /* fields.c */
extern const struct sieve_tag sieve_tags_mime_field[];
extern const struct sieve_tag sieve_tags_place[];    /* place.c */
extern const struct sieve_tag sieve_tags_modifier[]; /* variables.c */
extern const struct sieve_tag sieve_tags_fcc[];      /* place.c */

#endif
