/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SPF_CASE_H
#define TESTS_SPF_CASE_H

#include <jansson.h>

#include "dns/zone.h"
#include "mailauth/spf.h"

/* Tests of SPF in JSON, in the form of testdata/mail-auth/spf. */

/* A name that cannot be in the DNS is left out. */
struct zone *spf_case_zone(struct arena *a, const json_t *names);
struct spf_query spf_case_query(struct arena *a, const json_t *test);

#endif
