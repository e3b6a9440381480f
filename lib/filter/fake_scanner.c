/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/fake_scanner.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define EARLY 100000 /* octets */

struct fake {
	int listener;
	pthread_t thread;
	pthread_mutex_t lock;
	char server[128];
	char path[108]; /* of a local one */
	enum manner manner;
	struct str answer, version;
	struct buf heard;
	unsigned asked;
};

/* ------------------------------------------------------------------------
 * When a request is over
 */

static bool
stream_over(struct str s)
{
	size_t at = sizeof("zINSTREAM");

	while (at + 4 <= s.n) {
		const unsigned char *p = (const unsigned char *)s.p + at;
		size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 |
			   (size_t)p[2] << 8 | p[3];

		if (n == 0)
			return true;
		at += 4 + n;
	}
	return false;
}

static bool
http_over(struct str s)
{
	struct str end = STR("\r\n\r\n"), name = STR("Content-Length: ");
	size_t at = str_find(s, end), length = str_find(s, name);
	size_t n = 0;

	if (at == STR_NPOS)
		return false;
	if (length != STR_NPOS && length < at)
		n = strtoul(s.p + length + name.n, NULL, 10);
	return s.n >= at + end.n + n;
}

static bool
is_version(struct str s)
{
	return str_starts(s, (struct str){ "zVERSION", sizeof("zVERSION") });
}

/* Of SPAMC, the end is that of the connection. */
static bool
is_over(struct str s)
{
	if (str_starts(s, STR("zINSTREAM")))
		return stream_over(s);
	if (str_find(str_sub(s, 0, 200), STR("HTTP/1.1")) != STR_NPOS)
		return http_over(s);
	return is_version(s);
}

/* ------------------------------------------------------------------------
 * A conversation
 */

/* False: the peer left in the middle. */
static bool
hear(int fd, enum manner manner, struct buf *in)
{
	ssize_t n;

	while (!is_over(buf_str(in))) {
		if (manner == FAKE_EARLY && in->n > EARLY)
			return true;
		n = recv(fd, buf_reserve(in, 65536), 65536, 0);
		if (n <= 0)
			return n == 0 && str_find(str_sub(buf_str(in), 0, 200),
					     STR("SPAMC/")) != STR_NPOS;
		in->n += (size_t)n;
	}
	return true;
}

static void
wait_until_left(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLRDHUP };

	poll(&pfd, 1, 10000);
}

static void
say_endlessly(int fd, struct str text, unsigned pause_us)
{
	for (size_t i = 0;; i++) {
		if (send(fd, text.p + i % text.n, 1, MSG_NOSIGNAL) != 1)
			return;
		usleep(pause_us);
	}
}

static void
flood(int fd)
{
	char block[8192];

	memset(block, 'x', sizeof(block));
	while (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
		continue;
}

static void
reset(int fd)
{
	struct linger l = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

static void
respond(int fd, enum manner manner, struct str answer)
{
	switch (manner) {
	case FAKE_ANSWERS:
	case FAKE_EARLY:
		send(fd, answer.p, answer.n, MSG_NOSIGNAL);
		break;
	case FAKE_HANGS:
	case FAKE_DEAF:
		wait_until_left(fd);
		break;
	case FAKE_TRICKLES:
		say_endlessly(fd, answer, 100000);
		break;
	case FAKE_FLOODS:
		flood(fd);
		break;
	case FAKE_RESETS:
		reset(fd);
		break;
	case FAKE_CLOSES:
		break;
	}
}

static void
note(struct fake *f, const struct buf *in)
{
	pthread_mutex_lock(&f->lock);
	buf_clear(&f->heard);
	buf_putstr(&f->heard, buf_str(in));
	f->asked++;
	pthread_mutex_unlock(&f->lock);
}

static void
converse(struct fake *f, int fd)
{
	struct buf in = { 0 };
	enum manner manner;
	struct str answer, version;

	pthread_mutex_lock(&f->lock);
	manner = f->manner;
	answer = f->answer;
	version = f->version;
	pthread_mutex_unlock(&f->lock);
	if (manner == FAKE_DEAF) {
		wait_until_left(fd);
	} else if (hear(fd, manner, &in)) {
		if (is_version(buf_str(&in))) {
			respond(fd, FAKE_ANSWERS, version);
		} else {
			note(f, &in);
			respond(fd, manner, answer);
		}
	}
	buf_fini(&in);
}

static void *
serve(void *arg)
{
	struct fake *f = arg;
	int fd;

	while ((fd = accept(f->listener, NULL, NULL)) >= 0) {
		converse(f, fd);
		close(fd);
	}
	return NULL;
}

/* ------------------------------------------------------------------------
 * Life
 */

static void
listen_local(struct fake *f)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(f->path, sizeof(f->path), "/tmp/fake-scanner.%ld.%p",
	    (long)getpid(), (void *)f);
	snprintf(f->server, sizeof(f->server), "unix:%s", f->path);
	memcpy(un.sun_path, f->path, strlen(f->path));
	f->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(f->listener, (const struct sockaddr *)&un, sizeof(un)) != 0)
		abort();
}

static void
listen_loopback(struct fake *f)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);

	f->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(f->listener, (const struct sockaddr *)&in, n) != 0 ||
	    getsockname(f->listener, (struct sockaddr *)&in, &n) != 0)
		abort();
	snprintf(
	    f->server, sizeof(f->server), "127.0.0.1:%u", ntohs(in.sin_port));
}

struct fake *
fake_start(bool local)
{
	struct fake *f = mem_zalloc(sizeof(*f));

	pthread_mutex_init(&f->lock, NULL);
	if (local)
		listen_local(f);
	else
		listen_loopback(f);
	if (listen(f->listener, 16) != 0 ||
	    pthread_create(&f->thread, NULL, serve, f) != 0)
		abort();
	return f;
}

void
fake_stop(struct fake **fp)
{
	struct fake *f = *fp;

	*fp = NULL;
	shutdown(f->listener, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->listener);
	if (*f->path)
		unlink(f->path);
	pthread_mutex_destroy(&f->lock);
	buf_fini(&f->heard);
	free(f);
}

const char *
fake_server(const struct fake *f)
{
	return f->server;
}

void
fake_set(struct fake *f, enum manner manner, struct str answer)
{
	pthread_mutex_lock(&f->lock);
	f->manner = manner;
	f->answer = answer;
	pthread_mutex_unlock(&f->lock);
}

void
fake_set_version(struct fake *f, struct str version)
{
	pthread_mutex_lock(&f->lock);
	f->version = version;
	pthread_mutex_unlock(&f->lock);
}

unsigned
fake_asked(struct fake *f)
{
	unsigned n;

	pthread_mutex_lock(&f->lock);
	n = f->asked;
	pthread_mutex_unlock(&f->lock);
	return n;
}

struct str
fake_heard(struct fake *f)
{
	return buf_str(&f->heard);
}
