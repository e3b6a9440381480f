/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "dns/internal.h"

/* What stands in a record (RFC 1035, section 3.3; RFC 3596, section 2.2). */

static void
map_ipv4(struct str four, struct in6_addr *out)
{
	*out = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
	memcpy(out->s6_addr + 12, four.p, 4);
}

bool
dns_rdata_addr(struct str rdata, struct in6_addr *out)
{
	if (rdata.n == 4)
		map_ipv4(rdata, out);
	else if (rdata.n == sizeof(*out))
		memcpy(out, rdata.p, sizeof(*out));
	else
		return false;
	return true;
}

/* An octet that counts, and so many behind it. */
static bool
take_counted(struct str *rest, struct str *out)
{
	size_t n;

	if (rest->n == 0)
		return false;
	n = (unsigned char)rest->p[0];
	if (n > rest->n - 1)
		return false;
	*out = str_sub(*rest, 1, n);
	*rest = str_sub(*rest, n + 1, STR_NPOS);
	return true;
}

bool
dns_rdata_txt(struct arena *a, struct str rdata, struct str *out)
{
	char *text = arena_alloc(a, rdata.n + 1);
	struct str rest = rdata, part;
	size_t n = 0;

	while (take_counted(&rest, &part)) {
		if (part.n)
			memcpy(text + n, part.p, part.n);
		n += part.n;
	}
	*out = (struct str){ text, n };
	return rdata.n > 0 && rest.n == 0;
}

bool
dns_rdata_name(struct arena *a, struct str rdata, struct str *out)
{
	char *name = arena_alloc(a, DNS_NAME_MAX + 2);
	struct str rest = rdata, label;
	size_t n = 0;

	while (take_counted(&rest, &label) && label.n > 0) {
		if (label.n > DNS_LABEL_MAX || n + label.n > DNS_NAME_MAX ||
		    str_chr(label, '.') != STR_NPOS)
			return false;
		memcpy(name + n, label.p, label.n);
		n += label.n;
		name[n++] = '.';
	}
	/* The last octet is that of the root, and nothing may follow it. */
	if (rest.n > 0 || rdata.n == 0 || rdata.n != n + 1)
		return false;
	*out = (struct str){ name, n ? n - 1 : 0 };
	name[out->n] = '\0';
	return true;
}

bool
dns_rdata_mx(
    struct arena *a, struct str rdata, uint16_t *preference, struct str *host)
{
	if (rdata.n < 3)
		return false;
	*preference = (uint16_t)((unsigned char)rdata.p[0] << 8 |
				 (unsigned char)rdata.p[1]);
	return dns_rdata_name(a, str_sub(rdata, 2, STR_NPOS), host);
}

bool
dns_rdata_srv(
    struct arena *a, struct str rdata, uint16_t *port, struct str *host)
{
	if (rdata.n < 7)
		return false;
	*port = (uint16_t)((unsigned char)rdata.p[4] << 8 |
			   (unsigned char)rdata.p[5]);
	return dns_rdata_name(a, str_sub(rdata, 6, STR_NPOS), host);
}

/* ------------------------------------------------------------------------
 * Addresses in names
 */

static struct str
reversed_ipv4(struct arena *a, const uint8_t *b, struct str zone)
{
	return arena_printf(
	    a, "%d.%d.%d.%d.%.*s", b[3], b[2], b[1], b[0], STR_ARG(zone));
}

static struct str
reversed_ipv6(struct arena *a, const uint8_t *b, struct str zone)
{
	static const char digits[] = "0123456789abcdef";
	char *name = arena_alloc(a, 64 + zone.n + 1), *p = name;

	for (size_t i = 16; i-- > 0;) {
		*p++ = digits[b[i] & 15];
		*p++ = '.';
		*p++ = digits[b[i] >> 4];
		*p++ = '.';
	}
	if (zone.n)
		memcpy(p, zone.p, zone.n);
	return (struct str){ name, 64 + zone.n };
}

struct str
dns_reversed(struct arena *a, const struct in6_addr *addr, struct str zone)
{
	if (IN6_IS_ADDR_V4MAPPED(addr))
		return reversed_ipv4(a, addr->s6_addr + 12, zone);
	return reversed_ipv6(a, addr->s6_addr, zone);
}

struct str
dns_reverse_name(struct arena *a, const struct in6_addr *addr)
{
	bool ipv4 = IN6_IS_ADDR_V4MAPPED(addr);

	return dns_reversed(
	    a, addr, ipv4 ? STR("in-addr.arpa") : STR("ip6.arpa"));
}
