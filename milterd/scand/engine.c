/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/engine.h"

#include <clamav.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "milterd/scand/canary.h"

struct engine {
	struct cl_engine *cl;
	struct cl_scan_options options;
	unsigned signatures;
	char version[128];
};

/* ------------------------------------------------------------------------
 * What libclamav complains about. It gives the callback no way to tell whose
 * call it belongs to; there is one thread.
 */

static struct {
	char last[200]; /* error of any kind */
	char grave[200];
	bool excused;
} complaints;

/* Words of complaints after which "clean" means nothing: no file, no room, no
 * memory. Others are about what the mail holds, and a stranger chooses it. */
static const char *const file_words[] = { "temporary", "tempfile", "gentemp",
	"temp file", "temp dir", "tmp", "write", "creat", "mkdir", "no space",
	"file descriptor", "too many open", "read-only", "permission denied",
	NULL };
static const char *const memory_words[] = { "alloc", "memory", NULL };

/* The mail says that it takes more memory than libclamav ever gives: no fault
 * of this host, nor is the failure that the next complaint is about. */
#define EXCUSE "too large to scan"

static bool
mentions(const char *message, const char *const *words)
{
	for (; *words; words++) {
		if (strcasestr(message, *words))
			return true;
	}
	return false;
}

static bool
is_grave(const char *message)
{
	if (strstr(message, EXCUSE))
		complaints.excused = true;
	return mentions(message, file_words) ||
	       (!complaints.excused && mentions(message, memory_words));
}

static void
keep(char *to, size_t size, const char *message)
{
	snprintf(to, size, "%.*s", (int)strcspn(message, "\r\n"), message);
}

static void
on_message(
    enum cl_msg severity, const char *full, const char *message, void *context)
{
	(void)full;
	(void)context;
	if (severity < CL_MSG_WARN)
		return;
	if (severity >= CL_MSG_ERROR)
		keep(complaints.last, sizeof(complaints.last), message);
	if (!*complaints.grave && is_grave(message))
		keep(complaints.grave, sizeof(complaints.grave), message);
}

static void
forget_complaints(void)
{
	complaints.last[0] = complaints.grave[0] = '\0';
	complaints.excused = false;
}

static bool
refuse(struct err *e, const char *what, cl_error_t rc)
{
	err_set(e, "%s: %s%s%s", what, cl_strerror(rc),
	    *complaints.last ? "; " : "", complaints.last);
	return false;
}

/* ------------------------------------------------------------------------
 * Loading
 */

static bool
set_limits(struct cl_engine *cl, const struct settings *s, struct err *e)
{
	const struct {
		enum cl_engine_field field;
		uint64_t value;
	} limits[] = {
		{ CL_ENGINE_MAX_SCANSIZE, s->max_scan_size },
		{ CL_ENGINE_MAX_FILESIZE, s->max_file_size },
		{ CL_ENGINE_MAX_RECURSION, s->max_recursion },
		{ CL_ENGINE_MAX_FILES, s->max_files },
		{ CL_ENGINE_MAX_SCANTIME, s->max_scan_time * 1000ULL },
		/* Memory that is written is not executed. */
		{ CL_ENGINE_BYTECODE_MODE, CL_BYTECODE_MODE_INTERPRETER },
	};

	for (size_t i = 0; i < LEN(limits); i++) {
		cl_error_t rc = cl_engine_set_num(
		    cl, limits[i].field, (long long)limits[i].value);

		if (rc != CL_SUCCESS)
			return refuse(e, "a limit of libclamav", rc);
	}
	return true;
}

static struct cl_scan_options
options(const struct settings *s)
{
	struct cl_scan_options o = { .general = CL_SCAN_GENERAL_HEURISTICS,
		.parse = ~0U };

	if (s->alert_limits)
		o.heuristic |= CL_SCAN_HEURISTIC_EXCEEDS_MAX;
	if (s->alert_encrypted)
		o.heuristic |= CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE |
			       CL_SCAN_HEURISTIC_ENCRYPTED_DOC;
	if (s->alert_macros)
		o.heuristic |= CL_SCAN_HEURISTIC_MACROS;
	return o;
}

static bool
load_databases(struct engine *g, const struct settings *s, const char *canary,
    struct err *e)
{
	unsigned flags = CL_DB_STDOPT, ignored = 0;
	cl_error_t rc;

