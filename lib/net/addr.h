/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/str.h"
#include "net/server.h"

/* An address as 16 bytes: IPv6, or IPv4 mapped into it. */
struct addr {
	uint8_t b[16];
};

bool addr_parse(struct str text, struct addr *out);
/* False if SA is neither IPv4 nor IPv6. */
bool addr_from(const struct sockaddr *sa, struct addr *out, uint16_t *port);
bool addr_is_v4(const struct addr *a);
bool addr_loopback(const struct addr *a);
/* Fill PEER's text, port and loopback. */
void addr_peer(const struct addr *a, uint16_t port, struct conn_peer *peer);

/* "192.0.2.0/24", or one address: of the 128 bits of *base *bits count. */
bool addr_network_parse(struct str text, struct addr *base, unsigned *bits);
/* The first BITS of A, then zeros. */
struct addr addr_network(const struct addr *a, unsigned bits);

/* A list of addresses and networks ("192.0.2.0/24, 2001:db8::1"). */
struct addr_list;
bool addr_list_parse(const char *text, struct addr_list **out, struct err *e);
bool addr_list_has(const struct addr_list *l, const struct addr *a);
void addr_list_free(struct addr_list **l);

/*
 * Connections by address, where IPv6 counts by /64: what one customer gets.
 * Any thread.
 */
struct addr_counts;
struct addr_counts *addr_counts_new(void);
void addr_counts_free(struct addr_counts **t);
/* Count one more unless there are MAX already. */
bool addr_counts_take(
    struct addr_counts *t, const struct addr *a, unsigned max);
void addr_counts_give(struct addr_counts *t, const struct addr *a);

#endif
