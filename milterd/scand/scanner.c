/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/scanner.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sanitize.h"
#include "milterd/scand/packet.h"

#define CHANNEL 3

/* Nothing is open any more but the channel. */
static void
close_others(int channel)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (!SANITIZED) /* which reports there */
		dup2(null, STDERR_FILENO);
	if (channel != CHANNEL)
		dup2(channel, CHANNEL);
	close_range(CHANNEL + 1, ~0U, 0);
}

/* The front has sealed it, so it cannot shrink while it is mapped. */
static void
scan_file(struct engine *g, int fd, struct finding *f)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) != 0 || st.st_size < 0) {
		*f = (struct finding){ VERDICT_ERROR, "no stream" };
		return;
	}
	if (st.st_size == 0) {
		engine_scan(g, STR_NULL, f);
		return;
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED) {
		*f = (struct finding){ VERDICT_ERROR, "no memory" };
		return;
	}
	engine_scan(g, (struct str){ p, (size_t)st.st_size }, f);
	munmap(p, (size_t)st.st_size);
}

static bool
serve(struct engine *g)
{
	static const enum packet answers[] = {
		[VERDICT_CLEAN] = PACKET_CLEAN,
		[VERDICT_FOUND] = PACKET_FOUND,
		[VERDICT_ERROR] = PACKET_ERROR,
	};
	struct message m;
	struct finding f;

	if (!packet_recv(CHANNEL, -1, &m) || m.kind != PACKET_SCAN)
		return false;
	scan_file(g, m.fds[0], &f);
	packet_close(&m);
	return packet_send(CHANNEL, answers[f.verdict], f.text, NULL, 0);
}

void
scanner_run(struct engine *g, const struct sandbox *s, int channel)
{
	struct err e = ERR_INIT;
	char walls[SANDBOX_WALLS];
	const char *temp;

	prctl(PR_SET_NAME, "scand-scanner", 0, 0, 0);
	close_others(channel);
	if (!sandbox_enter(s, &temp, walls, &e) ||
	    !engine_set_temp(g, temp, &e) || !engine_prove(g, &e)) {
		packet_send(CHANNEL, PACKET_FAILED, e.msg, NULL, 0);
		_exit(1);
	}
	if (packet_send(CHANNEL, PACKET_PROVEN, walls, NULL, 0)) {
		while (serve(g))
			;
	}
	_exit(0);
}
