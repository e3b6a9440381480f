/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/control.h"

#define WORKERS_PER_CORE 8

static char *
copy(const char *s)
{
	return mem_strdup(s ? s : "");
}

static void
take_options(struct net_server *s, const struct net_options *o)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = cores > 0 ? (unsigned)cores : 1;

	s->name = copy(o->name);
	s->nloops = o->loops ? o->loops : n;
	s->nworkers = o->workers ? o->workers : n * WORKERS_PER_CORE;
	s->max_connections = o->max_connections ? o->max_connections : 20000;
	s->max_per_address = o->max_per_address ? o->max_per_address : 100;
}

static bool
make_loops(struct net_server *s, struct err *e)
{
	s->loops = mem_zalloc(s->nloops * sizeof(*s->loops));
	for (unsigned i = 0; i < s->nloops; i++)
		s->loops[i].eventfd = -1;
	for (unsigned i = 0; i < s->nloops; i++) {
		if (!loop_init(&s->loops[i], s, e))
			return false;
	}
	return true;
}

bool
net_server_new(
    const struct net_options *o, struct net_server **out, struct err *e)
{
	struct net_server *s = mem_zalloc(sizeof(*s));
	struct tls_options t = { o->tls_cert, o->tls_key, o->tls_min,
		o->certificate, o->certificate_arg, o->tls_client_certs,
		o->tls_client_ca, o->tls_client_crl };

	take_options(s, o);
	signal(SIGPIPE, SIG_IGN);
	s->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s->counts = addr_counts_new();
	if (!addr_list_parse(o->trusted_proxies, &s->trusted, e)) {
		err_prefix(e, "trusted_proxies");
	} else if (tls_new(&t, &s->tls, e) && make_loops(s, e)) {
		listen_inherit(s);
		*out = s;
		return true;
	}
	net_server_free(&s);
	return false;
}

struct event_base *
net_base(struct net_server *s)
{
	return s->loops[0].base;
}

static void *
loop_thread(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void
start_loops(struct net_server *s)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned i = 1; i < s->nloops; i++) {
		struct loop *loop = &s->loops[i];

		if (pthread_create(&loop->thread, NULL, loop_thread, loop) != 0)
			abort();
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void
net_run(struct net_server *s)
{
	s->pool = pool_new(s->nworkers);
	listen_start(s);
	start_loops(s);
	loop_run(&s->loops[0]);
	for (unsigned i = 1; i < s->nloops; i++)
		pthread_join(s->loops[i].thread, NULL);
	pool_free(&s->pool);
}

void
net_stop(struct net_server *s)
{
	s->stop = true;
	loop_poke(&s->loops[0]);
}

bool
net_reload(struct net_server *s, struct err *e)
{
	return tls_reload(s->tls, e);
}

void
net_set_health(struct net_server *s, bool (*ready)(struct buf *why))
{
	s->ready = ready;
}

void
net_server_free(struct net_server **sp)
{
	struct net_server *s = *sp;

	if (!s)
		return;
	listen_free(s);
	for (unsigned i = 0; s->loops && i < s->nloops; i++)
		loop_fini(&s->loops[i]);
	free(s->loops);
	addr_list_free(&s->trusted);
	addr_counts_free(&s->counts);
	tls_free(&s->tls);
	if (s->reserve_fd >= 0)
		close(s->reserve_fd);
	free(s->name);
	free(s);
	*sp = NULL;
}

void
net_parallel(struct net_server *s, size_t count,
    void (*task)(void *arg, size_t i), void *arg)
{
	pool_parallel(s->pool, count, task, arg);
}

static json_t *
who(const struct conn *c)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:b, s:I}", "id", c->id,
	    "protocol", c->listener->proto->name, "user",
	    c->user ? c->user : "", "address", c->peer.address, "port",
	    (int)c->peer.port, "tls", c->secure ? 1 : 0, "since",
	    (json_int_t)c->since);
}

void
net_who(struct net_server *s, struct buf *out)
{
	json_t *list = json_array();
	char *text;

	for (unsigned i = 0; i < s->nloops; i++) {
		struct loop *loop = &s->loops[i];

		pthread_mutex_lock(&loop->lock);
		for (const struct conn *c = loop->conns; c; c = c->next) {
			if (c->listener->proto != &control_proto)
				json_array_append_new(list, who(c));
		}
		pthread_mutex_unlock(&loop->lock);
	}
	text = json_dumps(list, JSON_COMPACT);
	buf_puts(out, text ? text : "[]");
	free(text);
	json_decref(list);
}
