/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CTL_SIEVE_H
#define CTL_SIEVE_H

#include "ctl/ctl.h"
#include "script/source.h"

/*
 * What the verbs "sieve ..." have in common. They work on the scripts of an
 * account, which is the first argument; or with --place or --domain on those
 * of the site, and then the first argument is the script.
 */

struct sieve_target {
	struct site_account acc; /* of an account, with its store; */
	struct account *account; /* NULL: of the site */
	struct site_script site; /* place, domain and name */
	struct str name;         /* of the script; empty: none is given */
	int next;                /* argument behind the name */
};

/*
 * Fill OUT from the command line; 0, or an exit status after saying what is
 * wrong. NEED_NAME: there is an argument for the name. In any case
 * sieve_target_fini().
 */
int sieve_target(struct ctl *c, bool need_name, struct sieve_target *out);
void sieve_target_fini(struct sieve_target *t);

/* How scripts of the target are compiled. OUT is good as long as it is. */
void sieve_target_source(
    struct ctl *c, const struct sieve_target *t, struct script_source *out);
/* A file, or standard input if PATH is "-"; lines end in CRLF then. */
int sieve_read_file(struct ctl *c, const char *path, struct buf *out);

/* To standard error for people, "NAME:LINE:COLUMN: error: ..." each. */
void sieve_print_diags(const struct sieve_diags *d);
json_t *sieve_diags_json(const struct sieve_diags *d);

#endif
