/* SPDX-License-Identifier: BSD-2-Clause */
#include "pop3d/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/map.h"
#include "base/mem.h"

struct locks {
	int fd;
	pthread_mutex_t lock;
	struct map *held; /* ids: locks of one descriptor do not conflict */
};

bool
locks_open(const char *run_dir, struct locks **out, struct err *e)
{
	struct locks *l = mem_zalloc(sizeof(*l));
	struct buf path = { 0 };

	buf_printf(&path, "%s/pop3.lock", run_dir);
	l->fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (l->fd < 0)
		err_errno(e, "cannot open %s", buf_cstr(&path));
	buf_fini(&path);
	pthread_mutex_init(&l->lock, NULL);
	l->held = map_new();
	if (l->fd < 0)
		locks_close(&l);
	*out = l;
	return l != NULL;
}

void
locks_close(struct locks **lp)
{
	struct locks *l = *lp;

	*lp = NULL;
	if (!l)
		return;
	map_free(&l->held);
	pthread_mutex_destroy(&l->lock);
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

/* The account's byte: 62 bits of its id. */
static int
set(struct locks *l, struct str id, short type)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_len = 1 };
	uint8_t raw[8] = { 0 };
	uint64_t at = 0;

	hex_decode(id, raw, sizeof(raw));
	for (size_t i = 0; i < sizeof(raw); i++)
		at = at << 8 | raw[i];
	fl.l_start = (off_t)(at >> 2);
	return fcntl(l->fd, F_OFD_SETLK, &fl);
}

enum lock_rc
locks_take(struct locks *l, struct str id, struct err *e)
{
	enum lock_rc rc = LOCK_OK;

	pthread_mutex_lock(&l->lock);
	if (map_get(l->held, id)) {
		rc = LOCK_IN_USE;
	} else if (set(l, id, F_WRLCK) == 0) {
		map_set(l->held, id, l);
	} else if (errno == EAGAIN || errno == EACCES) {
		rc = LOCK_IN_USE;
	} else {
		err_errno(e, "cannot lock the maildrop of %.*s", STR_ARG(id));
		rc = LOCK_FAILED;
	}
	pthread_mutex_unlock(&l->lock);
	return rc;
}

void
locks_give(struct locks *l, struct str id)
{
	pthread_mutex_lock(&l->lock);
	if (map_del(l->held, id))
		set(l, id, F_UNLCK);
	pthread_mutex_unlock(&l->lock);
}
