/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/daemon.h"

#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sanitize.h"
#include "net/control.h"
#include "net/internal.h"
#include "net/metric.h"

#define MAX_RELOADS 10000

struct running {
	const struct daemon *d;
	const char *path; /* of the configuration; NULL: the default */
	bool debug;
	/* The daemon may keep strings of any of them. */
	struct conf **confs;
	size_t nconfs;
	struct net_server *server;
	uid_t uid;
	gid_t gid;
	bool drop; /* started by root, to run as somebody else */
	char *pid_path;
	int pid_fd;
	int64_t started;
};

static const struct conf *
conf_now(const struct running *r)
{
	return r->confs[r->nconfs - 1];
}

/* ------------------------------------------------------------------------
 * Configuration and log
 */

static bool
set_log(const struct running *r, const struct conf *c, struct err *e)
{
	enum log_level level;
	enum log_format format;
	const char *file = conf_get(c, "log_file");

	if (!log_level_parse(str_of(conf_get(c, "log_level")), &level)) {
		err_set(e,
		    "log_level \"%s\" is none of debug, info, warn, "
		    "error",
		    conf_get(c, "log_level"));
		return false;
	}
	if (!log_format_parse(str_of(conf_get(c, "log_format")), &format)) {
		err_set(e, "log_format \"%s\" is neither logfmt nor json",
		    conf_get(c, "log_format"));
		return false;
	}
	log_init(r->d->name, r->debug ? LOG_DEBUG : level, format);
	if (*file && !log_open(file)) {
		err_errno(e, "cannot write to log_file %s", file);
		return false;
	}
	return true;
}

static bool
load(struct running *r, struct err *e)
{
	struct conf *c;

	if (!conf_load(r->path, &c, e))
		return false;
	if (!set_log(r, c, e)) {
		conf_free(&c);
		return false;
	}
	r->confs = mem_array(r->confs, r->nconfs + 1, sizeof(struct conf *));
	r->confs[r->nconfs++] = c;
	return true;
}

/* ------------------------------------------------------------------------
 * Privileges
 */

/* The user of this daemon alone, if there is such a key and it is set. */
static const char *
user_name(const struct running *r)
{
	const char *own;
	char key[64];

	snprintf(key, sizeof(key), "%s.user", r->d->name);
	own = conf_get(conf_now(r), key);
	return own && *own ? own : conf_get(conf_now(r), "user");
}

static bool
find_user(struct running *r, struct err *e)
{
	const char *name = user_name(r);
	struct passwd *pw;

	r->uid = geteuid();
	r->gid = getegid();
	if (r->uid != 0)
		return true;
	pw = getpwnam(name);
	if (!pw) {
		err_set(e, "there is no user \"%s\"; make it, or set \"user\"",
		    name);
		return false;
	}
	r->uid = pw->pw_uid;
	r->gid = pw->pw_gid;
	r->drop = r->uid != 0;
	return true;
}

static bool
drop_privileges(const struct running *r, struct err *e)
{
	if (r->drop && (setgroups(1, &r->gid) != 0 ||
			   setresgid(r->gid, r->gid, r->gid) != 0 ||
			   setresuid(r->uid, r->uid, r->uid) != 0)) {
		err_errno(e, "cannot become user %u", (unsigned)r->uid);
		return false;
	}
	/* It must be final. */
	if (r->drop &&
	    (setuid(0) == 0 || geteuid() != r->uid || getegid() != r->gid)) {
		err_set(e, "the privileges of root could not be given up");
		return false;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_DUMPABLE, SANITIZED, 0, 0, 0) != 0) {
		err_errno(e, "prctl");
		return false;
	}
	return true;
}

