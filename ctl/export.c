/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "ctl/message.h"
#include "ctl/verbs.h"

/*
 * Export to a new folder: a Maildir++ with the mailboxes as its folders, or
 * one mbox file a mailbox in folders like the paths.
 */

#define PER_READ 100 /* messages of one read transaction */

struct export
{
	struct ctl *c;
	struct account *a;
	const char *dest;
	const struct str *keywords;
	uint32_t nkeywords;
	struct progress bar;
	uint64_t done, lost_keywords;

	struct arena *arena; /* of one message */
	const char *dir;     /* of the mailbox: its Maildir */
	FILE *mbox;
	int letters[MAILDIR_KEYWORDS]; /* keyword index of each letter */
	int nletters;
};

static int
io_failed(struct export *x, const char *what, const char *path)
{
	err_errno(&x->c->err, "cannot %s %s", what, path);
	return ctl_fail(x->c, EX_CANTCREAT, NULL);
}

static bool
write_all(int fd, struct str s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s = str_sub(s, (size_t)n, s.n);
	}
	return true;
}

/* ------------------------------------------------------------------------
 * Maildir
 */

static int
begin_maildir(struct export *x, struct str path)
{
	static const char *const subs[] = { "cur", "new", "tmp" };
	bool inbox = str_ieqc(path, "INBOX");
	int fd;

	x->nletters = 0;
	x->dir = inbox ? x->dest
		       : arena_printf(x->c->arena, "%s/%.*s", x->dest,
			     STR_ARG(maildir_path_folder(x->c->arena, path)))
			     .p;
	for (int i = 0; i < 3; i++) {
		if (!fs_mkdirs(
			arena_printf(x->c->arena, "%s/%s", x->dir, subs[i]).p,
			0700, &x->c->err))
			return ctl_fail(x->c, EX_CANTCREAT, NULL);
	}
	if (inbox)
		return 0;
	/* Maildir++ marks its folders with this empty file. */
	fd = open(arena_printf(x->c->arena, "%s/maildirfolder", x->dir).p,
	    O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return io_failed(x, "create maildirfolder in", x->dir);
	close(fd);
	return 0;
}

static uint32_t
keyword_letters(struct export *x, const struct flags *f)
{
	uint32_t letters = 0;

	for (uint32_t i = 0; i < x->nkeywords; i++) {
		int at = 0;

		if (!flags_has_keyword(f, i))
			continue;
		while (at < x->nletters && x->letters[at] != (int)i)
			at++;
		if (at == MAILDIR_KEYWORDS) {
			x->lost_keywords++;
			continue;
		}
		if (at == x->nletters)
			x->letters[x->nletters++] = (int)i;
		letters |= UINT32_C(1) << at;
	}
	return letters;
}

static int
write_file(
    struct export *x, const char *path, struct str text, int64_t received)
{
	const struct timespec times[2] = { { .tv_sec = received },
		{ .tv_sec = received } };
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0)
		return io_failed(x, "create", path);
	ok = write_all(fd, text) && futimens(fd, times) == 0;
	ok = close(fd) == 0 && ok;
	return ok ? 0 : io_failed(x, "write", path);
}

static int
put_maildir(struct export *x, const struct view_row *row, struct str raw)
{
	struct buf text = { 0 }, path = { 0 };
	int status;

	lines_to_lf(raw, &text);
	buf_printf(&path, "%s/cur/%lld.M%uP%lld.mailstead,S=%zu", x->dir,
	    (long long)row->received, row->uid, (long long)row->email, text.n);
	maildir_put_flags(&path, row->flags.bits & FLAGS_SYSTEM,
	    keyword_letters(x, &row->flags));
	status = write_file(x, buf_cstr(&path), buf_str(&text), row->received);
	buf_fini(&path);
	buf_fini(&text);
	return status;
}

static int
end_maildir(struct export *x)
{
	struct buf text = { 0 };
	int status = 0;

	for (int i = 0; i < x->nletters; i++)
		buf_printf(
		    &text, "%d %.*s\n", i, STR_ARG(x->keywords[x->letters[i]]));
	if (text.n > 0 &&
	    !fs_write_durable(
		arena_printf(x->c->arena, "%s/dovecot-keywords", x->dir).p,
		buf_str(&text), 0600, &x->c->err))
		status = ctl_fail(x->c, EX_CANTCREAT, NULL);
	buf_fini(&text);
	return status;
}

