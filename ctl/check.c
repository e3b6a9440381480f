/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/check.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/verbs.h"
#include "filter/quarantine.h"

/*
 * check: site.db, the quarantine, then every account's store, then stores that
 * belong to nobody. The exit status is 0 only if nothing is left wrong.
 */

struct checking {
	struct ctl *c;
	const struct site_account *acc; /* NULL: the site */
	json_t *problems;
	uint64_t left; /* not repaired */
};

static void
add_problem(struct checking *k, const char *problem, bool repaired)
{
	k->left += !repaired;
	json_array_append_new(
	    k->problems, json_pack("{s:o, s:s, s:b}", "account",
			     json_str(k->acc ? k->acc->address : STR("")),
			     "problem", problem, "repaired", (int)repaired));
	if (!k->c->json)
		printf("%.*s: %s%s\n",
		    STR_ARG(k->acc ? k->acc->address : STR("site")), problem,
		    repaired ? " (repaired)" : "");
}

static void
on_account_problem(void *arg, const char *problem, bool repaired)
{
	add_problem(arg, problem, repaired);
}

static void
on_site_problem(void *arg, const char *problem)
{
	add_problem(arg, problem, false);
}

/* ------------------------------------------------------------------------
 * Accounts
 */

/* A store that cannot be opened is a problem of that account, not an end. */
static void
check_account(struct checking *k, struct check *sum)
{
	struct ctl *c = k->c;
	bool repair = ctl_switch(c, "repair");
	struct check one = { 0 };
	struct account *a;
	enum store_rc rc;

	rc = account_open(c->store, str_of(k->acc->id), &a, &c->err);
	if (rc == STORE_NOTFOUND && k->acc->backend.n)
		return; /* another server has all of it */
	if (rc != STORE_OK) {
		add_problem(k, c->err.msg, false);
		return;
	}
	rc = account_check(a, repair, on_account_problem, k, &one, &c->err);
	if (rc == STORE_OK && ctl_switch(c, "reindex"))
		rc = account_reindex(a, &c->err);
	if (rc != STORE_OK)
		add_problem(k, c->err.msg, false);
	account_close(&a);
	sum->messages += one.messages;
	sum->blobs += one.blobs;
	sum->mailboxes += one.mailboxes;
}

static int
check_all(struct checking *k, struct check *sum, size_t *count)
{
	struct ctl *c = k->c;
	struct site_account *list;
	struct progress bar;
	enum site_rc rc = site_account_list(
	    c->site, c->arena, STR_NULL, STR_NULL, 0, &list, count, &c->err);

	if (rc != SITE_OK)
		return ctl_site_failed(c, rc, NULL);
	progress_start(&bar, c, "checking", *count);
	for (size_t i = 0; i < *count; i++) {
		k->acc = &list[i];
		check_account(k, sum);
		progress_add(&bar, 1);
	}
	progress_end(&bar);
	k->acc = NULL;
	return 0;
}

static int
check_named(struct checking *k, struct check *sum)
{
	struct site_account acc;

	for (int i = 0; i < k->c->argc; i++) {
		int status = ctl_account(k->c, ctl_arg(k->c, i), &acc);

		if (status != 0)
			return status;
		k->acc = &acc;
		check_account(k, sum);
	}
	k->acc = NULL;
	return 0;
}

/* ------------------------------------------------------------------------
 * Stores that belong to nobody
 */

static void
check_owner(struct checking *k, const char *dir, const char *id)
{
	struct ctl *c = k->c;
	struct site_account acc;
	enum site_rc rc;

	if (!account_id_valid(str_of(id)))
		return;
	rc = site_account_get(c->site, c->arena, str_of(id), &acc, &c->err);
	if (rc == SITE_NOTFOUND)
		add_problem(k,
		    arena_printf(c->arena,
			"%s/%s belongs to no account; remove it if it is not "
			"wanted any more",
			dir, id)
			.p,
		    false);
}

static void
check_owners(struct checking *k)
{
	struct arena *arena = k->c->arena;
	const char *root =
	    arena_printf(arena, "%s/accounts", conf_get(k->c->conf, "data_dir"))
		.p;
	DIR *outer = opendir(root), *inner;
	const struct dirent *e, *f;

	while (outer && (e = readdir(outer))) {
		const char *dir;

		if (e->d_name[0] == '.')
			continue;
		dir = arena_printf(arena, "%s/%s", root, e->d_name).p;
		inner = opendir(dir);
		while (inner && (f = readdir(inner)))
			check_owner(k, dir, f->d_name);
		if (inner)
			closedir(inner);
	}
	if (outer)
		closedir(outer);
}

static int
check_quarantine(struct checking *k)
{
	struct ctl *c = k->c;
	const char *data = conf_get(c->conf, "data_dir");
	struct quarantine *q = NULL;
	uint64_t messages;
	bool ok;

	if (!quarantine_exists(data))
		return 0;
	ok = quarantine_open(data, c->site, &q, &c->err) &&
	     quarantine_check(q, on_site_problem, k, &messages, &c->err);
	quarantine_close(&q);
	return ok ? 0 : ctl_fail(c, EX_IOERR, NULL);
}

static int
check_site(struct checking *k)
{
	enum site_rc rc =
	    site_check(k->c->site, on_site_problem, k, &k->c->err);

	if (rc != SITE_OK)
		return ctl_site_failed(k->c, rc, NULL);
	check_owners(k);
	return check_quarantine(k);
}

int
cmd_check(struct ctl *c)
{
	struct checking k = { .c = c };
	struct check sum = { 0 };
	size_t count = (size_t)c->argc;
	int status = ctl_open_store(c);

	if (status != 0)
		return status;
	k.problems = json_array();
	if (c->argc > 0)
		status = check_named(&k, &sum);
	else if ((status = check_site(&k)) == 0)
		status = check_all(&k, &sum, &count);
	if (status != 0) {
		json_decref(k.problems);
		return status;
	}
	status = out_done(c,
	    json_pack("{s:I, s:I, s:I, s:I, s:o}", "accounts",
		(json_int_t)count, "messages", (json_int_t)sum.messages,
		"blobs", (json_int_t)sum.blobs, "left", (json_int_t)k.left,
		"problems", k.problems),
	    "checked %zu accounts with %llu messages: %llu problems%s", count,
	    (unsigned long long)sum.messages, (unsigned long long)k.left,
	    k.left && !ctl_switch(c, "repair")
		? "; --repair mends what can be mended"
		: "");
	if (c->json)
		return status ? status : k.left > 0;
	return k.left > 0 ? 1 : status;
}
