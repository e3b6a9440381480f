/* SPDX-License-Identifier: BSD-2-Clause */
#include "pop3d/maildrop.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/mem.h"

/* ------------------------------------------------------------------------
 * Opening
 */

/* Read mail that is older than the policy lets it stay (RFC 2449, 6.7). */
static enum store_rc
expire(struct account *a, int64_t mailbox, uint64_t seconds, struct err *e)
{
	int64_t before = clock_now() - (int64_t)seconds;
	struct arena *arena = arena_new();
	struct uids_builder old = { .arena = arena };
	struct view *v;
	enum store_rc rc = view_current(a, mailbox, &v, e);

	for (uint32_t i = 1; rc == STORE_OK && i <= view_count(v); i++) {
		const struct view_row *row = view_at(v, i);

		if (row->saved < before && row->flags.bits & FLAG_SEEN)
			uids_add(&old, row->uid);
	}
	if (rc == STORE_OK)
		view_unref(&v);
	if (rc == STORE_OK && old.n > 0)
		rc = account_expunge(
		    a, mailbox, uids_done(&old), false, NULL, NULL, e);
	arena_free(&arena);
	return rc;
}

/* Number only the messages that do not have KEYWORD. */
static void
leave_out(struct maildrop *m, uint32_t keyword)
{
	uint32_t all = view_count(m->view);

	m->count = 0;
	m->seqs = mem_array(NULL, all ? all : 1, sizeof(*m->seqs));
	for (uint32_t i = 1; i <= all; i++) {
		if (!flags_has_keyword(&view_at(m->view, i)->flags, keyword))
			m->seqs[m->count++] = i;
	}
}

/* Also when the policy is another one by now: what the client once deleted
 * stays away, save that its owner takes the keyword off. */
static enum store_rc
hide(struct maildrop *m, struct err *e)
{
	uint32_t keyword;
	enum store_rc rc = account_keyword(
	    m->account, STR(HIDDEN_KEYWORD), false, &keyword, e);

	if (rc == STORE_OK)
		leave_out(m, keyword);
	return rc == STORE_NOTFOUND ? STORE_OK : rc;
}

static enum store_rc
find_i18n(struct maildrop *m, const struct policy *p, bool utf8, struct err *e)
{
	if (utf8 || p->utf8 == UTF8_SEND)
		return STORE_OK;
	m->arena = arena_new();
	m->refuse = p->utf8 == UTF8_REFUSE;
	return mailbox_downgraded(m->account, view_mailbox(m->view), m->arena,
	    &m->i18n, &m->ni18n, e);
}

enum store_rc
maildrop_open(struct maildrop *m, struct account *a, const struct policy *p,
    bool utf8, struct err *e)
{
	struct arena *arena = arena_new();
	struct mailbox inbox;
	enum store_rc rc = mailbox_find_role(a, arena, ROLE_INBOX, &inbox, e);

	*m = (struct maildrop){ .account = a };
	arena_free(&arena);
	if (rc == STORE_OK && p->expire != EXPIRE_NEVER)
		rc = expire(a, inbox.id, p->expire, e);
	if (rc == STORE_OK)
		rc = view_current(a, inbox.id, &m->view, e);
	if (rc != STORE_OK)
		return rc;
	m->count = view_count(m->view);
	rc = hide(m, e);
	if (rc == STORE_OK)
		rc = find_i18n(m, p, utf8, e);
	if (rc != STORE_OK)
		maildrop_close(m);
	return rc;
}

void
maildrop_close(struct maildrop *m)
{
	if (m->view)
		view_unref(&m->view);
	free(m->seqs);
	free(m->deleted);
	free(m->retrieved);
	arena_free(&m->arena);
	*m = (struct maildrop){ 0 };
}

/* ------------------------------------------------------------------------
 * Messages and marks
 */

static bool
has_bit(const uint8_t *bits, uint32_t n)
{
	return bits && bits[(n - 1) / 8] >> (n - 1) % 8 & 1;
}

static void
set_bit(const struct maildrop *m, uint8_t **bits, uint32_t n)
{
	if (!*bits)
		*bits = mem_zalloc(m->count / 8 + 1);
	(*bits)[(n - 1) / 8] |= (uint8_t)(1 << (n - 1) % 8);
}

static const struct view_row *
row_of(const struct maildrop *m, uint32_t n)
{
	return view_at(m->view, m->seqs ? m->seqs[n - 1] : n);
}

bool
maildrop_is_deleted(const struct maildrop *m, uint32_t n)
{
	return n > 0 && n <= m->count && has_bit(m->deleted, n);
}

const struct view_row *
maildrop_at(const struct maildrop *m, uint32_t n)
{
	if (n == 0 || n > m->count || has_bit(m->deleted, n))
		return NULL;
	return row_of(m, n);
}

static int
by_uid(const void *uid, const void *item)
{
	uint32_t a = *(const uint32_t *)uid;
	uint32_t b = ((const struct downgraded *)item)->uid;

	return a < b ? -1 : a > b;
}

static const struct downgraded *
i18n_of(const struct maildrop *m, const struct view_row *row)
{
	if (m->ni18n == 0)
		return NULL;
	return bsearch(&row->uid, m->i18n, m->ni18n, sizeof(*m->i18n), by_uid);
}

