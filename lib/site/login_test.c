/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "site/sasl.h"
#include "site/scram.h"
#include "site/test.h"

static const struct site_scope whole_site;

static const struct site_peer far_peer = { "192.0.2.1", "imap", false, true };
static const struct site_peer near_peer = { "127.0.0.1", "imap", true, true };

static void
set(struct fixture *f, const char *key, const char *value)
{
	ok(site_setting_set(
	    f->site, NULL, str_of(key), whole_site, str_of(value), &f->e));
}

static int
login_up(void **state)
{
	struct fixture *f;

	if (fixture_up(state) != 0)
		return -1;
	f = *state;
	add_domain(f, "a.example");
	add_account(f, "alice@a.example");
	add_account(f, "bob@a.example");
	return 0;
}

static enum site_rc
try_as(struct fixture *f, const struct site_peer *peer, const char *user,
    const char *password, unsigned *delay_ms)
{
	struct site_credentials c = { .mechanism = STR("PLAIN"),
		.user = str_of(user),
		.password = str_of(password),
		.peer = *peer };
	struct site_account acc;

	return site_login(f->site, f->a, &c, &acc, delay_ms, &f->e);
}

static enum site_rc
try(struct fixture *f, const char *user, const char *password)
{
	unsigned delay;

	return try_as(f, &near_peer, user, password, &delay);
}

static struct site_account
account(struct fixture *f, const char *address)
{
	struct site_account acc;

	ok(site_account_find(f->site, f->a, str_of(address), &acc, &f->e));
	return acc;
}

/* ------------------------------------------------------------------------
 * Passwords
 */

static void
test_login(void **state)
{
	struct fixture *f = *state;
	struct site_account acc = account(f, "alice@a.example");

	is(try(f, "alice@a.example", "password"), SITE_OK);
	is(try(f, "ALICE@A.example", "password"), SITE_OK);
	is(try(f, "alice@a.example", "Password"), SITE_DENIED);
	is(try(f, "alice@a.example", ""), SITE_DENIED);
	is(try(f, "nobody@a.example", "password"), SITE_DENIED);
	is(try(f, "alice", "password"), SITE_DENIED);
	is(try(f, "", "password"), SITE_DENIED);
	set(f, "login.default_domain", "a.example");
	is(try(f, "alice", "password"), SITE_OK);

	acc.state = SITE_SUSPENDED;
	ok(site_account_set(f->site, NULL, SITE_SET_STATE, &acc, &f->e));
	is(try(f, "alice@a.example", "password"), SITE_DISABLED);
	is(try(f, "alice@a.example", "wrong"), SITE_DENIED);
	acc.state = SITE_ACTIVE;
	ok(site_account_set(f->site, NULL, SITE_SET_STATE, &acc, &f->e));
	ok(site_setting_set(f->site, NULL, STR("login.services"),
	    site_scope_of(&acc), STR("smtp pop3"), &f->e));
	is(try(f, "alice@a.example", "password"), SITE_DISABLED);
	ok(site_setting_set(f->site, NULL, STR("login.services"),
	    site_scope_of(&acc), STR("smtp IMAP"), &f->e));
	is(try(f, "alice@a.example", "password"), SITE_OK);

	ok(site_password_set(
	    f->site, NULL, str_of(acc.id), STR("changed!"), &f->e));
	is(try(f, "alice@a.example", "password"), SITE_DENIED);
	is(try(f, "alice@a.example", "changed!"), SITE_OK);
	ok(site_password_set(f->site, NULL, str_of(acc.id), STR_NULL, &f->e));
	is(try(f, "alice@a.example", "changed!"), SITE_DENIED);
	ok(site_account_remove(f->site, NULL, str_of(acc.id), &f->e));
	is(try(f, "alice@a.example", "changed!"), SITE_DENIED);
}

