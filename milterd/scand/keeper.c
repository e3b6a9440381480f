/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "milterd/scand/engine.h"
#include "milterd/scand/packet.h"
#include "milterd/scand/sandbox.h"
#include "milterd/scand/scanner.h"

#define START_MS 60000
#define BACKOFF_LEAST_MS 100
#define BACKOFF_MOST_MS 30000
/* Beyond the time of a scan: then the front has killed it, if it lives. */
#define DRAIN_MS 20000

struct child {
	pid_t pid; /* 0: none runs */
	char
	    *dir; /* where its file system is mounted, or its temporary files */
};

struct keeper {
	struct settings settings;
	struct engine *engine;
	const char *dir;
	int signals; /* that a child ended */
	bool namespaces;
	struct child *children;
	int64_t retry_at,
	    backoff;    /* after a scanner could not start; 0: none */
	int64_t end_at; /* the front has closed its end; 0: it has not */
};

/* ------------------------------------------------------------------------
 * A scanner's life
 */

static struct sandbox
sandbox_of(const struct keeper *k, const struct child *c)
{
	const struct settings *s = &k->settings;

	return (struct sandbox){ .dir = c->dir,
		.namespaces = k->namespaces,
		.temp_size = s->temp_size,
		.memory = s->scanner_memory + s->max_stream };
}

/* A folder without what another scanner may have left. */
static bool
make_dir(const struct child *c, struct err *e)
{
	if (!fs_remove_tree(c->dir, e))
		return false;
	if (mkdir(c->dir, 0700) == 0)
		return true;
	err_errno(e, "cannot make %s", c->dir);
	return false;
}

/* Fork; *channel is our end. */
static bool
fork_scanner(struct keeper *k, struct child *c, int *channel, struct err *e)
{
	struct sandbox s = sandbox_of(k, c);
	int fds[2];

	if (!packet_pair(fds)) {
		err_errno(e, "socketpair");
		return false;
	}
	c->pid = fork();
	if (c->pid == 0)
		scanner_run(k->engine, &s, fds[1]);
	close(fds[1]);
	*channel = fds[0];
	if (c->pid > 0)
		return true;
	c->pid = 0;
	close(fds[0]);
	err_errno(e, "cannot fork a scanner");
	return false;
}

static bool
hear_proof(int channel, struct message *m, struct err *e)
{
	if (packet_recv(channel, START_MS, m) && m->kind == PACKET_PROVEN)
		return true;
	err_set(e, "a scanner has not proven itself: %s",
	    *m->text             ? m->text
	    : errno == ETIMEDOUT ? "it takes too long"
				 : "it ended");
	return false;
}

static bool
hand_over(const struct child *c, int channel, struct err *e)
{
	int fds[PACKET_FDS] = { channel, pidfd_open(c->pid, 0) };
	char pid[16];
	bool ok;

	snprintf(pid, sizeof(pid), "%d", (int)c->pid);
	ok = fds[1] >= 0 &&
	     packet_send(KEEPER_CONTROL, PACKET_READY, pid, fds, PACKET_FDS);
	if (!ok)
		err_errno(e, "cannot hand over a scanner");
	if (fds[1] >= 0)
		close(fds[1]);
	return ok;
}

/* One that the front let go has ended by itself. */
static void
tell_end(pid_t pid, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		log_info("scanner_ended", LOG_INT("pid", pid));
	else if (WIFSIGNALED(status))
		log_error("scanner_crashed", LOG_INT("pid", pid),
		    LOG_CSTR("signal", strsignal(WTERMSIG(status))));
	else
		log_error("scanner_crashed", LOG_INT("pid", pid),
		    LOG_INT("status", WEXITSTATUS(status)));
}

/* If it was dead before, the log has why: the filter of system calls, say. */
static void
kill_child(struct child *c)
{
	int status = 0;

	if (c->pid <= 0)
		return;
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		tell_end(c->pid, status);
	c->pid = 0;
}

static bool
start(struct keeper *k, struct child *c, struct err *e)
{
	struct message m = { 0 };
	int channel;
	bool ok;

	if (!make_dir(c, e) || !fork_scanner(k, c, &channel, e))
		return false;
	ok = hear_proof(channel, &m, e) && hand_over(c, channel, e);
	close(channel);
	if (ok)
		log_info("scanner_ready", LOG_INT("pid", c->pid),
		    LOG_CSTR("walls", m.text));
	else
		kill_child(c);
	return ok;
}

static void
reap(struct keeper *k)
{
	struct err e;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		tell_end(pid, status);
		for (unsigned i = 0; i < k->settings.scanners; i++) {
			struct child *c = &k->children[i];

			if (c->pid != pid)
				continue;
			c->pid = 0;
			fs_remove_tree(c->dir, &e);
		}
	}
}

/* ------------------------------------------------------------------------
 * All of them
 */

static unsigned
running(const struct keeper *k)
{
	unsigned n = 0;

	for (unsigned i = 0; i < k->settings.scanners; i++)
		n += k->children[i].pid > 0;
	return n;
}

static bool
start_all(struct keeper *k, struct err *e)
{
	for (unsigned i = 0; i < k->settings.scanners; i++) {
		struct child *c = &k->children[i];

		if (c->pid == 0 && !start(k, c, e))
			return false;
	}
	return true;
}

/* Those that ended. What keeps a scanner from starting may last, so it is
 * tried ever less often. */
