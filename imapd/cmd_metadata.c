/* SPDX-License-Identifier: BSD-2-Clause */
/* GETMETADATA and SETMETADATA (RFC 5464). */
#include <inttypes.h>
#include <string.h>

#include "imapd/event_script.h"
#include "imapd/metadata.h"
#include "script/chain.h"
#include "site/setting.h"
#include "store/script.h"

/* Mailbox "" is the server: *p is NULL then. */
static bool
find(struct session *s, struct cmd *c, struct str name, struct place *found,
    const struct place **p, enum reply *r)
{
	*p = NULL;
	if (c->p.bad_mailbox) {
		*r = no(c, "CANNOT", "The mailbox name is badly encoded");
		return false;
	}
	if (name.n == 0)
		return true;
	if (!place_find(s, c, name, RIGHT_LOOKUP, found, r))
		return false;
	if (!metadata_allowed(found->rights)) {
		*r = place_denied(c, found);
		return false;
	}
	*p = found;
	return true;
}

/* ------------------------------------------------------------------------
 * GETMETADATA
 */

enum reply
cmd_getmetadata(struct session *s, struct cmd *c)
{
	struct metadata_wanted *want =
	    ARENA_NEW(s->arena, struct metadata_wanted);
	struct err e = ERR_INIT;
	const struct place *place;
	struct place found;
	struct str name;
	enum store_rc rc;
	enum reply r;

	EXPECT(c, metadata_get_parse(&c->p, want, &name));
	if (!find(s, c, name, &found, &place, &r))
		return r;
	rc = metadata_put(s, place, want, &e);
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	if (want->longest)
		c->code = arena_printf(
		    s->arena, "METADATA LONGENTRIES %" PRIu64, want->longest);
	return REPLY_OK;
}

/* ------------------------------------------------------------------------
 * SETMETADATA
 */

struct edit {
	struct annotation items[METADATA_ENTRIES];
	size_t n;
	bool use; /* /private/specialuse is set, to this: */
	struct str uses;
};

static bool
is_use(const struct annotation *item)
{
	return !item->shared && str_eqc(item->name, "/specialuse");
}

/* The role of a mailbox is no annotation of the store. */
static void
split_use(struct edit *ed, bool server)
{
	size_t kept = 0;

	for (size_t i = 0; i < ed->n; i++) {
		if (!server && is_use(&ed->items[i])) {
			ed->use = true;
			ed->uses = ed->items[i].value;
		} else {
			ed->items[kept++] = ed->items[i];
		}
	}
	ed->n = kept;
}

static enum mailbox_role
wanted_role(const struct edit *ed)
{
	return ed->uses.n ? role_named(ed->uses) : ROLE_NONE;
}

static bool
may_set_use(
    struct cmd *c, const struct place *p, const struct edit *ed, enum reply *r)
{
	if (!ed->use)
		return true;
	if (!p->own || (ed->uses.n && wanted_role(ed) == ROLE_NONE))
		*r = no(c, "USEATTR", "Special use is not supported");
	else if (p->m.role == ROLE_INBOX)
		*r = no(c, "CANNOT", "INBOX keeps its use");
	else
		return true;
	return false;
}

static uint64_t
limit(struct session *s, const char *key)
{
	struct site_scope scope = { session_domain(s), STR_NULL };

	return site_setting_uint(s->d->site, key, scope);
}

static bool
is_script(const struct annotation *item)
{
	return item->shared && str_eqc(item->name, SCRIPT_ENTRY);
}

/* A shared entry is set by who may write. That of a script is the owner's, in
 * whose name it acts, and the server's is his for his own account. */
static bool
may_set_shared(const struct place *p, const struct annotation *item)
{
	if (is_script(item))
		return !p || (p->own && (p->rights & RIGHT_WRITE));
	return p && (p->rights & RIGHT_WRITE);
}

/* False: *r is the reply. */
static bool
may_set(struct session *s, struct cmd *c, const struct place *p,
    const struct edit *ed, enum reply *r)
{
	uint64_t max = limit(s, "metadata.max_size");

	for (size_t i = 0; i < ed->n; i++) {
		const struct annotation *item = &ed->items[i];

		if (item->shared && !may_set_shared(p, item)) {
			*r = no(c, "NOPERM", "No right to set that entry");
			return false;
		}
		if (item->value.n > max) {
			*r = no(c, NULL, "Value is too long");
			c->code = arena_printf(
			    s->arena, "METADATA MAXSIZE %" PRIu64, max);
			return false;
		}
	}
	return true;
}

/* All or nothing (RFC 5464, section 4.3): the role, which is kept elsewhere,
 * comes last, since nothing more can be wrong with it. */
static enum store_rc
set_all(struct session *s, const struct place *p, const struct edit *ed,
    struct err *e)
{
	unsigned max = (unsigned)limit(s, "metadata.max_entries");
	enum store_rc rc = STORE_OK;
	uint64_t modseq;

	if (ed->n) {
		rc = annotations_set(p ? p->account : s->account,
		    p ? p->m.id : 0, str_of(s->user), ed->items, ed->n, max,
		    &modseq, e);
		if (rc == STORE_OK) { /* not to be told back */
			memcpy(s->metadata_owner, p ? p->owner : s->user,
			    sizeof(s->metadata_owner));
			s->metadata_own = modseq;
			event_script_changed();
		}
	}
	if (rc == STORE_OK && ed->use)
		rc = mailbox_set_role(p->account, p->path, wanted_role(ed), e);
	return rc;
}

/* RFC 6785, section 2.3.1: one that is not there just does not run; who names
 * it will want to know. */
static void
check_script(struct session *s, struct cmd *c, const struct edit *ed)
{
	for (size_t i = 0; i < ed->n; i++) {
		struct str name = ed->items[i].value;
		struct script found;
		struct err e = ERR_INIT;

		if (is_script(&ed->items[i]) && name.n > 0 &&
		    script_get(s->account, s->arena, name, &found, NULL, &e) ==
			STORE_NOTFOUND)
			c->text = "Set, but you have no script of that name";
	}
}

enum reply
cmd_setmetadata(struct session *s, struct cmd *c)
{
	struct edit *ed = ARENA_NEW(s->arena, struct edit);
	struct err e = ERR_INIT;
	const struct place *p;
	struct place found;
	enum store_rc rc;
	enum reply r;

	EXPECT(c, metadata_set_parse(&c->p, ed->items, &ed->n));
	if (!find(s, c, c->arg[0], &found, &p, &r))
		return r;
	split_use(ed, !p);
	if (!may_set(s, c, p, ed, &r) || !may_set_use(c, p, ed, &r))
		return r;
	rc = set_all(s, p, ed, &e);
	if (rc == STORE_LIMIT)
		return no(c, "METADATA TOOMANY", "Too many entries");
	if (rc != STORE_OK)
		return store_failed(s, c, rc, &e);
	check_script(s, c, ed);
	return REPLY_OK;
}