static void
test_authzid(void **state)
{
	static const struct {
		const char *authzid;
		enum site_rc rc;
	} cases[] = { { "", SITE_OK }, { "alice@a.example", SITE_OK },
		{ "Alice@A.example", SITE_OK },
		{ "bob@a.example", SITE_DENIED }, { "junk", SITE_DENIED } };
	struct fixture *f = *state;

	for (size_t i = 0; i < LEN(cases); i++) {
		struct site_credentials c = { .mechanism = STR("PLAIN"),
			.user = STR("alice@a.example"),
			.authzid = str_of(cases[i].authzid),
			.password = STR("password"),
			.peer = near_peer };
		struct site_account acc;
		unsigned delay;

		is(site_login(f->site, f->a, &c, &acc, &delay, &f->e),
		    cases[i].rc);
	}
}

/* A verified password is remembered, but not past a change of it. */
static void
test_cache(void **state)
{
	struct fixture *f = *state;
	struct site_account acc = account(f, "alice@a.example");
	int64_t slow, fast, at;

	set(f, "auth.argon2_memory", "32M");
	ok(site_password_set(
	    f->site, NULL, str_of(acc.id), STR("password"), &f->e));
	at = clock_mono_us();
	is(try(f, "alice@a.example", "password"), SITE_OK);
	slow = clock_mono_us() - at;
	at = clock_mono_us();
	is(try(f, "alice@a.example", "password"), SITE_OK);
	fast = clock_mono_us() - at;
	print_message(
	    "argon2id %d us, remembered %d us\n", (int)slow, (int)fast);
	assert_true(fast * 4 < slow);
	is(try(f, "alice@a.example", "passwore"), SITE_DENIED);
	is(try(f, "bob@a.example", "passwore"), SITE_DENIED);

	clock_shift(61);
	at = clock_mono_us();
	is(try(f, "alice@a.example", "password"), SITE_OK);
	assert_true((clock_mono_us() - at) * 4 > slow);
	ok(site_password_set(
	    f->site, NULL, str_of(acc.id), STR("changed!"), &f->e));
	is(try(f, "alice@a.example", "password"), SITE_DENIED);
}

static const char *
audit_actions(struct fixture *f, struct buf *out)
{
	struct site_audit_row *rows;
	size_t n;

	buf_clear(out);
	ok(site_audit_list(f->site, f->a, 0, 100, &rows, &n, &f->e));
	for (size_t i = n; i-- > 0;)
		buf_printf(out, "%.*s ", STR_ARG(rows[i].action));
	return buf_cstr(out);
}

static void
test_rehash(void **state)
{
	struct fixture *f = *state;
	struct site_account acc = account(f, "alice@a.example"), after;
	struct buf actions = { 0 };

	is(site_password_set_hash(
	       f->site, NULL, str_of(acc.id), STR("plain text"), &f->e),
	    SITE_INVALID);
	set(f, "auth.rehash", "no");
	ok(site_password_set_hash(f->site, NULL, str_of(acc.id),
	    STR("{SHA1}L55TUjtiq8FBorTWAZ0jy6g129A="), &f->e));
	is(try(f, "alice@a.example", "correct horse"), SITE_OK);
	assert_null(strstr(audit_actions(f, &actions), "rehash"));
	set(f, "auth.rehash", "yes");
	clock_shift(61);
	is(try(f, "alice@a.example", "wrong horse"), SITE_DENIED);
	assert_null(strstr(audit_actions(f, &actions), "rehash"));
	acc = account(f, "alice@a.example");
	is(try(f, "alice@a.example", "correct horse"), SITE_OK);
	assert_non_null(strstr(audit_actions(f, &actions), "rehash"));
	after = account(f, "alice@a.example");
	assert_true(after.revision > acc.revision);
	is(try(f, "alice@a.example", "correct horse"), SITE_OK);
	acc = account(f, "alice@a.example");
	assert_int_equal(acc.revision, after.revision); /* only once */
	buf_fini(&actions);
}

