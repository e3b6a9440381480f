/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef POP3D_COMMAND_H
#define POP3D_COMMAND_H

#include "pop3d/session.h"

/*
 * A command is a row: its name, the states it is legal in, the shape of its
 * arguments, and the function that does it and writes its answer. Rows that
 * BLOCK run on a worker, the others on the loop.
 */
struct command {
	const char *name;
	unsigned states;
	enum shape shape;
	bool blocks;
	enum net_next (*run)(struct session *s, struct args *args);
	const char *syntax;
};

const struct command *command_find(struct str name);
/* Sorted by name; for tests. */
const struct command *command_table(size_t *count);
/* Checks state and arguments first. CMD may be NULL: it is unknown. */
enum net_next command_run(
    struct session *s, const struct command *cmd, struct args *args);

/* cmd_session.c */
enum net_next cmd_capa(struct session *s, struct args *args);
enum net_next cmd_lang(struct session *s, struct args *args);
enum net_next cmd_noop(struct session *s, struct args *args);
enum net_next cmd_quit(struct session *s, struct args *args);
enum net_next cmd_stls(struct session *s, struct args *args);
enum net_next cmd_utf8(struct session *s, struct args *args);

/* cmd_login.c */
enum net_next cmd_apop(struct session *s, struct args *args);
enum net_next cmd_user(struct session *s, struct args *args);
enum net_next cmd_xclient(struct session *s, struct args *args);
enum net_next cmd_pass(struct session *s, struct args *args);
enum net_next cmd_auth(struct session *s, struct args *args);
enum net_next login_sasl_line(struct session *s); /* s->line */
struct str login_mechanisms(struct session *s);

/* cmd_maildrop.c */
enum net_next cmd_stat(struct session *s, struct args *args);
enum net_next cmd_list(struct session *s, struct args *args);
enum net_next cmd_uidl(struct session *s, struct args *args);
enum net_next cmd_dele(struct session *s, struct args *args);
enum net_next cmd_rset(struct session *s, struct args *args);
/* The message of ARGS, or NULL: the client was told that there is none. */
const struct view_row *message_of(
    struct session *s, const struct args *args, enum net_next *reply);
/* What the client is told of a failure of the store; logs it. */
enum net_next store_failed(
    struct session *s, enum store_rc rc, const struct err *e);

/* cmd_retr.c */
enum net_next cmd_retr(struct session *s, struct args *args);
enum net_next cmd_top(struct session *s, struct args *args);

#endif
