/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MILTERD_PROTOCOL_H
#define MILTERD_PROTOCOL_H

#include "base/buf.h"
#include "net/addr.h"

/*
 * The milter protocol, versions 2 to 6, as Sendmail and Postfix speak it: no
 * RFC has it, libmilter/mfdef.h of Sendmail does. Packets are a length of four
 * octets, a letter, and data; numbers have the high octet first, texts end with
 * a NUL. Bytes in, structs out.
 */

#define MILTER_VERSION 6
#define MILTER_PACKET_MAX (1 << 20) /* letter and data; a body comes in 64 KB  \
				     */

enum milter_command { /* of the MTA */
	MILTER_OPTNEG = 'O',
	MILTER_MACROS = 'D',
	MILTER_CONNECT = 'C',
	MILTER_HELO = 'H',
	MILTER_MAIL = 'M',
	MILTER_RCPT = 'R',
	MILTER_DATA = 'T',
	MILTER_HEADER = 'L',
	MILTER_EOH = 'N',
	MILTER_BODY = 'B',
	MILTER_EOM = 'E',
	MILTER_ABORT = 'A', /* of a message */
	MILTER_UNKNOWN = 'U',
	MILTER_QUIT = 'Q',
	MILTER_QUIT_NC = 'K', /* another client follows */
};

enum milter_reply {
	MILTER_CONTINUE = 'c',
	MILTER_REJECT = 'r',
	MILTER_TEMPFAIL = 't',
	MILTER_DISCARD = 'd',
	MILTER_REPLYCODE = 'y',
	MILTER_INSERT_HEADER = 'i',
	MILTER_CHANGE_HEADER = 'm',
	MILTER_DELETE_RCPT = '-',
};

enum { /* what a filter may do */
	MILTER_ADDS_HEADERS = 0x1,
	MILTER_DELETES_RCPTS = 0x8,
	MILTER_CHANGES_HEADERS = 0x10,
	MILTER_SETS_SYMLIST = 0x100,
};

enum { /* steps that are left out, and those that nobody answers */
	MILTER_NO_UNKNOWN = 0x100,
	MILTER_NO_DATA = 0x200,
	/* Recipients come that the MTA has refused, too. */
	MILTER_REFUSED_RCPTS = 0x800,
	MILTER_SILENT_HEADER = 0x80,
	MILTER_SILENT_CONNECT = 0x1000,
	MILTER_SILENT_HELO = 0x2000,
	MILTER_SILENT_EOH = 0x40000,
	MILTER_SILENT_BODY = 0x80000,
	/* Values come, and go, with the space after the colon. */
	MILTER_LEADING_SPACE = 0x100000,
};

enum { /* stages of macros */
	MILTER_AT_CONNECT = 0,
	MILTER_AT_MAIL = 2,
	MILTER_AT_RCPT = 3,
	MILTER_AT_EOM = 5,
};

struct milter_packet {
	char command;
	struct str data;
};
enum milter_rc { MILTER_WHOLE, MILTER_PARTIAL, MILTER_BROKEN };
/* Take one packet off the front of *in; BROKEN: too long, or nothing in it. */
enum milter_rc milter_take(struct str *in, struct milter_packet *out);

/* Take from the front of *data. False: it is not there. */
bool milter_number(struct str *data, uint32_t *out);
bool milter_text(struct str *data, struct str *out);

struct milter_options {
	uint32_t version, actions, steps;
};
bool milter_options_parse(struct str data, struct milter_options *out);

struct milter_client {
	struct str host; /* what the MTA calls it */
	bool known;      /* it has an address */
	struct addr address;
};
bool milter_client_parse(struct str data, struct milter_client *out);

/* A packet: begin, append to OUT, end. */
size_t milter_begin(struct buf *out, char reply);
void milter_put_number(struct buf *out, uint32_t n);
void milter_put_text(struct buf *out, struct str text);
void milter_end(struct buf *out, size_t begin);
/* One without data. */
void milter_put(struct buf *out, char reply);

#endif