static void
test_app_passwords(void **state)
{
	struct fixture *f = *state;
	struct site_account acc = account(f, "alice@a.example");
	struct site_app_password *list;
	struct buf one = { 0 }, two = { 0 };
	size_t n;

	ok(site_app_password_add(
	    f->site, NULL, str_of(acc.id), STR("phone"), &one, &f->e));
	ok(site_app_password_add(
	    f->site, NULL, str_of(acc.id), STR("tablet"), &two, &f->e));
	is(try(f, "alice@a.example", buf_cstr(&one)), SITE_OK);
	is(try(f, "alice@a.example", buf_cstr(&two)), SITE_OK);
	is(try(f, "alice@a.example", "password"), SITE_OK);
	is(try(f, "bob@a.example", buf_cstr(&one)), SITE_DENIED);
	ok(site_app_password_list(
	    f->site, f->a, str_of(acc.id), &list, &n, &f->e));
	assert_int_equal(n, 2);
	assert_str(list[0].label, "phone");
	ok(site_app_password_remove(
	    f->site, NULL, str_of(acc.id), list[0].id, &f->e));
	is(site_app_password_remove(
	       f->site, NULL, str_of(acc.id), list[0].id, &f->e),
	    SITE_NOTFOUND);
	is(try(f, "alice@a.example", buf_cstr(&one)), SITE_DENIED);
	is(try(f, "alice@a.example", buf_cstr(&two)), SITE_OK);
	buf_fini(&one);
	buf_fini(&two);
}

/* ------------------------------------------------------------------------
 * Throttling
 */

static void
test_delays(void **state)
{
	static const unsigned want[] = { 0, 1000, 2000, 4000, 8000, 15000,
		15000, 15000 };
	struct fixture *f = *state;
	unsigned delay;

	for (size_t i = 0; i < LEN(want); i++) {
		is(try_as(f, &far_peer, "alice@a.example", "wrong", &delay),
		    SITE_DENIED);
		assert_int_equal(delay, want[i]);
		is(try_as(f, &near_peer, "alice@a.example", "wrong", &delay),
		    SITE_DENIED);
		assert_int_equal(delay, 0); /* loopback is trusted */
	}
	is(try_as(f, &far_peer, "bob@a.example", "wrong", &delay), SITE_DENIED);
	assert_int_equal(delay, 0); /* counted by the pair */
	is(try_as(f, &far_peer, "alice@a.example", "password", &delay),
	    SITE_OK);
	assert_int_equal(delay, 0);
	is(try_as(f, &far_peer, "alice@a.example", "wrong", &delay),
	    SITE_DENIED);
	assert_int_equal(delay, 0); /* success forgot the failures */
}

static void
test_block_pair(void **state)
{
	struct site_peer other = { "192.0.2.2", "imap", false, true };
	struct fixture *f = *state;
	struct site_block *list;
	struct buf actions = { 0 };
	unsigned delay;
	size_t n;

	set(f, "auth.block_after", "3");
	for (int i = 0; i < 3; i++)
		is(try_as(f, &far_peer, "alice@a.example", "wrong", &delay),
		    SITE_DENIED);
	is(try_as(f, &far_peer, "Alice@a.example", "password", &delay),
	    SITE_BLOCKED);
	is(try_as(f, &other, "alice@a.example", "password", &delay), SITE_OK);
	is(try_as(f, &far_peer, "bob@a.example", "password", &delay), SITE_OK);
	assert_non_null(strstr(audit_actions(f, &actions), "auth.block"));
	ok(site_block_list(f->site, f->a, &list, &n, &f->e));
	assert_int_equal(n, 2); /* the pair and the address */
	clock_shift(15 * 60 + 1);
	is(try_as(f, &far_peer, "alice@a.example", "password", &delay),
	    SITE_OK);

	for (int i = 0; i < 3; i++)
		is(try_as(f, &far_peer, "alice@a.example", "wrong", &delay),
		    SITE_DENIED);
	is(try_as(f, &far_peer, "alice@a.example", "password", &delay),
	    SITE_BLOCKED);
	ok(site_unblock(f->site, NULL, STR("192.0.2.1"), STR_NULL, &f->e));
	is(try_as(f, &far_peer, "alice@a.example", "password", &delay),
	    SITE_OK);
	buf_fini(&actions);
}

