/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound/tls_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

#define NAME_MAX_LEN 255
#define FAILURES_MAX 10 /* hosts that one message is tried at */

const char *
tls_result_name(enum tls_result r)
{
	static const char *const names[] = {
		[TLS_SUCCESS] = "",
		[TLS_NOT_SUPPORTED] = "starttls-not-supported",
		[TLS_HOST_MISMATCH] = "certificate-host-mismatch",
		[TLS_EXPIRED] = "certificate-expired",
		[TLS_NOT_TRUSTED] = "certificate-not-trusted",
		[TLS_INVALID] = "validation-failure",
		[TLS_STS_FETCH] = "sts-policy-fetch-error",
	};

	return names[r];
}

/* ------------------------------------------------------------------------
 * Processes
 */

struct host {
	char name[NAME_MAX_LEN + 1], ip[46];
};

struct failure {
	struct host at;
	enum tls_result result;
};

/* What a process of the SMTP client said, as long as it may matter. */
struct process {
	uint64_t pid, used; /* when it was, to forget the oldest */
	/* The connection: is there TLS on it, and what is wrong with it? */
	struct host host;
	bool tls, trusted;
	enum tls_result fault;
	/* Of a message whose recipient is not known yet. */
	struct failure failures[FAILURES_MAX];
	size_t nfailures;
	char last[NAME_MAX_LEN + 128]; /* message and host that were told of */
};

struct tls_log {
	tls_tell *tell;
	void *arg;
	struct map *processes; /* pid -> struct process * */
	uint64_t lines;
};

struct tls_log *
tls_log_new(tls_tell *tell, void *arg)
{
	struct tls_log *l = mem_zalloc(sizeof(*l));

	l->tell = tell;
	l->arg = arg;
	l->processes = map_new();
	return l;
}

void
tls_log_free(struct tls_log **l)
{
	size_t at = 0;
	void *p;

	if (!*l)
		return;
	while (map_next((*l)->processes, &at, NULL, &p))
		free(p);
	map_free(&(*l)->processes);
	free(*l);
	*l = NULL;
}

static void
forget_oldest(struct tls_log *l)
{
	struct process *oldest = NULL;
	size_t at = 0;
	void *p;

	while (map_next(l->processes, &at, NULL, &p)) {
		struct process *x = p;

		if (!oldest || x->used < oldest->used)
			oldest = x;
	}
	map_del(l->processes, map_key_u64(&oldest->pid));
	free(oldest);
}

static struct process *
process_of(struct tls_log *l, uint64_t pid)
{
	struct process *p = map_get(l->processes, map_key_u64(&pid));

	if (!p) {
		if (map_count(l->processes) >= TLS_LOG_PROCESSES)
			forget_oldest(l);
		p = mem_zalloc(sizeof(*p));
		p->pid = pid;
		map_set(l->processes, map_key_u64(&p->pid), p);
	}
	p->used = l->lines;
	return p;
}

/* ------------------------------------------------------------------------
 * Words
 */

/* Is PREFIX at the front of *s? Then it is taken off. */
static bool
skip(struct str *s, const char *prefix)
{
	struct str p = str_of(prefix);

	if (!str_starts(*s, p))
		return false;
	*s = str_sub(*s, p.n, STR_NPOS);
	return true;
}

static bool
has(struct str s, const char *text)
{
	return str_find(s, str_of(text)) != STR_NPOS;
}

/* A name or an address, which has nothing but printable octets. */
static bool
copy(char *to, size_t size, struct str s)
{
	if (s.n == 0 || s.n >= size)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ')
			return false;
	}
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	return true;
}

/* "mx.example[192.0.2.1]", and what follows in *rest. */
static bool
read_host(struct str s, struct host *out, struct str *rest)
{
	size_t open = str_chr(s, '['), close = str_chr(s, ']');

	if (open == STR_NPOS || close == STR_NPOS || close < open)
		return false;
	*rest = str_sub(s, close + 1, STR_NPOS);
	return copy(out->name, sizeof(out->name), str_sub(s, 0, open)) &&
	       copy(out->ip, sizeof(out->ip),
		   str_sub(s, open + 1, close - open - 1));
}

static bool
is_same(const struct host *a, const struct host *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->ip, b->ip) == 0;
}

