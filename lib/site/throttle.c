/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/throttle.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

static const struct site_scope whole_site;

/* ------------------------------------------------------------------------
 * Addresses
 */

/* A v4-mapped address is the IPv4 one, so that it is not counted twice. */
static bool
parse_ip(const char *text, uint8_t out[16], int *family)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET, text, out) == 1) {
		*family = AF_INET;
		return true;
	}
	if (inet_pton(AF_INET6, text, out) != 1)
		return false;
	*family = AF_INET6;
	if (memcmp(out, mapped, sizeof(mapped)) == 0) {
		memmove(out, out + 12, 4);
		*family = AF_INET;
	}
	return true;
}

/* What is counted: the address, or an IPv6 client's /64. */
void
site_block_peer(const char *address, char out[64])
{
	uint8_t ip[16];
	int family;

	if (!parse_ip(address, ip, &family)) {
		snprintf(out, 64, "%.63s", address);
		return;
	}
	if (family == AF_INET6)
		memset(ip + 8, 0, 8);
	inet_ntop(family, ip, out, 64);
	if (family == AF_INET6)
		strcat(out, "/64");
}

static bool
in_network(const uint8_t *ip, int family, struct str net)
{
	size_t slash = str_chr(net, '/');
	uint32_t bits = family == AF_INET ? 32 : 128;
	uint8_t base[16];
	char text[64];
	int base_family;

	if (slash != STR_NPOS &&
	    (!str_u32(str_sub(net, slash + 1, net.n), &bits) ||
		bits > (family == AF_INET ? 32 : 128)))
		return false;
	snprintf(text, sizeof(text), "%.*s", STR_ARG(str_sub(net, 0, slash)));
	if (!parse_ip(text, base, &base_family) || base_family != family)
		return false;
	if (memcmp(ip, base, bits / 8) != 0)
		return false;
	return bits % 8 == 0 ||
	       (ip[bits / 8] ^ base[bits / 8]) >> (8 - bits % 8) == 0;
}

static bool
in_networks(const char *address, struct str list)
{
	uint8_t ip[16];
	struct str word;
	int family;

	if (!parse_ip(address, ip, &family))
		return false;
	while (str_split(&list, ' ', &word)) {
		if (word.n && in_network(ip, family, word))
			return true;
	}
	return false;
}

static bool
exempt(struct site *s, const struct site_peer *peer)
{
	struct arena *a;
	bool yes;

	if (peer->loopback &&
	    site_setting_bool(s, "auth.trust_loopback", whole_site))
		return true;
	a = arena_new();
	yes = in_networks(
	    peer->address, site_setting(s, a, "auth.trusted", whole_site));
	arena_free(&a);
	return yes;
}

/* ------------------------------------------------------------------------
 * Checking
 */

static enum sq_rc
read_until(struct sq *q, const char *peer, struct str user, int64_t *until,
    struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc rc = sq_one(q, &st, e,
	    "SELECT max(until) FROM auth_failures"
	    " WHERE peer = ? AND account IN ('', ?)",
	    SQ_C(peer), SQ_T(user));

	*until = 0;
	if (rc == SQ_ROW) {
		*until = sq_int(st, 0);
		sq_reset(st);
	}
	return rc;
}

enum site_rc
throttle_check(struct site *s, const struct site_peer *peer, struct str user,
    struct err *e)
{
	struct reader_slot *r;
	struct arena *a;
	char name[64];
	int64_t until;
	enum site_rc rc;

	if (exempt(s, peer))
		return SITE_OK;
	site_block_peer(peer->address, name);
	if ((rc = site_reader(s, &r, e)) != SITE_OK)
		return rc;
	a = arena_new();
	rc = site_rc_of(
	    read_until(r->q, name, address_fold(a, user), &until, e));
	site_reader_done(s, r);
	arena_free(&a);
	if (rc == SITE_OK && until > clock_now())
		rc = site_fail(e, SITE_BLOCKED,
		    "logins of %.*s from %s are blocked for %lld more seconds",
		    STR_ARG(user), name, (long long)(until - clock_now()));
	return rc;
}

/* ------------------------------------------------------------------------
 * Counting
 */

