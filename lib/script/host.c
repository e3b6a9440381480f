/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/host.h"

#include "base/log.h"
#include "script/execute.h"
#include "script/lists.h"
#include "store/memory.h"

#define MESSAGE_MAX ((size_t)64 << 20) /* octets that a filter may write */
#define VALUE_MAX ((size_t)1 << 20)

static enum sieve_answer
answer_of(struct script_host *h, enum store_rc rc)
{
	if (rc == STORE_OK)
		return SIEVE_YES;
	if (rc == STORE_NOTFOUND || rc == STORE_INVALID)
		return SIEVE_NO;
	log_error("a Sieve script got no answer", LOG_CSTR("id", h->id),
	    LOG_CSTR("account", h->owner->id), LOG_ERR(&h->err));
	return SIEVE_FAILED;
}

/* ------------------------------------------------------------------------
 * Mailboxes
 */

static const struct {
	const char *use;
	enum mailbox_role role;
} uses[] = {
	{ "\\All", ROLE_ALL },
	{ "\\Archive", ROLE_ARCHIVE },
	{ "\\Drafts", ROLE_DRAFTS },
	{ "\\Flagged", ROLE_FLAGGED },
	{ "\\Important", ROLE_IMPORTANT },
	{ "\\Junk", ROLE_JUNK },
	{ "\\Sent", ROLE_SENT },
	{ "\\Trash", ROLE_TRASH },
};

static enum mailbox_role
role_of(struct str use)
{
	for (size_t i = 0; i < LEN(uses); i++) {
		if (str_ieqc(use, uses[i].use))
			return uses[i].role;
	}
	return ROLE_NONE;
}

static enum sieve_answer
list_mailboxes(struct script_host *h)
{
	enum sieve_answer a = SIEVE_YES;

	if (!h->listed)
		a = answer_of(h, mailbox_list(h->account, h->arena,
				     &h->mailboxes, &h->nmailboxes, &h->err));
	h->listed = a == SIEVE_YES;
	return a;
}

static bool
is_path(const struct mailbox *m, struct str path)
{
	if (m->noselect)
		return false;
	return m->role == ROLE_INBOX ? str_ieqc(path, "INBOX")
				     : str_eq(m->path, path);
}

/* As MAILBOXID has it (RFC 8474): "F" and the number. */
static bool
is_id(const struct mailbox *m, struct str id)
{
	uint64_t v;

	return id.n > 1 && id.p[0] == 'F' &&
	       str_u64(str_sub(id, 1, SIZE_MAX), &v) && m->id == (int64_t)v &&
	       !m->noselect;
}

static bool
has_use(const struct mailbox *m, struct str use)
{
	return role_of(use) != ROLE_NONE && m->role == role_of(use);
}

static const struct mailbox *
find(const struct script_host *h, struct str wanted,
    bool (*is)(const struct mailbox *m, struct str wanted))
{
	for (size_t i = 0; wanted.n > 0 && i < h->nmailboxes; i++) {
		if (is(&h->mailboxes[i], wanted))
			return &h->mailboxes[i];
	}
	return NULL;
}

enum sieve_answer
script_mailbox(struct script_host *h, const struct sieve_place *place,
    const struct mailbox **out)
{
	*out = NULL;
	if (list_mailboxes(h) != SIEVE_YES)
		return SIEVE_FAILED;
	*out = find(h, place->mailboxid, is_id);
	if (!*out)
		*out = find(h, place->special_use, has_use);
	if (!*out)
		*out = find(h, place->mailbox.n ? place->mailbox : STR("INBOX"),
		    is_path);
	return *out ? SIEVE_YES : SIEVE_NO;
}

static enum sieve_answer
exists(struct script_host *h, struct str wanted,
    bool (*is)(const struct mailbox *m, struct str wanted))
{
	enum sieve_answer a = list_mailboxes(h);

	if (a != SIEVE_YES)
		return SIEVE_FAILED;
	return find(h, wanted, is) ? SIEVE_YES : SIEVE_NO;
}

static enum sieve_answer
mailbox_exists(void *arg, struct str name)
{
	return exists(arg, name, is_path);
}

static enum sieve_answer
mailboxid_exists(void *arg, struct str id)
{
	return exists(arg, id, is_id);
}

static enum sieve_answer
special_use_exists(void *arg, struct str mailbox, struct str use)
{
	struct script_host *h = arg;
	enum sieve_answer a = exists(h, use, has_use);
	const struct mailbox *m;

	if (a != SIEVE_YES || mailbox.n == 0)
		return a;
	m = find(h, mailbox, is_path);
	return m && has_use(m, use) ? SIEVE_YES : SIEVE_NO;
}

/* ------------------------------------------------------------------------
 * Annotations
 */

