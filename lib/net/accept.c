/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/control.h"
#include "net/internal.h"

/* Listening sockets while the server runs, and who may come in. */

#define ACCEPTS_PER_EVENT 64

static void
set_on(int fd, int level, int name)
{
	int one = 1;

	setsockopt(fd, level, name, &one, sizeof(one));
}

static void
refused(struct net_server *s, const char *peer, const char *why)
{
	static struct limit lines;

	atomic_fetch_add(&s->refused, 1);
	if (limit_pass(&lines, 10))
		log_warn(
		    "refused", LOG_CSTR("reason", why), LOG_CSTR("peer", peer));
}

static int64_t
peer_uid(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
		return -1;
	return who.uid;
}

/* Who is it, and may it come in? Fills what conn_new() left open. */
static const char *
admit(struct conn *c, const struct sockaddr *sa)
{
	struct net_server *s = c->loop->server;
	uint16_t port;

	c->peer.uid = -1;
	if (!addr_from(sa, &c->addr, &port)) {
		c->peer.uid = peer_uid(c->fd);
		strcpy(c->peer.address, "local");
		c->peer.loopback = c->trusted = true;
	} else {
		addr_peer(&c->addr, port, &c->peer);
		c->trusted = addr_list_has(s->trusted, &c->addr);
	}
	if (atomic_load(&s->nconns) >= s->max_connections &&
	    c->listener->proto != &control_proto)
		return "too many connections";
	if (c->trusted || c->peer.loopback)
		return NULL;
	c->counted = addr_counts_take(s->counts, &c->addr, s->max_per_address);
	return c->counted ? NULL : "too many from address";
}

static void
welcome(struct listener *l, int fd, const struct sockaddr *sa)
{
	struct net_server *s = l->server;
	struct loop *loop = &s->loops[s->next_loop++ % s->nloops];
	struct conn *c = conn_new(loop, l, fd);
	const char *why = admit(c, sa);

	if (why) {
		refused(s, c->peer.address, why);
		conn_free(c);
		return;
	}
	if (sa->sa_family != AF_UNIX) {
		set_on(fd, IPPROTO_TCP, TCP_NODELAY);
		set_on(fd, SOL_SOCKET, SO_KEEPALIVE);
	}
	atomic_fetch_add(&s->accepted, 1);
	atomic_fetch_add(&s->nconns, 1);
	loop_post(loop, c);
}

static int
open_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/*
 * No descriptor is left: use the spare one to get rid of a caller, or the
 * listener would stay readable and the loop spin. It may be another caller
 * than the one there was no room for, and others may have left since: if there
 * is room for the spare one again, there is for the caller.
 */
static bool
admit_without_fd(struct listener *l)
{
	struct net_server *s = l->server;
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	int fd;

	if (s->reserve_fd < 0 && (s->reserve_fd = open_reserve()) < 0)
		return false;
	close(s->reserve_fd);
	fd = accept4(
	    l->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	s->reserve_fd = open_reserve();
	if (fd < 0)
		return false;
	if (s->reserve_fd >= 0) {
		welcome(l, fd, (struct sockaddr *)&ss);
		return true;
	}
	close(fd);
	refused(s, "", "out of file descriptors");
	s->reserve_fd = open_reserve();
	return true;
}

static void
resume(int fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	if (l->ev)
		event_add(l->ev, NULL);
}

static void
pause_listener(struct listener *l)
{
	struct timeval tv = { 0, 200000 };

	event_del(l->ev);
	event_base_once(event_get_base(l->ev), -1, EV_TIMEOUT, resume, l, &tv);
}

static void
on_accept(int fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
		struct sockaddr_storage ss = { 0 };
		socklen_t len = sizeof(ss);
		int got = accept4(fd, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (got >= 0)
			welcome(l, got, (struct sockaddr *)&ss);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		else if ((errno == EMFILE || errno == ENFILE) &&
			 admit_without_fd(l))
			continue;
		else if (errno == EMFILE || errno == ENFILE ||
			 errno == ENOBUFS || errno == ENOMEM) {
			pause_listener(l);
			return;
		}
		/* Others concern the caller that went away. */
	}
}

void
listen_start(struct net_server *s)
{
	for (size_t i = 0; i < s->ninherited; i++) {
		log_warn("socket_unused", LOG_INT("fd", s->inherited[i]));
		close(s->inherited[i]);
	}
	s->ninherited = 0;
	for (size_t i = 0; i < s->nlisteners; i++) {
		struct listener *l = s->listeners[i];

		l->ev = event_new(
		    net_base(s), l->fd, EV_READ | EV_PERSIST, on_accept, l);
		event_add(l->ev, NULL);
	}
}

void
listen_stop(struct net_server *s)
{
	for (size_t i = 0; i < s->nlisteners; i++) {
		struct listener *l = s->listeners[i];

		if (l->ev)
			event_free(l->ev);
		l->ev = NULL;
		if (l->fd >= 0)
			close(l->fd);
		l->fd = -1;
		if (l->path)
			unlink(l->path);
		free(l->path);
		l->path = NULL;
	}
}

void
listen_free(struct net_server *s)
{
	listen_stop(s);
	for (size_t i = 0; i < s->nlisteners; i++)
		free(s->listeners[i]);
	free(s->listeners);
	free(s->inherited);
}
