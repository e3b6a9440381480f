/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/credentials.h"

#include "base/clock.h"
#include "base/codec.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "site/apop.h"
#include "site/scram.h"

#define SCRAM_ITERATIONS 10000
#define SCRAM_SALT 16

static const struct site_scope whole_site;

const char *const verifier_names[] = { "SCRAM-SHA-256", "SCRAM-SHA-1",
	"CRAM-MD5", "APOP", NULL };

static uint32_t
clamp(uint64_t v, uint32_t lo, uint32_t hi)
{
	return v < lo ? lo : v > hi ? hi : (uint32_t)v;
}

struct argon2_params
argon2_params_now(struct site *s)
{
	struct argon2_params p;

	p.lanes =
	    clamp(site_setting_uint(s, "auth.argon2_lanes", whole_site), 1, 16);
	p.passes = clamp(
	    site_setting_uint(s, "auth.argon2_passes", whole_site), 1, 100);
	p.memory_kib =
	    clamp(site_setting_uint(s, "auth.argon2_memory", whole_site) / 1024,
		8 * p.lanes, 1024 * 1024);
	return p;
}

void
hash_enter(struct site *s)
{
	uint64_t max = clamp(
	    site_setting_uint(s, "auth.hash_threads", whole_site), 1, 1024);

	pthread_mutex_lock(&s->hash_lock);
	while (s->hashing >= max)
		pthread_cond_wait(&s->hash_free, &s->hash_lock);
	s->hashing++;
	pthread_mutex_unlock(&s->hash_lock);
}

void
hash_leave(struct site *s)
{
	pthread_mutex_lock(&s->hash_lock);
	s->hashing--;
	pthread_cond_signal(&s->hash_free);
	pthread_mutex_unlock(&s->hash_lock);
}

bool
mechanism_on(struct site *s, const char *mechanism)
{
	struct arena *a = arena_new();
	struct str rest = site_setting(s, a, "login.mechanisms", whole_site);
	struct str word;
	bool on = false;

	while (!on && str_split(&rest, ' ', &word))
		on = str_ieqc(word, mechanism);
	arena_free(&a);
	return on;
}

/* ------------------------------------------------------------------------
 * Making and writing
 */

static struct str
make_scram(struct arena *a, enum scram_hash h, struct str password)
{
	struct scram_verifier v;
	struct buf prepared = { 0 }, text = { 0 };
	char salt[SCRAM_SALT];
	struct str out;

	rnd_bytes(salt, sizeof(salt));
	scram_saslprep(password, &prepared);
	scram_derive(h, buf_str(&prepared), (struct str){ salt, sizeof(salt) },
	    SCRAM_ITERATIONS, &v);
	scram_write(h, &v, &text);
	out = arena_str(a, buf_str(&text));
	if (prepared.p)
		mem_wipe(prepared.p, prepared.n);
	buf_fini(&prepared);
	buf_fini(&text);
	return out;
}

static struct str
make_cram(struct arena *a, struct str password)
{
	struct buf hex = { 0 };
	struct str out;

	cram_md5_make(password, &hex);
	out = arena_str(a, buf_str(&hex));
	mem_wipe(hex.p, hex.n);
	buf_fini(&hex);
	return out;
}

static void
add_verifier(struct credentials *c, const char *mechanism, struct str data)
{
	c->verifiers[c->count].mechanism = mechanism;
	c->verifiers[c->count++].data = data;
}

static void
make_verifiers(struct site *s, struct arena *a, struct str password,
    struct credentials *out)
{
	if (mechanism_on(s, "SCRAM-SHA-256"))
		add_verifier(out, "SCRAM-SHA-256",
		    make_scram(a, SCRAM_SHA256, password));
	if (mechanism_on(s, "SCRAM-SHA-1"))
		add_verifier(
		    out, "SCRAM-SHA-1", make_scram(a, SCRAM_SHA1, password));
	if (mechanism_on(s, "CRAM-MD5"))
		add_verifier(out, "CRAM-MD5", make_cram(a, password));
	if (mechanism_on(s, "APOP"))
		add_verifier(out, "APOP", apop_seal(s, a, password));
}

