/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/test_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"

/* Conversations with a server on loopback. */

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
	/* Byte by byte, and a half-echo_closed client still gets its answers.
	 */
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
	echo_largest = 0;
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
	assert_true(echo_largest <= OUT_HIGH + 1000);
	assert_true(echo_largest >= OUT_HIGH);
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

/* The server notices only after a while that somebody left. */
static int
dial_until_room(void)
{
	char got[6];

	for (int i = 0; i < 1000; i++) {
		int fd = dial(0);

		send(fd, "PING\r\n", 6, MSG_NOSIGNAL);
		if (recv(fd, got, sizeof(got), MSG_WAITALL) == sizeof(got))
			return fd;
		close(fd);
		usleep(10000);
	}
	fail_msg("there is no room");
	return -1;
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
	fds[0] = dial_until_room();
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
	while (!echo_sleeper)
		usleep(1000);
	usleep(10000);
	conn_wake(echo_sleeper);
	expect(fd, "woken\r\n");
	/* Many are at least one, also when a command runs. */
	say(fd, "SLEEP 50\r\n");
	usleep(10000);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, wake_often, echo_sleeper);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	expect(fd, "slept\r\nwoken\r\n");
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, wake_often, echo_sleeper);
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
	assert_int_equal(echo_stopped, 2);
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

/* Send until nobody takes anything any more; how much that was. */
static size_t
stuff(int fd)
{
	size_t n = 0;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (int quiet = 0; quiet < 20 && n < 100000000;) {
		ssize_t r = send(fd, "PING\r\nPING\r\n", 12, MSG_NOSIGNAL);

		n += r > 0 ? (size_t)r : 0;
		quiet = r > 0 ? 0 : quiet + 1;
		if (r <= 0)
			usleep(10000);
	}
	return n;
}

static void
test_relay(void **state)
{
	enum { SIZE = 20000000 };
	static char sink[65536];
	size_t n = 0;
	ssize_t r;
	int fd;

	(void)state;
	start((struct net_options){ .loops = 2, .workers = 2 });
	fd = dial(PLAIN);
	/* What was sent ahead goes on. */
	say(fd, "RELAY 0\r\nECHO one\r\n");
	expect(fd, "relayed\r\nahead\r\none\r\n");
	say(fd, "ECHO two\r\nUSER far\r\n");
	expect(fd, "two\r\n[");
	while ((r = recv(fd, sink, sizeof(sink), 0)) > 0 && sink[r - 1] != '\n')
		continue;
	/* A long answer, while nobody reads it for a moment. */
	echo_largest = 0;
	say(fd, "BIG 20000000\r\nQUIT\r\n");
	usleep(200000);
	while ((r = recv(fd, sink, sizeof(sink), 0)) > 0)
		n += (size_t)r;
	assert_true(n > SIZE); /* and the end of one is that of the other */
	assert_true(echo_largest <= OUT_HIGH + 1000);
	close(fd);
	/* Neither side can make the other's output grow. */
	fd = dial(PLAIN);
	say(fd, "RELAY 0\r\n");
	assert_true(stuff(fd) < 100000000);
	close(fd);
	/* A relay of a relay, and the client goes first. */
	fd = dial(PLAIN);
	say(fd, "RELAY 0\r\nRELAY 4\r\nECHO deep\r\n");
	expect(fd, "relayed\r\nahead\r\n"
		   "relayed\r\nahead\r\ndeep\r\n");
	close(fd);
	fd = dial(PLAIN);
	say(fd, "RELAY 0\r\n");
	expect(fd, "relayed\r\nahead\r\n");
	stop(); /* does not wait for those */
	expect(fd, "stopped\r\n");
	expect_end(fd);
}

/* What either side sends is a sign of life. */
static void
test_relay_timeout(void **state)
{
	int64_t from;
	int fd;

	(void)state;
	start((struct net_options){ 0 });
	fd = dial(PLAIN);
	/* Longer than a busy machine stands still. */
	say(fd, "RELAY 0 4\r\n");
	expect(fd, "relayed\r\nahead\r\n");
	from = clock_mono_ms();
	say(fd, "DELAY 4200\r\nECHO after\r\n");
	expect(fd, "delayed\r\nafter\r\nquiet\r\n");
	expect_end(fd);
	assert_true(clock_mono_ms() - from >= 8200);
	/* Not into the middle of a line. */
	fd = dial(PLAIN);
	say(fd, "RELAY 0 1\r\nHALF\r\n");
	expect(fd, "relayed\r\nahead\r\nhalf");
	expect_end(fd);
	stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_pipelining, test_abandon),
		cmocka_unit_test_teardown(test_slow_reader, test_abandon),
		cmocka_unit_test_teardown(test_garbage, test_abandon),
		cmocka_unit_test_teardown(test_proxy, test_abandon),
		cmocka_unit_test_teardown(test_limits, test_abandon),
		cmocka_unit_test_teardown(test_timers, test_abandon),
		cmocka_unit_test_teardown(test_wake, test_abandon),
		cmocka_unit_test_teardown(test_relay, test_abandon),
		cmocka_unit_test_teardown(test_relay_timeout, test_abandon),
		cmocka_unit_test_teardown(test_stop, test_abandon),
		cmocka_unit_test_teardown(test_parallel_and_who, test_abandon),
		cmocka_unit_test_teardown(test_many, test_abandon),
	};

	return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
