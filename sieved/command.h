/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIEVED_COMMAND_H
#define SIEVED_COMMAND_H

#include "sieved/session.h"

/*
 * A command is a row: its name, the states it is legal in, the shape of its
 * arguments (args_fit()), and the function that does it and writes its answer.
 * All of them run on a worker.
 */
struct command {
	const char *name;
	unsigned states;
	const char *sig;
	enum net_next (*run)(struct session *s, const struct args *args);
	const char *syntax;
};

const struct command *command_find(struct str name);
/* Sorted by name; for tests. */
const struct command *command_table(size_t *count);
/* Checks state and arguments first. */
enum net_next command_run(struct session *s, struct str line);

/* cmd_session.c */
enum net_next cmd_capability(struct session *s, const struct args *args);
enum net_next cmd_logout(struct session *s, const struct args *args);
enum net_next cmd_noop(struct session *s, const struct args *args);
enum net_next cmd_starttls(struct session *s, const struct args *args);
enum net_next cmd_unauthenticate(struct session *s, const struct args *args);
enum net_next cmd_xclient(struct session *s, const struct args *args);
/* What the server can, a line each; the OK behind it is the caller's. */
void put_capabilities(struct session *s);

/* cmd_login.c */
enum net_next cmd_authenticate(struct session *s, const struct args *args);
enum net_next login_line(struct session *s, struct str line); /* s->sasl */
void login_end(struct session *s);
struct str login_mechanisms(struct session *s);

/* proxy.c: the same as logging in, as the account of another server; PASSWORD
 * is empty if the mechanism did not tell it, CODE is for the OK. */
enum net_next proxy_login(struct session *s, const struct site_account *acc,
    const char *mechanism, struct str password, const char *code);
/* Send the client there instead, if that is what the site wants. */
bool proxy_refers(struct session *s, const struct site_account *acc);
enum net_next proxy_refer(struct session *s, const struct site_account *acc);

/* cmd_script.c */
enum net_next cmd_checkscript(struct session *s, const struct args *args);
enum net_next cmd_deletescript(struct session *s, const struct args *args);
enum net_next cmd_getscript(struct session *s, const struct args *args);
enum net_next cmd_havespace(struct session *s, const struct args *args);
enum net_next cmd_listscripts(struct session *s, const struct args *args);
enum net_next cmd_putscript(struct session *s, const struct args *args);
enum net_next cmd_renamescript(struct session *s, const struct args *args);
enum net_next cmd_setactive(struct session *s, const struct args *args);

#endif
