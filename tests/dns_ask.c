/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/mem.h"
#include "dns/dns.h"

/*
 *	dns_ask [forward=SERVERS] [anchor=FILE] [timeout=MS] [pending=N]
 *		[entries=N] [bytes=N] [min_ttl=S] [max_ttl=S]
 *
 * lib/dns, for tests. Lines of the input are fields with tabs between them:
 *
 *	ask TYPE NAME
 *		answered by: rc, secure, bogus, TTL, data in hex
 *	many N TYPE NAME
 *		asked by N threads at once; the first one's answer
 *	each TYPE NAME...
 *		each by a thread of its own; how many were answered
 *	prefetch TYPE NAME
 *	flush
 *	stats
 *	bench THREADS MS TYPE NAME
 *		how many answers a second; "#" in NAME becomes a number that is
 *		different each time
 */

#define MAX_THREADS 1024
#define MAX_FIELDS (MAX_THREADS + 2)

static struct dns *dns;

static enum dns_type
type_of(const char *name)
{
	static const enum dns_type types[] = { DNS_A, DNS_NS, DNS_CNAME,
		DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA, DNS_TLSA };

	for (size_t i = 0; i < LEN(types); i++) {
		if (strcmp(dns_type_name(types[i]), name) == 0)
			return types[i];
	}
	exit(2);
}

/* ------------------------------------------------------------------------
 * Askers
 */

struct asker {
	pthread_t thread;
	const char *type, *name;
	struct arena *arena;
	struct dns_answer answer;
	int64_t until; /* clock_mono_ms(); 0: once */
	unsigned number;
	uint64_t count;
};

/* NAME with something new at its "#". */
static struct str
fresh_name(struct asker *k)
{
	const char *at = strchr(k->name, '#');

	if (!at)
		return str_of(k->name);
	return arena_printf(k->arena, "%.*s%u-%llu%s", (int)(at - k->name),
	    k->name, k->number, (unsigned long long)k->count, at + 1);
}

static void *
run(void *arg)
{
	struct asker *k = arg;
	enum dns_type type = type_of(k->type);

	do {
		arena_reset(k->arena);
		dns_ask(dns_resolver(dns), k->arena, fresh_name(k), type,
		    &k->answer);
		k->count += k->answer.rc != DNS_FAILED;
	} while (clock_mono_ms() < k->until);
	return NULL;
}

static struct asker askers[MAX_THREADS];

static void
begin(unsigned i, const char *type, const char *name, int64_t until)
{
	struct asker *k = &askers[i];

	*k = (struct asker){ .type = type,
		.name = name,
		.arena = arena_new(),
		.until = until,
		.number = i };
	if (pthread_create(&k->thread, NULL, run, k) != 0)
		exit(3);
}

static uint64_t
end(unsigned n)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < n; i++) {
		pthread_join(askers[i].thread, NULL);
		count += askers[i].count;
	}
	return count;
}

static void
release(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		arena_free(&askers[i].arena);
}

/* ------------------------------------------------------------------------
 * Commands
 */

static void
print_answer(const struct dns_answer *a)
{
	struct buf hex = { 0 };

	for (size_t i = 0; i < a->n; i++) {
		buf_putc(&hex, '\t');
		hex_encode(&hex, a->rdata[i].p, a->rdata[i].n);
	}
	printf("%s\t%d\t%d\t%u%s\n", dns_rc_name(a->rc), a->secure, a->bogus,
	    a->ttl, buf_cstr(&hex));
	if (a->why)
		fprintf(stderr, "%s\n", a->why);
	buf_fini(&hex);
}

static void
many(unsigned n, const char *type, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		begin(i, type, name, 0);
	end(n);
	print_answer(&askers[0].answer);
	release(n);
}

static void
each(char **names, unsigned n, const char *type)
{
	for (unsigned i = 0; i < n; i++)
		begin(i, type, names[i], 0);
	printf("%llu\n", (unsigned long long)end(n));
	release(n);
}

static void
bench(char **f)
{
	unsigned n = (unsigned)atoi(f[1]);
	int64_t start = clock_mono_ms(), spent;
	uint64_t count;

	for (unsigned i = 0; i < n; i++)
		begin(i, f[3], f[4], start + atoi(f[2]));
	count = end(n);
	spent = clock_mono_ms() - start;
	printf("%lld\n", (long long)count * 1000 / (spent ? spent : 1));
	release(n);
}

static void
print_stats(void)
{
	struct dns_stats s;

	dns_stats(dns, &s);
	printf("{\"asked\": %llu, \"from_cache\": %llu, \"shared\": %llu, "
	       "\"sent\": %llu, \"failed\": %llu, \"timeouts\": %llu, "
	       "\"bogus\": %llu, \"pending\": %u, \"cached\": %u}\n",
	    (unsigned long long)s.asked, (unsigned long long)s.from_cache,
	    (unsigned long long)s.shared, (unsigned long long)s.sent,
	    (unsigned long long)s.failed, (unsigned long long)s.timeouts,
	    (unsigned long long)s.bogus, s.pending, s.cached);
}

static void
obey(char **f, unsigned n)
{
	if (strcmp(f[0], "ask") == 0 && n == 3)
		many(1, f[1], f[2]);
	else if (strcmp(f[0], "many") == 0 && n == 4)
		many((unsigned)atoi(f[1]), f[2], f[3]);
	else if (strcmp(f[0], "each") == 0 && n > 2)
		each(f + 2, n - 2, f[1]);
	else if (strcmp(f[0], "bench") == 0 && n == 5)
		bench(f);
	else if (strcmp(f[0], "stats") == 0)
		print_stats();
	else if (strcmp(f[0], "prefetch") == 0 && n == 3)
		dns_prefetch(dns_resolver(dns), str_of(f[2]), type_of(f[1]));
	else if (strcmp(f[0], "flush") == 0)
		dns_flush(dns);
	else
		exit(2);
	fflush(stdout);
}

static void
obey_line(char *line)
{
	static char *fields[MAX_FIELDS];
	unsigned n = 0;
	char *field;

	line[strcspn(line, "\n")] = '\0';
	while (n < MAX_FIELDS && (field = strsep(&line, "\t")) != NULL)
		fields[n++] = field;
	obey(fields, n);
}

/* ------------------------------------------------------------------------
 * Options
 */

static const char *
text_option(int argc, char **argv, const char *name)
{
	size_t n = strlen(name);

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=')
			return argv[i] + n + 1;
	}
	return NULL;
}

static unsigned
option(int argc, char **argv, const char *name)
{
	const char *text = text_option(argc, argv, name);

	return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

int
main(int argc, char **argv)
{
	struct dns_options o = {
		.forward = text_option(argc, argv, "forward"),
		.resolv_conf = text_option(argc, argv, "resolv_conf"),
		.trust_anchor = text_option(argc, argv, "anchor"),
		.timeout_ms = option(argc, argv, "timeout"),
		.max_pending = option(argc, argv, "pending"),
		.cache_entries = option(argc, argv, "entries"),
		.cache_bytes = option(argc, argv, "bytes"),
		.min_ttl = option(argc, argv, "min_ttl"),
		.max_ttl = option(argc, argv, "max_ttl"),
	};
	struct err e = ERR_INIT;
	char *line = NULL;
	size_t cap = 0;

	if (!dns_new(&o, &dns, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	while (getline(&line, &cap, stdin) > 0)
		obey_line(line);
	free(line);
	dns_free(&dns);
	return 0;
}
