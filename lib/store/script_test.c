/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/script.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store/internal.h"
#include "store/test.h"

static void
put(struct fixture *f, const char *name, const char *source)
{
	OK(script_put(f->a, str_of(name), str_of(source), NULL, &f->e));
}

/* All scripts as "a=SOURCE *b=SOURCE": the star is on the active one. */
static const char *
all(struct fixture *f)
{
	struct script *list;
	struct buf b = { 0 };
	size_t n;
	const char *text;

	OK(script_list(f->a, f->arena, &list, &n, &f->e));
	for (size_t i = 0; i < n; i++) {
		struct script s;
		uint8_t hash[SHA256_LEN];
		size_t at;

		buf_printf(&b, "%s%s%.*s=", i ? " " : "",
		    list[i].active ? "*" : "", STR_ARG(list[i].name));
		at = b.n;
		OK(script_get(f->a, f->arena, list[i].name, &s, &b, &f->e));
		sha256(str_sub(buf_str(&b), at, STR_NPOS), hash);
		assert_memory_equal(s.hash, hash, sizeof(hash));
		assert_memory_equal(list[i].hash, hash, sizeof(hash));
		assert_int_equal(s.size, b.n - at);
		assert_int_equal(s.id, list[i].id);
		assert_int_equal(s.active, list[i].active);
	}
	text = arena_cstr(f->arena, buf_str(&b));
	buf_fini(&b);
	return text;
}

static struct script
active(struct fixture *f)
{
	struct script s;

	OK(script_active(f->a, f->arena, &s, &f->e));
	return s;
}

static void
test_life(void **state)
{
	struct fixture *f = *state;
	struct script first, s;

	assert_string_equal(all(f), "");
	assert_int_equal(active(f).id, 0);
	put(f, "b", "keep;");
	put(f, "a", "");
	assert_string_equal(all(f), "a= b=keep;");
	OK(script_activate(f->a, STR("b"), &f->e));
	first = active(f);
	assert_true(str_eqc(first.name, "b"));
	assert_string_equal(all(f), "a= *b=keep;");

	/* Replaced, it stays the active one. */
	put(f, "b", "stop;");
	s = active(f);
	assert_int_equal(s.id, first.id);
	assert_true(s.modseq > first.modseq);
	assert_memory_not_equal(s.hash, first.hash, SHA256_LEN);

	OK(script_activate(f->a, STR("a"), &f->e));
	assert_string_equal(all(f), "*a= b=stop;");
	OK(script_activate(f->a, STR(""), &f->e));
	assert_string_equal(all(f), "a= b=stop;");
	OK(script_activate(f->a, STR(""), &f->e));
	OK(script_delete(f->a, STR("a"), &f->e));
	assert_string_equal(all(f), "b=stop;");
}

static void
test_rename(void **state)
{
	struct fixture *f = *state;
	struct script before;

	put(f, "a", "keep;");
	put(f, "b", "stop;");
	OK(script_activate(f->a, STR("a"), &f->e));
	before = active(f);
	OK(script_rename(f->a, STR("a"), STR("c"), &f->e));
	assert_string_equal(all(f), "b=stop; *c=keep;");
	assert_int_equal(active(f).id, before.id);
	assert_int_equal(
	    script_rename(f->a, STR("c"), STR("b"), &f->e), STORE_EXISTS);
	assert_int_equal(
	    script_rename(f->a, STR("x"), STR("y"), &f->e), STORE_NOTFOUND);
	assert_int_equal(
	    script_rename(f->a, STR("c"), STR(""), &f->e), STORE_INVALID);
	OK(script_rename(f->a, STR("c"), STR("c"), &f->e));
	assert_string_equal(all(f), "b=stop; *c=keep;");
}

