/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "ctl/message.h"
#include "ctl/verbs.h"

static const char *const role_names[] = { "", "inbox", "drafts", "sent", "junk",
	"trash", "archive", "all", "flagged", "important" };

static const struct column columns[] = {
	{ "path", "MAILBOX", COL_TEXT },
	{ "role", "ROLE", COL_TEXT },
	{ "messages", "MESSAGES", COL_NUMBER },
	{ "unseen", "UNSEEN", COL_NUMBER },
	{ "size", "SIZE", COL_SIZE },
	{ "subscribed", "SUBSCRIBED", COL_BOOL },
	{ NULL, NULL, COL_TEXT },
};

static json_t *
mailbox_json(const struct mailbox *m)
{
	return json_pack("{s:o, s:s, s:I, s:I, s:I, s:b, s:b, s:I, s:I, s:I}",
	    "path", json_str(m->path), "role", role_names[m->role], "messages",
	    (json_int_t)m->messages, "unseen", (json_int_t)m->unseen, "size",
	    (json_int_t)m->size, "subscribed", (int)m->subscribed, "noselect",
	    (int)m->noselect, "uidvalidity", (json_int_t)m->uidvalidity,
	    "uidnext", (json_int_t)m->uidnext, "modseq", (json_int_t)m->modseq);
}

int
cmd_mailbox_list(struct ctl *c)
{
	struct site_account acc;
	struct account *a;
	struct mailbox *list;
	enum store_rc rc;
	json_t *rows;
	size_t count;
	int status = ctl_open_account(c, ctl_arg(c, 0), &acc, &a);

	if (status != 0)
		return status;
	rc = mailbox_list(a, c->arena, &list, &count, &c->err);
	account_close(&a);
	if (rc != STORE_OK)
		return ctl_store_failed(c, rc, NULL);
	rows = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(rows, mailbox_json(&list[i]));
	return out_rows(c, columns, rows);
}

static const char list_hint[] =
    "\"mailstead mailbox list ADDRESS\" shows those there are";

/* Finish a verb that changed the mailbox named by argument 1. */
static int
finish(struct ctl *c, struct account **a, enum store_rc rc, const char *what)
{
	account_close(a);
	if (rc != STORE_OK)
		return ctl_store_failed(
		    c, rc, rc == STORE_NOTFOUND ? list_hint : NULL);
	return out_done(c,
	    json_pack("{s:o}", "path", json_str(ctl_arg(c, c->argc - 1))),
	    "%s mailbox %s", what, c->argv[c->argc - 1]);
}

int
cmd_mailbox_create(struct ctl *c)
{
	struct site_account acc;
	struct account *a;
	enum store_rc rc;
	int status = ctl_open_account(c, ctl_arg(c, 0), &acc, &a);

	if (status != 0)
		return status;
	rc = mailbox_create(a, ctl_arg(c, 1), ROLE_NONE, NULL, &c->err);
	if (rc == STORE_OK)
		rc = mailbox_subscribe(a, ctl_arg(c, 1), true, &c->err);
	return finish(c, &a, rc, "created");
}

int
cmd_mailbox_rename(struct ctl *c)
{
	struct site_account acc;
	struct account *a;
	enum store_rc rc;
	int status = ctl_open_account(c, ctl_arg(c, 0), &acc, &a);

	if (status != 0)
		return status;
	rc = mailbox_rename(a, ctl_arg(c, 1), ctl_arg(c, 2), &c->err);
	return finish(c, &a, rc, "renamed it to");
}

int
cmd_mailbox_remove(struct ctl *c)
{
	struct site_account acc;
	struct mailbox m;
	struct account *a;
	enum store_rc rc;
	int status = ctl_open_account(c, ctl_arg(c, 0), &acc, &a);

	if (status != 0)
		return status;
	rc = mailbox_find(a, c->arena, ctl_arg(c, 1), &m, &c->err);
	if (rc == STORE_OK && m.messages > 0 &&
	    !ask_yes(c, "Remove the mailbox with its messages?")) {
		account_close(&a);
		return ctl_failf(c, EX_USAGE, "confirm with --yes",
		    "%s has %llu messages", c->argv[1],
		    (unsigned long long)m.messages);
	}
	if (rc == STORE_OK)
		rc = mailbox_delete(a, ctl_arg(c, 1), &c->err);
	return finish(c, &a, rc, "removed");
}

