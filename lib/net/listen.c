/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define BACKLOG 1024
#define FIRST_INHERITED 3 /* sd_listen_fds(3) */

/* ------------------------------------------------------------------------
 * Sockets passed by the service manager
 */

void
listen_inherit(struct net_server *s)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t p, n;

	if (!pid || !fds || !str_u64(str_of(pid), &p) ||
	    !str_u64(str_of(fds), &n) || p != (uint64_t)getpid() || n > 1000)
		return;
	s->inherited = mem_array(NULL, n, sizeof(*s->inherited));
	for (uint64_t i = 0; i < n; i++) {
		int fd = FIRST_INHERITED + (int)i;

		fcntl(fd, F_SETFD, FD_CLOEXEC);
		s->inherited[s->ninherited++] = fd;
	}
	/* Ours are taken; a child must not think that they are its own. */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
}

static bool
same_address(const struct sockaddr *a, const struct sockaddr *b, socklen_t n)
{
	struct addr x, y;
	uint16_t p, q;

	if (a->sa_family == AF_UNIX && b->sa_family == AF_UNIX)
		return strncmp(a->sa_data, b->sa_data,
			   n - sizeof(sa_family_t)) == 0;
	return addr_from(a, &x, &p) && addr_from(b, &y, &q) && p == q &&
	       memcmp(&x, &y, sizeof(x)) == 0;
}

static int
find_inherited(struct net_server *s, const struct sockaddr *sa, socklen_t len)
{
	for (size_t i = 0; i < s->ninherited; i++) {
		struct sockaddr_storage have = { 0 };
		socklen_t n = sizeof(have);
		int fd = s->inherited[i];

		if (getsockname(fd, (struct sockaddr *)&have, &n) != 0 ||
		    !same_address((struct sockaddr *)&have, sa, len))
			continue;
		s->inherited[i] = s->inherited[--s->ninherited];
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		return fd;
	}
	return -1;
}

/* ------------------------------------------------------------------------
 * Binding
 */

static void
set_int(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof(value));
}

static int
bind_tcp(const struct sockaddr *sa, socklen_t len)
{
	int fd = socket(
	    sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int saved;

	if (fd < 0)
		return -1;
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		/* "*" serves both families; an address serves its own. */
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY,
		    !IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr));
	}
	if (bind(fd, sa, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Is a socket file there that nobody listens on? Then remove it. */
static bool
remove_stale(const struct sockaddr_un *un, struct err *e)
{
	struct stat st;
	int fd, rc;

	if (lstat(un->sun_path, &st) != 0)
		return true;
	if (!S_ISSOCK(st.st_mode)) {
		err_set(e, "%s is there and no socket", un->sun_path);
		return false;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = connect(fd, (const struct sockaddr *)un, sizeof(*un));
	if (rc != 0 && errno == ECONNREFUSED)
		rc = unlink(un->sun_path) == 0 ? 1 : -1;
	close(fd);
	if (rc == 1)
		return true;
	err_set(e, "%s is in use by another process", un->sun_path);
	return false;
}

static int
bind_unix(const struct sockaddr_un *un, mode_t mode, struct err *e)
{
	mode_t mask;
	int fd, rc;

	if (!remove_stale(un, e))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		err_errno(e, "cannot make a socket");
		return -1;
	}
	/* The mask makes it right from the first moment. */
	mask = umask(0777 & ~mode);
	rc = bind(fd, (const struct sockaddr *)un, sizeof(*un));
	umask(mask);
	if (rc == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err_errno(e, "cannot listen on %s", un->sun_path);
	close(fd);
	return -1;
}

/* ------------------------------------------------------------------------
 * Specifications
 */

struct want { /* what net_listen() was asked for */
	struct net_server *server;
	const char *run_dir;
	const struct net_proto *proto;
	void *arg;
	bool tls, proxy;
	mode_t mode; /* of a Unix socket */
};

static uint16_t
bound_port(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof(ss);
	struct addr a;
	uint16_t port = 0;

	if (getsockname(fd, (struct sockaddr *)&ss, &n) != 0 ||
	    !addr_from((struct sockaddr *)&ss, &a, &port))
		return 0;
	return port;
}

static void
add_listener(const struct want *w, int fd, const char *path)
{
	struct net_server *s = w->server;
	struct listener *l = mem_zalloc(sizeof(*l));

	l->server = s;
	l->proto = w->proto;
	l->arg = w->arg;
	l->tls = w->tls;
	l->proxy = w->proxy;
	l->fd = fd;
	l->port = bound_port(fd);
	l->path = path ? mem_strdup(path) : NULL;
	s->listeners = mem_array(
	    s->listeners, s->nlisteners + 1, sizeof(struct listener *));
	s->listeners[s->nlisteners++] = l;
}

static bool
listen_unix(const struct want *w, struct str name, struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	bool absolute = name.n > 0 && name.p[0] == '/';
	int n, fd;

	if (absolute)
		n = snprintf(
		    un.sun_path, sizeof(un.sun_path), "%.*s", STR_ARG(name));
	else
		n = snprintf(un.sun_path, sizeof(un.sun_path), "%s/%.*s",
		    w->run_dir ? w->run_dir : ".", STR_ARG(name));
	if (n < 0 || (size_t)n >= sizeof(un.sun_path)) {
		err_set(e, "the path of socket \"%.*s\" is too long",
		    STR_ARG(name));
		return false;
	}
	fd = find_inherited(w->server, (struct sockaddr *)&un, sizeof(un));
	if (fd >= 0) {
		add_listener(w, fd, NULL);
		return true;
	}
	fd = bind_unix(&un, w->mode, e);
	if (fd < 0)
		return false;
	add_listener(w, fd, un.sun_path);
	return true;
}

static int
open_tcp(const struct want *w, const struct sockaddr *sa, socklen_t len)
{
	int fd = find_inherited(w->server, sa, len);

	return fd >= 0 ? fd : bind_tcp(sa, len);
}

static bool
listen_any(const struct want *w, uint16_t port, struct err *e)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(port) };
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	int fd = open_tcp(w, (struct sockaddr *)&in6, sizeof(in6));

	if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
		fd = open_tcp(w, (struct sockaddr *)&in, sizeof(in));
	if (fd < 0) {
		err_errno(e, "cannot listen on *:%u", port);
		return false;
	}
	add_listener(w, fd, NULL);
	return true;
}

/* All addresses of a name; one that is not on this host is left out as long
 * as another one is ("localhost" without IPv6). */
static bool
listen_host(
    const struct want *w, const char *host, uint16_t port, struct err *e)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *list, *ai;
	char service[8];
	bool any = false;
	int rc;

	snprintf(service, sizeof(service), "%u", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc != 0) {
		err_set(e, "cannot listen on %s: %s", host, gai_strerror(rc));
		return false;
	}
	for (ai = list; ai; ai = ai->ai_next) {
		int fd = open_tcp(w, ai->ai_addr, ai->ai_addrlen);

		if (fd >= 0)
			add_listener(w, fd, NULL);
		else if (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT)
			break;
		any = any || fd >= 0;
	}
	if (ai || !any)
		err_errno(e, "cannot listen on %s:%u", host, port);
	freeaddrinfo(list);
	return !ai && any;
}

