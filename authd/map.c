/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "authd/auth.h"
#include "authd/lookup.h"
#include "authd/netstring.h"
#include "authd/policy.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/daemon.h"

/*
 * The socketmap protocol of Sendmail and Postfix (socketmap_table(5)): the
 * request is a netstring "map key", the reply one that begins with OK,
 * NOTFOUND, TEMP or PERM.
 */

#define MAX_REQUEST 10000

struct session {
	struct conn *c;
	struct arena *arena;
	struct buf request;
};

static void *
on_open(struct conn *c)
{
	struct session *s = mem_zalloc(sizeof(*s));

	s->c = c;
	s->arena = arena_new();
	return s;
}

static size_t
on_input(void *session, struct str in)
{
	struct session *s = session;
	struct str request;
	size_t used;

	switch (netstring_take(in, MAX_REQUEST, &request, &used)) {
	case NETSTRING_PARTIAL:
		return 0;
	case NETSTRING_BAD:
		log_warn("map_malformed", LOG_CSTR("id", conn_id(s->c)));
		conn_close(s->c);
		return in.n;
	case NETSTRING_OK:
		break;
	}
	buf_putstr(&s->request, request);
	conn_run(s->c);
	return used;
}

static enum lookup_rc
answer(struct session *s, struct buf *out)
{
	struct str request = buf_str(&s->request);
	size_t space = str_chr(request, ' ');
	struct str map = str_sub(request, 0, space);
	struct str key = space == STR_NPOS
			     ? STR_NULL
			     : str_sub(request, space + 1, request.n);

	if (str_eqc(map, "tls_policy"))
		return policy_lookup(s->arena, key, out);
	return lookup(authd.site, s->arena, map, key, out);
}

static enum net_next
on_run(void *session)
{
	static const char *const words[] = { "OK ", "NOTFOUND ", "TEMP ",
		"PERM " };
	struct session *s = session;
	struct buf data = { 0 }, reply = { 0 };
	enum lookup_rc rc;

	metric_add(authd.lookups, 1);
	rc = answer(s, &data);
	buf_puts(&reply, words[rc]);
	buf_putstr(&reply, buf_str(&data));
	netstring_put(conn_out(s->c), buf_str(&reply));
	buf_fini(&data);
	buf_fini(&reply);
	buf_fini(&s->request);
	arena_release(s->arena);
	return NET_DONE;
}

static void
on_close(void *session)
{
	struct session *s = session;

	arena_free(&s->arena);
	buf_fini(&s->request);
	free(s);
}

const struct net_proto map_proto = {
	.name = "map",
	.open = on_open,
	.input = on_input,
	.run = on_run,
	.close = on_close,
};