static void
test_block_address(void **state)
{
	struct site_peer peer = { "2001:db8::1", "imap", false, true };
	struct site_peer neighbour = { "2001:db8::ffff", "imap", false, true };
	struct site_peer stranger = { "2001:db8:0:1::1", "imap", false, true };
	struct site_peer mapped = { "::ffff:192.0.2.9", "imap", false, true };
	struct site_peer plain = { "192.0.2.9", "imap", false, true };
	struct fixture *f = *state;
	unsigned delay;

	set(f, "auth.block_after_address", "4");
	for (int i = 0; i < 4; i++) {
		const char *user = arena_printf(f->a, "u%d@a.example", i).p;

		is(try_as(f, &peer, user, "wrong", &delay), SITE_DENIED);
		is(try_as(f, &mapped, user, "wrong", &delay), SITE_DENIED);
	}
	is(try_as(f, &neighbour, "bob@a.example", "password", &delay),
	    SITE_BLOCKED); /* the same /64 */
	is(try_as(f, &plain, "bob@a.example", "password", &delay),
	    SITE_BLOCKED);
	is(try_as(f, &stranger, "bob@a.example", "password", &delay), SITE_OK);
}

static void
test_window_and_trust(void **state)
{
	static const struct {
		const char *networks, *peer;
		bool trusted;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.11", false },
		{ "10.0.0.0/8 192.0.2.0/25", "192.0.2.127", true },
		{ "10.0.0.0/8 192.0.2.0/25", "192.0.2.128", false },
		{ "2001:db8::/32", "2001:db8:1::1", true },
		{ "2001:db8::/32", "2001:db9::1", false },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "junk 192.0.2.0/99", "192.0.2.1", false },
	};
	struct fixture *f = *state;
	unsigned delay;

	for (size_t i = 0; i < LEN(cases); i++) {
		struct site_peer p = { cases[i].peer, "imap", false, true };
		char user[32];

		print_message("%s in %s\n", cases[i].peer, cases[i].networks);
		set(f, "auth.trusted", cases[i].networks);
		snprintf(user, sizeof(user), "u%zu@a.example", i);
		for (int j = 0; j < 2; j++)
			is(try_as(f, &p, user, "wrong", &delay), SITE_DENIED);
		assert_int_equal(delay == 0, cases[i].trusted);
	}
	set(f, "auth.trusted", "");
	set(f, "auth.trust_loopback", "no");
	try_as(f, &near_peer, "alice@a.example", "wrong", &delay);
	try_as(f, &near_peer, "alice@a.example", "wrong", &delay);
	assert_int_equal(delay, 1000);
	clock_shift(3601);
	try_as(f, &near_peer, "alice@a.example", "wrong", &delay);
	assert_int_equal(delay, 0); /* too long ago to count */
}

/* ------------------------------------------------------------------------
 * SASL
 */

static struct sasl_options
options(struct fixture *f)
{
	return (struct sasl_options){
		.site = f->site, .peer = near_peer, .hostname = "mail.a.example"
	};
}

static bool
exporter_only(const void *arg, const char *type, struct buf *out)
{
	(void)arg;
	if (strcmp(type, "tls-exporter") != 0)
		return false;
	BUF_LIT(out, "CB");
	return true;
}

static void
test_mechanisms(void **state)
{
	struct fixture *f = *state;
	struct sasl_options o = options(f);
	struct sasl *x;

	assert_str(sasl_mechanisms(&o, f->a), "PLAIN LOGIN");
	assert_false(sasl_start(&o, STR("CRAM-MD5"), &x));
	assert_false(sasl_start(&o, STR("GSSAPI"), &x));
	o.peer.tls = false;
	assert_str(sasl_mechanisms(&o, f->a), "");
	assert_false(sasl_start(&o, STR("PLAIN"), &x));
	o.plaintext = true;
	assert_str(sasl_mechanisms(&o, f->a), "PLAIN LOGIN");
	o.plaintext = false;
	set(f, "login.mechanisms", "PLAIN CRAM-MD5 SCRAM-SHA-256");
	assert_str(sasl_mechanisms(&o, f->a), "SCRAM-SHA-256 CRAM-MD5");
	o.binding = exporter_only;
	assert_str(sasl_mechanisms(&o, f->a),
	    "SCRAM-SHA-256-PLUS SCRAM-SHA-256 CRAM-MD5");
	assert_true(sasl_flags(STR("plain")) & SASL_PLAINTEXT);
	assert_int_equal(sasl_flags(STR("nosuch")), 0);
}

