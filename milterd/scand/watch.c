/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define EVENTS                                                                 \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)

/* Adding a folder that is watched already changes nothing. */
static void
attend(struct watch *w)
{
	if (w->fd >= 0)
		inotify_add_watch(w->fd, w->dir, EVENTS | IN_ONLYDIR);
}

void
watch_init(struct watch *w, const char *dir, unsigned settle, unsigned check)
{
	*w = (struct watch){ .dir = dir,
		.settle_ms = settle * 1000LL,
		.check_ms = check * 1000LL,
		.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK) };
	w->check_at = clock_mono_ms() + w->check_ms;
	attend(w);
}

void
watch_fini(struct watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

int64_t
watch_due(const struct watch *w)
{
	return w->settle_at && w->settle_at < w->check_at ? w->settle_at
							  : w->check_at;
}

static bool
take_events(struct watch *w)
{
	char events[4096];
	bool any = false;

	while (w->fd >= 0 && read(w->fd, events, sizeof(events)) > 0)
		any = true;
	return any;
}

bool
watch_look(struct watch *w)
{
	int64_t now;
	bool settled;

	if (take_events(w))
		w->settle_at = clock_mono_ms() + w->settle_ms;
	now = clock_mono_ms();
	settled = w->settle_at && now >= w->settle_at;
	if (!settled && now < w->check_at)
		return false;
	attend(w);
	w->check_at = now + w->check_ms;
	if (settled)
		w->settle_at = 0;
	return true;
}

/* FNV-1a, to tell files apart that nobody made to collide. */
static uint64_t
mix(uint64_t h, const void *p, size_t n)
{
	const unsigned char *octets = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ octets[i]) * 0x100000001b3ULL;
	return h;
}

/* What freshclam keeps there besides databases. */
static bool
is_database(const char *name)
{
	struct str s = str_of(name);

	return *name != '.' && !str_iends(s, STR(".dat")) &&
	       !str_iends(s, STR(".tmp"));
}

static uint64_t
of_file(int dir, const char *name)
{
	uint64_t h = 0xcbf29ce484222325ULL;
	struct stat st;

	if (!is_database(name) || fstatat(dir, name, &st, 0) != 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	h = mix(h, name, strlen(name));
	h = mix(h, &st.st_ino, sizeof(st.st_ino));
	h = mix(h, &st.st_size, sizeof(st.st_size));
	return mix(h, &st.st_mtim, sizeof(st.st_mtim));
}

uint64_t
watch_fingerprint(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	uint64_t sum = 0; /* whatever the order */

	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		sum += of_file(dirfd(dir), entry->d_name);
	closedir(dir);
	return sum;
}
