/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts a message into quarantine, as the filter does: for tests of what
 * happens to it there. The message comes on standard input. */
#include <stdio.h>

#include "base/clock.h"
#include "filter/quarantine.h"

static bool
read_message(struct buf *out)
{
	size_t n;

	do {
		n = fread(buf_reserve(out, 65536), 1, 65536, stdin);
		out->n += n;
	} while (n > 0);
	return !ferror(stdin);
}

static int
add(struct site *s, struct quarantine *q, char **argv, struct err *e)
{
	struct arena *a = arena_new();
	struct site_account acc;
	struct quarantine_recipient to = { .address = str_of(argv[3]),
		.reason = STR("the score is 7.5"),
		.score = 7500 };
	struct quarantine_message m = { .sender = str_of(argv[4]),
		.client = STR("192.0.2.1"),
		.helo = STR("mx.example"),
		.queue_id = STR("4gTest"),
		.now = clock_now(),
		.recipients = &to,
		.n = 1 };
	struct buf raw = { 0 };
	bool ok = quarantine_kind_parse(str_of(argv[2]), &to.kind) &&
		  read_message(&raw);

	if (site_account_find(s, a, to.address, &acc, e) == SITE_OK) {
		to.account = str_of(acc.id);
		to.domain = acc.domain;
	}
	m.raw = buf_str(&raw);
	ok = ok && quarantine_add(q, &m, e);
	buf_fini(&raw);
	arena_free(&a);
	return ok ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct site *s = NULL;
	struct quarantine *q = NULL;
	int status = 1;

	if (argc != 5) {
		fprintf(stderr, "usage: quarantine_tool DATA-DIR KIND "
				"RECIPIENT SENDER <MESSAGE\n");
		return 2;
	}
	if (site_open(argv[1], &s, &e) == SITE_OK &&
	    quarantine_open(argv[1], s, &q, &e))
		status = add(s, q, argv, &e);
	if (status != 0)
		fprintf(stderr, "%s\n", e.msg);
	quarantine_close(&q);
	site_close(&s);
	return status;
}