/* Whole conversations: what the client says and what must come of it. */
static const struct {
	const char *mechanism;
	struct str in[4];
	const char *challenges[4];
	enum sasl_rc end;
	enum site_rc why;
} talks[] = {
	/* clang-format off */
	{ "PLAIN", { STR("\0alice@a.example\0password") }, { "" }, SASL_OK, SITE_OK },
	{ "plain", { STR("alice@a.example\0alice@a.example\0password") }, { "" }, SASL_OK, SITE_OK },
	{ "PLAIN", { STR_NULL, STR("\0alice@a.example\0password") }, { "", "" }, SASL_OK, SITE_OK },
	{ "PLAIN", { STR("bob@a.example\0alice@a.example\0password") }, { "" }, SASL_FAIL, SITE_DENIED },
	{ "PLAIN", { STR("\0alice@a.example\0wrong") }, { "" }, SASL_FAIL, SITE_DENIED },
	{ "PLAIN", { STR("\0alice@a.example") }, { "" }, SASL_FAIL, SITE_INVALID },
	{ "PLAIN", { STR("\0\0password") }, { "" }, SASL_FAIL, SITE_INVALID },
	{ "PLAIN", { STR("\0alice@a.example\0pass\0word") }, { "" }, SASL_FAIL, SITE_INVALID },
	{ "PLAIN", { STR("") }, { "" }, SASL_FAIL, SITE_INVALID },
	{ "LOGIN", { STR_NULL, STR("alice@a.example"), STR("password") }, { "Username:", "Password:", "" }, SASL_OK, SITE_OK },
	{ "LOGIN", { STR("alice@a.example"), STR("password") }, { "Password:", "" }, SASL_OK, SITE_OK },
	{ "LOGIN", { STR("alice@a.example"), STR("wrong") }, { "Password:", "" }, SASL_FAIL, SITE_DENIED },
	/* clang-format on */
};

static void
test_plain_and_login(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < LEN(talks); i++) {
		struct sasl_options o = options(f);
		struct buf out = { 0 };
		enum sasl_rc rc = SASL_CONTINUE;
		unsigned delay;
		struct sasl *x;

		print_message("talk %zu\n", i);
		assert_true(sasl_start(&o, str_of(talks[i].mechanism), &x));
		for (int j = 0; rc == SASL_CONTINUE; j++) {
			rc = sasl_step(x, talks[i].in[j], &out);
			assert_string_equal(
			    buf_cstr(&out), talks[i].challenges[j]);
		}
		assert_int_equal(rc, talks[i].end);
		is(sasl_result(x, &delay, &f->e), talks[i].why);
		if (rc == SASL_OK)
			assert_str(sasl_account(x)->address, "alice@a.example");
		assert_int_equal(sasl_step(x, STR("more"), &out), SASL_FAIL);
		sasl_free(&x);
		buf_fini(&out);
	}
}

static void
test_limits(void **state)
{
	struct fixture *f = *state;
	struct sasl_options o = options(f);
	struct str large = { arena_alloc(f->a, SASL_MAX_MESSAGE + 1),
		SASL_MAX_MESSAGE + 1 };
	struct buf out = { 0 };
	enum sasl_rc rc = SASL_CONTINUE;
	struct sasl *x;
	int steps = 0;

	assert_true(sasl_start(&o, STR("PLAIN"), &x));
	assert_int_equal(sasl_step(x, large, &out), SASL_FAIL);
	sasl_free(&x);
	assert_true(sasl_start(&o, STR("LOGIN"), &x));
	while (rc == SASL_CONTINUE && steps++ < 100)
		rc = sasl_step(x, STR_NULL, &out);
	assert_int_equal(rc, SASL_FAIL);
	assert_int_equal(steps, SASL_MAX_STEPS + 1);
	sasl_free(&x);
	buf_fini(&out);
}