bool
maildrop_i18n(const struct maildrop *m, const struct view_row *row)
{
	return i18n_of(m, row) != NULL;
}

uint32_t
maildrop_size(const struct maildrop *m, const struct view_row *row)
{
	const struct downgraded *d = m->refuse ? NULL : i18n_of(m, row);

	return d ? d->size : row->size;
}

void
maildrop_delete(struct maildrop *m, uint32_t n)
{
	set_bit(m, &m->deleted, n);
	m->ndeleted++;
	m->deleted_size += maildrop_size(m, row_of(m, n));
}

void
maildrop_retrieved(struct maildrop *m, uint32_t n)
{
	set_bit(m, &m->retrieved, n);
}

void
maildrop_reset(struct maildrop *m)
{
	free(m->deleted);
	m->deleted = NULL;
	m->ndeleted = 0;
	m->deleted_size = 0;
}

void
maildrop_stat(struct maildrop *m, uint32_t *count, uint64_t *size)
{
	for (uint32_t n = 1; !m->sized && n <= m->count; n++)
		m->size += maildrop_size(m, row_of(m, n));
	m->sized = true;
	*count = m->count - m->ndeleted;
	*size = m->size - m->deleted_size;
}

/* ------------------------------------------------------------------------
 * Unique-ids
 */

enum store_rc
maildrop_uidl(const struct maildrop *m, const struct policy *p,
    struct reader *r, const struct view_row *row, struct buf *out,
    struct err *e)
{
	uint8_t hash[SHA256_LEN];
	struct str kept;
	enum store_rc rc = email_uidl(r, row->email, &kept, e);

	if (rc == STORE_OK) {
		buf_putstr(out, kept);
		return STORE_OK;
	}
	if (rc != STORE_NOTFOUND)
		return rc;
	if (!p->content_ids) {
		buf_putu(out, view_uidvalidity(m->view));
		buf_putc(out, '.');
		buf_putu(out, row->uid);
		return STORE_OK;
	}
	rc = email_hash(r, row->email, hash, e);
	if (rc == STORE_OK)
		hex_encode(out, hash, sizeof(hash));
	return rc;
}

/* ------------------------------------------------------------------------
 * The end of the session
 */

static bool
goes(const struct maildrop *m, const struct policy *p, uint32_t n)
{
	return has_bit(m->deleted, n) ||
	       (p->del == DELETE_ALWAYS && has_bit(m->retrieved, n));
}

static bool
becomes_seen(const struct maildrop *m, const struct policy *p, uint32_t n)
{
	(void)p;
	return has_bit(m->retrieved, n) &&
	       !(row_of(m, n)->flags.bits & FLAG_SEEN);
}

/* UIDs of the messages for which TEST is true. */
static struct uids
collect(const struct maildrop *m, const struct policy *p, struct arena *arena,
    bool (*test)(const struct maildrop *m, const struct policy *p, uint32_t n))
{
	struct uids_builder b = { .arena = arena };

	for (uint32_t n = 1; n <= m->count; n++) {
		if (test(m, p, n))
			uids_add(&b, row_of(m, n)->uid);
	}
	return uids_done(&b);
}

static enum store_rc
add_flags(struct maildrop *m, struct arena *arena, struct uids uids,
    const struct flags *flags, struct err *e)
{
	uint64_t modseq;

	return account_store_flags(m->account, view_mailbox(m->view), uids,
	    FLAGS_ADD, flags, NO_UNCHANGEDSINCE, arena, NULL, &modseq, e);
}

enum store_rc
maildrop_mark_seen(struct maildrop *m, const struct policy *p, struct err *e)
{
	struct arena *arena;
	struct flags seen = { .bits = FLAG_SEEN };
	struct uids uids;
	enum store_rc rc = STORE_OK;

	if (!m->retrieved || !p->seen)
		return STORE_OK;
	arena = arena_new();
	uids = collect(m, p, arena, becomes_seen);
	if (uids.n > 0)
		rc = add_flags(m, arena, uids, &seen, e);
	arena_free(&arena);
	return rc;
}

static enum store_rc
hide_messages(
    struct maildrop *m, struct arena *arena, struct uids uids, struct err *e)
{
	struct flags flags = { 0 };
	uint32_t keyword;
	enum store_rc rc =
	    account_keyword(m->account, STR(HIDDEN_KEYWORD), true, &keyword, e);

	if (rc != STORE_OK)
		return rc;
	flags_set_keyword(arena, &flags, keyword);
	return add_flags(m, arena, uids, &flags, e);
}

enum store_rc
maildrop_update(struct maildrop *m, const struct policy *p, uint32_t *removed,
    struct err *e)
{
	struct arena *arena = arena_new();
	struct uids uids = { NULL, 0 };
	enum store_rc rc = STORE_OK;

	if (m->deleted || (m->retrieved && p->del == DELETE_ALWAYS))
		uids = collect(m, p, arena, goes);
	*removed = (uint32_t)uids_count(uids);
	if (uids.n > 0 && p->del == DELETE_HIDE)
		rc = hide_messages(m, arena, uids, e);
	else if (uids.n > 0)
		rc = account_expunge(m->account, view_mailbox(m->view), uids,
		    false, NULL, NULL, e);
	arena_free(&arena);
	return rc;
}
