/* SPDX-License-Identifier: BSD-2-Clause */
#include "conn.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool
failed(struct conn *c, const char *what)
{
	snprintf(c->error, sizeof(c->error), "%s: %s", what,
	    errno ? strerror(errno) : "connection closed");
	return false;
}

static bool
tls_failed(struct conn *c, const char *what)
{
	snprintf(c->error, sizeof(c->error), "%s: TLS: %s", what,
	    ERR_reason_error_string(ERR_peek_error()));
	return false;
}

static bool
unexpected(struct conn *c, struct str line)
{
	snprintf(c->error, sizeof(c->error), "unexpected answer: %.*s",
	    (int)(line.n < 150 ? line.n : 150), line.p);
	return false;
}

static SSL_CTX *context;
static pthread_once_t context_once = PTHREAD_ONCE_INIT;

static void
make_context(void)
{
	context = SSL_CTX_new(TLS_client_method());
	if (context)
		SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static bool
start_tls(struct conn *c)
{
	pthread_once(&context_once, make_context);
	c->ssl = context ? SSL_new(context) : NULL;
	if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1 ||
	    SSL_connect(c->ssl) != 1)
		return tls_failed(c, "connect");
	return true;
}

bool
conn_open(struct conn *c, const char *host, int port, bool tls, int seconds)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	struct timeval limit = { .tv_sec = seconds };
	int on = 1;

	c->at = c->end = 0;
	c->error[0] = '\0';
	c->ssl = NULL;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return failed(c, "socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (inet_pton(AF_INET, host, &sin.sin_addr) != 1) {
		errno = EINVAL;
		return failed(c, host);
	}
	if (connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		return failed(c, "connect");
	return !tls || start_tls(c);
}

void
conn_leave(struct conn *c)
{
	SSL_free(c->ssl); /* says nothing to the peer */
	c->ssl = NULL;
	c->fd = -1;
}

void
conn_close(struct conn *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

bool
conn_send(struct conn *c, struct str text)
{
	if (c->ssl && text.n)
		return SSL_write(c->ssl, text.p, (int)text.n) > 0 ||
		       tls_failed(c, "send");
	while (text.n) {
		ssize_t n = send(c->fd, text.p, text.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(c, "send");
		text = str_sub(text, (size_t)n, STR_NPOS);
	}
	return true;
}

/* Read more behind c->end; there must be room. */
static bool
more(struct conn *c)
{
	ssize_t n;

	if (c->ssl) {
		n = SSL_read(
		    c->ssl, c->in + c->end, (int)(sizeof(c->in) - c->end));
		if (n <= 0)
			return tls_failed(c, "recv");
		c->end += (size_t)n;
		return true;
	}
	do {
		errno = 0;
		n = recv(c->fd, c->in + c->end, sizeof(c->in) - c->end, 0);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return failed(c, "recv");
	c->end += (size_t)n;
	return true;
}

/* Move what is not taken yet to the front. */
static void
compact(struct conn *c)
{
	memmove(c->in, c->in + c->at, c->end - c->at);
	c->end -= c->at;
	c->at = 0;
}

bool
conn_line(struct conn *c, struct str *line)
{
	size_t seen = 0;
	char *nl;

	while (
	    !(nl = memchr(c->in + c->at + seen, '\n', c->end - c->at - seen))) {
		seen = c->end - c->at;
		compact(c);
		if (c->end == sizeof(c->in))
			return unexpected(c, STR("(a line without end)"));
		if (!more(c))
			return false;
	}
	line->p = c->in + c->at;
	line->n = (size_t)(nl - line->p);
	c->at += line->n + 1;
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

bool
conn_reply(struct conn *c, int wanted)
{
	struct str line;

	do {
		if (!conn_line(c, &line))
			return false;
	} while (line.n > 3 && line.p[3] == '-');
	if (line.n < 3 || atoi(line.p) != wanted)
		return unexpected(c, line);
	return true;
}

static uint64_t
count_matches(struct str text, struct str what)
{
	uint64_t n = 0;
	const char *p;

	while ((p = memmem(text.p, text.n, what.p, what.n))) {
		n++;
		text = str_sub(text, (size_t)(p - text.p) + what.n, STR_NPOS);
	}
	return n;
}

/* "* SEARCH 1 5 9" at the start of TEXT. */
static uint64_t
count_hits(struct str text)
{
	uint64_t n = 0;

	if (!str_starts(text, STR("* SEARCH")))
		return 0;
	for (size_t i = 8; i < text.n && text.p[i] != '\r'; i++)
		n += text.p[i] == ' ' && i + 1 < text.n &&
		     isdigit((unsigned char)text.p[i + 1]);
	return n;
}

/* The last line of what is read, if it is complete and begins with TAG. */
static bool
last_line(const struct conn *c, struct str tag, struct str *line)
{
	const char *end = c->in + c->end, *nl;

	if (c->end - c->at < tag.n + 2 || end[-1] != '\n')
		return false;
	nl = memrchr(c->in + c->at, '\n', c->end - c->at - 1);
	line->p = nl ? nl + 1 : c->in + c->at;
	line->n = (size_t)(end - line->p);
	return str_starts(*line, tag);
}

bool
conn_answer(struct conn *c, struct str tag, struct answer *out)
{
	const struct str fetch = STR(" FETCH (");
	struct str line;
	size_t counted;
	bool first = true;

	*out = (struct answer){ 0 };
	compact(c);
	counted = 0;
	for (;;) {
		struct str fresh = { c->in + counted, c->end - counted };

		out->fetches += count_matches(fresh, fetch);
		if (last_line(c, tag, &line))
			break;
		/* Keep a last line for the tag, and no whole "FETCH". */
		if (c->end > sizeof(c->in) / 2) {
			out->bytes += c->end - 4096;
			c->at = c->end - 4096;
			compact(c);
			first = false;
		}
		counted = c->end > fetch.n ? c->end - (fetch.n - 1) : 0;
		if (!more(c))
			return false;
	}
	out->bytes += c->end;
	if (first)
		out->hits = count_hits((struct str){ c->in, c->end });
	c->at = c->end = 0;
	line = str_sub(line, tag.n, STR_NPOS);
	return str_starts(line, STR(" OK")) || unexpected(c, line);
}

bool
conn_command(struct conn *c, const char *command, struct answer *out)
{
	char text[4096];
	int n = snprintf(text, sizeof(text), CONN_TAG " %s\r\n", command);

	if (n < 0 || (size_t)n >= sizeof(text))
		return unexpected(c, STR("(the command is too long)"));
	return conn_send(c, (struct str){ text, (size_t)n }) &&
	       conn_answer(c, STR(CONN_TAG), out);
}

bool
conn_ok(struct conn *c)
{
	struct str line;

	if (!conn_line(c, &line))
		return false;
	return str_starts(line, STR("+OK")) || unexpected(c, line);
}

bool
conn_dotted(struct conn *c, uint64_t *bytes)
{
	struct str line;

	do {
		if (!conn_line(c, &line))
			return false;
		*bytes += line.n + 2;
	} while (!str_eqc(line, "."));
	return true;
}