static void
test_refused(void **state)
{
	struct fixture *f = *state;
	char name[SCRIPT_NAME_MAX + 2];
	struct script s;

	put(f, "a", "keep;");
	OK(script_activate(f->a, STR("a"), &f->e));
	assert_int_equal(script_delete(f->a, STR("a"), &f->e), STORE_INVALID);
	assert_int_equal(script_delete(f->a, STR("b"), &f->e), STORE_NOTFOUND);
	assert_int_equal(
	    script_activate(f->a, STR("b"), &f->e), STORE_NOTFOUND);
	assert_int_equal(script_get(f->a, f->arena, STR("b"), &s, NULL, &f->e),
	    STORE_NOTFOUND);
	assert_string_equal(all(f), "*a=keep;");

	memset(name, 'n', sizeof(name));
	assert_int_equal(
	    script_put(f->a, (struct str){ name, sizeof(name) - 1 }, STR(""),
		NULL, &f->e),
	    STORE_INVALID);
	OK(script_put(
	    f->a, (struct str){ name, SCRIPT_NAME_MAX }, STR(""), NULL, &f->e));
	for (size_t i = 0; i < 4; i++) {
		static const char *const bad[] = { "", "a\tb", "a\x7f",
			"\xff" };

		assert_int_equal(
		    script_put(f->a, str_of(bad[i]), STR(""), NULL, &f->e),
		    STORE_INVALID);
	}
}

static void
test_limits(void **state)
{
	static const struct {
		const char *name;
		uint64_t size;
		struct script_limits limits;
		enum store_rc rc;
	} cases[] = {
		{ "c", 1, { 0, 0 }, STORE_OK },
		{ "c", 1, { 2, 0 }, STORE_LIMIT },
		{ "a", 100, { 2, 0 }, STORE_OK }, /* takes the place of a */
		{ "c", 1, { 3, 0 }, STORE_OK },
		{ "c", 10, { 0, 20 }, STORE_OK },
		{ "c", 11, { 0, 20 }, STORE_QUOTA },
		{ "a", 15, { 0, 20 }, STORE_OK },
		{ "a", 16, { 0, 20 }, STORE_QUOTA },
		{ "c", UINT64_MAX, { 0, 20 }, STORE_QUOTA },
		{ "c", 0, { 0, 4 }, STORE_QUOTA }, /* it was lowered */
		{ "", 1, { 0, 0 }, STORE_INVALID },
	};
	struct fixture *f = *state;
	char source[128];

	memset(source, '#', sizeof(source));
	put(f, "a", "12345");
	put(f, "b", "12345");
	for (size_t i = 0; i < LEN(cases); i++) {
		struct str name = str_of(cases[i].name);

		print_message("case %zu\n", i);
		assert_int_equal(script_have_space(f->a, name, cases[i].size,
				     &cases[i].limits, &f->e),
		    cases[i].rc);
		if (cases[i].rc == STORE_OK || cases[i].size > sizeof(source))
			continue;
		assert_int_equal(script_put(f->a, name,
				     (struct str){ source, cases[i].size },
				     &cases[i].limits, &f->e),
		    cases[i].rc);
	}
	assert_string_equal(all(f), "a=12345 b=12345");
}

/* What the record of changes has, as "KIND:ID" since SINCE. */
static const char *
changes(struct fixture *f, uint64_t since)
{
	struct sqlite3_stmt *s;
	struct buf b = { 0 };
	struct db *db;
	enum sq_rc rc;
	const char *text;

	OK(db_get(f->a, &db, &f->e));
	rc = sq_start(db->q, &s, &f->e,
	    "SELECT kind, lo FROM change WHERE modseq > ? ORDER BY modseq, lo",
	    SQ_I(since));
	while (rc == SQ_OK && (rc = sq_step(s, &f->e)) == SQ_ROW) {
		buf_printf(&b, "%lld:%lld ", (long long)sq_int(s, 0),
		    (long long)sq_int(s, 1));
		rc = SQ_OK;
	}
	db_put(&db);
	text = arena_cstr(f->arena, buf_str(&b));
	buf_fini(&b);
	return text;
}

