/* SPDX-License-Identifier: BSD-2-Clause */
#include "imapd/watch.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"

struct waiters { /* of one account */
	char id[17];
	struct watcher *first;
};

struct watch {
	pthread_mutex_t lock;
	struct map *accounts; /* id -> struct waiters * */
};

static void
wake_all(const struct waiters *ws)
{
	for (struct watcher *m = ws->first; m; m = m->next)
		conn_wake(m->conn);
}

/* On a thread of the store. */
static void
changed(void *arg, struct str id)
{
	struct watch *w = arg;
	void *ws;
	size_t at = 0;

	pthread_mutex_lock(&w->lock);
	if (id.n) {
		ws = map_get(w->accounts, id);
		if (ws)
			wake_all(ws);
	} else {
		while (map_next(w->accounts, &at, NULL, &ws))
			wake_all(ws);
	}
	pthread_mutex_unlock(&w->lock);
}

void
watch_wake(struct watch *w, struct str account)
{
	if (account.n)
		changed(w, account);
}

bool
watch_new(struct store *st, struct watch **out, struct err *e)
{
	struct watch *w = mem_zalloc(sizeof(*w));

	pthread_mutex_init(&w->lock, NULL);
	w->accounts = map_new();
	if (store_watch(st, changed, w, e) != STORE_OK) {
		watch_free(&w);
		return false;
	}
	*out = w;
	return true;
}

void
watch_free(struct watch **w)
{
	if (!*w)
		return;
	map_free(&(*w)->accounts);
	pthread_mutex_destroy(&(*w)->lock);
	free(*w);
	*w = NULL;
}

static struct waiters *
waiters_of(struct watch *w, struct str account)
{
	struct waiters *ws = map_get(w->accounts, account);

	if (ws)
		return ws;
	ws = mem_zalloc(sizeof(*ws));
	for (size_t i = 0; i < account.n && i < sizeof(ws->id) - 1; i++)
		ws->id[i] = account.p[i];
	map_set(w->accounts, account, ws);
	return ws;
}

void
watch_add(
    struct watch *w, struct watcher *m, struct conn *conn, struct str account)
{
	pthread_mutex_lock(&w->lock);
	if (!m->of) {
		m->conn = conn;
		m->of = waiters_of(w, account);
		m->prev = NULL;
		m->next = m->of->first;
		if (m->next)
			m->next->prev = m;
		m->of->first = m;
	}
	pthread_mutex_unlock(&w->lock);
}

void
watch_remove(struct watch *w, struct watcher *m)
{
	pthread_mutex_lock(&w->lock);
	if (m->of) {
		if (m->prev)
			m->prev->next = m->next;
		else
			m->of->first = m->next;
		if (m->next)
			m->next->prev = m->prev;
		if (!m->of->first)
			free(map_del(w->accounts, str_of(m->of->id)));
		*m = (struct watcher){ 0 };
	}
	pthread_mutex_unlock(&w->lock);
}
