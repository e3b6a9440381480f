/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_CLIENT_H
#define FILTER_CLIENT_H

#include "filter/dnsbl.h"
#include "filter/helo.h"
#include "filter/lists.h"
#include "filter/ptr.h"

/* What is known of a client that is not one of our own hosts, and whose user
 * did not log in. */
struct client_facts {
	struct str address; /* as text */
	enum ptr_result ptr;
	struct str name; /* proven, or only claimed (PTR_MISMATCH) */
	enum helo_result helo;
	struct str helo_name;
	const char *helo_why; /* HELO_INVALID: the end of a sentence */
	int64_t blocked;      /* for so many seconds more, by failed logins */
	struct dnsbl_facts dnsbl;
};

#endif
