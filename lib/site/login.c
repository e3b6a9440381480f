/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/login.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "site/credentials.h"
#include "site/throttle.h"

#define CACHE_MAX 10000
#define RECORD_EVERY 60 /* seconds between two rows of one account's logins */

static const struct site_scope whole_site;

/* ------------------------------------------------------------------------
 * Verified passwords, remembered for a minute
 *
 * Clients open several connections at once and each would pay for argon2id.
 * Only an HMAC under a key of this process is kept, and it counts as long as
 * the account's revision is the one it was verified at.
 */

struct verified {
	char id[17];
	uint64_t revision;
	int64_t until_ms;
};

struct login_cache {
	pthread_mutex_t lock;
	uint8_t key[32];
	struct map *map;  /* HMAC -> struct verified */
	struct buf dummy; /* a hash that unknown users are checked against */
	struct argon2_params dummy_params;
};

struct login_cache *
login_cache_new(void)
{
	struct login_cache *c = mem_zalloc(sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	rnd_bytes(c->key, sizeof(c->key));
	c->map = map_new();
	return c;
}

static void
forget_all(struct login_cache *c)
{
	size_t at = 0;
	void *v;

	while (map_next(c->map, &at, NULL, &v))
		free(v);
	map_free(&c->map);
}

void
login_cache_free(struct login_cache **c)
{
	if (!*c)
		return;
	forget_all(*c);
	pthread_mutex_destroy(&(*c)->lock);
	buf_fini(&(*c)->dummy);
	mem_wipe(*c, sizeof(**c));
	free(*c);
	*c = NULL;
}

static void
verified_key(const struct login_cache *c, struct str user, struct str password,
    uint8_t out[32])
{
	struct buf text = { 0 };
	unsigned n;

	buf_putstr(&text, user);
	buf_putc(&text, '\0');
	buf_putstr(&text, password);
	HMAC(EVP_sha256(), c->key, sizeof(c->key), (const uint8_t *)text.p,
	    text.n, out, &n);
	mem_wipe(text.p, text.n);
	buf_fini(&text);
}

static bool
was_verified(struct login *l, struct str password)
{
	struct login_cache *c = l->site->logins;
	const struct verified *v;
	uint8_t key[32];
	bool yes;

	verified_key(c, l->key, password, key);
	pthread_mutex_lock(&c->lock);
	v = map_get(c->map, (struct str){ (const char *)key, sizeof(key) });
	yes = v && strcmp(v->id, l->account.id) == 0 &&
	      v->revision == l->account.revision &&
	      v->until_ms > clock_mono_ms();
	pthread_mutex_unlock(&c->lock);
	return yes;
}

static void
remember_verified(struct login *l, struct str password)
{
	struct login_cache *c = l->site->logins;
	uint64_t seconds =
	    site_setting_uint(l->site, "auth.cache_time", whole_site);
	struct verified *v;
	uint8_t key[32];

	if (seconds == 0)
		return;
	verified_key(c, l->key, password, key);
	v = mem_zalloc(sizeof(*v));
	memcpy(v->id, l->account.id, sizeof(v->id));
	v->revision = l->account.revision;
	v->until_ms = clock_mono_ms() + (int64_t)seconds * 1000;
	pthread_mutex_lock(&c->lock);
	if (map_count(c->map) >= CACHE_MAX) {
		forget_all(c);
		c->map = map_new();
	}
	free(
	    map_set(c->map, (struct str){ (const char *)key, sizeof(key) }, v));
	pthread_mutex_unlock(&c->lock);
}

/* ------------------------------------------------------------------------
 * Finding the user
 */

static bool
user_key(struct login *l)
{
	struct site_address addr;
	struct str text = l->user;

	if (text.n == 0 || text.n > 320)
		return false;
	if (str_chr(text, '@') == STR_NPOS)
		text = arena_printf(l->arena, "%.*s@%.*s", STR_ARG(text),
		    STR_ARG(site_setting(l->site, l->arena,
			"login.default_domain", whole_site)));
	if (!site_address_parse(l->arena, text, &addr) || addr.local.n == 0)
		return false;
	l->key = addr.key;
	return true;
}

static enum site_rc
read_secrets(struct login *l, struct sq *q, struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc rc = sq_one(q, &st, e,
	    "SELECT n, password,"
	    " (SELECT data FROM verifiers WHERE account = n"
	    "  AND mechanism = ?2),"
	    " (SELECT group_concat(mechanism, ' ') FROM verifiers"
	    "  WHERE account = n)"
	    " FROM accounts WHERE key = ?1",
	    SQ_T(l->key), SQ_T(l->mechanism));

	if (rc == SQ_ROW) {
		l->number = sq_int(st, 0);
		l->hash = sq_dup(l->arena, st, 1);
		l->verifier = sq_dup(l->arena, st, 2);
		l->mechanisms = sq_dup(l->arena, st, 3);
		sq_reset(st);
	}
	return site_rc_of(rc);
}

static enum site_rc
find_account(struct login *l, struct err *e)
{
	struct reader_slot *r;
	enum site_rc rc = site_reader(l->site, &r, e);

	if (rc != SITE_OK)
		return rc;
	rc = account_by_key(l->site, r, l->arena, l->key, &l->account, e);
	if (rc == SITE_OK)
		rc = read_secrets(l, r->q, e);
	l->known = rc == SITE_OK;
	site_reader_done(l->site, r);
	return rc == SITE_NOTFOUND ? SITE_OK : rc;
}

/* What a user is counted as who is not an address. */
static struct str
counted_as(const struct login *l)
{
	return str_sub(l->key.n ? l->key : l->user, 0, 320);
}

enum site_rc
login_find(struct login *l, struct err *e)
{
	bool address = user_key(l);
	enum site_rc rc = throttle_check(l->site, &l->peer, counted_as(l), e);

	if (rc == SITE_BLOCKED)
		log_info("login_blocked", LOG_CSTR("service", l->peer.service),
		    LOG_CSTR("peer", l->peer.address),
		    LOG_STR("user", l->user));
	return rc == SITE_OK && address ? find_account(l, e) : rc;
}

enum site_rc
site_secret_for(
    struct site *s, struct str label, uint8_t out[32], struct err *e)
{
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	enum site_rc rc = site_reader(s, &r, e);
	enum sq_rc sq;
	unsigned n;

	if (rc != SITE_OK)
		return rc;
	sq = sq_one(r->q, &st, e, "SELECT secret FROM meta");
	if (sq == SQ_ROW) {
		struct str secret = sq_blob(st, 0);

		HMAC(EVP_sha256(), secret.p, (int)secret.n,
		    (const uint8_t *)label.p, label.n, out, &n);
		sq_reset(st);
	}
	site_reader_done(s, r);
	return site_rc_of(sq);
}

/* ------------------------------------------------------------------------
 * The verdict
 */

static bool
service_allowed(struct login *l)
{
	struct str rest = site_setting(
	    l->site, l->arena, "login.services", site_scope_of(&l->account));
	struct str word;

	while (str_split(&rest, ' ', &word)) {
		if (str_eqc(word, "*") || str_ieqc(word, l->peer.service))
			return true;
	}
	return false;
}

bool
login_authzid_allowed(struct login *l)
{
	struct login other = {
		.site = l->site, .arena = l->arena, .user = l->authzid
	};

	return l->authzid.n == 0 ||
	       (user_key(&other) && str_eq(other.key, l->key));
}

static enum sq_rc
apply_login(struct sq *q, const struct churn_job *j, struct err *e)
{
	/* The account may be gone by now. */
	return sq_run(q, e,
	    "INSERT OR REPLACE INTO logins"
	    " SELECT n, ?, ?, ? FROM accounts WHERE n = ?",
	    SQ_I(j->time), SQ_C(j->service), SQ_C(j->peer), SQ_I(j->account));
}

static void
record_login(struct login *l)
{
	struct churn_job j = {
		.apply = apply_login, .account = l->number, .time = clock_now()
	};

	if (l->account.last_login > j.time - RECORD_EVERY)
		return;
	snprintf(j.service, sizeof(j.service), "%s", l->peer.service);
	snprintf(j.peer, sizeof(j.peer), "%s", l->peer.address);
	site_churn(l->site, &j, false);
}

static void
log_login(const struct login *l, const char *event, enum log_level level)
{
	LOG_AT(level, event, LOG_CSTR("service", l->peer.service),
	    LOG_CSTR("peer", l->peer.address), LOG_STR("user", l->user),
	    LOG_STR("mechanism", l->mechanism),
	    LOG_CSTR("account", l->account.id),
	    LOG_CSTR("tls", l->peer.tls ? "yes" : "no"));
}

static const char *
why_denied(const struct login *l, bool proved)
{
	if (l->reason)
		return l->reason;
	if (!l->known)
		return "no such account";
	if (proved)
		return "it may not act for another account";
	if (l->challenge && l->verifier.n == 0)
		return "it has no verifier yet; one login with PLAIN makes it";
	return l->hash.n ? "wrong password" : "it has no password";
}

enum site_rc
login_verdict(struct login *l, bool proved, unsigned *delay_ms, struct err *e)
{
	*delay_ms = 0;
	if (!l->known || !proved || !login_authzid_allowed(l)) {
		*delay_ms = throttle_failed(l->site, &l->peer, counted_as(l));
		log_login(l, "login_failed", LOG_INFO);
		return site_fail(e, SITE_DENIED,
		    "login of \"%.*s\" from %s failed: %s", STR_ARG(l->user),
		    l->peer.address, why_denied(l, proved));
	}
	throttle_succeeded(l->site, &l->peer, counted_as(l));
	if (l->account.state != SITE_ACTIVE || !service_allowed(l)) {
		log_login(l, "login_refused", LOG_INFO);
		return site_fail(e, SITE_DISABLED,
		    "account %.*s is %s or may not use %s",
		    STR_ARG(l->account.address),
		    site_account_state_name(l->account.state), l->peer.service);
	}
	record_login(l);
	log_login(l, "login", LOG_DEBUG);
	return SITE_OK;
}

/* ------------------------------------------------------------------------
 * Passwords
 */

/* As expensive as a real check, so that time does not tell who exists. */
static void
check_dummy(struct site *s, struct str password)
{
	struct login_cache *c = s->logins;
	struct argon2_params p = argon2_params_now(s);
	struct buf hash = { 0 };

	pthread_mutex_lock(&c->lock);
	if (memcmp(&p, &c->dummy_params, sizeof(p)) != 0) {
		buf_clear(&c->dummy);
		password_hash(&p, STR("nobody"), &c->dummy);
		c->dummy_params = p;
	}
	buf_putstr(&hash, buf_str(&c->dummy));
	pthread_mutex_unlock(&c->lock);
	password_verify(buf_str(&hash), password);
	buf_fini(&hash);
}

static enum sq_rc
apply_app_use(struct sq *q, const struct churn_job *j, struct err *e)
{
	return sq_run(q, e,
	    "INSERT OR REPLACE INTO app_password_uses"
	    " SELECT id, ? FROM app_passwords WHERE id = ?",
	    SQ_I(j->time), SQ_I(j->account));
}

/* Generated with 100 bits, so the look-up by hash leaks nothing useful. */
static bool
is_app_password(struct login *l, struct str password)
{
	struct churn_job j = { .apply = apply_app_use, .time = clock_now() };
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	uint8_t hash[SHA256_LEN];
	struct err e;

	sha256(password, hash);
	if (site_reader(l->site, &r, &e) != SITE_OK)
		return false;
	if (sq_one(r->q, &st, &e,
		"SELECT id FROM app_passwords WHERE account = ? AND hash = ?"
		" AND ifnull(expires, ?) >= ?",
		SQ_I(l->number),
		SQ_B(((struct str){ (char *)hash, SHA256_LEN })), SQ_I(j.time),
		SQ_I(j.time)) == SQ_ROW) {
		j.account = sq_int(st, 0);
		sq_reset(st);
	}
	site_reader_done(l->site, r);
	if (j.account)
		site_churn(l->site, &j, false);
	return j.account != 0;
}

static bool
lacks_verifier(struct login *l)
{
	for (size_t i = 0; verifier_names[i]; i++) {
		struct str rest = l->mechanisms, word;
		bool has = false;

		while (str_split(&rest, ' ', &word))
			has |= str_eqc(word, verifier_names[i]);
		if (!has && mechanism_on(l->site, verifier_names[i]))
			return true;
	}
	return false;
}

/* Only if the hash is still the one that was verified. */
static enum site_rc
replace_hash(struct login *l, const struct credentials *c, struct err *e)
{
	struct sqlite3_stmt *st;
	struct sq *q;
	enum site_rc rc = site_change_begin(l->site, &q, e);
	enum sq_rc sq;

	if (rc != SITE_OK)
		return rc;
	sq = sq_one(q, &st, e,
	    "SELECT 1 FROM accounts WHERE n = ? AND password = ?",
	    SQ_I(l->number), SQ_T(l->hash));
	if (sq == SQ_ROW) {
		sq_reset(st);
		sq = credentials_write(q, l->number, c, e);
	}
	return site_change_end(l->site, site_rc_of(sq), NULL, "password.rehash",
	    str_of(l->account.id), STR_NULL, e);
}

/* True if the account changed. A failure must not keep anybody out. */
static bool
upgrade_hash(struct login *l, struct str password)
{
	struct argon2_params p = argon2_params_now(l->site);
	struct site_scope scope = site_scope_of(&l->account);
	struct credentials c;
	struct err e = ERR_INIT;

	if (!site_setting_bool(l->site, "auth.rehash", whole_site) ||
	    (password_current(l->hash, &p) && !lacks_verifier(l)))
		return false;
	if (credentials_make(
		l->site, l->arena, scope, password, false, &c, &e) == SITE_OK &&
	    replace_hash(l, &c, &e) == SITE_OK)
		return true;
	log_warn(
	    "password_rehash", LOG_CSTR("account", l->account.id), LOG_ERR(&e));
	return true;
}

static bool
check_password(struct login *l, struct str password)
{
	bool ok = false;

	if (l->known && was_verified(l, password))
		return true;
	if (l->known && is_app_password(l, password))
		return true;
	hash_enter(l->site);
	if (l->known && l->hash.n)
		ok = password_verify(l->hash, password) == PASSWORD_OK;
	else
		check_dummy(l->site, password);
	hash_leave(l->site);
	if (ok && !upgrade_hash(l, password))
		remember_verified(l, password);
	return ok;
}

void
site_set_prover(struct site *s, site_prover *prove)
{
	s->prove = prove;
}

void
site_set_token_check(struct site *s, site_token_check *check)
{
	s->check_token = check;
}

/* The backend's to check; what it took is remembered as ours is. */
static enum site_rc
check_elsewhere(
    struct login *l, struct str password, bool *proved, struct err *e)
{
	enum site_rc rc;

	if (was_verified(l, password) || is_app_password(l, password)) {
		*proved = true;
		return SITE_OK;
	}
	rc = l->site->prove(l->site, &l->account, password, e);
	*proved = rc == SITE_OK;
	if (*proved)
		remember_verified(l, password);
	return rc == SITE_DENIED ? SITE_OK : rc;
}

static enum site_rc
check_any(struct login *l, struct str password, bool *proved, struct err *e)
{
	*proved = false;
	if (password.n == 0)
		return SITE_OK;
	if (l->known && l->hash.n == 0 && l->account.backend.n &&
	    l->site->prove)
		return check_elsewhere(l, password, proved, e);
	*proved = check_password(l, password);
	return SITE_OK;
}

enum site_rc
site_login(struct site *s, struct arena *a, const struct site_credentials *c,
    struct site_account *out, unsigned *delay_ms, struct err *e)
{
	struct login l = {
		.site = s,
		.arena = a,
		.peer = c->peer,
		.mechanism = c->mechanism,
		.user = c->user,
		.authzid = c->authzid,
	};
	enum site_rc rc = login_find(&l, e);
	bool proved;

	*delay_ms = 0;
	if (rc == SITE_OK)
		rc = check_any(&l, c->password, &proved, e);
	if (rc == SITE_OK)
		rc = login_verdict(&l, proved, delay_ms, e);
	if (rc == SITE_OK)
		*out = l.account;
	return rc;
}
