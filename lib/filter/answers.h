/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_ANSWERS_H
#define FILTER_ANSWERS_H

#include "filter/antivirus.h"
#include "filter/spam.h"

/*
 * What scanners answer, read apart from how it came. SERVER is for sentences.
 * Names in an answer are a stranger's text: they come out as printable ASCII,
 * and bounded.
 */

#define SPAMD_ANSWER_MAX (256 * 1024) /* octets */

/* clamd's line without its end; of zINSTREAM and of zVERSION. */
enum scan_result clamd_answer(
    const char *server, struct str line, char name[static 128], struct err *e);
bool clamd_version(
    const char *server, struct str line, char out[static 128], struct err *e);

/* SPAMD/1.x CODE NAME, fields, and a body. */
struct spamd_answer {
	struct str said; /* behind the code: "EX_OK", "PONG" */
	struct str spam; /* of the field Spam */
	bool did;        /* there is DidSet or DidRemove */
	struct str body;
};
/* False, with the server's reason, unless the code is 0. */
bool spamd_answer(const char *server, struct str text, struct spamd_answer *out,
    struct err *e);
/* "True ; 1000.0 / 5.0" and names of rules. */
bool spamd_verdict(const char *server, const struct spamd_answer *r,
    struct arena *a, struct spam_verdict *out, struct err *e);

/* rspamd's JSON of /checkv2; and of an error, as a sentence. */
bool rspamd_verdict(const char *server, struct str json, struct arena *a,
    struct spam_verdict *out, struct err *e);
void rspamd_complaint(
    const char *server, unsigned status, struct str json, struct err *e);
/* It had learned that before. */
bool rspamd_knows(unsigned status, struct str json);

#endif
