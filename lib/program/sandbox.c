/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "program/child.h"

/*
 * Landlock: from the moment a process enters, it and its children reach only
 * the folders of the ruleset, and cannot look into processes outside. The
 * rights are those of the first version, which every kernel with it has.
 */

#define READ                                                                   \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |           \
	    LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE                                                                  \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |       \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |    \
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |        \
	    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |      \
	    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static const struct {
	const char *path;
	__u64 rights;
} usual[] = {
	{ "/bin", READ },
	{ "/dev", READ | LANDLOCK_ACCESS_FS_WRITE_FILE },
	{ "/etc", READ },
	{ "/lib", READ },
	{ "/lib32", READ },
	{ "/lib64", READ },
	{ "/opt", READ },
	{ "/proc", READ },
	{ "/sbin", READ },
	{ "/tmp", READ | WRITE },
	{ "/usr", READ },
};

/* What is not there needs no right. */
static void
allow(int ruleset, const char *path, __u64 rights)
{
	struct landlock_path_beneath_attr a = { .allowed_access = rights };

	a.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (a.parent_fd < 0)
		return;
	syscall(
	    SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &a, 0);
	close(a.parent_fd);
}

static void
allow_list(int ruleset, const char *paths)
{
	struct str rest = str_of(paths), path;
	char name[4096];

	while (rest.p && str_split(&rest, ' ', &path)) {
		if (path.n == 0 || path.n >= sizeof(name))
			continue;
		memcpy(name, path.p, path.n);
		name[path.n] = '\0';
		allow(ruleset, name, READ | WRITE);
	}
}

int
sandbox_ruleset(const char *dir, const char *paths)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs =
						  READ | WRITE };
	int ruleset =
	    (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset < 0)
		return -1;
	for (size_t i = 0; i < LEN(usual); i++)
		allow(ruleset, usual[i].path, usual[i].rights);
	allow(ruleset, dir, READ);
	allow_list(ruleset, paths);
	return ruleset;
}

int
sandbox_enter(int ruleset)
{
	return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}
