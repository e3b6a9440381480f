/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queue a message that goes out, as a delivery would, and leave:
 *
 *	queue DATA_DIR ACCOUNT_ID [KEY=VALUE]... FROM TO... < MESSAGE
 *
 * Keys: kind, notify, ret, envid, orcpt, by_mode, by_time (seconds from now).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/delivery.h"

struct key {
	const char *name;
	struct str *value;
};

static bool
take(const char *arg, const struct key *keys, size_t n)
{
	struct str text = str_of(arg), name;
	size_t eq = str_chr(text, '=');

	name = str_sub(text, 0, eq);
	for (size_t i = 0; eq != STR_NPOS && i < n; i++) {
		if (!str_eqc(name, keys[i].name))
			continue;
		*keys[i].value = str_sub(text, eq + 1, STR_NPOS);
		return true;
	}
	return false;
}

static int
queue(struct store *st, struct str id, struct outgoing *o)
{
	struct delivery d = { .outgoing = o, .noutgoing = 1 };
	struct account *a;
	struct err e = ERR_INIT;
	bool duplicate;
	enum store_rc rc = account_open(st, id, &a, &e);

	if (rc == STORE_OK) {
		rc = account_deliver(a, &d, NULL, &duplicate, &e);
		account_close(&a);
	}
	if (rc != STORE_OK)
		fprintf(stderr, "%s\n", e.msg);
	return rc != STORE_OK;
}

int
main(int argc, char **argv)
{
	struct store_options so = { .no_indexer = true };
	struct str kind = STR_NULL, by = STR_NULL, *to;
	struct outgoing o = { .kind = OUTGOING_MAIL };
	const struct key keys[] = { { "kind", &kind }, { "notify", &o.notify },
		{ "ret", &o.ret }, { "envid", &o.envid }, { "orcpt", &o.orcpt },
		{ "by_mode", &o.by_mode }, { "by_time", &by } };
	struct buf raw = { 0 };
	struct store *st;
	struct err e = ERR_INIT;
	ssize_t n;
	int status, i = 3;

	while (i < argc && take(argv[i], keys, LEN(keys)))
		i++;
	if (argc < i + 2)
		return 2;
	if (str_eqc(kind, "post"))
		o.kind = OUTGOING_POST;
	if (by.n)
		o.by_time = clock_now() + strtol(by.p, NULL, 10);
	o.from = str_of(argv[i++]);
	to = calloc((size_t)(argc - i), sizeof(*to));
	for (; i < argc; i++)
		to[o.nto++] = str_of(argv[i]);
	o.to = to;
	while ((n = read(0, buf_reserve(&raw, 65536), 65536)) > 0)
		raw.n += (size_t)n;
	o.raw = buf_str(&raw);
	so.data_dir = argv[1];
	if (store_open(&so, &st, &e) != STORE_OK)
		return 1;
	status = queue(st, str_of(argv[2]), &o);
	store_close(&st);
	buf_fini(&raw);
	free(to);
	return status;
}
