/* SPDX-License-Identifier: BSD-2-Clause */
#include "program/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "program/child.h"

#define MAX_WORDS 300 /* of what it says on its error output, for the log */
#define PIECE 65536

struct run {
	const struct program *p;
	struct arena *arena;
	pid_t pid;
	int pidfd;
	int in, out, err; /* our ends; -1: closed */
	size_t sent;
	struct buf output, words;
	int64_t deadline;
	bool ended, late, too_much;
};

/* ------------------------------------------------------------------------
 * May it be started?
 */

static bool
name_ok(struct str name)
{
	return name.n > 0 && name.n <= 255 && name.p[0] != '.' &&
	       str_chr(name, '/') == STR_NPOS &&
	       str_chr(name, '\0') == STR_NPOS;
}

static bool
is_ours_alone(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) &&
	       (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool
check_file(const char *path, bool folder, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) != 0) {
		err_errno(e, "%s", path);
		return false;
	}
	if (folder ? !S_ISDIR(st.st_mode)
		   : !S_ISREG(st.st_mode) || access(path, X_OK) != 0) {
		err_set(e, "%s is no %s", path,
		    folder ? "folder" : "executable file");
		return false;
	}
	if (!is_ours_alone(&st)) {
		err_set(e, "%s can be changed by others than root", path);
		return false;
	}
	return true;
}

static bool
find(struct arena *a, const char *dir, struct str name, const char **path,
    struct err *e)
{
	if (!*dir || !name_ok(name)) {
		err_set(e,
		    *dir ? "\"%.*s\" cannot be a program's name"
			 : "no programs may be started: \"%.*s\"",
		    STR_ARG(str_sub(name, 0, 100)));
		return false;
	}
	*path = arena_printf(a, "%s/%.*s", dir, STR_ARG(name)).p;
	return check_file(dir, true, e) && check_file(*path, false, e);
}

bool
program_find(const char *dir, struct str name, struct err *e)
{
	struct arena *a = arena_new();
	const char *path;
	bool ok = find(a, dir, name, &path, e);

	arena_free(&a);
	return ok;
}

/* ------------------------------------------------------------------------
 * Starting
 */

static char **
make_argv(struct run *r)
{
	const struct program *p = r->p;
	char **argv = arena_array(r->arena, p->nargs + 2, sizeof(char *));

	argv[0] = arena_cstr(r->arena, p->name);
	for (size_t i = 0; i < p->nargs; i++)
		argv[i + 1] = arena_cstr(r->arena, p->args[i]);
	return argv;
}

static char **
make_env(struct run *r)
{
	const struct program *p = r->p;
	const struct {
		const char *name;
		struct str value;
	} variables[] = {
		{ "PATH", STR("/usr/local/bin:/usr/bin:/bin") },
		{ "USER", p->user },
		{ "HOME", p->home },
		{ "SENDER", p->sender },
		{ "RECIPIENT", p->recipient },
		{ "ORIG_RECIPIENT", p->orig_recipient },
		{ "HOST", p->host },
	};
	size_t n = LEN(variables), k = 0;
	char **env = arena_array(r->arena, n + 1, sizeof(char *));

	for (size_t i = 0; i < n; i++) {
		struct str text;

		if (variables[i].value.n == 0)
			continue;
		text = arena_printf(r->arena, "%s=%.*s", variables[i].name,
		    STR_ARG(variables[i].value));
		env[k++] = arena_cstr(r->arena, text);
	}
	return env;
}

static bool
args_ok(const struct program *p)
{
	for (size_t i = 0; i < p->nargs; i++) {
		if (p->args[i].n > PROGRAM_MAX_ARG ||
		    str_chr(p->args[i], '\0') != STR_NPOS)
			return false;
	}
	return p->nargs <= PROGRAM_MAX_ARGS;
}

/* Both ends above 2, so that nothing the child puts there is overwritten. */
static bool
pipe_above(int fds[2])
{
	int low[2];

	fds[0] = fds[1] = -1;
	if (pipe2(low, O_CLOEXEC) != 0)
		return false;
	for (int i = 0; i < 2; i++)
		fds[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 3);
	close(low[0]);
	close(low[1]);
	return fds[0] >= 0 && fds[1] >= 0;
}

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A kernel without Landlock, or a system call filter: told once. */
static int
make_ruleset(const struct run *r)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	int ruleset =
	    sandbox_ruleset(r->p->dir, arena_cstr(r->arena, r->p->paths));

	if (ruleset < 0 && !atomic_flag_test_and_set(&told))
		log_warn("program_not_confined",
		    LOG_CSTR("error", strerrordesc_np(errno)));
	return ruleset;
}

static bool
start(struct run *r, const char *path, struct err *e)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 };
	struct child c = { .path = path,
		.argv = make_argv(r),
		.env = make_env(r),
		.seconds = r->p->seconds };
	bool ok = pipe_above(in) && pipe_above(out) && pipe_above(err);

	c.in = in[0];
	c.out = out[1];
	c.err = err[1];
	c.ruleset = make_ruleset(r);
	r->pid = ok ? child_start(&c) : -1;
	r->pidfd = r->pid > 0 ? (int)syscall(SYS_pidfd_open, r->pid, 0) : -1;
	if (r->pidfd < 0)
		err_errno(e, "cannot start %s", path);
	shut(&c.ruleset);
	shut(&in[0]);
	shut(&out[1]);
	shut(&err[1]);
	r->in = in[1];
	r->out = out[0];
	r->err = err[0];
	return r->pidfd >= 0;
}