/* ------------------------------------------------------------------------
 * fetch: what is in a mailbox, or one message as it is
 */

/* At most N bytes of it, cut between characters. */
static struct str
shorten(struct str s, size_t n)
{
	if (s.n <= n)
		return s;
	while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return str_sub(s, 0, n);
}

static json_t *
flags_json(struct ctl *c, const struct flags *f, const struct str *keywords,
    uint32_t count)
{
	json_t *list = json_array();
	struct str *names;
	size_t n = flag_names(c->arena, f, keywords, count, &names);

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_str(names[i]));
	return list;
}

static enum store_rc
list_rows(struct ctl *c, struct account *a, struct view *v, json_t *rows)
{
	const struct str *keywords;
	struct email_meta meta;
	struct reader *r;
	uint32_t count;
	enum store_rc rc;

	rc = account_keywords(a, c->arena, &keywords, &count, &c->err);
	if (rc != STORE_OK)
		return rc;
	if ((rc = reader_begin(a, &r, &c->err)) != STORE_OK)
		return rc;
	for (uint32_t i = 1; rc == STORE_OK && i <= view_count(v); i++) {
		const struct view_row *row = view_at(v, i);

		rc = email_meta(r, row->email, &meta, &c->err);
		if (rc != STORE_OK)
			break;
		json_array_append_new(
		    rows, json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "uid",
			      (json_int_t)row->uid, "received",
			      (json_int_t)row->received, "size",
			      (json_int_t)row->size, "flags",
			      flags_json(c, &row->flags, keywords, count),
			      "message_id", json_str(meta.msgid), "preview",
			      json_str(shorten(meta.preview, 60))));
	}
	reader_end(&r);
	return rc;
}

static int
list_messages(struct ctl *c, struct account *a, struct view *v)
{
	static const struct column message_columns[] = {
		{ "uid", "UID", COL_NUMBER },
		{ "received", "RECEIVED", COL_TIME },
		{ "size", "SIZE", COL_SIZE },
		{ "flags", "FLAGS", COL_LIST },
		{ "preview", "TEXT", COL_TEXT },
		{ NULL, NULL, COL_TEXT },
	};
	json_t *rows = json_array();
	enum store_rc rc = list_rows(c, a, v, rows);

	if (rc == STORE_OK)
		return out_rows(c, message_columns, rows);
	json_decref(rows);
	return ctl_store_failed(c, rc, NULL);
}

static int
print_message(struct ctl *c, struct account *a, struct view *v)
{
	struct buf raw = { 0 };
	struct reader *r;
	enum store_rc rc;
	uint32_t uid, seq;

	if (!str_u32(ctl_arg(c, 2), &uid) || !(seq = view_seq(v, uid)))
		return ctl_failf(c, EX_NOINPUT,
		    "without a UID, fetch lists the messages",
		    "%s has no message with UID %s", c->argv[1], c->argv[2]);
	if ((rc = reader_begin(a, &r, &c->err)) != STORE_OK)
		return ctl_store_failed(c, rc, NULL);
	rc =
	    email_read(r, view_at(v, seq)->email, 0, UINT64_MAX, &raw, &c->err);
	reader_end(&r);
	if (rc == STORE_OK)
		fwrite(raw.p, 1, raw.n, stdout);
	buf_fini(&raw);
	return rc == STORE_OK ? 0 : ctl_store_failed(c, rc, NULL);
}

int
cmd_fetch(struct ctl *c)
{
	struct site_account acc;
	struct account *a;
	struct mailbox m;
	struct view *v;
	enum store_rc rc;
	int status = ctl_open_account(c, ctl_arg(c, 0), &acc, &a);

	if (status != 0)
		return status;
	rc = mailbox_find(a, c->arena,
	    c->argc > 1 ? ctl_arg(c, 1) : STR("INBOX"), &m, &c->err);
	if (rc == STORE_OK)
		rc = view_current(a, m.id, &v, &c->err);
	if (rc != STORE_OK) {
		account_close(&a);
		return ctl_store_failed(
		    c, rc, rc == STORE_NOTFOUND ? list_hint : NULL);
	}
	status = c->argc > 2 ? print_message(c, a, v) : list_messages(c, a, v);
	view_unref(&v);
	account_close(&a);
	return status;
}
