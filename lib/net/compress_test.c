/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/test_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

/* Compressed conversations with a server on loopback. */

struct client {
	int fd;
	z_stream out, in;
	char room[4096]; /* read, not inflated */
};

static void
begin_zip(struct client *t)
{
	say(t->fd, "COMPRESS on\r\n");
	expect(t->fd, "was off\r\n");
	t->out = t->in = (z_stream){ 0 };
	deflateInit2(&t->out, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
	inflateInit2(&t->in, -15);
}

static struct client *
begin(size_t listener)
{
	struct client *t = mem_zalloc(sizeof(*t));

	t->fd = dial(listener);
	begin_zip(t);
	return t;
}

static void
end(struct client *t)
{
	deflateEnd(&t->out);
	inflateEnd(&t->in);
	close(t->fd);
	free(t);
}

static struct buf
deflated(struct client *t, const char *text)
{
	struct buf out = { 0 };

	t->out.next_in = (const Bytef *)text;
	t->out.avail_in = (uInt)strlen(text);
	do {
		t->out.next_out = (Bytef *)buf_reserve(&out, 4096);
		t->out.avail_out = 4096;
		deflate(&t->out, Z_SYNC_FLUSH);
		out.n += 4096 - t->out.avail_out;
	} while (t->out.avail_out == 0);
	return out;
}

static void
zip_say(struct client *t, const char *text)
{
	struct buf out = deflated(t, text);

	assert_int_equal(send(t->fd, out.p, out.n, MSG_NOSIGNAL), out.n);
	buf_fini(&out);
}

/* Not past the end of a block: clear text may follow. */
static bool
zip_block(struct client *t)
{
	if (t->in.avail_in == 0) {
		ssize_t r = recv(t->fd, t->room, sizeof(t->room), 0);

		if (r <= 0)
			return false;
		t->in.next_in = (const Bytef *)t->room;
		t->in.avail_in = (uInt)r;
	}
	assert_in_range(-inflate(&t->in, Z_BLOCK), 0, -Z_BUF_ERROR);
	return true;
}

/* N octets more; false: the end came. */
static bool
zip_read(struct client *t, char *p, size_t n)
{
	t->in.next_out = (Bytef *)p;
	t->in.avail_out = (uInt)n;
	while (t->in.avail_out > 0) {
		if (!zip_block(t))
			return false;
	}
	return true;
}

static void
zip_expect(struct client *t, const char *text)
{
	size_t n = strlen(text);
	char *got = mem_alloc(n + 1);

	assert_true(zip_read(t, got, n));
	got[n] = '\0';
	assert_string_equal(got, text);
	free(got);
}

static void
zip_expect_end(struct client *t)
{
	char c;

	assert_false(zip_read(t, &c, 1));
}

static void
test_pipelining(void **state)
{
	struct buf out = { 0 }, in = { 0 }, bytes;
	struct client *t;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		buf_printf(&out, i % 5 ? "ECHO %d\r\n" : "PING\r\n", i);
		buf_printf(&in, i % 5 ? "%d\r\n" : "PONG\r\n", i);
	}
	BUF_LIT(&out, "QUIT\r\nECHO never\r\n");
	BUF_LIT(&in, "bye\r\n");
	start((struct net_options){ 0 });
	for (size_t listener = PLAIN; listener <= BATCH;
	     listener += BATCH - PLAIN) {
		t = begin(listener);
		zip_say(t, buf_cstr(&out));
		zip_expect(t, buf_cstr(&in));
		zip_expect_end(t);
		end(t);
	}
	/* Byte by byte, and a client that is half closed. */
	t = begin(PLAIN);
	bytes = deflated(t, "ECHO slowly\r\nSLEEP 20\r\nECHO last\r\n");
	for (size_t i = 0; i < bytes.n; i++) {
		assert_int_equal(send(t->fd, bytes.p + i, 1, 0), 1);
		usleep(100);
	}
	shutdown(t->fd, SHUT_WR);
	zip_expect(t, "slowly\r\nslept\r\nlast\r\n");
	zip_expect_end(t);
	end(t);
	stop();
	buf_fini(&out);
	buf_fini(&in);
	buf_fini(&bytes);
}

