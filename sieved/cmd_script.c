/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about scripts (RFC 5804, sections 2.4 to 2.12). */
#include "base/log.h"
#include "script/note.h"
#include "script/source.h"
#include "sieved/command.h"

/* ------------------------------------------------------------------------
 * Failures
 */

static enum net_next
store_failed(struct session *s, enum store_rc rc, const struct err *e)
{
	static const struct {
		const char *code, *text;
		bool log; /* not the client's doing */
	} texts[] = {
		[STORE_OK] = { NULL, "Failed", false },
		[STORE_NOTFOUND] = { "NONEXISTENT", "There is no such script",
		    false },
		[STORE_EXISTS] = { "ALREADYEXISTS",
		    "There is a script of that name already", false },
		[STORE_INVALID] = { NULL, "Not possible", false },
		[STORE_QUOTA] = { "QUOTA",
		    "Your scripts would be larger than allowed; delete some",
		    false },
		[STORE_LIMIT] = { "QUOTA/MAXSCRIPTS",
		    "You have as many scripts as allowed; delete some", false },
		[STORE_BUSY] = { "TRYLATER", "Busy, try again", true },
		[STORE_NOSPACE] = { "TRYLATER", "No space left", true },
		[STORE_CORRUPT] = { NULL, "Stored data is damaged", true },
		[STORE_IO] = { "TRYLATER", "Cannot reach the store", true },
		[STORE_BUG] = { NULL, "Internal error", true },
	};

	if (texts[rc].log)
		log_error("command failed",
		    LOG_CSTR("session", conn_id(s->conn)),
		    LOG_CSTR("account", s->who.id),
		    LOG_CSTR("result", store_rc_name(rc)), LOG_ERR(e));
	return reply_no(s, texts[rc].code, texts[rc].text);
}

static enum net_next
done(struct session *s, enum store_rc rc, const struct err *e, const char *what,
    struct str name)
{
	if (rc != STORE_OK)
		return store_failed(s, rc, e);
	log_info("script", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("account", s->who.id), LOG_CSTR("action", what),
	    LOG_STR("name", name));
	return reply_ok(s, NULL, NULL);
}

static bool
name_valid(struct session *s, struct str name)
{
	if (sieve_name_valid(name))
		return true;
	reply_no(s, NULL, "A script cannot have that name");
	return false;
}

/* ------------------------------------------------------------------------
 * Compiling
 */

static void
source_of(struct session *s, struct script_source *out)
{
	script_source_of(s->d->site, &s->who, s->account, out);
}

/* What the compiler said, as a reply to be read by people. */
static const char *
findings(struct session *s, const struct sieve_diags *d)
{
	struct buf text = { 0 }, out = { 0 };
	struct str rest, line;
	const char *all;

	sieve_diags_print(&text, d);
	rest = str_trim(buf_str(&text));
	while (rest.n && str_split(&rest, '\n', &line)) {
		if (out.n)
			BUF_LIT(&out, "\r\n");
		buf_putstr(&out, str_trim(line));
	}
	all = arena_cstr(s->arena, buf_str(&out));
	buf_fini(&text);
	buf_fini(&out);
	return all;
}

static bool
too_large(
    struct session *s, const struct script_source *source, uint64_t octets)
{
	if (octets <= source->rules.limits.script)
		return false;
	reply_no(s, "QUOTA/MAXSIZE",
	    arena_printf(s->arena, "A script can have %zu octets at most",
		source->rules.limits.script)
		.p);
	return true;
}

/* False: it is refused, and the client was told why. */
static bool
compiles(struct session *s, struct script_source *source, struct str name,
    struct str text, struct sieve_diags *d)
{
	if (too_large(s, source, text.n))
		return false;
	if (script_check(source, s->arena, name, text, d))
		return true;
	metric_add(s->d->invalid, 1);
	reply_no(s, NULL, findings(s, d));
	return false;
}

static enum net_next
reply_findings(struct session *s, const struct sieve_diags *d)
{
	if (d->warnings == 0)
		return reply_ok(s, NULL, NULL);
	return reply_ok(s, "WARNINGS", findings(s, d));
}

enum net_next
cmd_checkscript(struct session *s, const struct args *args)
{
	struct script_source source;
	struct sieve_diags d;

	source_of(s, &source);
	if (!compiles(s, &source, STR("script"), args->v[0].text, &d))
		return NET_DONE;
	return reply_findings(s, &d);
}

