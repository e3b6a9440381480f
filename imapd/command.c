/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/command.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "imapd/metadata.h"
#include "imapd/seqset.h"
#include "imapd/tell.h"

#define BAD_BEFORE_LOGIN 5
#define BAD_IN_A_ROW 50
/* How often a command that takes long says so (RFC 9585). */
#define PROGRESS_MS 10000

/* Sorted by name: command_find() bisects, and the test checks the order. */
static const struct command rows[] = {
	/* clang-format off */
	{ "APPEND",       ST_IN,       F_SYNC,           "mbox rest",       cmd_append },
	{ "AUTHENTICATE", ST_NEW,      0,                "rest",            cmd_authenticate },
	{ "CANCELUPDATE", ST_SELECTED, F_SYNC,           "rest",            cmd_cancelupdate },
	{ "CAPABILITY",   ST_ANY,      0,                "",                cmd_capability },
	{ "CHECK",        ST_SELECTED, F_SYNC,           "",                cmd_noop },
	{ "CLOSE",        ST_SELECTED, 0,                "",                cmd_close },
	{ "COMPARATOR",   ST_IN,       F_SYNC,           "rest",            cmd_comparator },
	{ "COMPRESS",     ST_IN,       0,                "rest",            cmd_compress },
	{ "COPY",         ST_SELECTED, F_SYNC | F_NUMBERS | F_ATOMIC,           "set mbox",        cmd_copy },
	{ "CREATE",       ST_IN,       F_SYNC,           "mbox rest",       cmd_create },
	{ "DELETE",       ST_IN,       F_SYNC,           "mbox",            cmd_delete },
	{ "DELETEACL",    ST_IN,       F_SYNC,           "mbox astring",    cmd_deleteacl },
	{ "ENABLE",       ST_IN,       0,                "rest",            cmd_enable },
	{ "ESEARCH",      ST_IN,       F_SYNC,           "rest",            cmd_esearch },
	{ "EXAMINE",      ST_IN,       0,                "mbox rest",       cmd_examine },
	{ "EXPUNGE",      ST_SELECTED, F_SYNC | F_WRITE, "",                cmd_expunge },
	{ "FETCH",        ST_SELECTED, F_SYNC | F_SEQ | F_NUMBERS,   "set rest",        cmd_fetch },
	{ "GENURLAUTH",   ST_IN,       F_SYNC,           "rest",            cmd_genurlauth },
	{ "GETACL",       ST_IN,       F_SYNC,           "mbox",            cmd_getacl },
	{ "GETMETADATA",  ST_IN,       F_SYNC,           "rest",            cmd_getmetadata },
	{ "GETQUOTA",     ST_IN,       F_SYNC,           "astring",         cmd_getquota },
	{ "GETQUOTAROOT", ST_IN,       F_SYNC,           "mbox",            cmd_getquotaroot },
	{ "ID",           ST_ANY,      0,                "rest",            cmd_id },
	{ "IDLE",         ST_IN,       F_SYNC,           "",                cmd_idle },
	{ "LANGUAGE",     ST_ANY,      0,                "rest",            cmd_language },
	{ "LIST",         ST_IN,       F_SYNC,           "rest",            cmd_list },
	{ "LISTRIGHTS",   ST_IN,       F_SYNC,           "mbox astring",    cmd_listrights },
	{ "LOGIN",        ST_NEW,      0,                "astring astring", cmd_login },
	{ "LOGOUT",       ST_ANY,      0,                "",                cmd_logout },
	{ "LSUB",         ST_IN,       F_SYNC,           "rest",            cmd_lsub },
	{ "MOVE",         ST_SELECTED, F_SYNC | F_WRITE | F_NUMBERS | F_ATOMIC, "set mbox",        cmd_move },
	{ "MYRIGHTS",     ST_IN,       F_SYNC,           "mbox",            cmd_myrights },
	{ "NAMESPACE",    ST_IN,       0,                "",                cmd_namespace },
	{ "NOOP",         ST_ANY,      F_SYNC,           "",                cmd_noop },
	{ "NOTIFY",       ST_IN,       F_SYNC,           "rest",            cmd_notify },
	{ "RENAME",       ST_IN,       F_SYNC,           "mbox mbox",       cmd_rename },
	{ "REPLACE",      ST_SELECTED, F_SYNC | F_WRITE | F_NUMBERS, "set mbox rest", cmd_replace },
	{ "RESETKEY",     ST_IN,       F_SYNC,           "rest",            cmd_resetkey },
	{ "SEARCH",       ST_SELECTED, F_SYNC | F_SEQ | F_NUMBERS,   "rest",            cmd_search },
	{ "SELECT",       ST_IN,       0,                "mbox rest",       cmd_select },
	{ "SETACL",       ST_IN,       F_SYNC,           "mbox astring rest", cmd_setacl },
	{ "SETMETADATA",  ST_IN,       F_SYNC,           "mbox rest",       cmd_setmetadata },
	{ "SETQUOTA",     ST_IN,       F_SYNC,           "astring rest",    cmd_setquota },
	{ "SORT",         ST_SELECTED, F_SYNC | F_SEQ | F_NUMBERS,   "rest",            cmd_sort },
	{ "STARTTLS",     ST_NEW,      0,                "",                cmd_starttls },
	{ "STATUS",       ST_IN,       F_SYNC,           "mbox rest",       cmd_status },
	{ "STORE",        ST_SELECTED, F_SYNC | F_SEQ | F_WRITE | F_NUMBERS | F_LIMITED, "set rest", cmd_store },
	{ "SUBSCRIBE",    ST_IN,       F_SYNC,           "mbox",            cmd_subscribe },
	{ "THREAD",       ST_SELECTED, F_SYNC | F_SEQ | F_NUMBERS,   "rest",            cmd_thread },
	{ "UID COPY",     ST_SELECTED, F_SYNC | F_ATOMIC,           "set mbox",        cmd_copy },
	{ "UID EXPUNGE",  ST_SELECTED, F_SYNC | F_WRITE | F_ATOMIC, "set",             cmd_uid_expunge },
	{ "UID FETCH",    ST_SELECTED, F_SYNC,           "set rest",        cmd_fetch },
	{ "UID MOVE",     ST_SELECTED, F_SYNC | F_WRITE | F_ATOMIC, "set mbox",        cmd_move },
	{ "UID REPLACE",  ST_SELECTED, F_SYNC | F_WRITE, "set mbox rest",   cmd_replace },
	{ "UID SEARCH",   ST_SELECTED, F_SYNC,           "rest",            cmd_search },
	{ "UID SORT",     ST_SELECTED, F_SYNC,           "rest",            cmd_sort },
	{ "UID STORE",    ST_SELECTED, F_SYNC | F_WRITE | F_LIMITED, "set rest",        cmd_store },
	{ "UID THREAD",   ST_SELECTED, F_SYNC,           "rest",            cmd_thread },
	{ "UIDBATCHES",   ST_SELECTED, F_SYNC,           "rest",            cmd_uidbatches },
	{ "UNAUTHENTICATE", ST_IN,     0,                "",                cmd_unauthenticate },
	{ "UNSELECT",     ST_SELECTED, 0,                "",                cmd_unselect },
	{ "UNSUBSCRIBE",  ST_IN,       F_SYNC,           "mbox",            cmd_unsubscribe },
	{ "URLFETCH",     ST_IN,       F_SYNC,           "rest",            cmd_urlfetch },
	/* clang-format on */
};

