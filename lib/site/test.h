/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_TEST_H
#define SITE_TEST_H

/* A fresh site for each test; included after cmocka.h. */

#include "base/fs.h"
#include "site/setting.h"
#include "site/site.h"

struct fixture {
	char dir[64];
	struct site *site;
	struct arena *a;
	struct err e;
	bool failed;
};

#define is(call, rc)                                                           \
	do {                                                                   \
		enum site_rc got_ = (call);                                    \
		if (got_ != (rc))                                              \
			print_error("%s: %s\n", site_rc_name(got_), f->e.msg); \
		assert_int_equal(got_, (rc));                                  \
	} while (0)
#define ok(call) is(call, SITE_OK)

static inline void
assert_str(struct str got, const char *want)
{
	if (!str_eqc(got, want))
		fail_msg("\"%.*s\" instead of \"%s\"", STR_ARG(got), want);
}

static inline int
fixture_up(void **state)
{
	static struct fixture fixture;
	struct fixture *f = &fixture;

	*f = (struct fixture){ .dir = "site_test.XXXXXX", .a = arena_new() };
	if (!mkdtemp(f->dir) || site_open(f->dir, &f->site, &f->e) != SITE_OK)
		return -1;
	/* Cheap hashes, so that tests take no time. */
	site_setting_set(f->site, NULL, STR("auth.argon2_memory"),
	    (struct site_scope){ 0 }, STR("64K"), &f->e);
	*state = f;
	return 0;
}

static inline int
fixture_down(void **state)
{
	struct fixture *f = *state;

	site_close(&f->site);
	arena_free(&f->a);
	return fs_remove_tree(f->dir, &f->e) ? 0 : -1;
}

static inline void
add_domain(struct fixture *f, const char *name)
{
	ok(site_domain_add(f->site, NULL, str_of(name), STR_NULL, &f->e));
}

static inline void
add_account(struct fixture *f, const char *address)
{
	struct site_account acc;

	ok(site_account_add(f->site, f->a, NULL, str_of(address), STR_NULL,
	    STR("password"), &acc, &f->e));
}

static inline void
add_alias(
    struct fixture *f, const char *address, const char *one, const char *two)
{
	const struct str targets[] = { str_of(one), str_of(two) };
	struct site_alias al = { .address = str_of(address),
		.targets = targets,
		.count = two ? 2 : 1 };

	ok(site_alias_set(f->site, NULL, &al, true, &f->e));
}

#endif
