/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "milterd/scand/keeper.h"
#include "milterd/scand/packet.h"

/* The front has threads, so the keeper is not a copy of it but a program
 * executed anew: this one, whatever has become of its file. */
#define SELF "/proc/self/exe"

extern char **environ;

/* ------------------------------------------------------------------------
 * Beginning
 */

static bool
make_dir(const char *temp_dir, char **out, struct err *e)
{
	struct buf name = { 0 };

	buf_printf(&name, "%s/scand.XXXXXX", temp_dir);
	*out = mem_strdup(buf_cstr(&name));
	buf_fini(&name);
	if (mkdtemp(*out))
		return true;
	err_errno(e, "cannot make a folder in %s", temp_dir);
	free(*out);
	*out = NULL;
	return false;
}

/* It logs what we log. */
static const char *
level_now(void)
{
	return log_enabled(LOG_DEBUG)  ? "debug"
	       : log_enabled(LOG_INFO) ? "info"
	       : log_enabled(LOG_WARN) ? "warn"
				       : "error";
}

static int
spawn(struct process *p, const char *conf, int control)
{
	/* exec takes them for writable, and leaves them alone. */
	union {
		const char *in[KEEPER_ARGUMENTS + 1];
		char *out[KEEPER_ARGUMENTS + 1];
	} args = { { "scand", KEEPER_ARGUMENT, level_now(), conf, p->dir,
	    NULL } };
	posix_spawn_file_actions_t actions;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, control, KEEPER_CONTROL);
	rc = posix_spawn(&p->pid, SELF, &actions, NULL, args.out, environ);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static bool
run(struct process *p, const char *conf, struct err *e)
{
	int fds[2], rc;

	if (!packet_pair(fds)) {
		err_errno(e, "socketpair");
		return false;
	}
	rc = spawn(p, conf, fds[1]);
	close(fds[1]);
	p->control = fds[0];
	if (rc == 0)
		p->pidfd = pidfd_open(p->pid, 0);
	if (rc == 0 && p->pidfd >= 0)
		return true;
	errno = rc ? rc : errno;
	err_errno(e, "cannot start a keeper");
	close(p->control);
	return false;
}

bool
process_start(const char *conf, const char *temp_dir, uint64_t generation,
    struct process *p, struct err *e)
{
	*p = (struct process){ .generation = generation,
		.pid = -1,
		.control = -1,
		.pidfd = -1,
		.since = clock_mono_ms() };
	if (make_dir(temp_dir, &p->dir, e) && run(p, conf, e))
		return true;
	if (p->dir)
		rmdir(p->dir);
	free(p->dir);
	*p = (struct process){ 0 };
	return false;
}

/* ------------------------------------------------------------------------
 * Listening
 */

static bool
take_loaded(struct process *p, const char *text)
{
	int at = 0;

	if (sscanf(text, "%u %u %u %n", &p->scanners, &p->seconds,
		&p->signatures, &at) != 3 ||
	    at == 0 || p->scanners == 0)
		return false;
	snprintf(p->version, sizeof(p->version), "%.*s",
	    (int)sizeof(p->version) - 1, text + at);
	return true;
}

static bool
take_scanner(struct process *p, struct message *m)
{
	struct scanner *s;

	if (m->fds[0] < 0 || m->fds[1] < 0 || p->scanners == 0)
		return false;
	s = mem_zalloc(sizeof(*s));
	s->generation = p->generation;
	s->seconds = p->seconds;
	s->pid = (pid_t)strtol(m->text, NULL, 10);
	s->channel = m->fds[0];
	s->pidfd = m->fds[1];
	m->fds[0] = m->fds[1] = -1;
	s->next = p->proven;
	p->proven = s;
	p->nproven++;
	return true;
}

static enum process_news
take(struct process *p, struct message *m, struct err *e)
{
	if (m->kind == PACKET_LOADED && take_loaded(p, m->text))
		return PROCESS_NOTHING;
	if (m->kind == PACKET_READY && take_scanner(p, m))
		return PROCESS_SCANNER;
	if (m->kind == PACKET_FAILED)
		err_set(e, "%s", m->text);
	else
		err_set(e, "the keeper said \"%c%s\"", m->kind, m->text);
	return PROCESS_FAILED;
}

enum process_news
process_hear(struct process *p, struct err *e)
{
	enum process_news news;
	struct message m;

	if (packet_recv(p->control, 0, &m)) {
		news = take(p, &m, e);
		packet_close(&m);
		return news;
	}
	if (errno == ETIMEDOUT)
		return PROCESS_NOTHING;
	err_set(e, "the keeper, process %d, has ended", (int)p->pid);
	return PROCESS_FAILED;
}

/* ------------------------------------------------------------------------
 * End
 */

void
process_let_go(struct process *p)
{
	if (p->control >= 0)
		close(p->control);
	p->control = -1;
	scanner_free_all(p->proven);
	p->proven = NULL;
	p->nproven = 0;
}

static void
tell_end(pid_t pid, int status)
{
	if (WIFSIGNALED(status))
		log_error("keeper_crashed", LOG_INT("pid", pid),
		    LOG_CSTR("signal", strsignal(WTERMSIG(status))));
	else
		log_debug("keeper_ended", LOG_INT("pid", pid),
		    LOG_INT("status", WEXITSTATUS(status)));
}

void
process_end(struct process *p, int milliseconds)
{
	struct pollfd ended = { .fd = p->pidfd, .events = POLLIN };
	struct err ignored;
	int status = 0;

	if (poll(&ended, 1, milliseconds) == 0)
		kill(p->pid, SIGKILL);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	tell_end(p->pid, status);
	close(p->pidfd);
	fs_remove_tree(p->dir, &ignored);
	free(p->dir);
	*p = (struct process){ 0 };
}
