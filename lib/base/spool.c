/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

#define MEMORY_MAX (2U << 20) /* of one message in memory */
#define WRITE_CHUNK (256U << 10)
#define SMALL_CHUNK (64U << 10) /* when memory is short */

static struct {
	char *dir;
	uint64_t budget;
	size_t headroom;
	_Atomic uint64_t used;
} memory = { .budget = UINT64_MAX };

void
spool_configure(const char *dir, uint64_t budget, size_t headroom)
{
	free(memory.dir);
	memory.dir = mem_strdup(dir);
	memory.budget = budget;
	memory.headroom = headroom;
}

void
spool_init(struct spool *s)
{
	*s = (struct spool){ .fd = -1 };
}

static void
count(struct spool *s)
{
	/* Unsigned arithmetic: a smaller buffer takes away. */
	atomic_fetch_add(&memory.used, (uint64_t)s->mem.cap - s->counted);
	s->counted = s->mem.cap;
}

void
spool_put(struct spool *s, struct str piece)
{
	if (s->failed)
		return;
	if (s->size == 0 && s->mem.n == 0) {
		buf_reserve(&s->mem, memory.headroom + SMALL_CHUNK / 4);
		s->mem.n = memory.headroom;
	}
	buf_putstr(&s->mem, piece);
	s->size += piece.n;
	count(s);
}

bool
spool_must_write(const struct spool *s)
{
	bool scarce = atomic_load(&memory.used) > memory.budget;

	if (s->failed)
		return false;
	if (s->fd < 0)
		return s->mem.n > (scarce ? SMALL_CHUNK : MEMORY_MAX);
	return s->mem.n > (scarce ? SMALL_CHUNK : WRITE_CHUNK);
}

static int
unnamed_file(void)
{
	char path[4096];
	int fd = open(memory.dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	snprintf(path, sizeof(path), "%s/.spool.XXXXXX", memory.dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static bool
write_all(int fd, struct str s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s = str_sub(s, (size_t)n, STR_NPOS);
	}
	return true;
}

bool
spool_write(struct spool *s, struct err *e)
{
	if (s->failed)
		return false;
	if (s->fd < 0) {
		s->fd = unnamed_file();
		/* The headroom is undefined bytes in memory; not in a file. */
		memset(s->mem.p, 0, memory.headroom);
	}
	if (s->fd < 0 || !write_all(s->fd, buf_str(&s->mem))) {
		err_errno(e, "cannot keep a message in %s", memory.dir);
		s->failed = true;
	}
	buf_fini(&s->mem);
	count(s);
	return !s->failed;
}

bool
spool_finish(struct spool *s, struct str *raw, struct err *e)
{
	if (s->size == 0)
		spool_put(s, STR_NULL); /* an empty message has headroom too */
	if (s->fd < 0 && !s->failed) {
		*raw = str_sub(buf_str(&s->mem), memory.headroom, STR_NPOS);
		return true;
	}
	if (!spool_write(s, e))
		return false;
	s->mapped = memory.headroom + (size_t)s->size;
	s->map = mmap(
	    NULL, s->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE, s->fd, 0);
	if (s->map == MAP_FAILED) {
		s->map = NULL;
		err_errno(e, "cannot map a message of %zu bytes", s->mapped);
		return false;
	}
	*raw = (struct str){ s->map + memory.headroom, (size_t)s->size };
	return true;
}

void
spool_reset(struct spool *s)
{
	buf_fini(&s->mem);
	count(s);
	if (s->map)
		munmap(s->map, s->mapped);
	if (s->fd >= 0)
		close(s->fd);
	spool_init(s);
}
