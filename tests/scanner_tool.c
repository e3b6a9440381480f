/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "filter/antivirus.h"
#include "filter/spam.h"

/*
 * lib/filter's clients of scanners for test_scanners.py:
 *
 *	scanner_tool version SERVER
 *	scanner_tool scan SERVER CACHE FILE...
 *	scanner_tool ping|check|spam|ham|forget ENGINE SERVER USER [FILE]
 *
 * RCPT and PASSWORD are the environment's. One line for each answer; "error"
 * and a sentence for a failure.
 */

#define TIMEOUT 20

static struct err error;

static int
complain(void)
{
	printf("error %s\n", error.msg);
	return 1;
}

static void
read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		perror(path);
		exit(2);
	}
	while ((n = fread(buf_reserve(out, 65536), 1, 65536, f)) > 0)
		out->n += n;
	fclose(f);
}

/* ------------------------------------------------------------------------
 * Viruses
 */

static void
scan_file(
    struct antivirus *av, const struct antivirus_options *o, const char *path)
{
	struct scan *s = scan_new(av, o);
	struct buf text = { 0 };
	enum scan_result r;
	char name[128];

	read_file(path, &text);
	error.msg[0] = '\0';
	for (size_t at = 0; at < text.n; at += 65535)
		scan_add(s, str_sub(buf_str(&text), at, 65535));
	r = scan_end(s, name, &error);
	printf("%s|%s|%s\n", scan_result_name(r), name, error.msg);
	scan_free(&s);
	buf_fini(&text);
}

static int
scan(char **argv)
{
	struct antivirus_options o = { .server = argv[0],
		.timeout = TIMEOUT,
		.cache = (unsigned)atoi(argv[1]) };
	struct antivirus *av = antivirus_new();

	for (argv += 2; *argv; argv++)
		scan_file(av, &o, *argv);
	antivirus_free(&av);
	return 0;
}

static int
version(const char *server)
{
	struct antivirus_options o = { .server = server, .timeout = TIMEOUT };
	char text[128];

	if (!antivirus_version(&o, text, &error))
		return complain();
	puts(text);
	return 0;
}

/* ------------------------------------------------------------------------
 * Spam
 */

static int
check(const struct spam_options *o, const struct spam_message *m)
{
	struct arena *a = arena_new();
	struct spam_verdict v;
	bool ok = spam_check(o, a, m, &v, &error);

	if (ok)
		printf("%s %.2f %.2f %.*s\n", v.spam ? "spam" : "ham", v.score,
		    v.threshold, STR_ARG(v.rules));
	arena_free(&a);
	return ok ? 0 : complain();
}

static int
learn(const struct spam_options *o, const struct spam_message *m,
    enum spam_lesson lesson)
{
	bool known;

	if (!spam_learn(o, m, lesson, &known, &error))
		return complain();
	puts(known ? "known" : "new");
	return 0;
}

static int
run(const char *verb, const struct spam_options *o,
    const struct spam_message *m)
{
	if (strcmp(verb, "check") == 0)
		return check(o, m);
	if (strcmp(verb, "spam") == 0)
		return learn(o, m, SPAM_IS_SPAM);
	if (strcmp(verb, "ham") == 0)
		return learn(o, m, SPAM_IS_HAM);
	if (strcmp(verb, "forget") == 0)
		return learn(o, m, SPAM_FORGET);
	if (!spam_ping(o, &error))
		return complain();
	puts("pong");
	return 0;
}

static int
ask(int argc, char **argv)
{
	struct spam_options o = { .server = argv[3],
		.timeout = TIMEOUT,
		.password = getenv("PASSWORD") };
	struct str recipient = str_of(getenv("RCPT"));
	struct spam_message m = { .user = str_of(argv[4]),
		.sender = STR("a@sender.example"),
		.client = STR("192.0.2.1"),
		.helo = STR("mx.sender.example"),
		.queue_id = STR("4ABC"),
		.recipients = &recipient,
		.nrecipients = recipient.n > 0 };
	struct buf text = { 0 };
	int rc;

	o.engine = strcmp(argv[2], "spamd") == 0 ? SPAM_SPAMD : SPAM_RSPAMD;
	if (argc > 5)
		read_file(argv[5], &text);
	m.raw = buf_str(&text);
	rc = run(argv[1], &o, &m);
	buf_fini(&text);
	return rc;
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "version") == 0)
		return version(argv[2]);
	if (argc > 4 && strcmp(argv[1], "scan") == 0)
		return scan(argv + 2);
	if (argc > 4)
		return ask(argc, argv);
	fprintf(stderr, "usage: see the source\n");
	return 2;
}
