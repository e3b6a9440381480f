/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/command.h"

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

/* All but RECENT are columns of the mailbox row. */
static const struct {
	const char *name;
	uint64_t (*get)(const struct mailbox *m);
} rows[] = {
	{ "MESSAGES", get_messages },
	{ "RECENT", NULL },
	{ "UIDNEXT", get_uidnext },
	{ "UIDVALIDITY", get_uidvalidity },
	{ "UNSEEN", get_unseen },
	{ "DELETED", get_deleted },
	{ "SIZE", get_size },
	{ "HIGHESTMODSEQ", get_modseq },
};
#define ROWS (sizeof(rows) / sizeof(*rows))
#define RECENT_ROW 1

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
    struct session *s, const struct mailbox *m, uint64_t *n, struct err *e)
{
	struct view *v = NULL;
	enum store_rc rc;

	*n = 0;
	if (s->state == ST_SELECTED && s->sel.mailbox == m->id) {
		*n = sel_count_recent(s, s->sel.view);
		return STORE_OK;
	}
	if (m->first_recent >= m->uidnext)
		return STORE_OK;
	rc = view_current(s->account, m->id, &v, e);
	if (rc != STORE_OK)
		return rc;
	*n = view_count(v) + 1 - view_lower_bound(v, m->first_recent);
	view_unref(&v);
	return STORE_OK;
}

enum store_rc
status_put(
    struct session *s, const struct mailbox *m, unsigned items, struct err *e)
{
	struct buf *out = conn_out(s->conn);
	uint64_t recent = 0;
	const char *sep = "";

	if (items & 1u << RECENT_ROW) {
		enum store_rc rc = count_recent(s, m, &recent, e);

		if (rc != STORE_OK)
			return rc;
	}
	if (items & 1u << (ROWS - 1))
		enable_condstore(s);
	BUF_LIT(out, "* STATUS ");
	write_mailbox(out, m->path, session_utf8(s));
	BUF_LIT(out, " (");
	for (unsigned i = 0; i < ROWS; i++) {
		if (!(items & 1u << i))
			continue;
		buf_puts(out, sep);
		buf_puts(out, rows[i].name);
		buf_putc(out, ' ');
		buf_putu(out, rows[i].get ? rows[i].get(m) : recent);
		sep = " ";
	}
	BUF_LIT(out, ")\r\n");
	return STORE_OK;
}
