/* SPDX-License-Identifier: BSD-2-Clause */
#include "authd/auth.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "authd/proto.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rnd.h"
#include "net/daemon.h"
#include "site/sasl.h"

#define MAX_EXCHANGES 100 /* begun and not finished, per connection */
/* Postfix waits ten seconds for an answer and then takes us for dead. */
#define MAX_DELAY_MS 8000

struct exchange {
	struct sasl *sasl;
	bool proved; /* only the client's empty answer is still to come */
};

struct session {
	struct conn *c;
	struct arena *arena; /* of one line */
	struct buf line;
	bool greeted;
	struct map *exchanges; /* id -> struct exchange */
};

/* ------------------------------------------------------------------------
 * Greeting
 */

static void
put_mechanism(struct buf *out, struct str name)
{
	static const struct {
		unsigned flag;
		const char *word;
	} words[] = { { SASL_PLAINTEXT, "plaintext" },
		{ SASL_DICTIONARY, "dictionary" }, { SASL_ACTIVE, "active" },
		{ SASL_MUTUAL, "mutual-auth" } };
	unsigned flags = sasl_flags(name);

	buf_printf(out, "MECH\t%.*s", STR_ARG(name));
	for (size_t i = 0; i < LEN(words); i++) {
		if (flags & words[i].flag)
			buf_printf(out, "\t%s", words[i].word);
	}
	buf_putc(out, '\n');
}

/* All that are on: whether a client has TLS is known with its request. */
static void
greet(struct session *s)
{
	static _Atomic unsigned connections;
	struct sasl_options o = { .site = authd.site, .plaintext = true };
	struct str rest = sasl_mechanisms(&o, s->arena), name;
	struct buf *out = conn_out(s->c);
	uint8_t cookie[16];

	BUF_LIT(out, "VERSION\t1\t2\n");
	while (rest.n && str_split(&rest, ' ', &name))
		put_mechanism(out, name);
	rnd_bytes(cookie, sizeof(cookie));
	buf_printf(out, "SPID\t%d\nCUID\t%u\nCOOKIE\t", (int)getpid(),
	    atomic_fetch_add(&connections, 1) + 1);
	hex_encode(out, cookie, sizeof(cookie));
	BUF_LIT(out, "\nDONE\n");
	s->greeted = true;
}

/* ------------------------------------------------------------------------
 * Exchanges
 */

static struct str
exchange_key(const uint32_t *id)
{
	return (struct str){ (const char *)id, sizeof(*id) };
}

static void
forget(struct session *s, uint32_t id)
{
	struct exchange *x = map_del(s->exchanges, exchange_key(&id));

	if (x)
		sasl_free(&x->sasl);
	free(x);
}

static void
put_reply(struct session *s, const char *word, uint32_t id)
{
	buf_printf(conn_out(s->c), "%s\t%u", word, id);
}

static void
fail(struct session *s, uint32_t id, struct str user, const char *code,
    const char *reason)
{
	struct buf *out = conn_out(s->c);

	put_reply(s, "FAIL", id);
	if (user.n)
		auth_put_field(out, "user", user);
	if (code) {
		buf_printf(out, "\t%s", code);
		auth_put_field(out, "code", str_of(code));
	}
	if (reason)
		auth_put_field(out, "reason", str_of(reason));
	buf_putc(out, '\n');
}

/*
 * Postfix makes 535 of every FAIL, and mail programs then ask for another
 * password. A lost connection is a 454, which is what a fault of ours is.
 */
static enum net_next
give_up(const struct exchange *x, enum site_rc why, const struct err *e)
{
	struct str user = sasl_user(x->sasl);

	log_error("auth", LOG_CSTR("result", site_rc_name(why)),
	    LOG_STR("user", user), LOG_ERR(e));
	return NET_CLOSE;
}

static enum net_next
failed(struct session *s, uint32_t id, struct exchange *x)
{
	struct str user = sasl_user(x->sasl);
	enum net_next next = NET_DONE;
	struct err e = ERR_INIT;
	unsigned delay;
	enum site_rc why = sasl_result(x->sasl, &delay, &e);

	switch (why) {
	case SITE_DENIED:
		fail(s, id, user, NULL, "Invalid user name or password");
		break;
	case SITE_BLOCKED:
		fail(s, id, user, NULL, "Too many failures, try again later");
		break;
	case SITE_DISABLED:
		fail(s, id, user, "user_disabled",
		    "This account may not use this service");
		break;
	case SITE_INVALID:
		fail(s, id, user, NULL, "Malformed authentication message");
		break;
	default:
		next = give_up(x, why, &e);
		break;
	}
	if (delay)
		conn_delay(s->c, delay < MAX_DELAY_MS ? delay : MAX_DELAY_MS);
	forget(s, id);
	return next;
}

static void
put_challenge(struct session *s, uint32_t id, const struct buf *challenge)
{
	put_reply(s, "CONT", id);
	buf_putc(conn_out(s->c), '\t');
	base64_encode(conn_out(s->c), buf_str(challenge));
	buf_putc(conn_out(s->c), '\n');
}

static void
succeeded(struct session *s, uint32_t id, const struct exchange *x)
{
	put_reply(s, "OK", id);
	auth_put_field(conn_out(s->c), "user", sasl_account(x->sasl)->address);
	buf_putc(conn_out(s->c), '\n');
	forget(s, id);
}

