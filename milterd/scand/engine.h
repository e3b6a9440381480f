/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCAND_ENGINE_H
#define SCAND_ENGINE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "milterd/scand/settings.h"

/*
 * libclamav, and nothing else of scand includes it. An engine is loaded once
 * and shared by the processes forked after that; in each of them one thread
 * uses it. It is never freed: its process ends.
 */
struct engine;

/* Load the databases, and the canary's from SCRATCH, a folder of ours. The
 * settings must outlive the engine. */
bool engine_load(const struct settings *s, const char *scratch,
    struct engine **out, struct err *e);
unsigned engine_signatures(const struct engine *g);
/* "ClamAV 1.4.6/27400/Thu Nov 26 09:30:00 2026" */
const char *engine_version(const struct engine *g);

enum verdict { VERDICT_CLEAN, VERDICT_FOUND, VERDICT_ERROR };

struct finding {
	enum verdict verdict;
	char text[256]; /* the name found, or why it was not scanned */
};

/* Where temporary files go from now on. */
bool engine_set_temp(struct engine *g, const char *dir, struct err *e);
/* CLEAN is said only of what was scanned in whole, as far as libclamav lets
 * anybody know: complaints about files and memory make it an ERROR. */
void engine_scan(struct engine *g, struct str data, struct finding *out);
/* Find the canary, or tell why the engine cannot be trusted. */
bool engine_prove(struct engine *g, struct err *e);

#endif
