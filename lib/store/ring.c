/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rnd.h"

#define SLOTS 4096
#define ID_LEN 16
/* Looking at more slots than this costs more than asking the database. */
#define LOOK_BACK 64
/* What a change by others may wait while this process changes things. */
#define OWN_PAUSE_MS 1

/*
 * 0 is written to number before the rest and the number after it, so whoever
 * finds the number he expects before and after reading the rest has a whole
 * slot. The rest is atomic since others may write meanwhile.
 */
struct slot {
	_Atomic uint64_t number; /* 1 for the first poke ever */
	_Atomic uint64_t id[ID_LEN / 8];
	_Atomic uint32_t origin; /* the ring object that poked */
	uint32_t unused;
};

struct ring_file {
	_Atomic uint64_t head; /* number of the newest poke begun */
	char poke;             /* written with pwrite(2), for inotify */
	char unused[4096 - 9];
	struct slot slots[SLOTS];
};

struct ring {
	int fd;
	struct ring_file *file;
	uint32_t origin;
	/* Watching. */
	bool watching;
	pthread_t thread;
	int inotify, stop;
	uint64_t seen;
	void (*callback)(void *arg, struct str id);
	void *arg;
};

static bool
map_file(struct ring *r, const char *path, struct err *e)
{
	struct stat st;
	void *p;

	r->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
	if (r->fd < 0) {
		err_errno(e, "cannot open change ring %s", path);
		return false;
	}
	if (fstat(r->fd, &st) != 0 ||
	    (st.st_size < (off_t)sizeof(struct ring_file) &&
		ftruncate(r->fd, sizeof(struct ring_file)) != 0)) {
		err_errno(e, "cannot size change ring %s", path);
		return false;
	}
	p = mmap(NULL, sizeof(struct ring_file), PROT_READ | PROT_WRITE,
	    MAP_SHARED, r->fd, 0);
	if (p == MAP_FAILED) {
		err_errno(e, "cannot map change ring %s", path);
		return false;
	}
	r->file = p;
	return true;
}

bool
ring_open(const char *run_dir, struct ring **out, struct err *e)
{
	struct ring *r = mem_zalloc(sizeof(*r));
	struct buf path = { 0 };
	bool ok;

	r->fd = r->inotify = r->stop = -1;
	r->origin = (uint32_t)rnd_u64();
	buf_printf(&path, "%s/changes.ring", run_dir);
	ok = map_file(r, buf_cstr(&path), e);
	buf_fini(&path);
	if (!ok)
		ring_close(&r);
	*out = r;
	return ok;
}

static void
close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void
ring_close(struct ring **rp)
{
	struct ring *r = *rp;

	*rp = NULL;
	if (!r)
		return;
	if (r->watching) {
		eventfd_write(r->stop, 1);
		pthread_join(r->thread, NULL);
	}
	if (r->file)
		munmap(r->file, sizeof(*r->file));
	close_fd(r->inotify);
	close_fd(r->stop);
	close_fd(r->fd);
	free(r);
}

static void
slot_write(struct slot *s, uint64_t number, const char id[16], uint32_t origin)
{
	uint64_t words[ID_LEN / 8];

	memcpy(words, id, ID_LEN);
	atomic_store_explicit(&s->number, 0, memory_order_relaxed);
	for (size_t i = 0; i < ID_LEN / 8; i++)
		atomic_store_explicit(
		    &s->id[i], words[i], memory_order_release);
	atomic_store_explicit(&s->origin, origin, memory_order_release);
	atomic_store_explicit(&s->number, number, memory_order_release);
}

