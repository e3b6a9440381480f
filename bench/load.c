/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/load.h"

/*
 * The load generator of bench/run. One operation in a loop by some clients at
 * once, for a time or a number of operations, timed here so that no
 * interpreter stands between. It talks to bench/run on its standard input and
 * output: it prints "ready" once its clients are connected and logged in,
 * begins at a line of input, and prints one line of JSON at the end.
 */

#define MAX_CLIENTS 64

struct options opt = {
	.host = "127.0.0.1",
	.users = "user%ld@example.test",
	.password = "secret-pass",
	.mailbox = "INBOX",
	.clients = 1,
	.seconds = 3,
	.first = 1,
	.accounts = 1,
	.recipients = 1,
	.messages = 1,
	.timeout = 60,
};

static const struct option_row {
	const char *name;
	const char **text;
	long *number;
} option_rows[] = {
	/* clang-format off */
	{ "--host",       &opt.host,     NULL },
	{ "--port",       NULL,          &opt.port },
	{ "--lmtp-port",  NULL,          &opt.lmtp_port },  /* of push */
	{ "--tls",        NULL,          &opt.tls },        /* at once, IMAP */
	{ "--pause",      NULL,          &opt.pause },      /* before a step, ms */
	{ "--clients",    NULL,          &opt.clients },
	{ "--seconds",    NULL,          &opt.seconds },
	{ "--count",      NULL,          &opt.count },      /* 0: no limit */
	{ "--users",      &opt.users,    NULL },
	{ "--first",      NULL,          &opt.first },      /* number of the first user */
	{ "--accounts",   NULL,          &opt.accounts },   /* how many of them */
	{ "--password",   &opt.password, NULL },
	{ "--mail",       &opt.mail,     NULL },
	{ "--mailbox",    &opt.mailbox,  NULL },
	{ "--recipients", NULL,          &opt.recipients }, /* per transaction */
	{ "--messages",   NULL,          &opt.messages },   /* in the mailbox */
	{ "--timeout",    NULL,          &opt.timeout },
	{ "--idle",       NULL,          &opt.idle },       /* SELECT and IDLE */
	/* clang-format on */
};

static const struct operation *operation;
static struct client *clients;
static pthread_barrier_t opened, begun;
static atomic_long turns;
static int64_t start_us;

