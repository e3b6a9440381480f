/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/collection.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/internal.h"
#include "store/test.h"

static struct resource
put_item(struct fixture *f, int64_t c, const char *name, const char *raw,
    struct str if_etag, enum store_rc want)
{
	struct resource_instance when = { 100, 200, STR("") };
	struct resource_value value = { STR("EMAIL"), str_of(name) };
	struct resource_put put = { .name = str_of(name),
		.uid = str_of(name),
		.type = STR("VEVENT"),
		.raw = str_of(raw),
		.if_etag = if_etag,
		.instances = &when,
		.ninstances = 1,
		.values = &value,
		.nvalues = 1 };
	struct resource out = { 0 };

	when.lo += raw[0];
	when.hi += raw[0];
	assert_int_equal(
	    resource_put(f->a, f->arena, c, &put, &out, NULL, &f->e), want);
	return out;
}

static void
test_collections(void **state)
{
	struct fixture *f = *state;
	struct collection c;
	struct collection_changes ch;
	struct resource one, *list;
	struct buf raw = { 0 };
	int64_t id;
	size_t n;
	uint64_t since;

	OK(collection_create(f->a, COLLECTION_CALENDAR, STR("work"),
	    STR("Work"), STR("{}"), &id, &f->e));
	assert_int_equal(collection_create(f->a, COLLECTION_CALENDAR,
			     STR("work"), STR("x"), STR("{}"), NULL, &f->e),
	    STORE_EXISTS);
	assert_int_equal(collection_create(f->a, COLLECTION_CALENDAR,
			     STR("a/b"), STR("x"), STR("{}"), NULL, &f->e),
	    STORE_INVALID);
	one = put_item(f, id, "1.ics", "A1", ETAG_NONE, STORE_OK);
	put_item(f, id, "1.ics", "A2", ETAG_NONE, STORE_EXISTS);
	put_item(f, id, "1.ics", "A2", STR("wrong"), STORE_EXISTS);
	put_item(f, id, "2.ics", "a1", STR_NULL, STORE_OK);
	OK(collection_find(
	    f->a, f->arena, COLLECTION_CALENDAR, STR("work"), &c, &f->e));
	assert_int_equal(c.items, 2);
	assert_int_equal(c.size, 4);
	since = c.modseq;
	put_item(f, id, "1.ics", "B22", one.etag, STORE_OK);
	put_item(f, id, "3.ics", "c", STR_NULL, STORE_OK);
	OK(resource_delete(f->a, id, STR("2.ics"), STR_NULL, &f->e));
	assert_int_equal(
	    resource_delete(f->a, id, STR("2.ics"), STR_NULL, &f->e),
	    STORE_NOTFOUND);
	OK(collection_changes(f->a, f->arena, id, since, &ch, &f->e));
	assert_true(ch.complete);
	assert_int_equal(ch.nchanged, 2);
	assert_string_equal(ch.changed[0].name.p, "1.ics");
	assert_true(ch.changed[0].id == one.id);
	assert_int_equal(ch.ngone, 1);
	assert_string_equal(ch.gone[0].p, "2.ics");
	put_item(f, id, "2.ics", "again", STR_NULL, STORE_OK);
	OK(collection_changes(f->a, f->arena, id, since, &ch, &f->e));
	assert_int_equal(ch.ngone, 0);
	OK(resource_get(f->a, f->arena, id, STR("1.ics"), &one, &raw, &f->e));
	assert_string_equal(buf_cstr(&raw), "B22");
	/* 'B' is 66: the occurrence is [166, 266). */
	OK(resource_in_range(f->a, f->arena, id, 165, 166, &list, &n, &f->e));
	assert_int_equal(n, 0);
	OK(resource_in_range(f->a, f->arena, id, 166, 167, &list, &n, &f->e));
	assert_int_equal(n, 1);
	OK(resource_with_value(
	    f->a, f->arena, id, STR("EMAIL"), STR("3.ics"), &list, &n, &f->e));
	assert_int_equal(n, 1);
	OK(collection_delete(f->a, id, &f->e));
	assert_int_equal(collection_changes(f->a, f->arena, id, 0, &ch, &f->e),
	    STORE_NOTFOUND);
	assert_int_equal(problems(f, false), 0);
	buf_fini(&raw);
}

static void
test_shares_and_documents(void **state)
{
	struct fixture *f = *state;
	struct share *shares;
	struct document *docs;
	struct buf value = { 0 };
	size_t n;

	OK(share_set(f->a, f->inbox, STR("anyone"), STR("lr"), &f->e));
	OK(share_set(
	    f->a, f->inbox, STR("00000000000000bb"), STR("lrsw"), &f->e));
	assert_int_equal(share_set(f->a, 4711, STR("anyone"), STR("l"), &f->e),
	    STORE_NOTFOUND);
	assert_int_equal(
	    share_set(f->a, f->inbox, STR("anyone"), STR("L!"), &f->e),
	    STORE_INVALID);
	OK(share_list(f->a, f->arena, f->inbox, &shares, &n, &f->e));
	assert_int_equal(n, 2);
	assert_string_equal(shares[0].rights.p, "lrsw");
	OK(share_set(f->a, f->inbox, STR("anyone"), STR_NULL, &f->e));
	OK(share_list(f->a, f->arena, f->inbox, &shares, &n, &f->e));
	assert_int_equal(n, 1);
	OK(document_put(f->a, STR("sieve"), STR("main"), STR("keep;"), &f->e));
	OK(document_put(f->a, STR("sieve"), STR("main"), STR("stop;"), &f->e));
	OK(document_get(f->a, STR("sieve"), STR("main"), &value, &f->e));
	assert_string_equal(buf_cstr(&value), "stop;");
	OK(document_list(f->a, f->arena, STR("sieve"), &docs, &n, &f->e));
	assert_int_equal(n, 1);
	assert_int_equal(docs[0].size, 5);
	OK(document_delete(f->a, STR("sieve"), STR("main"), &f->e));
	assert_int_equal(
	    document_get(f->a, STR("sieve"), STR("main"), &value, &f->e),
	    STORE_NOTFOUND);
	buf_fini(&value);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, store_up, store_down)
	const struct CMUnitTest tests[] = {
		T(test_collections),
		T(test_shares_and_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
