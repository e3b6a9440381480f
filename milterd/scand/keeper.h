/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCAND_KEEPER_H
#define SCAND_KEEPER_H

/*
 * A keeper: the process of one generation of the databases. It loads them,
 * forks the scanners, which so share their memory, hands the proven ones to
 * the front, and forks others for those that end. It never sees a stranger's
 * bytes. Databases are loaded anew by another keeper, beside it.
 *
 * The front runs it as
 *
 *	scand KEEPER_ARGUMENT level conf folder
 *
 * with its end of a pair of packet.h as descriptor KEEPER_CONTROL. When the
 * front closes the other end, the keeper waits for the scanners, whose
 * channels are the front's to close, and ends.
 */
#define KEEPER_ARGUMENT "--keeper"
#define KEEPER_ARGUMENTS 5
#define KEEPER_CONTROL 3

int keeper_main(char **argv);

#endif