static enum sasl_rc
talk_cram(struct fixture *f, const char *user, const char *password)
{
	struct sasl_options o = options(f);
	struct buf out = { 0 }, hex = { 0 }, reply = { 0 };
	char answer[33];
	enum sasl_rc rc;
	struct sasl *x;

	assert_true(sasl_start(&o, STR("CRAM-MD5"), &x));
	assert_int_equal(sasl_step(x, STR_NULL, &out), SASL_CONTINUE);
	assert_non_null(strstr(buf_cstr(&out), "@mail.a.example>"));
	cram_md5_make(str_of(password), &hex);
	assert_true(cram_md5_answer(buf_str(&hex), buf_str(&out), answer));
	buf_printf(&reply, "%s %s", user, answer);
	rc = sasl_step(x, buf_str(&reply), &out);
	sasl_free(&x);
	buf_fini(&out);
	buf_fini(&hex);
	buf_fini(&reply);
	return rc;
}

static void
test_cram(void **state)
{
	struct fixture *f = *state;
	struct site_account acc = account(f, "alice@a.example");

	set(f, "login.mechanisms", "PLAIN CRAM-MD5");
	/* No verifier yet; the next login with PLAIN makes it. */
	assert_int_equal(
	    talk_cram(f, "alice@a.example", "password"), SASL_FAIL);
	is(try(f, "alice@a.example", "password"), SITE_OK);
	assert_int_equal(talk_cram(f, "alice@a.example", "password"), SASL_OK);
	assert_int_equal(talk_cram(f, "alice@a.example", "wrong"), SASL_FAIL);
	assert_int_equal(
	    talk_cram(f, "nobody@a.example", "password"), SASL_FAIL);
	ok(site_password_set(
	    f->site, NULL, str_of(acc.id), STR("changed!"), &f->e));
	assert_int_equal(
	    talk_cram(f, "alice@a.example", "password"), SASL_FAIL);
	assert_int_equal(talk_cram(f, "alice@a.example", "changed!"), SASL_OK);
}

/* A SCRAM client; the fields bend the exchange for the failures. */
struct client {
	const char *mechanism, *user, *password;
	const char *gs2;     /* "n,," */
	const char *binding; /* bytes after gs2 in c= */
	const char *nonce;   /* instead of the server's */
	enum sasl_rc end;
	enum site_rc why;
	bool bound; /* the server offers -PLUS, though it is not used */
};

static void
client_proof(enum scram_hash h, const char *password, struct str salt,
    uint32_t iterations, struct str message, struct buf *proof,
    uint8_t *signature)
{
	struct scram_verifier v;
	uint8_t salted[SCRAM_MAX_KEY], key[SCRAM_MAX_KEY], mask[SCRAM_MAX_KEY];
	size_t n = scram_key_len(h);
	uint8_t u[SCRAM_MAX_KEY];
	struct buf first = { 0 };

	/* PBKDF2 by hand, so that the client shares little with the server. */
	buf_putstr(&first, salt);
	buf_put(&first, "\0\0\0\1", 4);
	memset(key, 0, sizeof(key));
	scram_derive(h, str_of(password), salt, iterations, &v);
	{
		uint8_t padded[SCRAM_MAX_KEY] = { 0 };

		memcpy(padded, password, strlen(password));
		scram_hmac(h, padded, buf_str(&first), u);
		memcpy(salted, u, n);
		for (uint32_t i = 1; i < iterations; i++) {
			scram_hmac(h, padded, (struct str){ (char *)u, n }, u);
			for (size_t j = 0; j < n; j++)
				salted[j] ^= u[j];
		}
	}
	scram_hmac(h, salted, STR("Client Key"), key);
	scram_hmac(h, v.stored_key, message, mask);
	for (size_t i = 0; i < n; i++)
		key[i] ^= mask[i];
	base64_encode(proof, (struct str){ (char *)key, n });
	scram_hmac(h, v.server_key, message, signature);
	buf_fini(&first);
}

