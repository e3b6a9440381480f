/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/control.h"
#include "net/daemon.h"
#include "net/proxy.h"

/*
 * Real servers on loopback with a line protocol that can be told to misbehave
 * or to be slow; its verbs are the rows of verbs[].
 */

struct session {
	struct conn *c;
	char line[256];
	size_t todo; /* bytes still to send for BIG */
};

static _Atomic int opened, closed, stopped;
static _Atomic size_t largest_out;
static _Atomic(struct conn *) sleeper; /* who said WAIT */
static _Atomic int parallel_sum;

static enum net_next
do_big(struct session *s)
{
	struct buf *out = conn_out(s->c);

	while (s->todo > 0 && !conn_out_full(s->c)) {
		size_t n = s->todo < 1000 ? s->todo : 1000;

		memset(buf_reserve(out, n), 'x', n);
		out->n += n;
		s->todo -= n;
	}
	if (out->n > largest_out)
		largest_out = out->n;
	if (s->todo > 0)
		return NET_MORE;
	buf_puts(out, "\r\n");
	return NET_DONE;
}

static enum net_next
verb_big(struct session *s, const char *arg)
{
	s->todo = (size_t)atoi(arg);
	return do_big(s);
}

static enum net_next
verb_echo(struct session *s, const char *arg)
{
	buf_printf(conn_out(s->c), "%s\r\n", arg);
	return NET_DONE;
}

static enum net_next
verb_sleep(struct session *s, const char *arg)
{
	usleep((unsigned)atoi(arg) * 1000);
	return verb_echo(s, "slept");
}

static enum net_next
verb_delay(struct session *s, const char *arg)
{
	conn_delay(s->c, (unsigned)atoi(arg));
	return verb_echo(s, "delayed");
}

static enum net_next
verb_wait(struct session *s, const char *arg)
{
	(void)arg;
	sleeper = s->c;
	return verb_echo(s, "waiting");
}

static enum net_next
verb_timeout(struct session *s, const char *arg)
{
	conn_set_timeout(s->c, (unsigned)atoi(arg));
	return verb_echo(s, "ok");
}

static enum net_next
verb_starttls(struct session *s, const char *arg)
{
	(void)arg;
	if (!conn_starttls_available(s->c))
		return verb_echo(s, "no");
	buf_puts(conn_out(s->c), "go\r\n");
	return NET_STARTTLS;
}

static enum net_next
verb_peer(struct session *s, const char *arg)
{
	const struct conn_peer *p = conn_peer(s->c);
	char info[80];
	struct str tls = conn_tls_info(s->c, info, sizeof(info));

	(void)arg;
	buf_printf(conn_out(s->c), "%s %u %s %.*s\r\n", p->address, p->port,
	    p->loopback ? "loopback" : "remote", STR_ARG(str_sub(tls, 0, 4)));
	return NET_DONE;
}

static enum net_next
verb_quit(struct session *s, const char *arg)
{
	(void)arg;
	buf_puts(conn_out(s->c), "bye\r\n");
	return NET_CLOSE;
}

static void
add_one(void *arg, size_t i)
{
	(void)arg;
	usleep(1000);
	atomic_fetch_add(&parallel_sum, (int)i);
}

static enum net_next
verb_parallel(struct session *s, const char *arg)
{
	parallel_sum = 0;
	net_parallel(conn_server(s->c), (size_t)atoi(arg), add_one, NULL);
	buf_printf(conn_out(s->c), "%d\r\n", (int)parallel_sum);
	return NET_DONE;
}

static enum net_next
verb_user(struct session *s, const char *arg)
{
	conn_set_user(s->c, str_of(arg));
	net_who(conn_server(s->c), conn_out(s->c));
	buf_puts(conn_out(s->c), "\r\n");
	return NET_DONE;
}

static const struct {
	const char *name;
	enum net_next (*run)(struct session *s, const char *arg);
} verbs[] = {
	{ "BIG", verb_big },
	{ "DELAY", verb_delay },
	{ "ECHO", verb_echo },
	{ "PARALLEL", verb_parallel },
	{ "PEER", verb_peer },
	{ "QUIT", verb_quit },
	{ "SLEEP", verb_sleep },
	{ "STARTTLS", verb_starttls },
	{ "TIMEOUT", verb_timeout },
	{ "USER", verb_user },
	{ "WAIT", verb_wait },
};

static enum net_next
echo_run(void *session)
{
	struct session *s = session;
	char *arg = strchr(s->line, ' ');

	if (s->todo > 0)
		return do_big(s);
	if (arg)
		*arg++ = '\0';
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(verbs[i].name, s->line) == 0)
			return verbs[i].run(s, arg ? arg : "");
	}
	return verb_echo(s, "what?");
}

