/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CTL_FILTER_LIST_H
#define CTL_FILTER_LIST_H

#include "ctl/ctl.h"
#include "site/filter_list.h"

/* Opens the site and reads its lists: all entries, or those of --for. */
int filter_list_read(struct ctl *c, struct site_list_entry **list, size_t *n);
/* Whose entry it is, for people; empty: the site's. */
struct str filter_list_for(const struct site_list_entry *e);

#endif