static void
read_big(struct client *t, size_t size)
{
	static char sink[65536];

	for (size_t n = 0; n < size;) {
		size_t k = size - n < sizeof(sink) ? size - n : sizeof(sink);

		assert_true(zip_read(t, sink, k));
		n += k;
	}
	zip_expect(t, "\r\n");
}

static void
test_slow_reader(void **state)
{
	struct client *t, *other;

	(void)state;
	echo_largest = 0;
	start((struct net_options){ .loops = 1, .workers = 1 });
	t = begin(BATCH);
	zip_say(t, "NOISE 20000000\r\nBIG 20000000\r\nECHO after\r\n");
	usleep(100000);
	other = begin(PLAIN);
	zip_say(other, "ECHO alive\r\n");
	zip_expect(other, "alive\r\n");
	end(other);
	read_big(t, 20000000);
	read_big(t, 20000000);
	zip_expect(t, "after\r\n");
	assert_in_range(echo_largest, OUT_HIGH, OUT_HIGH + 1000);
	end(t);
	/* One that goes away in the middle. */
	t = begin(PLAIN);
	zip_say(t, "NOISE 20000000\r\n");
	assert_true(recv(t->fd, t->room, sizeof(t->room), 0) > 0);
	end(t);
	stop();
}

/* Much comes out of little, and is answered as it comes. */
static void
test_bomb(void **state)
{
	enum { PINGS = 300000 };
	struct buf out = { 0 }, in = { 0 };
	struct client *t;

	(void)state;
	for (int i = 0; i < PINGS; i++) {
		BUF_LIT(&out, "PING\r\n");
		BUF_LIT(&in, "PONG\r\n");
	}
	start((struct net_options){ .loops = 1, .workers = 1 });
	t = begin(PLAIN);
	zip_say(t, buf_cstr(&out));
	zip_expect(t, buf_cstr(&in));
	end(t);
	stop();
	buf_fini(&out);
	buf_fini(&in);
}

static void
test_on_and_off(void **state)
{
	struct client *t;
	char over;

	(void)state;
	start((struct net_options){ 0 });
	t = begin(PLAIN);
	zip_say(t, "ECHO one\r\n");
	zip_expect(t, "one\r\n");
	zip_say(t, "COMPRESS off\r\n");
	say(t->fd, "ECHO ahead\r\n");
	zip_expect(t, "was on\r\n");
	/* The empty block that ends what was compressed; then clear text. */
	t->in.next_out = (Bytef *)&over;
	t->in.avail_out = 1;
	do {
		assert_true(zip_block(t));
		assert_int_equal(t->in.avail_out, 1);
	} while ((t->in.data_type & (128 | 31)) != 128);
	inflateEnd(&t->in);
	deflateEnd(&t->out);
	if (t->in.avail_in > 0)
		assert_memory_equal(t->in.next_in, "ahead\r\n", 7);
	else
		expect(t->fd, "ahead\r\n");
	say(t->fd, "ECHO plain\r\n");
	expect(t->fd, "plain\r\n");
	/* It can begin again. */
	begin_zip(t);
	zip_say(t, "ECHO two\r\n");
	zip_expect(t, "two\r\n");
	zip_say(t, "TIMEOUT 1\r\n");
	zip_expect(t, "ok\r\nidle\r\n");
	zip_expect_end(t);
	end(t);
	stop();
}

static void
test_garbage(void **state)
{
	struct client *t;

	(void)state;
	start((struct net_options){ 0 });
	t = begin(PLAIN);
	say(t->fd, "ECHO not compressed\r\n");
	zip_expect_end(t);
	end(t);
	/* A last block: the client says no more. */
	t = begin(PLAIN);
	assert_int_equal(send(t->fd, "\3\0", 2, MSG_NOSIGNAL), 2);
	zip_expect_end(t);
	end(t);
	/* The server stops. */
	t = begin(PLAIN);
	zip_say(t, "ECHO here\r\n");
	zip_expect(t, "here\r\n");
	net_stop(server);
	zip_expect(t, "stopping\r\n");
	zip_expect_end(t);
	end(t);
	stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_pipelining, test_abandon),
		cmocka_unit_test_teardown(test_slow_reader, test_abandon),
		cmocka_unit_test_teardown(test_bomb, test_abandon),
		cmocka_unit_test_teardown(test_on_and_off, test_abandon),
		cmocka_unit_test_teardown(test_garbage, test_abandon),
	};

	return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
