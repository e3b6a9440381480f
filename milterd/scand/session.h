/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCAND_SESSION_H
#define SCAND_SESSION_H

#include "milterd/scand/crew.h"
#include "milterd/scand/settings.h"
#include "milterd/scand/spool.h"
#include "milterd/scand/supervisor.h"
#include "net/daemon.h"

/*
 * clamd's protocol to clients. A stream is received wholly before a scanner
 * sees it, so a slow client holds none. Without IDSESSION a connection is for
 * one command; with it, commands are answered in their order.
 */
extern const struct net_proto scand_proto;

struct scand {
	struct settings settings;
	struct budget budget;
	struct crew *crew;
	struct supervisor *supervisor;
	struct metric *clean, *found, *failed, *refused, *bytes;
};

#endif
