/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

static const uint8_t v4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
	0xff };

static void
set_v4(struct addr *a, const void *four)
{
	memcpy(a->b, v4_prefix, 12);
	memcpy(a->b + 12, four, 4);
}

bool
addr_parse(struct str text, struct addr *out)
{
	char z[INET6_ADDRSTRLEN];
	struct in_addr v4;

	if (text.n == 0 || text.n >= sizeof(z))
		return false;
	memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	if (inet_pton(AF_INET, z, &v4) == 1) {
		set_v4(out, &v4);
		return true;
	}
	return inet_pton(AF_INET6, z, out->b) == 1;
}

bool
addr_from(const struct sockaddr *sa, struct addr *out, uint16_t *port)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		set_v4(out, &in.sin_addr);
		*port = ntohs(in.sin_port);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		memcpy(out->b, &in6.sin6_addr, 16);
		*port = ntohs(in6.sin6_port);
		return true;
	}
	return false;
}

bool
addr_is_v4(const struct addr *a)
{
	return memcmp(a->b, v4_prefix, 12) == 0;
}

bool
addr_loopback(const struct addr *a)
{
	struct in6_addr in6;

	if (addr_is_v4(a))
		return a->b[12] == 127;
	memcpy(&in6, a->b, 16);
	return IN6_IS_ADDR_LOOPBACK(&in6);
}

void
addr_peer(const struct addr *a, uint16_t port, struct conn_peer *peer)
{
	bool v4 = addr_is_v4(a);

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->b + 12 : a->b, peer->address,
	    sizeof(peer->address));
	peer->port = port;
	peer->loopback = addr_loopback(a);
}

/* ------------------------------------------------------------------------
 * Networks
 */

struct network {
	struct addr a;
	unsigned bits; /* of 128 */
};

struct addr_list {
	size_t n;
	struct network *nets;
};

bool
addr_network_parse(struct str text, struct addr *base, unsigned *bits)
{
	size_t slash = str_chr(text, '/');
	uint32_t n;
	bool v4;

	if (!addr_parse(str_sub(text, 0, slash), base))
		return false;
	v4 = addr_is_v4(base);
	*bits = 128;
	if (slash == STR_NPOS)
		return true;
	if (!str_u32(str_sub(text, slash + 1, STR_NPOS), &n) ||
	    n > (v4 ? 32U : 128U))
		return false;
	*bits = v4 ? n + 96 : n;
	return true;
}

struct addr
addr_network(const struct addr *a, unsigned bits)
{
	struct addr out = { .b = { 0 } };

	memcpy(out.b, a->b, bits / 8);
	if (bits % 8 != 0)
		out.b[bits / 8] =
		    a->b[bits / 8] & (uint8_t)(0xff00 >> bits % 8);
	return out;
}

bool
addr_list_parse(const char *text, struct addr_list **out, struct err *e)
{
	struct addr_list *l = mem_zalloc(sizeof(*l));
	const char *p = text ? text : "";

	while (*(p += strspn(p, " ,\t"))) {
		struct str word = { p, strcspn(p, " ,\t") };

		l->nets = mem_array(l->nets, l->n + 1, sizeof(*l->nets));
		if (!addr_network_parse(
			word, &l->nets[l->n].a, &l->nets[l->n].bits)) {
			err_set(e, "\"%.*s\" is not an address or network",
			    STR_ARG(word));
			addr_list_free(&l);
			return false;
		}
		l->n++;
		p += word.n;
	}
	*out = l;
	return true;
}

static bool
network_has(const struct network *n, const struct addr *a)
{
	unsigned bytes = n->bits / 8, rest = n->bits % 8;

	if (memcmp(n->a.b, a->b, bytes) != 0)
		return false;
	return rest == 0 || (n->a.b[bytes] ^ a->b[bytes]) >> (8 - rest) == 0;
}

bool
addr_list_has(const struct addr_list *l, const struct addr *a)
{
	for (size_t i = 0; l && i < l->n; i++) {
		if (network_has(&l->nets[i], a))
			return true;
	}
	return false;
}

void
addr_list_free(struct addr_list **l)
{
	if (!*l)
		return;
	free((*l)->nets);
	free(*l);
	*l = NULL;
}

/* ------------------------------------------------------------------------
 * Counts: the map's value is the count itself
 */

struct addr_counts {
	pthread_mutex_t lock;
	struct map *map;
};

struct addr_counts *
addr_counts_new(void)
{
	struct addr_counts *t = mem_zalloc(sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	t->map = map_new();
	return t;
}

void
addr_counts_free(struct addr_counts **t)
{
	if (!*t)
		return;
	map_free(&(*t)->map);
	pthread_mutex_destroy(&(*t)->lock);
	free(*t);
	*t = NULL;
}

static struct str
count_key(const struct addr *a)
{
	return (struct str){ (const char *)a->b, addr_is_v4(a) ? 16 : 8 };
}

bool
addr_counts_take(struct addr_counts *t, const struct addr *a, unsigned max)
{
	struct str key = count_key(a);
	uintptr_t n;

	pthread_mutex_lock(&t->lock);
	n = (uintptr_t)map_get(t->map, key);
	if (n < max)
		map_set(t->map, key, (void *)(n + 1));
	pthread_mutex_unlock(&t->lock);
	return n < max;
}

void
addr_counts_give(struct addr_counts *t, const struct addr *a)
{
	struct str key = count_key(a);
	uintptr_t n;

	pthread_mutex_lock(&t->lock);
	n = (uintptr_t)map_get(t->map, key);
	if (n > 1)
		map_set(t->map, key, (void *)(n - 1));
	else
		map_del(t->map, key);
	pthread_mutex_unlock(&t->lock);
}
