/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/zip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * Against zlib itself, whose streams are never interrupted: it is the peer.
 * Between any two calls the connection gives back what it was lent, and gets
 * something else.
 */

static struct zip_kit kits[2];
static z_stream peer_out, peer_in;

static void
turn(struct zip *z)
{
	static unsigned n;

	zip_return(z);
	zip_borrow(z, &kits[n++ % 2]);
}

static int
setup(void **state)
{
	(void)state;
	peer_out = peer_in = (z_stream){ 0 };
	assert_int_equal(
	    deflateInit2(&peer_out, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY),
	    Z_OK);
	assert_int_equal(inflateInit2(&peer_in, -15), Z_OK);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	deflateEnd(&peer_out);
	inflateEnd(&peer_in);
	zip_kit_fini(&kits[0]);
	zip_kit_fini(&kits[1]);
	return 0;
}

static void
peer_deflate(struct str in, int flush, struct buf *out)
{
	peer_out.next_in = (const Bytef *)in.p;
	peer_out.avail_in = (uInt)in.n;
	do {
		peer_out.next_out = (Bytef *)buf_reserve(out, 1000);
		peer_out.avail_out = 1000;
		deflate(&peer_out, flush);
		out->n += 1000 - peer_out.avail_out;
	} while (peer_out.avail_out == 0);
}

static void
peer_inflate(struct str in, struct buf *out)
{
	peer_in.next_in = (const Bytef *)in.p;
	peer_in.avail_in = (uInt)in.n;
	do {
		peer_in.next_out = (Bytef *)buf_reserve(out, 1000);
		peer_in.avail_out = 1000;
		inflate(&peer_in, Z_SYNC_FLUSH);
		out->n += 1000 - peer_in.avail_out;
	} while (peer_in.avail_out == 0);
}

/* Feed IN in pieces of STEP octets, and take what comes of it. */
static ssize_t
take(struct zip *z, struct str in, size_t step, struct buf *out)
{
	char piece[700];
	ssize_t got = -1;

	while (in.n > 0 || !zip_hungry(z)) {
		turn(z);
		if (zip_hungry(z)) {
			size_t n = in.n < step ? in.n : step;

			memcpy(zip_room(z), in.p, n);
			zip_fed(z, n);
			in = str_sub(in, n, STR_NPOS);
		}
		got = zip_inflate(z, piece, sizeof(piece));
		if (got == 0 || got == -2)
			return got;
		if (got > 0)
			buf_put(out, piece, (size_t)got);
	}
	return got;
}

/* Text with repetitions at all distances, and a few random octets. */
static void
some_text(struct buf *b, size_t n, unsigned seed)
{
	while (b->n < n) {
		seed = seed * 1103515245 + 12345;
		if (seed >> 16 & 7)
			buf_printf(b, "* %u FETCH (UID %u FLAGS (\\Seen))\r\n",
			    seed >> 20, seed >> 24);
		else
			buf_putc(b, (char)(seed >> 16));
	}
	b->n = n;
}

static void
test_inflate(void **state)
{
	static const struct {
		size_t size, step;
		int flush;
	} cases[] = {
		{ 10, 1, Z_SYNC_FLUSH },
		{ 100000, 1, Z_SYNC_FLUSH },
		{ 100000, 1, Z_PARTIAL_FLUSH },
		{ 100000, 1, Z_FULL_FLUSH },
		{ 100000, 7, Z_BLOCK },
		{ 100000, 1000, Z_NO_FLUSH },
		{ 1000000, ZIP_READ, Z_SYNC_FLUSH },
	};
	struct zip *z = zip_new();
	struct buf all = { 0 }, packed = { 0 }, got = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf text = { 0 };

		print_message("case %zu\n", i);
		some_text(&text, cases[i].size, (unsigned)i);
		buf_putstr(&all, buf_str(&text));
		buf_clear(&packed);
		for (size_t at = 0; at < text.n; at += 30000)
			peer_deflate(str_sub(buf_str(&text), at, 30000),
			    cases[i].flush, &packed);
		take(z, buf_str(&packed), cases[i].step, &got);
		buf_fini(&text);
	}
	/* The last bits. */
	buf_clear(&packed);
	peer_deflate(STR_NULL, Z_FINISH, &packed);
	assert_int_equal(take(z, buf_str(&packed), 1, &got), 0);
	assert_int_equal(got.n, all.n);
	assert_memory_equal(got.p, all.p, all.n);
	zip_free(&z);
	buf_fini(&all);
	buf_fini(&packed);
	buf_fini(&got);
}

