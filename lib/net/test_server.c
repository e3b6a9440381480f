/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/test_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/codec.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

struct session {
	struct conn *c;
	char line[256];
	size_t todo;   /* bytes still to send for BIG and NOISE */
	uint32_t seed; /* of NOISE, else 0 */
};

_Atomic int echo_opened, echo_closed, echo_stopped;
_Atomic size_t echo_largest;
_Atomic(struct conn *) echo_sleeper; /* who said WAIT */
static _Atomic int parallel_sum;

static void
put_noise(struct session *s, char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		s->seed = s->seed * 1103515245 + 12345;
		p[i] = (char)(s->seed >> 16);
	}
}

static enum net_next
do_big(struct session *s)
{
	struct buf *out = conn_out(s->c);

	while (s->todo > 0 && !conn_out_full(s->c)) {
		size_t n = s->todo < 1000 ? s->todo : 1000;

		if (s->seed)
			put_noise(s, buf_reserve(out, n), n);
		else
			memset(buf_reserve(out, n), 'x', n);
		out->n += n;
		s->todo -= n;
	}
	if (out->n > echo_largest)
		echo_largest = out->n;
	if (s->todo > 0)
		return NET_MORE;
	buf_puts(out, "\r\n");
	return NET_DONE;
}

static enum net_next
verb_big(struct session *s, const char *arg)
{
	s->todo = (size_t)atoi(arg);
	s->seed = 0;
	return do_big(s);
}

/* The same of what cannot be compressed. */
static enum net_next
verb_noise(struct session *s, const char *arg)
{
	s->todo = (size_t)atoi(arg);
	s->seed = 1;
	return do_big(s);
}

static enum net_next
verb_echo(struct session *s, const char *arg)
{
	buf_printf(conn_out(s->c), "%s\r\n", arg);
	return NET_DONE;
}

/* "BINDING type": in hex, or "none". */
static enum net_next
verb_binding(struct session *s, const char *arg)
{
	struct buf bytes = { 0 }, *out = conn_out(s->c);

	if (conn_binding(s->c, arg, &bytes))
		hex_encode(out, bytes.p, bytes.n);
	else
		buf_puts(out, "none");
	buf_puts(out, "\r\n");
	buf_fini(&bytes);
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
verb_half(struct session *s, const char *arg)
{
	(void)arg;
	buf_puts(conn_out(s->c), "half");
	return NET_DONE;
}

static enum net_next
verb_wait(struct session *s, const char *arg)
{
	(void)arg;
	echo_sleeper = s->c;
	return verb_echo(s, "waiting");
}

static enum net_next
verb_timeout(struct session *s, const char *arg)
{
	conn_set_timeout(s->c, (unsigned)atoi(arg));
	return verb_echo(s, "ok");
}

/* "RELAY listener [timeout]": to our own listener of that number, which is what
 * another server would be. */
static enum net_next
verb_relay(struct session *s, const char *arg)
{
	int fd = dial((size_t)atoi(arg));

	fcntl(fd, F_SETFL, O_NONBLOCK);
	buf_puts(conn_out(s->c), "relayed\r\n");
	conn_relay(s->c, fd, NULL, STR("ahead\r\n"));
	if (strchr(arg, ' '))
		conn_set_timeout(s->c, (unsigned)atoi(strchr(arg, ' ')));
	return NET_DONE;
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
verb_compress(struct session *s, const char *arg)
{
	conn_compress(s->c, strcmp(arg, "off") != 0);
	return verb_echo(s, conn_compressed(s->c) ? "was on" : "was off");
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
	{ "COMPRESS", verb_compress },
	{ "DELAY", verb_delay },
	{ "ECHO", verb_echo },
	{ "NOISE", verb_noise },
	{ "PARALLEL", verb_parallel },
	{ "BINDING", verb_binding },
	{ "PEER", verb_peer },
	{ "QUIT", verb_quit },
	{ "HALF", verb_half },
	{ "RELAY", verb_relay },
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
	for (size_t i = 0; i < LEN(verbs); i++) {
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
	echo_opened++;
	if (conn_listen_arg(c))
		buf_puts(conn_out(c), conn_listen_arg(c));
	return s;
}

static void
echo_secured(void *session)
{
	struct session *s = session;

	buf_puts(conn_out(s->c), "secured\r\n");
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

	echo_stopped++;
	buf_puts(conn_out(s->c), "stopping\r\n");
}

static void
echo_close(void *session)
{
	struct session *s = session;

	if (echo_sleeper == s->c)
		echo_sleeper = NULL;
	echo_closed++;
	free(session);
}

const struct net_proto echo = { "echo", echo_open, echo_input, echo_run,
	echo_secured, echo_timeout, echo_wake, echo_stop, echo_close, false,
	"stopped\r\n", "quiet\r\n" };
static const struct net_proto batch = { "batch", echo_open, echo_input,
	echo_run, echo_secured, echo_timeout, echo_wake, echo_stop, echo_close,
	true, NULL, NULL };

static char greeting[] = GREETING;

char test_dir[] = "/tmp/net_test.XXXXXX";
struct net_server *server;
static pthread_t server_thread;

static void *
run_server(void *arg)
{
	net_run(arg);
	return NULL;
}

char *
in_dir(const char *name)
{
	static char path[2][128];
	static int turn;

	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", test_dir, name);
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

void
start(struct net_options o)
{
	struct err e = ERR_INIT;

	o.name = "test";
	if (!o.tls_cert) {
		o.tls_cert = in_dir("default.pem");
		o.tls_key = in_dir("default.key");
	}
	o.certificate = named_certificate;
	echo_opened = echo_closed = echo_stopped = 0;
	if (!net_server_new(&o, &server, &e) ||
	    !net_listen(
		server, "127.0.0.1:0", test_dir, &echo, false, NULL, &e) ||
	    !net_listen(
		server, "127.0.0.1:0", test_dir, &echo, true, greeting, &e) ||
	    !net_listen(server, "127.0.0.1:0?proxy, unix:echo?proxy", test_dir,
		&echo, false, greeting, &e) ||
	    !net_listen(
		server, "127.0.0.1:0", test_dir, &batch, false, NULL, &e))
		fail_msg("%s", e.msg);
	pthread_create(&server_thread, NULL, run_server, server);
}

void
stop(void)
{
	net_stop(server);
	pthread_join(server_thread, NULL);
	net_server_free(&server);
	assert_int_equal(echo_opened, echo_closed);
}

/* After a test that failed half-way. */
int
test_abandon(void **state)
{
	(void)state;
	if (server) {
		net_stop(server);
		pthread_join(server_thread, NULL);
		net_server_free(&server);
	}
	return 0;
}

int
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

void
say(int fd, const char *text)
{
	assert_int_equal(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void
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

void
expect_end(int fd)
{
	char c;
	ssize_t r = recv(fd, &c, 1, 0);

	assert_true(r == 0 || (r < 0 && errno != EAGAIN));
	close(fd);
}

void
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

int
test_setup(void **state)
{
	(void)state;
	log_init("net_test", LOG_ERROR, LOG_LOGFMT);
	if (!mkdtemp(test_dir))
		return -1;
	make_certificate("default", "default.pem", "default.key");
	make_certificate("one", "one.pem", "one.key");
	return 0;
}

int
test_teardown(void **state)
{
	struct err e;

	(void)state;
	return fs_remove_tree(test_dir, &e) ? 0 : -1;
}