static size_t
echo_input(void *session, struct str in)
{
	struct session *s = session;
	size_t end = str_find(in, STR("\r\n"));

	if (end == STR_NPOS)
		return 0;
	if (end >= sizeof(s->line)) {
		buf_puts(conn_out(s->c), "too long\r\n");
		conn_close(s->c);
		return in.n;
	}
	memcpy(s->line, in.p, end);
	s->line[end] = '\0';
	if (strcmp(s->line, "PING") == 0)
		buf_puts(conn_out(s->c), "PONG\r\n");
	else
		conn_run(s->c);
	return end + 2;
}

static void *
echo_open(struct conn *c)
{
	struct session *s = mem_zalloc(sizeof(*s));

	s->c = c;
	opened++;
	if (conn_listen_arg(c))
		buf_puts(conn_out(c), conn_listen_arg(c));
	return s;
}

static void
echo_timeout(void *session)
{
	struct session *s = session;

	buf_puts(conn_out(s->c), "idle\r\n");
	conn_close(s->c);
}

static void
echo_wake(void *session)
{
	struct session *s = session;

	buf_puts(conn_out(s->c), "woken\r\n");
}

static void
echo_stop(void *session)
{
	struct session *s = session;

	stopped++;
	buf_puts(conn_out(s->c), "stopping\r\n");
}

static void
echo_close(void *session)
{
	struct session *s = session;

	if (sleeper == s->c)
		sleeper = NULL;
	closed++;
	free(session);
}

static const struct net_proto echo = { "echo", echo_open, echo_input, echo_run,
	echo_timeout, echo_wake, echo_stop, echo_close, false };
static const struct net_proto batch = { "batch", echo_open, echo_input,
	echo_run, echo_timeout, echo_wake, echo_stop, echo_close, true };

static char greeting[] = "hello\r\n";

/* ------------------------------------------------------------------------
 * The server of a test
 */

static char dir[] = "/tmp/net_test.XXXXXX";
static struct net_server *server;
static pthread_t server_thread;

static void *
run_server(void *arg)
{
	net_run(arg);
	return NULL;
}

