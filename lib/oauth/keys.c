/* SPDX-License-Identifier: BSD-2-Clause */
#include "oauth/keys.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "fetch/fetch.h"
#include "net/gate.h"

#define MAX_SOURCES 1000 /* one for each value of oauth.jwks seen */

struct source {
	struct jwks *set;        /* NULL: none yet */
	int64_t fetched;         /* monotonic milliseconds; of `set` */
	int64_t tried;           /* the last attempt; 0: none yet */
	struct err why;          /* it failed */
	struct timespec changed; /* of a file */
	off_t size;
	bool busy; /* a thread fetches it */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static struct map *sources; /* file or URL -> struct source */

/* ------------------------------------------------------------------------
 * Where sets come from
 */

static bool
is_file(const struct oauth_config *c)
{
	return c->jwks.n > 0 && c->jwks.p[0] == '/';
}

static bool
load(const struct oauth_config *c, struct jwks **out, struct err *e)
{
	struct fetch f = {
		.url = c->jwks.p, .ca_file = c->ca_file.p, .timeout = c->timeout
	};
	struct buf text = { 0 };
	bool ok = is_file(c) ? fs_read(c->jwks.p, FETCH_MAX, &text, e)
			     : fetch(&f, &text, e);

	*out = NULL;
	if (ok && !(ok = jwks_parse(buf_str(&text), out, e)))
		err_prefix(e, "%s", c->jwks.p);
	buf_fini(&text);
	return ok;
}

/* ------------------------------------------------------------------------
 * Sources; all of it locked
 */

static struct source *
find(struct str name)
{
	struct source *s;

	if (!sources)
		sources = map_new();
	s = map_get(sources, name);
	if (s || map_count(sources) >= MAX_SOURCES)
		return s;
	s = mem_zalloc(sizeof(*s));
	map_set(sources, name, s);
	return s;
}

static bool
file_changed(struct source *s, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return s->tried == 0;
	if (s->tried != 0 && st.st_size == s->size &&
	    st.st_mtim.tv_sec == s->changed.tv_sec &&
	    st.st_mtim.tv_nsec == s->changed.tv_nsec)
		return false;
	s->size = st.st_size;
	s->changed = st.st_mtim;
	return true;
}

static bool
wants_load(const struct oauth_config *c, struct source *s, const char *kid)
{
	int64_t now = clock_mono_ms();

	if (is_file(c))
		return file_changed(s, c->jwks.p);
	if (s->tried != 0 && now - s->tried < KEYS_RETRY * 1000)
		return false;
	return !s->set || now - s->fetched >= c->cache_time * 1000 ||
	       !jwks_has(s->set, kid);
}

/* Unlocks while it waits for the other side. */
static void
renew(const struct oauth_config *c, struct source *s)
{
	struct jwks *fresh, *old = NULL;
	struct err why = ERR_INIT;
	bool ok;

	s->busy = true;
	s->tried = clock_mono_ms();
	pthread_mutex_unlock(&lock);
	ok = load(c, &fresh, &why);
	if (!ok)
		log_warn(
		    "oauth_keys", LOG_CSTR("source", c->jwks.p), LOG_ERR(&why));
	pthread_mutex_lock(&lock);
	s->busy = false;
	s->why = why;
	if (ok) {
		old = s->set;
		s->set = fresh;
		s->fetched = clock_mono_ms();
	}
	pthread_cond_broadcast(&done);
	jwks_free(&old);
}

/* For the first set. Those who wait hold workers, so not all may. */
static void
wait_for(const struct oauth_config *c, struct source *s)
{
	bool inside;

	inside = gate_enter(c->jwks.p);
	while (inside && s->busy && !s->set)
		pthread_cond_wait(&done, &lock);
	if (inside)
		gate_leave(c->jwks.p, s->set != NULL);
}

enum site_rc
keys_get(const struct oauth_config *c, const char *kid, struct jwks **out,
    struct err *e)
{
	struct source *s;

	*out = NULL;
	pthread_mutex_lock(&lock);
	s = find(c->jwks);
	if (s && s->busy && !s->set)
		wait_for(c, s);
	if (s && !s->busy && wants_load(c, s, kid))
		renew(c, s);
	if (s && s->set)
		*out = jwks_ref(s->set);
	else
		err_set(e, "no keys to check tokens with: %s",
		    !s            ? "too many different values of oauth.jwks"
		    : *s->why.msg ? s->why.msg
				  : "the provider does not answer");
	pthread_mutex_unlock(&lock);
	return *out ? SITE_OK : SITE_BUSY;
}
