/* SPDX-License-Identifier: BSD-2-Clause */
#include "deliver/filter.h"

#include "base/clock.h"
#include "base/log.h"
#include "deliver/trace.h"

static void
log_action(void *arg, const struct sieve_action *a, struct str how)
{
	const struct script_host *h = arg;

	if (a->implicit)
		return; /* the line about the delivery says it */
	log_info("sieve", LOG_CSTR("id", h->id),
	    LOG_CSTR("account", h->owner->id), LOG_STR("script", a->script),
	    LOG_UINT("line", a->line),
	    LOG_CSTR("action", sieve_action_name(a->kind)),
	    LOG_STR("text", how));
}

static void
prepare(struct filter_job *job, int64_t now)
{
	struct script_host *h = &job->host;
	const struct rules *rules = &script_host_source(h)->rules;

	job->callbacks = script_host(h);
	job->input = (struct sieve_input){
		.message = job->raw,
		.envelope = job->envelope,
		.event = job->event,
		.host = &job->callbacks,
		.limits = &rules->limits,
		.notify_methods = rules->methods,
		.nnotify_methods = rules->nmethods,
		.now = now,
		.max_received = TRACE_MAX_RECEIVED / 2,
	};
	script_input(h, &job->input);
	job->original.raw = job->raw;
	job->options = (struct outcome_options){
		.site = h->site,
		.account = h->account,
		.owner = h->owner,
		.envelope = &job->input.envelope,
		.hostname = h->hostname,
		.may_refuse = job->event.cause.n == 0,
		.create = script_creates(h),
		.inbox = job->inbox,
		.original = job->original,
		.notice = job->notice,
		.done = log_action,
		.arg = h,
	};
}

static enum sieve_rc
run(struct filter_job *job, struct sieve_run *r, struct outcome *o)
{
	struct sieve_sink sink = outcome_sink(o);
	struct sieve_sender sender = script_sender(&job->host);
	enum sieve_rc rc =
	    script_chain_run(&job->host, job->programs, job->chain, r);

	if (rc == SIEVE_OK)
		rc = sieve_execute(r, &sender, &sink);
	if (rc == SIEVE_FAULT || rc == SIEVE_LIMIT)
		script_chain_failed(&job->host, job->chain, sieve_run_error(r));
	return rc == SIEVE_TEMPORARY ? rc : SIEVE_OK;
}

static enum store_rc
unanswered(const struct filter_job *job, struct err *e)
{
	const char *why = job->host.err.msg;

	err_set(e, "a Sieve script could not be run: %s",
	    *why ? why : "something it asks for is not there");
	return STORE_BUSY;
}

static void
report(const struct outcome_result *done, struct arena *arena,
    struct filter_result *out)
{
	out->refused = done->refusal.p != NULL;
	out->reason = arena_str(arena, done->refusal);
	out->queued = done->queued;
	out->duplicate = done->duplicate;
	out->deleted = done->deleted;
	if (done->nfiled > 0)
		out->uid = done->filed[0].appended.uid;
}

static bool
may_start_programs(struct filter_job *job)
{
	struct sieve_caps caps = script_host_source(&job->host)->rules.caps;

	return sieve_caps_has(caps, CAP_DOVECOT_EXECUTE) ||
	       sieve_caps_has(caps, CAP_DOVECOT_FILTER) ||
	       sieve_caps_has(caps, CAP_DOVECOT_PIPE);
}

enum store_rc
filter_deliver(struct filter_job *job, struct filter_result *out, struct err *e)
{
	struct outcome_result done = { 0 };
	struct sieve_run *r;
	struct outcome *o;
	enum store_rc rc;
	bool before = false;

	*out = (struct filter_result){ 0 };
	/* Programs are outside of the transaction that recognises repeats. */
	if (job->terms.key.n > 0 && may_start_programs(job) &&
	    account_delivered(job->host.account, job->terms.key,
		job->terms.window, &before, e) != STORE_OK)
		return STORE_IO;
	if (before) {
		out->duplicate = true;
		return STORE_OK;
	}
	prepare(job, clock_now());
	r = sieve_run_new(&job->input);
	o = outcome_new(&job->options, job->host.arena);
	if (run(job, r, o) != SIEVE_OK)
		rc = unanswered(job, e);
	else if ((rc = outcome_apply(o, &job->terms, &done, e)) == STORE_OK)
		report(&done, job->host.arena, out);
	sieve_run_free(&r);
	return rc;
}