static struct str
attr(struct str message, char name)
{
	struct str part;

	while (str_split(&message, ',', &part)) {
		if (part.n > 2 && part.p[0] == name)
			return str_sub(part, 2, part.n);
	}
	fail_msg("no %c= in the server's message", name);
	return STR_NULL;
}

static void
final_message(struct fixture *f, const struct client *c,
    struct str server_first, struct buf *out, uint8_t *signature)
{
	enum scram_hash h =
	    strstr(c->mechanism, "256") ? SCRAM_SHA256 : SCRAM_SHA1;
	struct buf raw = { 0 }, proof = { 0 }, bind = { 0 };
	uint32_t iterations;
	struct str message;

	buf_puts(&bind, c->gs2);
	buf_puts(&bind, c->binding ? c->binding : "");
	BUF_LIT(out, "c=");
	base64_encode(out, buf_str(&bind));
	BUF_LIT(out, ",r=");
	buf_putstr(out, c->nonce ? str_of(c->nonce) : attr(server_first, 'r'));
	message = arena_printf(f->a, "n=%s,r=cnonce,%.*s,%s", c->user,
	    STR_ARG(server_first), buf_cstr(out));
	assert_true(base64_decode(&raw, attr(server_first, 's')));
	assert_true(str_u32(attr(server_first, 'i'), &iterations));
	client_proof(h, c->password, buf_str(&raw), iterations, message, &proof,
	    signature);
	BUF_LIT(out, ",p=");
	buf_putstr(out, buf_str(&proof));
	buf_fini(&raw);
	buf_fini(&proof);
	buf_fini(&bind);
}

static void
talk_scram(struct fixture *f, const struct client *c)
{
	struct sasl_options o = options(f);
	struct buf out = { 0 }, final = { 0 }, raw = { 0 };
	uint8_t signature[SCRAM_MAX_KEY];
	enum sasl_rc rc;
	unsigned delay;
	struct sasl *x;

	if (strstr(c->mechanism, "PLUS") || c->bound)
		o.binding = exporter_only;
	assert_true(sasl_start(&o, str_of(c->mechanism), &x));
	rc = sasl_step(
	    x, arena_printf(f->a, "%sn=%s,r=cnonce", c->gs2, c->user), &out);
	if (rc == SASL_CONTINUE) {
		final_message(
		    f, c, arena_str(f->a, buf_str(&out)), &final, signature);
		rc = sasl_step(x, buf_str(&final), &out);
	}
	assert_int_equal(rc, c->end);
	is(sasl_result(x, &delay, &f->e), c->why);
	if (rc == SASL_OK) {
		assert_true(
		    base64_decode(&raw, str_sub(buf_str(&out), 2, out.n)));
		assert_memory_equal(raw.p, signature, raw.n);
	}
	sasl_free(&x);
	buf_fini(&out);
	buf_fini(&final);
	buf_fini(&raw);
}

