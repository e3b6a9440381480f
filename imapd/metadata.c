/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/metadata.h"

#include <string.h>

#include "base/log.h"
#include "site/setting.h"

bool
metadata_allowed(unsigned rights)
{
	const unsigned any =
	    RIGHT_READ | RIGHT_SEEN | RIGHT_WRITE | RIGHT_INSERT | RIGHT_POST;

	return (rights & RIGHT_LOOKUP) && (rights & any);
}

/* ------------------------------------------------------------------------
 * Values
 */

struct values {
	struct annotation *v;
	size_t n, cap;
};

static void
add(struct session *s, struct values *all, bool shared, const char *name,
    struct str value)
{
	if (!value.n)
		return;
	all->v =
	    arena_grow(s->arena, all->v, all->n, &all->cap, sizeof(*all->v));
	all->v[all->n++] = (struct annotation){
		.shared = shared, .name = str_of(name), .value = value
	};
}

static void
add_site(struct session *s, struct values *all)
{
	struct site_scope scope = { session_domain(s), STR_NULL };

	add(s, all, true, "/admin",
	    site_setting(s->d->site, s->arena, "metadata.admin", scope));
	add(s, all, true, "/comment",
	    site_setting(s->d->site, s->arena, "metadata.comment", scope));
}

static enum store_rc
read_values(
    struct session *s, const struct place *p, struct values *all, struct err *e)
{
	enum store_rc rc = annotations_get(p ? p->account : s->account,
	    s->arena, p ? p->m.id : 0, str_of(s->user), &all->v, &all->n, e);

	all->cap = all->n;
	if (rc != STORE_OK)
		return rc;
	if (!p)
		add_site(s, all);
	else if (p->own)
		add(s, all, false, "/specialuse",
		    str_of(role_names[p->m.role]));
	return STORE_OK;
}

/* Is NAME the entry, or at most DEPTH levels below? */
static bool
reaches(struct str entry, unsigned depth, struct str name)
{
	unsigned levels = 0;

	if (!str_starts(name, entry))
		return false;
	if (name.n > entry.n && name.p[entry.n] != '/')
		return false;
	for (size_t i = entry.n; i < name.n; i++)
		levels += name.p[i] == '/';
	return levels <= depth;
}

static void
put_entry(struct buf *out, bool shared, struct str name)
{
	struct buf text = { 0 };

	buf_puts(&text, shared ? "/shared" : "/private");
	buf_putstr(&text, name);
	write_astring(out, buf_str(&text));
	buf_fini(&text);
}

static void
put_value(struct buf *out, struct str value)
{
	if (value.p && str_chr(value, '\0') != STR_NPOS)
		buf_putc(out, '~'); /* literal8, since it cannot be quoted */
	write_nstring(out, value);
}

static void
put_pair(struct buf *out, const char **sep, bool shared, struct str name,
    struct str value)
{
	buf_puts(out, *sep);
	put_entry(out, shared, name);
	buf_putc(out, ' ');
	put_value(out, value);
	*sep = " ";
}

static void
put_matching(struct buf *out, const struct values *all,
    struct metadata_wanted *want, const struct metadata_entry *entry,
    const char **sep)
{
	bool there = false;

	for (size_t i = 0; i < all->n; i++) {
		const struct annotation *a = &all->v[i];

		if (a->shared != entry->shared ||
		    !reaches(entry->name, want->depth, a->name))
			continue;
		there = true;
		if (a->value.n > want->maxsize) {
			if (a->value.n > want->longest)
				want->longest = a->value.n;
			continue;
		}
		put_pair(out, sep, a->shared, a->name, a->value);
	}
	if (!there && want->depth == 0)
		put_pair(out, sep, entry->shared, entry->name, STR_NULL);
}

enum store_rc
metadata_put(struct session *s, const struct place *p,
    struct metadata_wanted *want, struct err *e)
{
	struct buf *out = conn_out(s->conn);
	struct values all = { 0 };
	enum store_rc rc = read_values(s, p, &all, e);
	size_t start = out->n;
	const char *sep = "";

	if (rc != STORE_OK)
		return rc;
	BUF_LIT(out, "* METADATA ");
	write_mailbox(out, p ? p->name : STR(""), session_utf8(s));
	BUF_LIT(out, " (");
	for (size_t i = 0; i < want->n; i++)
		put_matching(out, &all, want, &want->entries[i], &sep);
	BUF_LIT(out, ")\r\n");
	if (!*sep) /* nothing to show */
		out->n = start;
	return STORE_OK;
}

/* ------------------------------------------------------------------------
 * What others changed
 */

void
metadata_put_changed(struct session *s, const char *owner, struct str name,
    const struct annotation *list, size_t n)
{
	bool own = strcmp(owner, s->metadata_owner) == 0;
	struct buf *out = conn_out(s->conn);
	size_t start = out->n;
	bool any = false;

	BUF_LIT(out, "* METADATA ");
	write_mailbox(out, name, session_utf8(s));
	for (size_t i = 0; i < n && list[i].mailbox == list[0].mailbox; i++) {
		if (own && list[i].modseq == s->metadata_own)
			continue;
		buf_putc(out, ' ');
		put_entry(out, list[i].shared, list[i].name);
		any = true;
	}
	BUF_LIT(out, "\r\n");
	if (!any)
		out->n = start;
}

static const struct place *
place_of(const struct place *list, size_t n, const char *owner, int64_t id)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].m.id == id && strcmp(list[i].owner, owner) == 0)
			return &list[i];
	}
	return NULL;
}

static enum store_rc
tell_account(struct session *s, struct account *a, const char *owner,
    uint64_t *since, struct err *e)
{
	bool own = a == s->account;
	struct annotation *list;
	struct place *places;
	size_t n, nplaces;
	enum store_rc rc = annotations_changed(
	    a, s->arena, str_of(s->user), since, &list, &n, e);

	if (rc != STORE_OK || n == 0)
		return rc;
	rc = place_list(s, !own, &places, &nplaces, e);
	for (size_t i = 0; rc == STORE_OK && i < n; i++) {
		int64_t id = list[i].mailbox;
		const struct place *p = place_of(places, nplaces, owner, id);

		if (i > 0 && list[i - 1].mailbox == id)
			continue;
		if (id == 0 && own)
			metadata_put_changed(
			    s, owner, STR(""), &list[i], n - i);
		else if (p && metadata_allowed(p->rights))
			metadata_put_changed(
			    s, owner, p->name, &list[i], n - i);
	}
	return rc;
}

void
metadata_tell(struct session *s)
{
	struct err e = ERR_INIT;
	enum store_rc rc;

	if (!(s->enabled & EN_METADATA) || s->notify)
		return;
	rc = tell_account(s, s->account, s->user, &s->metadata_since, &e);
	if (rc == STORE_OK && s->state == ST_SELECTED && !s->sel.own)
		rc = tell_account(s, s->sel.account, s->sel.owner,
		    &s->sel.metadata_since, &e);
	if (rc != STORE_OK)
		log_warn("cannot look for changed annotations",
		    LOG_CSTR("session", conn_id(s->conn)),
		    LOG_CSTR("account", s->user), LOG_ERR(&e));
}