static void
test_deflate(void **state)
{
	static const size_t sizes[] = { 1, 20, 20, 5000, 20, 9000, 300000, 20,
		2000000, 1 };
	struct zip *z = zip_new();
	struct buf all = { 0 }, got = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(sizes); i++) {
		struct buf text = { 0 };
		struct str out;

		some_text(&text, sizes[i], (unsigned)i);
		buf_putstr(&all, buf_str(&text));
		turn(z);
		zip_deflate(z, buf_str(&text));
		while ((out = str_sub(zip_out(z), 0, 3000)).n > 0) {
			peer_inflate(out, &got);
			zip_sent(z, out.n);
			turn(z);
		}
		/* It is all there, without more being said. */
		assert_int_equal(got.n, all.n);
		assert_memory_equal(got.p, all.p, all.n);
		buf_fini(&text);
	}
	zip_free(&z);
	buf_fini(&all);
	buf_fini(&got);
}

/* What cannot be shortened is coded; what is around it is shortened. */
static void
test_attachments(void **state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkl"
				     "mnopqrstuvwxyz0123456789+/";
	struct zip *z = zip_new();
	struct buf text = { 0 }, all = { 0 }, got = { 0 };
	unsigned seed = 1;

	(void)state;
	some_text(&text, 300000, 1);
	for (int i = 0; i < 4; i++) {
		size_t size;

		buf_clear(&all);
		buf_clear(&got);
		if (i != 2)
			buf_putstr(&all, buf_str(&text));
		for (int n = 0; n < 1000000; n++) {
			seed = seed * 1103515245 + 12345;
			buf_putc(&all, digits[seed >> 16 & 63]);
		}
		if (i != 1)
			buf_putstr(&all, buf_str(&text));
		turn(z);
		zip_deflate(z, buf_str(&all));
		size = zip_out(z).n;
		peer_inflate(zip_out(z), &got);
		zip_sent(z, size);
		assert_int_equal(got.n, all.n);
		assert_memory_equal(got.p, all.p, all.n);
		/* Six bits of eight, and a third of the text. */
		assert_in_range(size, 750000, 770000 + (all.n - 1000000) / 3);
	}
	zip_free(&z);
	buf_fini(&text);
	buf_fini(&all);
	buf_fini(&got);
}

/* What was said before is remembered from turn to turn. */
static void
test_history(void **state)
{
	struct zip *z = zip_new();
	struct buf text = { 0 };
	size_t first;

	(void)state;
	some_text(&text, 1000, 5);
	turn(z);
	zip_deflate(z, buf_str(&text));
	first = zip_out(z).n;
	zip_sent(z, first);
	turn(z);
	zip_deflate(z, buf_str(&text));
	assert_true(zip_out(z).n < first / 4);
	zip_free(&z);
	buf_fini(&text);
}

static void
test_idle_memory(void **state)
{
	struct zip *z = zip_new();
	struct buf text = { 0 }, packed = { 0 }, got = { 0 };

	(void)state;
	some_text(&text, 1000, 1);
	peer_deflate(buf_str(&text), Z_SYNC_FLUSH, &packed);
	take(z, buf_str(&packed), 50, &got);
	zip_deflate(z, STR("a OK done\r\n"));
	zip_sent(z, zip_out(z).n);
	zip_return(z);
	assert_in_range(zip_memory(z), 1000, 2000);
	/* However much it was, it is what may be referred to. */
	some_text(&text, 1000000, 1);
	buf_clear(&packed);
	peer_deflate(buf_str(&text), Z_SYNC_FLUSH, &packed);
	take(z, buf_str(&packed), ZIP_READ, &got);
	zip_deflate(z, buf_str(&text));
	zip_sent(z, zip_out(z).n);
	zip_return(z);
	assert_in_range(zip_memory(z), ZIP_SENT_KEPT + ZIP_RECEIVED_KEPT,
	    (ZIP_SENT_KEPT + ZIP_RECEIVED_KEPT) * 3 / 2);
	zip_free(&z);
	buf_fini(&text);
	buf_fini(&packed);
	buf_fini(&got);
}

