/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <sysexits.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/str.h"
#include "site/setting.h"
#include "site/site.h"
#include "store/store.h"

/*
 * The mailstead command. Every verb is a row of a table (verbs.c): its name,
 * arguments, options and help; main.c parses the command line by it, so a
 * run() function finds what it was given and begins with what it is about.
 * Help and shell completion come from the same rows.
 *
 * run() returns an exit status of sysexits(3), or 0. Whoever meets a failure
 * reports it at once with ctl_fail() and its kin and returns their result.
 */

struct option_def {
	const char *name;
	const char *arg; /* NULL: a switch */
	const char *help;
};

struct ctl;

struct verb {
	const char *name; /* "account add" */
	const char *args; /* "ADDRESS [NAME]" */
	const char *help; /* one line */
	int min, max;     /* number of arguments; max -1: any */
	unsigned flags;
	int (*run)(struct ctl *c);
	const struct option_def *options; /* ended by a NULL name */
};

enum {
	VERB_NO_CONF = 1, /* runs without a configuration file */
	VERB_ROOT = 2,    /* stays root if it was started by root */
	VERB_FILES = 4,   /* reads or writes the caller's files: root's
			   * reach is kept, though not its identity */
};

extern const struct verb verbs[]; /* ended by a NULL name */
/* Those that every verb takes. */
extern const struct option_def common_options[];

#define MAX_OPTIONS 32

struct ctl {
	const struct verb *verb;
	struct arena *arena;
	const char *conf_path; /* -c, or NULL */
	struct conf *conf;
	struct site *site;
	struct store *store;
	struct site_by by;
	struct err err;
	bool json;

	int argc; /* arguments without the verb and options */
	char **argv;
	struct {
		const char *name, *value;
	} given[MAX_OPTIONS];
	size_t ngiven;
};

/* ------------------------------------------------------------------------
 * The command line
 */

/* The last value given, or NULL; "" for a switch. */
const char *ctl_option(const struct ctl *c, const char *name);
bool ctl_switch(const struct ctl *c, const char *name);
/* All values of an option that may come several times: *at counts. */
const char *ctl_option_next(const struct ctl *c, const char *name, size_t *at);
static inline struct str
ctl_arg(const struct ctl *c, int i)
{
	return i < c->argc ? str_of(c->argv[i]) : STR_NULL;
}

/* Parse ARGV[1...] into C; EX_USAGE after saying what is wrong. */
int ctl_parse(struct ctl *c, int argc, char **argv);
void ctl_help(const struct verb *v); /* NULL: all */

/* ------------------------------------------------------------------------
 * What verbs work on
 */

int ctl_open_site(struct ctl *c);  /* fills c->site */
int ctl_open_store(struct ctl *c); /* c->store too */
/* The account by its address or id. */
int ctl_account(struct ctl *c, struct str name, struct site_account *out);
/* The same with its store, which the caller closes. */
int ctl_open_account(struct ctl *c, struct str name, struct site_account *acc,
    struct account **out);

/* ------------------------------------------------------------------------
 * Failures: c->err says what, HINT what to do next (may be NULL).
 */

int ctl_fail(struct ctl *c, int status, const char *hint);
int ctl_failf(struct ctl *c, int status, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int ctl_site_failed(struct ctl *c, enum site_rc rc, const char *hint);
int ctl_store_failed(struct ctl *c, enum store_rc rc, const char *hint);
/* Something that does not end the verb. */
void ctl_warn(struct ctl *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* ------------------------------------------------------------------------
 * Output: JSON as it is, or a table for people. JSON is consumed.
 */

enum column_kind {
	COL_TEXT,
	COL_NUMBER,
	COL_SIZE,
	COL_LIMIT, /* a size, 0 meaning none */
	COL_TIME,
	COL_BOOL,
	COL_LIST,
};

struct column {
	const char *key;   /* in the JSON object */
	const char *title; /* NULL: in JSON only */
	enum column_kind kind;
};

/* An array of objects, one a line. COLUMNS ends with a NULL key. */
int out_rows(struct ctl *c, const struct column *columns, json_t *rows);
/* One object, one field a line. */
int out_record(struct ctl *c, const struct column *columns, json_t *object);
/* What was done: OBJECT for JSON, the sentence for people. */
int out_done(struct ctl *c, json_t *object, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

json_t *json_str(struct str s); /* what is not UTF-8 becomes U+FFFD */

/* A bar on a terminal's stderr; nothing elsewhere. */
struct progress {
	const char *what;
	uint64_t total, done; /* total 0: not known */
	int64_t shown_ms;
	bool tty;
};
void progress_start(
    struct progress *p, struct ctl *c, const char *what, uint64_t total);
void progress_add(struct progress *p, uint64_t n);
void progress_end(struct progress *p);

/* Ask on the terminal; false if there is none or the answer is not yes. */
bool ask_yes(struct ctl *c, const char *question);
/* A password from the terminal, twice, or with --stdin one line. */
int ask_password(struct ctl *c, struct str *out);

#endif
