/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <unistd.h>

#include "dns/process.h"

/* What libunbound is told before its first question. */

static bool
failed(int rc, struct err *e, const char *what, const char *about)
{
	if (rc != 0)
		err_set(
		    e, "libunbound: %s %s: %s", what, about, ub_strerror(rc));
	return rc != 0;
}

static bool
set_option(
    struct ub_ctx *ctx, const char *name, const char *value, struct err *e)
{
	return !failed(ub_ctx_set_option(ctx, name, value), e, "option", name);
}

static bool
set_number(struct ub_ctx *ctx, const char *name, unsigned n, struct err *e)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	return set_option(ctx, name, text, e);
}

/* A library for one user asks little at once; we are not one. */
static bool
set_options(struct ub_ctx *ctx, const struct dns_options *o, struct err *e)
{
	/* After an outage, servers are soon asked again: there may be but one.
	 */
	return set_option(ctx, "do-not-query-localhost:", "no", e) &&
	       set_option(ctx, "infra-keep-probing:", "yes", e) &&
	       set_option(ctx, "infra-host-ttl:", "10", e) &&
	       set_option(ctx, "val-log-level:", "0", e) &&
	       set_option(ctx, "outgoing-range:", "256", e) &&
	       set_number(ctx, "num-queries-per-thread:", o->max_pending, e) &&
	       set_number(ctx, "cache-max-ttl:", o->max_ttl, e);
}

static bool
set_servers(struct ub_ctx *ctx, const struct dns_options *o, struct err *e)
{
	const char *file = o->resolv_conf;
	struct str rest = str_of(o->forward), server;
	char text[128];

	if (str_eqc(rest, "root"))
		return true;
	/* Whom we ask may know private networks. */
	if (!set_option(ctx, "unblock-lan-zones:", "yes", e))
		return false;
	if (rest.n == 0)
		return !failed(ub_ctx_resolvconf(ctx, file), e, "reading",
		    file ? file : "/etc/resolv.conf");
	while (str_split(&rest, ' ', &server)) {
		snprintf(text, sizeof(text), "%.*s", STR_ARG(server));
		if (server.n > 0 &&
		    failed(ub_ctx_set_fwd(ctx, text), e, "server", text))
			return false;
	}
	return true;
}

static bool
set_anchor(struct ub_ctx *ctx, const char *file, struct err *e)
{
	if (!file)
		return true;
	if (access(file, R_OK) < 0) {
		err_errno(e, "trust anchor %s", file);
		return false;
	}
	return !failed(ub_ctx_add_ta_file(ctx, file), e, "trust anchor", file);
}

/* Files and options are looked at with the first question only. This one is
 * answered without asking anybody. */
static bool
prove(struct ub_ctx *ctx, struct err *e)
{
	struct ub_result *result = NULL;
	int rc = ub_resolve(ctx, "localhost", DNS_A, 1, &result);

	ub_resolve_free(result);
	return !failed(rc, e, "starting with", "these options");
}

bool
dns_context_new(const struct dns_options *o, struct ub_ctx **out, struct err *e)
{
	struct ub_ctx *ctx = ub_ctx_create();

	if (!ctx) {
		err_set(e, "libunbound: no context");
		return false;
	}
	ub_ctx_debuglevel(ctx, 0);
	if (failed(ub_ctx_async(ctx, 1), e, "using", "a thread") ||
	    !set_options(ctx, o, e) || !set_servers(ctx, o, e) ||
	    !set_anchor(ctx, o->trust_anchor, e) || !prove(ctx, e)) {
		ub_ctx_delete(ctx);
		return false;
	}
	*out = ctx;
	return true;
}
