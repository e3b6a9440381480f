/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/talk.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

#define READ_SIZE 4096
#define UNIX_PREFIX "unix:"

struct talk {
	int fd;
	char *server;
	int64_t left; /* milliseconds that may still be waited */
	size_t max;
	bool deaf;   /* the server hears nothing more */
	bool closed; /* and says nothing more */
	struct buf in;
};

static bool
broken(const struct talk *t, struct err *e, const char *what)
{
	err_set(e, "%s: %s", t->server, what);
	return false;
}

void
talk_printable(char *out, size_t size, struct str text)
{
	size_t n = text.n < size ? text.n : size - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = text.p[i] < ' ' || text.p[i] > '~' ? '?' : text.p[i];
	out[n] = '\0';
}

void
talk_complain(
    struct err *e, const char *server, const char *what, struct str text)
{
	char shown[201];

	talk_printable(shown, sizeof(shown), text);
	err_set(e, "%s: %s \"%s\"", server, what, shown);
}

/* ------------------------------------------------------------------------
 * Connecting
 */

static bool
is_host(struct str host, bool bracketed)
{
	for (size_t i = 0; i < host.n; i++) {
		if (host.p[i] <= ' ' || strchr("/@?#[]\\", host.p[i]) ||
		    (host.p[i] == ':' && !bracketed))
			return false;
	}
	return host.n > 0;
}

bool
talk_address(const char *server, struct talk_address *out)
{
	struct str text = str_of(server), host, port;
	size_t colon = str_rchr(text, ':');
	bool bracketed;
	uint32_t number;

	if (colon == STR_NPOS)
		return false;
	host = str_sub(text, 0, colon);
	port = str_sub(text, colon + 1, STR_NPOS);
	bracketed = host.n >= 2 && *host.p == '[' && host.p[host.n - 1] == ']';
	if (bracketed)
		host = str_sub(host, 1, host.n - 2);
	if (!is_host(host, bracketed) || host.n >= sizeof(out->host) ||
	    !str_u32(port, &number) || number == 0 || number > UINT16_MAX)
		return false;
	snprintf(out->host, sizeof(out->host), "%.*s", STR_ARG(host));
	snprintf(out->port, sizeof(out->port), "%u", number);
	return true;
}

/* Which of EVENTS is there; 0: the time is over. */
static short
await(struct talk *t, short events)
{
	struct pollfd pfd = { .fd = t->fd, .events = events };
	int64_t start = clock_mono_ms();
	int n;

	do {
		int64_t left = t->left - (clock_mono_ms() - start);

		n = left > 0 ? poll(&pfd, 1, (int)left) : 0;
	} while (n < 0 && errno == EINTR);
	t->left -= clock_mono_ms() - start;
	return n > 0 ? pfd.revents : 0;
}

static bool
await_connection(struct talk *t, struct err *e)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (!await(t, POLLOUT))
		return broken(t, e, "no connection in time");
	getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &n);
	return error == 0 || broken(t, e, strerrordesc_np(error));
}

static bool
try_address(struct talk *t, const struct sockaddr *sa, socklen_t n, int family,
    struct err *e)
{
	int one = 1;

	t->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0)
		return broken(t, e, strerrordesc_np(errno));
	/* Else the end of a message waits for a delayed ACK. */
	if (family != AF_UNIX)
		setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(t->fd, sa, n) == 0)
		return true;
	if (errno != EINPROGRESS)
		return broken(t, e, strerrordesc_np(errno));
	return await_connection(t, e);
}

static bool
dial_path(struct talk *t, const char *path, struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(un.sun_path))
		return broken(t, e, "the path of the socket is too long");
	memcpy(un.sun_path, path, strlen(path));
	return try_address(
	    t, (const struct sockaddr *)&un, sizeof(un), AF_UNIX, e);
}

