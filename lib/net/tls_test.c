/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/test_server.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/x509.h>

#include "base/codec.h"

/* TLS on its own port and by STARTTLS. */

struct client {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

static struct client
tls_dial(int fd, const char *name, int max_version)
{
	struct client t = { SSL_CTX_new(TLS_client_method()), NULL, fd };

	SSL_CTX_set_max_proto_version(t.ctx, max_version);
	t.ssl = SSL_new(t.ctx);
	SSL_set_fd(t.ssl, fd);
	if (name)
		/* The macro for this casts const away. */
		SSL_ctrl(t.ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
		    TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)name);
	return t;
}

static void
tls_expect(struct client *t, const char *send_text, const char *text)
{
	char got[512];
	size_t n = 0, want = strlen(text);

	if (*send_text)
		assert_int_equal(
		    SSL_write(t->ssl, send_text, (int)strlen(send_text)),
		    strlen(send_text));
	while (n < want) {
		int r = SSL_read(t->ssl, got + n, (int)(want - n));

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	got[n] = '\0';
	assert_string_equal(got, text);
}

static void
tls_end(struct client *t)
{
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	close(t->fd);
}

static void
assert_subject(struct client *t, const char *cn)
{
	X509 *x = SSL_get1_peer_certificate(t->ssl);
	char got[64];

	X509_NAME_get_text_by_NID(
	    X509_get_subject_name(x), NID_commonName, got, sizeof(got));
	assert_string_equal(got, cn);
	X509_free(x);
}

static void
test_starttls(void **state)
{
	static const size_t listeners[] = { 0, BATCH };
	struct client t;
	int fd;

	(void)state;
	start((struct net_options){ 0 });
	for (int i = 0; i < 2; i++) {
		fd = dial(listeners[i]);
		say(fd, "PING\r\nSTARTTLS\r\nECHO injected\r\nECHO again\r\n");
		expect(fd, "PONG\r\ngo\r\n");
		t = tls_dial(fd, NULL, TLS1_2_VERSION);
		assert_int_equal(SSL_connect(t.ssl), 1);
		tls_expect(&t, "ECHO secret\r\nPEER\r\n",
		    "secured\r\nsecret\r\n127.0.0.1 ");
		tls_end(&t);
	}
	/* Not twice. */
	fd = dial(0);
	say(fd, "STARTTLS\r\n");
	expect(fd, "go\r\n");
	t = tls_dial(fd, NULL, 0);
	assert_int_equal(SSL_connect(t.ssl), 1);
	tls_expect(&t, "STARTTLS\r\nECHO x\r\n", "secured\r\nno\r\nx\r\n");
	/* Renegotiation is refused, large output comes through. */
	tls_expect(&t, "BIG 300000\r\n", "xxxxxx");
	tls_end(&t);
	stop();
}

static void
test_tls(void **state)
{
	static const struct {
		const char *name, *subject;
	} cases[] = { { NULL, "default" }, { "one.example", "one" },
		{ "ONE.Example.", "one" }, { "two.example", "default" },
		{ "two.example", "default" }, { "one.example", "one" } };
	struct client t, u;
	struct err e = ERR_INIT;

	(void)state;
	start((struct net_options){ 0 });
	for (size_t i = 0; i < LEN(cases); i++) {
		t = tls_dial(dial(1), cases[i].name, 0);
		assert_int_equal(SSL_connect(t.ssl), 1);
		assert_subject(&t, cases[i].subject);
		tls_expect(&t, "ECHO a\r\n", "hello\r\na\r\n");
		tls_end(&t);
	}
	t = tls_dial(dial(1), NULL, TLS1_1_VERSION);
	assert_int_not_equal(SSL_connect(t.ssl), 1);
	tls_end(&t);
	/* Reload: old connections live on, new ones see the new. */
	t = tls_dial(dial(1), "one.example", 0);
	assert_int_equal(SSL_connect(t.ssl), 1);
	make_certificate("renewed", "default.pem", "default.key");
	make_certificate("one renewed", "one.pem", "one.key");
	assert_true(net_reload(server, &e));
	tls_expect(&t, "ECHO a\r\n", "hello\r\na\r\n");
	tls_end(&t);
	u = tls_dial(dial(1), "one.example", 0);
	assert_int_equal(SSL_connect(u.ssl), 1);
	assert_subject(&u, "one renewed");
	tls_end(&u);
	/* What cannot be read changes nothing. */
	assert_return_code(rename(in_dir("default.key"), in_dir("away")), 0);
	assert_false(net_reload(server, &e));
	assert_return_code(rename(in_dir("away"), in_dir("default.key")), 0);
	t = tls_dial(dial(1), NULL, 0);
	assert_int_equal(SSL_connect(t.ssl), 1);
	assert_subject(&t, "renewed");
	tls_end(&t);
	make_certificate("default", "default.pem", "default.key");
	make_certificate("one", "one.pem", "one.key");
	stop();
}

static void
test_resumption(void **state)
{
	struct client t, u;
	SSL_SESSION *session;
	struct err e = ERR_INIT;

	(void)state;
	start((struct net_options){ 0 });
	t = tls_dial(dial(1), NULL, TLS1_2_VERSION);
	assert_int_equal(SSL_connect(t.ssl), 1);
	tls_expect(&t, "", "hello\r\n");
	session = SSL_get1_session(t.ssl);
	assert_true(net_reload(server, &e));
	u = tls_dial(dial(1), NULL, TLS1_2_VERSION);
	SSL_set_session(u.ssl, session);
	assert_int_equal(SSL_connect(u.ssl), 1);
	assert_true(SSL_session_reused(u.ssl));
	SSL_SESSION_free(session);
	tls_end(&t);
	tls_end(&u);
	stop();
}

/* ------------------------------------------------------------------------
 * Channel binding: both sides must see the same
 */

static size_t
exporter(SSL *ssl, uint8_t *out)
{
	static const char label[] = "EXPORTER-Channel-Binding";

	assert_int_equal(SSL_export_keying_material(ssl, out, 32, label,
			     sizeof(label) - 1, (const uint8_t *)"", 0, 1),
	    1);
	return 32;
}

static size_t
end_point(SSL *ssl, uint8_t *out)
{
	X509 *x = SSL_get1_peer_certificate(ssl);
	unsigned n = 0;

	X509_digest(x, EVP_sha256(), out, &n);
	X509_free(x);
	return n;
}

static size_t
unique(SSL *ssl, uint8_t *out)
{
	return SSL_session_reused(ssl) ? SSL_get_peer_finished(ssl, out, 64)
				       : SSL_get_finished(ssl, out, 64);
}

static const struct {
	const char *type;
	size_t (*want)(SSL *ssl, uint8_t *out);
	int version;
	bool ems; /* the extended master secret */
	bool there;
} bindings[] = {
	{ "tls-exporter", exporter, TLS1_3_VERSION, true, true },
	{ "tls-exporter", exporter, TLS1_2_VERSION, true, true },
	{ "tls-exporter", exporter, TLS1_2_VERSION, false, false },
	{ "tls-server-end-point", end_point, TLS1_3_VERSION, true, true },
	{ "tls-server-end-point", end_point, TLS1_2_VERSION, false, true },
	{ "tls-unique", unique, TLS1_2_VERSION, true, true },
	{ "tls-unique", unique, TLS1_2_VERSION, false, false },
	{ "tls-unique", unique, TLS1_3_VERSION, true, false },
	{ "x-other", exporter, TLS1_3_VERSION, true, false },
};

static void
expect_binding(struct client *t, size_t i)
{
	struct buf want = { 0 };
	uint8_t bytes[64];
	char ask[64];

	if (bindings[i].there)
		hex_encode(&want, bytes, bindings[i].want(t->ssl, bytes));
	else
		BUF_LIT(&want, "none");
	BUF_LIT(&want, "\r\n");
	snprintf(ask, sizeof(ask), "BINDING %s\r\n", bindings[i].type);
	tls_expect(t, ask, buf_cstr(&want));
	buf_fini(&want);
}

static void
test_binding(void **state)
{
	SSL_SESSION *session;
	struct client t, u;

	(void)state;
	start((struct net_options){ 0 });
	for (size_t i = 0; i < LEN(bindings); i++) {
		print_message("%s %x\n", bindings[i].type, bindings[i].version);
		t = tls_dial(dial(1), NULL, bindings[i].version);
		if (!bindings[i].ems)
			SSL_set_options(
			    t.ssl, SSL_OP_NO_EXTENDED_MASTER_SECRET);
		assert_int_equal(SSL_connect(t.ssl), 1);
		tls_expect(&t, "", "hello\r\n");
		expect_binding(&t, i);
		session = SSL_get1_session(t.ssl);
		u = tls_dial(dial(1), NULL, bindings[i].version);
		if (!bindings[i].ems)
			SSL_set_options(
			    u.ssl, SSL_OP_NO_EXTENDED_MASTER_SECRET);
		SSL_set_session(u.ssl, session);
		assert_int_equal(SSL_connect(u.ssl), 1);
		assert_true(SSL_session_reused(u.ssl));
		tls_expect(&u, "", "hello\r\n");
		expect_binding(&u, i);
		SSL_SESSION_free(session);
		tls_end(&t);
		tls_end(&u);
	}
	stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_starttls, test_abandon),
		cmocka_unit_test_teardown(test_tls, test_abandon),
		cmocka_unit_test_teardown(test_resumption, test_abandon),
		cmocka_unit_test_teardown(test_binding, test_abandon),
	};

	return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