static void
raise_files(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

/* ------------------------------------------------------------------------
 * The run directory
 */

static bool
make_run_dir(const struct running *r, struct err *e)
{
	const char *dir = conf_get(conf_now(r), "run_dir");
	struct stat st;

	if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
		return true;
	if (!fs_mkdirs(dir, 0755, e))
		return false;
	if (r->drop && chown(dir, r->uid, r->gid) != 0) {
		err_errno(e, "cannot give %s to the user", dir);
		return false;
	}
	return true;
}

/* Open and lock; false with errno 0 when a daemon that ended took the file
 * away between the two. */
static bool
lock_pid_file(struct running *r)
{
	struct stat mine, there;

	r->pid_fd =
	    open(r->pid_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (r->pid_fd < 0 || flock(r->pid_fd, LOCK_EX | LOCK_NB) != 0)
		return false;
	if (fstat(r->pid_fd, &mine) == 0 && stat(r->pid_path, &there) == 0 &&
	    mine.st_ino == there.st_ino)
		return true;
	close(r->pid_fd);
	r->pid_fd = -1;
	errno = 0;
	return false;
}

/* The lock on it, not its being there, tells that a daemon runs. */
static bool
take_pid_file(struct running *r, struct err *e)
{
	const char *dir = conf_get(conf_now(r), "run_dir");
	size_t size = strlen(dir) + strlen(r->d->name) + sizeof("/.pid");
	char text[32];
	int n;

	r->pid_path = mem_alloc(size);
	snprintf(r->pid_path, size, "%s/%s.pid", dir, r->d->name);
	while (!lock_pid_file(r)) {
		if (errno == EWOULDBLOCK)
			err_set(e, "%s is running already (%s is locked)",
			    r->d->name, r->pid_path);
		else if (errno != 0)
			err_errno(e, "cannot open %s", r->pid_path);
		if (errno != 0)
			return false;
	}
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(r->pid_fd, 0) != 0 ||
	    pwrite(r->pid_fd, text, (size_t)n, 0) != n ||
	    (r->drop && fchown(r->pid_fd, r->uid, r->gid) != 0)) {
		err_errno(e, "cannot write %s", r->pid_path);
		return false;
	}
	return true;
}

static void
drop_pid_file(struct running *r)
{
	if (r->pid_fd >= 0 && flock(r->pid_fd, LOCK_EX | LOCK_NB) == 0)
		unlink(r->pid_path);
	if (r->pid_fd >= 0)
		close(r->pid_fd);
	free(r->pid_path);
}

/* ------------------------------------------------------------------------
 * Listening
 */

static bool
make_server(struct running *r, struct err *e)
{
	const struct conf *c = conf_now(r);
	struct net_options o = {
		.name = r->d->name,
		.loops = (unsigned)conf_uint(c, "loops"),
		.workers = (unsigned)conf_uint(c, "workers"),
		.max_connections = (unsigned)conf_uint(c, "max_connections"),
		.max_per_address =
		    (unsigned)conf_uint(c, "max_connections_per_ip"),
		.trusted_proxies = conf_get(c, "trusted_proxies"),
		.tls_cert = conf_get(c, "tls_cert"),
		.tls_key = conf_get(c, "tls_key"),
		.tls_min = conf_get(c, "tls_min"),
		.tls_client_certs = conf_bool(c, "tls_client_certs"),
		.tls_client_ca = conf_get(c, "tls_client_ca"),
		.tls_client_crl = conf_get(c, "tls_client_crl"),
		.certificate = r->d->certificate,
	};

	if (o.workers == 0)
		o.workers = r->d->workers;
	if (r->d->few_clients)
		o.max_per_address = o.max_connections;
	return net_server_new(&o, &r->server, e);
}

/* Sockets made meanwhile belong to the user's group, so that whoever is in
 * it (Postfix) may connect. */
static bool
bind_all(struct running *r, struct err *e)
{
	const struct conf *c = conf_now(r);
	bool ok;

	if (r->drop && setegid(r->gid) != 0) {
		err_errno(e, "setegid");
		return false;
	}
	ok = r->d->listen(c, r->server, e) &&
	     control_listen(r->server, conf_get(c, "run_dir"), r->d->name, e);
	if (r->drop && setegid(getgid()) != 0)
		abort();
	return ok;
}

/* sd_notify(3): tell the service manager, if there is one that listens. */
static void
notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (n < 2 || n >= sizeof(un.sun_path))
		return;
	memcpy(un.sun_path, path, n);
	if (*path == '@') /* an abstract name */
		un.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		(struct sockaddr *)&un,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		log_warn("notify", LOG_CSTR("socket", path));
	close(fd);
}

/* ------------------------------------------------------------------------
 * Signals
 */

static void
on_terminate(int sig, short what, void *arg)
{
	struct running *r = arg;

	(void)what;
	log_info("stopping", LOG_CSTR("signal", strsignal(sig)));
	notify("STOPPING=1");
	net_stop(r->server);
}

static void
on_hangup(int sig, short what, void *arg)
{
	struct running *r = arg;
	struct err e = ERR_INIT;

	(void)sig;
	(void)what;
	notify("RELOADING=1");
	if (r->nconfs >= MAX_RELOADS)
		err_set(&e, "reloaded too often; restart");
	if (r->nconfs >= MAX_RELOADS || !load(r, &e) ||
	    !net_reload(r->server, &e))
		log_error("reload_failed", LOG_ERR(&e));
	else
		log_info("reloaded", LOG_CSTR("conf", conf_path(conf_now(r))));
	if (r->d->reload)
		r->d->reload(conf_now(r));
	notify("READY=1");
}

