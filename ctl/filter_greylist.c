/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/greylist.h"

#include "ctl/filter_list.h"
#include "ctl/verbs.h"

/*
 * Who is a stranger to greylisting and who is not: what milterd remembers
 * (filter.db), and what operators have said (the filter's lists). What milterd
 * remembers is not changed from here: it has it in memory.
 */

enum state { WAITING, KNOWN, ALLOWED, STATES };
static const char *const names[STATES] = { "waiting", "known", "allowed" };

/* STATES: all. */
static int
read_state(struct ctl *c, unsigned *out)
{
	const char *text = ctl_option(c, "state");

	*out = 0;
	while (text && *out < STATES && !str_eqc(str_of(text), names[*out]))
		++*out;
	if (text && *out == STATES)
		return ctl_failf(c, EX_USAGE, "waiting, known or allowed",
		    "there is no state \"%s\"", text);
	if (!text)
		*out = STATES;
	return 0;
}

/* ------------------------------------------------------------------------
 * What milterd remembers
 */

static json_t *
describe(const struct greylist_row *r, unsigned delay)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I}",
	    "place", json_str(r->place), "state",
	    names[r->known ? KNOWN : WAITING], "sender", json_str(r->sender),
	    "recipient", json_str(r->recipient), "again",
	    (json_int_t)(r->known ? 0 : r->first + delay), "until",
	    (json_int_t)r->expires, "count", (json_int_t)r->count, "first",
	    (json_int_t)r->first, "last", (json_int_t)r->last);
}

static void
warn_if_cut(struct ctl *c, unsigned state, const size_t n[STATES])
{
	for (unsigned i = WAITING; i <= KNOWN; i++) {
		if (n[i] == GREYLIST_LIST_MAX &&
		    (state == STATES || state == i))
			ctl_warn(c,
			    "%d are %s: if there are more, these last longest",
			    GREYLIST_LIST_MAX, names[i]);
	}
}

static int
add_remembered(
    struct ctl *c, struct filter_db *db, unsigned state, json_t *rows)
{
	unsigned delay = (unsigned)site_setting_uint(c->site, "greylist.delay",
	    (struct site_scope){ .domain = STR_NULL });
	size_t count, n[STATES] = { 0 };
	struct greylist_row *list;

	if (greylist_list(db, c->arena, &list, &count, &c->err) != SQ_OK)
		return ctl_fail(c, EX_TEMPFAIL, NULL);
	for (size_t i = 0; i < count; i++) {
		unsigned is = list[i].known ? KNOWN : WAITING;

		n[is]++;
		if (state == STATES || state == is)
			json_array_append_new(rows, describe(&list[i], delay));
	}
	warn_if_cut(c, state, n);
	return 0;
}

static int
remembered(struct ctl *c, unsigned state, json_t *rows)
{
	struct filter_db *db;
	int status;

	if (!filter_db_open(conf_get(c->conf, "data_dir"), &db, &c->err))
		return ctl_fail(c, EX_UNAVAILABLE, NULL);
	status = add_remembered(c, db, state, rows);
	filter_db_close(&db);
	return status;
}

/* ------------------------------------------------------------------------
 * What operators have said
 */

static json_t *
describe_entry(struct ctl *c, const struct site_list_entry *e)
{
	return json_pack("{s:o, s:s, s:o, s:I, s:o, s:o, s:I}", "place",
	    json_str(site_list_text(c->arena, e->entry)), "state",
	    names[ALLOWED], "for", json_str(filter_list_for(e)), "until",
	    (json_int_t)e->expires, "note", json_str(e->note), "by",
	    json_str(e->made_by), "first", (json_int_t)e->created);
}

static int
allowed(struct ctl *c, json_t *rows)
{
	struct site_list_entry *list;
	size_t n;
	int status = filter_list_read(c, &list, &n);

	for (size_t i = 0; status == 0 && i < n; i++) {
		if (list[i].kind == SITE_LIST_KNOWN)
			json_array_append_new(
			    rows, describe_entry(c, &list[i]));
	}
	return status;
}

int
cmd_greylist_list(struct ctl *c)
{
	static const struct column columns[] = {
		{ "place", "FROM", COL_TEXT },
		{ "state", "STATE", COL_TEXT },
		{ "sender", "SENDER", COL_TEXT },
		{ "recipient", "RECIPIENT", COL_TEXT },
		{ "for", "FOR", COL_TEXT },
		{ "again", "MAY COME AGAIN", COL_TIME },
		{ "until", "UNTIL", COL_TIME },
		{ "count", "COUNT", COL_NUMBER },
		{ "note", "NOTE", COL_TEXT },
		{ "by", NULL, COL_TEXT },
		{ "first", NULL, COL_TIME },
		{ "last", NULL, COL_TIME },
		{ NULL, NULL, COL_TEXT },
	};
	json_t *rows = json_array();
	unsigned state;
	int status = read_state(c, &state);

	if (status == 0)
		status = ctl_open_site(c);
	if (status == 0 && (state == STATES || state == ALLOWED))
		status = allowed(c, rows);
	if (status == 0 && state != ALLOWED)
		status = remembered(c, state, rows);
	if (status == 0)
		return out_rows(c, columns, rows);
	json_decref(rows);
	return status;
}