const struct command *
command_rows(size_t *n)
{
	*n = LEN(rows);
	return rows;
}

const struct command *
command_find(struct str name)
{
	size_t lo = 0, hi = LEN(rows);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = str_icmp(str_of(rows[mid].name), name);

		if (c == 0)
			return &rows[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

enum reply
no(struct cmd *c, const char *code, const char *text)
{
	c->code = str_of(code);
	c->text = text;
	return REPLY_NO;
}

enum reply
bad(struct cmd *c, const char *text)
{
	c->text = text;
	return REPLY_BAD;
}

enum reply
uid_required(struct cmd *c)
{
	c->code = STR("UIDREQUIRED");
	return bad(c, "There are no message numbers in UIDONLY mode");
}

enum reply
store_failed(
    struct session *s, struct cmd *c, enum store_rc rc, const struct err *e)
{
	static const struct {
		const char *code, *text;
		bool log; /* not the client's doing */
	} texts[] = {
		[STORE_OK] = { NULL, "Failed", false },
		[STORE_NOTFOUND] = { "NONEXISTENT", "No such mailbox", false },
		[STORE_EXISTS] = { "ALREADYEXISTS", "Mailbox exists", false },
		[STORE_INVALID] = { "CANNOT", "Not possible", false },
		[STORE_QUOTA] = { "OVERQUOTA", "Over quota", false },
		[STORE_LIMIT] = { "LIMIT", "Over a limit", false },
		[STORE_BUSY] = { "INUSE", "Busy, try again", true },
		[STORE_NOSPACE] = { "UNAVAILABLE", "No space left", true },
		[STORE_CORRUPT] = { "CORRUPTION", "Stored data is damaged",
		    true },
		[STORE_IO] = { "UNAVAILABLE", "Cannot reach the store", true },
		[STORE_BUG] = { "SERVERBUG", "Internal error", true },
	};

	if (texts[rc].log)
		log_error("command failed",
		    LOG_CSTR("session", conn_id(s->conn)),
		    LOG_CSTR("account", s->user),
		    LOG_CSTR("command", c->row->name),
		    LOG_CSTR("result", store_rc_name(rc)), LOG_ERR(e));
	return no(c, texts[rc].code, texts[rc].text);
}

/* A message set, or "$" for what a search has saved (RFC 5182). */
static bool
take_set(struct session *s, struct cmd *c)
{
	const struct view *v = s->sel.view;
	uint32_t last = view_count(v);
	struct parse *p = &c->p;
	struct str text;
	size_t at;

	if (parse_try(p, '$')) {
		c->set = sel_saved(s, c->uid);
		return true;
	}
	if (c->uid && last)
		last = view_at(v, last)->uid;
	if (!parse_set(p, &text))
		return false;
	c->asked = text;
	if (seqset_parse(s->arena, text, last, &c->set, &at) != SEQSET_OK)
		return parse_fail(p, "invalid message set");
	if (!c->uid && seqset_max(c->set) > last)
		return parse_fail(p, "no such message number");
	return true;
}

/* Take the arguments that the signature names. */
static bool
take_args(struct session *s, struct cmd *c)
{
	struct str sig = str_of(c->row->sig), word;
	struct parse *p = &c->p;
	size_t n = 0;

	while (sig.n && str_split(&sig, ' ', &word)) {
		if (str_eqc(word, "rest"))
			return true;
		if (!parse_sp(p))
			return false;
		if (str_eqc(word, "mbox")) {
			if (!parse_mailbox(p, &c->arg[n++]))
				return false;
		} else if (str_eqc(word, "astring")) {
			if (!parse_astring(p, &c->arg[n++]))
				return false;
		} else if (!take_set(s, c)) {
			return false;
		}
	}
	return parse_end(p);
}

/* The command's name; two words after UID. */
static const struct command *
take_name(struct cmd *c)
{
	struct parse *p = &c->p;
	size_t start = p->at;
	struct str word;

	if (!parse_atom(p, &word))
		return NULL;
	if (str_ieqc(word, "UID")) {
		c->uid = true;
		if (!parse_sp(p) || !parse_atom(p, &word))
			return NULL;
	}
	return command_find(str_sub(p->in, start, p->at - start));
}

void
command_limit(struct session *s, struct cmd *c)
{
	unsigned limit = s->d->message_limit;
	struct uids seqs = sel_seqs(s, c->set, c->uid);
	uint64_t n = uids_count(seqs);

	if (!limit || n <= limit)
		return;
	seqs = seqset_slice(s->arena, seqs, n - limit, n);
	c->limited = arena_printf(s->arena, "MESSAGELIMIT %u %u", limit,
	    view_at(s->sel.view, seqs.r[0].lo)->uid);
	c->set = c->uid ? sel_uids(s, seqs, false) : seqs;
}

/* RFC 9738: a set of more messages than a command may do. */
static bool
within_limit(struct session *s, struct cmd *c)
{
	unsigned limit = s->d->message_limit;

	if (limit && (c->row->flags & F_LIMITED))
		command_limit(s, c);
	if (!limit || !(c->row->flags & F_ATOMIC) ||
	    uids_count(sel_seqs(s, c->set, c->uid)) <= limit)
		return true;
	c->code = arena_printf(s->arena, "MESSAGELIMIT %u", limit);
	c->text = "Too many messages";
	return false;
}

static enum reply
run_row(struct session *s, struct cmd *c)
{
	if (!(c->row->states & s->state))
		return bad(
		    c, s->state == ST_NEW ? "Log in first"
		       : s->state == ST_AUTH && c->row->states == ST_SELECTED
			   ? "Select a mailbox first"
			   : "Not in this state");
	if ((c->row->flags & F_NUMBERS) && (s->enabled & EN_UIDONLY))
		return uid_required(c);
	if (!take_args(s, c))
		return bad(c, c->p.error);
	if (c->p.bad_mailbox)
		return no(c, "CANNOT", "The mailbox name is badly encoded");
	if ((c->row->flags & F_WRITE) && s->sel.readonly)
		return no(c, "READ-ONLY", "Mailbox is open for reading only");
	if (c->row->states == ST_SELECTED && (c->row->flags & F_SYNC) &&
	    !sel_readable(s))
		return no(
		    c, "NOPERM", "No right to read this mailbox any more");
	if (!within_limit(s, c))
		return REPLY_NO;
	return c->row->run(s, c);
}

/* What came unasked although LITERAL- does not let it is a BAD (RFC 7888,
 * section 5). */
static enum reply
literal_refused(const struct session *s, struct cmd *c)
{
	bool broken = s->d->literal_minus && s->frame.unasked;

	c->code = STR("TOOBIG");
	c->text = "Literal too large";
	return s->state == ST_NEW || broken ? REPLY_BAD : REPLY_NO;
}

enum reply
command_start(struct session *s)
{
	struct cmd *c = ARENA_NEW(s->arena, struct cmd);
	struct parse *p = &c->p;

	s->cmd = c;
	*p = (struct parse){ .in = buf_str(&s->frame.cmd),
		.arena = s->arena,
		.utf8 = session_utf8(s) };
	if (!parse_tag(p, &c->tag) || !parse_try(p, ' ')) {
		c->tag = STR_NULL;
		return bad(c, "Expected a tag and a command");
	}
	/* The tag outlives the frame when the command waits for a line. */
	c->tag = arena_str(s->arena, c->tag);
	if (s->ready == FRAME_TOOLONG)
		return bad(c, "Command line too long");
	if (s->ready == FRAME_REFUSED)
		return literal_refused(s, c);
	c->row = take_name(c);
	if (!c->row)
		return bad(c, p->error ? p->error : "Unknown command");
	return run_row(s, c);
}

void
command_progress(struct session *s, struct cmd *c, uint64_t done, uint64_t goal)
{
	struct buf *out = conn_out(s->conn);
	int64_t now = clock_mono_ms();

	if (c->progress == 0)
		c->progress = now;
	if (now - c->progress < PROGRESS_MS)
		return;
	c->progress = now;
	BUF_LIT(out, "* OK [INPROGRESS (");
	if (str_chr(c->tag, ']') == STR_NPOS)
		write_string(out, c->tag);
	else /* it would end the code */
		BUF_LIT(out, "NIL");
	buf_putc(out, ' ');
	buf_putu(out, done);
	buf_putc(out, ' ');
	buf_putu(out, goal);
	BUF_LIT(out, ")] Still working\r\n");
}

static void
put_tagged(struct session *s, const struct cmd *c, const char *word)
{
	struct buf *out = conn_out(s->conn);

	if (c->tag.n)
		buf_putstr(out, c->tag);
	else
		buf_putc(out, '*');
	buf_putc(out, ' ');
	buf_puts(out, word);
	buf_putc(out, ' ');
	if (c->code.n) {
		buf_putc(out, '[');
		buf_putstr(out, c->code);
		BUF_LIT(out, "] ");
	}
	if (c->text) {
		buf_puts(out, c->text);
	} else {
		buf_puts(out, c->row->name);
		BUF_LIT(out, " completed");
	}
	BUF_LIT(out, "\r\n");
}

void
command_drop(struct session *s)
{
	struct cmd *c = s->cmd;

	if (c && c->fini)
		c->fini(s, c);
	s->cmd = NULL;
	s->keywords = (struct keywords){ 0 };
	s->ready = FRAME_MORE;
	if (s->charged)
		atomic_fetch_sub(&s->d->literals, s->charged);
	s->charged = 0;
	frame_reset(&s->frame);
	place_release(s);
	arena_release(s->arena);
}

static bool
sync_before(struct session *s, const struct cmd *c, enum reply r)
{
	bool seq;

	if (!(s->state & ST_IN) || !c->row || c->quiet ||
	    !(c->row->flags & F_SYNC) || r == REPLY_BAD)
		return true;
	metadata_tell(s);
	if (s->state != ST_SELECTED)
		return true;
	/* "UID FETCH" has no F_SEQ: EXPUNGE is fine there (7.4.1). */
	seq = (c->row->flags & F_SEQ) != 0;
	return sel_sync(s, !seq, &c->told);
}

/* HIGHESTMODSEQ: in the tagged response if there is room, and behind all that
 * has a MODSEQ. */
static void
note_modseq(struct session *s, struct cmd *c, enum reply r)
{
	bool behind = c->row && (c->row->flags & F_SYNC) && sel_behind(s);

	if (!behind && (!c->modseq || !(s->enabled & EN_QRESYNC)))
		return;
	if (r == REPLY_OK && !c->code.n)
		c->code = arena_printf(
		    s->arena, "HIGHESTMODSEQ %" PRIu64, s->sel.known);
	else if (behind)
		tell_modseq(s);
}

/* Too much that makes no sense: this is no IMAP client. */
static bool
hopeless(struct session *s, enum reply r)
{
	if (r != REPLY_BAD) {
		if (s->state != ST_NEW)
			s->bad = 0;
		return false;
	}
	return ++s->bad >=
	       (s->state == ST_NEW ? BAD_BEFORE_LOGIN : BAD_IN_A_ROW);
}

enum net_next
command_finish(struct session *s, enum reply r)
{
	static const char *const words[] = { [REPLY_OK] = "OK",
		[REPLY_NO] = "NO",
		[REPLY_BAD] = "BAD",
		[REPLY_TLS] = "OK",
		[REPLY_CLOSE] = "OK" };
	static const enum net_next next[] = { [REPLY_TLS] = NET_STARTTLS,
		[REPLY_CLOSE] = NET_CLOSE,
		[REPLY_BAD] = NET_DONE };

	if (r == REPLY_MORE) {
		s->ready = FRAME_MORE;
		return NET_MORE;
	}
	if (r == REPLY_WAIT) {
		if (s->ready != FRAME_MORE) /* else half a line may be there */
			frame_reset(&s->frame);
		s->frame.plain = true;
		s->ready = FRAME_MORE;
		return NET_DONE;
	}
	if (r == REPLY_ABORT || !sync_before(s, s->cmd, r)) {
		command_drop(s);
		return NET_CLOSE;
	}
	if (r == REPLY_OK && s->cmd->limited.n && !s->cmd->code.n)
		s->cmd->code = s->cmd->limited;
	note_modseq(s, s->cmd, r);
	put_tagged(s, s->cmd, words[r]);
	command_drop(s);
	if (hopeless(s, r)) {
		write_untagged(conn_out(s->conn), "BYE Too many bad commands");
		return NET_CLOSE;
	}
	return r == REPLY_TLS || r == REPLY_CLOSE ? next[r] : NET_DONE;
}

static uint64_t
system_flag(struct str name)
{
	static const struct {
		const char *name;
		uint64_t bit;
	} flags[] = {
		{ "\\Seen", FLAG_SEEN },
		{ "\\Answered", FLAG_ANSWERED },
		{ "\\Flagged", FLAG_FLAGGED },
		{ "\\Deleted", FLAG_DELETED },
		{ "\\Draft", FLAG_DRAFT },
	};

	for (size_t i = 0; i < LEN(flags); i++) {
		if (str_ieqc(name, flags[i].name))
			return flags[i].bit;
	}
	return 0;
}

bool
command_flags(struct session *s, struct cmd *c, struct account *a,
    const struct str *names, size_t n, struct flags *out, enum reply *r)
{
	*out = (struct flags){ 0 };
	for (size_t i = 0; i < n; i++) {
		struct err e = ERR_INIT;
		enum store_rc rc;
		uint32_t index;

		if (names[i].p[0] == '\\') {
			uint64_t bit = system_flag(names[i]);

			if (!bit) {
				*r = bad(c, "Unknown system flag");
				return false;
			}
			out->bits |= bit;
			continue;
		}
		rc = account_keyword(a, names[i], true, &index, &e);
		if (rc != STORE_OK) {
			*r = store_failed(s, c, rc, &e);
			return false;
		}
		flags_set_keyword(s->arena, out, index);
	}
	return true;
}
