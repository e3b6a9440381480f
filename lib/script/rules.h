/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCRIPT_RULES_H
#define SCRIPT_RULES_H

#include "sieve/sieve.h"
#include "site/setting.h"
#include "store/script.h"

/*
 * What the settings sieve.* let an account do: which extensions its scripts
 * may require, how large they may be and how many, what a run may cost. Every
 * program that compiles or runs scripts asks here.
 */

struct rules {
	struct sieve_caps caps;
	struct sieve_limits limits;
	struct script_limits store; /* of all scripts together */
	const struct str *methods;  /* of `notify`, beside mailto */
	size_t nmethods;
};

/* For an account, a domain, or the site. */
void rules_of(struct site *s, struct site_scope scope, struct rules *out);

/* The same by who reads the settings together with others of his. */
#define RULES_SETTINGS 6
extern const struct site_value rules_settings[RULES_SETTINGS];
void rules_from(
    const struct site_value values[RULES_SETTINGS], struct rules *out);

/*
 * A list of extensions as the setting sieve.extensions has it: "*" stands for
 * what is on by default, NAME adds one and -NAME takes one away, in order.
 * Words that are no extension are ignored.
 */
struct sieve_caps rules_extensions(struct str text);

#endif
