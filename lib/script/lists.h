/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCRIPT_LISTS_H
#define SCRIPT_LISTS_H

#include "script/host.h"

/*
 * Lists that scripts may name (RFC 6134):
 *
 *	:addrbook:NAME    the addresses in an address book of the account;
 *	                  "default" is its first one
 *	:domains          addresses in, and names of, domains of this site
 *	:accounts         addresses that lead to accounts of the owner's domain
 */
enum sieve_answer lists_valid(struct script_host *h, struct str list);
enum sieve_answer lists_contain(
    struct script_host *h, struct str list, struct str value);
/* Only those of address books can be listed. */
enum sieve_answer lists_members(struct script_host *h, struct arena *arena,
    struct str list, struct str **out, size_t *count);

#endif
