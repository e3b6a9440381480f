/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * The bootstrap configuration (mailstead.conf(5)): "key = value" lines for
 * what must be known before the site database can be opened. Every key can
 * also be given as MAILSTEAD_KEY in the environment, which wins. Keys may
 * stand in a [section]: "listen" in [imapd] is the key "imapd.listen" and
 * MAILSTEAD_IMAPD_LISTEN. Everything else is a setting in site.db.
 *
 * All keys with defaults and one-line descriptions are rows of one table in
 * conf.c; an unknown key in the file is an error that names the line.
 */
struct conf;

/* PATH NULL: MAILSTEAD_CONF, else SYSCONFDIR/mailstead/mailstead.conf. */
bool conf_load(const char *path, struct conf **out, struct err *e);
void conf_free(struct conf **c);

/* The value or its default; never NULL for a key of the table. */
const char *conf_get(const struct conf *c, const char *key);
/* The key "hostname", or the machine's name where that is empty. */
const char *conf_hostname(const struct conf *c);
bool conf_bool(const struct conf *c, const char *key);
uint64_t conf_uint(const struct conf *c, const char *key);
uint64_t conf_size(const struct conf *c, const char *key);
uint64_t conf_duration(const struct conf *c, const char *key);
const char *conf_path(const struct conf *c); /* the file it came from */

struct conf_key {
	const char *name;
	const char *value; /* default */
	enum { CONF_TEXT, CONF_BOOL, CONF_UINT, CONF_SIZE, CONF_DURATION } type;
	const char *help;
};
/* The table, ended by a NULL name: for documentation and doctor. */
const struct conf_key *conf_keys(void);

#endif
