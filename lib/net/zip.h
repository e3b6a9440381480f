/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_ZIP_H
#define NET_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ZLIB_CONST
#include <zlib.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * The compressing layer of a connection: raw deflate (RFC 1951) in both
 * directions, as IMAP's COMPRESS wants it (RFC 4978). It lies above TLS and
 * knows no socket.
 *
 * zlib wants 300 KiB for a pair of streams, and most connections sleep. So the
 * streams are the thread's, which lends them for a turn. Between two turns a
 * connection keeps what was said last: a fresh stream that is given it as its
 * dictionary goes on where another one stopped. That works at the border of
 * two blocks. What we send always ends at one; a peer whose input stops
 * elsewhere takes the inflating stream along, until more comes.
 */

/* Of what we sent. Measured with replies to FETCH of headers, a few at a time:
 * they shrink to 27 % with nothing kept, to 12.3 % with this, and to 11.8 %
 * with all that deflate could use. */
#define ZIP_SENT_KEPT 8192
#define ZIP_RECEIVED_KEPT 32768 /* the peer may refer back so far */
#define ZIP_READ 16384          /* octets from the socket at a time */

/* What a thread lends; all zero at first. */
struct zip_kit {
	z_stream *deflater, *inflater;
	struct buf in, out;
};
void zip_kit_fini(struct zip_kit *k);

struct zip;

struct zip *zip_new(void);
void zip_free(struct zip **z);

/* Around a turn; borrowing again is fine. All below is for in between. */
void zip_borrow(struct zip *z, struct zip_kit *k);
void zip_return(struct zip *z);

/* Compress all of IN, so that the peer can read it to its end. */
void zip_deflate(struct zip *z, struct str in);
/* What waits to be sent; call zip_sent() for what was. */
struct str zip_out(const struct zip *z);
void zip_sent(struct zip *z, size_t n);

/* Room for ZIP_READ octets of input, when zip_hungry(); then zip_fed(). */
bool zip_hungry(const struct zip *z);
char *zip_room(struct zip *z);
void zip_fed(struct zip *z, size_t n);
void zip_feed(struct zip *z, struct str in); /* what was read elsewhere */
/* Inflate up to N octets into P, however much there would be. Returns how
 * many; 0: the peer ended the stream; -1: it needs more input; -2: this is no
 * deflate. */
ssize_t zip_inflate(struct zip *z, char *p, size_t n);

/*
 * The peer ends its compression in the middle of the connection, behind what
 * the protocol has read (RFC 8437, section 4.1). What a flush puts behind its
 * data may still have to be read: zip_inflate() until zip_ended(). Then
 * zip_behind() moves up to N octets of the clear text that came with it to P,
 * and returns how many; 0: no more.
 */
void zip_end(struct zip *z);
bool zip_ended(const struct zip *z);
size_t zip_behind(struct zip *z, char *p, size_t n);

/* Octets of memory held, for tests. */
size_t zip_memory(const struct zip *z);

#endif
