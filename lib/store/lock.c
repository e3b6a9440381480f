/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#include "base/clock.h"

/*
 * Two locks on one file. Who wants to write first takes the turn, a lock on its
 * first byte, then with it the lock on the file as a whole, and gives the turn
 * back. A process that has just written and wants to go on must wait for the
 * turn, too, which the one that waits already holds. With the file alone a busy
 * process takes it again before a waiting one has looked.
 */

#define SLOW_NS 5000000 /* between looks at the turn */
#define FAST_NS 1000000 /* and at the file, by the only one who may have it */

static bool
try_turn(const struct account *a)
{
	struct flock fl = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1
	};

	return fcntl(a->lock_fd, F_OFD_SETLK, &fl) == 0;
}

static void
give_turn(const struct account *a)
{
	struct flock fl = {
		.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_len = 1
	};

	fcntl(a->lock_fd, F_OFD_SETLK, &fl);
}

static bool
try_file(const struct account *a)
{
	return flock(a->lock_fd, LOCK_EX | LOCK_NB) == 0;
}

static enum store_rc
wait_until(struct account *a, bool (*try)(const struct account *a),
    long longest, int64_t deadline, struct err *e)
{
	struct timespec pause = { .tv_nsec = 100000 };

	while (!try(a)) {
		if (errno != EWOULDBLOCK && errno != EACCES && errno != EINTR) {
			err_errno(e, "cannot lock account %s", a->id);
			return STORE_IO;
		}
		if (clock_mono_ms() > deadline)
			return store_fail(e, STORE_BUSY,
			    "another process has held the lock of account %s"
			    " for %u ms",
			    a->id, a->st->busy_ms);
		nanosleep(&pause, NULL);
		if (pause.tv_nsec * 2 <= longest)
			pause.tv_nsec *= 2;
	}
	return STORE_OK;
}

enum store_rc
account_lock(struct account *a, struct err *e)
{
	int64_t deadline = clock_mono_ms() + a->st->busy_ms;
	enum store_rc rc = wait_until(a, try_turn, SLOW_NS, deadline, e);

	if (rc != STORE_OK)
		return rc;
	rc = wait_until(a, try_file, FAST_NS, deadline, e);
	give_turn(a);
	return rc;
}

void
account_unlock(struct account *a)
{
	flock(a->lock_fd, LOCK_UN);
}