static bool
dial_host(struct talk *t, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	struct talk_address to;
	bool ok = false;
	int rc;

	if (!talk_address(t->server, &to))
		return broken(t, e, "is neither unix:/PATH nor HOST:PORT");
	rc = getaddrinfo(to.host, to.port, &hints, &list);
	if (rc != 0)
		return broken(t, e, gai_strerror(rc));
	for (const struct addrinfo *ai = list; ai && !ok; ai = ai->ai_next) {
		if (t->fd >= 0)
			close(t->fd);
		ok = try_address(
		    t, ai->ai_addr, ai->ai_addrlen, ai->ai_family, e);
	}
	freeaddrinfo(list);
	return ok;
}

bool
talk_open(const char *server, unsigned seconds, size_t max, struct talk **out,
    struct err *e)
{
	struct str prefix = STR(UNIX_PREFIX);
	struct talk *t = mem_zalloc(sizeof(*t));
	bool ok;

	t->fd = -1;
	t->server = mem_strdup(server);
	t->left = (int64_t)seconds * 1000;
	t->max = max;
	ok = str_starts(str_of(server), prefix)
		 ? dial_path(t, server + prefix.n, e)
		 : dial_host(t, e);
	if (!ok)
		talk_free(&t);
	*out = t;
	return ok;
}

void
talk_free(struct talk **tp)
{
	struct talk *t = *tp;

	*tp = NULL;
	if (!t)
		return;
	if (t->fd >= 0)
		close(t->fd);
	buf_fini(&t->in);
	free(t->server);
	free(t);
}

/* ------------------------------------------------------------------------
 * Speaking and listening
 */

/* Take what is there, without waiting. */
static bool
hear(struct talk *t, struct err *e)
{
	ssize_t n;

	if (t->in.n > t->max)
		return broken(t, e, "the answer is too long");
	n = recv(t->fd, buf_reserve(&t->in, READ_SIZE), READ_SIZE, 0);
	if (n > 0)
		t->in.n += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		t->closed = true;
	return true;
}

/* The server's queue is full: wait until there is room, or an answer. */
static bool
await_room(struct talk *t, struct err *e)
{
	short events = await(t, t->closed ? POLLOUT : POLLIN | POLLOUT);

	if (!events)
		return broken(t, e, "reads too slowly");
	if (!t->closed && (events & (POLLIN | POLLHUP | POLLERR)) &&
	    !hear(t, e))
		return false;
	t->deaf = t->in.n > 0;
	return true;
}

bool
talk_send(struct talk *t, struct str text, struct err *e)
{
	while (text.n > 0 && !t->deaf) {
		ssize_t n = send(t->fd, text.p, text.n, MSG_NOSIGNAL);

		if (n > 0)
			text = str_sub(text, (size_t)n, STR_NPOS);
		else if (errno != EAGAIN && errno != EINTR)
			t->deaf = true;
		else if (!await_room(t, e))
			return false;
	}
	return true;
}

void
talk_done(struct talk *t)
{
	shutdown(t->fd, SHUT_WR);
}

static bool
hear_more(struct talk *t, struct err *e)
{
	if (!await(t, POLLIN))
		return broken(t, e, "no answer in time");
	return hear(t, e);
}

bool
talk_until(struct talk *t, char end, struct str *answer, struct err *e)
{
	size_t at, seen = 0;

	for (;;) {
		at = str_chr(str_sub(buf_str(&t->in), seen, STR_NPOS), end);
		if (at != STR_NPOS || t->closed)
			break;
		seen = t->in.n;
		if (!hear_more(t, e))
			return false;
	}
	*answer =
	    str_sub(buf_str(&t->in), 0, at == STR_NPOS ? STR_NPOS : seen + at);
	return answer->n > 0 || broken(t, e, "closed without an answer");
}

bool
talk_all(struct talk *t, struct str *answer, struct err *e)
{
	while (!t->closed) {
		if (!hear_more(t, e))
			return false;
	}
	if (t->in.n > t->max)
		return broken(t, e, "the answer is too long");
	*answer = buf_str(&t->in);
	return answer->n > 0 || broken(t, e, "closed without an answer");
}