static void
test_recorded(void **state)
{
	struct fixture *f = *state;
	struct script a, b;
	uint64_t since;

	put(f, "a", "");
	put(f, "b", "");
	OK(script_activate(f->a, STR("a"), &f->e));
	OK(script_get(f->a, f->arena, STR("b"), &b, NULL, &f->e));
	a = active(f);
	since = a.modseq;
	assert_true(since > b.modseq);

	OK(script_activate(f->a, STR("b"), &f->e)); /* both change */
	OK(script_activate(f->a, STR("b"), &f->e)); /* none does */
	OK(script_rename(f->a, STR("a"), STR("c"), &f->e));
	OK(script_delete(f->a, STR("c"), &f->e));
	assert_string_equal(changes(f, since),
	    arena_printf(f->arena, "%d:%lld %d:%lld %d:%lld %d:%lld ",
		CHANGE_SCRIPT, (long long)a.id, CHANGE_SCRIPT, (long long)b.id,
		CHANGE_SCRIPT, (long long)a.id, CHANGE_SCRIPT_GONE,
		(long long)a.id)
		.p);
}

static void
note(void *arg, struct str id)
{
	_Atomic int *n = arg;

	(void)id;
	++*n;
}

static void
test_watchers_wake(void **state)
{
	struct fixture *f = *state;
	static _Atomic int woken;
	int before;

	OK(store_watch(f->st, note, &woken, &f->e));
	before = woken;
	put(f, "a", "");
	assert_true(woken > before);
}

/* Delivery asks for each message. */
static void
test_active_is_indexed(void **state)
{
	struct fixture *f = *state;
	struct sqlite3_stmt *s;
	struct db *db;

	OK(db_get(f->a, &db, &f->e));
	assert_int_equal(
	    sq_one(db->q, &s, &f->e, "EXPLAIN QUERY PLAN " SCRIPT_ACTIVE_SQL),
	    SQ_ROW);
	assert_true(str_find(sq_str(s, 3), STR("USING INDEX script_active")) !=
		    STR_NPOS);
	assert_int_equal(sq_step(s, &f->e), SQ_DONE);
	/* And there cannot be two. */
	sq_run(db->q, &f->e, "DELETE FROM script");
	for (int i = 1; i <= 2; i++)
		assert_int_equal(
		    sq_run(db->q, &f->e,
			"INSERT INTO script VALUES (?1, ?1, x'', 0, 1, 1, 0, 0,"
			" x'')",
			SQ_I(i)),
		    i == 1 ? SQ_OK : SQ_CONSTRAINT);
	db_put(&db);
}

static void
test_check(void **state)
{
	struct fixture *f = *state;

	put(f, "a", "keep;");
	assert_int_equal(problems(f, false), 0);
	run_sql(f, "UPDATE script SET source = x'6b'");
	assert_int_equal(problems(f, false), 1);
	assert_int_equal(problems(f, true), 1);
	assert_int_equal(problems(f, false), 0);
	assert_string_equal(all(f), "a=k");
}

static void
test_backup(void **state)
{
	struct fixture *f = *state;
	char dir[64];

	put(f, "a", "keep;");
	OK(script_activate(f->a, STR("a"), &f->e));
	snprintf(dir, sizeof(dir), "%s/copy", f->dir);
	OK(account_backup(f->a, dir, true, &f->e));
	account_close(&f->a);
	OK(account_remove(f->st, ID, &f->e));
	OK(account_restore(f->st, ID, dir, &f->e));
	OK(account_open(f->st, ID, &f->a, &f->e));
	assert_string_equal(all(f), "*a=keep;");
}

#define T(name) cmocka_unit_test_setup_teardown(name, store_up, store_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_life),
		T(test_rename),
		T(test_refused),
		T(test_limits),
		T(test_recorded),
		T(test_watchers_wake),
		T(test_active_is_indexed),
		T(test_check),
		T(test_backup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
