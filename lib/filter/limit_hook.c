/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/limit_hook.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "fetch/fetch.h"

struct post {
	struct post *next;
	char *url, *document;
};

struct limit_hook {
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_t thread;
	bool running, stopping;
	struct post *first, **last;
	unsigned waiting;
};

/* ------------------------------------------------------------------------
 * The document
 */

/* What is not UTF-8 is left out: JSON cannot say it. */
static json_t *
text(struct str s)
{
	return str_is_utf8(s) ? json_stringn(s.p ? s.p : "", s.n)
			      : json_string("");
}

static char *
document_of(const struct limit_over *over, int64_t now)
{
	json_t *doc = json_pack("{s:s, s:I, s:s, s:o, s:I, s:I, s:I}", "event",
	    "limit", "time", (json_int_t)now, "limit", over->limit->setting,
	    "subject", text(over->subject), "max", (json_int_t)over->max,
	    "window", (json_int_t)over->limit->window, "wait",
	    (json_int_t)over->wait);
	char *dump = json_dumps(doc, JSON_COMPACT);
	char *out = mem_strdup(dump ? dump : "{}");

	free(dump);
	json_decref(doc);
	return out;
}

/* ------------------------------------------------------------------------
 * The thread
 */

static void
free_post(struct post *p)
{
	free(p->url);
	free(p->document);
	free(p);
}

static void
send_post(const struct post *p)
{
	const struct fetch f = {
		.url = p->url,
		.ca_file = "",
		.timeout = LIMIT_HOOK_SECONDS,
		.post = p->document,
		.type = "application/json",
		.user = "",
		.name = "limit.webhook",
	};
	struct buf answer = { 0 };
	struct err e = ERR_INIT;
	unsigned status = fetch_any(&f, &answer, &e);

	if (status == 0)
		log_error("limit_webhook", LOG_ERR(&e));
	else if (status / 100 != 2)
		log_error("limit_webhook", LOG_UINT("status", status));
	buf_fini(&answer);
}

static struct post *
next_post(struct limit_hook *h)
{
	struct post *p;

	pthread_mutex_lock(&h->lock);
	while (!h->first && !h->stopping)
		pthread_cond_wait(&h->more, &h->lock);
	p = h->stopping ? NULL : h->first;
	if (p) {
		h->first = p->next;
		h->waiting--;
		if (!h->first)
			h->last = &h->first;
	}
	pthread_mutex_unlock(&h->lock);
	return p;
}

static void *
work(void *arg)
{
	struct post *p;

	while ((p = next_post(arg))) {
		send_post(p);
		free_post(p);
	}
	return NULL;
}

/* ------------------------------------------------------------------------
 * Use
 */

struct limit_hook *
limit_hook_new(void)
{
	struct limit_hook *h = mem_zalloc(sizeof(*h));

	h->last = &h->first;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->more, NULL);
	return h;
}

void
limit_hook_free(struct limit_hook **hp)
{
	struct limit_hook *h = *hp;

	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->stopping = true;
	pthread_cond_signal(&h->more);
	pthread_mutex_unlock(&h->lock);
	if (h->running)
		pthread_join(h->thread, NULL);
	while (h->first) {
		struct post *p = h->first;

		h->first = p->next;
		free_post(p);
	}
	pthread_cond_destroy(&h->more);
	pthread_mutex_destroy(&h->lock);
	free(h);
	*hp = NULL;
}

static struct post *
new_post(const char *url, const struct limit_over *over, int64_t now)
{
	struct post *p = mem_zalloc(sizeof(*p));

	p->url = mem_strdup(url);
	p->document = document_of(over, now);
	return p;
}

static bool
queue(struct limit_hook *h, struct post *p, struct err *e)
{
	if (!h->running)
		h->running = pthread_create(&h->thread, NULL, work, h) == 0;
	if (!h->running || h->waiting >= LIMIT_HOOK_MAX) {
		err_set(e, "%s",
		    h->running ? "too many calls of limit.webhook wait"
			       : "cannot start a thread");
		return false;
	}
	*h->last = p;
	h->last = &p->next;
	h->waiting++;
	pthread_cond_signal(&h->more);
	return true;
}

bool
limit_hook_put(struct limit_hook *h, const char *url,
    const struct limit_over *over, int64_t now, struct err *e)
{
	struct post *p = new_post(url, over, now);
	bool ok;

	pthread_mutex_lock(&h->lock);
	ok = queue(h, p, e);
	pthread_mutex_unlock(&h->lock);
	if (!ok)
		free_post(p);
	return ok;
}
