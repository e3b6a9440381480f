/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/internal.h"
#include "store/message.h"
#include "store/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define MAX_LEVEL 255
#define MAX_PATH_LEN 1000
#define MAX_LEVELS 64

#define COLUMNS                                                                \
	"id, parent, name, role, noselect, uidvalidity, uidnext, "             \
	"first_recent, modseq, messages, unseen, deleted, size, threads, "     \
	"unseen_threads"

/* ------------------------------------------------------------------------
 * Names
 */

enum store_rc
mailbox_check_path(struct str path, struct err *e)
{
	struct str rest = path, level;
	unsigned levels = 0;

	if (path.n == 0 || path.n > MAX_PATH_LEN || !str_is_utf8(path))
		return store_fail(e, STORE_INVALID,
		    "mailbox name is empty, longer than %d octets or not "
		    "UTF-8",
		    MAX_PATH_LEN);
	for (size_t i = 0; i < path.n; i++) {
		if ((unsigned char)path.p[i] < ' ' || path.p[i] == 0x7f)
			return store_fail(e, STORE_INVALID,
			    "mailbox name has a control character");
	}
	while (str_split(&rest, '/', &level)) {
		if (level.n == 0 || level.n > MAX_LEVEL ||
		    ++levels > MAX_LEVELS)
			return store_fail(e, STORE_INVALID,
			    "mailbox name \"%.*s\": a level is empty or over "
			    "%d octets, or there are more than %d levels",
			    STR_ARG(path), MAX_LEVEL, MAX_LEVELS);
	}
	return STORE_OK;
}

static bool
is_inbox(struct str path)
{
	return str_ieqc(path, "INBOX");
}

/* The first level as stored: INBOX in capitals. */
static struct str
canonical_level(struct str level, bool top)
{
	return top && is_inbox(level) ? STR("INBOX") : level;
}

/* A path as stored; INBOX in any case as the first level. */
static struct str
canonical(struct arena *arena, struct str path)
{
	struct str first = str_sub(path, 0, str_chr(path, '/'));
	struct str copy;

	if (!is_inbox(first))
		return path;
	copy = arena_str(arena, path);
	memcpy((char *)(uintptr_t)copy.p, "INBOX", 5);
	return copy;
}

/* ------------------------------------------------------------------------
 * Reading
 */

static void
read_row(struct sqlite3_stmt *s, struct arena *arena, struct mailbox *m)
{
	*m = (struct mailbox){ .id = sq_int(s, 0),
		.parent = sq_int(s, 1),
		.path = sq_dup(arena, s, 2), /* one level; completed later */
		.role = (enum mailbox_role)sq_int(s, 3),
		.noselect = sq_int(s, 4) != 0,
		.uidvalidity = (uint32_t)sq_int(s, 5),
		.uidnext = (uint32_t)sq_int(s, 6),
		.first_recent = (uint32_t)sq_int(s, 7),
		.modseq = (uint64_t)sq_int(s, 8),
		.messages = (uint64_t)sq_int(s, 9),
		.unseen = (uint64_t)sq_int(s, 10),
		.deleted = (uint64_t)sq_int(s, 11),
		.size = (uint64_t)sq_int(s, 12),
		.threads = (uint64_t)sq_int(s, 13),
		.unseen_threads = (uint64_t)sq_int(s, 14) };
}

/* Everything about M but its path: children and subscription. */
static enum store_rc
read_facts(struct sq *q, struct mailbox *m, struct err *e)
{
	struct sqlite3_stmt *s;
	enum sq_rc rc = sq_one(q, &s, e,
	    "SELECT EXISTS (SELECT 1 FROM mailbox WHERE parent = ?),"
	    " EXISTS (SELECT 1 FROM subscription WHERE path = ?)",
	    SQ_I(m->id), SQ_T(m->path));

	if (rc != SQ_ROW)
		return store_rc_of(rc);
	m->has_children = sq_int(s, 0) != 0;
	m->subscribed = sq_int(s, 1) != 0;
	sq_reset(s);
	return STORE_OK;
}

