/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "filter/greylist.h"

/*
 * What greylisting costs: THREADS threads ask QUESTIONS times each, first from
 * places that are known, then as ever new strangers; then filter.db takes what
 * they left, and a start reads it.
 */

#define THREADS 8
#define QUESTIONS 200000
#define ENTRIES 100000
#define KNOWN 10000
#define NOW INT64_C(1700000000)

static const struct greylist_rules rules = { 60, 172800, 3110400 };
static struct greylist *g;

static void
ask(uint32_t n, int64_t now)
{
	struct greylist_query q = {
		.sender = STR("ann.somebody@mail.example.org"),
		.recipient = STR("bob.builder@example.net"),
		.now = now,
	};
	unsigned wait;

	q.client.s6_addr[0] = 0x20;
	memcpy(&q.client.s6_addr[1], &n, sizeof(n));
	greylist_ask(g, &q, &rules, &wait);
}

static void *
ask_known(void *arg)
{
	uint32_t from = *(uint32_t *)arg;

	for (uint32_t i = 0; i < QUESTIONS; i++)
		ask((from + i) % KNOWN, NOW + 60);
	return NULL;
}

static void *
ask_new(void *arg)
{
	uint32_t from = *(uint32_t *)arg;

	for (uint32_t i = 0; i < QUESTIONS; i++)
		ask(KNOWN + from + i, NOW + 60);
	return NULL;
}

static void
run(const char *name, void *(*ask_all)(void *))
{
	pthread_t threads[THREADS];
	uint32_t from[THREADS];
	int64_t begin = clock_mono_us();

	for (uint32_t i = 0; i < THREADS; i++) {
		from[i] = i * QUESTIONS;
		if (pthread_create(&threads[i], NULL, ask_all, &from[i]) != 0)
			abort();
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%-8s %9.0f questions/s\n", name,
	    THREADS * QUESTIONS * 1e6 / (double)(clock_mono_us() - begin));
}

static void
flush(struct filter_db *db)
{
	struct err e;

	if (!filter_db_flush(db, &e))
		fprintf(stderr, "%s\n", e.msg);
}

/* Half as many as the writer may have waiting: each leaves one job. */
static void
write_rows(struct filter_db *db)
{
	int64_t begin = clock_mono_us();

	for (uint32_t i = 0; i < FILTER_DB_MAX / 2; i++)
		ask(i, NOW + 10 * 3110400);
	flush(db);
	printf("written  %9.0f rows/s\n",
	    FILTER_DB_MAX / 2 * 1e6 / (double)(clock_mono_us() - begin));
}

static void
start(struct filter_db *db)
{
	struct greylist_counts n;
	int64_t begin = clock_mono_us();

	g = greylist_new(db, ENTRIES, NOW + 61);
	greylist_count(g, &n);
	printf("start    %9.1f ms for %u strangers, %u places; %zu octets\n",
	    (double)(clock_mono_us() - begin) / 1e3, n.strangers, n.places,
	    n.bytes);
}

static bool
measure(const char *dir, struct err *e)
{
	struct filter_db *db;
	struct greylist_counts n;

	if (!filter_db_open(dir, &db, e))
		return false;
	g = greylist_new(db, ENTRIES, NOW);
	write_rows(db);
	greylist_free(&g);
	g = greylist_new(db, ENTRIES, NOW + 100 * 3110400);
	for (uint32_t i = 0; i < 2 * KNOWN; i++)
		ask(i % KNOWN, NOW + i / KNOWN * 60);
	run("known", ask_known);
	flush(db);
	run("new", ask_new);
	flush(db);
	greylist_count(g, &n);
	printf("memory   %9.1f octets an entry\n",
	    (double)n.bytes / (n.strangers + n.places));
	greylist_free(&g);
	start(db);
	greylist_free(&g);
	filter_db_close(&db);
	return true;
}

int
main(void)
{
	char dir[] = "greylist_bench.XXXXXX";
	struct err e = ERR_INIT;
	bool ok;

	if (!mkdtemp(dir))
		return 1;
	ok = measure(dir, &e);
	if (!ok)
		fprintf(stderr, "%s\n", e.msg);
	return fs_remove_tree(dir, &e) && ok ? 0 : 1;
}
