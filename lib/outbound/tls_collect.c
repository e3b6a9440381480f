/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/tls_collect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/mem.h"
#include "outbound/tls_log.h"
#include "outbound/tls_rua.h"
#include "site/setting.h"

#define CHUNK 65536        /* also the longest line */
#define READ_MAX (8 << 20) /* octets each time */
#define DNS_QUERIES 20     /* about a session, and what it promises */
#define DNS_MS 20000

/* How far a log was read. */
struct place {
	bool known;
	uint64_t inode, at;
};

struct tls_collect {
	struct outbound_options o;
	struct outbound *outbound;
	struct tls_log *log;
	int64_t now;
	/* The file. */
	char *path;
	int fd;             /* -1: it is not open */
	uint64_t at;        /* where the next line begins */
	struct place place; /* as it is on its way to filter.db */
	bool place_read;    /* from there */
	struct buf text;    /* that was read behind it */
	struct err told;    /* why it is not read, "": it is */
};

static const struct site_scope everywhere;

/* ------------------------------------------------------------------------
 * What a session counts as
 */

struct counted {
	struct arena *a;
	const struct tls_session *session;
	struct outbound_promise promise;
	const char *policy;
	struct str strings;
	enum tls_result result;
};

/* Through a relay, what the domain promises is not asked for. */
static bool
is_mx(struct resolver *r, struct arena *a, const struct tls_session *s)
{
	struct dns_answer answer;
	uint16_t preference;
	struct str host;

	dns_ask(r, a, s->domain, DNS_MX, &answer);
	if (answer.rc == DNS_NODATA)
		return str_ieq(dns_undotted(s->mx), s->domain);
	for (size_t i = 0; answer.rc == DNS_OK && i < answer.n; i++) {
		if (dns_rdata_mx(a, answer.rdata[i], &preference, &host) &&
		    str_ieq(host, dns_undotted(s->mx)))
			return true;
	}
	return false;
}

/* The policy file, as far as it counts. */
static struct str
sts_strings(struct arena *a, const struct sts_policy *p)
{
	struct buf b = { 0 };
	struct str out;

	buf_printf(&b, "version: STSv1\nmode: %s\n", sts_mode_name(p->mode));
	for (size_t i = 0; i < p->n; i++)
		buf_printf(&b, "mx: %.*s\n", STR_ARG(p->mx[i]));
	buf_printf(&b, "max_age: %u", p->max_age);
	out = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return out;
}

/* "3 1 1 12ab...", a line each. */
static struct str
tlsa_strings(struct resolver *r, struct arena *a, struct str mx)
{
	struct str name = arena_printf(a, "_25._tcp.%.*s", STR_ARG(mx)), out;
	struct dns_answer answer;
	struct buf b = { 0 };

	dns_ask(r, a, name, DNS_TLSA, &answer);
	for (size_t i = 0; answer.rc == DNS_OK && i < answer.n; i++) {
		struct str d = answer.rdata[i];

		if (d.n < 4)
			continue;
		buf_printf(&b, "%s%u %u %u ", b.n ? "\n" : "",
		    (unsigned char)d.p[0], (unsigned char)d.p[1],
		    (unsigned char)d.p[2]);
		hex_encode(&b, (const uint8_t *)d.p + 3, d.n - 3);
	}
	out = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return out;
}

/* A policy that is only tested binds nobody, so the MTA did not look. */
static enum tls_result
sts_result(const struct counted *c)
{
	const struct tls_session *s = c->session;

	if (s->result != TLS_SUCCESS)
		return s->result;
	if (!sts_policy_covers(&c->promise.sts, dns_undotted(s->mx)))
		return TLS_INVALID;
	return s->trusted ? TLS_SUCCESS : TLS_NOT_TRUSTED;
}

/* False: nobody knows what was promised. */
static bool
judge(struct resolver *r, struct counted *c)
{
	c->policy = "no-policy-found";
	c->strings = STR("");
	c->result = c->session->result;
	switch (c->promise.kind) {
	case PROMISED_STS:
		c->policy = "sts";
		c->strings = sts_strings(c->a, &c->promise.sts);
		c->result = sts_result(c);
		return true;
	case PROMISED_STS_UNKNOWN:
		c->policy = "sts";
		if (c->result == TLS_SUCCESS)
			c->result = TLS_STS_FETCH;
		return true;
	case PROMISED_DANE:
		c->policy = "tlsa";
		c->strings = tlsa_strings(r, c->a, c->session->mx);
		return true;
	case PROMISED_NONE:
		return true;
	case PROMISED_UNKNOWN:
		break;
	}
	return false;
}

