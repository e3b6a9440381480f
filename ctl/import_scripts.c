/* SPDX-License-Identifier: BSD-2-Clause */
/* The Sieve scripts beside a mailbox to import, where Dovecot's Sieve and our
 * export have them: one file each in the folder sieve, and a link to the
 * active one, or in its place the one script there is. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "ctl/import.h"
#include "ctl/message.h"
#include "ctl/sieve.h"

#define ACTIVE ".dovecot.sieve"
#define SUFFIX ".sieve"
/* What Pigeonhole calls a script that was in the place of the link. */
#define NAME_OF_FILE "dovecot.orig"

struct import_scripts {
	struct ctl *c;
	struct account *a;
	struct script_source source;
	const char *dir;
	struct imported_scripts *out;
};

/* ------------------------------------------------------------------------
 * Taking one
 */

static int
left_out(struct import_scripts *im, struct str name, const char *why)
{
	ctl_warn(im->c, "the Sieve script \"%.*s\" is left out: %s",
	    STR_ARG(name), why);
	json_array_append_new(im->out->refused, json_str(name));
	return 0;
}

/* The account's own script of that name stays what it is. */
static int
compare(struct import_scripts *im, struct str name, struct str text)
{
	struct buf there = { 0 };
	enum store_rc rc =
	    script_get(im->a, im->c->arena, name, NULL, &there, &im->c->err);
	bool same = str_eq(buf_str(&there), text);

	buf_fini(&there);
	if (rc != STORE_OK)
		return ctl_store_failed(im->c, rc, NULL);
	return same ? 0
		    : left_out(
			  im, name, "the account has another one of that name");
}

static int
store(struct import_scripts *im, struct str name, struct str text)
{
	struct sieve_diags d = { 0 };
	enum store_rc rc;

	if (!sieve_name_valid(name))
		return left_out(im, name, "no script can be called that");
	rc = script_get(im->a, im->c->arena, name, NULL, NULL, &im->c->err);
	if (rc == STORE_OK)
		return compare(im, name, text);
	if (rc != STORE_NOTFOUND)
		return ctl_store_failed(im->c, rc, NULL);
	if (text.n > im->source.rules.limits.script)
		return left_out(im, name,
		    "it is larger than the setting sieve.max_script_size");
	if (!script_check(&im->source, im->c->arena, name, text, &d)) {
		sieve_print_diags(&d);
		return left_out(im, name, "it does not compile");
	}
	/* As with messages, what was there before is not held to a limit. */
	rc = script_put(im->a, name, text, NULL, &im->c->err);
	if (rc != STORE_OK)
		return ctl_store_failed(im->c, rc, NULL);
	im->out->count++;
	return 0;
}

static int
take(struct import_scripts *im, struct str name, const char *path)
{
	struct buf in = { 0 }, text = { 0 };
	struct stat st;
	int status;

	/* Whoever owns the folder could have a link lead to any file. */
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return left_out(im, name, "it is not a file");
	if (fs_read(path, im->source.rules.limits.script, &in, &im->c->err)) {
		lines_to_crlf(buf_str(&in), false, &text);
		status = store(im, name, buf_str(&text));
	} else {
		status = left_out(im, name, im->c->err.msg);
	}
	buf_fini(&in);
	buf_fini(&text);
	return status;
}

/* ------------------------------------------------------------------------
 * All of them
 */

static int
is_script(const struct dirent *d)
{
	return d->d_name[0] != '.' && str_iends(str_of(d->d_name), STR(SUFFIX));
}

/* "sieve/NAME.sieve" to NAME. */
static struct str
name_of(struct str path)
{
	size_t slash = str_rchr(path, '/');

	if (slash != STR_NPOS)
		path = str_sub(path, slash + 1, path.n);
	return str_iends(path, STR(SUFFIX))
		   ? str_sub(path, 0, path.n - (sizeof(SUFFIX) - 1))
		   : path;
}

static int
take_folder(struct import_scripts *im)
{
	const char *dir = arena_printf(im->c->arena, "%s/sieve", im->dir).p;
	struct dirent **list;
	int n = scandir(dir, &list, is_script, alphasort), status = 0;

	if (n < 0 && errno != ENOENT && errno != ENOTDIR)
		ctl_warn(im->c, "cannot read %s: %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		struct str file = str_of(list[i]->d_name);

		if (status == 0)
			status =
			    take(im, name_of(arena_str(im->c->arena, file)),
				arena_printf(
				    im->c->arena, "%s/%.*s", dir, STR_ARG(file))
				    .p);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return status;
}

static int
activate(struct import_scripts *im, struct str name)
{
	struct script old;
	enum store_rc rc =
	    script_active(im->a, im->c->arena, &old, &im->c->err);

	if (rc != STORE_OK)
		return ctl_store_failed(im->c, rc, NULL);
	if (old.id) {
		if (!str_eq(old.name, name))
			ctl_warn(im->c,
			    "the script \"%.*s\" stays active, not \"%.*s\"",
			    STR_ARG(old.name), STR_ARG(name));
		return 0;
	}
	rc = script_activate(im->a, name, &im->c->err);
	if (rc == STORE_NOTFOUND) {
		ctl_warn(im->c,
		    "no script is active now: \"%.*s\", which was, is not here",
		    STR_ARG(name));
		return 0;
	}
	if (rc != STORE_OK)
		return ctl_store_failed(im->c, rc, NULL);
	im->out->active = name;
	return 0;
}

static int
take_active(struct import_scripts *im)
{
	const char *path = arena_printf(im->c->arena, "%s/" ACTIVE, im->dir).p;
	char *target;
	struct stat st;
	ssize_t n;
	int status;

	if (lstat(path, &st) != 0)
		return 0;
	if (!S_ISLNK(st.st_mode)) {
		status = take(im, STR(NAME_OF_FILE), path);
		return status ? status : activate(im, STR(NAME_OF_FILE));
	}
	/* The folder may have moved, so only the name counts. */
	target = arena_alloc(im->c->arena, PATH_MAX);
	n = readlink(path, target, PATH_MAX);
	return n > 0 ? activate(im, name_of((struct str){ target, (size_t)n }))
		     : 0;
}

int
import_scripts(struct ctl *c, const struct site_account *acc, struct account *a,
    const char *dir, struct imported_scripts *out)
{
	struct import_scripts im = { .c = c, .a = a, .dir = dir, .out = out };
	int status;

	script_source_of(c->site, acc, a, &im.source);
	status = take_folder(&im);
	return status ? status : take_active(&im);
}
