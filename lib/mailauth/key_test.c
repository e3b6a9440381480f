/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailauth/key.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/codec.h"
#include "mailauth/test.h"

/* 512 bits. */
#define SHORT_PUBLIC                                                           \
	"MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAN+sYCqgPA/NLDQRamL+zWGizhsK2QX89K0Z" \
	"0WNaExdr/4KKRu+LAh7GbQ8Wc+3G2Cp7RkAtdeonSRyun9t+Z1kCAwEAAQ=="
/* The same as RSAPublicKey. */
#define SHORT_PKCS1                                                            \
	"MEgCQQDfrGAqoDwPzSw0EWpi/s1hos4bCtkF/PStGdFjWhMXa/+CikbviwIexm0PFnPt" \
	"xtgqe0ZALXXqJ0kcrp/bfmdZAgMBAAE="
static const char short_private[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEA36xgKqA8D80sNBFq\n"
    "Yv7NYaLOGwrZBfz0rRnRY1oTF2v/gopG74sCHsZtDxZz7cbYKntGQC116idJHK6f\n"
    "235nWQIDAQABAkB24DdQEE87mrDmj2b6bC+dt5hQ2QgU3abwpOsbIZFJ/Xa33gFu\n"
    "6WtKU1HlSQutAIXwHdZybzBTTXVpgFDdzakxAiEA8GR3xcaMtEnRkLzJ0P/V3oDe\n"
    "VnxkDoj4pAycesUMZC0CIQDuMgWHrDH+VqzvIeisJU5CT3R6shGwzN2HBGbEeVjv\n"
    "XQIhAKCDdTYqDWmUoMn0RQ24xiV8BvnYtTa/XsarZRDU4iFBAiBiwORgCnkzrHXI\n"
    "MvPHIzRd85kkIV2KQnV5u85rmK/RlQIhALp5sxVXqwMzHenRbdgHJ4l9ivne7ZTS\n"
    "NZ0uSzJG9mUe\n"
    "-----END PRIVATE KEY-----\n";
static const char ec_private[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgFVNeMNBQXORSGuQo\n"
    "0m6jbsz9rRIYIE2Fbs5KypLIFqKhRANCAAQmVgh/LiOYknzEtCkVULoNCT+rmrXL\n"
    "pZ1tbDSK1+UlSaauIwky1F43D9b6K4nM5ZIppzWpYjskPP+++MlWisXr\n"
    "-----END PRIVATE KEY-----\n";
#define EC_PUBLIC                                                              \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJlYIfy4jmJJ8xLQpFVC6DQk/q5q1y6Wd" \
	"bWw0itflJUmmriMJMtReNw/W+iuJzOWSKac1qWI7JDz/vvjJVorF6w=="
#define PSS_PUBLIC                                                             \
	"MIGdMAsGCSqGSIb3DQEBCgOBjQAwgYkCgYEAsjnuIHRNVymeaH1pWG3Wf+u6wiebdwhm" \
	"hJUwbu+FnfE1Y5vW0jASYWmq1nvqMmLiLcNA4dCwX3+aHZlWbpG3W0mkKwh0eneICwHk" \
	"BNXkPnbgJlHmsCN3SAK1WbCwYbbkz7Xfq/0DdgU3QgnD2/i709OZR5SBkYu0gb08pY0A" \
	"E20CAwEAAQ=="
/* Encrypted: nobody is asked for the password. */
static const char encrypted[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "Proc-Type: 4,ENCRYPTED\n"
    "DEK-Info: AES-128-CBC,B4AFE18198AA86810F2DEB3320A9AE4A\n"
    "\n"
    "PcpBs9+yjmj+FftVHr3FK2WyQAtUd9w1vmluutSqk/Dz9kd6lkpYS3pSQcFq6T4c\n"
    "-----END RSA PRIVATE KEY-----\n";

/* ------------------------------------------------------------------------
 * Private keys
 */

static const struct {
	const char *pem, *why; /* NULL: it can be used */
} pems[] = {
	{ ed_private, NULL },
	{ short_private, "1024 bits" },
	{ ec_private, "neither RSA nor Ed25519" },
	{ encrypted, "cannot read" },
	{ "", "no private key" },
	{ "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	    "cannot read" },
};

static void
test_pem(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(pems); i++) {
		struct private_key *k;
		struct err e = ERR_INIT;
		bool ok = private_key_parse(str_of(pems[i].pem), &k, &e);

		print_message("%zu %s\n", i, e.msg);
		assert_int_equal(ok, pems[i].why == NULL);
		assert_int_equal(k != NULL, ok);
		if (!ok)
			assert_non_null(strstr(e.msg, pems[i].why));
		private_key_free(&k);
		assert_null(k);
	}
}

static void
sign_and_verify(const struct private_key *k)
{
	struct arena *a = arena_new();
	struct buf record = { 0 }, signature = { 0 };
	struct key_record r;
	struct err e = ERR_INIT;
	struct str why;
	uint8_t hash[32];

	private_key_record(k, &record);
	assert_int_equal(
	    key_record_parse(a, buf_str(&record), &r, &why), KEY_OK);
	assert_int_equal(r.type, private_key_type(k));
	assert_int_equal(r.bits, private_key_bits(k));
	sha256(STR("some text"), hash);
	assert_true(private_key_sign(k, hash, &signature, &e));
	assert_true(public_key_verify(r.key, hash, buf_str(&signature)));
	hash[31] ^= 1;
	assert_false(public_key_verify(r.key, hash, buf_str(&signature)));
	hash[31] ^= 1;
	signature.p[3] ^= 1;
	assert_false(public_key_verify(r.key, hash, buf_str(&signature)));
	assert_false(public_key_verify(r.key, hash, STR_NULL));
	public_key_free(&r.key);
	buf_fini(&record);
	buf_fini(&signature);
	arena_free(&a);
}

/* Made, written, read again. */
static void
test_generate(void **state)
{
	static const struct {
		enum key_type type;
		unsigned bits;
		const char *algorithm;
	} makes[] = { { KEY_RSA, 2048, "rsa-sha256" },
		{ KEY_ED25519, 256, "ed25519-sha256" } };

	(void)state;
	for (size_t i = 0; i < LEN(makes); i++) {
		struct private_key *k, *again;
		struct buf one = { 0 }, two = { 0 };
		struct err e = ERR_INIT;

		assert_true(
		    private_key_generate(makes[i].type, makes[i].bits, &k, &e));
		assert_int_equal(private_key_bits(k), makes[i].bits);
		assert_string_equal(
		    private_key_algorithm(k), makes[i].algorithm);
		sign_and_verify(k);
		private_key_pem(k, &one);
		assert_true(private_key_parse(buf_str(&one), &again, &e));
		private_key_pem(again, &two);
		assert_string_equal(buf_cstr(&one), buf_cstr(&two));
		private_key_free(&k);
		private_key_free(&again);
		buf_fini(&one);
		buf_fini(&two);
	}
	struct private_key *k;
	struct err e = ERR_INIT;
	assert_false(private_key_generate(KEY_RSA, 1024, &k, &e));
}

static void
test_record(void **state)
{
	struct private_key *k;
	struct buf b = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_true(private_key_parse(str_of(ed_private), &k, &e));
	private_key_record(k, &b);
	assert_string_equal(buf_cstr(&b), "v=DKIM1; k=ed25519; p=" ED_PUBLIC);
	private_key_free(&k);
	buf_fini(&b);
}

/* ------------------------------------------------------------------------
 * Records
 */

#define K "k=ed25519; p=" ED_PUBLIC
enum { TESTING = 1, STRICT = 2, NO_SHA256 = 4, NO_EMAIL = 8 };

static const struct {
	const char *text;
	enum key_rc rc;
	unsigned flags, bits;
} records[] = {
	{ "v=DKIM1; " K, KEY_OK, 0, 256 },
	{ K, KEY_OK, 0, 256 },
	{ " v = DKIM1 ; k = ed25519 ; n = a note; p = 11qYAYKxCrfVS/7Ty WQH"
	  "Og7hcvPapiM\r\n\tlrwIaaPcHURo= ;",
	    KEY_OK, 0, 256 },
	{ K "; x=unknown", KEY_OK, 0, 256 },
	{ K "; v=DKIM1", KEY_BAD, 0, 0 }, /* must come first */
	{ "v=DKIM2; " K, KEY_BAD, 0, 0 },
	{ "v=; " K, KEY_BAD, 0, 0 },
	{ "t=y; " K, KEY_OK, TESTING, 256 },
	{ "t=s; " K, KEY_OK, STRICT, 256 },
	{ "t=x: y : s; " K, KEY_OK, TESTING | STRICT, 256 },
	{ "t=; " K, KEY_OK, 0, 256 },
	{ "h=sha1; " K, KEY_OK, NO_SHA256, 256 },
	{ "h=sha1 : sha256; " K, KEY_OK, 0, 256 },
	{ "h=; " K, KEY_OK, NO_SHA256, 256 },
	{ "s=calendar; " K, KEY_OK, NO_EMAIL, 256 },
	{ "s=calendar:email; " K, KEY_OK, 0, 256 },
	{ "s=*; " K, KEY_OK, 0, 256 },
	{ "p=" SHORT_PUBLIC, KEY_OK, 0, 512 },
	{ "k=rsa; p=" SHORT_PKCS1, KEY_OK, 0, 512 },
	{ "p=", KEY_REVOKED, 0, 0 },
	{ "v=DKIM1; k=rsa; p= ;", KEY_REVOKED, 0, 0 },
	{ "v=DKIM1", KEY_BAD, 0, 0 },
	{ "", KEY_BAD, 0, 0 },
	{ "k=rsa; k=rsa; p=" SHORT_PUBLIC, KEY_BAD, 0, 0 },
	{ "k=dsa; p=" SHORT_PUBLIC, KEY_BAD, 0, 0 },
	{ "k=rsa; p=" ED_PUBLIC, KEY_BAD, 0, 0 },
	{ "k=ed25519; p=" SHORT_PUBLIC, KEY_BAD, 0, 0 },
	{ "p=!!!", KEY_BAD, 0, 0 },
	{ "p=" SHORT_PUBLIC "AAAA", KEY_BAD, 0, 0 },
	{ "p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAN+sYCqgPA/NLDQRamL+zWGizhsK2QX8"
	  "9K0Z0WNaExdr/4KKRu+LAh7GbQ8Wc+3G2Cp7RkAtdeonSRyun9t+Z1kCAwEAAQA=",
	    KEY_BAD, 0, 0 }, /* an octet more */
	{ "p=AAAA" SHORT_PUBLIC, KEY_BAD, 0, 0 },
	{ "p=MAA=", KEY_BAD, 0, 0 },
	{ "p=MAYCAQMCAQM=", KEY_OK, 0, 2 },              /* n = 3, e = 3 */
	{ "p=MAYCAQICAQM=", KEY_BAD, 0, 0 },             /* even */
	{ "p=MAYCAYMCAQM=", KEY_BAD, 0, 0 },             /* negative */
	{ "p=MAcCAgADAgED", KEY_BAD, 0, 0 },             /* a zero too many */
	{ "p=MAcCAQMCAQMA", KEY_BAD, 0, 0 },             /* something behind */
	{ "p=MIEGAgEDAgED", KEY_BAD, 0, 0 },             /* a length too long */
	{ "p=MAcCAQMCAQM=", KEY_BAD, 0, 0 },             /* cut short */
	{ "p=MBACAQMCCwEAAAAAAAAAAAB/", KEY_BAD, 0, 0 }, /* a huge exponent */
	{ "p=" EC_PUBLIC, KEY_BAD, 0, 0 },
	{ "p=" PSS_PUBLIC, KEY_BAD, 0, 0 },
	{ "v=spf1 -all", KEY_BAD, 0, 0 },
};

static void
test_records(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(records); i++) {
		struct key_record r;
		struct str why = STR_NULL;
		enum key_rc rc =
		    key_record_parse(a, str_of(records[i].text), &r, &why);

		print_message("%s: %.*s\n", records[i].text, STR_ARG(why));
		assert_int_equal(rc, records[i].rc);
		assert_int_equal(r.key != NULL, rc == KEY_OK);
		assert_int_equal(why.n > 0, rc != KEY_OK);
		if (rc == KEY_OK) {
			assert_int_equal(
			    r.testing, (records[i].flags & TESTING) != 0);
			assert_int_equal(
			    r.strict, (records[i].flags & STRICT) != 0);
			assert_int_equal(
			    r.sha256, (records[i].flags & NO_SHA256) == 0);
			assert_int_equal(
			    r.email, (records[i].flags & NO_EMAIL) == 0);
			assert_int_equal(r.bits, records[i].bits);
		}
		public_key_free(&r.key);
	}
	arena_free(&a);
}

/* What is made of both forms of RSA is the one that all others can read. */
static void
test_base64(void **state)
{
	static const char *const forms[] = { SHORT_PUBLIC, SHORT_PKCS1 };
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < LEN(forms); i++) {
		struct buf b = { 0 };
		struct key_record r;
		struct str why;

		assert_int_equal(
		    key_record_parse(
			a, arena_printf(a, "p=%s", forms[i]), &r, &why),
		    KEY_OK);
		public_key_base64(r.key, &b);
		assert_string_equal(buf_cstr(&b), SHORT_PUBLIC);
		public_key_free(&r.key);
		buf_fini(&b);
	}
	arena_free(&a);
}

/* ------------------------------------------------------------------------
 * In the DNS
 */

static const struct {
	const char *selector;
	enum key_rc rc;
} lookups[] = {
	{ "good", KEY_OK },
	{ "GOOD", KEY_OK },
	{ "several", KEY_OK },
	{ "none", KEY_NONE },
	{ "revoked", KEY_REVOKED },
	{ "other", KEY_BAD },
	{ "slow", KEY_FAILED },
	{ "a..b", KEY_NONE },
};

static void
add(struct zone *z, const char *selector, const char *text)
{
	struct buf name = { 0 };
	struct err e = ERR_INIT;

	buf_printf(&name, "%s._domainkey.a.example", selector);
	assert_true(zone_add(z, buf_str(&name), DNS_TXT, str_of(text), &e));
	buf_fini(&name);
}

static void
test_lookup(void **state)
{
	struct zone *z = zone_new();
	struct arena *a = arena_new();

	(void)state;
	add(z, "good", K);
	add(z, "several", "v=spf1 -all");
	add(z, "several", K);
	add(z, "revoked", "p=");
	add(z, "other", "v=spf1 -all");
	zone_add_timeout(z, STR("slow._domainkey.a.example"));
	for (size_t i = 0; i < LEN(lookups); i++) {
		struct key_record r;
		struct str why = STR_NULL;

		zone_set_secure(z, i == 1);
		assert_int_equal(
		    key_lookup(zone_resolver(z), a, str_of(lookups[i].selector),
			STR("a.example"), &r, &why),
		    lookups[i].rc);
		print_message("%s: %.*s\n", lookups[i].selector, STR_ARG(why));
		assert_int_equal(why.n > 0, lookups[i].rc != KEY_OK);
		assert_int_equal(r.secure, i == 1);
		public_key_free(&r.key);
	}
	arena_free(&a);
	zone_free(&z);
}

static void
test_types(void **state)
{
	enum key_type t;

	(void)state;
	assert_true(key_type_parse(STR("rsa"), &t));
	assert_string_equal(key_type_name(t), "rsa");
	assert_true(key_type_parse(STR("Ed25519"), &t));
	assert_string_equal(key_type_name(t), "ed25519");
	assert_false(key_type_parse(STR("dsa"), &t));
	assert_false(key_type_parse(STR_NULL, &t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pem),
		cmocka_unit_test(test_generate),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
