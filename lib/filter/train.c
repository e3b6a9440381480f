/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/train.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "filter/policy.h"
#include "filter/spam.h"
#include "site/setting.h"
#include "store/training.h"

enum taught { TAUGHT, LATER, DOWN };

struct run {
	const struct trainer *t;
	struct arena *arena; /* of the run */
	struct spam_options engine;
	uint64_t max_size;
	bool per_account;
	int64_t now;
	size_t learned, lessons, failures;
	bool down;
	struct err why; /* of the last failure */
};

static bool
is_over(const struct run *r)
{
	return r->down || r->lessons >= TRAIN_RUN ||
	       r->failures >= TRAIN_FAILURES;
}

/* ------------------------------------------------------------------------
 * A lesson
 */

#define PING_SECONDS 5 /* who stops milterd waits for it */

/* It did not learn it: is it the engine, or the message? */
static enum taught
judge(struct run *r, int64_t at)
{
	struct spam_options ping = r->engine;
	struct err ignored;

	if (ping.timeout > PING_SECONDS)
		ping.timeout = PING_SECONDS;
	r->failures++;
	r->down = !spam_ping(&ping, &ignored);
	if (r->down)
		return DOWN;
	if (at > r->now - TRAIN_PATIENCE)
		return LATER;
	log_error("training_dropped", LOG_ERR(&r->why));
	return TAUGHT;
}

/* Of a message that came, or was marked, AT. */
static enum taught
teach(struct run *r, struct str user, struct str raw, bool spam, int64_t at)
{
	const struct spam_message m = {
		.raw = raw,
		.user = r->per_account ? user : STR_NULL,
	};
	bool known;

	r->lessons++;
	if (raw.n == 0 || raw.n > r->max_size)
		return TAUGHT;
	if (!spam_learn(&r->engine, &m, spam ? SPAM_IS_SPAM : SPAM_IS_HAM,
		&known, &r->why))
		return judge(r, at);
	r->learned++;
	log_info("trained", LOG_STR("user", user),
	    LOG_CSTR("as", spam ? "spam" : "ham"),
	    LOG_CSTR("known", known ? "yes" : "no"));
	return TAUGHT;
}

/* ------------------------------------------------------------------------
 * From accounts
 */

/* Nothing, if it is gone meanwhile or too large. */
static enum store_rc
read_email(const struct run *r, struct account *a, int64_t email,
    struct buf *out, struct err *e)
{
	struct email_facts facts;
	struct reader *reader;
	enum store_rc rc = reader_begin(a, &reader, e);

	if (rc != STORE_OK)
		return rc;
	rc = email_facts(reader, email, &facts, e);
	if (rc == STORE_OK && facts.size <= r->max_size)
		rc = email_read(reader, email, 0, facts.size, out, e);
	reader_end(&reader);
	return rc == STORE_NOTFOUND ? STORE_OK : rc;
}

/* *DONE: the last of them that is no more needed. */
static enum store_rc
teach_events(struct run *r, struct account *a, struct str user,
    const struct training *list, size_t n, int64_t *done, struct err *e)
{
	struct buf raw = { 0 };
	enum store_rc rc = STORE_OK;

	for (size_t i = 0; i < n && !is_over(r); i++) {
		buf_clear(&raw);
		rc = read_email(r, a, list[i].email, &raw, e);
		if (rc != STORE_OK || teach(r, user, buf_str(&raw),
					  list[i].spam, list[i].at) != TAUGHT)
			break;
		*done = list[i].n;
	}
	buf_fini(&raw);
	return rc;
}

static enum store_rc
teach_account(
    struct run *r, struct arena *arena, struct account *a, struct err *e)
{
	struct site_account owner;
	struct training *list;
	int64_t done = 0;
	size_t n;
	enum store_rc rc = training_list(a, arena, TRAIN_ACCOUNT, &list, &n, e);