static void
count(const struct tls_collect *t, const struct counted *c)
{
	const struct tls_session *s = c->session;
	int64_t day = t->now - t->now % 86400;
	bool failed = c->result != TLS_SUCCESS;

	filter_db_run(t->o.db,
	    "INSERT OR IGNORE INTO tls_days (day, domain) SELECT ?1, ?2"
	    " WHERE (SELECT count(*) FROM tls_days WHERE day = ?1) < ?3",
	    SQ_VALUES(SQ_I(day), SQ_T(s->domain), SQ_I(TLS_COLLECT_DOMAINS)));
	filter_db_run(t->o.db,
	    "INSERT INTO tls_sessions SELECT id, ?3, ?4, ?5, ?6, ?7, 1"
	    " FROM tls_days WHERE day = ?1 AND domain = ?2"
	    " ON CONFLICT DO UPDATE SET count = count + 1",
	    SQ_VALUES(SQ_I(day), SQ_T(s->domain), SQ_C(c->policy),
		SQ_T(c->strings), SQ_C(tls_result_name(c->result)),
		SQ_T(failed ? s->mx : STR("")),
		SQ_T(failed ? s->ip : STR(""))));
}

static void
look_at(struct tls_collect *t, struct resolver *r, struct counted *c)
{
	struct tls_rua rua;

	if (tls_rua_find(r, c->a, c->session->domain, &rua) != DNS_OK ||
	    !is_mx(r, c->a, c->session))
		return;
	outbound_promise(t->outbound, c->a, c->session->domain, &c->promise);
	if (judge(r, c))
		count(t, c);
}

static void
on_session(void *arg, const struct tls_session *s)
{
	struct tls_collect *t = arg;
	struct counted c = { .a = arena_new(), .session = s };
	struct dns_budget *budget = dns_budget_new(
	    t->o.resolver, DNS_QUERIES, clock_mono_ms() + DNS_MS);

	look_at(t, dns_budget_resolver(budget), &c);
	dns_budget_free(&budget);
	arena_free(&c.a);
}

/* ------------------------------------------------------------------------
 * The file
 */

struct tls_collect *
tls_collect_new(const struct outbound_options *o, struct outbound *outbound)
{
	struct tls_collect *t = mem_zalloc(sizeof(*t));

	t->o = *o;
	t->outbound = outbound;
	t->log = tls_log_new(on_session, t);
	t->fd = -1;
	return t;
}

static void
close_log(struct tls_collect *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->at = 0;
	buf_clear(&t->text);
}

void
tls_collect_free(struct tls_collect **t)
{
	if (!*t)
		return;
	close_log(*t);
	tls_log_free(&(*t)->log);
	buf_fini(&(*t)->text);
	free((*t)->path);
	free(*t);
	*t = NULL;
}

/* Once: what is on its way to filter.db is not seen there yet. */
static bool
read_place(struct tls_collect *t, struct err *e)
{
	struct sqlite3_stmt *s;
	struct sq *q;
	enum sq_rc rc;

	if (t->place_read)
		return true;
	q = filter_db_reader(t->o.db, e);
	if (!q)
		return false;
	t->place.known = false;
	rc = sq_one(q, &s, e, "SELECT inode, at FROM tls_logs WHERE path = ?",
	    SQ_C(t->path));
	if (rc == SQ_ROW) {
		t->place = (struct place){ true, (uint64_t)sq_int(s, 0),
			(uint64_t)sq_int(s, 1) };
		sq_reset(s);
	}
	filter_db_reader_done(t->o.db, &q);
	t->place_read = rc == SQ_ROW || rc == SQ_DONE;
	return t->place_read;
}

static void
save_place(struct tls_collect *t, const struct stat *st)
{
	const struct place now = { true, st->st_ino, t->at };

	if (t->place.known && t->place.inode == now.inode &&
	    t->place.at == now.at)
		return;
	t->place = now;
	filter_db_run(t->o.db,
	    "INSERT OR REPLACE INTO tls_logs VALUES (?, ?, ?)",
	    SQ_VALUES(SQ_C(t->path), SQ_I((int64_t)now.inode),
		SQ_I((int64_t)now.at)));
}

