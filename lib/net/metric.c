/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/metric.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/daemon.h"

struct metric {
	struct metric *next;
	char *name, *labels, *help;
	const char *type;
	_Atomic double value;
	double (*read)(void *arg); /* instead of value */
	void *arg;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct metric *all, **tail = &all;

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* One of the same name stands beside the others: the format wants them
 * together. */
static void
insert(struct metric *m)
{
	struct metric **at = tail;

	for (struct metric **p = &all; *p; p = &(*p)->next) {
		if (strcmp((*p)->name, m->name) == 0)
			at = &(*p)->next;
	}
	m->next = *at;
	*at = m;
	if (at == tail)
		tail = &m->next;
}

static struct metric *
get(const char *name, const char *labels, const char *help, const char *type)
{
	struct metric *m;

	pthread_mutex_lock(&lock);
	for (m = all; m; m = m->next) {
		if (strcmp(m->name, name) == 0 && same_text(m->labels, labels))
			break;
	}
	if (!m) {
		m = mem_zalloc(sizeof(*m));
		m->name = mem_strdup(name);
		m->labels = labels ? mem_strdup(labels) : NULL;
		m->help = mem_strdup(help);
		m->type = type;
		insert(m);
	}
	pthread_mutex_unlock(&lock);
	return m;
}

struct metric *
metric_counter(const char *name, const char *labels, const char *help)
{
	return get(name, labels, help, "counter");
}

void
metric_add(struct metric *m, double value)
{
	double old = atomic_load(&m->value);

	while (!atomic_compare_exchange_weak(&m->value, &old, old + value))
		continue;
}

void
metric_read(const char *name, const char *labels, const char *help,
    const char *type, double (*read)(void *arg), void *arg)
{
	struct metric *m = get(name, labels, help, type);

	pthread_mutex_lock(&lock);
	m->read = read;
	m->arg = arg;
	pthread_mutex_unlock(&lock);
}

void
metric_gauge(const char *name, const char *labels, const char *help,
    double (*read)(void *arg), void *arg)
{
	metric_read(name, labels, help, "gauge", read, arg);
}

static void
put(struct buf *out, const struct metric *m)
{
	double v = m->read ? m->read(m->arg) : m->value;

	buf_puts(out, m->name);
	if (m->labels)
		buf_printf(out, "{%s}", m->labels);
	if (v == floor(v) && fabs(v) < 1e15)
		buf_printf(out, " %.0f\n", v);
	else
		buf_printf(out, " %.9g\n", v);
}

void
metric_render(struct buf *out)
{
	const char *last = "";

	pthread_mutex_lock(&lock);
	for (const struct metric *m = all; m; m = m->next) {
		if (strcmp(m->name, last) != 0)
			buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name,
			    m->help, m->name, m->type);
		last = m->name;
		put(out, m);
	}
	pthread_mutex_unlock(&lock);
}

void
metric_forget(void)
{
	pthread_mutex_lock(&lock);
	while (all) {
		struct metric *m = all;

		all = m->next;
		free(m->name);
		free(m->labels);
		free(m->help);
		free(m);
	}
	tail = &all;
	pthread_mutex_unlock(&lock);
}