	if (rc == STORE_OK && n > 0) {
		if (site_account_get(
			r->t->site, arena, account_id(a), &owner, e) != SITE_OK)
			return STORE_IO;
		rc = teach_events(r, a, owner.address, list, n, &done, e);
	}
	if (rc == STORE_OK && done)
		rc = training_done(a, done, e);
	return rc == STORE_OK ? training_tidy(a, e) : rc;
}

static bool
visit(void *arg, struct str id, int64_t stamp)
{
	struct run *r = arg;
	struct arena *arena = arena_new();
	struct account *a;
	struct err e = ERR_INIT;
	enum store_rc rc;

	(void)stamp;
	rc = account_open(r->t->store, id, &a, &e);

	if (rc == STORE_OK) {
		rc = teach_account(r, arena, a, &e);
		account_close(&a);
	}
	if (rc != STORE_OK && rc != STORE_NOTFOUND) {
		r->failures++;
		r->why = e;
	}
	arena_free(&arena);
	return !is_over(r);
}

/* ------------------------------------------------------------------------
 * From the quarantine
 */

static struct str
owner_of(struct run *r, const struct quarantine_entry *entry)
{
	struct site_account owner;
	struct err ignored;

	return site_account_get(r->t->site, r->arena, entry->account, &owner,
		   &ignored) == SITE_OK
		   ? owner.address
		   : entry->address;
}

static bool
teach_entry(struct run *r, const struct quarantine_entry *entry)
{
	struct quarantine *q = r->t->quarantine;
	struct quarantine_entry again;
	struct buf raw = { 0 };
	enum quarantine_rc rc =
	    quarantine_get(q, r->arena, entry->id, &again, &raw, &r->why);

	if (rc == QUARANTINE_OK && teach(r, owner_of(r, entry), buf_str(&raw),
				       false, entry->released) == TAUGHT)
		rc = quarantine_learned(q, entry->id, &r->why);
	buf_fini(&raw);
	return rc != QUARANTINE_FAILED;
}

static void
teach_released(struct run *r)
{
	struct quarantine_entry *list;
	size_t n;

	if (quarantine_lessons(r->t->quarantine, r->arena, TRAIN_ACCOUNT, &list,
		&n, &r->why) != QUARANTINE_OK) {
		r->failures++;
		return;
	}
	for (size_t i = 0; i < n && !is_over(r); i++)
		r->failures += !teach_entry(r, &list[i]);
}

/* ------------------------------------------------------------------------
 * A run
 */

#define MAX_PASSWORD 1024

/* False: nobody wants it to learn. */
static bool
read_rules(struct run *r, struct buf *password)
{
	const struct site_scope everywhere = { .domain = STR_NULL };
	struct site *s = r->t->site;
	struct str how = site_setting(s, r->arena, "spam.train", everywhere);
	struct str file =
	    site_setting(s, r->arena, "spam.password_file", everywhere);
	struct site_rules rules;

	filter_rules(s, r->arena, &rules);
	r->engine = rules.spam;
	r->per_account = str_eqc(how, "account");
	r->max_size = rules.spam_max_size;
	if (r->max_size == 0 || r->max_size > TRAIN_SIZE)
		r->max_size = TRAIN_SIZE;
	if (str_eqc(how, "off") || !*r->engine.server)
		return false;
	if (file.n > 0 && fs_read(arena_cstr(r->arena, file), MAX_PASSWORD,
			      password, &r->why))
		r->engine.password =
		    arena_cstr(r->arena, str_trim(buf_str(password)));
	return true;
}

bool
train(const struct trainer *t, int64_t now, size_t *learned, struct err *e)
{
	struct run r = { .t = t, .arena = arena_new(), .now = now };
	struct buf password = { 0 };

	if (read_rules(&r, &password)) {
		teach_released(&r);
		if (!is_over(&r) &&
		    training_accounts(t->store, visit, &r, &r.why) != STORE_OK)
			r.failures++;
	}
	if (r.failures)
		*e = r.why;
	if (learned)
		*learned = r.learned;
	mem_wipe(password.p, password.n);
	buf_fini(&password);
	arena_free(&r.arena);
	return r.failures == 0;
}
