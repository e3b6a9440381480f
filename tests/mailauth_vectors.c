/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/vectors.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"

/*
 *	mailauth_vectors [DIR]
 *
 * DIR is laid out like testdata/mail-auth: a folder for each area. Without it
 * that folder of $MAILSTEAD_TESTDATA is taken. Ends with 0 if no case failed,
 * with 77 ("skipped" to make check) if there is no such folder.
 */

#define SKIPPED 77

static const struct area {
	const char *name; /* of its folder, too */
	void (*run)(struct vectors *v);
} areas[] = {
	/* clang-format off */
	{ "arc", vectors_arc },
	{ "dkim", vectors_dkim },
	{ "authres", vectors_authres },
	{ "dmarc", vectors_dmarc },
	{ "psl", vectors_psl },
	{ "reports", vectors_reports },
	{ "spf", vectors_spf },
	/* clang-format on */
};

struct vectors {
	const char *dir;
	struct arena *arena; /* of paths */
	json_t *kept;        /* what was loaded */
	unsigned passed, failed;
};

/* ------------------------------------------------------------------------
 * What areas use
 */

static const char *
path_of(struct vectors *v, const char *name)
{
	return arena_printf(v->arena, "%s/%s", v->dir, name).p;
}

json_t *
vectors_json(struct vectors *v, const char *path)
{
	const char *full = path_of(v, path);
	struct stat st;
	json_error_t e;
	json_t *j;

	if (stat(full, &st) < 0)
		return NULL;
	j = json_load_file(full, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
	if (j)
		json_array_append_new(v->kept, j);
	else
		vectors_case(
		    v, "json", path, false, "line %d: %s", e.line, e.text);
	return j;
}

struct str
vectors_file(struct vectors *v, struct arena *a, const char *path)
{
	FILE *f = fopen(path_of(v, path), "rb");
	struct buf b = { 0 };
	struct str text;
	size_t n;

	if (!f)
		return STR_NULL;
	do {
		n = fread(buf_reserve(&b, 65536), 1, 65536, f);
		b.n += n;
	} while (n > 0);
	fclose(f);
	text = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return text;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t
vectors_list(struct vectors *v, struct arena *a, const char *folder,
    const char *suffix, const char *const **names)
{
	DIR *d = opendir(path_of(v, folder));
	const char **list = NULL;
	struct dirent *e;
	size_t n = 0, cap = 0;

	while (d && (e = readdir(d)) != NULL) {
		if (!str_iends(str_of(e->d_name), str_of(suffix)))
			continue;
		list = arena_grow(a, list, n, &cap, sizeof(*list));
		list[n++] = arena_cstr(a, str_of(e->d_name));
	}
	if (d)
		closedir(d);
	if (n)
		qsort(list, n, sizeof(*list), by_name);
	*names = list;
	return n;
}

/* One line a case, whatever its name. */
static void
put_name(const char *outcome, const char *area, const char *name)
{
	printf("%s %s ", outcome, area);
	for (; *name; name++)
		putchar((unsigned char)*name < ' ' ? ' ' : *name);
}

void
vectors_case(struct vectors *v, const char *area, const char *name, bool ok,
    const char *fmt, ...)
{
	va_list ap;

	if (ok) {
		v->passed++;
		put_name("pass", area, name);
		putchar('\n');
		return;
	}
	v->failed++;
	put_name("FAIL", area, name);
	printf(": ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

struct str
vectors_string(const json_t *object, const char *key)
{
	const json_t *j = json_object_get(object, key);

	if (!json_is_string(j))
		return STR_NULL;
	return (struct str){ json_string_value(j), json_string_length(j) };
}

/* ------------------------------------------------------------------------
 * The program
 */

/* Beside the source tree, unless the environment says where. */
static const char *
default_dir(struct arena *a)
{
	const char *data = getenv("MAILSTEAD_TESTDATA");
	const char *src = getenv("srcdir"); /* from make check */

	if (data)
		return arena_printf(a, "%s/mail-auth", data).p;
	return arena_printf(
	    a, "%s/../shared/testdata/mail-auth", src ? src : ".")
	    .p;
}

static bool
is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void
run(struct vectors *v)
{
	for (size_t i = 0; i < LEN(areas); i++) {
		if (is_folder(path_of(v, areas[i].name)))
			areas[i].run(v);
		else
			printf("none %s: there is no folder of that name\n",
			    areas[i].name);
	}
	printf("%u passed, %u failed\n", v->passed, v->failed);
}

int
main(int argc, char **argv)
{
	struct vectors v = { .arena = arena_new(), .kept = json_array() };
	int status = SKIPPED;

	v.dir = argc > 1 ? argv[1] : default_dir(v.arena);
	if (is_folder(v.dir)) {
		run(&v);
		status = v.failed > 0;
	} else {
		printf("skipped: there are no vectors in %s\n", v.dir);
	}
	json_decref(v.kept);
	arena_free(&v.arena);
	return status;
}