/* Walk PATH down from the top; NOTFOUND leaves *m alone. */
static enum store_rc
find_path(struct sq *q, struct arena *arena, struct str path, struct mailbox *m,
    struct err *e)
{
	struct str rest = path, level;
	int64_t parent = 0;
	struct mailbox at = { 0 };

	while (str_split(&rest, '/', &level)) {
		struct sqlite3_stmt *s;
		enum sq_rc rc = sq_one(q, &s, e,
		    "SELECT " COLUMNS " FROM mailbox"
		    " WHERE parent = ? AND name = ?",
		    SQ_I(parent), SQ_T(canonical_level(level, !parent)));

		if (rc == SQ_DONE)
			return store_fail(e, STORE_NOTFOUND,
			    "no mailbox \"%.*s\"", STR_ARG(path));
		if (rc != SQ_ROW)
			return store_rc_of(rc);
		read_row(s, arena, &at);
		sq_reset(s);
		parent = at.id;
	}
	*m = at;
	m->path = canonical(arena, path);
	return STORE_OK;
}

enum store_rc
mailbox_find(struct account *a, struct arena *arena, struct str path,
    struct mailbox *out, struct err *e)
{
	struct mailbox ignored;
	struct db *db;
	enum store_rc rc;

	if ((rc = mailbox_check_path(path, e)) != STORE_OK)
		return STORE_NOTFOUND;
	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	if (!out)
		out = &ignored;
	rc = find_path(db->q, arena, path, out, e);
	if (rc == STORE_OK)
		rc = read_facts(db->q, out, e);
	db_put(&db);
	return rc;
}

static int
by_path(const void *a, const void *b)
{
	const struct mailbox *x = a, *y = b;
	bool xi = str_eqc(x->path, "INBOX"), yi = str_eqc(y->path, "INBOX");

	return xi != yi ? (xi ? -1 : 1) : str_cmp(x->path, y->path);
}

static struct mailbox *
by_id(struct mailbox *list, size_t count, int64_t id)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].id == id)
			return &list[i];
	}
	return NULL;
}

/*
 * Parents come before their children in id order, unless a rename moved a
 * mailbox under a younger one; then its level is completed recursively.
 */
static void
complete_path(struct arena *arena, struct mailbox *list, size_t count,
    struct mailbox *m, bool *done, unsigned depth)
{
	struct mailbox *parent;

	if (done[m - list] || depth > MAX_LEVELS)
		return;
	done[m - list] = true;
	if (!m->parent || !(parent = by_id(list, count, m->parent)))
		return;
	complete_path(arena, list, count, parent, done, depth + 1);
	parent->has_children = true;
	m->path = arena_printf(
	    arena, "%.*s/%.*s", STR_ARG(parent->path), STR_ARG(m->path));
}

static enum store_rc
read_all(struct sq *q, struct arena *arena, struct mailbox **list,
    size_t *count, struct err *e)
{
	struct sqlite3_stmt *s;
	size_t cap = 16, n = 0;
	struct mailbox *m = arena_array(arena, cap, sizeof(*m));
	enum sq_rc rc =
	    sq_start(q, &s, e, "SELECT " COLUMNS " FROM mailbox ORDER BY id");

	while (rc == SQ_OK && (rc = sq_step(s, e)) == SQ_ROW) {
		m = arena_grow(arena, m, n, &cap, sizeof(*m));
		read_row(s, arena, &m[n++]);
		rc = SQ_OK;
	}
	*list = m;
	*count = n;
	return store_rc_of(rc);
}

static enum store_rc
list_all(struct sq *q, struct arena *arena, struct mailbox **list,
    size_t *count, struct err *e)
{
	bool *done;
	enum store_rc rc;

	if ((rc = read_all(q, arena, list, count, e)) != STORE_OK)
		return rc;
	done = arena_array(arena, *count, sizeof(*done));
	for (size_t i = 0; i < *count; i++)
		complete_path(arena, *list, *count, &(*list)[i], done, 0);
	return STORE_OK;
}