/* A gigabyte of nothing costs no memory: it comes as it is asked for. */
static void
test_bomb(void **state)
{
	static char zeros[1000000], room[65536];
	struct buf packed = { 0 };
	struct zip *z = zip_new();
	uint64_t total = 0;
	size_t at = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		peer_deflate(
		    (struct str){ zeros, sizeof(zeros) }, Z_NO_FLUSH, &packed);
	peer_deflate(STR_NULL, Z_SYNC_FLUSH, &packed);
	assert_true(packed.n < 200000);
	while (at < packed.n || !zip_hungry(z)) {
		ssize_t got;

		turn(z);
		if (zip_hungry(z)) {
			size_t n = packed.n - at;

			n = n < ZIP_READ ? n : ZIP_READ;
			memcpy(zip_room(z), packed.p + at, n);
			zip_fed(z, n);
			at += n;
		}
		got = zip_inflate(z, room, sizeof(room));
		assert_true(got > 0 || got == -1);
		total += got > 0 ? (uint64_t)got : 0;
		assert_in_range(zip_memory(z), 0, 150000);
	}
	assert_int_equal(total, 100 * sizeof(zeros));
	zip_free(&z);
	buf_fini(&packed);
}

static void
test_broken(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
		{ "a1 NOOP\r\n", 9 }, /* not compressed at all */
		{ "\7", 1 },          /* a kind of block that does not exist */
		{ "\0\1\0\1\0", 5 },  /* lengths that disagree */
		{ "\x1f\x8b\x08\0\0\0", 6 }, /* gzip */
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct zip *z = zip_new();
		struct buf got = { 0 };
		char room[10];

		print_message("case %zu\n", i);
		assert_int_equal(
		    take(z, (struct str){ cases[i].text, cases[i].n }, 1, &got),
		    -2);
		turn(z);
		assert_int_equal(zip_inflate(z, room, sizeof(room)), -2);
		assert_false(zip_hungry(z));
		zip_free(&z);
		buf_fini(&got);
	}
}

/* Clear text follows what was compressed (RFC 8437, section 4.1). */
static void
test_end(void **state)
{
	static const int flushes[] = { Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_FINISH };

	(void)state;
	for (size_t i = 0; i < 2 * LEN(flushes); i++) {
		struct zip *z = zip_new();
		struct buf packed = { 0 }, got = { 0 };
		bool ahead = i % 2; /* the client has not waited */
		size_t n, late = ahead || flushes[i / 2] == Z_FINISH ? 0 : 4;
		char room[100];

		print_message("case %zu\n", i);
		deflateReset(&peer_out);
		peer_deflate(
		    STR("a UNAUTHENTICATE\r\n"), flushes[i / 2], &packed);
		if (ahead)
			buf_puts(&packed, "b NOOP\r\n");
		turn(z);
		/* What a flush ends with comes late. */
		n = packed.n - late;
		zip_feed(z, str_sub(buf_str(&packed), 0, n));
		n = (size_t)zip_inflate(z, room, sizeof(room));
		assert_int_equal(n, 18);
		zip_end(z);
		turn(z);
		if (late) {
			struct str rest =
			    str_sub(buf_str(&packed), packed.n - 4, 4);

			zip_feed(z, rest);
			if (!zip_ended(z))
				assert_true(zip_inflate(z, room, 9) <= 0);
		}
		assert_true(zip_ended(z));
		n = zip_behind(z, room, 3);
		n += zip_behind(z, room + n, sizeof(room) - n);
		assert_int_equal(n, ahead ? 8 : 0);
		assert_memory_equal(room, "b NOOP\r\n", n);
		zip_free(&z);
		buf_fini(&packed);
		buf_fini(&got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_inflate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deflate, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_attachments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_history, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_idle_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bomb, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
