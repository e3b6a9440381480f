/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "bench/conn.h"

/*
 * The load generator of bench/run. One operation in a loop by some clients at
 * once, for a time or a number of operations, timed here so that no
 * interpreter stands between. It talks to bench/run on its standard input and
 * output: it prints "ready" once its clients are connected and logged in,
 * begins at a line of input, and prints one line of JSON at the end.
 *
 * Messages come from a file that repeats "SIZE\n" and SIZE bytes. Where one
 * holds SERIAL_MARK, each sending writes a number of its own over it, so that
 * no two are the same message to the server.
 */

#define SERIAL_MARK "@@@@@@@@@@@@@@@@"
#define MAX_CLIENTS 64

struct options {
	const char *host, *users, *password, *mail, *mailbox;
	long port, clients, seconds, count, first, accounts, recipients;
	long messages, timeout, idle;
};

static struct options opt = {
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

struct client {
	struct conn conn;
	pthread_t thread;
	long number; /* 0 and up */
	long steps;
	struct buf out;
	uint32_t *us; /* of each operation */
	size_t ops, cap;
	uint64_t bytes;
	int64_t ended_us;
	bool ok;
};

struct operation {
	const char *name;
	bool (*open)(
	    struct client *c); /* before the clock starts; may be NULL */
	bool (*step)(struct client *c, long turn);
	bool needs_mail;
};

static const struct operation *operation;
static struct str *mails;
static size_t mail_count;
static struct client *clients;
static pthread_barrier_t opened, begun;
static atomic_long turns;
static int64_t start_us;

static void die(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));
static void
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
 * Messages and users
 */

static void
read_mails(const char *path)
{
	static struct buf file;
	struct err e;
	struct str rest, size;
	uint64_t n;

	if (!fs_read(path, SIZE_MAX / 2, &file, &e))
		die("%s", e.msg);
	rest = buf_str(&file);
	while (rest.n) {
		if (!str_split(&rest, '\n', &size) || !str_u64(size, &n) ||
		    n > rest.n)
			die("%s is not a file of messages", path);
		if (mail_count % 1024 == 0)
			mails = mem_realloc(
			    mails, (mail_count + 1024) * sizeof(*mails));
		mails[mail_count] = str_sub(rest, 0, n);
		if (str_find(mails[mail_count], STR("\n.")) != STR_NPOS)
			die("message %zu of %s has a line with a dot in front",
			    mail_count, path);
		mail_count++;
		rest = str_sub(rest, n, STR_NPOS);
	}
	if (mail_count == 0)
		die("%s is empty", path);
}

static void
put_mail(struct buf *out, long turn)
{
	struct str m = mails[(size_t)turn % mail_count];
	size_t mark = str_find(str_sub(m, 0, 4096), STR(SERIAL_MARK));
	char serial[sizeof(SERIAL_MARK)];

	if (mark != STR_NPOS) {
		snprintf(serial, sizeof(serial), "%016llx",
		    (unsigned long long)start_us * 1000 + (uint64_t)turn);
		mark += out->n;
	}
	buf_putstr(out, m);
	if (mark != STR_NPOS)
		memcpy(out->p + mark, serial, sizeof(serial) - 1);
}

static void
put_user(struct buf *out, long n)
{
	const char *at = strstr(opt.users, "%ld");

	buf_printf(out, "%.*s%ld%s", (int)(at - opt.users), opt.users,
	    opt.first + n % opt.accounts, at + 3);
}

/* ------------------------------------------------------------------------
 * LMTP
 */

static bool
lmtp_open(struct client *c)
{
	struct conn *k = &c->conn;

	return conn_open(k, opt.host, (int)opt.port, (int)opt.timeout) &&
	       conn_reply(k, 220) && conn_send(k, STR("LHLO bench.test\r\n")) &&
	       conn_reply(k, 250);
}

static bool
lmtp_step(struct client *c, long turn)
{
	struct conn *k = &c->conn;
	bool ok;

	buf_clear(&c->out);
	BUF_LIT(&c->out, "MAIL FROM:<sender@elsewhere.test>\r\n");
	for (long i = 0; i < opt.recipients; i++) {
		BUF_LIT(&c->out, "RCPT TO:<");
		put_user(&c->out, turn * opt.recipients + i);
		BUF_LIT(&c->out, ">\r\n");
	}
	BUF_LIT(&c->out, "DATA\r\n");
	ok = conn_send(k, buf_str(&c->out)) && conn_reply(k, 250);
	for (long i = 0; ok && i < opt.recipients; i++)
		ok = conn_reply(k, 250);
	if (!ok || !conn_reply(k, 354))
		return false;
	buf_clear(&c->out);
	put_mail(&c->out, turn);
	c->bytes += c->out.n;
	BUF_LIT(&c->out, ".\r\n");
	ok = conn_send(k, buf_str(&c->out));
	for (long i = 0; ok && i < opt.recipients; i++)
		ok = conn_reply(k, 250);
	return ok;
}

