/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"

/*
 * Runs a fuzz target over files, or over all files of folders, given as
 * arguments; without arguments over corpus/NAME, if the program is NAME_fuzz.
 * So what was found once is checked by every compiler, without libFuzzer.
 */

#define REPLAY_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replayed;

static int
replay_file(const char *path)
{
	struct buf data = { 0 };
	struct err e = ERR_INIT;
	uint8_t *exact;

	if (!fs_read(path, REPLAY_MAX, &data, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	/* Of just the size, so that a sanitizer sees reads past the end. */
	exact = malloc(data.n ? data.n : 1);
	if (!exact)
		abort();
	if (data.n)
		memcpy(exact, data.p, data.n);
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(exact, data.n);
	replayed++;
	free(exact);
	buf_fini(&data);
	return 0;
}

static int
replay(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort), rc = 0;

	if (n < 0)
		return replay_file(path);
	for (int i = 0; i < n; i++) {
		struct buf file = { 0 };

		buf_printf(&file, "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			rc |= replay_file(buf_cstr(&file));
		buf_fini(&file);
		free(names[i]);
	}
	free(names);
	return rc;
}

/* "…/mime_fuzz" in the source tree that make check names: corpus/mime. */
static int
replay_own(const char *program)
{
	const char *slash = strrchr(program, '/');
	const char *name = slash ? slash + 1 : program;
	const char *srcdir = getenv("srcdir");
	struct buf path = { 0 };
	int rc;

	buf_printf(&path, "%s/fuzz/corpus/%.*s", srcdir ? srcdir : ".",
	    (int)strcspn(name, "_"), name);
	rc = replay(buf_cstr(&path));
	buf_fini(&path);
	return rc;
}

int
main(int argc, char **argv)
{
	int rc = 0;

	if (argc < 2)
		rc = replay_own(argv[0]);
	for (int i = 1; i < argc; i++)
		rc |= replay(argv[i]);
	printf("%u inputs replayed\n", replayed);
	return rc || replayed == 0;
}
