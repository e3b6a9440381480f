/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/sieve_source.h"

#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "ctl/message.h"

/* ------------------------------------------------------------------------
 * Paths
 */

struct str
sieve_path_folder(struct str path)
{
	size_t slash = str_rchr(path, '/');

	if (slash == STR_NPOS)
		return STR(".");
	return slash == 0 ? STR("/") : str_sub(path, 0, slash);
}

struct str
sieve_path_name(struct str path)
{
	size_t slash = str_rchr(path, '/');
	struct str name =
	    slash == STR_NPOS ? path : str_sub(path, slash + 1, SIZE_MAX);

	if (name.n > 6 && str_iends(name, STR(".sieve")))
		name.n -= 6;
	return name;
}

/* ------------------------------------------------------------------------
 * Files
 */

static bool
read_stdin(struct buf *out, struct err *e)
{
	size_t n;

	do {
		n = fread(buf_reserve(out, 65536), 1, 65536, stdin);
		out->n += n;
	} while (n > 0 && out->n <= SIEVE_FILE_MAX);
	if (!ferror(stdin) && out->n <= SIEVE_FILE_MAX)
		return true;
	err_set(e, "cannot read standard input, or it is too large");
	return false;
}

static bool
read_file(struct arena *arena, struct str path, struct buf *out, struct err *e)
{
	if (str_eqc(path, "-"))
		return read_stdin(out, e);
	return fs_read(arena_cstr(arena, path), SIEVE_FILE_MAX, out, e);
}

bool
sieve_source_read(
    struct arena *arena, struct str path, struct str *out, struct err *e)
{
	struct buf in = { 0 };
	bool ok = read_file(arena, path, &in, e);

	*out = ok ? arena_str(arena, buf_str(&in)) : STR_NULL;
	buf_fini(&in);
	return ok;
}

bool
sieve_message_read(
    struct arena *arena, struct str path, struct str *out, struct err *e)
{
	struct buf in = { 0 }, lines = { 0 };
	bool ok = read_file(arena, path, &in, e);

	if (ok)
		lines_to_crlf(buf_str(&in), false, &lines);
	*out = ok ? arena_str(arena, buf_str(&lines)) : STR_NULL;
	buf_fini(&lines);
	buf_fini(&in);
	return ok;
}

enum sieve_found
sieve_folders_load(
    void *arg, enum sieve_include where, struct str name, struct buf *out)
{
	static const char *const endings[] = { ".sieve", "" };
	struct sieve_folders *f = arg;
	struct str dir = where == SIEVE_GLOBAL ? f->global : f->personal;
	struct err e = ERR_INIT;

	if (dir.n == 0 || !sieve_name_valid(name))
		return SIEVE_NOT_FOUND;
	for (size_t i = 0; i < (f->bare ? 2 : 1); i++) {
		struct str path = arena_printf(f->arena, "%.*s/%.*s%s",
		    STR_ARG(dir), STR_ARG(name), endings[i]);

		if (access(path.p, F_OK) != 0)
			continue;
		return fs_read(path.p, SIEVE_FILE_MAX, out, &e)
			   ? SIEVE_FOUND
			   : SIEVE_NO_ANSWER;
	}
	return SIEVE_NOT_FOUND;
}

int
sieve_extensions_given(struct ctl *c, struct sieve_caps *out)
{
	const char *given;
	size_t at = 0;

	*out = sieve_caps_default();
	while ((given = ctl_option_next(c, "extension", &at))) {
		struct str name = str_of(given);
		bool less = name.n > 0 && name.p[0] == '-';
		enum sieve_cap cap;

		if (less)
			name = str_sub(name, 1, SIZE_MAX);
		if (!sieve_cap_find(name, &cap))
			return ctl_failf(c, EX_USAGE, NULL,
			    "there is no extension \"%s\"", given);
		if (less)
			sieve_caps_remove(out, cap);
		else
			sieve_caps_add(out, cap);
	}
	return 0;
}
