/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/fs.h"
#include "ctl/import.h"
#include "ctl/message.h"
#include "ctl/uidl.h"
#include "ctl/verbs.h"

/*
 * Import: find the folders of the source first, then append their messages
 * in batches that share a commit. Every message carries a key made of its
 * place in the source, so that an import that was broken off can be run again
 * within a week without doubles.
 */

#define MAX_MESSAGE (UINT64_C(512) << 20)
#define BATCH 100
#define BATCH_BYTES (16u << 20)
#define KEY_WINDOW (7 * 86400)
#define MAX_UIDLIST (64u << 20)

struct folder {
	struct str path; /* mailbox to put it into */
	const char *source;
	bool mbox;
};

struct import {
	struct ctl *c;
	struct account *a;
	struct str prefix; /* --mailbox */
	struct folder *folders;
	size_t nfolders;
	struct progress bar;
	uint64_t done, duplicates, skipped;
	struct imported_scripts scripts;

	struct folder *at;        /* being imported */
	struct str uidl_format;   /* --uidl; empty: unique-ids are not kept */
	struct uidl_source uidls; /* of the folder */
	int64_t mailbox;
	struct arena *arena; /* of the batch */
	struct append items[BATCH];
	size_t n, bytes;
};

/* ------------------------------------------------------------------------
 * Finding folders
 */

static bool
is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool
is_maildir(struct import *im, const char *path)
{
	return is_folder(arena_printf(im->c->arena, "%s/cur", path).p);
}

/* Below --mailbox, where INBOX is that mailbox itself. */
static struct str
target_path(struct import *im, struct str path)
{
	if (im->prefix.n == 0)
		return path;
	if (str_ieqc(path, "INBOX"))
		return im->prefix;
	return arena_printf(
	    im->c->arena, "%.*s/%.*s", STR_ARG(im->prefix), STR_ARG(path));
}

static void
add_folder(struct import *im, struct str path, const char *source, bool mbox)
{
	struct folder *list =
	    arena_array(im->c->arena, im->nfolders + 1, sizeof(*list));

	if (im->nfolders)
		memcpy(list, im->folders, im->nfolders * sizeof(*list));
	list[im->nfolders++] = (struct folder){ target_path(im, path),
		arena_cstr(im->c->arena, str_of(source)), mbox };
	im->folders = list;
}

static struct str
without_suffix(struct str name, struct str suffix)
{
	return str_iends(name, suffix) ? str_sub(name, 0, name.n - suffix.n)
				       : name;
}

