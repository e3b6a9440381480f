/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "milterd/scand/sandbox.h"

/* Landlock (landlock(7)): needs no privilege, and walls off the file system
 * where namespaces are not to be had. What its first version knows is enough:
 * what no rule allows cannot be opened. */

#define READ_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define TEMP_RIGHTS                                                            \
	(READ_RIGHTS | LANDLOCK_ACCESS_FS_WRITE_FILE |                         \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |        \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR)
/* Making devices, sockets, pipes and links, and executing: nowhere. */
#define ALL_RIGHTS                                                             \
	(TEMP_RIGHTS | LANDLOCK_ACCESS_FS_EXECUTE |                            \
	    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK |     \
	    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |      \
	    LANDLOCK_ACCESS_FS_MAKE_SYM)

static int
ruleset(void)
{
	struct landlock_ruleset_attr all = { .handled_access_fs = ALL_RIGHTS };

	return (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
}

static bool
allow(int rules, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = rights,
		.parent_fd = open(path, O_PATH | O_CLOEXEC),
	};
	bool ok = beneath.parent_fd >= 0 &&
		  syscall(SYS_landlock_add_rule, rules,
		      LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;

	if (beneath.parent_fd >= 0)
		close(beneath.parent_fd);
	return ok;
}

bool
landlock_enter(const char *temp, bool *done, struct err *e)
{
	int rules = ruleset();

	*done = rules >= 0;
	if (rules < 0) {
		if (errno == ENOSYS || errno == EOPNOTSUPP)
			return true;
		err_errno(e, "landlock");
		return false;
	}
	*done = allow(rules, temp, TEMP_RIGHTS) &&
		allow(rules, "/usr", READ_RIGHTS) &&
		syscall(SYS_landlock_restrict_self, rules, 0) == 0;
	if (!*done)
		err_errno(e, "landlock");
	close(rules);
	return *done;
}