/* ------------------------------------------------------------------------
 * mbox
 */

static int
begin_mbox(struct export *x, struct str path)
{
	const char *file =
	    arena_printf(x->c->arena, "%s/%.*s.mbox", x->dest, STR_ARG(path)).p;
	struct str dir = str_of(file);

	dir = str_sub(dir, 0, str_rchr(dir, '/'));
	if (!fs_mkdirs(arena_cstr(x->c->arena, dir), 0700, &x->c->err))
		return ctl_fail(x->c, EX_CANTCREAT, NULL);
	x->mbox = fopen(file, "wxe");
	return x->mbox ? 0 : io_failed(x, "create", file);
}

static int
put_mbox(struct export *x, const struct view_row *row, struct str raw)
{
	struct mail m = { .raw = raw,
		.bits = row->flags.bits & FLAGS_SYSTEM,
		.received = row->received };
	struct buf text = { 0 };
	int status = 0;

	m.keywords =
	    arena_array(x->arena, x->nkeywords + 1, sizeof(struct str));
	for (uint32_t i = 0; i < x->nkeywords; i++) {
		if (flags_has_keyword(&row->flags, i))
			m.keywords[m.nkeywords++] = x->keywords[i];
	}
	mbox_write(&text, &m);
	if (fwrite(text.p, 1, text.n, x->mbox) != text.n)
		status = io_failed(x, "write to", x->dest);
	buf_fini(&text);
	return status;
}

static int
end_mbox(struct export *x)
{
	bool ok = fflush(x->mbox) == 0 && fsync(fileno(x->mbox)) == 0;

	ok = fclose(x->mbox) == 0 && ok;
	x->mbox = NULL;
	return ok ? 0 : io_failed(x, "write to", x->dest);
}

static const struct format {
	const char *name;
	int (*begin)(struct export *x, struct str path);
	int (*put)(
	    struct export *x, const struct view_row *row, struct str raw);
	int (*end)(struct export *x);
} formats[] = {
	{ "maildir", begin_maildir, put_maildir, end_maildir },
	{ "mbox", begin_mbox, put_mbox, end_mbox },
};

/* ------------------------------------------------------------------------
 * The verb
 */

static int
export_row(struct export *x, const struct format *f, struct reader *r,
    const struct view_row *row)
{
	struct buf raw = { 0 };
	enum store_rc rc =
	    email_read(r, row->email, 0, UINT64_MAX, &raw, &x->c->err);
	int status = 0;

	if (rc == STORE_OK)
		status = f->put(x, row, buf_str(&raw));
	else if (rc == STORE_NOTFOUND) /* expunged since the view was made */
		status = 0;
	else
		status = ctl_store_failed(x->c, rc, NULL);
	x->done += rc == STORE_OK;
	buf_fini(&raw);
	arena_reset(x->arena);
	progress_add(&x->bar, 1);
	return status;
}

static int
export_view(struct export *x, const struct format *f, struct view *v)
{
	uint32_t seq = 1;
	int status = 0;

	while (status == 0 && seq <= view_count(v)) {
		uint32_t end = seq + PER_READ;
		struct reader *r;
		enum store_rc rc = reader_begin(x->a, &r, &x->c->err);

		if (rc != STORE_OK)
			return ctl_store_failed(x->c, rc, NULL);
		for (; status == 0 && seq < end && seq <= view_count(v); seq++)
			status = export_row(x, f, r, view_at(v, seq));
		reader_end(&r);
	}
	return status;
}

static int
export_mailbox(
    struct export *x, const struct format *f, const struct mailbox *m)
{
	struct view *v;
	enum store_rc rc;
	int status = f->begin(x, m->path), ended;

	if (status != 0)
		return status;
	rc = view_current(x->a, m->id, &v, &x->c->err);
	if (rc == STORE_OK) {
		status = export_view(x, f, v);
		view_unref(&v);
	} else {
		status = ctl_store_failed(x->c, rc, NULL);
	}
	ended = f->end(x);
	return status ? status : ended;
}