/* ------------------------------------------------------------------------
 * Talking
 */

static void
feed(struct run *r)
{
	struct str rest = str_sub(r->p->input, r->sent, PIECE);
	ssize_t n = rest.n ? write(r->in, rest.p, rest.n) : 0;

	if (n > 0)
		r->sent += (size_t)n;
	else if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* A program may end without reading all. */
	if (n < 0 || r->sent == r->p->input.n)
		shut(&r->in);
}

/* What comes beyond MOST is lost; false if there was some. */
static bool
drain(int *fd, struct buf *to, size_t most)
{
	char piece[PIECE];
	ssize_t n = read(*fd, piece, sizeof(piece));
	size_t room = most - to->n;

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		shut(fd);
	if (n > 0)
		buf_put(to, piece, (size_t)n < room ? (size_t)n : room);
	return n <= 0 || (size_t)n <= room;
}

static size_t
most_output(const struct program *p)
{
	return p->max_output < PROGRAM_MAX_OUTPUT ? p->max_output
						  : PROGRAM_MAX_OUTPUT;
}

static void
serve(struct run *r, const struct pollfd *fds)
{
	if (fds[0].revents)
		feed(r);
	if (fds[1].revents && !drain(&r->out, &r->output, most_output(r->p)))
		r->too_much = true;
	if (fds[2].revents)
		drain(&r->err, &r->words, MAX_WORDS);
	/* What it wrote before it ended is read first. */
	if (fds[3].revents && !(fds[1].revents & POLLIN) &&
	    !(fds[2].revents & POLLIN))
		r->ended = true;
}

static void
converse(struct run *r)
{
	fcntl(r->in, F_SETFL, O_NONBLOCK);
	fcntl(r->out, F_SETFL, O_NONBLOCK);
	fcntl(r->err, F_SETFL, O_NONBLOCK);
	while (!r->ended && !r->late && !r->too_much) {
		struct pollfd fds[] = { { r->in, POLLOUT, 0 },
			{ r->out, POLLIN, 0 }, { r->err, POLLIN, 0 },
			{ r->pidfd, POLLIN, 0 } };
		int64_t left = r->deadline - clock_mono_ms();
		int n = left > 0 ? poll(fds, 4, (int)left) : 0;

		if (n > 0)
			serve(r, fds);
		else if (n == 0)
			r->late = true;
		else if (errno != EINTR)
			r->ended = true;
	}
}

/* The group goes before its leader is reaped, while the number is its own. */
static int
finish(struct run *r)
{
	int status = -1;

	if (r->pid > 0)
		kill(-r->pid, SIGKILL);
	while (r->pid > 0 && waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	shut(&r->pidfd);
	shut(&r->in);
	shut(&r->out);
	shut(&r->err);
	return status;
}

/* ------------------------------------------------------------------------
 * The verdict
 */

static enum program_rc
verdict(const struct run *r, int status, struct err *e)
{
	struct str name = r->p->name, words = str_trim(buf_str(&r->words));
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	words = str_sub(words, 0, str_chr(words, '\n'));
	if (r->late)
		err_set(e, "%.*s did not end within %u s", STR_ARG(name),
		    r->p->seconds);
	else if (r->too_much)
		err_set(e, "%.*s put out more than %zu octets", STR_ARG(name),
		    most_output(r->p));
	else if (code < 0)
		err_set(e, "%.*s was ended by signal %d", STR_ARG(name),
		    WTERMSIG(status));
	else if (code > 0)
		err_set(e, "%.*s ended with status %d%s%.*s", STR_ARG(name),
		    code, words.n ? ": " : "", STR_ARG(words));
	else
		return PROGRAM_OK;
	return code == EX_TEMPFAIL && !r->late && !r->too_much
		   ? PROGRAM_TEMPORARY
		   : PROGRAM_FAILED;
}

enum program_rc
program_run(const struct program *p, struct buf *output, struct err *e)
{
	struct run r = { .p = p,
		.arena = arena_new(),
		.in = -1,
		.out = -1,
		.err = -1,
		.pidfd = -1,
		.deadline = clock_mono_ms() + (int64_t)p->seconds * 1000 };
	enum program_rc rc = PROGRAM_NONE;
	const char *path;

	if (!args_ok(p)) {
		err_set(e, "%.*s: too many arguments, or too long ones",
		    STR_ARG(str_sub(p->name, 0, 100)));
	} else if (find(r.arena, p->dir, p->name, &path, e)) {
		rc = PROGRAM_TEMPORARY;
		if (start(&r, path, e)) {
			converse(&r);
			rc = verdict(&r, finish(&r), e);
		} else {
			finish(&r);
		}
	}
	if (rc == PROGRAM_OK && output)
		buf_putstr(output, buf_str(&r.output));
	buf_fini(&r.output);
	buf_fini(&r.words);
	arena_free(&r.arena);
	return rc;
}