void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("load: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

/* ------------------------------------------------------------------------
 * The loop
 */

static void
note(struct client *c, int64_t us)
{
	if (c->ops == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 1024;
		c->us = mem_realloc(c->us, c->cap * sizeof(*c->us));
	}
	c->us[c->ops++] = (uint32_t)us;
}

static void *
client_run(void *arg)
{
	struct client *c = arg;
	struct timespec pause = { opt.pause / 1000,
		opt.pause % 1000 * 1000000 };
	int64_t now, deadline;

	c->conn.fd = -1;
	c->ok = !operation->open || operation->open(c);
	pthread_barrier_wait(&opened);
	pthread_barrier_wait(&begun);
	now = start_us;
	deadline = start_us + opt.seconds * 1000000;
	while (c->ok && (opt.seconds == 0 || now < deadline)) {
		long turn = atomic_fetch_add(&turns, 1);

		if (opt.count && turn >= opt.count)
			break;
		nanosleep(&pause, NULL);
		c->began_us = opt.pause ? clock_mono_us() : now;
		c->ok = operation->step(c, turn);
		c->steps++;
		now = clock_mono_us();
		if (c->ok)
			note(c, now - c->began_us);
	}
	c->ended_us = now;
	return NULL;
}

static void
say(const char *text)
{
	puts(text);
	fflush(stdout);
}

static bool
hear(char *line, size_t size)
{
	if (!fgets(line, (int)size, stdin))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

static int
by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
report(void)
{
	uint32_t *all = NULL;
	size_t n = 0;
	uint64_t bytes = 0;
	int64_t end = start_us + 1;
	double seconds;

	for (long i = 0; i < opt.clients; i++) {
		struct client *c = &clients[i];

		if (!c->ok)
			die("client %ld: %s", i, c->conn.error);
		all = mem_realloc(all, (n + c->ops + 1) * sizeof(*all));
		memcpy(all + n, c->us, c->ops * sizeof(*all));
		n += c->ops;
		bytes += c->bytes;
		if (c->ended_us > end)
			end = c->ended_us;
	}
	if (n == 0)
		die("not one operation was finished");
	qsort(all, n, sizeof(*all), by_value);
	seconds = (double)(end - start_us) / 1e6;
	printf("{\"ops\": %zu, \"seconds\": %.6f, \"rate\": %.3f, "
	       "\"bytes\": %llu, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
	    n, seconds, (double)n / seconds, (unsigned long long)bytes,
	    all[n / 2] / 1e3, all[n * 99 / 100] / 1e3);
	fflush(stdout);
	free(all);
}

static void
run_loop(void)
{
	char line[16];

	if (operation->needs_mail && !opt.mail)
		die("%s needs --mail FILE", operation->name);
	if (opt.mail)
		mails_read(opt.mail, clock_mono_us());
	clients = mem_zalloc((size_t)opt.clients * sizeof(*clients));
	pthread_barrier_init(&opened, NULL, (unsigned)opt.clients + 1);
	pthread_barrier_init(&begun, NULL, (unsigned)opt.clients + 1);
	for (long i = 0; i < opt.clients; i++) {
		clients[i].number = i;
		if (pthread_create(
			&clients[i].thread, NULL, client_run, &clients[i]) != 0)
			die("cannot start a thread");
	}
	pthread_barrier_wait(&opened);
	say("ready");
	if (!hear(line, sizeof(line)))
		exit(1);
	start_us = clock_mono_us();
	pthread_barrier_wait(&begun);
	for (long i = 0; i < opt.clients; i++)
		pthread_join(clients[i].thread, NULL);
	report();
	/* The caller reads the servers' times before the connections go. */
	hear(line, sizeof(line));
}

/* ------------------------------------------------------------------------
 * One session, commands from standard input
 */

static void
run_session(void)
{
	struct client *c = mem_zalloc(sizeof(*c));
	struct answer a;
	char line[3000];
	int64_t us;

	if (!imap_login(c, &c->conn, 0))
		die("%s", c->conn.error);
	say("ready");
	while (hear(line, sizeof(line))) {
		us = clock_mono_us();
		if (!conn_command(&c->conn, line, &a))
			die("%s: %s", line, c->conn.error);
		us = clock_mono_us() - us;
		printf("{\"seconds\": %.6f, \"bytes\": %llu, "
		       "\"fetches\": %llu, \"hits\": %llu}\n",
		    (double)us / 1e6, (unsigned long long)a.bytes,
		    (unsigned long long)a.fetches, (unsigned long long)a.hits);
		fflush(stdout);
	}
}

/* ------------------------------------------------------------------------
 * Connections that do nothing
 */

/* Open connections till the count is reached; one struct serves them all. */
static void *
hold_run(void *arg)
{
	struct client *c = arg;
	struct conn *k = &c->conn;
	long turn;

	c->ok = true;
	while (c->ok && (turn = atomic_fetch_add(&turns, 1)) < opt.count) {
		c->ok = imap_login(c, k, turn) &&
			(!opt.idle || (imap_select(c, k) && imap_idle(c, k)));
		conn_leave(k);
	}
	return NULL;
}

static void
run_hold(void)
{
	char line[16];

	clients = mem_zalloc((size_t)opt.clients * sizeof(*clients));
	for (long i = 0; i < opt.clients; i++) {
		if (pthread_create(
			&clients[i].thread, NULL, hold_run, &clients[i]) != 0)
			die("cannot start a thread");
	}
	for (long i = 0; i < opt.clients; i++) {
		pthread_join(clients[i].thread, NULL);
		if (!clients[i].ok)
			die("%s", clients[i].conn.error);
	}
	say("ready");
	hear(line, sizeof(line)); /* the connections end with the process */
}

/* ------------------------------------------------------------------------ */

static void
set_option(const char *name, const char *value)
{
	for (size_t i = 0; i < LEN(option_rows); i++) {
		const struct option_row *o = &option_rows[i];
		char *end;

		if (strcmp(name, o->name) != 0)
			continue;
		if (o->text) {
			*o->text = value;
			return;
		}
		*o->number = strtol(value, &end, 10);
		if (*end || end == value || *o->number < 0)
			die("%s %s: not a number", name, value);
		return;
	}
	die("unknown option %s", name);
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		die("usage: load "
		    "append|hold|lmtp|login|pop3|push|session|store OPTIONS");
	for (int i = 2; i < argc; i += 2) {
		if (i + 1 == argc)
			die("%s needs a value", argv[i]);
		set_option(argv[i], argv[i + 1]);
	}
	if (opt.clients < 1 || opt.clients > MAX_CLIENTS || !opt.accounts ||
	    !opt.messages || !strstr(opt.users, "%ld"))
		die("an option is out of range");
	if (strcmp(argv[1], "session") == 0) {
		run_session();
		return 0;
	}
	if (strcmp(argv[1], "hold") == 0) {
		run_hold();
		return 0;
	}
	operation = operation_find(argv[1]);
	if (!operation)
		die("no operation %s", argv[1]);
	run_loop();
	return 0;
}
