/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_ALIAS_H
#define SITE_ALIAS_H

#include "site/internal.h"

/* Aliases as site_resolve() reads them. */

struct alias_row {
	int64_t id;
	bool disabled;
};
enum site_rc alias_row_get(
    struct sq *q, struct str key, struct alias_row *out, struct err *e);
enum site_rc alias_targets(struct sq *q, struct arena *a, int64_t id,
    struct str **list, size_t *count, struct err *e);

#endif
