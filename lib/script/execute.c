/* SPDX-License-Identifier: BSD-2-Clause */
#include "script/execute.h"

#include "site/setting.h"

static const struct site_scope everywhere = { .domain = STR_NULL };

static const char *
program_dir(struct site *s, struct arena *a)
{
	return arena_cstr(
	    a, site_setting(s, a, "sieve.program_dir", everywhere));
}

bool
script_program_exists(struct site *s, struct str name)
{
	struct arena *a = arena_new();
	struct err ignored;
	bool yes = program_find(program_dir(s, a), name, &ignored);

	arena_free(&a);
	return yes;
}

enum program_rc
script_execute(struct site *s, const struct site_account *acc,
    const struct sieve_envelope *envelope, const char *hostname,
    const struct sieve_execution *x, size_t max_output, struct buf *output,
    struct err *e)
{
	struct arena *a = arena_new();
	struct program p = {
		.dir = program_dir(s, a),
		.name = x->program,
		.args = x->args,
		.nargs = x->nargs,
		.input = x->input,
		.seconds = (unsigned)site_setting_uint(
		    s, "sieve.program_timeout", everywhere),
		.max_output = x->want_output ? max_output : PROGRAM_MAX_OUTPUT,
		.paths = site_setting(s, a, "sieve.program_paths", everywhere),
		.user = acc->address,
		.sender = envelope->from,
		.recipient = envelope->to,
		.orig_recipient =
		    envelope->orig_to.n ? envelope->orig_to : envelope->to,
		.host = str_of(hostname),
	};
	enum program_rc rc = program_run(&p, x->want_output ? output : NULL, e);

	arena_free(&a);
	return rc;
}
