/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "sieved/command.h"

/* Sorted by name: command_find() bisects, and the test checks the order. */
static const struct command commands[] = {
	/* clang-format off */
	{ "AUTHENTICATE",   ST_NEW,  "s?s", cmd_authenticate, "AUTHENTICATE \"mechanism\" [\"response\"]" },
	{ "CAPABILITY",     ST_ANY,  "",    cmd_capability,   "CAPABILITY" },
	{ "CHECKSCRIPT",    ST_AUTH, "s",   cmd_checkscript,  "CHECKSCRIPT \"script\"" },
	{ "DELETESCRIPT",   ST_AUTH, "s",   cmd_deletescript, "DELETESCRIPT \"name\"" },
	{ "GETSCRIPT",      ST_AUTH, "s",   cmd_getscript,    "GETSCRIPT \"name\"" },
	{ "HAVESPACE",      ST_AUTH, "sn",  cmd_havespace,    "HAVESPACE \"name\" octets" },
	{ "LISTSCRIPTS",    ST_AUTH, "",    cmd_listscripts,  "LISTSCRIPTS" },
	{ "LOGOUT",         ST_ANY,  "",    cmd_logout,       "LOGOUT" },
	{ "NOOP",           ST_ANY,  "?s",  cmd_noop,         "NOOP [\"tag\"]" },
	{ "PUTSCRIPT",      ST_AUTH, "ss",  cmd_putscript,    "PUTSCRIPT \"name\" \"script\"" },
	{ "RENAMESCRIPT",   ST_AUTH, "ss",  cmd_renamescript, "RENAMESCRIPT \"old name\" \"new name\"" },
	{ "SETACTIVE",      ST_AUTH, "s",   cmd_setactive,    "SETACTIVE \"name\"" },
	{ "STARTTLS",       ST_NEW,  "",    cmd_starttls,     "STARTTLS" },
	{ "UNAUTHENTICATE", ST_AUTH, "",    cmd_unauthenticate, "UNAUTHENTICATE" },
	{ "XCLIENT",        ST_NEW,  "*",   cmd_xclient,      "XCLIENT name=value ..." },
	/* clang-format on */
};

#define COUNT LEN(commands)

const struct command *
command_table(size_t *count)
{
	*count = COUNT;
	return commands;
}

static int
compare(const void *name, const void *cmd)
{
	return str_icmp(*(const struct str *)name,
	    str_of(((const struct command *)cmd)->name));
}

const struct command *
command_find(struct str name)
{
	return bsearch(&name, commands, COUNT, sizeof(*commands), compare);
}

enum net_next
command_run(struct session *s, struct str line)
{
	struct args args;
	bool ok = args_parse(s->arena, line, &args);
	const struct command *cmd = command_find(args.name);

	if (!cmd)
		return complain(s, "Unknown command");
	if (!(s->state & cmd->states))
		return complain(s, s->state == ST_NEW ? "Log in first"
						      : "Not after logging in");
	if (ok && args_fit(&args, cmd->sig))
		return cmd->run(s, &args);
	return complain(s, arena_printf(s->arena, "Syntax: %s", cmd->syntax).p);
}
