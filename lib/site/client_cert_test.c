/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/codec.h"
#include "site/client_cert.h"
#include "site/sasl.h"
#include "site/test.h"

static const struct site_scope whole_site;

static void
set(struct fixture *f, const char *key, const char *value)
{
	ok(site_setting_set(
	    f->site, NULL, str_of(key), whole_site, str_of(value), &f->e));
}

static int
up(void **state)
{
	struct fixture *f;

	if (fixture_up(state) != 0)
		return -1;
	f = *state;
	add_domain(f, "a.example");
	add_account(f, "alice@a.example");
	add_account(f, "bob@a.example");
	set(f, "login.mechanisms", "PLAIN EXTERNAL");
	return 0;
}

/* Self-signed, with CN and, if not NULL, SAN; valid from now + FROM for a
 * day. */
static X509 *
certificate(const char *cn, const char *san, long from)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), from);
	X509_gmtime_adj(X509_getm_notAfter(x), from + 86400);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	    MBSTRING_UTF8, (const uint8_t *)cn, -1, -1, 0);
	if (san) {
		X509_EXTENSION *ext =
		    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);

		assert_non_null(ext);
		X509_add_ext(x, ext, -1);
		X509_EXTENSION_free(ext);
	}
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	EVP_PKEY_free(key);
	return x;
}

/* The account that EXTERNAL gives, "-" if it fails, "" if it is not offered. */
static const char *
log_in(struct fixture *f, X509 *cert, bool trusted, const char *authzid)
{
	struct sasl_options o = {
		.site = f->site,
		.peer = { "192.0.2.1", "imap", false, true },
		.certificate = cert,
		.certificate_trusted = trusted,
	};
	const char *user = "-";
	struct buf out = { 0 };
	struct sasl *x;

	if (!sasl_start(&o, STR("EXTERNAL"), &x))
		return "";
	if (sasl_step(x, (struct str){ authzid, strlen(authzid) }, &out) ==
	    SASL_OK)
		user = arena_str(f->a, sasl_account(x)->address).p;
	assert_int_equal(out.n, 0);
	buf_fini(&out);
	sasl_free(&x);
	return user;
}

#define UTF8_MAILBOX "otherName:1.3.6.1.5.5.7.8.9;UTF8:bob@a.example"

static const struct {
	const char *names; /* login.certificate_names */
	const char *cn, *san;
	bool trusted;
	long from;
	const char *authzid, *user;
} cases[] = {
	/* clang-format off */
	{ "email", "x", "email:alice@a.example", true, -10, "", "alice@a.example" },
	{ "email", "x", "email:Alice@A.example", true, -10, "alice@a.example", "alice@a.example" },
	{ "email", "x", "email:alice@a.example", true, -10, "bob@a.example", "-" },
	{ "email", "x", "email:alice@a.example", false, -10, "", "" },
	{ "email", "x", "email:alice@a.example", true, 600, "", "" },
	{ "email", "x", "email:alice@a.example", true, -100000, "", "" },
	{ "email", "x", "email:no@a.example,email:bob@a.example", true, -10, "", "bob@a.example" },
	{ "email", "x", "email:alice@a.example,email:bob@a.example", true, -10, "bob@a.example", "bob@a.example" },
	{ "email", "x", UTF8_MAILBOX, true, -10, "", "bob@a.example" },
	{ "email", "x", "email:no@a.example", true, -10, "", "-" },
	{ "email", "x", "DNS:alice@a.example", true, -10, "", "" },
	{ "email", "alice@a.example", NULL, true, -10, "", "" },
	{ "cn", "alice@a.example", NULL, true, -10, "", "alice@a.example" },
	{ "cn", "alice@a.example", NULL, false, -10, "", "" },
	{ "cn email", "bob@a.example", "email:alice@a.example", true, -10, "", "bob@a.example" },
	{ "", "alice@a.example", "email:alice@a.example", true, -10, "", "" },
	/* clang-format on */
};

static void
test_names(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < LEN(cases); i++) {
		X509 *x = certificate(cases[i].cn, cases[i].san, cases[i].from);

		print_message("case %zu\n", i);
		set(f, "login.certificate_names", cases[i].names);
		assert_string_equal(
		    log_in(f, x, cases[i].trusted, cases[i].authzid),
		    cases[i].user);
		X509_free(x);
	}
}

