/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/internal.h"
#include "net/metric.h"

#define MAX_REQUEST 8192
#define MAX_ANSWER (64U << 20)
#define SECONDS 5

/* ------------------------------------------------------------------------
 * Pages
 */

static bool
page_metrics(struct net_server *s, struct buf *out)
{
	(void)s;
	metric_render(out);
	return true;
}

static bool
page_health(struct net_server *s, struct buf *out)
{
	if (s->stop) {
		buf_puts(out, "stopping\n");
		return false;
	}
	if (s->ready)
		return s->ready(out);
	buf_puts(out, "ok\n");
	return true;
}

static bool
page_who(struct net_server *s, struct buf *out)
{
	net_who(s, out);
	buf_putc(out, '\n');
	return true;
}

static const struct page {
	const char *path, *type;
	bool (*write)(struct net_server *s, struct buf *out);
} pages[] = {
	{ "/healthz", "text/plain", page_health },
	{ "/metrics", "text/plain; version=0.0.4", page_metrics },
	{ "/who", "application/json", page_who },
};

/* ------------------------------------------------------------------------
 * The protocol: one request a connection
 */

struct request {
	struct conn *c;
	const struct page *page; /* NULL: there is none of that name */
	bool get;
};

static void *
on_open(struct conn *c)
{
	struct request *r = mem_zalloc(sizeof(*r));

	r->c = c;
	conn_set_timeout(c, SECONDS);
	return r;
}

static void
parse(struct request *r, struct str line)
{
	struct str method, path;

	if (!str_split(&line, ' ', &method) || !str_split(&line, ' ', &path))
		return;
	r->get = str_eqc(method, "GET");
	path = str_sub(path, 0, str_chr(path, '?'));
	for (size_t i = 0; i < LEN(pages); i++) {
		if (str_eqc(path, pages[i].path))
			r->page = &pages[i];
	}
}

static size_t
on_input(void *session, struct str in)
{
	struct request *r = session;
	size_t end = str_find(in, STR("\r\n\r\n"));

	if (end == STR_NPOS) {
		if (in.n > MAX_REQUEST)
			conn_close(r->c);
		return 0;
	}
	parse(r, str_sub(in, 0, str_find(in, STR("\r\n"))));
	conn_run(r->c);
	return in.n;
}

static enum net_next
on_run(void *session)
{
	struct request *r = session;
	const char *status = "200 OK", *type = "text/plain";
	struct buf body = { 0 };

	if (!r->get) {
		status = "405 Method Not Allowed";
	} else if (!r->page) {
		status = "404 Not Found";
	} else {
		type = r->page->type;
		if (!r->page->write(conn_server(r->c), &body))
			status = "503 Service Unavailable";
	}
	buf_printf(conn_out(r->c),
	    "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n",
	    status, type, body.n);
	buf_putstr(conn_out(r->c), buf_str(&body));
	buf_fini(&body);
	return NET_CLOSE;
}

const struct net_proto control_proto = {
	.name = "control",
	.open = on_open,
	.input = on_input,
	.run = on_run,
	.close = free,
};

bool
control_listen(
    struct net_server *s, const char *run_dir, const char *name, struct err *e)
{
	char spec[128];

	snprintf(spec, sizeof(spec), "unix:%s.ctl", name);
	return net_listen(s, spec, run_dir, &control_proto, false, NULL, e);
}

/* ------------------------------------------------------------------------
 * The client
 */

static int
dial(const char *run_dir, const char *name, struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct timeval tv = { SECONDS, 0 };
	int n = snprintf(
	    un.sun_path, sizeof(un.sun_path), "%s/%s.ctl", run_dir, name);
	int fd;

	if (n < 0 || (size_t)n >= sizeof(un.sun_path)) {
		err_set(e, "the path of %s's control socket is too long", name);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED)
		err_set(e, "%s is not running", name);
	else
		err_errno(e, "cannot connect to %s", un.sun_path);
	close(fd);
	return -1;
}

static bool
read_all(int fd, struct buf *out, const char *name, struct err *e)
{
	ssize_t n;

	do {
		n = recv(fd, buf_reserve(out, 16384), 16384, 0);
		if (n > 0)
			out->n += (size_t)n;
	} while ((n > 0 || (n < 0 && errno == EINTR)) && out->n < MAX_ANSWER);
	if (n < 0)
		err_errno(e, "no answer from %s", name);
	return n == 0;
}

static bool
take_body(struct str answer, const char *name, const char *path,
    struct buf *out, struct err *e)
{
	size_t body = str_find(answer, STR("\r\n\r\n"));
	struct str line = str_sub(answer, 0, str_find(answer, STR("\r\n")));

	if (body == STR_NPOS || !str_starts(line, STR("HTTP/1.1 200 "))) {
		err_set(
		    e, "%s answered to %s: %.*s", name, path, STR_ARG(line));
		return false;
	}
	buf_putstr(out, str_sub(answer, body + 4, STR_NPOS));
	return true;
}

bool
control_get(const char *run_dir, const char *name, const char *path,
    struct buf *out, struct err *e)
{
	struct buf b = { 0 };
	int fd = dial(run_dir, name, e);
	bool ok;

	if (fd < 0)
		return false;
	buf_printf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, name);
	ok = send(fd, b.p, b.n, MSG_NOSIGNAL) == (ssize_t)b.n;
	if (!ok)
		err_errno(e, "cannot ask %s", name);
	buf_clear(&b);
	ok = ok && read_all(fd, &b, name, e) &&
	     take_body(buf_str(&b), name, path, out, e);
	close(fd);
	buf_fini(&b);
	return ok;
}