static enum site_rc
check_password(
    struct site *s, struct site_scope scope, struct str password, struct err *e)
{
	uint64_t least = site_setting_uint(s, "password.min_length", scope);

	if (password.n > PASSWORD_MAX || !str_is_utf8(password))
		return site_fail(e, SITE_INVALID,
		    "a password is UTF-8 text of at most %d bytes",
		    PASSWORD_MAX);
	if (password.n < least)
		return site_fail(e, SITE_INVALID,
		    "the password is shorter than %u characters "
		    "(setting password.min_length)",
		    (unsigned)least);
	return SITE_OK;
}

enum site_rc
credentials_make(struct site *s, struct arena *a, struct site_scope scope,
    struct str password, bool check, struct credentials *out, struct err *e)
{
	struct argon2_params p = argon2_params_now(s);
	struct buf hash = { 0 };
	enum site_rc rc;
	bool ok;

	*out = (struct credentials){ 0 };
	if (password.n == 0)
		return SITE_OK;
	if (check && (rc = check_password(s, scope, password, e)) != SITE_OK)
		return rc;
	hash_enter(s);
	ok = password_hash(&p, password, &hash);
	if (ok)
		make_verifiers(s, a, password, out);
	hash_leave(s);
	out->hash = arena_str(a, buf_str(&hash));
	buf_fini(&hash);
	if (!ok)
		return site_fail(e, SITE_BUG,
		    "argon2id with %u KiB, %u passes, %u lanes failed",
		    p.memory_kib, p.passes, p.lanes);
	return SITE_OK;
}

enum sq_rc
credentials_write(
    struct sq *q, int64_t account, const struct credentials *c, struct err *e)
{
	enum sq_rc rc = sq_run(q, e,
	    "UPDATE accounts SET password = ?, revision = revision + 1"
	    " WHERE n = ?",
	    SQ_TN(c->hash), SQ_I(account));

	if (rc == SQ_OK)
		rc = sq_run(q, e, "DELETE FROM verifiers WHERE account = ?",
		    SQ_I(account));
	for (size_t i = 0; rc == SQ_OK && i < c->count; i++)
		rc = sq_run(q, e, "INSERT INTO verifiers VALUES (?, ?, ?)",
		    SQ_I(account), SQ_C(c->verifiers[i].mechanism),
		    SQ_T(c->verifiers[i].data));
	return rc;
}

/* ------------------------------------------------------------------------
 * Passwords
 */

static enum site_rc
store_credentials(struct site *s, const struct site_by *by, struct str id,
    const struct credentials *c, struct err *e)
{
	struct sq *q;
	int64_t n;
	enum site_rc rc = site_change_begin(s, &q, e);

	if (rc != SITE_OK)
		return rc;
	if ((rc = account_number(q, id, &n, e)) == SITE_OK)
		rc = site_rc_of(credentials_write(q, n, c, e));
	return site_change_end(s, rc, by,
	    c->hash.n ? "password.set" : "password.remove", id, STR_NULL, e);
}

enum site_rc
site_password_set(struct site *s, const struct site_by *by, struct str id,
    struct str password, struct err *e)
{
	struct arena *a = arena_new();
	struct credentials c;
	enum site_rc rc = credentials_make(
	    s, a, (struct site_scope){ .account = id }, password, true, &c, e);

	if (rc == SITE_OK)
		rc = store_credentials(s, by, id, &c, e);
	arena_free(&a);
	return rc;
}

/* A hash that is a verifier too serves its mechanism as well. */
static void
verifier_of_hash(struct str hash, struct credentials *c)
{
	size_t end = str_chr(hash, '}');

	if (!str_starts(hash, STR("{")) || end == STR_NPOS)
		return;
	for (size_t i = 0; verifier_names[i]; i++) {
		if (str_ieqc(str_sub(hash, 1, end - 1), verifier_names[i]))
			add_verifier(c, verifier_names[i],
			    str_sub(hash, end + 1, hash.n));
	}
}

