/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVE_SIEVE_H
#define SIEVE_SIEVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "sieve/capability.h"

/*
 * The Sieve mail filtering language (RFC 5228) and its extensions
 * (capability.h). Pure: scripts and a message in, decisions out; whatever
 * needs the world goes through the callbacks of struct sieve_host and struct
 * sieve_sink.
 *
 *	compile     source -> struct sieve_program, or errors with positions
 *	run         programs in order + a message -> a list of actions
 *	execute     the list of actions -> calls of a sink: store, send, refuse
 *
 * A program is immutable and counted; any thread may run it. A run belongs to
 * one thread. A script that loops, grows or multiplies meets a limit, not the
 * machine's.
 */

/* ------------------------------------------------------------------------
 * Limits
 */

struct sieve_limits {
	size_t script;    /* octets of source */
	unsigned errors;  /* found before the compiler gives up */
	unsigned nesting; /* of blocks and of tests */
	unsigned actions; /* of a run, all scripts together */
	unsigned redirects, notifications;
	uint64_t instructions; /* about one for a test, or for 64 octets read */
	size_t memory;         /* octets that the run allocates */
	size_t variable;       /* octets of a value; longer ones are cut */
	unsigned variables;    /* of one scope */
	unsigned includes, include_depth;
	uint64_t regex;                      /* steps of one match */
	size_t header;                       /* octets of an added field */
	uint32_t vacation_min, vacation_max; /* seconds between two answers */
	uint32_t vacation_default;
	uint32_t duplicate_max; /* seconds that `duplicate` remembers */
};
extern const struct sieve_limits sieve_limits_default;

/* ------------------------------------------------------------------------
 * Compiling
 */

enum sieve_severity { SIEVE_WARNING, SIEVE_ERROR };

struct sieve_diag {
	enum sieve_severity severity;
	struct str script;     /* the name of the script it is in */
	unsigned line, column; /* from 1; 0: the script as a whole */
	struct str text;       /* a sentence in UTF-8 without a full stop */
};

/* In the order found. Lives in the arena it was made with, so it may outlive
 * the program. */
struct sieve_diags {
	struct arena *arena;
	struct sieve_diag *v;
	size_t n, cap;
	unsigned errors, warnings;
};

/* "NAME:3:5: error: TEXT", each with a line end. */
void sieve_diags_print(struct buf *out, const struct sieve_diags *d);

struct sieve_program;
struct sieve_language; /* more commands and tests: language.h */

enum sieve_include { SIEVE_PERSONAL, SIEVE_GLOBAL };
enum sieve_found { SIEVE_FOUND, SIEVE_NOT_FOUND, SIEVE_NO_ANSWER };

struct sieve_compiler {
	struct sieve_caps caps;            /* what `require` may ask for */
	const struct sieve_limits *limits; /* NULL: the defaults */
	/*
	 * A script is being stored, not run: an included one may still be
	 * missing (RFC 6609, section 3.2), which is then a warning.
	 */
	bool storing;
	/* Put the source of an included script into OUT. NULL: there is none.
	 */
	enum sieve_found (*load)(void *arg, enum sieve_include where,
	    struct str name, struct buf *out);
	void *load_arg;
	/* Methods of `notify` beside mailto; lower case. */
	const struct str *notify_methods;
	size_t nnotify_methods;
	const struct sieve_language *language; /* NULL: only the standard one */
};

/*
 * Compile SOURCE, called NAME in messages. NULL if there was an error.
 * Warnings may be there in any case. DIAGS lives in ARENA.
 */
struct sieve_program *sieve_compile(const struct sieve_compiler *c,
    struct str name, struct str source, struct arena *arena,
    struct sieve_diags *diags);
struct sieve_program *sieve_program_ref(struct sieve_program *p);
void sieve_program_unref(struct sieve_program **p);

struct str sieve_program_name(const struct sieve_program *p);
/* What it requires, and what its included scripts do. */
struct sieve_caps sieve_program_caps(const struct sieve_program *p);

/* What was included (or missing) when it was compiled: when one of these has
 * changed, so has the program. */
struct sieve_dependency {
	enum sieve_include where;
	struct str name;
	bool missing;
	uint8_t hash[32]; /* SHA-256 of its source */
};
size_t sieve_program_dependencies(
    const struct sieve_program *p, const struct sieve_dependency **out);

