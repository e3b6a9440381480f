/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_ANTIVIRUS_H
#define FILTER_ANTIVIRUS_H

#include "base/err.h"
#include "base/str.h"

/*
 * A virus scanner that speaks clamd's protocol: ours (scand) or any clamd. The
 * message goes to it as it comes (zINSTREAM), so that at its end there is
 * nothing to wait for but the answer.
 *
 * A verdict is remembered by the hash of the message, since a mailing comes
 * many times; all are forgotten when the scanner has other signatures, which
 * is found out within a minute, and after an hour. What was found is forgotten
 * too: it may have been a mistake of the old ones.
 */

enum scan_result {
	SCAN_CLEAN,
	SCAN_FOUND,
	SCAN_TOO_LARGE, /* over the limit: not scanned */
	SCAN_FAILED,    /* no scanner, no answer in time, or an ERROR */
};
const char *scan_result_name(enum scan_result r);

struct antivirus_options {
	const char *server; /* "unix:/PATH" or "HOST:PORT" */
	unsigned timeout;   /* seconds of waiting for it, all together */
	uint64_t max_size;  /* octets; 0: no limit */
	unsigned cache;     /* verdicts remembered; 0: none */
};
struct antivirus;
struct antivirus *antivirus_new(void);
void antivirus_free(struct antivirus **av);

/* One message. Any thread, one at a time. The strings of O must last. */
struct scan;
struct scan *scan_new(struct antivirus *av, const struct antivirus_options *o);
/* A scanner that stops reading does not block longer than the timeout. */
void scan_add(struct scan *s, struct str chunk);
/* NAME: what was found. E: why it failed. */
enum scan_result scan_end(struct scan *s, char name[static 128], struct err *e);
void scan_free(struct scan **s);

/* "ClamAV 1.4.6/27000/..." of the server; false: it does not answer. */
bool antivirus_version(
    const struct antivirus_options *o, char out[static 128], struct err *e);

#endif