static bool
wanted(struct str only, const struct mailbox *m)
{
	if (m->noselect)
		return false;
	return only.n == 0 || str_eq(only, m->path) ||
	       (str_ieqc(only, "INBOX") && m->role == ROLE_INBOX) ||
	       (str_starts(m->path, only) && m->path.n > only.n &&
		   m->path.p[only.n] == '/');
}

static int
export_all(struct export *x, const struct format *f)
{
	struct str only = str_of(ctl_option(x->c, "mailbox"));
	struct mailbox *list;
	size_t count, chosen = 0;
	uint64_t total = 0;
	enum store_rc rc;
	int status = 0;

	rc = account_keywords(
	    x->a, x->c->arena, &x->keywords, &x->nkeywords, &x->c->err);
	if (rc == STORE_OK)
		rc = mailbox_list(x->a, x->c->arena, &list, &count, &x->c->err);
	if (rc != STORE_OK)
		return ctl_store_failed(x->c, rc, NULL);
	for (size_t i = 0; i < count; i++) {
		if (wanted(only, &list[i]))
			total += list[i].messages;
	}
	progress_start(&x->bar, x->c, "exporting", total);
	for (size_t i = 0; status == 0 && i < count; i++) {
		if (!wanted(only, &list[i]))
			continue;
		chosen++;
		status = export_mailbox(x, f, &list[i]);
	}
	progress_end(&x->bar);
	if (status == 0 && chosen == 0)
		return ctl_failf(x->c, EX_NOINPUT,
		    "\"mailstead mailbox list ADDRESS\" shows those there are",
		    "there is no mailbox %.*s", STR_ARG(only));
	return status;
}

static const struct format *
find_format(struct ctl *c)
{
	const char *name = ctl_option(c, "format");

	for (size_t i = 0; i < LEN(formats); i++) {
		if (!name || strcmp(name, formats[i].name) == 0)
			return &formats[i];
	}
	return NULL;
}

static int
make_dest(struct export *x)
{
	if (mkdir(x->dest, 0700) == 0)
		return 0;
	if (errno == EEXIST && rmdir(x->dest) == 0)
		return make_dest(x);
	err_errno(&x->c->err, "cannot make the folder %s", x->dest);
	return ctl_fail(x->c, EX_CANTCREAT, "name one that does not exist yet");
}

/* Files were written without a sync each; one sync at the end for all. */
static int
sync_dest(struct export *x)
{
	int fd = open(x->dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && syncfs(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok ? 0 : io_failed(x, "sync", x->dest);
}

int
cmd_export(struct ctl *c)
{
	struct export x = { .c = c, .dest = c->argv[1] };
	const struct format *f = find_format(c);
	struct site_account acc;
	size_t scripts = 0;
	int status;

	if (!f)
		return ctl_failf(
		    c, EX_USAGE, NULL, "--format is maildir or mbox");
	if ((status = ctl_open_account(c, ctl_arg(c, 0), &acc, &x.a)) != 0)
		return status;
	x.arena = arena_new();
	if ((status = make_dest(&x)) == 0 &&
	    (status = export_all(&x, f)) == 0 && !ctl_option(c, "mailbox"))
		status = export_scripts(c, x.a, x.dest, &scripts);
	if (status == 0)
		status = sync_dest(&x);
	arena_free(&x.arena);
	account_close(&x.a);
	if (status != 0)
		return status;
	if (x.lost_keywords)
		ctl_warn(c,
		    "a Maildir folder takes %d keywords; %llu marks were left "
		    "out (--format mbox keeps them)",
		    MAILDIR_KEYWORDS, (unsigned long long)x.lost_keywords);
	return out_done(c,
	    json_pack("{s:I, s:I, s:s, s:s}", "messages", (json_int_t)x.done,
		"scripts", (json_int_t)scripts, "folder", x.dest, "format",
		f->name),
	    "exported %llu messages of %.*s to %s", (unsigned long long)x.done,
	    STR_ARG(acc.address), x.dest);
}
