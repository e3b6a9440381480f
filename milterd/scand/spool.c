/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool
budget_take(struct budget *b, uint64_t n)
{
	uint64_t before = atomic_fetch_add(&b->used, n);

	if (before + n <= b->max)
		return true;
	atomic_fetch_sub(&b->used, n);
	return false;
}

enum spool_rc
spool_open(struct spool *s, struct budget *b)
{
	s->budget = b;
	s->size = 0;
	s->fd = memfd_create("stream", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return s->fd < 0 ? SPOOL_IO : SPOOL_OK;
}

enum spool_rc
spool_put(struct spool *s, struct str data)
{
	if (!budget_take(s->budget, data.n))
		return SPOOL_FULL;
	s->size += data.n;
	while (data.n > 0) {
		ssize_t n = write(s->fd, data.p, data.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return SPOOL_IO;
		data = str_sub(data, (size_t)n, STR_NPOS);
	}
	return SPOOL_OK;
}

bool
spool_seal(struct spool *s)
{
	return fcntl(s->fd, F_ADD_SEALS, SEALS) == 0;
}

void
spool_close(struct spool *s)
{
	if (s->fd < 0)
		return;
	close(s->fd);
	s->fd = -1;
	atomic_fetch_sub(&s->budget->used, s->size);
	s->size = 0;
}