/* Is it a name a script may have (RFC 5804, section 1.6)? */
bool sieve_name_valid(struct str name);

/* ------------------------------------------------------------------------
 * Running
 */

/* What SMTP said (RFC 5228, section 5.4; RFC 6009). Empty: not said. */
struct sieve_envelope {
	struct str from, to;
	struct str orig_to; /* ORCPT, decoded; empty: as `to` */
	struct str auth;    /* AUTH= */
	struct str notify, ret, envid, orcpt; /* DSN (RFC 3461) */
	struct str by_time, by_mode;          /* RFC 2852 */
	bool by_trace;
};

enum sieve_answer { SIEVE_NO, SIEVE_YES, SIEVE_FAILED };

/* A key and for how long it is to be remembered. */
struct sieve_memory {
	struct str kind; /* "vacation" or "duplicate" */
	struct str key;  /* 32 octets */
	uint32_t seconds;
};

/* What a program of the administrator's is to do (vnd.dovecot.*). */
struct sieve_execution {
	enum { SIEVE_PIPE, SIEVE_FILTER, SIEVE_EXECUTE } kind;
	struct str program; /* a name without a slash */
	const struct str *args;
	size_t nargs;
	struct str input; /* the message, or what :input says; may be empty */
	bool want_output;
};

/*
 * Questions to the world. ARG is the first argument of each. What is NULL
 * answers no. SIEVE_FAILED is a temporary failure: the run ends with
 * SIEVE_TEMPORARY. Texts put out are copied by the caller.
 */
struct sieve_host {
	void *arg;
	/* May a message be stored there, in that mailbox or one made for it? */
	enum sieve_answer (*mailbox_exists)(void *arg, struct str name);
	enum sieve_answer (*mailboxid_exists)(void *arg, struct str id);
	/* MAILBOX empty: of any; USE with its backslash. */
	enum sieve_answer (*special_use_exists)(
	    void *arg, struct str mailbox, struct str use);
	/* MAILBOX empty: the server's. YES with its value, or NO. */
	enum sieve_answer (*metadata)(
	    void *arg, struct str mailbox, struct str entry, struct buf *value);
	/* Is VALUE in the list? FAILED too if there is no such list; see
	 * list_valid. Compared as the list does. */
	enum sieve_answer (*list_contains)(
	    void *arg, struct str list, struct str value);
	enum sieve_answer (*list_valid)(void *arg, struct str list);
	/* The addresses of a list, for redirect :list. */
	enum sieve_answer (*list_members)(void *arg, struct arena *arena,
	    struct str list, struct str **out, size_t *count);
	/* Was this key remembered, and is it not yet forgotten? */
	enum sieve_answer (*remembered)(
	    void *arg, struct str kind, struct str key);
	/* Is it an address of the owner's, beside those of struct sieve_user?
	 */
	enum sieve_answer (*owns_address)(void *arg, struct str address);
	/* An item of `environment` that the engine does not know. */
	enum sieve_answer (*environment)(
	    void *arg, struct str name, struct buf *value);
	/* RFC 5435, section 7: presence of a recipient, "online". */
	enum sieve_answer (*notify_capability)(void *arg, struct str uri,
	    struct str capability, struct buf *value);
	/* YES: it ended with status 0. */
	enum sieve_answer (*execute)(
	    void *arg, const struct sieve_execution *x, struct buf *output);
	/* debug_log, and the run-time warnings of a script. */
	void (*log)(void *arg, struct str text);
	/* One line for each step that is taken; for people. NULL: none. */
	void (*trace)(
	    void *arg, unsigned depth, unsigned line, struct str text);
};

/* Where spamtest and virustest (RFC 5235) find their scores. */
struct sieve_score {
	struct str field;   /* name of the field; empty: never tested */
	struct str pattern; /* regular expression whose group 1 is the score;
			     * empty: the first number */
	/* "score": a number between 0 and max; "strlen": as many as there are
	 * characters; "text": one of the texts. */
	enum { SIEVE_SCORE_NUMBER, SIEVE_SCORE_STRLEN, SIEVE_SCORE_TEXT } form;
	double max;                        /* what is 100 %; 0: see max_field */
	struct str max_field, max_pattern; /* the same for the maximum */
	struct str texts[11]; /* for the form text: by result, empty: none */
};

