/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_PTR_H
#define FILTER_PTR_H

#include "dns/resolver.h"

/*
 * The name of a client in the DNS (RFC 8499, "forward-confirmed reverse"): one
 * that its address leads to and that leads back to the address proves who the
 * host belongs to.
 */

#define PTR_NAMES_MAX 5 /* of one address that are looked at */

enum ptr_result {
	PTR_PROVEN,
	PTR_NONE,     /* its address has no name */
	PTR_MISMATCH, /* none of its names leads back */
	PTR_UNKNOWN,  /* the DNS does not tell now */
};
const char *ptr_result_name(enum ptr_result r);

/* *name is the proven one; of PTR_MISMATCH, the first. It lives in A. */
enum ptr_result ptr_look(struct resolver *r, struct arena *a,
    const struct in6_addr *client, struct str *name);

#endif