enum net_next
cmd_putscript(struct session *s, const struct args *args)
{
	struct str name = args->v[0].text, text = args->v[1].text;
	struct script_source source;
	struct sieve_diags d;
	struct err e = ERR_INIT;
	enum store_rc rc;

	source_of(s, &source);
	if (!name_valid(s, name) || !compiles(s, &source, name, text, &d))
		return NET_DONE;
	rc = script_put(s->account, name, text, &source.rules.store, &e);
	if (rc != STORE_OK)
		return store_failed(s, rc, &e);
	metric_add(s->d->stored, 1);
	log_info("script", LOG_CSTR("session", conn_id(s->conn)),
	    LOG_CSTR("account", s->who.id), LOG_CSTR("action", "put"),
	    LOG_STR("name", name), LOG_UINT("size", text.n));
	return reply_findings(s, &d);
}

enum net_next
cmd_havespace(struct session *s, const struct args *args)
{
	struct script_source source;
	struct err e = ERR_INIT;
	enum store_rc rc;

	source_of(s, &source);
	if (!name_valid(s, args->v[0].text) ||
	    too_large(s, &source, args->v[1].number))
		return NET_DONE;
	rc = script_have_space(s->account, args->v[0].text, args->v[1].number,
	    &source.rules.store, &e);
	return rc == STORE_OK ? reply_ok(s, NULL, NULL)
			      : store_failed(s, rc, &e);
}

/* ------------------------------------------------------------------------
 * Reading
 */

enum net_next
cmd_listscripts(struct session *s, const struct args *args)
{
	struct buf *out = conn_out(s->conn);
	struct err e = ERR_INIT;
	struct script *list;
	size_t count;
	enum store_rc rc = script_list(s->account, s->arena, &list, &count, &e);

	(void)args;
	if (rc != STORE_OK)
		return store_failed(s, rc, &e);
	for (size_t i = 0; i < count; i++) {
		put_string(out, list[i].name);
		buf_puts(out, list[i].active ? " ACTIVE\r\n" : "\r\n");
	}
	return reply_ok(s, NULL, NULL);
}

/* How it failed when it ran last; NULL if it did not since it was stored. */
static const char *
last_failure(struct session *s, const struct script *script)
{
	struct buf text = { 0 };
	struct err e = ERR_INIT;
	const char *said = NULL;
	bool found;

	if (script_note_get(s->account, script->name, script->hash, &found,
		&text, &e) == STORE_OK &&
	    found)
		said = arena_cstr(s->arena, buf_str(&text));
	buf_fini(&text);
	return said;
}

enum net_next
cmd_getscript(struct session *s, const struct args *args)
{
	struct buf *out = conn_out(s->conn), text = { 0 };
	struct script script;
	struct err e = ERR_INIT;
	const char *failure;
	enum store_rc rc = script_get(
	    s->account, s->arena, args->v[0].text, &script, &text, &e);

	if (rc == STORE_OK) {
		put_literal(out, buf_str(&text));
		BUF_LIT(out, "\r\n");
	}
	buf_fini(&text);
	if (rc != STORE_OK)
		return store_failed(s, rc, &e);
	failure = last_failure(s, &script);
	return reply_ok(s, failure ? "WARNINGS" : NULL, failure);
}

/* ------------------------------------------------------------------------
 * Changing
 */

/* It may have been stored when other extensions were allowed, or for IMAP
 * events, where no script needs to be active. */
static bool
still_compiles(struct session *s, struct str name, struct sieve_diags *d)
{
	struct script_source source;
	struct buf text = { 0 };
	struct err e = ERR_INIT;
	enum store_rc rc =
	    script_get(s->account, s->arena, name, NULL, &text, &e);
	bool ok = rc == STORE_OK;

	if (ok) {
		source_of(s, &source);
		source.rules.caps = sieve_caps_delivery(source.rules.caps);
		ok = compiles(s, &source, name, buf_str(&text), d);
	} else {
		store_failed(s, rc, &e);
	}
	buf_fini(&text);
	return ok;
}

enum net_next
cmd_setactive(struct session *s, const struct args *args)
{
	struct str name = args->v[0].text;
	struct sieve_diags d = { 0 };
	struct err e = ERR_INIT;
	enum store_rc rc;

	if (name.n && !still_compiles(s, name, &d))
		return NET_DONE;
	rc = script_activate(s->account, name, &e);
	return done(s, rc, &e, name.n ? "activate" : "deactivate", name);
}

enum net_next
cmd_deletescript(struct session *s, const struct args *args)
{
	struct str name = args->v[0].text;
	struct err e = ERR_INIT;
	enum store_rc rc = script_delete(s->account, name, &e);

	if (rc == STORE_INVALID)
		return reply_no(s, "ACTIVE",
		    "The script is active; activate another one first");
	return done(s, rc, &e, "delete", name);
}

enum net_next
cmd_renamescript(struct session *s, const struct args *args)
{
	struct str name = args->v[0].text, to = args->v[1].text;
	struct err e = ERR_INIT;
	enum store_rc rc;

	if (!name_valid(s, to))
		return NET_DONE;
	rc = script_rename(s->account, name, to, &e);
	return done(s, rc, &e, "rename", name);
}
