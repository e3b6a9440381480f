/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_SECTION_H
#define IMAPD_SECTION_H

#include "imapd/fetch_items.h"
#include "mime/mime.h"
#include "store/store.h"

/* Where in the message the octets of BODY[...] are. */
struct section {
	bool nil;    /* no such part, or it has no such form */
	bool fields; /* `range` is a header block to be filtered */
	struct mime_range range;
	enum mime_cte cte; /* to be undone, for BINARY */
};

/* META->layout is looked at unless the item is BODY[]; SIZE is the
 * message's. Partial ranges are applied, save to fields. */
void section_find(const struct fetch_item *it, const struct email_meta *meta,
    uint64_t size, struct section *out);

/* HEADER.FIELDS and .NOT: the fields wanted, and an empty line. */
void section_fields(
    struct buf *out, const struct fetch_item *it, struct str header);

#endif