	if (s->alert_unwanted)
		flags |= CL_DB_PUA;
	rc = cl_load(s->database, g->cl, &g->signatures, flags);
	if (rc != CL_SUCCESS)
		return refuse(e, s->database, rc);
	if (g->signatures == 0) {
		err_set(e, "%s holds no signatures", s->database);
		return false;
	}
	rc = cl_load(canary, g->cl, &ignored, flags);
	if (rc == CL_SUCCESS)
		rc = cl_engine_compile(g->cl);
	return rc == CL_SUCCESS || refuse(e, "cannot compile signatures", rc);
}

static void
write_version(struct engine *g)
{
	long long number = cl_engine_get_num(g->cl, CL_ENGINE_DB_VERSION, NULL);
	time_t when = (time_t)cl_engine_get_num(g->cl, CL_ENGINE_DB_TIME, NULL);
	char date[64] = "";
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", &tm);
	snprintf(g->version, sizeof(g->version), "ClamAV %s", cl_retver());
	if (number > 0)
		snprintf(g->version, sizeof(g->version), "ClamAV %s/%lld/%s",
		    cl_retver(), number, date);
}

static bool
load(struct engine *g, const struct settings *s, const char *scratch,
    const char *canary, struct err *e)
{
	cl_error_t rc = cl_init(CL_INIT_DEFAULT);

	if (rc != CL_SUCCESS)
		return refuse(e, "cannot initialise libclamav", rc);
	g->cl = cl_engine_new();
	if (!g->cl)
		return refuse(e, "cannot make an engine", CL_EMEM);
	return engine_set_temp(g, scratch, e) && set_limits(g->cl, s, e) &&
	       canary_write(canary, e) && load_databases(g, s, canary, e);
}

bool
engine_load(const struct settings *s, const char *scratch, struct engine **out,
    struct err *e)
{
	struct engine *g = mem_zalloc(sizeof(*g));
	struct buf canary = { 0 };
	bool ok;

	cl_set_clcb_msg(on_message);
	forget_complaints();
	g->options = options(s);
	buf_printf(&canary, "%s/canary.ndb", scratch);
	ok = load(g, s, scratch, buf_cstr(&canary), e);
	buf_fini(&canary);
	if (ok)
		write_version(g);
	*out = g;
	return ok;
}

unsigned
engine_signatures(const struct engine *g)
{
	return g->signatures;
}

const char *
engine_version(const struct engine *g)
{
	return g->version;
}

/* ------------------------------------------------------------------------
 * Scanning
 */

bool
engine_set_temp(struct engine *g, const char *dir, struct err *e)
{
	cl_error_t rc = cl_engine_set_str(g->cl, CL_ENGINE_TMPDIR, dir);

	return rc == CL_SUCCESS || refuse(e, dir, rc);
}

/* libclamav does not name what is too long from the start. */
#define TOO_LONG "Heuristics.Limits.Exceeded.MaxFileSize"

static void
judge(cl_error_t rc, const char *name, struct finding *out)
{
	if (rc == CL_VIRUS) {
		out->verdict = VERDICT_FOUND;
		keep(out->text, sizeof(out->text), name ? name : TOO_LONG);
	} else if (rc != CL_CLEAN) {
		out->verdict = VERDICT_ERROR;
		keep(out->text, sizeof(out->text), cl_strerror(rc));
	} else if (*complaints.grave) {
		out->verdict = VERDICT_ERROR;
		keep(out->text, sizeof(out->text), complaints.grave);
	} else {
		out->verdict = VERDICT_CLEAN;
		out->text[0] = '\0';
	}
}

void
engine_scan(struct engine *g, struct str data, struct finding *out)
{
	struct cl_scan_options o = g->options;
	const char *name = NULL;
	unsigned long scanned = 0;
	cl_fmap_t *map;
	cl_error_t rc;

	forget_complaints();
	if (data.n == 0) { /* libclamav makes no map of nothing */
		judge(CL_CLEAN, NULL, out);
		return;
	}
	map = cl_fmap_open_memory(data.p, data.n);
	if (!map) {
		judge(CL_EMAP, NULL, out);
		return;
	}
	rc = cl_scanmap_callback(map, NULL, &name, &scanned, g->cl, &o, NULL);
	judge(rc, name, out);
	cl_fmap_close(map);
}

bool
engine_prove(struct engine *g, struct err *e)
{
	struct finding f;

	engine_scan(g, canary_sample(), &f);
	if (f.verdict == VERDICT_FOUND &&
	    str_starts(str_of(f.text), STR(CANARY_NAME)))
		return true;
	err_set(e, "the canary was not found%s%s", *f.text ? ": " : "",
	    *f.text            ? f.text
	    : *complaints.last ? complaints.last
			       : "");
	return false;
}
