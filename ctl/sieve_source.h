/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CTL_SIEVE_SOURCE_H
#define CTL_SIEVE_SOURCE_H

#include "ctl/ctl.h"
#include "sieve/sieve.h"

/* Scripts and messages in files: for `mailstead sieve check`, run and test. */

#define SIEVE_FILE_MAX ((size_t)64 << 20)

/* Where include looks: "DIR/NAME.sieve", then, if BARE, "DIR/NAME". */
struct sieve_folders {
	struct arena *arena;
	struct str personal, global; /* empty: there are none */
	bool bare;
};

/* For sieve_compiler.load; ARG is a struct sieve_folders. */
enum sieve_found sieve_folders_load(
    void *arg, enum sieve_include where, struct str name, struct buf *out);

/* The file, in ARENA. False: E says why. */
bool sieve_source_read(
    struct arena *arena, struct str path, struct str *out, struct err *e);
/* The same with CRLF line ends; "-" is standard input. */
bool sieve_message_read(
    struct arena *arena, struct str path, struct str *out, struct err *e);

/* "DIR/NAME.sieve" to NAME, and to DIR ("." if there is none). */
struct str sieve_path_name(struct str path);
struct str sieve_path_folder(struct str path);

/* All but the programs and vnd.dovecot.testsuite, and what --extension (more,
 * or with '-' less) says. 0, or the failure that was reported. */
int sieve_extensions_given(struct ctl *c, struct sieve_caps *out);

#endif