static bool
is_own_part(const char *name)
{
	static const char *const names[] = { ".", "..", "cur", "new", "tmp" };

	for (size_t i = 0; i < LEN(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static void find_in(
    struct import *im, const char *dir, struct str path, bool mbox);

/* One entry of a folder: a Maildir++ folder, a Maildir or mbox of a tree. */
static void
find_entry(struct import *im, const char *dir, struct str parent,
    const char *name, bool mbox)
{
	const char *full = arena_printf(im->c->arena, "%s/%s", dir, name).p;
	struct str own = str_of(name), path;

	if (name[0] == '.') {
		if (!mbox && parent.n == 0 && is_maildir(im, full) &&
		    maildir_folder_path(im->c->arena, own, &path))
			add_folder(im, path, full, false);
		return;
	}
	if (!is_folder(full)) {
		if (str_iends(own, STR(".sieve")))
			return;
		own = without_suffix(own, STR(".mbox"));
	}
	path = parent.n ? arena_printf(im->c->arena, "%.*s/%.*s",
			      STR_ARG(parent), STR_ARG(own))
			: arena_str(im->c->arena, own);
	if (is_folder(full)) {
		if (!mbox && is_maildir(im, full))
			add_folder(im, path, full, false);
		find_in(im, full, path, mbox);
	} else if (mbox) {
		add_folder(im, path, full, true);
	}
}

static void
find_in(struct import *im, const char *dir, struct str path, bool mbox)
{
	struct dirent **list;
	int n = scandir(dir, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		if (!is_own_part(list[i]->d_name))
			find_entry(im, dir, path, list[i]->d_name, mbox);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	else
		ctl_warn(im->c, "cannot read %s: %s", dir, strerror(errno));
}

/* access(2) would ask for the real user and not for our capabilities. */
static bool
is_readable(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int
find_folders(struct import *im, const char *source)
{
	const char *format = ctl_option(im->c, "format");
	bool mbox = format && strcmp(format, "mbox") == 0;

	if (format && !mbox && strcmp(format, "maildir") != 0)
		return ctl_failf(
		    im->c, EX_USAGE, NULL, "--format is maildir or mbox");
	if (!is_readable(source)) {
		err_errno(&im->c->err, "cannot read %s", source);
		return ctl_fail(im->c, EX_NOINPUT, NULL);
	}
	if (!is_folder(source)) {
		add_folder(im, STR("INBOX"), source, true);
		return 0;
	}
	if (!mbox) {
		if (is_maildir(im, source))
			add_folder(im, STR("INBOX"), source, false);
		find_in(im, source, STR_NULL, false);
	}
	if (im->nfolders == 0 && (mbox || !format))
		find_in(im, source, STR_NULL, true);
	if (im->nfolders == 0)
		return ctl_failf(im->c, EX_DATAERR, NULL,
		    "%s holds neither a Maildir nor an mbox", source);
	return 0;
}

/* ------------------------------------------------------------------------
 * Appending
 */

static int
flush_batch(struct import *im)
{
	struct appended results[BATCH];
	enum store_rc rc;

	if (im->n == 0)
		return 0;
	rc = account_append(
	    im->a, im->mailbox, im->items, im->n, NULL, results, &im->c->err);
	if (rc != STORE_OK)
		return ctl_store_failed(im->c, rc,
		    "mend that and run the import again: what is there is "
		    "not imported twice");
	for (size_t i = 0; i < im->n; i++) {
		im->duplicates += results[i].duplicate;
		im->done += !results[i].duplicate;
	}
	im->n = im->bytes = 0;
	arena_reset(im->arena);
	return 0;
}

static int
set_flags(struct import *im, const struct mail *m, struct flags *f)
{
	f->bits = m->bits;
	for (size_t i = 0; i < m->nkeywords; i++) {
		uint32_t index;
		enum store_rc rc = account_keyword(
		    im->a, m->keywords[i], true, &index, &im->c->err);

		if (rc == STORE_INVALID || rc == STORE_LIMIT)
			continue;
		if (rc != STORE_OK)
			return ctl_store_failed(im->c, rc, NULL);
		flags_set_keyword(im->arena, f, index);
	}
	return 0;
}

static struct str
place_key(struct import *im, struct str id, struct str raw)
{
	uint8_t *sum = arena_alloc(im->arena, SHA256_LEN);
	struct sha256 *h = sha256_new();

	sha256_add(h, im->at->path);
	sha256_add(h, STR("\0"));
	sha256_add(h, id);
	sha256_add(h, STR("\0"));
	sha256_add(h, raw);
	sha256_final(&h, sum);
	return (struct str){ (const char *)sum, SHA256_LEN };
}

/* POP3 knows INBOX only. */
static struct str
kept_uidl(struct import *im, struct str uidl)
{
	bool inbox = str_ieqc(im->at->path, "INBOX");

	return inbox && im->uidl_format.n && uidl_presentable(uidl)
		   ? arena_str(im->arena, uidl)
		   : STR_NULL;
}

/* ID tells the message from others of its folder. */
static int
add_mail(struct import *im, const struct mail *m, struct str id)
{
	struct append *item = &im->items[im->n];
	int status;

	*item = (struct append){
		.raw = arena_str(im->arena, m->raw),
		.received = m->received,
		.key = place_key(im, id, m->raw),
		.window = KEY_WINDOW,
		.uidl = kept_uidl(im, m->uidl),
	};
	if ((status = set_flags(im, m, &item->flags)) != 0)
		return status;
	im->n++;
	im->bytes += m->raw.n;
	return im->n == BATCH || im->bytes >= BATCH_BYTES ? flush_batch(im) : 0;
}

static int
open_mailbox(struct import *im)
{
	struct mailbox m;
	enum store_rc rc =
	    mailbox_find(im->a, im->c->arena, im->at->path, &m, &im->c->err);

	im->mailbox = m.id;
	if (rc == STORE_NOTFOUND) {
		rc = mailbox_create(
		    im->a, im->at->path, ROLE_NONE, &im->mailbox, &im->c->err);
		if (rc == STORE_OK)
			rc = mailbox_subscribe(
			    im->a, im->at->path, true, &im->c->err);
	}
	if (rc == STORE_OK)
		return 0;
	err_prefix(&im->c->err, "mailbox %.*s", STR_ARG(im->at->path));
	return ctl_store_failed(im->c, rc,
	    rc == STORE_INVALID ? "rename that folder, or import it alone "
				  "with --mailbox NAME"
				: NULL);
}

/* ------------------------------------------------------------------------
 * Maildir
 */

/* Names begin with the time of delivery: that is the order of UIDs. */
static int
by_time(const struct dirent **a, const struct dirent **b)
{
	unsigned long long x = strtoull((*a)->d_name, NULL, 10);
	unsigned long long y = strtoull((*b)->d_name, NULL, 10);

	return x != y ? (x > y) - (x < y) : strcmp((*a)->d_name, (*b)->d_name);
}

static int
not_hidden(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int
import_file(struct import *im, const char *path, struct str file,
    const struct str *keywords)
{
	struct maildir_name name;
	struct buf in = { 0 }, raw = { 0 };
	struct mail m = { 0 };
	struct stat st;
	int status = 0;

	maildir_parse(file, &name);
	m.bits = name.bits;
	m.keywords =
	    arena_array(im->arena, MAILDIR_KEYWORDS, sizeof(struct str));
	for (int i = 0; i < MAILDIR_KEYWORDS; i++) {
		if (name.letters & UINT32_C(1) << i && keywords[i].n)
			m.keywords[m.nkeywords++] = keywords[i];
	}
	if (stat(path, &st) == 0)
		m.received = st.st_mtime;
	if (!fs_read(path, MAX_MESSAGE, &in, &im->c->err)) {
		ctl_warn(im->c, "skipped: %s", im->c->err.msg);
		im->skipped++;
	} else {
		lines_to_crlf(buf_str(&in), true, &raw);
		m.raw = buf_str(&raw);
		m.uidl = uidl_of(&im->uidls, im->arena, name.unique);
		status = add_mail(im, &m, name.unique);
	}
	buf_fini(&in);
	buf_fini(&raw);
	return status;
}

static int
import_files(struct import *im, const char *sub, const struct str *keywords)
{
	const char *dir =
	    arena_printf(im->c->arena, "%s/%s", im->at->source, sub).p;
	struct dirent **list;
	int n = scandir(dir, &list, not_hidden, by_time), status = 0;

	for (int i = 0; i < n; i++) {
		struct buf path = { 0 };

		buf_printf(&path, "%s/%s", dir, list[i]->d_name);
		if (status == 0)
			status = import_file(im, buf_cstr(&path),
			    str_of(list[i]->d_name), keywords);
		progress_add(&im->bar, 1);
		buf_fini(&path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return status;
}

static int
import_maildir(struct import *im)
{
	struct str keywords[MAILDIR_KEYWORDS];
	struct buf text = { 0 }, list = { 0 };
	struct err ignored;
	int status;

	/* Most have none of these files. */
	fs_read(
	    arena_printf(im->c->arena, "%s/dovecot-uidlist", im->at->source).p,
	    MAX_UIDLIST, &list, &ignored);
	uidl_open(&im->uidls, im->c->arena, im->uidl_format, buf_str(&list));
	fs_read(
	    arena_printf(im->c->arena, "%s/dovecot-keywords", im->at->source).p,
	    1 << 20, &text, &ignored);
	maildir_parse_keywords(buf_str(&text), keywords);
	status = import_files(im, "cur", keywords);
	if (status == 0)
		status = import_files(im, "new", keywords);
	if (status == 0)
		status = flush_batch(im);
	uidl_close(&im->uidls);
	buf_fini(&text);
	buf_fini(&list);
	return status;
}

/* ------------------------------------------------------------------------
 * mbox
 */

static int
mbox_message(
    struct import *im, struct buf *text, int64_t received, uint64_t number)
{
	struct mail m = { .received = received };
	struct buf raw = { 0 };
	int status = 0;

	/* The empty line before the next From line is the file's. */
	if (text->n > 0 && text->p[text->n - 1] == '\n' &&
	    (text->n == 1 || text->p[text->n - 2] == '\n'))
		text->n--;
	else if (text->n > 2 && memcmp(text->p + text->n - 3, "\n\r\n", 3) == 0)
		text->n -= 2;
	mbox_parse(im->arena, buf_str(text), &m, &raw);
	if (m.raw.n > 0)
		status = add_mail(im, &m,
		    arena_printf(
			im->arena, "%llu", (unsigned long long)number));
	buf_fini(&raw);
	buf_clear(text);
	return status;
}

static int
import_mbox_lines(struct import *im, FILE *in)
{
	struct buf text = { 0 };
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int64_t received = 0, next;
	uint64_t number = 0;
	bool blank = true, begun = false;
	int status = 0;

	while (status == 0 && (n = getline(&line, &cap, in)) > 0) {
		struct str s = { line, (size_t)n };

		progress_add(&im->bar, s.n);
		if (blank && mbox_is_from(str_trim(s), &next)) {
			if (begun)
				status =
				    mbox_message(im, &text, received, number++);
			begun = true;
			received = next;
		} else if (begun && text.n <= MAX_MESSAGE) {
			buf_putstr(&text, s);
		}
		blank = str_trim(s).n == 0;
	}
	if (status == 0 && begun)
		status = mbox_message(im, &text, received, number);
	if (status == 0 && !begun && !feof(in))
		status = ctl_failf(im->c, EX_DATAERR, NULL, "%s is not an mbox",
		    im->at->source);
	free(line);
	buf_fini(&text);
	return status;
}

static int
import_mbox(struct import *im)
{
	FILE *in = fopen(im->at->source, "re");
	int status;

	if (!in) {
		err_errno(&im->c->err, "cannot read %s", im->at->source);
		return ctl_fail(im->c, EX_NOINPUT, NULL);
	}
	status = import_mbox_lines(im, in);
	fclose(in);
	return status == 0 ? flush_batch(im) : status;
}

/* ------------------------------------------------------------------------
 * The verb
 */

static uint64_t
count_files(struct import *im, const struct folder *f)
{
	static const char *const subs[] = { "cur", "new" };
	uint64_t count = 0;

	for (int i = 0; i < 2; i++) {
		DIR *d = opendir(
		    arena_printf(im->c->arena, "%s/%s", f->source, subs[i]).p);
		const struct dirent *e;

		while (d && (e = readdir(d)))
			count += e->d_name[0] != '.';
		if (d)
			closedir(d);
	}
	return count;
}

/* Messages of Maildirs, bytes of mboxes. */
static uint64_t
total_work(struct import *im)
{
	uint64_t total = 0;
	struct stat st;

	for (size_t i = 0; i < im->nfolders; i++) {
		const struct folder *f = &im->folders[i];

		if (!f->mbox)
			total += count_files(im, f);
		else if (stat(f->source, &st) == 0)
			total += (uint64_t)st.st_size;
	}
	return total;
}

static int
import_all(struct import *im)
{
	int status = 0;

	progress_start(&im->bar, im->c, "importing", total_work(im));
	for (size_t i = 0; status == 0 && i < im->nfolders; i++) {
		im->at = &im->folders[i];
		if ((status = open_mailbox(im)) == 0)
			status =
			    im->at->mbox ? import_mbox(im) : import_maildir(im);
	}
	progress_end(&im->bar);
	return status;
}

static int
take_uidl_format(struct import *im)
{
	const char *format = ctl_option(im->c, "uidl");

	im->uidl_format = format ? str_of(format) : STR(UIDL_DOVECOT);
	if (str_eqc(im->uidl_format, "none"))
		im->uidl_format = STR_NULL;
	else if (!uidl_format_valid(im->uidl_format))
		return ctl_failf(im->c, EX_USAGE, NULL,
		    "--uidl is \"none\" or a format such as %s", UIDL_DOVECOT);
	return 0;
}

/* Beside the mail, or where --sieve says; some mailboxes come without. */
static int
take_scripts(struct import *im, const struct site_account *acc)
{
	const char *dir = ctl_option(im->c, "sieve");

	if (!dir && im->prefix.n == 0 && is_folder(im->c->argv[1]))
		dir = im->c->argv[1];
	return dir ? import_scripts(im->c, acc, im->a, dir, &im->scripts) : 0;
}

static int
report(struct import *im, struct str address)
{
	const struct imported_scripts *s = &im->scripts;
	struct buf scripts = { 0 };
	int status;

	if (s->count)
		buf_printf(&scripts, "; and %zu Sieve script%s", s->count,
		    s->count == 1 ? "" : "s");
	if (s->active.n)
		buf_printf(
		    &scripts, ", \"%.*s\" being active", STR_ARG(s->active));
	status = out_done(im->c,
	    json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:O}", "mailboxes",
		(json_int_t)im->nfolders, "messages", (json_int_t)im->done,
		"duplicates", (json_int_t)im->duplicates, "skipped",
		(json_int_t)im->skipped, "scripts", (json_int_t)s->count,
		"active_script", json_str(s->active), "refused_scripts",
		s->refused),
	    "imported %llu messages into %zu mailboxes of %.*s; %llu were "
	    "there already, %llu could not be read%s",
	    (unsigned long long)im->done, im->nfolders, STR_ARG(address),
	    (unsigned long long)im->duplicates, (unsigned long long)im->skipped,
	    buf_cstr(&scripts));
	buf_fini(&scripts);
	return status;
}

int
cmd_import(struct ctl *c)
{
	struct import *im = arena_alloc(c->arena, sizeof(*im));
	struct site_account acc;
	int status;

	im->c = c;
	im->prefix = str_of(ctl_option(c, "mailbox"));
	if ((status = take_uidl_format(im)) != 0 ||
	    (status = find_folders(im, c->argv[1])) != 0 ||
	    (status = ctl_open_account(c, ctl_arg(c, 0), &acc, &im->a)) != 0)
		return status;
	im->arena = arena_new();
	im->scripts.refused = json_array();
	if ((status = import_all(im)) == 0)
		status = take_scripts(im, &acc);
	arena_free(&im->arena);
	account_close(&im->a);
	if (status == 0)
		status = report(im, acc.address);
	json_decref(im->scripts.refused);
	return status;
}