static char *
in_dir(const char *name)
{
	static char path[2][128];
	static int turn;

	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static bool
named_certificate(
    void *arg, struct str name, struct buf *chain, struct buf *key)
{
	struct err e;

	(void)arg;
	return str_eqc(name, "one.example") &&
	       fs_read(in_dir("one.pem"), 65536, chain, &e) &&
	       fs_read(in_dir("one.key"), 65536, key, &e);
}

/* Ports 0: plain, 1: TLS, 2: PROXY, 4: with batched replies; a Unix socket. */
#define BATCH 4
static void
start(struct net_options o)
{
	struct err e = ERR_INIT;

	o.name = "test";
	if (!o.tls_cert) {
		o.tls_cert = in_dir("default.pem");
		o.tls_key = in_dir("default.key");
	}
	o.certificate = named_certificate;
	opened = closed = stopped = 0;
	if (!net_server_new(&o, &server, &e) ||
	    !net_listen(server, "127.0.0.1:0", dir, &echo, false, NULL, &e) ||
	    !net_listen(
		server, "127.0.0.1:0", dir, &echo, true, greeting, &e) ||
	    !net_listen(server, "127.0.0.1:0?proxy, unix:echo?proxy", dir,
		&echo, false, greeting, &e) ||
	    !net_listen(server, "127.0.0.1:0", dir, &batch, false, NULL, &e))
		fail_msg("%s", e.msg);
	pthread_create(&server_thread, NULL, run_server, server);
}

static void
stop(void)
{
	net_stop(server);
	pthread_join(server_thread, NULL);
	net_server_free(&server);
	assert_int_equal(opened, closed);
}

/* After a test that failed half-way. */
static int
abandon(void **state)
{
	(void)state;
	if (server) {
		net_stop(server);
		pthread_join(server_thread, NULL);
		net_server_free(&server);
	}
	return 0;
}

static int
dial(size_t index)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(net_port(server, index)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval tv = { 10, 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	assert_return_code(
	    connect(fd, (struct sockaddr *)&sin, sizeof(sin)), errno);
	return fd;
}

static void
say(int fd, const char *text)
{
	assert_int_equal(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void
expect(int fd, const char *text)
{
	size_t n = 0, want = strlen(text);
	char *got = mem_alloc(want + 1);

	while (n < want) {
		ssize_t r = recv(fd, got + n, want - n, 0);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	got[n] = '\0';
	assert_string_equal(got, text);
	free(got);
}

static void
expect_end(int fd)
{
	char c;

	assert_true(recv(fd, &c, 1, 0) <= 0);
	assert_true(errno != EAGAIN);
	close(fd);
}

/* ------------------------------------------------------------------------
 * TLS for the client
 */

static void
make_certificate(const char *cn, const char *cert, const char *key_file)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	FILE *f;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
	    (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	f = fopen(in_dir(cert), "w");
	PEM_write_X509(f, x);
	fclose(f);
	f = fopen(in_dir(key_file), "w");
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(key);
}

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
		SSL_set_tlsext_host_name(t.ssl, name);
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

/* ------------------------------------------------------------------------
 * Parts
 */

static void
test_proxy_headers(void **state)
{
	static const char v2[] = "\r\n\r\n\0\r\nQUIT\n";
	static const struct {
		const char *tail; /* after v2's signature; NULL: v1 */
		const char *v1;
		size_t n;
		enum proxy_rc rc;
		const char *peer; /* NULL: local */
		uint16_t port;
	} cases[] = {
		/* clang-format off */
		{ NULL, "PROXY TCP4 192.0.2.1 198.51.100.1 5000 143\r\nA", 0, PROXY_OK, "192.0.2.1", 5000 },
		{ NULL, "PROXY TCP6 2001:db8::1 ::1 65535 143\r\n", 0, PROXY_OK, "2001:db8::1", 65535 },
		{ NULL, "PROXY UNKNOWN\r\n", 0, PROXY_OK, NULL, 0 },
		{ NULL, "PROXY UNKNOWN what ever\r\n", 0, PROXY_OK, NULL, 0 },
		{ NULL, "PROXY TCP4 192.0.2.1 198.51.100.1 5000", 0, PROXY_PARTIAL, NULL, 0 },
		{ NULL, "PRO", 0, PROXY_PARTIAL, NULL, 0 },
		{ NULL, "PROXY TCP4 192.0.2.1 198.51.100.1 5000 65536\r\n", 0, PROXY_BAD, NULL, 0 },
		{ NULL, "PROXY TCP4 ::1 198.51.100.1 5000 143\r\n", 0, PROXY_BAD, NULL, 0 },
		{ NULL, "PROXY TCP4 192.0.2.1 198.51.100.1 5000\r\n", 0, PROXY_BAD, NULL, 0 },
		{ NULL, "PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n", 0, PROXY_BAD, NULL, 0 },
		{ NULL, "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n", 0, PROXY_BAD, NULL, 0 },
		{ NULL, "a LOGIN x y\r\n", 0, PROXY_BAD, NULL, 0 },
		{ "\x21\x11\0\x0c\xc0\0\2\7\1\2\3\4\x10\0\0\x8f", NULL, 16, PROXY_OK, "192.0.2.7", 4096 },
		{ "\x21\x11\0\x0f\xc0\0\2\7\1\2\3\4\x10\0\0\x8f\4\0\0", NULL, 19, PROXY_OK, "192.0.2.7", 4096 },
		{ "\x20\0\0\0", NULL, 4, PROXY_OK, NULL, 0 },
		{ "\x21\x31\0\0", NULL, 4, PROXY_OK, NULL, 0 },
		{ "\x21\x11\0\x0c\xc0\0\2", NULL, 7, PROXY_PARTIAL, NULL, 0 },
		{ "\x21", NULL, 1, PROXY_PARTIAL, NULL, 0 },
		{ "\x21\x11\0\4\xc0\0\2\7", NULL, 8, PROXY_BAD, NULL, 0 },
		{ "\x11\x11\0\0", NULL, 4, PROXY_BAD, NULL, 0 },
		{ "\x22\x11\0\0", NULL, 4, PROXY_BAD, NULL, 0 },
		{ "\x21\x12\0\0", NULL, 4, PROXY_BAD, NULL, 0 },
		{ "\x21\x11\xff\xff", NULL, 4, PROXY_BAD, NULL, 0 },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf in = { 0 };
		struct conn_peer peer = { 0 };
		struct proxy p;

		if (cases[i].tail) {
			buf_put(&in, v2, 12);
			buf_put(&in, cases[i].tail, cases[i].n);
		} else {
			buf_puts(&in, cases[i].v1);
		}
		print_message("case %zu\n", i);
		assert_int_equal(proxy_parse(buf_str(&in), &p), cases[i].rc);
		if (cases[i].rc == PROXY_OK) {
			assert_int_equal(p.local, cases[i].peer == NULL);
			if (cases[i].tail)
				assert_int_equal(p.length, in.n);
		}
		if (cases[i].peer) {
			addr_peer(&p.src, p.port, &peer);
			assert_string_equal(peer.address, cases[i].peer);
			assert_int_equal(peer.port, cases[i].port);
		}
		buf_fini(&in);
	}
}

static void
test_addresses(void **state)
{
	static const struct {
		const char *list, *address;
		bool has;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.200", true },
		{ "192.0.2.0/24", "192.0.3.1", false },
		{ "192.0.2.0/25 , 10.0.0.1", "10.0.0.1", true },
		{ "192.0.2.0/25", "192.0.2.128", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::1", "::1", true },
		{ "", "::1", false },
	};
	struct addr_counts *counts = addr_counts_new();
	struct addr_list *l;
	struct addr a, b;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		print_message("%s: %s\n", cases[i].list, cases[i].address);
		assert_true(addr_list_parse(cases[i].list, &l, &e));
		assert_true(addr_parse(str_of(cases[i].address), &a));
		assert_int_equal(addr_list_has(l, &a), cases[i].has);
		addr_list_free(&l);
	}
	assert_false(addr_list_parse("192.0.2.0/33", &l, &e));
	assert_false(addr_list_parse("example.org", &l, &e));
	/* One customer's /64 counts as one address. */
	addr_parse(STR("2001:db8::1"), &a);
	addr_parse(STR("2001:db8::ffff"), &b);
	assert_true(addr_counts_take(counts, &a, 2));
	assert_true(addr_counts_take(counts, &b, 2));
	assert_false(addr_counts_take(counts, &a, 2));
	addr_counts_give(counts, &b);
	assert_true(addr_counts_take(counts, &a, 2));
	addr_counts_free(&counts);
}

static void
test_wheel(void **state)
{
	static struct wheel w;
	struct timer t[5];

	(void)state;
	wheel_init(&w, 100);
	for (int i = 0; i < 5; i++)
		timer_init(&t[i]);
	wheel_set(&w, &t[0], 105);
	wheel_set(&w, &t[1], 105 + WHEEL_SLOTS); /* same slot, next round */
	wheel_set(&w, &t[2], 90);                /* past: as soon as it can */
	wheel_set(&w, &t[3], 103);
	wheel_set(&w, &t[3], 5000); /* moved */
	assert_ptr_equal(wheel_expire(&w, 101), &t[2]);
	assert_null(wheel_expire(&w, 104));
	assert_ptr_equal(wheel_expire(&w, 106), &t[0]);
	assert_null(wheel_expire(&w, 106));
	wheel_set(&w, &t[4], 200);
	wheel_cancel(&w, &t[4]);
	assert_null(wheel_expire(&w, 104 + WHEEL_SLOTS));
	assert_ptr_equal(wheel_expire(&w, 105 + WHEEL_SLOTS), &t[1]);
	assert_null(wheel_expire(&w, 4999));
	/* After a long sleep nothing is overlooked. */
	assert_ptr_equal(wheel_expire(&w, 900000), &t[3]);
	assert_int_equal(w.count, 0);
}

/* ------------------------------------------------------------------------
 * Conversations
 */

static void
pipeline(size_t listener)
{
	struct buf out = { 0 }, in = { 0 };
	int fd;

	fd = dial(listener);
	for (int i = 0; i < 2000; i++) {
		buf_printf(&out, i % 5 ? "ECHO %d\r\n" : "PING\r\n", i);
		buf_printf(&in, i % 5 ? "%d\r\n" : "PONG\r\n", i);
	}
	BUF_LIT(&out, "QUIT\r\nECHO never\r\n");
	BUF_LIT(&in, "bye\r\n");
	say(fd, buf_cstr(&out));
	expect(fd, buf_cstr(&in));
	expect_end(fd);
	/* Byte by byte, and a half-closed client still gets its answers. */
	fd = dial(listener);
	for (const char *p = "ECHO slowly\r\nSLEEP 20\r\nECHO last\r\n"; *p;
	     p++)
		assert_int_equal(send(fd, p, 1, 0), 1);
	shutdown(fd, SHUT_WR);
	expect(fd, "slowly\r\nslept\r\nlast\r\n");
	expect_end(fd);
	buf_fini(&out);
	buf_fini(&in);
}

static void
test_pipelining(void **state)
{
	(void)state;
	start((struct net_options){ 0 });
	pipeline(0);
	pipeline(BATCH);
	stop();
}

static void
test_slow_reader(void **state)
{
	enum { SIZE = 20000000 };
	static char sink[65536];
	size_t n = 0;
	ssize_t r;
	int fd, other;

	(void)state;
	largest_out = 0;
	start((struct net_options){ .loops = 1, .workers = 1 });
	fd = dial(BATCH);
	say(fd, "BIG 20000000\r\nECHO after\r\n");
	usleep(100000);
	/* It holds neither the worker nor more than the mark. */
	other = dial(0);
	say(other, "ECHO alive\r\n");
	expect(other, "alive\r\n");
	close(other);
	while (n < SIZE && (r = recv(fd, sink, sizeof(sink), 0)) > 0) {
		if (n + (size_t)r > SIZE)
			assert_memory_equal(sink + (SIZE - n), "\r\nafter\r\n",
			    n + (size_t)r - SIZE);
		n += (size_t)r;
	}
	assert_true(n >= SIZE);
	assert_true(largest_out <= OUT_HIGH + 1000);
	assert_true(largest_out >= OUT_HIGH);
	close(fd);
	/* One that goes away in the middle. */
	fd = dial(0);
	say(fd, "BIG 20000000\r\n");
	assert_true(recv(fd, sink, sizeof(sink), 0) > 0);
	close(fd);
	/* Replies nobody reads stop the reading of commands. */
	fd = dial(0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	n = 0;
	for (int quiet = 0; quiet < 20 && n < 100000000;) {
		r = send(fd, "PING\r\nPING\r\nPING\r\n", 18, MSG_NOSIGNAL);
		n += r > 0 ? (size_t)r : 0;
		quiet = r > 0 ? 0 : quiet + 1;
		if (r <= 0)
			usleep(10000);
	}
	assert_true(n < 100000000);
	close(fd);
	stop();
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

static void
test_garbage(void **state)
{
	static char junk[300000];
	int fd;

	(void)state;
	start((struct net_options){ 0 });
	fd = dial(1);
	say(fd, "GET / HTTP/1.1\r\n\r\n");
	while (recv(fd, junk, sizeof(junk), 0) > 0)
		continue;
	close(fd);
	/* A line without end. */
	memset(junk, 'j', sizeof(junk));
	fd = dial(0);
	send(fd, junk, sizeof(junk), MSG_NOSIGNAL);
	send(fd, junk, sizeof(junk), MSG_NOSIGNAL);
	while (recv(fd, junk, sizeof(junk), 0) > 0)
		fail();
	close(fd);
	/* The last words arrive although there was more to read. */
	fd = dial(0);
	memset(junk, 'k', sizeof(junk));
	memcpy(junk + 100000, "\r\n", 2);
	send(fd, junk, sizeof(junk), MSG_NOSIGNAL);
	expect(fd, "too long\r\n");
	expect_end(fd);
	assert_int_equal(server->tls_failed, 1);
	stop();
}

static void
test_proxy(void **state)
{
	int fd;

	(void)state;
	start((struct net_options){
	    .trusted_proxies = "127.0.0.0/8", .max_per_address = 2 });
	fd = dial(2);
	say(fd, "PROXY TCP4 192.0.2.1 198.51.100.1 5000 143\r\nPEER\r\n");
	expect(fd, "hello\r\n192.0.2.1 5000 remote \r\n");
	close(fd);
	fd = dial(2);
	send(fd, "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\7\1", 21, 0);
	usleep(20000);
	send(fd, "\2\3\4\x10\0\0\x8fPEER\r\n", 13, 0);
	expect(fd, "hello\r\n192.0.2.7 4096 remote \r\n");
	close(fd);
	fd = dial(2);
	say(fd, "PROXY UNKNOWN\r\nPEER\r\n");
	expect(fd, "hello\r\n127.0.0.1 ");
	close(fd);
	fd = dial(2);
	say(fd, "ECHO no header\r\n");
	expect_end(fd);
	/* The limit is that of the client behind it. */
	for (int i = 0; i < 3; i++) {
		fd = dial(2);
		say(fd, "PROXY TCP4 192.0.2.9 198.51.100.1 1 143\r\nPING\r\n");
		if (i < 2)
			expect(fd, "hello\r\nPONG\r\n");
		else
			expect_end(fd);
	}
	stop();
	/* A proxy nobody trusts. */
	start((struct net_options){ 0 });
	fd = dial(2);
	say(fd, "PROXY TCP4 192.0.2.1 198.51.100.1 5000 143\r\nPEER\r\n");
	expect_end(fd);
	stop();
}

static void
test_limits(void **state)
{
	struct rlimit old, low;
	int fds[4];

	(void)state;
	start((struct net_options){ .max_connections = 3 });
	for (int i = 0; i < 4; i++) {
		fds[i] = dial(0);
		send(fds[i], "PING\r\n", 6, MSG_NOSIGNAL);
		if (i < 3)
			expect(fds[i], "PONG\r\n");
		else
			expect_end(fds[i]);
	}
	close(fds[0]);
	usleep(50000);
	fds[0] = dial(0); /* there is room again */
	say(fds[0], "PING\r\n");
	expect(fds[0], "PONG\r\n");
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
	stop();

	/* Out of descriptors: the caller is turned away, nothing spins. */
	start((struct net_options){ 0 });
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	getrlimit(RLIMIT_NOFILE, &old);
	low = old;
	low.rlim_cur = (rlim_t)fds[0] + 1;
	setrlimit(RLIMIT_NOFILE, &low);
	{
		struct sockaddr_in sin = { .sin_family = AF_INET,
			.sin_port = htons(net_port(server, 0)),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

		assert_return_code(
		    connect(fds[0], (struct sockaddr *)&sin, sizeof(sin)),
		    errno);
	}
	expect_end(fds[0]);
	setrlimit(RLIMIT_NOFILE, &old);
	fds[0] = dial(0);
	say(fds[0], "PING\r\n");
	expect(fds[0], "PONG\r\n");
	close(fds[0]);
	stop();
}

static void
test_timers(void **state)
{
	int64_t from;
	int fd, mute;

	(void)state;
	start((struct net_options){ 0 });
	fd = dial(0);
	mute = dial(0);
	say(mute, "TIMEOUT 1\r\n");
	expect(mute, "ok\r\n");
	from = clock_mono_ms();
	say(fd, "DELAY 300\r\nECHO after\r\n");
	expect(fd, "delayed\r\nafter\r\n");
	assert_true(clock_mono_ms() - from >= 300);
	assert_true(clock_mono_ms() - from < 2000);
	/* Asked for on a worker, with a longer one set before. */
	say(fd, "TIMEOUT 600\r\nTIMEOUT 1\r\n");
	expect(fd, "ok\r\nok\r\nidle\r\n");
	expect_end(fd);
	assert_true(clock_mono_ms() - from >= 1000);
	expect(mute, "idle\r\n");
	expect_end(mute);
	stop();
}

static void *
wake_often(void *arg)
{
	struct conn *c = arg;

	for (int i = 0; i < 1000; i++)
		conn_wake(c);
	return NULL;
}

static void
test_wake(void **state)
{
	pthread_t threads[2];
	char got[16384];
	ssize_t n;
	int fd;

	(void)state;
	start((struct net_options){ 0 });
	fd = dial(0);
	say(fd, "WAIT\r\n");
	expect(fd, "waiting\r\n");
	while (!sleeper)
		usleep(1000);
	usleep(10000);
	conn_wake(sleeper);
	expect(fd, "woken\r\n");
	/* Many are at least one, also when a command runs. */
	say(fd, "SLEEP 50\r\n");
	usleep(10000);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, wake_often, sleeper);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	expect(fd, "slept\r\nwoken\r\n");
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, wake_often, sleeper);
	for (int i = 0; i < 100; i++)
		say(fd, "PING\r\nECHO x\r\n");
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	say(fd, "QUIT\r\n");
	while ((n = recv(fd, got, sizeof(got), 0)) > 0)
		continue;
	assert_int_equal(n, 0);
	close(fd);
	stop();
}

static void
test_stop(void **state)
{
	int64_t from;
	int idle, busy, held, half;

	(void)state;
	start((struct net_options){ 0 });
	idle = dial(0);
	busy = dial(0);
	held = dial(0);
	half = dial(1); /* never begins its handshake */
	say(idle, "PING\r\n");
	expect(idle, "PONG\r\n");
	say(busy, "SLEEP 200\r\n");
	say(held, "DELAY 60000\r\n");
	usleep(50000);
	from = clock_mono_ms();
	net_stop(server);
	expect(idle, "stopping\r\n");
	expect(busy, "slept\r\nstopping\r\n");
	expect_end(idle);
	expect_end(busy);
	expect_end(held);
	expect_end(half);
	stop();
	assert_true(clock_mono_ms() - from < 4000);
	assert_int_equal(stopped, 2);
}

static void
test_parallel_and_who(void **state)
{
	char got[2048];
	ssize_t n;
	int fd, other;

	(void)state;
	start((struct net_options){ .workers = 4 });
	fd = dial(0);
	other = dial(0);
	/* More at once than there are workers, called from a worker. */
	for (int i = 0; i < 3; i++) {
		say(fd, "PARALLEL 100\r\n");
		say(other, "SLEEP 5\r\nSLEEP 5\r\n");
		expect(fd, "4950\r\n");
		expect(other, "slept\r\nslept\r\n");
	}
	say(fd, "USER ann@example.org\r\n");
	n = recv(fd, got, sizeof(got) - 1, 0);
	assert_true(n > 0);
	got[n] = '\0';
	assert_non_null(strstr(got, "\"user\":\"ann@example.org\""));
	assert_non_null(strstr(got, "\"user\":\"\""));
	assert_non_null(strstr(got, "\"address\":\"127.0.0.1\""));
	close(fd);
	close(other);
	stop();
}

static void
test_many(void **state)
{
	enum { N = 300, ROUNDS_OF = 10 };
	int fds[N];

	(void)state;
	start((struct net_options){ 0 });
	for (int round = 0; round < ROUNDS_OF; round++) {
		for (int i = 0; i < N; i++) {
			fds[i] = dial(0);
			if (i % 3)
				say(fds[i], "ECHO x\r\n");
		}
		for (int i = 0; i < N; i++) {
			if (i % 3 == 1)
				expect(fds[i], "x\r\n");
			close(fds[i]);
		}
	}
	stop();
}

static void
test_unix(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct net_server *second;
	struct net_options o = { .name = "second" };
	struct err e = ERR_INIT;
	struct stat st;
	int fd;

	(void)state;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", in_dir("echo"));
	/* A socket file left by a dead process. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_return_code(bind(fd, (struct sockaddr *)&un, sizeof(un)), errno);
	close(fd);
	start((struct net_options){ 0 });
	assert_return_code(stat(un.sun_path, &st), errno);
	assert_int_equal(st.st_mode & 0777, 0660);
	/* Unix peers may speak for others. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_return_code(
	    connect(fd, (struct sockaddr *)&un, sizeof(un)), errno);
	say(fd, "PROXY TCP4 192.0.2.1 198.51.100.1 5000 143\r\nPEER\r\n");
	expect(fd, "hello\r\n192.0.2.1 5000 remote \r\n");
	close(fd);
	/* A live one is not taken away. */
	assert_true(net_server_new(&o, &second, &e));
	assert_false(
	    net_listen(second, "unix:echo", dir, &echo, false, NULL, &e));
	assert_non_null(strstr(e.msg, "in use"));
	assert_false(
	    net_listen(second, "127.0.0.1", dir, &echo, false, NULL, &e));
	assert_false(
	    net_listen(second, "127.0.0.1:0", dir, &echo, true, NULL, &e));
	net_server_free(&second);
	stop();
	assert_int_not_equal(stat(un.sun_path, &st), 0);
}

static void
test_activation(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	struct net_server *s;
	struct net_options o = { .name = "activated" };
	struct err e = ERR_INIT;
	char text[32], spec[32];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	if (fcntl(3, F_GETFD) >= 0 && fd != 3)
		skip(); /* the test program was given more than the usual */
	assert_return_code(bind(fd, (struct sockaddr *)&sin, len), errno);
	assert_return_code(listen(fd, 5), errno);
	getsockname(fd, (struct sockaddr *)&sin, &len);
	if (fd != 3) {
		dup2(fd, 3);
		close(fd);
	}
	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDS", "1", 1);
	snprintf(spec, sizeof(spec), "127.0.0.1:%u", ntohs(sin.sin_port));
	assert_true(net_server_new(&o, &s, &e));
	assert_true(net_listen(s, spec, dir, &echo, false, NULL, &e));
	assert_int_equal(s->listeners[0]->fd, 3);
	assert_null(getenv("LISTEN_FDS"));
	net_server_free(&s);
}

/* ------------------------------------------------------------------------
 * A whole daemon, in a child
 */

static bool
child_listen(const struct conf *c, struct net_server *s, struct err *e)
{
	return net_listen(
	    s, "unix:child", conf_get(c, "run_dir"), &echo, false, greeting, e);
}

static bool
child_start(const struct conf *c, struct net_server *s, struct err *e)
{
	(void)c;
	(void)s;
	(void)e;
	metric_add(metric_counter("child_total", "kind=\"a\"", "A"), 2);
	metric_add(metric_counter("other_total", NULL, "B"), 0.5);
	metric_add(metric_counter("child_total", "kind=\"b\"", "A"), 1);
	metric_add(metric_counter("child_total", "kind=\"a\"", "A"), 1);
	return true;
}

static void
child_reload(const struct conf *c)
{
	(void)c;
	metric_add(metric_counter("reloads_total", NULL, "R"), 1);
}

static const struct daemon child = { .name = "child",
	.start = child_start,
	.listen = child_listen,
	.reload = child_reload };

static pid_t
spawn(void)
{
	char name[] = "child", c[] = "-c", conf[128];
	char *argv[] = { name, c, conf, NULL };
	pid_t pid;

	snprintf(conf, sizeof(conf), "%s", in_dir("conf"));
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* should the test fail */
		optind = 1;
		_exit(daemon_main(&child, 3, argv));
	}
	return pid;
}

static void
ask(const char *path, const char *want)
{
	struct buf b = { 0 };
	struct err e = ERR_INIT;

	for (int i = 0; i < 500; i++) {
		buf_clear(&b);
		if (control_get(in_dir("run"), "child", path, &b, &e) &&
		    strstr(buf_cstr(&b), want))
			break;
		usleep(10000);
	}
	assert_non_null(strstr(buf_cstr(&b), want));
	buf_fini(&b);
}

static void
write_conf(void)
{
	struct passwd *me = getpwuid(geteuid());
	FILE *f = fopen(in_dir("conf"), "w");

	fprintf(f,
	    "run_dir = %s/run\nuser = %s\nlog_file = %s/log\n"
	    "log_level = error\n",
	    dir, me ? me->pw_name : "root", dir);
	fclose(f);
}

static void
test_daemon(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct err e = ERR_INIT;
	struct buf b = { 0 };
	char got[64] = "";
	int fd, status, ready;
	pid_t pid, second;

	(void)state;
	write_conf();
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", in_dir("notify"));
	ready = socket(AF_UNIX, SOCK_DGRAM, 0);
	bind(ready, (struct sockaddr *)&un, sizeof(un));
	setenv("NOTIFY_SOCKET", un.sun_path, 1);
	pid = spawn();
	assert_true(recv(ready, got, sizeof(got) - 1, 0) > 0);
	assert_string_equal(got, "READY=1");
	unsetenv("NOTIFY_SOCKET");
	close(ready);
	ask("/healthz", "ok\n");
	/* Values of one name stand together, whatever came between. */
	ask("/metrics", "child_total{kind=\"a\"} 3\nchild_total{kind=\"b\"} 1");
	ask("/metrics", "# TYPE other_total counter\nother_total 0.5\n");
	ask("/who", "[]\n");
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", in_dir("run/child"));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_return_code(
	    connect(fd, (struct sockaddr *)&un, sizeof(un)), errno);
	say(fd, "USER ann\r\n");
	expect(fd, "hello\r\n");
	ask("/who", "\"user\":\"ann\"");
	assert_false(control_get(in_dir("run"), "child", "/nothing", &b, &e));
	assert_non_null(strstr(e.msg, "404"));
	assert_false(control_get(in_dir("run"), "nobody", "/who", &b, &e));
	assert_string_equal(e.msg, "nobody is not running");
	kill(pid, SIGHUP);
	ask("/metrics", "reloads_total 1\n");
	/* Only one of a name. */
	second = spawn();
	waitpid(second, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 1);
	ask("/healthz", "ok\n");
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(fd);
	assert_int_not_equal(access(in_dir("run/child.pid"), F_OK), 0);
	assert_int_not_equal(access(in_dir("run/child.ctl"), F_OK), 0);
	buf_fini(&b);
}

static int
setup(void **state)
{
	(void)state;
	log_init("net_test", LOG_ERROR, LOG_LOGFMT);
	if (!mkdtemp(dir))
		return -1;
	make_certificate("default", "default.pem", "default.key");
	make_certificate("one", "one.pem", "one.key");
	return 0;
}

static int
teardown(void **state)
{
	struct err e;

	(void)state;
	return fs_remove_tree(dir, &e) ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_activation, abandon),
		cmocka_unit_test_teardown(test_daemon, abandon),
		cmocka_unit_test_teardown(test_proxy_headers, abandon),
		cmocka_unit_test_teardown(test_addresses, abandon),
		cmocka_unit_test_teardown(test_wheel, abandon),
		cmocka_unit_test_teardown(test_pipelining, abandon),
		cmocka_unit_test_teardown(test_slow_reader, abandon),
		cmocka_unit_test_teardown(test_starttls, abandon),
		cmocka_unit_test_teardown(test_tls, abandon),
		cmocka_unit_test_teardown(test_resumption, abandon),
		cmocka_unit_test_teardown(test_garbage, abandon),
		cmocka_unit_test_teardown(test_proxy, abandon),
		cmocka_unit_test_teardown(test_limits, abandon),
		cmocka_unit_test_teardown(test_timers, abandon),
		cmocka_unit_test_teardown(test_wake, abandon),
		cmocka_unit_test_teardown(test_stop, abandon),
		cmocka_unit_test_teardown(test_parallel_and_who, abandon),
		cmocka_unit_test_teardown(test_many, abandon),
		cmocka_unit_test_teardown(test_unix, abandon),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
