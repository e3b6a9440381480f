/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ptr.h"

#include <string.h>

const char *
ptr_result_name(enum ptr_result r)
{
	static const char *const names[] = {
		[PTR_PROVEN] = "proven",
		[PTR_NONE] = "none",
		[PTR_MISMATCH] = "mismatch",
		[PTR_UNKNOWN] = "unknown",
	};

	return names[r];
}

static enum ptr_result
leads_back(struct resolver *r, struct arena *a, struct str name,
    const struct in6_addr *client)
{
	struct dns_answer answer;
	struct in6_addr addr;

	dns_ask(r, a, name, IN6_IS_ADDR_V4MAPPED(client) ? DNS_A : DNS_AAAA,
	    &answer);
	for (size_t i = 0; answer.rc == DNS_OK && i < answer.n; i++) {
		if (dns_rdata_addr(answer.rdata[i], &addr) &&
		    memcmp(&addr, client, sizeof(addr)) == 0)
			return PTR_PROVEN;
	}
	return answer.rc == DNS_FAILED ? PTR_UNKNOWN : PTR_MISMATCH;
}

/* One that could not be looked at might have been the right one. */
static enum ptr_result
try_names(struct resolver *r, struct arena *a, const struct dns_answer *ptr,
    const struct in6_addr *client, struct str *name)
{
	enum ptr_result result = PTR_NONE, one;
	struct str next;

	for (size_t i = 0; i < ptr->n && i < PTR_NAMES_MAX; i++) {
		if (!dns_rdata_name(a, ptr->rdata[i], &next) || next.n == 0)
			continue;
		one = leads_back(r, a, next, client);
		if (one == PTR_PROVEN || name->n == 0)
			*name = next;
		if (one == PTR_PROVEN)
			return one;
		if (result != PTR_UNKNOWN)
			result = one;
	}
	return result;
}

enum ptr_result
ptr_look(struct resolver *r, struct arena *a, const struct in6_addr *client,
    struct str *name)
{
	struct dns_answer ptr;

	*name = STR_NULL;
	dns_ask(r, a, dns_reverse_name(a, client), DNS_PTR, &ptr);
	if (ptr.rc == DNS_FAILED)
		return PTR_UNKNOWN;
	return ptr.rc == DNS_OK ? try_names(r, a, &ptr, client, name)
				: PTR_NONE;
}