static void
test_scram_talks(void **state)
{
	static const struct client clients[] = {
		/* clang-format off */
		{ "SCRAM-SHA-256", "alice@a.example", "password", "n,,", NULL, NULL, SASL_OK, SITE_OK, false },
		{ "SCRAM-SHA-1", "alice@a.example", "password", "n,,", NULL, NULL, SASL_OK, SITE_OK, false },
		{ "SCRAM-SHA-256", "alice@a.example", "password", "y,,", NULL, NULL, SASL_OK, SITE_OK, false },
		{ "SCRAM-SHA-256", "alice@a.example", "password", "n,a=alice@a.example,", NULL, NULL, SASL_OK, SITE_OK, false },
		{ "SCRAM-SHA-256-PLUS", "alice@a.example", "password", "p=tls-exporter,,", "CB", NULL, SASL_OK, SITE_OK, false },
		{ "SCRAM-SHA-256", "alice@a.example", "wrong", "n,,", NULL, NULL, SASL_FAIL, SITE_DENIED, false },
		{ "SCRAM-SHA-256", "nobody@a.example", "password", "n,,", NULL, NULL, SASL_FAIL, SITE_DENIED, false },
		{ "SCRAM-SHA-256", "alice@a.example", "password", "n,a=bob@a.example,", NULL, NULL, SASL_FAIL, SITE_DENIED, false },
		{ "SCRAM-SHA-256", "alice@a.example", "password", "n,,", "x", NULL, SASL_FAIL, SITE_INVALID, false },
		{ "SCRAM-SHA-256", "alice@a.example", "password", "n,,", NULL, "cnonce", SASL_FAIL, SITE_INVALID, false },
		{ "SCRAM-SHA-256", "alice@a.example", "password", "p=tls-exporter,,", "CB", NULL, SASL_FAIL, SITE_INVALID, false },
		{ "SCRAM-SHA-256-PLUS", "alice@a.example", "password", "p=tls-exporter,,", "CX", NULL, SASL_FAIL, SITE_INVALID, false },
		{ "SCRAM-SHA-256-PLUS", "alice@a.example", "password", "p=tls-unique,,", "CB", NULL, SASL_FAIL, SITE_INVALID, false },
		{ "SCRAM-SHA-256-PLUS", "alice@a.example", "password", "n,,", "", NULL, SASL_FAIL, SITE_INVALID, false },
		{ "SCRAM-SHA-1-PLUS", "alice@a.example", "password", "p=tls-exporter,,", "CB", NULL, SASL_OK, SITE_OK, true },
		{ "SCRAM-SHA-256", "alice@a.example", "password", "n,,", NULL, NULL, SASL_OK, SITE_OK, true },
		{ "SCRAM-SHA-256", "alice@a.example", "password", "y,,", NULL, NULL, SASL_FAIL, SITE_INVALID, true },
		{ "SCRAM-SHA-256", "a=2Xb", "password", "n,,", NULL, NULL, SASL_FAIL, SITE_INVALID, false },
		{ "SCRAM-SHA-256", "", "password", "n,,", NULL, NULL, SASL_FAIL, SITE_INVALID, false },
		/* clang-format on */
	};
	struct fixture *f = *state;

	set(f, "login.mechanisms", "PLAIN SCRAM-SHA-1 SCRAM-SHA-256");
	is(try(f, "alice@a.example", "password"), SITE_OK);
	for (size_t i = 0; i < LEN(clients); i++) {
		print_message("client %zu\n", i);
		talk_scram(f, &clients[i]);
	}
}

/* Who asks for an unknown user's salt twice must see it twice. */
static void
test_scram_unknown(void **state)
{
	struct fixture *f = *state;
	struct str salt[2];

	set(f, "login.mechanisms", "SCRAM-SHA-256");
	for (int i = 0; i < 2; i++) {
		struct sasl_options o = options(f);
		struct buf out = { 0 };
		struct sasl *x;

		assert_true(sasl_start(&o, STR("SCRAM-SHA-256"), &x));
		assert_int_equal(
		    sasl_step(x, STR("n,,n=nobody@a.example,r=x"), &out),
		    SASL_CONTINUE);
		salt[i] = arena_str(f->a, attr(buf_str(&out), 's'));
		sasl_free(&x);
		buf_fini(&out);
	}
	assert_true(str_eq(salt[0], salt[1]));
}

#define T(name) cmocka_unit_test_setup_teardown(name, login_up, fixture_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_login),
		T(test_authzid),
		T(test_cache),
		T(test_rehash),
		T(test_app_passwords),
		T(test_delays),
		T(test_block_pair),
		T(test_block_address),
		T(test_window_and_trust),
		T(test_mechanisms),
		T(test_plain_and_login),
		T(test_limits),
		T(test_cram),
		T(test_scram_talks),
		T(test_scram_unknown),
	};

	log_init("login_test", LOG_ERROR, LOG_LOGFMT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