static bool
listen_tcp(const struct want *w, struct str spec, struct err *e)
{
	size_t colon = str_rchr(spec, ':');
	struct str host = str_sub(spec, 0, colon);
	char name[256];
	uint32_t port;

	if (colon == STR_NPOS ||
	    !str_u32(str_sub(spec, colon + 1, STR_NPOS), &port) ||
	    port > 65535 || host.n == 0 || host.n >= sizeof(name)) {
		err_set(e, "\"%.*s\" is neither unix:NAME nor HOST:PORT",
		    STR_ARG(spec));
		return false;
	}
	if (str_eqc(host, "*"))
		return listen_any(w, (uint16_t)port, e);
	if (host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_sub(host, 1, host.n - 2);
	memcpy(name, host.p, host.n);
	name[host.n] = '\0';
	return listen_host(w, name, (uint16_t)port, e);
}

bool
net_mode_parse(struct str option, mode_t *out)
{
	mode_t mode = 0;

	if (!str_istarts(option, STR("mode=")) || option.n < 6 || option.n > 9)
		return false;
	for (size_t i = 5; i < option.n; i++) {
		if (option.p[i] < '0' || option.p[i] > '7')
			return false;
		mode = mode << 3 | (mode_t)(option.p[i] - '0');
	}
	*out = mode & 0666;
	return true;
}

/* What stands behind the "?" of a specification. */
static bool
read_option(struct want *w, struct str option, struct err *e)
{
	if (str_ieqc(option, "proxy")) {
		w->proxy = true;
		return true;
	}
	if (net_mode_parse(option, &w->mode))
		return true;
	err_set(
	    e, "\"?%.*s\" is neither ?proxy nor ?mode=0660", STR_ARG(option));
	return false;
}

static bool
listen_one(struct want w, struct str spec, struct err *e)
{
	struct str rest = spec, option;

	str_split(&rest, '?', &spec);
	while (str_split(&rest, '?', &option)) {
		if (!read_option(&w, option, e))
			return false;
	}
	if (w.tls && !tls_available(w.server->tls)) {
		err_set(
		    e, "cannot serve TLS on %.*s: no tls_cert", STR_ARG(spec));
		return false;
	}
	if (str_starts(spec, STR("unix:")))
		return listen_unix(&w, str_sub(spec, 5, STR_NPOS), e);
	return listen_tcp(&w, spec, e);
}

bool
net_listen(struct net_server *s, const char *spec, const char *run_dir,
    const struct net_proto *proto, bool tls, void *arg, struct err *e)
{
	struct want w = { s, run_dir, proto, arg, tls, false, 0660 };
	const char *p = spec;

	while (*(p += strspn(p, " ,\t"))) {
		struct str one = { p, strcspn(p, " ,\t") };

		if (!listen_one(w, one, e))
			return false;
		p += one.n;
	}
	return true;
}

uint16_t
net_port(const struct net_server *s, size_t index)
{
	return index < s->nlisteners ? s->listeners[index]->port : 0;
}
