/* SPDX-License-Identifier: BSD-2-Clause */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "fetch/fetch.h"

/*
 * Addresses that are somebody's own (RFC 6890): a request that a user can
 * cause must not go there, where it might be taken for one of ours.
 */

static const struct {
	uint32_t net;
	unsigned bits;
} v4[] = {
	{ 0x00000000, 8 },  /* this network */
	{ 0x0a000000, 8 },  /* private */
	{ 0x64400000, 10 }, /* shared with a provider */
	{ 0x7f000000, 8 },  /* loopback */
	{ 0xa9fe0000, 16 }, /* link-local; clouds' metadata */
	{ 0xac100000, 12 }, /* private */
	{ 0xc0000000, 24 }, /* protocol assignments */
	{ 0xc0000200, 24 }, /* documentation */
	{ 0xc0586300, 24 }, /* 6to4 relays */
	{ 0xc0a80000, 16 }, /* private */
	{ 0xc6120000, 15 }, /* benchmarks */
	{ 0xc6336400, 24 }, /* documentation */
	{ 0xcb007100, 24 }, /* documentation */
	{ 0xe0000000, 3 },  /* multicast, reserved, broadcast */
};

static bool
v4_public(uint32_t a)
{
	for (size_t i = 0; i < LEN(v4); i++) {
		if ((a ^ v4[i].net) >> (32 - v4[i].bits) == 0)
			return false;
	}
	return true;
}

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

/* Only 2000::/3 is given out; in it are ways to IPv4, and some that are not
 * for use. */
static bool
v6_public(const uint8_t *b)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };

	if (memcmp(b, mapped, 12) == 0 || memcmp(b, nat64, 12) == 0)
		return v4_public(get_u32(b + 12));
	if (b[0] == 0x20 && b[1] == 0x02)
		return v4_public(get_u32(b + 2));
	if (b[0] == 0x20 && b[1] == 0x01 &&
	    ((b[2] & 0xfe) == 0 || (b[2] == 0x0d && b[3] == 0xb8)))
		return false;
	return (b[0] & 0xe0) == 0x20;
}

bool
fetch_is_public(const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&in, sa, sizeof(in));
		return v4_public(ntohl(in.sin_addr.s_addr));
	case AF_INET6:
		memcpy(&in6, sa, sizeof(in6));
		return v6_public(in6.sin6_addr.s6_addr);
	}
	return false;
}