/* ------------------------------------------------------------------------
 * IMAP
 */

static bool
imap_login(struct client *c, long user)
{
	struct conn *k = &c->conn;
	struct answer a;
	struct str line;

	buf_clear(&c->out);
	BUF_LIT(&c->out, "LOGIN ");
	put_user(&c->out, user);
	buf_printf(&c->out, " %s", opt.password);
	return conn_open(k, opt.host, (int)opt.port, (int)opt.timeout) &&
	       conn_line(k, &line) && conn_command(k, buf_cstr(&c->out), &a);
}

static bool
imap_open(struct client *c)
{
	return imap_login(c, c->number);
}

static bool
imap_select(struct client *c)
{
	struct answer a;

	buf_clear(&c->out);
	buf_printf(&c->out, "SELECT %s", opt.mailbox);
	return conn_command(&c->conn, buf_cstr(&c->out), &a);
}

static bool
store_open(struct client *c)
{
	return imap_login(c, c->number) && imap_select(c);
}

static bool
login_step(struct client *c, long turn)
{
	struct answer a;
	bool ok = imap_login(c, turn) && conn_command(&c->conn, "LOGOUT", &a);

	conn_close(&c->conn);
	return ok;
}

static bool
append_step(struct client *c, long turn)
{
	struct answer a;
	size_t size = mails[(size_t)turn % mail_count].n;

	buf_clear(&c->out);
	buf_printf(
	    &c->out, CONN_TAG " APPEND %s {%zu+}\r\n", opt.mailbox, size);
	put_mail(&c->out, turn);
	c->bytes += size;
	BUF_LIT(&c->out, "\r\n");
	return conn_send(&c->conn, buf_str(&c->out)) &&
	       conn_answer(&c->conn, STR(CONN_TAG), &a);
}

/* One message after the other, a flag on, the next time round off. */
static bool
store_step(struct client *c, long turn)
{
	struct answer a;

	(void)turn;
	buf_clear(&c->out);
	buf_printf(&c->out, "STORE %ld %cFLAGS (\\Flagged)",
	    c->steps % opt.messages + 1,
	    c->steps / opt.messages % 2 ? '-' : '+');
	return conn_command(&c->conn, buf_cstr(&c->out), &a);
}

static bool
pop3_open(struct client *c)
{
	struct conn *k = &c->conn;

	buf_clear(&c->out);
	BUF_LIT(&c->out, "USER ");
	put_user(&c->out, c->number);
	buf_printf(&c->out, "\r\nPASS %s\r\n", opt.password);
	return conn_open(k, opt.host, (int)opt.port, (int)opt.timeout) &&
	       conn_ok(k) && conn_send(k, buf_str(&c->out)) && conn_ok(k) &&
	       conn_ok(k);
}

/* One message after the other, each asked for when the last one is there. */
static bool
pop3_step(struct client *c, long turn)
{
	(void)turn;
	buf_clear(&c->out);
	buf_printf(&c->out, "RETR %ld\r\n", c->steps % opt.messages + 1);
	return conn_send(&c->conn, buf_str(&c->out)) && conn_ok(&c->conn) &&
	       conn_dotted(&c->conn, &c->bytes);
}

static const struct operation operations[] = {
	/* clang-format off */
	{ "append", imap_open,  append_step, true },
	{ "lmtp",   lmtp_open,  lmtp_step,   true },
	{ "login",  NULL,       login_step,  false },
	{ "pop3",   pop3_open,  pop3_step,   false },
	{ "store",  store_open, store_step,  false },
	/* clang-format on */
};

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
	int64_t now, before, deadline;

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
		before = now;
		c->ok = operation->step(c, turn);
		c->steps++;
		now = clock_mono_us();
		if (c->ok)
			note(c, now - before);
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
		read_mails(opt.mail);
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

	if (!imap_login(c, 0))
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

static bool
go_idle(struct client *c)
{
	struct str line;

	return !opt.idle ||
	       (imap_select(c) &&
		   conn_send(&c->conn, STR(CONN_TAG " IDLE\r\n")) &&
		   conn_line(&c->conn, &line));
}

/* Open connections till the count is reached; one struct serves them all. */
static void *
hold_run(void *arg)
{
	struct client *c = arg;
	long turn;

	c->ok = true;
	while (c->ok && (turn = atomic_fetch_add(&turns, 1)) < opt.count)
		c->ok = imap_login(c, turn) && go_idle(c);
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
	for (size_t i = 0; i < sizeof(option_rows) / sizeof(*option_rows);
	     i++) {
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
		die("usage: load append|hold|lmtp|login|session|store OPTIONS");
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
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		if (strcmp(argv[1], operations[i].name) == 0)
			operation = &operations[i];
	}
	if (!operation)
		die("no operation %s", argv[1]);
	run_loop();
	return 0;
}