static bool
stat_log(const struct tls_collect *t, struct stat *st, struct err *e)
{
	if (fstat(t->fd, st) == 0)
		return true;
	err_errno(e, "cannot look at the mail log %s", t->path);
	return false;
}

/* One that was never read before is read from now on. */
static bool
open_log(struct tls_collect *t, struct err *e)
{
	struct stat st;

	t->fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (t->fd < 0) {
		err_errno(e,
		    "cannot read the mail log %s (the setting report.tls_log):"
		    " may the user of authd read it?",
		    t->path);
		return false;
	}
	if (!stat_log(t, &st, e) || !read_place(t, e))
		return false;
	if (!t->place.known)
		t->at = (uint64_t)st.st_size;
	else if (t->place.inode == st.st_ino &&
		 t->place.at <= (uint64_t)st.st_size)
		t->at = t->place.at;
	save_place(t, &st);
	return true;
}

static void
take_lines(struct tls_collect *t)
{
	struct str rest = buf_str(&t->text);
	size_t end, taken = 0;

	while ((end = str_chr(rest, '\n')) != STR_NPOS) {
		tls_log_line(t->log, str_sub(rest, 0, end));
		rest = str_sub(rest, end + 1, STR_NPOS);
		taken += end + 1;
	}
	if (taken == 0 && rest.n >= CHUNK) /* no line is that long */
		taken = rest.n;
	t->at += taken;
	buf_drop(&t->text, taken);
}

/* As much as is read each time; AT_END: nothing is left. */
static bool
read_log(struct tls_collect *t, bool *at_end, struct err *e)
{
	size_t total = 0;
	ssize_t n = 1;

	while (total < READ_MAX && n > 0) {
		char *to = buf_reserve(&t->text, CHUNK);

		n = pread(t->fd, to, CHUNK, (off_t)(t->at + t->text.n));
		if (n > 0) {
			t->text.n += (size_t)n;
			total += (size_t)n;
			take_lines(t);
		}
	}
	*at_end = n == 0;
	if (n >= 0)
		return true;
	err_errno(e, "cannot read the mail log %s", t->path);
	return false;
}

/*
 * Was it put away, or cut? Then the one that is there now is to be read. As
 * long as that one is empty, the logger may still be writing the old one.
 */
static bool
is_ended(const struct tls_collect *t, const struct stat *open)
{
	struct stat named;

	if ((uint64_t)open->st_size < t->at)
		return true;
	if (stat(t->path, &named) != 0 || named.st_size == 0)
		return false;
	return named.st_ino != open->st_ino || named.st_dev != open->st_dev;
}

static bool
follow(struct tls_collect *t, struct err *e)
{
	struct stat st;
	bool ended, at_end;

	if (t->fd < 0 && !open_log(t, e))
		return false;
	if (!stat_log(t, &st, e))
		return false;
	ended = is_ended(t, &st); /* before its last lines are read */
	if (!read_log(t, &at_end, e))
		return false;
	save_place(t, &st);
	if (!ended || !at_end)
		return true;
	close_log(t);
	return open_log(t, e) && read_log(t, &at_end, e);
}

static void
set_path(struct tls_collect *t, const char *path)
{
	if (t->path && strcmp(t->path, path) == 0)
		return;
	close_log(t);
	free(t->path);
	t->path = mem_strdup(path);
	t->place_read = false;
	err_set(&t->told, "%s", "");
}

bool
tls_collect_run(void *arg, int64_t now, struct err *e)
{
	struct tls_collect *t = arg;
	struct arena *a = arena_new();
	bool ok = true, told;

	t->now = now;
	set_path(t, arena_cstr(a, site_setting(t->o.site, a, "report.tls_log",
				      everywhere)));
	arena_free(&a);
	if (*t->path)
		ok = follow(t, e);
	if (ok) {
		err_set(&t->told, "%s", "");
		return true;
	}
	close_log(t);
	told = strcmp(t->told.msg, e->msg) == 0;
	t->told = *e;
	return told; /* once is enough */
}