static void
list(struct fixture *f, const char *address, X509 *x)
{
	uint8_t fingerprint[CLIENT_CERT_HASH];
	struct site_account acc;

	X509_digest(x, EVP_sha256(), fingerprint, NULL);
	ok(site_account_find(f->site, f->a, str_of(address), &acc, &f->e));
	ok(site_client_cert_add(
	    f->site, NULL, str_of(acc.id), fingerprint, STR("laptop"), &f->e));
	is(site_client_cert_add(
	       f->site, NULL, str_of(acc.id), fingerprint, STR("again"), &f->e),
	    SITE_EXISTS);
}

static void
test_listed(void **state)
{
	struct fixture *f = *state;
	X509 *x = certificate("x", "email:bob@a.example", -10);
	X509 *old = certificate("x", NULL, -100000);
	uint8_t fingerprint[CLIENT_CERT_HASH];
	struct site_client_cert *certs;
	struct site_account acc;
	size_t n;

	list(f, "alice@a.example", x);
	list(f, "alice@a.example", old);
	assert_string_equal(log_in(f, x, false, ""), "alice@a.example");
	assert_string_equal(log_in(f, old, false, ""), "");
	/* The list says whose it is, not the names. */
	assert_string_equal(log_in(f, x, true, "bob@a.example"), "-");
	list(f, "bob@a.example", x);
	assert_string_equal(log_in(f, x, false, ""), "-");
	assert_string_equal(
	    log_in(f, x, false, "bob@a.example"), "bob@a.example");
	ok(site_account_find(
	    f->site, f->a, STR("alice@a.example"), &acc, &f->e));
	ok(site_client_cert_list(
	    f->site, f->a, str_of(acc.id), &certs, &n, &f->e));
	assert_int_equal(n, 2);
	assert_str(certs[0].label, "laptop");
	X509_digest(x, EVP_sha256(), fingerprint, NULL);
	ok(site_client_cert_remove(
	    f->site, NULL, str_of(acc.id), fingerprint, &f->e));
	is(site_client_cert_remove(
	       f->site, NULL, str_of(acc.id), fingerprint, &f->e),
	    SITE_NOTFOUND);
	assert_string_equal(log_in(f, x, false, ""), "bob@a.example");
	X509_free(x);
	X509_free(old);
}

static void
test_off(void **state)
{
	struct fixture *f = *state;
	X509 *x = certificate("x", "email:bob@a.example", -10);

	set(f, "login.mechanisms", "PLAIN");
	assert_string_equal(log_in(f, x, true, ""), "");
	assert_string_equal(log_in(f, NULL, true, ""), "");
	X509_free(x);
}

/* Hex, hex with colons, PEM, and what is none of them. */
static void
test_fingerprint(void **state)
{
	X509 *x = certificate("x", NULL, -10);
	BIO *b = BIO_new(BIO_s_mem());
	uint8_t want[CLIENT_CERT_HASH], got[CLIENT_CERT_HASH];
	struct buf hex = { 0 }, colons = { 0 };
	char *pem;
	long n;

	(void)state;
	PEM_write_bio_X509(b, x);
	n = BIO_get_mem_data(b, &pem);
	X509_digest(x, EVP_sha256(), want, NULL);
	hex_encode(&hex, want, sizeof(want));
	for (size_t i = 0; i < sizeof(want); i++)
		buf_printf(&colons, "%s%02X", i ? ":" : "", want[i]);
	assert_true(
	    site_client_cert_fingerprint((struct str){ pem, (size_t)n }, got));
	assert_memory_equal(got, want, sizeof(want));
	memset(got, 0, sizeof(got));
	assert_true(site_client_cert_fingerprint(buf_str(&hex), got));
	assert_memory_equal(got, want, sizeof(want));
	assert_true(site_client_cert_fingerprint(buf_str(&colons), got));
	buf_putc(&hex, '0');
	assert_false(site_client_cert_fingerprint(buf_str(&hex), got));
	assert_false(site_client_cert_fingerprint(STR("zz"), got));
	assert_false(site_client_cert_fingerprint(
	    STR("-----BEGIN CERTIFICATE-----\nAAAA\n"), got));
	BIO_free(b);
	X509_free(x);
	buf_fini(&hex);
	buf_fini(&colons);
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, fixture_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_names),
		T(test_listed),
		T(test_off),
		cmocka_unit_test(test_fingerprint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
