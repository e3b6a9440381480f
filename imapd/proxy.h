/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IMAPD_PROXY_H
#define IMAPD_PROXY_H

#include "imapd/command.h"

/*
 * The client has logged in here as an account that another server holds: log
 * in there, and let lib/net move the bytes from then on. PASSWORD is empty if
 * the mechanism did not tell it.
 */
enum reply proxy_login(struct session *s, struct cmd *c,
    const struct site_account *acc, const char *mechanism, struct str password);

#endif
