/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/addr.h"
#include "net/pool.h"
#include "net/proxy.h"
#include "net/wheel.h"

/* The parts of lib/net that are pure. */

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
	for (size_t i = 0; i < LEN(cases); i++) {
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
	for (size_t i = 0; i < LEN(cases); i++) {
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

struct turn {
	struct task task;
	sem_t done;
	pthread_t by;
};

static void
take_turn(struct task *t)
{
	struct turn *turn = (struct turn *)(void *)t;

	turn->by = pthread_self();
	sem_post(&turn->done);
}

/* Tasks that come one by one stay with the workers that are warm. */
static void
test_pool_warm(void **state)
{
	static struct turn turn = { .task.run = take_turn };
	struct pool *p = pool_new(8);
	pthread_t by[8];
	struct timespec pause = { 0, 2000000 };
	unsigned n = 0, i;

	(void)state;
	sem_init(&turn.done, 0, 0);
	for (int round = 0; round < 40; round++) {
		nanosleep(&pause, NULL); /* let it go idle again */
		pool_push(p, &turn.task);
		assert_int_equal(sem_wait(&turn.done), 0);
		for (i = 0; i < n && !pthread_equal(by[i], turn.by); i++)
			;
		if (i == n)
			by[n++] = turn.by;
	}
	print_message("%u threads\n", n);
	assert_in_range(n, 1, 4);
	pool_free(&p);
	sem_destroy(&turn.done);
}

static void
count_up(void *arg, size_t i)
{
	_Atomic unsigned *seen = arg;

	seen[i]++;
}

/* Work for all at once wakes all, and ends. */
static void
test_pool_parallel(void **state)
{
	static _Atomic unsigned seen[1000];
	struct pool *p = pool_new(4);

	(void)state;
	for (int round = 0; round < 20; round++)
		pool_parallel(p, 1000, count_up, seen);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(seen[i], 20);
	pool_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proxy_headers),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_wheel),
		cmocka_unit_test(test_pool_warm),
		cmocka_unit_test(test_pool_parallel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