static void
replace(struct keeper *k)
{
	struct err e = ERR_INIT;

	if (k->end_at || clock_mono_ms() < k->retry_at)
		return;
	if (start_all(k, &e)) {
		k->backoff = k->retry_at = 0;
		return;
	}
	k->backoff = k->backoff ? k->backoff * 2 : BACKOFF_LEAST_MS;
	if (k->backoff > BACKOFF_MOST_MS)
		k->backoff = BACKOFF_MOST_MS;
	k->retry_at = clock_mono_ms() + k->backoff;
	log_error(
	    "scanner_refused", LOG_ERR(&e), LOG_INT("retry_ms", k->backoff));
}

static int
next_wake(const struct keeper *k)
{
	int64_t at = k->end_at ? k->end_at : k->retry_at;
	int64_t left = at - clock_mono_ms();

	return at == 0 ? -1 : left > 0 ? (int)left : 0;
}

static void
on_control(struct keeper *k)
{
	struct message m;

	if (packet_recv(KEEPER_CONTROL, 0, &m))
		packet_close(&m); /* the front has nothing to say */
	else if (errno != ETIMEDOUT)
		k->end_at = clock_mono_ms() + DRAIN_MS +
			    k->settings.max_scan_time * 1000LL;
}

static void
keep(struct keeper *k)
{
	while (!k->end_at || (running(k) > 0 && clock_mono_ms() < k->end_at)) {
		struct pollfd p[] = {
			{ .fd = k->signals, .events = POLLIN },
			{ .fd = k->end_at ? -1 : KEEPER_CONTROL,
			    .events = POLLIN },
		};
		struct signalfd_siginfo ignored;

		poll(p, 2, next_wake(k));
		if (p[0].revents &&
		    read(k->signals, &ignored, sizeof(ignored)) < 0)
			continue;
		reap(k);
		if (p[1].revents)
			on_control(k);
		replace(k);
	}
}

/* ------------------------------------------------------------------------
 * Beginning and end
 */

static bool
catch_signals(struct keeper *k, struct err *e)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGPIPE, SIGTERM };
	sigset_t set;

	/* The front ends us by closing its end. */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(int); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (k->signals >= 0)
		return true;
	err_errno(e, "signalfd");
	return false;
}

/* Namespaces where they are wanted and to be had. */
static bool
choose_namespaces(struct keeper *k, struct err *e)
{
	struct sandbox s = sandbox_of(k, &k->children[0]);

	if (k->settings.namespaces == NAMESPACES_NO)
		return true;
	if (!make_dir(&k->children[0], e))
		return false;
	k->namespaces = namespaces_probe(&s, e);
	if (k->namespaces || k->settings.namespaces == NAMESPACES_YES)
		return k->namespaces;
	log_warn("no_namespaces", LOG_ERR(e));
	return true;
}

static void
make_children(struct keeper *k)
{
	k->children =
	    mem_array(NULL, k->settings.scanners, sizeof(struct child));
	for (unsigned i = 0; i < k->settings.scanners; i++) {
		struct buf dir = { 0 };

		buf_printf(&dir, "%s/%u", k->dir, i);
		k->children[i] =
		    (struct child){ .dir = mem_strdup(buf_cstr(&dir)) };
		buf_fini(&dir);
	}
}

static bool
tell_loaded(const struct keeper *k, struct err *e)
{
	char text[PACKET_MAX];

	snprintf(text, sizeof(text), "%u %u %u %s", k->settings.scanners,
	    k->settings.max_scan_time, engine_signatures(k->engine),
	    engine_version(k->engine));
	if (packet_send(KEEPER_CONTROL, PACKET_LOADED, text, NULL, 0))
		return true;
	err_errno(e, "the front is gone");
	return false;
}

static bool
begin(struct keeper *k, const char *level, const char *path, struct err *e)
{
	enum log_level least = LOG_INFO;
	enum log_format format = LOG_LOGFMT;
	struct conf *c; /* for as long as the process */

	if (!conf_load(path, &c, e))
		return false;
	log_level_parse(str_of(level), &least);
	log_format_parse(str_of(conf_get(c, "log_format")), &format);
	log_init("scand", least, format);
	if (*conf_get(c, "log_file"))
		log_open(conf_get(c, "log_file"));
	prctl(PR_SET_NAME, "scand-keeper", 0, 0, 0);
	if (!settings_read(c, &k->settings, e) || !catch_signals(k, e))
		return false;
	make_children(k);
	return choose_namespaces(k, e) &&
	       engine_load(&k->settings, k->dir, &k->engine, e) &&
	       tell_loaded(k, e) && start_all(k, e);
}

static void
kill_all(struct keeper *k)
{
	for (unsigned i = 0; k->children && i < k->settings.scanners; i++)
		kill_child(&k->children[i]);
}

int
keeper_main(char **argv)
{
	struct keeper k = { .dir = argv[4] };
	struct err e = ERR_INIT;
	bool ok;

	ok = begin(&k, argv[2], argv[3], &e);
	if (ok)
		keep(&k);
	else
		packet_send(KEEPER_CONTROL, PACKET_FAILED, e.msg, NULL, 0);
	kill_all(&k);
	fs_remove_tree(k.dir, &e);
	/* Not exit(): what was loaded need not be freed piece by piece. */
	_exit(!ok);
}
