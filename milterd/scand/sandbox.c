/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/sandbox.h"

#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sanitize.h"

#define MAX_FILES 256

static bool
limit(int resource, uint64_t n, const char *name, struct err *e)
{
	struct rlimit rl = { n, n };

	if (setrlimit((__rlimit_resource_t)resource, &rl) == 0)
		return true;
	err_errno(e, "cannot limit %s", name);
	return false;
}

/* Octets of address space in use. */
static uint64_t
address_space(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%lu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* SPACE was taken before there was no /proc any more. A sanitizer reserves
 * terabytes of it. */
static bool
limit_all(const struct sandbox *s, uint64_t space, struct err *e)
{
	return limit(RLIMIT_CORE, 0, "core files", e) &&
	       limit(RLIMIT_NOFILE, MAX_FILES, "open files", e) &&
	       limit(RLIMIT_FSIZE, s->temp_size, "the size of files", e) &&
	       (SANITIZED || limit(RLIMIT_AS, space + s->memory, "memory", e));
}

/* Those of the user namespace, or of root itself. */
static bool
drop_capabilities(struct err *e)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[2] = { 0 };

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); /* may need one */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, none) == 0)
		return true;
	err_errno(e, "cannot drop capabilities");
	return false;
}

static bool
forbid_more(struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_DUMPABLE, SANITIZED, 0, 0, 0) == 0 &&
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0)
		return true;
	err_errno(e, "prctl");
	return false;
}

bool
sandbox_enter(
    const struct sandbox *s, const char **temp, char *walls, struct err *e)
{
	uint64_t space = address_space();
	bool landlock = false;

	*temp = s->dir;
	if (s->namespaces && !namespaces_enter(s, temp, e))
		return false;
	if (!limit_all(s, space, e) || !drop_capabilities(e) ||
	    !forbid_more(e) || !landlock_enter(*temp, &landlock, e) ||
	    !syscalls_enter(e))
		return false;
	snprintf(walls, SANDBOX_WALLS, "%s%sseccomp",
	    s->namespaces ? "namespaces," : "", landlock ? "landlock," : "");
	return true;
}