struct sieve_user {
	struct str address; /* the owner's main address; may be empty */
	const struct str *addresses; /* others he is known by */
	size_t naddresses;
	struct str name;       /* login name, for `environment` */
	struct str delimiters; /* of subaddresses: "+", "+-" */
};

/* IMAP events (RFC 6785); for deliveries `cause` is empty. */
struct sieve_imap_event {
	struct str cause; /* APPEND, COPY, FLAG */
	struct str mailbox, user, email;
	const struct str *changed_flags;
	size_t nchanged;
	const struct str *flags; /* that the message has now */
	size_t nflags;
};

struct sieve_input {
	struct str message; /* as it would be stored; CRLF line ends */
	struct sieve_envelope envelope;
	struct sieve_user user;
	struct str domain, hostname; /* `environment`: of this server */
	struct str remote_host, remote_ip;
	struct sieve_imap_event event;
	const struct sieve_host *host; /* never NULL */
	const struct sieve_limits *limits;
	struct sieve_score spam, virus;
	const struct str *protected_fields; /* editheader may not touch them */
	size_t nprotected;
	const struct str *notify_methods; /* as of the compiler */
	size_t nnotify_methods;
	int64_t now;
	int zone; /* minutes east of UTC, for currentdate without :zone */
	unsigned max_received; /* redirect: more Received fields are a loop */
};

enum sieve_rc {
	SIEVE_OK,
	SIEVE_FAULT,     /* of the script, at run time: see sieve_run_error() */
	SIEVE_LIMIT,     /* it met one of the limits; the same */
	SIEVE_TEMPORARY, /* the host could not answer: try the whole again */
};

struct sieve_run;
/* Everything IN names must outlive the run. */
struct sieve_run *sieve_run_new(const struct sieve_input *in);
void sieve_run_free(struct sieve_run **r);

/*
 * Run the next script. After one that failed, nothing more may be run, its
 * own actions are dropped and the message is kept (RFC 5228, section 2.10.6).
 */
enum sieve_rc sieve_run_next(struct sieve_run *r, struct sieve_program *p);
/* Is the message still to be kept, so that a next script has a say? */
bool sieve_run_keeps(const struct sieve_run *r);
/* Where and why a script failed. */
const struct sieve_diag *sieve_run_error(const struct sieve_run *r);
uint64_t sieve_run_instructions(const struct sieve_run *r);

/* ------------------------------------------------------------------------
 * Actions
 */

enum sieve_action_kind {
	SIEVE_ACT_KEEP,
	SIEVE_ACT_STORE, /* fileinto */
	SIEVE_ACT_DISCARD,
	SIEVE_ACT_REDIRECT,
	SIEVE_ACT_REJECT,
	SIEVE_ACT_VACATION,
	SIEVE_ACT_NOTIFY,
	SIEVE_ACT_PIPE,
	SIEVE_ACT_REPORT,   /* of vnd.dovecot.report */
	SIEVE_ACT_REMEMBER, /* of the test `duplicate` */
};
#define SIEVE_ACTIONS (SIEVE_ACT_REMEMBER + 1)
/* "keep", "store", "discard", "redirect", ... */
const char *sieve_action_name(enum sieve_action_kind kind);

struct sieve_message; /* the message as it was when the action was decided */

/* Where a copy is stored, and how: fileinto, keep, :fcc. */
struct sieve_place {
	struct str mailbox; /* UTF-8, levels separated by '/'; empty: INBOX */
	struct str special_use; /* "\Junk": rather the mailbox with it */
	struct str mailboxid;   /* rather the mailbox with this id */
	bool create;            /* if it is not there */
	const struct str *flags;
	size_t nflags;
};

