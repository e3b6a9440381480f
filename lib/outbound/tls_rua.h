/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OUTBOUND_TLS_RUA_H
#define OUTBOUND_TLS_RUA_H

#include "dns/resolver.h"

/* Who wants TLS reports about a domain: its record at _smtp._tls (RFC 8460,
 * section 3). */

#define TLS_RUA_MAX 4 /* URIs; the others get none */

struct tls_rua {
	struct str uris[TLS_RUA_MAX]; /* "mailto:...", "https://..." */
	size_t n;
};
/* False: TXT is no such record, or a malformed one. Slices of TXT. */
bool tls_rua_parse(struct str txt, struct tls_rua *out);
/* DNS_NODATA also if there are several, which is as good as none. */
enum dns_rc tls_rua_find(struct resolver *r, struct arena *a, struct str domain,
    struct tls_rua *out);

#endif
