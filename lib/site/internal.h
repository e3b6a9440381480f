/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_INTERNAL_H
#define SITE_INTERNAL_H

#include <pthread.h>

#include "site/setting.h"
#include "site/site.h"
#include "sqlite/sq.h"

/*
 * How lib/site works inside. Readers are a pool of connections, one in use by
 * one thread; a function that needs more than one query takes a reader once
 * and passes it down, so nobody waits for a second one while holding a first.
 * Changes of the directory run on the caller's thread on one synchronous=FULL
 * connection; the high-churn tables are written by one thread that takes all
 * waiting jobs into one transaction of a synchronous=NORMAL connection.
 */

#define READERS_MAX 8

struct reader_slot {
	struct sq *q;
	int64_t data_version; /* at which `generation` was read */
	uint64_t generation;
	bool asked; /* for it, since the reader was taken */
};

struct settings_cache;
struct scripts_cache;
struct login_cache;

struct site {
	char *path;

	pthread_mutex_t pool_lock;
	pthread_cond_t pool_free;
	struct reader_slot readers[READERS_MAX];
	unsigned idle[READERS_MAX]; /* stack of indexes */
	unsigned nidle, nopen;

	pthread_mutex_t write_lock; /* dir and churn */
	struct sq *dir, *churn;

	pthread_mutex_t queue_lock;
	pthread_cond_t queue_more, queue_done;
	struct churn_job *queue, **queue_tail;
	uint64_t queued, finished; /* jobs ever; to wait for one */
	unsigned waiting;          /* jobs in the queue */
	bool stopping;
	pthread_t thread;

	pthread_mutex_t hash_lock; /* bounds concurrent password hashes */
	pthread_cond_t hash_free;
	unsigned hashing;

	struct settings_cache *settings;
	struct scripts_cache *scripts;
	struct login_cache *logins;
	site_prover *prove;            /* NULL: none */
	site_token_check *check_token; /* NULL: none */
};

/* Fill E and hand RC back. */
enum site_rc site_fail(struct err *e, enum site_rc rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
enum site_rc site_rc_of(enum sq_rc rc);

enum site_rc site_reader(
    struct site *s, struct reader_slot **out, struct err *e);
void site_reader_done(struct site *s, struct reader_slot *r);
/* The generation as R saw it when it was first asked for after R was taken:
 * a look at the file for the first question, none for the others. */
uint64_t site_reader_generation(struct reader_slot *r);

/*
 * A change of the directory: begin, write on *q, then end with the result so
 * far. SITE_OK commits with an audit row and a new generation; anything else
 * rolls back and comes back as it is.
 */
enum site_rc site_change_begin(struct site *s, struct sq **q, struct err *e);
enum site_rc site_change_end(struct site *s, enum site_rc rc,
    const struct site_by *by, const char *action, struct str object,
    struct str detail, struct err *e);
/* SQ_CONSTRAINT becomes SITE_EXISTS with WHAT; the rest as site_rc_of. */
enum site_rc site_insert_rc(enum sq_rc rc, struct err *e, struct str what);

/* ------------------------------------------------------------------------
 * Jobs of the batching writer
 */

struct churn_job {
	struct churn_job *next;
	enum sq_rc (*apply)(
	    struct sq *q, const struct churn_job *j, struct err *e);
	uint64_t number;
	int64_t account, time, value;
	char service[16], peer[64], user[340];
};
#define CHURN_MAX 10000 /* beyond, jobs are dropped with a warning */

/* A copy of JOB is queued. WAIT: until its batch is committed or failed. */
void site_churn(struct site *s, const struct churn_job *job, bool wait);

/* ------------------------------------------------------------------------
 * Pieces used across files; Q is a reader's or a change's connection.
 */

struct domain_row {
	int64_t id, parent, alias_of; /* 0: none */
	bool disabled;
};
/* NAME normalized. */
enum site_rc domain_row_get(
    struct sq *q, struct str name, struct domain_row *out, struct err *e);
/* ... of the account, on a connection that already is in use. */
/* The account of an address key, its quota included. */
enum site_rc account_by_key(struct site *s, struct reader_slot *r,
    struct arena *a, struct str key, struct site_account *out, struct err *e);
enum site_rc account_number(
    struct sq *q, struct str id, int64_t *out, struct err *e);
enum site_rc account_touch(struct sq *q, int64_t n, struct err *e);

struct settings_cache *settings_cache_new(void);
void settings_cache_free(struct settings_cache **c);
struct scripts_cache *scripts_cache_new(void);
void scripts_cache_free(struct scripts_cache **c);
/* As site_setting(), with a reader that was taken already. */
struct str setting_on(struct site *s, struct reader_slot *r, struct arena *a,
    const char *key, struct site_scope scope);
uint64_t setting_uint_on(struct site *s, struct reader_slot *r, const char *key,
    struct site_scope scope);

/* Local part as it is compared. */
struct str address_fold(struct arena *a, struct str local);
/* "local@domain" with quotes where RFC 5322 wants them. */
struct str address_format(struct arena *a, struct str local, struct str domain);

/* The rows collected in B as an array in the arena; frees B. */
void *site_rows(struct arena *a, struct buf *b, size_t size, size_t *count);

void site_by_or_system(const struct site_by *by, struct site_by *out);

#endif