struct signals {
	struct event *term, *intr, *hup;
};

static void catch (struct running *r, struct signals *s)
{
	struct event_base *base = net_base(r->server);

	s->term = evsignal_new(base, SIGTERM, on_terminate, r);
	s->intr = evsignal_new(base, SIGINT, on_terminate, r);
	s->hup = evsignal_new(base, SIGHUP, on_hangup, r);
	evsignal_add(s->term, NULL);
	evsignal_add(s->intr, NULL);
	evsignal_add(s->hup, NULL);
}

static void
uncatch(struct signals *s)
{
	event_free(s->term);
	event_free(s->intr);
	event_free(s->hup);
}

/* ------------------------------------------------------------------------
 * Metrics of every daemon
 */

static double
read_connections(void *arg)
{
	return ((struct net_server *)arg)->nconns;
}

static double
read_accepted(void *arg)
{
	return (double)((struct net_server *)arg)->accepted;
}

static double
read_refused(void *arg)
{
	return (double)((struct net_server *)arg)->refused;
}

static double
read_tls_failed(void *arg)
{
	return (double)((struct net_server *)arg)->tls_failed;
}

static double
read_started(void *arg)
{
	return (double)((struct running *)arg)->started;
}

static void
add_metrics(struct running *r)
{
	r->started = clock_now();
	metric_gauge("mailstead_start_time_seconds", NULL,
	    "When the daemon started, seconds since 1970", read_started, r);
	metric_gauge("mailstead_connections", NULL, "Connections open now",
	    read_connections, r->server);
	metric_read("mailstead_accepted_total", NULL, "Connections accepted",
	    "counter", read_accepted, r->server);
	metric_read("mailstead_refused_total", NULL,
	    "Connections refused by a limit", "counter", read_refused,
	    r->server);
	metric_read("mailstead_tls_failed_total", NULL,
	    "TLS handshakes that failed", "counter", read_tls_failed,
	    r->server);
}

/* ------------------------------------------------------------------------
 * The life of a daemon
 */

static bool
prepare(struct running *r, struct err *e)
{
	raise_files();
	return load(r, e) && find_user(r, e) && make_run_dir(r, e) &&
	       take_pid_file(r, e) && make_server(r, e) && bind_all(r, e) &&
	       drop_privileges(r, e);
}

static bool
serve(struct running *r, struct err *e)
{
	const struct daemon *d = r->d;
	struct signals s;

	if (!d->start(conf_now(r), r->server, e))
		return false;
	if (d->sandbox && !d->sandbox(e)) {
		if (d->stop)
			d->stop();
		return false;
	}
	add_metrics(r);
	catch (r, &s);
	log_info("started", LOG_CSTR("version", PACKAGE_VERSION),
	    LOG_CSTR("conf", conf_path(conf_now(r))),
	    LOG_INT("pid", (int)getpid()), LOG_UINT("uid", getuid()));
	notify("READY=1");
	net_run(r->server);
	uncatch(&s);
	if (d->stop)
		d->stop();
	log_info("stopped");
	return true;
}

static void
clean_up(struct running *r)
{
	net_server_free(&r->server);
	metric_forget();
	drop_pid_file(r);
	for (size_t i = 0; i < r->nconfs; i++)
		conf_free(&r->confs[i]);
	free(r->confs);
}

static int
usage(const char *name)
{
	fprintf(stderr, "usage: %s [-dV] [-c file]\n", name);
	return 2;
}

int
daemon_main(const struct daemon *d, int argc, char **argv)
{
	struct running r = { .d = d, .pid_fd = -1 };
	struct err e = ERR_INIT;
	bool ok;
	int opt;

	while ((opt = getopt(argc, argv, "c:dV")) != -1) {
		if (opt == 'c') {
			r.path = optarg;
		} else if (opt == 'd') {
			r.debug = true;
		} else if (opt == 'V') {
			printf("%s (%s)\n", d->name, PACKAGE_STRING);
			return 0;
		} else {
			return usage(d->name);
		}
	}
	if (optind < argc)
		return usage(d->name);
	mem_return_large();
	log_init(d->name, LOG_INFO, LOG_LOGFMT);
	ok = prepare(&r, &e) && serve(&r, &e);
	if (!ok)
		log_error("cannot_start", LOG_ERR(&e));
	clean_up(&r);
	return ok ? 0 : 1;
}