static int
find_str(const void *key, const void *item)
{
	return str_cmp(*(const struct str *)key, *(const struct str *)item);
}

enum store_rc
mailbox_list(struct account *a, struct arena *arena, struct mailbox **list,
    size_t *count, struct err *e)
{
	struct str *subs;
	size_t nsubs;
	struct db *db;
	enum store_rc rc;

	if ((rc = mailbox_subscriptions(a, arena, &subs, &nsubs, e)) !=
		STORE_OK ||
	    (rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	rc = list_all(db->q, arena, list, count, e);
	db_put(&db);
	if (rc != STORE_OK)
		return rc;
	for (size_t i = 0; i < *count; i++) {
		struct mailbox *m = &(*list)[i];

		m->subscribed = bsearch(&m->path, subs, nsubs, sizeof(*subs),
				    find_str) != NULL;
	}
	qsort(*list, *count, sizeof(**list), by_path);
	return STORE_OK;
}

/* The one mailbox for which MATCH holds; accounts have few. */
static enum store_rc
find_in_list(struct account *a, struct arena *arena,
    bool (*match)(const struct mailbox *m, int64_t want), int64_t want,
    struct mailbox *out, struct err *e)
{
	struct mailbox *list;
	size_t count;
	enum store_rc rc = mailbox_list(a, arena, &list, &count, e);

	for (size_t i = 0; rc == STORE_OK && i < count; i++) {
		if (match(&list[i], want)) {
			*out = list[i];
			return STORE_OK;
		}
	}
	return rc != STORE_OK ? rc
			      : store_fail(e, STORE_NOTFOUND,
				    "no such mailbox in account %s", a->id);
}

static bool
has_id(const struct mailbox *m, int64_t want)
{
	return m->id == want;
}

static bool
has_role(const struct mailbox *m, int64_t want)
{
	return (int64_t)m->role == want;
}

enum store_rc
mailbox_get(struct account *a, struct arena *arena, int64_t id,
    struct mailbox *out, struct err *e)
{
	return find_in_list(a, arena, has_id, id, out, e);
}

enum store_rc
mailbox_find_role(struct account *a, struct arena *arena,
    enum mailbox_role role, struct mailbox *out, struct err *e)
{
	/* Its name is known, and every delivery asks for it. */
	if (role == ROLE_INBOX)
		return mailbox_find(a, arena, STR("INBOX"), out, e);
	return find_in_list(a, arena, has_role, role, out, e);
}

/* ------------------------------------------------------------------------
 * Creating
 */

struct create {
	struct str path;
	enum mailbox_role role;
	int64_t id;
};

static enum store_rc
take_role(struct tx *tx, enum mailbox_role role, struct err *e)
{
	/* One mailbox a role: the new one takes it over (RFC 6154, 5.3). */
	if (role == ROLE_NONE)
		return STORE_OK;
	return store_rc_of(sq_run(tx->q, e,
	    "UPDATE mailbox SET role = 0 WHERE role = ?", SQ_I(role)));
}

/* UIDVALIDITY: the time, but never the same or a smaller one again. */
static uint32_t
next_uidvalidity(struct tx *tx)
{
	int64_t now = clock_now();

	tx->uidvalidity = now > (int64_t)tx->uidvalidity ? (uint32_t)now
							 : tx->uidvalidity + 1;
	tx->dirty = true;
	return tx->uidvalidity;
}

static enum store_rc
create_level(struct tx *tx, int64_t parent, struct str name,
    enum mailbox_role role, int64_t *id, struct err *e)
{
	uint64_t modseq = tx_modseq(tx);
	enum store_rc rc;

	rc = store_rc_of(sq_run(tx->q, e,
	    "INSERT INTO mailbox (" COLUMNS ") VALUES"
	    " (?1, ?2, ?3, ?4, 0, ?5, 1, 1, ?1, 0, 0, 0, 0, 0, 0)",
	    SQ_I(modseq), SQ_I(parent), SQ_T(name), SQ_I(role),
	    SQ_I(next_uidvalidity(tx))));
	if (rc != STORE_OK)
		return rc;
	*id = (int64_t)modseq;
	/* Who may see the parent may see the child (RFC 4314, section 4). */
	rc = store_rc_of(sq_run(tx->q, e,
	    "INSERT INTO share (object, identifier, rights, modseq)"
	    " SELECT ?1, identifier, rights, ?1 FROM share WHERE object = ?2",
	    SQ_I(modseq), SQ_I(parent)));
	if (rc != STORE_OK)
		return rc;
	return tx_change(tx, modseq, CHANGE_MAILBOX, 0, *id, *id, e);
}

/* A \Noselect name becomes a mailbox again. */
static enum store_rc
make_selectable(struct tx *tx, int64_t id, struct err *e)
{
	uint64_t modseq = tx_modseq(tx);
	enum store_rc rc;

	tx_forget_mailbox(tx, id);
	rc = store_rc_of(sq_run(tx->q, e,
	    "UPDATE mailbox SET noselect = 0, uidvalidity = ?, uidnext = 1,"
	    " first_recent = 1, modseq = ? WHERE id = ?",
	    SQ_I(next_uidvalidity(tx)), SQ_I(modseq), SQ_I(id)));
	if (rc != STORE_OK)
		return rc;
	return tx_change(tx, modseq, CHANGE_MAILBOX, 0, id, id, e);
}

static enum store_rc
create_path(struct tx *tx, struct create *c, struct err *e)
{
	struct str rest = c->path, level;
	bool made = false, noselect = false;
	int64_t parent = 0;
	enum store_rc rc = STORE_OK;

	while (rc == STORE_OK && str_split(&rest, '/', &level)) {
		struct sqlite3_stmt *s;
		struct str name = canonical_level(level, !parent);
		enum sq_rc q = sq_one(tx->q, &s, e,
		    "SELECT id, noselect FROM mailbox"
		    " WHERE parent = ? AND name = ?",
		    SQ_I(parent), SQ_T(name));

		made = q == SQ_DONE;
		if (q == SQ_ROW) {
			parent = sq_int(s, 0);
			noselect = sq_int(s, 1) != 0;
			sq_reset(s);
		} else if (made) {
			rc = create_level(tx, parent, name,
			    rest.p ? ROLE_NONE : c->role, &parent, e);
		} else {
			rc = store_rc_of(q);
		}
	}
	c->id = parent;
	if (rc != STORE_OK || made)
		return rc;
	if (noselect)
		return make_selectable(tx, parent, e);
	return store_fail(
	    e, STORE_EXISTS, "mailbox \"%.*s\" exists", STR_ARG(c->path));
}

static enum store_rc
run_create(struct tx *tx, void *arg, struct err *e)
{
	struct create *c = arg;
	enum store_rc rc = take_role(tx, c->role, e);

	return rc == STORE_OK ? create_path(tx, c, e) : rc;
}

enum store_rc
tx_mailbox_at(
    struct tx *tx, struct str path, bool create, int64_t *id, struct err *e)
{
	struct create c = { path, ROLE_NONE, 0 };
	struct mailbox m;
	enum store_rc rc;

	*id = 0;
	if ((rc = mailbox_check_path(path, e)) != STORE_OK)
		return rc;
	rc = find_path(tx->q, tx->arena, path, &m, e);
	if (rc == STORE_OK && !m.noselect) {
		*id = m.id;
		return STORE_OK;
	}
	if (!create || (rc != STORE_OK && rc != STORE_NOTFOUND))
		return rc == STORE_OK ? STORE_NOTFOUND : rc;
	rc = create_path(tx, &c, e);
	*id = c.id;
	return rc;
}

enum store_rc
mailbox_create(struct account *a, struct str path, enum mailbox_role role,
    int64_t *id, struct err *e)
{
	struct create c = { path, role, 0 };
	enum store_rc rc;

	if ((rc = mailbox_check_path(path, e)) != STORE_OK ||
	    (rc = write_run(a, DURABLE, run_create, &c, e)) != STORE_OK)
		return rc;
	if (id)
		*id = c.id;
	return STORE_OK;
}

/* ------------------------------------------------------------------------
 * Renaming
 */

struct rename {
	struct str from, to;
};

/* Subscriptions follow a renamed mailbox and its children. */
static enum store_rc
rename_subscriptions(
    struct tx *tx, struct str from, struct str to, struct err *e)
{
	struct str lo = arena_printf(tx->arena, "%.*s/", STR_ARG(from));
	struct str hi = arena_printf(tx->arena, "%.*s0", STR_ARG(from));

	return store_rc_of(sq_run(tx->q, e,
	    "UPDATE OR REPLACE subscription"
	    " SET path = ?1 || substr(path, length(?2) + 1)"
	    " WHERE path = ?2 OR (path >= ?3 AND path < ?4)",
	    SQ_T(to), SQ_T(from), SQ_T(lo), SQ_T(hi)));
}

/* The mailbox that shall hold the last level of PATH, made if missing. */
static enum store_rc
parent_for(struct tx *tx, struct str path, int64_t *id, struct str *name,
    struct err *e)
{
	size_t slash = str_rchr(path, '/');
	struct create c = { str_sub(path, 0, slash), ROLE_NONE, 0 };
	enum store_rc rc;

	*id = 0;
	*name = canonical_level(path, true);
	if (slash == STR_NPOS)
		return STORE_OK;
	*name = str_sub(path, slash + 1, path.n);
	rc = create_path(tx, &c, e);
	*id = c.id;
	return rc == STORE_EXISTS ? STORE_OK : rc;
}

/* Is ID the mailbox INSIDE or one of its parents? */
static enum store_rc
is_within(struct tx *tx, int64_t inside, int64_t id, bool *yes, struct err *e)
{
	*yes = false;
	for (int depth = 0; inside && depth <= MAX_LEVELS; depth++) {
		struct sqlite3_stmt *s;
		enum sq_rc rc;

		if (inside == id) {
			*yes = true;
			return STORE_OK;
		}
		rc = sq_one(tx->q, &s, e,
		    "SELECT parent FROM mailbox WHERE id = ?", SQ_I(inside));
		if (rc != SQ_ROW)
			return store_rc_of(rc);
		inside = sq_int(s, 0);
		sq_reset(s);
	}
	return STORE_OK;
}

static enum store_rc
rename_inbox(
    struct tx *tx, const struct rename *r, int64_t inbox, struct err *e)
{
	struct create c = { r->to, ROLE_NONE, 0 };
	enum store_rc rc;

	if ((rc = create_path(tx, &c, e)) != STORE_OK)
		return rc;
	return tx_move_all(tx, inbox, c.id, e);
}

static enum store_rc
run_rename(struct tx *tx, void *arg, struct err *e)
{
	struct rename *r = arg;
	struct mailbox from, ignored;
	int64_t parent;
	struct str name;
	uint64_t modseq;
	bool cycle;
	enum store_rc rc;

	if ((rc = find_path(tx->q, tx->arena, r->from, &from, e)) != STORE_OK)
		return rc;
	rc = find_path(tx->q, tx->arena, r->to, &ignored, e);
	if (rc != STORE_NOTFOUND)
		return rc != STORE_OK
			   ? rc
			   : store_fail(e, STORE_EXISTS,
				 "mailbox \"%.*s\" exists", STR_ARG(r->to));
	if (from.role == ROLE_INBOX)
		return rename_inbox(tx, r, from.id, e);
	if ((rc = parent_for(tx, r->to, &parent, &name, e)) != STORE_OK ||
	    (rc = is_within(tx, parent, from.id, &cycle, e)) != STORE_OK)
		return rc;
	if (cycle)
		return store_fail(e, STORE_INVALID,
		    "mailbox \"%.*s\" cannot move into itself",
		    STR_ARG(r->from));
	modseq = tx_modseq(tx);
	rc = store_rc_of(sq_run(tx->q, e,
	    "UPDATE mailbox SET parent = ?, name = ? WHERE id = ?",
	    SQ_I(parent), SQ_T(name), SQ_I(from.id)));
	if (rc != STORE_OK)
		return rc;
	if ((rc = rename_subscriptions(
		 tx, from.path, canonical(tx->arena, r->to), e)) != STORE_OK)
		return rc;
	return tx_change(tx, modseq, CHANGE_MAILBOX, 0, from.id, from.id, e);
}

enum store_rc
mailbox_rename(struct account *a, struct str from, struct str to, struct err *e)
{
	struct rename r = { from, to };
	enum store_rc rc;

	if (mailbox_check_path(from, e) != STORE_OK)
		return STORE_NOTFOUND;
	if ((rc = mailbox_check_path(to, e)) != STORE_OK)
		return rc;
	return write_run(a, DURABLE, run_rename, &r, e);
}

/* ------------------------------------------------------------------------
 * Deleting
 */

static enum store_rc
drop_row(struct tx *tx, const struct mailbox *m, uint64_t modseq, struct err *e)
{
	enum store_rc rc;

	tx_forget_mailbox(tx, m->id);
	rc = store_rc_of(
	    sq_run(tx->q, e, "DELETE FROM mailbox WHERE id = ?", SQ_I(m->id)));
	if (rc == STORE_OK)
		rc = store_rc_of(sq_run(tx->q, e,
		    "DELETE FROM share WHERE object = ?", SQ_I(m->id)));
	if (rc == STORE_OK)
		rc = store_rc_of(sq_run(tx->q, e,
		    "DELETE FROM annotation WHERE mailbox = ?", SQ_I(m->id)));
	if (rc != STORE_OK)
		return rc;
	return tx_change(tx, modseq, CHANGE_MAILBOX_GONE, 0, m->id, m->id, e);
}

/* It stays as a name for its children. */
static enum store_rc
make_noselect(
    struct tx *tx, const struct mailbox *m, uint64_t modseq, struct err *e)
{
	enum store_rc rc;

	tx_forget_mailbox(tx, m->id);
	rc = store_rc_of(sq_run(tx->q, e,
	    "UPDATE mailbox SET noselect = 1, role = 0, messages = 0,"
	    " unseen = 0, deleted = 0, size = 0, threads = 0,"
	    " unseen_threads = 0, modseq = ? WHERE id = ?",
	    SQ_I(modseq), SQ_I(m->id)));
	if (rc != STORE_OK)
		return rc;
	return tx_change(tx, modseq, CHANGE_MAILBOX, 0, m->id, m->id, e);
}

static enum store_rc
run_delete(struct tx *tx, void *arg, struct err *e)
{
	struct str *path = arg;
	struct mailbox m;
	enum store_rc rc;

	if ((rc = find_path(tx->q, tx->arena, *path, &m, e)) != STORE_OK ||
	    (rc = read_facts(tx->q, &m, e)) != STORE_OK)
		return rc;
	if (m.role == ROLE_INBOX || (m.noselect && m.has_children))
		return store_fail(e, STORE_INVALID,
		    "mailbox \"%.*s\" cannot be deleted", STR_ARG(*path));
	if ((rc = tx_remove_all(tx, m.id, e)) != STORE_OK)
		return rc;
	snapshot_remove(tx->a, m.id); /* if this fails, it is made again */
	return m.has_children ? make_noselect(tx, &m, tx_modseq(tx), e)
			      : drop_row(tx, &m, tx_modseq(tx), e);
}

enum store_rc
mailbox_delete(struct account *a, struct str path, struct err *e)
{
	if (mailbox_check_path(path, e) != STORE_OK)
		return STORE_NOTFOUND;
	return write_run(a, DURABLE, run_delete, &path, e);
}

/* ------------------------------------------------------------------------
 * Roles, subscriptions, \Recent
 */

static enum store_rc
run_set_role(struct tx *tx, void *arg, struct err *e)
{
	struct create *c = arg;
	struct mailbox m;
	uint64_t modseq;
	enum store_rc rc;

	if ((rc = find_path(tx->q, tx->arena, c->path, &m, e)) != STORE_OK)
		return rc;
	if (m.role == ROLE_INBOX || c->role == ROLE_INBOX)
		return store_fail(
		    e, STORE_INVALID, "INBOX's role cannot change");
	if ((rc = take_role(tx, c->role, e)) != STORE_OK)
		return rc;
	modseq = tx_modseq(tx);
	rc = store_rc_of(
	    sq_run(tx->q, e, "UPDATE mailbox SET role = ? WHERE id = ?",
		SQ_I(c->role), SQ_I(m.id)));
	if (rc != STORE_OK)
		return rc;
	return tx_change(tx, modseq, CHANGE_MAILBOX, 0, m.id, m.id, e);
}

enum store_rc
mailbox_set_role(
    struct account *a, struct str path, enum mailbox_role role, struct err *e)
{
	struct create c = { path, role, 0 };

	if (mailbox_check_path(path, e) != STORE_OK)
		return STORE_NOTFOUND;
	return write_run(a, DURABLE, run_set_role, &c, e);
}

struct subscribe {
	struct str path;
	bool on;
};

static enum store_rc
run_subscribe(struct tx *tx, void *arg, struct err *e)
{
	struct subscribe *s = arg;
	struct str path = canonical(tx->arena, s->path);
	uint64_t modseq = tx_modseq(tx);
	enum sq_rc rc;

	rc = s->on ? sq_run(tx->q, e,
			 "INSERT OR IGNORE INTO subscription VALUES (?)",
			 SQ_T(path))
		   : sq_run(tx->q, e, "DELETE FROM subscription WHERE path = ?",
			 SQ_T(path));
	if (rc != SQ_OK)
		return store_rc_of(rc);
	return tx_change(tx, modseq, CHANGE_MAILBOX, 0, 0, 0, e);
}

enum store_rc
mailbox_subscribe(struct account *a, struct str path, bool on, struct err *e)
{
	struct subscribe s = { path, on };
	enum store_rc rc = mailbox_check_path(path, e);

	return rc == STORE_OK ? write_run(a, DURABLE, run_subscribe, &s, e)
			      : rc;
}

enum store_rc
mailbox_subscriptions(struct account *a, struct arena *arena,
    struct str **paths, size_t *count, struct err *e)
{
	struct sqlite3_stmt *s;
	struct db *db;
	size_t cap = 16, n = 0;
	struct str *list = arena_array(arena, cap, sizeof(*list));
	enum store_rc rc;
	enum sq_rc step;

	if ((rc = db_get(a, &db, e)) != STORE_OK)
		return rc;
	step = sq_start(
	    db->q, &s, e, "SELECT path FROM subscription ORDER BY path");
	while (step == SQ_OK && (step = sq_step(s, e)) == SQ_ROW) {
		list = arena_grow(arena, list, n, &cap, sizeof(*list));
		list[n++] = sq_dup(arena, s, 0);
		step = SQ_OK;
	}
	db_put(&db);
	*paths = list;
	*count = n;
	return store_rc_of(step);
}

struct claim {
	int64_t id;
	uint32_t first, next;
};

static enum store_rc
run_claim(struct tx *tx, void *arg, struct err *e)
{
	struct claim *c = arg;
	struct tx_mailbox *m;
	enum store_rc rc = tx_mailbox(tx, c->id, &m, e);

	if (rc != STORE_OK)
		return rc;
	c->first = m->first_recent;
	c->next = m->uidnext;
	if (m->first_recent != m->uidnext) {
		m->first_recent = m->uidnext;
		m->dirty = true;
	}
	return STORE_OK;
}

enum store_rc
mailbox_claim_recent(struct account *a, int64_t id, uint32_t *first,
    uint32_t *next, struct err *e)
{
	struct claim c = { id, 0, 0 };
	enum store_rc rc = write_run(a, RELAXED, run_claim, &c, e);

	*first = c.first;
	*next = c.next;
	return rc;
}