/* False: it is not, or not any more, the slot of NUMBER. */
static bool
slot_read(const struct slot *s, uint64_t number, char id[16], uint32_t *origin)
{
	uint64_t words[ID_LEN / 8];

	if (atomic_load_explicit(&s->number, memory_order_acquire) != number)
		return false;
	for (size_t i = 0; i < ID_LEN / 8; i++)
		words[i] =
		    atomic_load_explicit(&s->id[i], memory_order_acquire);
	*origin = atomic_load_explicit(&s->origin, memory_order_acquire);
	memcpy(id, words, ID_LEN);
	return atomic_load_explicit(&s->number, memory_order_relaxed) == number;
}

void
ring_poke(struct ring *r, const char id[16])
{
	uint64_t number = atomic_fetch_add(&r->file->head, 1) + 1;

	slot_write(&r->file->slots[number % SLOTS], number, id, r->origin);
	if (pwrite(r->fd, "!", 1, offsetof(struct ring_file, poke)) != 1)
		log_error("ring-poke-failed",
		    LOG_CSTR("error", strerrordesc_np(errno)));
}

uint64_t
ring_now(const struct ring *r)
{
	return atomic_load(&r->file->head);
}

bool
ring_quiet(const struct ring *r, const char id[16], uint64_t *number)
{
	uint64_t head = atomic_load(&r->file->head);

	if (head - *number > LOOK_BACK)
		return false;
	for (uint64_t n = *number + 1; n <= head; n++) {
		char changed[ID_LEN];
		uint32_t origin;

		if (!slot_read(
			&r->file->slots[n % SLOTS], n, changed, &origin) ||
		    memcmp(changed, id, ID_LEN) == 0)
			return false;
	}
	*number = head;
	return true;
}

/* Report one slot; anything but a whole, expected slot means "all". True if
 * it is our own. */
static bool
report(struct ring *r, uint64_t number)
{
	struct slot *s = &r->file->slots[number % SLOTS];
	char id[ID_LEN];
	uint32_t origin;
	int tries = 0;

	while (
	    atomic_load_explicit(&s->number, memory_order_acquire) < number &&
	    tries++ < 1000)
		sched_yield();
	if (!slot_read(s, number, id, &origin)) {
		r->callback(r->arg, STR_NULL);
		return false;
	}
	if (origin == r->origin)
		return true;
	r->callback(r->arg, (struct str){ id, ID_LEN });
	return false;
}

/* True if all that came is our own. */
static bool
catch_up(struct ring *r)
{
	uint64_t head = atomic_load(&r->file->head);
	bool own = true;

	if (head - r->seen > SLOTS / 2) {
		r->callback(r->arg, STR_NULL);
		r->seen = head;
		own = false;
	}
	while (r->seen < head)
		own = report(r, ++r->seen) && own;
	return own;
}

static void *
watch_loop(void *arg)
{
	struct ring *r = arg;
	struct pollfd fds[2] = { { r->inotify, POLLIN, 0 },
		{ r->stop, POLLIN, 0 } };
	char events[4096];

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents)
			break;
		/* The content does not matter: drain, then read the ring. */
		while (read(r->inotify, events, sizeof(events)) > 0)
			;
		/* We are writing, and may be again at once: not a wake-up for
		 * each of our own pokes. */
		if (catch_up(r) && poll(&fds[1], 1, OWN_PAUSE_MS) > 0)
			break;
	}
	return NULL;
}

bool
ring_watch(struct ring *r, void (*callback)(void *arg, struct str id),
    void *arg, struct err *e)
{
	char path[64];

	r->callback = callback;
	r->arg = arg;
	r->seen = atomic_load(&r->file->head);
	r->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	r->stop = eventfd(0, EFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", r->fd);
	if (r->inotify < 0 || r->stop < 0 ||
	    inotify_add_watch(r->inotify, path, IN_MODIFY) < 0) {
		err_errno(e,
		    "cannot watch the change ring (if descriptors are short,"
		    " raise fs.inotify.max_user_instances)");
		return false;
	}
	if (pthread_create(&r->thread, NULL, watch_loop, r) != 0) {
		err_set(e, "cannot start the change ring's thread");
		return false;
	}
	r->watching = true;
	return true;
}