struct sieve_action {
	enum sieve_action_kind kind;
	struct str script;
	unsigned line;
	struct sieve_message *message;
	struct sieve_place place; /* KEEP and STORE */
	bool implicit;            /* KEEP that no command asked for */
	bool copy;                /* :copy */
	union {
		struct {
			struct str address;
			struct str list; /* rather all members of that list */
			struct str notify, ret; /* RFC 6009; empty: the same */
			bool by, by_trace;
			int64_t by_time; /* seconds from now */
			struct str by_mode;
		} redirect;
		struct {
			struct str reason;
			bool ereject;
		} reject;
		struct {
			struct str reason, subject, from, handle;
			const struct str *addresses;
			size_t naddresses;
			uint32_t seconds;
			bool mime, fcc;
			struct sieve_place place;
		} vacation;
		struct {
			struct str uri, from, message;
			unsigned importance;       /* 1 high, 2 normal, 3 low */
			const struct str *options; /* "name=value" */
			size_t noptions;
			bool fcc;
			struct sieve_place place;
		} notify;
		struct {
			struct str program;
			const struct str *args;
			size_t nargs;
			bool ignore_failure; /* :try */
		} pipe;
		struct {
			struct str feedback, text, to;
			bool headers_only;
		} report;
		struct sieve_memory remember;
	};
};

/* What was decided so far, KEEP included, in order. Lives with the run. */
size_t sieve_run_actions(struct sieve_run *r, const struct sieve_action **out);
/* The octets of a version of the message. Good until the run ends. */
struct str sieve_message_raw(struct sieve_message *m);

/* ------------------------------------------------------------------------
 * Executing
 */

/* Mail that goes out. FROM empty: the null reverse-path. */
struct sieve_mail {
	struct str from;
	const struct str *to;
	size_t nto;
	struct str raw;
	/* For RFC 3461 and 2852, as in the action; empty: nothing asked. */
	struct str notify, ret, envid, orcpt;
	bool own_notify; /* it is the script's, not the sender's */
	bool by, by_trace;
	int64_t by_time;
	struct str by_mode;
	enum sieve_action_kind why;
};

/*
 * What carries the actions out. A function answers SIEVE_YES when it did (or
 * will, together with all others); SIEVE_NO when it cannot for good, with a
 * sentence in WHY; SIEVE_FAILED when it should be tried again later.
 */
struct sieve_sink {
	void *arg;
	enum sieve_answer (*store)(void *arg, const struct sieve_place *place,
	    struct str raw, bool implicit, struct buf *why);
	/* Leave the message where it is, as it is but for its flags (RFC 6785,
	 * section 3.1). NULL: it is stored in INBOX. */
	enum sieve_answer (*keep)(
	    void *arg, const struct str *flags, size_t nflags, struct buf *why);
	enum sieve_answer (*send)(
	    void *arg, const struct sieve_mail *mail, struct buf *why);
	/* Refuse the message in the session it came in (RFC 5429, section
	 * 2.1.1); NULL, or NO: not possible, a report is sent instead. */
	enum sieve_answer (*refuse)(
	    void *arg, struct str reason, struct buf *why);
	/* For `notify` methods other than mailto. */
	enum sieve_answer (*notify)(
	    void *arg, const struct sieve_action *a, struct buf *why);
	enum sieve_answer (*pipe)(
	    void *arg, const struct sieve_execution *x, struct buf *why);
	enum sieve_answer (*remember)(void *arg, const struct sieve_memory *m);
	/* For the log and for people: what became of an action. */
	void (*done)(void *arg, const struct sieve_action *a, struct str how);
};

/* How the mail that goes out is to be addressed. */
struct sieve_sender {
	struct str hostname;   /* for Message-ID and Reporting-MTA */
	struct str postmaster; /* From of reports */
	/* The reverse-path of redirected mail: "sender" (as it came, which SRS
	 * may rewrite in the sink), "recipient", "orig_recipient", "user",
	 * "postmaster", or an address in <>. Empty: "sender". */
	struct str redirect_from;
	struct str notify_from; /* the same of mailto notifications */
	struct str report_from; /* the same of From in reports of abuse */
	/* "Auto: %{subject}", which is the default. */
	struct str vacation_subject;
	struct str vacation_no_subject; /* for mail without one */
	bool vacation_from_recipient;
	bool
	    vacation_any_recipient; /* do not look for the owner in To and Cc */
	bool vacation_original_recipient; /* look for orig_to as well */
	bool vacation_to_header; /* To is the header's sender in any case */
};

/*
 * Carry the actions out. When one fails for good, the message is kept in INBOX
 * in its place, and sieve_run_error() tells. SIEVE_TEMPORARY: the sink said
 * SIEVE_FAILED; nothing that it did may last.
 */
enum sieve_rc sieve_execute(struct sieve_run *r,
    const struct sieve_sender *sender, const struct sieve_sink *sink);

#endif