static enum sq_rc
count_one(struct sq *q, const struct churn_job *j, const char *user,
    int64_t window, struct err *e)
{
	return sq_run(q, e,
	    "INSERT INTO auth_failures (peer, account, count, last)"
	    " VALUES (?1, ?2, 1, ?3) ON CONFLICT DO UPDATE SET"
	    " count = CASE WHEN last < ?3 - ?4 THEN 1 ELSE count + 1 END,"
	    " last = ?3",
	    SQ_C(j->peer), SQ_C(user), SQ_I(j->time), SQ_I(window));
}

static enum sq_rc
apply_failure(struct sq *q, const struct churn_job *j, struct err *e)
{
	enum sq_rc rc = sq_run(q, e,
	    "DELETE FROM auth_failures WHERE last < ? AND until < ?",
	    SQ_I(j->time - j->value), SQ_I(j->time));

	if (rc == SQ_OK)
		rc = count_one(q, j, "", j->value, e);
	if (rc == SQ_OK && j->user[0])
		rc = count_one(q, j, j->user, j->value, e);
	return rc;
}

static enum sq_rc
apply_block(struct sq *q, const struct churn_job *j, struct err *e)
{
	enum sq_rc rc = sq_run(q, e,
	    "UPDATE auth_failures SET until = ?, count = 0"
	    " WHERE peer = ? AND account = ?",
	    SQ_I(j->value), SQ_C(j->peer), SQ_C(j->user));

	if (rc != SQ_OK)
		return rc;
	return sq_run(q, e,
	    "INSERT INTO audit (time, who, peer, action, object, detail)"
	    " VALUES (?, 'system', ?, 'auth.block', ?, ?)",
	    SQ_I(j->time), SQ_C(j->peer), SQ_C(j->user), SQ_C(j->service));
}

static enum sq_rc
apply_block_address(struct sq *q, const struct churn_job *j, struct err *e)
{
	enum sq_rc rc = sq_run(q, e,
	    "INSERT OR IGNORE INTO auth_failures (peer, account, count, last)"
	    " VALUES (?, '', 0, ?)",
	    SQ_C(j->peer), SQ_I(j->time));

	return rc == SQ_OK ? apply_block(q, j, e) : rc;
}

static enum sq_rc
apply_success(struct sq *q, const struct churn_job *j, struct err *e)
{
	return sq_run(q, e,
	    "DELETE FROM auth_failures WHERE peer = ? AND account = ?",
	    SQ_C(j->peer), SQ_C(j->user));
}

static struct churn_job
job_for(const struct site_peer *peer, struct str user)
{
	struct churn_job j = { .time = clock_now() };
	struct arena *a = arena_new();
	struct str key = address_fold(a, user);

	site_block_peer(peer->address, j.peer);
	snprintf(j.service, sizeof(j.service), "%s", peer->service);
	snprintf(j.user, sizeof(j.user), "%.*s", STR_ARG(key));
	arena_free(&a);
	return j;
}

static uint64_t
read_count(struct site *s, const char *peer, const char *user)
{
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	struct err e;
	uint64_t count = 0;

	if (site_reader(s, &r, &e) != SITE_OK)
		return 0;
	if (sq_one(r->q, &st, &e,
		"SELECT count FROM auth_failures"
		" WHERE peer = ? AND account = ?",
		SQ_C(peer), SQ_C(user)) == SQ_ROW) {
		count = (uint64_t)sq_int(st, 0);
		sq_reset(st);
	}
	site_reader_done(s, r);
	return count;
}

static void
block(struct site *s, struct churn_job *j, bool wait)
{
	j->value = j->time +
		   (int64_t)site_setting_uint(s, "auth.block_time", whole_site);
	site_churn(s, j, wait);
	log_warn("auth_block", LOG_CSTR("peer", j->peer),
	    LOG_CSTR("user", j->user), LOG_CSTR("service", j->service),
	    LOG_INT("until", j->value));
}

/* Start a block when COUNT has reached the setting LIMIT. */
static void
block_at(struct site *s, const struct churn_job *failure, const char *user,
    uint64_t count, const char *limit)
{
	struct churn_job j = *failure;
	uint64_t after = site_setting_uint(s, limit, whole_site);

	if (after == 0 || count < after)
		return;
	j.apply = apply_block;
	snprintf(j.user, sizeof(j.user), "%s", user);
	block(s, &j, true);
}

void
site_block_address(struct site *s, const struct site_peer *peer)
{
	struct churn_job j;

	if (exempt(s, peer))
		return;
	j = job_for(peer, STR_NULL);
	j.apply = apply_block_address;
	block(s, &j, false);
}

