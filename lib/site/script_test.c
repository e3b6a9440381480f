/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/script.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "site/test.h"

static enum site_rc
put(struct fixture *f, enum site_script_place place, const char *domain,
    const char *name, const char *source)
{
	struct site_script w = {
		.place = place, .domain = str_of(domain), .name = str_of(name)
	};

	return site_script_put(f->site, NULL, &w, str_of(source), &f->e);
}

/* What runs for DOMAIN, as "PLACE:NAME=SOURCE". */
static const char *
runs(struct fixture *f, const char *domain)
{
	struct site_script *list;
	struct buf b = { 0 };
	size_t n, at;
	uint8_t hash[SHA256_LEN];
	const char *text;

	ok(site_scripts_of(f->site, f->a, str_of(domain), &list, &n, &f->e));
	for (size_t i = 0; i < n; i++) {
		struct site_script *w = &list[i];

		buf_printf(&b, "%s%s:%.*s=", i ? " " : "",
		    site_script_place_name(w->place), STR_ARG(w->name));
		at = b.n;
		memcpy(hash, w->hash, sizeof(hash));
		ok(site_script_get(f->site, w, &b, &f->e));
		assert_memory_equal(hash, w->hash, sizeof(hash));
		sha256(str_sub(buf_str(&b), at, STR_NPOS), hash);
		assert_memory_equal(hash, w->hash, sizeof(hash));
		assert_int_equal(w->size, b.n - at);
	}
	text = arena_cstr(f->a, buf_str(&b));
	buf_fini(&b);
	return text;
}

static void
add_domains(struct fixture *f)
{
	add_domain(f, "example.test");
	add_domain(f, "sub.example.test");
	add_domain(f, "other.test");
}

static void
test_order(void **state)
{
	struct fixture *f = *state;

	add_domains(f);
	assert_string_equal(runs(f, "example.test"), "");
	ok(put(f, SITE_SCRIPT_AFTER, NULL, "a", "4"));
	ok(put(f, SITE_SCRIPT_DOMAIN, "example.test", "z", "3"));
	ok(put(f, SITE_SCRIPT_BEFORE, NULL, "20-b", "2"));
	ok(put(f, SITE_SCRIPT_BEFORE, NULL, "10-a", "1"));
	ok(put(f, SITE_SCRIPT_GLOBAL, NULL, "g", "never by itself"));
	assert_string_equal(runs(f, "example.test"),
	    "before:10-a=1 before:20-b=2 domain:z=3 after:a=4");
	assert_string_equal(
	    runs(f, "other.test"), "before:10-a=1 before:20-b=2 after:a=4");
	/* A change is seen although the list was kept. */
	ok(put(f, SITE_SCRIPT_AFTER, NULL, "a", "5"));
	assert_string_equal(
	    runs(f, "other.test"), "before:10-a=1 before:20-b=2 after:a=5");
}

static void
test_nearest_domain(void **state)
{
	struct fixture *f = *state;

	add_domains(f);
	ok(put(f, SITE_SCRIPT_DOMAIN, "example.test", "a", "1"));
	assert_string_equal(runs(f, "sub.example.test"), "domain:a=1");
	ok(put(f, SITE_SCRIPT_DOMAIN, "sub.example.test", "b", "2"));
	assert_string_equal(runs(f, "sub.example.test"), "domain:b=2");
	assert_string_equal(runs(f, "example.test"), "domain:a=1");
	/* They go with their domain. */
	ok(site_domain_remove(f->site, NULL, STR("sub.example.test"), &f->e));
	add_domain(f, "sub.example.test");
	assert_string_equal(runs(f, "sub.example.test"), "domain:a=1");
}

static const char *
global(struct fixture *f, const char *domain, const char *name)
{
	struct site_script got;
	struct buf b = { 0 };
	const char *text = "none";

	if (site_script_global(f->site, f->a, str_of(domain), str_of(name),
		&got, &b, &f->e) == SITE_OK)
		text = arena_cstr(f->a, buf_str(&b));
	buf_fini(&b);
	return text;
}

static void
test_global(void **state)
{
	struct fixture *f = *state;

	add_domains(f);
	assert_string_equal(global(f, "example.test", "g"), "none");
	ok(put(f, SITE_SCRIPT_GLOBAL, NULL, "g", "site"));
	ok(put(f, SITE_SCRIPT_BEFORE, NULL, "b", "not global"));
	ok(put(f, SITE_SCRIPT_GLOBAL, "example.test", "g", "domain"));
	assert_string_equal(global(f, "example.test", "g"), "domain");
	assert_string_equal(global(f, "sub.example.test", "g"), "domain");
	assert_string_equal(global(f, "other.test", "g"), "site");
	assert_string_equal(global(f, "other.test", "b"), "none");
	ok(put(f, SITE_SCRIPT_GLOBAL, "sub.example.test", "g", "sub"));
	assert_string_equal(global(f, "sub.example.test", "g"), "sub");
}

static void
test_refused(void **state)
{
	static const struct {
		enum site_script_place place;
		const char *domain, *name;
		enum site_rc rc;
	} cases[] = {
		{ SITE_SCRIPT_BEFORE, "example.test", "a", SITE_INVALID },
		{ SITE_SCRIPT_AFTER, "example.test", "a", SITE_INVALID },
		{ SITE_SCRIPT_DOMAIN, NULL, "a", SITE_INVALID },
		{ SITE_SCRIPT_DOMAIN, "nowhere.test", "a", SITE_NOTFOUND },
		{ SITE_SCRIPT_BEFORE, NULL, "", SITE_INVALID },
		{ SITE_SCRIPT_BEFORE, NULL, "a\nb", SITE_INVALID },
		{ SITE_SCRIPT_BEFORE, NULL, "\xc3", SITE_INVALID },
		{ SITE_SCRIPT_BEFORE, NULL, "\xc3\xa4", SITE_OK },
	};
	struct fixture *f = *state;
	struct site_script *list;
	size_t n;

	add_domains(f);
	for (size_t i = 0; i < LEN(cases); i++) {
		print_message("case %zu\n", i);
		is(put(f, cases[i].place, cases[i].domain, cases[i].name, ""),
		    cases[i].rc);
	}
	ok(site_script_list(f->site, f->a, &list, &n, &f->e));
	assert_int_equal(n, 1);
}

/* The newest row of the audit trail. */
static void
newest_audit(struct fixture *f, struct site_audit_row *out)
{
	struct site_audit_row *list;
	size_t n;

	ok(site_audit_list(f->site, f->a, 0, 1, &list, &n, &f->e));
	assert_int_equal(n, 1);
	*out = list[0];
}

static void
test_delete_and_audit(void **state)
{
	struct fixture *f = *state;
	struct site_script w = { .place = SITE_SCRIPT_DOMAIN,
		.domain = STR("example.test"),
		.name = STR("a") };
	struct site_audit_row row;

	add_domains(f);
	is(site_script_delete(f->site, NULL, &w, &f->e), SITE_NOTFOUND);
	ok(site_script_put(f->site, NULL, &w, STR("keep;"), &f->e));
	newest_audit(f, &row);
	assert_str(row.action, "script.put");
	assert_str(row.object, "example.test");
	assert_str(row.detail, "domain a");
	ok(site_script_delete(f->site, NULL, &w, &f->e));
	newest_audit(f, &row);
	assert_str(row.action, "script.delete");
	is(site_script_get(f->site, &w, NULL, &f->e), SITE_NOTFOUND);
	assert_string_equal(runs(f, "example.test"), "");
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_order),
		T(test_nearest_domain),
		T(test_global),
		T(test_refused),
		T(test_delete_and_audit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
