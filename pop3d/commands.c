/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "pop3d/command.h"

/* Sorted by name: command_find() bisects, and the test checks the order. */
static const struct command commands[] = {
	/* clang-format off */
	{ "APOP", ST_AUTHORIZATION, ARGS_TEXT,      true,  cmd_apop, "APOP name digest" },
	{ "AUTH", ST_AUTHORIZATION, ARGS_TEXT_OPT,  true,  cmd_auth, "AUTH [mechanism [response]]" },
	{ "CAPA", ST_ANY,           ARGS_NONE,      true,  cmd_capa, "CAPA" },
	{ "DELE", ST_TRANSACTION,   ARGS_MSG,       false, cmd_dele, "DELE message" },
	{ "LANG", ST_ANY,           ARGS_TEXT_OPT,  false, cmd_lang, "LANG [tag]" },
	{ "LIST", ST_TRANSACTION,   ARGS_MSG_OPT,   true,  cmd_list, "LIST [message]" },
	{ "NOOP", ST_TRANSACTION,   ARGS_NONE,      false, cmd_noop, "NOOP" },
	{ "PASS", ST_AUTHORIZATION, ARGS_TEXT,      true,  cmd_pass, "PASS password" },
	{ "QUIT", ST_ANY,           ARGS_NONE,      true,  cmd_quit, "QUIT" },
	{ "RETR", ST_TRANSACTION,   ARGS_MSG,       true,  cmd_retr, "RETR message" },
	{ "RSET", ST_TRANSACTION,   ARGS_NONE,      false, cmd_rset, "RSET" },
	{ "STAT", ST_TRANSACTION,   ARGS_NONE,      true,  cmd_stat, "STAT" },
	{ "STLS", ST_AUTHORIZATION, ARGS_NONE,      true,  cmd_stls, "STLS" },
	{ "TOP",  ST_TRANSACTION,   ARGS_MSG_LINES, true,  cmd_top,  "TOP message lines" },
	{ "UIDL", ST_TRANSACTION,   ARGS_MSG_OPT,   true,  cmd_uidl, "UIDL [message]" },
	{ "USER", ST_AUTHORIZATION, ARGS_TEXT,      false, cmd_user, "USER name" },
	{ "UTF8", ST_AUTHORIZATION, ARGS_NONE,      false, cmd_utf8, "UTF8" },
	{ "XCLIENT", ST_AUTHORIZATION, ARGS_TEXT,   false, cmd_xclient, "XCLIENT name=value ..." },
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
command_run(struct session *s, const struct command *cmd, struct args *args)
{
	if (!cmd)
		return complain(s, "Unknown command");
	if (!(s->state & cmd->states))
		return complain(s, s->state == ST_AUTHORIZATION
				       ? "Log in first"
				       : "Not after logging in");
	if (line_args(cmd->shape, args))
		return cmd->run(s, args);
	return complain(s, arena_printf(s->arena, "Syntax: %s", cmd->syntax).p);
}
