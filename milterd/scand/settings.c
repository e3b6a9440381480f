/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/settings.h"

#include <string.h>
#include <unistd.h>

/* libclamav takes sizes and counts as 32-bit numbers in places. */
#define SIZE_LIMIT (2047ULL << 20)
#define COUNT_LIMIT 1000000
#define SCANNERS_LIMIT 256

static bool
read_namespaces(const struct conf *c, enum namespaces *out, struct err *e)
{
	static const char *const words[] = { [NAMESPACES_AUTO] = "auto",
		[NAMESPACES_YES] = "yes",
		[NAMESPACES_NO] = "no" };
	const char *value = conf_get(c, "scand.namespaces");

	for (size_t i = 0; i < LEN(words); i++) {
		if (strcmp(value, words[i]) == 0) {
			*out = (enum namespaces)i;
			return true;
		}
	}
	err_set(
	    e, "scand.namespaces \"%s\" is none of yes, no and auto", value);
	return false;
}

/* The value of KEY, which may be LEAST to MOST. */
static uint64_t
within(const struct conf *c, const char *key, uint64_t least, uint64_t most,
    struct err *e)
{
	uint64_t v = conf_size(c, key);

	if (v < least || v > most)
		err_set(e, "%s is %llu, it may be %llu to %llu", key,
		    (unsigned long long)v, (unsigned long long)least,
		    (unsigned long long)most);
	return v;
}

static unsigned
count(const struct conf *c, const char *key, uint64_t least, uint64_t most,
    struct err *e)
{
	return (unsigned)within(c, key, least, most, e);
}

static unsigned
cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > SCANNERS_LIMIT ? SCANNERS_LIMIT : (unsigned)n;
}

static void
read_limits(const struct conf *c, struct settings *s, struct err *e)
{
	s->max_stream = within(c, "scand.max_stream", 1, SIZE_LIMIT, e);
	s->max_scan_size = within(c, "scand.max_scan_size", 1, SIZE_LIMIT, e);
	s->max_file_size = within(c, "scand.max_file_size", 1, SIZE_LIMIT, e);
	s->max_files = count(c, "scand.max_files", 1, COUNT_LIMIT, e);
	s->max_recursion = count(c, "scand.max_recursion", 1, 100, e);
	s->max_scan_time = count(c, "scand.max_scan_time", 1, 86400, e);
	s->spool_memory =
	    within(c, "scand.spool_memory", s->max_stream, UINT64_MAX >> 1, e);
	s->scanner_memory =
	    within(c, "scand.scanner_memory", 64 << 20, UINT64_MAX >> 1, e);
	s->temp_size = within(c, "scand.temp_size", 0, UINT64_MAX >> 1, e);
	if (s->temp_size == 0)
		s->temp_size = s->max_scan_size + s->max_file_size;
}

static void
read_times(const struct conf *c, struct settings *s, struct err *e)
{
	s->timeout = count(c, "scand.timeout", 1, 86400, e);
	s->receive_time = count(c, "scand.receive_time", 1, 86400, e);
	s->queue_time = count(c, "scand.queue_time", 0, 86400, e);
	s->settle_time = count(c, "scand.settle_time", 0, 3600, e);
	s->check_time = count(c, "scand.check_time", 1, 86400, e);
}

bool
settings_read(const struct conf *c, struct settings *s, struct err *e)
{
	*e = (struct err)ERR_INIT;
	s->database = conf_get(c, "scand.database");
	s->temp_dir = conf_get(c, "scand.temp_dir");
	s->scanners = count(c, "scand.scanners", 0, SCANNERS_LIMIT, e);
	if (s->scanners == 0)
		s->scanners = cores();
	s->alert_limits = conf_bool(c, "scand.alert_limits");
	s->alert_encrypted = conf_bool(c, "scand.alert_encrypted");
	s->alert_macros = conf_bool(c, "scand.alert_macros");
	s->alert_unwanted = conf_bool(c, "scand.alert_unwanted");
	read_limits(c, s, e);
	read_times(c, s, e);
	return !*e->msg && read_namespaces(c, &s->namespaces, e);
}