/* 0, 1, 2, 4, 8 ... seconds, by failures of this pair. */
static unsigned
delay_for(struct site *s, uint64_t count)
{
	uint64_t max = site_setting_uint(s, "auth.delay_max", whole_site);
	uint64_t seconds = 0;

	if (count > 1)
		seconds = count > 10 ? max : UINT64_C(1) << (count - 2);
	if (seconds > max)
		seconds = max;
	return (unsigned)(seconds > 3600 ? 3600 : seconds) * 1000;
}

unsigned
throttle_failed(struct site *s, const struct site_peer *peer, struct str user)
{
	struct churn_job j;
	uint64_t pair, all;

	if (exempt(s, peer))
		return 0;
	j = job_for(peer, user);
	j.apply = apply_failure;
	j.value = (int64_t)site_setting_uint(s, "auth.window", whole_site);
	site_churn(s, &j, true);
	pair = read_count(s, j.peer, j.user);
	all = read_count(s, j.peer, "");
	if (j.user[0])
		block_at(s, &j, j.user, pair, "auth.block_after");
	block_at(s, &j, "", all, "auth.block_after_address");
	return delay_for(s, pair);
}

void
throttle_succeeded(
    struct site *s, const struct site_peer *peer, struct str user)
{
	struct churn_job j;

	if (exempt(s, peer))
		return;
	j = job_for(peer, user);
	if (read_count(s, j.peer, j.user) == 0)
		return;
	j.apply = apply_success;
	site_churn(s, &j, true);
}

/* ------------------------------------------------------------------------
 * For operators
 */

enum site_rc
site_unblock(struct site *s, const struct site_by *by, struct str peer,
    struct str user, struct err *e)
{
	struct arena *a = arena_new();
	struct sq *q;
	enum site_rc rc = site_change_begin(s, &q, e);

	if (rc == SITE_OK) {
		rc = site_rc_of(sq_run(q, e,
		    "DELETE FROM auth_failures WHERE (?1 = '' OR peer = ?1)"
		    " AND (?2 = '' OR account = ?2)",
		    SQ_T(peer), SQ_T(address_fold(a, user))));
		rc = site_change_end(s, rc, by, "auth.unblock", user, peer, e);
	}
	arena_free(&a);
	return rc;
}

static enum sq_rc
read_blocks(
    struct arena *a, struct sqlite3_stmt *st, struct buf *rows, struct err *e)
{
	enum sq_rc rc;

	while ((rc = sq_step(st, e)) == SQ_ROW) {
		struct site_block b = {
			.peer = sq_dup(a, st, 0),
			.user = sq_dup(a, st, 1),
			.failures = (uint64_t)sq_int(st, 2),
			.last = sq_int(st, 3),
			.until = sq_int(st, 4),
		};

		buf_put(rows, &b, sizeof(b));
	}
	return rc == SQ_DONE ? SQ_OK : rc;
}

#define COLUMNS "SELECT peer, account, count, last, until FROM auth_failures "

enum site_rc
site_block_list(struct site *s, struct arena *a, struct site_block **list,
    size_t *count, struct err *e)
{
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	struct buf rows = { 0 };
	enum site_rc rc = site_reader(s, &r, e);
	enum sq_rc sq;

	*count = 0;
	if (rc != SITE_OK)
		return rc;
	sq =
	    sq_start(r->q, &st, e, COLUMNS "ORDER BY last DESC, peer, account");
	if (sq == SQ_OK)
		sq = read_blocks(a, st, &rows, e);
	site_reader_done(s, r);
	*list = site_rows(a, &rows, sizeof(**list), count);
	return site_rc_of(sq);
}

enum site_rc
site_blocked(struct site *s, struct arena *a, int64_t now,
    struct site_block **list, size_t *count, struct err *e)
{
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	struct buf rows = { 0 };
	enum site_rc rc = site_reader(s, &r, e);
	enum sq_rc sq;

	*count = 0;
	if (rc != SITE_OK)
		return rc;
	sq = sq_start(r->q, &st, e,
	    COLUMNS "WHERE account = '' AND until > ?"
		    " ORDER BY until DESC LIMIT ?",
	    SQ_I(now), SQ_I(SITE_BLOCKED_MAX));
	if (sq == SQ_OK)
		sq = read_blocks(a, st, &rows, e);
	site_reader_done(s, r);
	*list = site_rows(a, &rows, sizeof(**list), count);
	return site_rc_of(sq);
}