/* "NAME=" of a delivery, up to the next comma. */
static struct str
field(struct str line, const char *name)
{
	size_t at = str_find(line, str_of(name));
	struct str rest, value;

	if (at == STR_NPOS)
		return STR_NULL;
	rest = str_sub(line, at + strlen(name), STR_NPOS);
	str_split(&rest, ',', &value);
	return value;
}

/* ------------------------------------------------------------------------
 * Connections
 */

/* The words that Postfix has for certificates, without "Anonymous", which has
 * none. */
static const struct {
	const char *prefix;
	bool trusted;
} connections[] = {
	{ "Verified TLS connection established to ", true },
	{ "Trusted TLS connection established to ", true },
	{ "Untrusted TLS connection established to ", false },
	{ "Anonymous TLS connection established to ", false },
};

/* The words before the host, those behind it, and what they mean. */
static const struct {
	const char *prefix, *reason;
	enum tls_result result;
} faults[] = {
	{ "server certificate verification failed for ", "hostname mismatch",
	    TLS_HOST_MISMATCH },
	{ "server certificate verification failed for ", "", TLS_INVALID },
	{ "certificate verification failed for ", "expired", TLS_EXPIRED },
	{ "certificate verification failed for ", "", TLS_NOT_TRUSTED },
	{ "SSL_connect error to ", "", TLS_INVALID },
};

/* Of a connection that is not established yet, or of the same. */
static void
set_fault(struct process *p, const struct host *h, enum tls_result r)
{
	p->tls = false;
	p->host = *h;
	p->fault = r;
}

static bool
read_fault(struct process *p, struct str text)
{
	for (size_t i = 0; i < LEN(faults); i++) {
		struct str rest = text;
		struct host h;

		if (skip(&rest, faults[i].prefix) &&
		    read_host(rest, &h, &rest) && has(rest, faults[i].reason)) {
			set_fault(p, &h, faults[i].result);
			return true;
		}
	}
	return false;
}

static bool
read_connection(struct process *p, struct str text)
{
	for (size_t i = 0; i < LEN(connections); i++) {
		struct str rest = text;
		struct host h;

		if (!skip(&rest, connections[i].prefix))
			continue;
		if (!read_host(rest, &h, &rest))
			return true;
		if (!is_same(&h, &p->host))
			p->fault = TLS_SUCCESS;
		p->host = h;
		p->tls = true;
		p->trusted = connections[i].trusted;
		return true;
	}
	return false;
}

/* ------------------------------------------------------------------------
 * Sessions that fail
 */

static const struct {
	const char *text;
	enum tls_result result;
} refusals[] = {
	{ "TLS is required, but was not offered by host ", TLS_NOT_SUPPORTED },
	{ "Cannot start TLS: ", TLS_INVALID },
	{ "Server certificate not trusted", TLS_NOT_TRUSTED },
	{ "Server certificate not verified", TLS_NOT_TRUSTED },
};

/* Did TLS end the session? What was seen of the certificate says more. */
static bool
read_refusal(const struct process *p, struct str text, enum tls_result *out)
{
	for (size_t i = 0; i < LEN(refusals); i++) {
		if (!has(text, refusals[i].text))
			continue;
		*out = refusals[i].result;
		if (*out == TLS_NOT_TRUSTED && p->fault != TLS_SUCCESS)
			*out = p->fault;
		return true;
	}
	return false;
}

/* "ID: Server certificate not verified": other hosts are tried. */
static void
read_failure(struct process *p, struct str text)
{
	struct str rest = text;
	struct failure *f = &p->failures[p->nfailures];
	struct host h;
	size_t at;

	if (p->nfailures == FAILURES_MAX || !read_refusal(p, text, &f->result))
		return;
	f->at = p->host;
	at = str_find(rest, STR(" offered by host "));
	if (at != STR_NPOS) {
		rest =
		    str_sub(rest, at + strlen(" offered by host "), STR_NPOS);
		if (!read_host(rest, &h, &rest))
			return;
		f->at = h;
	}
	if (*f->at.name)
		p->nfailures++;
	p->fault = TLS_SUCCESS;
	p->tls = false;
}

/* ------------------------------------------------------------------------
 * Deliveries
 */

struct delivery {
	struct str id, domain, status;
	struct host relay;
	bool has_relay, again; /* the session has been told of */
	char lower[NAME_MAX_LEN + 1];
};

