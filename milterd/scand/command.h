/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCAND_COMMAND_H
#define SCAND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * clamd's protocol, as far as bytes are concerned. A command is
 *
 *	zCOMMAND NUL    nCOMMAND LF    COMMAND LF
 *
 * and the delimiter of the command ends the answer, too. INSTREAM is followed
 * by chunks, each a length of four octets, most significant first, and as many
 * octets of data; a length of 0 ends them.
 */

enum command {
	COMMAND_END,
	COMMAND_IDSESSION,
	COMMAND_INSTREAM,
	COMMAND_PING,
	COMMAND_RELOAD,
	COMMAND_STATS,
	COMMAND_UNAVAILABLE, /* clamd has it, but for local files or to stop */
	COMMAND_UNKNOWN,
	COMMAND_VERSION,
	COMMAND_VERSIONCOMMANDS,
};

struct request {
	enum command command;
	char delimiter;
};

/* None that we know is as long. */
#define COMMAND_MAX 1024

/*
 * Take the command at the beginning of IN. Returns the octets it took; 0: it
 * is not there wholly yet. More than COMMAND_MAX octets without an end are a
 * command that we do not know.
 */
size_t command_take(struct str in, struct request *out);
/* "END IDSESSION ...": what VERSIONCOMMANDS tells. */
void command_names(struct buf *out);

enum stream_state {
	STREAM_MORE,
	STREAM_END,
	STREAM_TOO_LONG, /* told by the length of a chunk, before its data */
};

struct stream {
	uint64_t room;   /* octets that may still come */
	uint32_t left;   /* of the chunk */
	unsigned header; /* octets of a length that are there */
	uint32_t length; /* as far as they tell it */
};

void stream_init(struct stream *s, uint64_t max);
/*
 * Take what is at the beginning of IN: at most one length and the data behind
 * it, which is *data. Returns the octets it took. At STREAM_TOO_LONG and
 * STREAM_END nothing behind the length is taken.
 */
size_t stream_take(struct stream *s, struct str in, struct str *data,
    enum stream_state *state);

#endif
