/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/place.h"

const char *const role_names[] = {
	[ROLE_NONE] = NULL,
	[ROLE_INBOX] = NULL,
	[ROLE_DRAFTS] = "\\Drafts",
	[ROLE_SENT] = "\\Sent",
	[ROLE_JUNK] = "\\Junk",
	[ROLE_TRASH] = "\\Trash",
	[ROLE_ARCHIVE] = "\\Archive",
	[ROLE_ALL] = "\\All",
	[ROLE_FLAGGED] = "\\Flagged",
	[ROLE_IMPORTANT] = "\\Important",
};

enum mailbox_role
role_named(struct str name)
{
	/* Those that are views of other mailboxes are not offered. */
	for (int r = ROLE_DRAFTS; r <= ROLE_IMPORTANT; r++) {
		if (r != ROLE_ALL && r != ROLE_FLAGGED &&
		    str_ieqc(name, role_names[r]))
			return (enum mailbox_role)r;
	}
	return ROLE_NONE;
}

static uint64_t
get_messages(const struct mailbox *m)
{
	return m->messages;
}

static uint64_t
get_uidnext(const struct mailbox *m)
{
	return m->uidnext;
}

static uint64_t
get_uidvalidity(const struct mailbox *m)
{
	return m->uidvalidity;
}

static uint64_t
get_unseen(const struct mailbox *m)
{
	return m->unseen;
}

static uint64_t
get_deleted(const struct mailbox *m)
{
	return m->deleted;
}

static uint64_t
get_size(const struct mailbox *m)
{
	return m->size;
}

static uint64_t
get_modseq(const struct mailbox *m)
{
	return m->modseq;
}

enum form {
	FORM_NUMBER,
	FORM_RECENT, /* counted */
	FORM_MODSEQ, /* asking for it enables CONDSTORE */
	FORM_ID,
	FORM_LIMIT,        /* RFC 7889; the same for all */
	FORM_DELETED_SIZE, /* summed up */
};

static const struct {
	const char *name;
	enum form form;
	uint64_t (*get)(const struct mailbox *m);
} rows[] = {
	{ "MESSAGES", FORM_NUMBER, get_messages },
	{ "RECENT", FORM_RECENT, NULL },
	{ "UIDNEXT", FORM_NUMBER, get_uidnext },
	{ "UIDVALIDITY", FORM_NUMBER, get_uidvalidity },
	{ "UNSEEN", FORM_NUMBER, get_unseen },
	{ "DELETED-STORAGE", FORM_DELETED_SIZE, NULL },
	{ "DELETED", FORM_NUMBER, get_deleted },
	{ "SIZE", FORM_NUMBER, get_size },
	{ "HIGHESTMODSEQ", FORM_MODSEQ, get_modseq },
	{ "MAILBOXID", FORM_ID, NULL },
	{ "APPENDLIMIT", FORM_LIMIT, NULL },
};
#define ROWS LEN(rows)

bool
status_parse(struct parse *p, unsigned *items)
{
	*items = 0;
	if (!parse_char(p, '('))
		return false;
	do {
		unsigned i = 0;

		while (i < ROWS && !parse_try_word(p, rows[i].name))
			i++;
		if (i == ROWS)
			return parse_fail(p, "unknown STATUS item");
		*items |= 1u << i;
	} while (parse_try(p, ' '));
	return parse_char(p, ')');
}

/* Only a mailbox with messages that nobody has seen yet is looked into. */
static enum store_rc
count_recent(
    struct session *s, const struct place *p, uint64_t *n, struct err *e)
{
	const struct mailbox *m = &p->m;
	struct view *v = NULL;
	enum store_rc rc;

	*n = 0;
	if (sel_is(s, p->account, m->id)) {
		*n = sel_count_recent(s, s->sel.view);
		return STORE_OK;
	}
	if (m->first_recent >= m->uidnext)
		return STORE_OK;
	rc = view_current(p->account, m->id, &v, e);
	if (rc != STORE_OK)
		return rc;
	*n = view_count(v) + 1 - view_lower_bound(v, m->first_recent);
	view_unref(&v);
	return STORE_OK;
}

/* RFC 9208: what EXPUNGE would free, at most. */
static enum store_rc
deleted_size(const struct place *p, uint64_t *n, struct err *e)
{
	struct view *v = NULL;
	enum store_rc rc;

	*n = 0;
	if (!p->m.deleted)
		return STORE_OK;
	rc = view_current(p->account, p->m.id, &v, e);
	if (rc != STORE_OK)
		return rc;
	for (uint32_t seq = 1; seq <= view_count(v); seq++) {
		const struct view_row *row = view_at(v, seq);

		if (row->flags.bits & FLAG_DELETED)
			*n += row->size;
	}
	view_unref(&v);
	return STORE_OK;
}

static enum store_rc
put_row(struct session *s, const struct place *p, unsigned row, struct err *e)
{
	struct buf *out = conn_out(s->conn);
	enum store_rc rc = STORE_OK;
	uint64_t n;

	buf_puts(out, rows[row].name);
	buf_putc(out, ' ');
	switch (rows[row].form) {
	case FORM_RECENT:
		rc = count_recent(s, p, &n, e);
		buf_putu(out, n);
		break;
	case FORM_DELETED_SIZE:
		rc = deleted_size(p, &n, e);
		buf_putu(out, n);
		break;
	case FORM_ID:
		write_objectid(out, 'F', p->m.id);
		break;
	case FORM_LIMIT:
		buf_putu(out, s->d->max_literal);
		break;
	case FORM_MODSEQ:
	case FORM_NUMBER:
		buf_putu(out, rows[row].get(&p->m));
		break;
	}
	return rc;
}

void
status_enable(struct session *s, unsigned items)
{
	for (unsigned i = 0; i < ROWS; i++) {
		if ((items & 1u << i) && rows[i].form == FORM_MODSEQ)
			enable_condstore(s);
	}
}

enum store_rc
status_put(
    struct session *s, const struct place *p, unsigned items, struct err *e)
{
	struct buf *out = conn_out(s->conn);
	size_t start;
	enum store_rc rc = STORE_OK;
	const char *sep = "";

	start = out->n;
	BUF_LIT(out, "* STATUS ");
	write_mailbox(out, p->name, session_utf8(s));
	BUF_LIT(out, " (");
	for (unsigned i = 0; i < ROWS && rc == STORE_OK; i++) {
		if (!(items & 1u << i))
			continue;
		buf_puts(out, sep);
		rc = put_row(s, p, i, e);
		sep = " ";
	}
	BUF_LIT(out, ")\r\n");
	if (rc != STORE_OK)
		out->n = start;
	return rc;
}