/* SMTP has no room for data with a success, so that takes another round. */
static enum net_next
step(struct session *s, uint32_t id, struct exchange *x, struct str in)
{
	struct buf challenge = { 0 };
	enum net_next next = NET_DONE;

	switch (sasl_step(x->sasl, in, &challenge)) {
	case SASL_CONTINUE:
		put_challenge(s, id, &challenge);
		break;
	case SASL_OK:
		x->proved = challenge.n > 0;
		if (x->proved)
			put_challenge(s, id, &challenge);
		else
			succeeded(s, id, x);
		break;
	case SASL_FAIL:
		next = failed(s, id, x);
		break;
	}
	buf_fini(&challenge);
	return next;
}

/* ------------------------------------------------------------------------
 * Commands
 */

static bool
is_loopback(struct str address)
{
	return address.n == 0 || str_starts(address, STR("127.")) ||
	       str_eqc(address, "::1") ||
	       str_starts(address, STR("::ffff:127."));
}

static enum net_next
begin(struct session *s, const struct auth_line *l)
{
	bool loopback = is_loopback(l->rip);
	struct sasl_options o = {
		.site = authd.site,
		.hostname = authd.hostname,
		.plaintext = authd.plaintext || loopback,
		.peer = {
		    .address = l->rip.n ? arena_cstr(s->arena, l->rip)
		                        : "local",
		    .service = l->service.n
		                   ? arena_cstr(s->arena, l->service)
		                   : "smtp",
		    .loopback = loopback,
		    .tls = l->secured,
		},
	};
	struct exchange *x;
	struct sasl *sasl;

	if (map_count(s->exchanges) >= MAX_EXCHANGES) {
		log_warn("auth_too_many", LOG_UINT("limit", MAX_EXCHANGES));
		return NET_CLOSE;
	}
	forget(s, l->number);
	if (!sasl_start(&o, l->mechanism, &sasl)) {
		fail(s, l->number, STR_NULL, NULL,
		    "This mechanism is not offered, or needs TLS");
		return NET_DONE;
	}
	x = mem_zalloc(sizeof(*x));
	x->sasl = sasl;
	map_set(s->exchanges, exchange_key(&l->number), x);
	return step(s, l->number, x, l->has_data ? l->data : STR_NULL);
}

static enum net_next
resume(struct session *s, const struct auth_line *l)
{
	struct exchange *x = map_get(s->exchanges, exchange_key(&l->number));

	if (!x) {
		fail(s, l->number, STR_NULL, NULL, "There is no such request");
		return NET_DONE;
	}
	if (x->proved) {
		succeeded(s, l->number, x);
		return NET_DONE;
	}
	return step(s, l->number, x, l->data);
}

static enum net_next
malformed(struct session *s)
{
	log_warn("auth_malformed", LOG_CSTR("id", conn_id(s->c)));
	return NET_CLOSE;
}

static enum net_next
execute(struct session *s)
{
	struct auth_line l;

	auth_parse(s->arena, buf_str(&s->line), &l);
	switch (l.command) {
	case AUTH_VERSION:
		return l.number == 1 ? NET_DONE : malformed(s);
	case AUTH_AUTH:
		metric_add(authd.requests, 1);
		return begin(s, &l);
	case AUTH_CONT:
		return resume(s, &l);
	case AUTH_CANCEL:
		forget(s, l.number);
		return NET_DONE;
	case AUTH_MALFORMED:
		return malformed(s);
	case AUTH_CPID:
	case AUTH_OTHER:
		break;
	}
	return NET_DONE;
}

/* ------------------------------------------------------------------------
 * The connection
 */

/* Exim waits for our greeting before it says anything, so it comes at once;
 * from a worker, because it reads settings. */
static void *
on_open(struct conn *c)
{
	struct session *s = mem_zalloc(sizeof(*s));

	s->c = c;
	s->arena = arena_new();
	s->exchanges = map_new();
	conn_wake(c);
	return s;
}

static void
on_wake(void *session)
{
	conn_run(((struct session *)session)->c);
}

static size_t
on_input(void *session, struct str in)
{
	struct session *s = session;
	size_t end = str_chr(in, '\n');

	if (end == STR_NPOS || end > AUTH_MAX_LINE) {
		if (in.n <= AUTH_MAX_LINE)
			return 0;
		log_warn("auth_line_too_long", LOG_CSTR("id", conn_id(s->c)));
		conn_close(s->c);
		return in.n;
	}
	buf_put(&s->line, in.p, end);
	conn_run(s->c);
	return end + 1;
}

static enum net_next
on_run(void *session)
{
	struct session *s = session;
	enum net_next next = NET_DONE;

	if (!s->greeted)
		greet(s);
	else
		next = execute(s);
	if (s->line.p)
		mem_wipe(s->line.p, s->line.n);
	buf_fini(&s->line);
	arena_release(s->arena);
	return next;
}

static void
on_close(void *session)
{
	struct session *s = session;
	size_t at = 0;
	void *x;

	while (map_next(s->exchanges, &at, NULL, &x)) {
		sasl_free(&((struct exchange *)x)->sasl);
		free(x);
	}
	map_free(&s->exchanges);
	arena_free(&s->arena);
	buf_fini(&s->line);
	free(s);
}

const struct net_proto auth_proto = {
	.name = "auth",
	.open = on_open,
	.input = on_input,
	.run = on_run,
	.wake = on_wake,
	.close = on_close,
};