enum site_rc
site_password_set_hash(struct site *s, const struct site_by *by, struct str id,
    struct str hash, struct err *e)
{
	struct credentials c = { .hash = hash };

	if (!password_supported(hash))
		return site_fail(e, SITE_INVALID,
		    "not a password hash of a known scheme, such as "
		    "$6$... or {SSHA256}...");
	verifier_of_hash(hash, &c);
	return store_credentials(s, by, id, &c, e);
}

/* ------------------------------------------------------------------------
 * App passwords: generated with 100 bits, so a plain SHA-256 keeps them.
 */

#define APP_LETTERS 20

static void
generate(struct buf *out)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";

	for (unsigned i = 0; i < APP_LETTERS; i++)
		buf_putc(out, letters[rnd_below(sizeof(letters) - 1)]);
}

enum site_rc
site_app_password_add(struct site *s, const struct site_by *by, struct str id,
    struct str label, struct buf *plain, struct err *e)
{
	uint8_t hash[SHA256_LEN];
	size_t at = plain->n;
	struct sq *q;
	int64_t n;
	enum site_rc rc = site_change_begin(s, &q, e);

	if (rc != SITE_OK)
		return rc;
	generate(plain);
	sha256(str_sub(buf_str(plain), at, APP_LETTERS), hash);
	if ((rc = account_number(q, id, &n, e)) == SITE_OK &&
	    (rc = account_touch(q, n, e)) == SITE_OK)
		rc = site_rc_of(sq_run(q, e,
		    "INSERT INTO app_passwords (account, label, hash, created)"
		    " VALUES (?, ?, ?, ?)",
		    SQ_I(n), SQ_T(label),
		    SQ_B(((struct str){ (char *)hash, SHA256_LEN })),
		    SQ_I(clock_now())));
	return site_change_end(s, rc, by, "app_password.add", id, label, e);
}

enum site_rc
site_app_password_list(struct site *s, struct arena *a, struct str id,
    struct site_app_password **list, size_t *count, struct err *e)
{
	struct sqlite3_stmt *st;
	struct reader_slot *r;
	struct buf rows = { 0 };
	enum site_rc rc = site_reader(s, &r, e);
	enum sq_rc sq;

	if (rc != SITE_OK)
		return rc;
	sq = sq_start(r->q, &st, e,
	    "SELECT p.id, p.label, p.created, u.time FROM app_passwords p"
	    " LEFT JOIN app_password_uses u ON u.app = p.id"
	    " WHERE p.account = (SELECT n FROM accounts WHERE id = ?)"
	    " ORDER BY p.id",
	    SQ_T(id));
	while (sq == SQ_OK && (sq = sq_step(st, e)) == SQ_ROW) {
		struct site_app_password p = {
			.id = sq_int(st, 0),
			.label = sq_dup(a, st, 1),
			.created = sq_int(st, 2),
			.last_used = sq_int(st, 3),
		};

		buf_put(&rows, &p, sizeof(p));
		sq = SQ_OK;
	}
	site_reader_done(s, r);
	*list = site_rows(a, &rows, sizeof(**list), count);
	return site_rc_of(sq);
}

enum site_rc
site_app_password_remove(struct site *s, const struct site_by *by,
    struct str id, int64_t app, struct err *e)
{
	struct sq *q;
	int64_t n;
	enum site_rc rc = site_change_begin(s, &q, e);

	if (rc != SITE_OK)
		return rc;
	if ((rc = account_number(q, id, &n, e)) == SITE_OK &&
	    (rc = account_touch(q, n, e)) == SITE_OK)
		rc = site_rc_of(sq_run(q, e,
		    "DELETE FROM app_passwords WHERE account = ? AND id = ?",
		    SQ_I(n), SQ_I(app)));
	if (rc == SITE_OK && sq_changes(q) == 0)
		rc = site_fail(e, SITE_NOTFOUND,
		    "the account has no app password %lld", (long long)app);
	return site_change_end(
	    s, rc, by, "app_password.remove", id, STR_NULL, e);
}
