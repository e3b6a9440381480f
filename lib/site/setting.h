/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_SETTING_H
#define SITE_SETTING_H

#include "site/site.h"

/*
 * Settings: rows of site.db at three scopes, site < domain < account; the
 * nearest one that has a value wins, and a subdomain asks its parent before
 * the site. All keys with type, default and one line of help are rows of one
 * table in setting.c; unknown keys and values of the wrong type are refused
 * when they are set, so reading cannot meet one.
 */

enum site_setting_type {
	SETTING_TEXT,
	SETTING_BOOL, /* yes, no */
	SETTING_UINT,
	SETTING_SIZE,     /* 10K, 5M, 2G */
	SETTING_DURATION, /* 90s, 15m, 2h, 7d */
	SETTING_SCORE,    /* 5, -2.5; as a number in thousandths, an int64_t */
	SETTING_CHOICE,   /* one of the words in `choices` */
	SETTING_WORDS,    /* any of them, in any case, separated by spaces */
	SETTING_CHANGES,  /* the same; "-" before a word takes it away again */
};

enum { SCOPE_SITE = 1, SCOPE_DOMAIN = 2, SCOPE_ACCOUNT = 4 };

struct site_setting {
	const char *key;
	enum site_setting_type type;
	unsigned scopes;     /* where it may be set */
	const char *value;   /* default */
	const char *choices; /* separated by spaces */
	const char *help;
};
/* The table, sorted by key, ended by a NULL key. */
const struct site_setting *site_settings(void);
const struct site_setting *site_setting_find(struct str key);

/* Where a question is asked. Both empty: the site. ACCOUNT is an id; DOMAIN
 * is its domain (asked from the database if left empty). */
struct site_scope {
	struct str domain, account;
};
static inline struct site_scope
site_scope_of(const struct site_account *acc)
{
	return (struct site_scope){ acc->domain, str_of(acc->id) };
}

/*
 * The effective value. A key that is not in the table is a bug and reads as
 * empty, 0 or false. Should the database fail, the default is returned and
 * the failure logged: a mail system must not stop for a preference.
 */
struct str site_setting(
    struct site *s, struct arena *a, const char *key, struct site_scope scope);
bool site_setting_bool(
    struct site *s, const char *key, struct site_scope scope);
/* Also sizes and durations. */
uint64_t site_setting_uint(
    struct site *s, const char *key, struct site_scope scope);

/* Several as they are at one moment; cheaper than one after the other. */
struct site_value {
	const char *key;
	struct str text;
	uint64_t number; /* a size, a duration, 1 for yes, thousandths */
};
void site_settings_read(struct site *s, struct arena *a,
    struct site_scope scope, struct site_value *list, size_t n);

/* SITE_NOTFOUND: unknown key. SITE_INVALID: wrong value or scope. A value
 * with P == NULL removes the row, so that the scope inherits again. */
enum site_rc site_setting_set(struct site *s, const struct site_by *by,
    struct str key, struct site_scope scope, struct str value, struct err *e);

struct site_setting_row {
	const struct site_setting *setting;
	struct site_scope scope;
	struct str value;
};
/* Rows set at exactly this scope, or with ALL everywhere. */
enum site_rc site_setting_list(struct site *s, struct arena *a,
    struct site_scope scope, bool all, struct site_setting_row **list,
    size_t *count, struct err *e);

#endif