/* What the site's settings say of the server (RFC 5464, section 6.2.1). */
static bool
server_setting(struct script_host *h, struct str entry, struct buf *value)
{
	const char *key = str_ieqc(entry, "/shared/comment")
			      ? "metadata.comment"
			  : str_ieqc(entry, "/shared/admin") ? "metadata.admin"
							     : NULL;

	if (key)
		buf_putstr(value, site_setting(h->site, h->arena, key,
				      site_scope_of(h->owner)));
	return value->n > 0;
}

static bool
is_entry(const struct annotation *an, struct str entry)
{
	struct str prefix = an->shared ? STR("/shared") : STR("/private");

	return str_istarts(entry, prefix) &&
	       str_ieq(an->name, str_sub(entry, prefix.n, SIZE_MAX));
}

static enum sieve_answer
metadata(void *arg, struct str mailbox, struct str entry, struct buf *value)
{
	struct script_host *h = arg;
	const struct mailbox *m = NULL;
	struct annotation *list;
	size_t n;
	enum sieve_answer a;

	if (mailbox.n > 0 && exists(h, mailbox, is_path) == SIEVE_FAILED)
		return SIEVE_FAILED;
	if (mailbox.n > 0 && !(m = find(h, mailbox, is_path)))
		return SIEVE_NO;
	a = answer_of(h, annotations_get(h->account, h->arena, m ? m->id : 0,
			     str_of(h->owner->id), &list, &n, &h->err));
	for (size_t i = 0; a == SIEVE_YES && i < n; i++) {
		if (!is_entry(&list[i], entry))
			continue;
		buf_putstr(value, list[i].value);
		return SIEVE_YES;
	}
	if (a == SIEVE_FAILED)
		return a;
	return !m && server_setting(h, entry, value) ? SIEVE_YES : SIEVE_NO;
}

/* ------------------------------------------------------------------------
 * The rest
 */

static enum sieve_answer
remembered(void *arg, struct str kind, struct str key)
{
	struct script_host *h = arg;
	bool yes = false;
	enum sieve_answer a =
	    answer_of(h, memory_has(h->account, kind, key, &yes, &h->err));

	return a == SIEVE_YES && !yes ? SIEVE_NO : a;
}

static enum sieve_answer
owns_address(void *arg, struct str address)
{
	struct script_host *h = arg;
	bool yes = false;

	if (site_may_send_as(h->site, h->owner, address, &yes, &h->err) !=
	    SITE_OK)
		return SIEVE_NO;
	return yes ? SIEVE_YES : SIEVE_NO;
}

static enum sieve_answer
environment(void *arg, struct str name, struct buf *value)
{
	const struct script_host *h = arg;

	for (size_t i = 0; i < h->nitems; i++) {
		if (!str_ieqc(name, h->items[i].name))
			continue;
		buf_putstr(value, h->items[i].value);
		return SIEVE_YES;
	}
	return SIEVE_NO;
}

static void
log_text(void *arg, struct str text)
{
	struct script_host *h = arg;

	log_info("sieve", LOG_CSTR("id", h->id),
	    LOG_CSTR("account", h->owner->id), LOG_STR("text", text));
}

static enum sieve_answer
list_valid(void *arg, struct str list)
{
	return lists_valid(arg, list);
}

static enum sieve_answer
list_contains(void *arg, struct str list, struct str value)
{
	return lists_contain(arg, list, value);
}

static enum sieve_answer
list_members(void *arg, struct arena *arena, struct str list, struct str **out,
    size_t *count)
{
	return lists_members(arg, arena, list, out, count);
}

enum sieve_answer
script_start(struct script_host *h, const struct sieve_execution *x,
    size_t max_output, struct buf *output)
{
	const struct sieve_envelope envelope = {
		.from = h->sender, .to = h->recipient, .orig_to = h->original
	};

	switch (script_execute(h->site, h->owner, &envelope, h->hostname, x,
	    max_output, output, &h->err)) {
	case PROGRAM_OK:
		return SIEVE_YES;
	case PROGRAM_TEMPORARY:
		return SIEVE_FAILED;
	default:
		log_warn("a program of a Sieve script failed",
		    LOG_CSTR("id", h->id), LOG_CSTR("account", h->owner->id),
		    LOG_STR("program", x->program), LOG_ERR(&h->err));
		return SIEVE_NO;
	}
}

/* A filter gives a message, an `execute` what fits into a variable. */
static enum sieve_answer
execute(void *arg, const struct sieve_execution *x, struct buf *output)
{
	size_t max = x->kind == SIEVE_FILTER ? MESSAGE_MAX : VALUE_MAX;

	return script_start(arg, x, max, x->want_output ? output : NULL);
}

struct sieve_host
script_host(struct script_host *h)
{
	return (struct sieve_host){
		.arg = h,
		.mailbox_exists = mailbox_exists,
		.mailboxid_exists = mailboxid_exists,
		.special_use_exists = special_use_exists,
		.metadata = metadata,
		.list_contains = list_contains,
		.list_valid = list_valid,
		.list_members = list_members,
		.remembered = remembered,
		.owns_address = owns_address,
		.environment = environment,
		.execute = execute,
		.log = log_text,
	};
}
