/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCAND_SCANNER_H
#define SCAND_SCANNER_H

#include "milterd/scand/engine.h"
#include "milterd/scand/sandbox.h"

/*
 * A scanner: a process, forked with the engine loaded, that walls itself in,
 * proves on the canary that it still finds something, says so on CHANNEL and
 * then answers scans until the other end is closed. It holds no descriptor
 * but CHANNEL, and writes no log.
 */
_Noreturn void scanner_run(
    struct engine *g, const struct sandbox *s, int channel);

#endif
