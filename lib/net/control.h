/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_CONTROL_H
#define NET_CONTROL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/server.h"

/*
 * The control socket of a daemon, NAME.ctl in run_dir: HTTP/1.1 with GET
 * /metrics, /healthz and /who. It stays reachable when the daemon has all the
 * connections it may have.
 */
extern const struct net_proto control_proto;
bool control_listen(
    struct net_server *s, const char *run_dir, const char *name, struct err *e);

/*
 * For `mailstead who` and `status`: append the body of PATH as daemon NAME
 * answers it. False if the daemon does not run, does not answer within five
 * seconds, or answers with an error.
 */
bool control_get(const char *run_dir, const char *name, const char *path,
    struct buf *out, struct err *e);

#endif
