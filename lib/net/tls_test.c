/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/test_server.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/x509.h>

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
		tls_expect(
		    &t, "ECHO secret\r\nPEER\r\n", "secret\r\n127.0.0.1 ");
		tls_end(&t);
	}
	/* Not twice. */
	fd = dial(0);
	say(fd, "STARTTLS\r\n");
	expect(fd, "go\r\n");
	t = tls_dial(fd, NULL, 0);
	assert_int_equal(SSL_connect(t.ssl), 1);
	tls_expect(&t, "STARTTLS\r\nECHO x\r\n", "no\r\nx\r\n");
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
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_starttls, test_abandon),
		cmocka_unit_test_teardown(test_tls, test_abandon),
		cmocka_unit_test_teardown(test_resumption, test_abandon),
	};

	return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
