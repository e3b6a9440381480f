/* SPDX-License-Identifier: BSD-2-Clause */
#include "deliver/deliver.h"

#include <stdio.h>
#include <unistd.h>

#include "ctl/message.h"
#include "ctl/verbs.h"

/* A message typed or piped in ends its lines in LF; unlike an imported one it
 * never holds bare LFs on purpose. */
#define MAX_MESSAGE (UINT64_C(512) << 20)

static int
read_message(struct ctl *c, struct buf *out)
{
	struct buf in = { 0 };
	size_t n;
	int status = 0;

	do {
		char *p = buf_reserve(&in, 65536);

		n = fread(p, 1, 65536, stdin);
		in.n += n;
	} while (n > 0 && in.n <= MAX_MESSAGE);
	if (ferror(stdin)) {
		err_errno(&c->err, "cannot read the message");
		status = ctl_fail(c, EX_IOERR, NULL);
	} else if (in.n > MAX_MESSAGE || in.n == 0) {
		status = ctl_failf(c, EX_DATAERR,
		    "the message is read from standard input",
		    in.n ? "the message is too large" : "the message is empty");
	} else {
		lines_to_crlf(buf_str(&in), false, out);
	}
	buf_fini(&in);
	return status;
}

static int
exit_status(enum deliver_rc rc)
{
	static const int table[DELIVER_RCS] = {
		[DELIVER_OK] = 0,
		[DELIVER_BAD_ADDRESS] = EX_DATAERR,
		[DELIVER_UNKNOWN] = EX_NOUSER,
		[DELIVER_DISABLED] = EX_NOPERM,
		[DELIVER_ELSEWHERE] = EX_NOHOST,
		[DELIVER_FULL_TEMP] = EX_TEMPFAIL,
		[DELIVER_FULL_PERM] = EX_CANTCREAT,
		[DELIVER_LOOP] = EX_DATAERR,
		[DELIVER_REFUSED] = EX_UNAVAILABLE,
		[DELIVER_EXPIRED] = EX_UNAVAILABLE,
		[DELIVER_NOSPACE] = EX_TEMPFAIL,
		[DELIVER_TEMP] = EX_TEMPFAIL,
	};

	return table[rc];
}

/* A temporary failure of one recipient weighs more than a permanent one of
 * another: the caller comes again, and who has it gets no second copy. */
static int
report(struct ctl *c, const struct deliver_rcpt *list, size_t count)
{
	static const struct column columns[] = {
		{ "address", "RECIPIENT", COL_TEXT },
		{ "status", "STATUS", COL_TEXT },
		{ "text", "RESULT", COL_TEXT },
		{ NULL, NULL, COL_TEXT },
	};
	json_t *rows = json_array();
	int status = 0, printed;

	for (size_t i = 0; i < count; i++) {
		const struct deliver_reply *r = deliver_reply(list[i].rc);
		int s = exit_status(list[i].rc);

		if (status == 0 || s == EX_TEMPFAIL)
			status = s;
		json_array_append_new(rows,
		    json_pack("{s:o, s:s, s:s, s:s, s:b}", "address",
			json_str(list[i].address), "result",
			deliver_rc_name(list[i].rc), "status", r->status,
			"text", r->text, "duplicate", (int)list[i].duplicate));
	}
	printed = out_rows(c, columns, rows);
	return status ? status : printed;
}

/* Recipients that are good come first in LIST; the rest keep their result. */
static size_t
check_recipients(
    struct ctl *c, struct deliver *d, size_t size, struct deliver_rcpt *list)
{
	size_t good = 0, bad = (size_t)c->argc;

	for (int i = 0; i < c->argc; i++) {
		struct deliver_rcpt r = { .address = ctl_arg(c, i) };

		r.rc = deliver_check(d, c->arena, size, &r, &c->err);
		if (r.rc != DELIVER_OK)
			ctl_warn(c, "%s", c->err.msg);
		list[r.rc == DELIVER_OK ? good++ : --bad] = r;
	}
	return good;
}

int
cmd_deliver(struct ctl *c)
{
	struct deliver_message m = {
		.from = str_of(ctl_option(c, "from")),
		.helo = STR("localhost"),
		.peer = "local",
		.with = "local",
		.id = "ctl",
	};
	struct deliver_options o = { .hostname = conf_hostname(c->conf) };
	struct deliver_rcpt *list;
	struct deliver *d;
	struct buf raw = { 0 };
	size_t good;
	int status;

	if ((status = ctl_open_store(c)) != 0 ||
	    (status = read_message(c, &raw)) != 0)
		goto out;
	o.site = c->site;
	o.store = c->store;
	d = deliver_new(&o);
	list = arena_array(c->arena, (size_t)c->argc, sizeof(*list));
	m.raw = buf_str(&raw);
	good = check_recipients(c, d, raw.n, list);
	if (good > 0)
		deliver_message(d, &m, list, good);
	status = report(c, list, (size_t)c->argc);
	deliver_free(&d);
out:
	buf_fini(&raw);
	return status;
}