static bool
read_delivery(struct str id, struct str text, struct delivery *out)
{
	struct str to = field(text, "to="), rest;
	size_t at = str_rchr(to, '@'), status = str_find(text, STR(" status="));

	if (at == STR_NPOS || status == STR_NPOS || to.n - at < 3 ||
	    !copy(out->lower, sizeof(out->lower),
		str_sub(to, at + 1, to.n - at - 2)))
		return false;
	for (char *p = out->lower; *p; p++)
		*p = ascii_lower(*p);
	out->id = id;
	out->domain = str_of(out->lower);
	out->status = str_sub(text, status, STR_NPOS);
	out->has_relay = read_host(field(text, " relay="), &out->relay, &rest);
	out->again = field(text, " conn_use=").n > 0;
	return true;
}

static void
tell(struct tls_log *l, const struct delivery *d, const struct host *h,
    enum tls_result r, bool trusted)
{
	const struct tls_session s = { .domain = d->domain,
		.mx = str_of(h->name),
		.ip = str_of(h->ip),
		.result = r,
		.trusted = trusted };

	l->tell(l->arg, &s);
}

/* Other recipients of a message share the session. */
static bool
is_told(struct process *p, const struct delivery *d)
{
	char key[sizeof(p->last)];
	bool same;

	snprintf(key, sizeof(key), "%.*s %s %s", (int)(d->id.n & 0xff), d->id.p,
	    d->relay.ip, d->relay.name);
	same = strcmp(key, p->last) == 0;
	memcpy(p->last, key, sizeof(key));
	return same;
}

/* Before these, TLS would have begun. */
static bool
came_to_mail(struct str status)
{
	return str_starts(status, STR(" status=sent")) ||
	       has(status, "in reply to MAIL FROM ") ||
	       has(status, "in reply to RCPT TO ") ||
	       has(status, "in reply to DATA ") ||
	       has(status, "in reply to end of DATA ");
}

static void
tell_session(struct tls_log *l, struct process *p, const struct delivery *d)
{
	enum tls_result r;

	if (read_refusal(p, d->status, &r))
		tell(l, d, &d->relay, r, false);
	else if (p->tls && is_same(&p->host, &d->relay))
		tell(l, d, &d->relay, TLS_SUCCESS, p->trusted);
	else if (came_to_mail(d->status))
		tell(l, d, &d->relay, TLS_NOT_SUPPORTED, false);
	p->tls = false; /* the next connection has lines of its own */
	p->fault = TLS_SUCCESS;
}

static void
deliver(struct tls_log *l, struct process *p, const struct delivery *d)
{
	for (size_t i = 0; i < p->nfailures; i++)
		tell(l, d, &p->failures[i].at, p->failures[i].result, false);
	p->nfailures = 0;
	if (d->has_relay && !d->again && !is_told(p, d))
		tell_session(l, p, d);
}

/* ------------------------------------------------------------------------
 * Lines
 */

/* "... postfix/smtp[123]: TEXT", whatever stands in front of it. */
static bool
read_line(struct str line, uint64_t *pid, struct str *text)
{
	size_t at = str_find(line, STR("/smtp["));
	struct str rest = str_sub(line, at + strlen("/smtp["), STR_NPOS),
		   number;

	if (at == STR_NPOS || !str_split(&rest, ']', &number) ||
	    !str_u64(number, pid) || !skip(&rest, ": "))
		return false;
	*text = rest;
	return true;
}

/* "4F1A2B: TEXT"; the ids of Postfix are letters and digits. */
static bool
read_id(struct str *text, struct str *id)
{
	struct str rest = *text;

	if (!str_split(&rest, ':', id) || !rest.p || id->n == 0)
		return false;
	for (size_t i = 0; i < id->n; i++) {
		char c = ascii_lower(id->p[i]);

		if (!ascii_digit(c) && (c < 'a' || c > 'z'))
			return false;
	}
	*text = rest;
	return skip(text, " ");
}

void
tls_log_line(struct tls_log *l, struct str line)
{
	struct process *p;
	struct delivery d = { .again = false };
	struct str text, id;
	uint64_t pid;

	l->lines++;
	if (!read_line(line, &pid, &text))
		return;
	p = process_of(l, pid);
	if (read_fault(p, text) || read_connection(p, text) ||
	    !read_id(&text, &id))
		return;
	if (!str_starts(text, STR("to=<")))
		read_failure(p, text);
	else if (read_delivery(id, text, &d))
		deliver(l, p, &d);
}
