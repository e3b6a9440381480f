/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LMTPD_DATA_H
#define LMTPD_DATA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/*
 * The text after DATA (RFC 5321, section 4.5.2), as a stream. Dots that were
 * doubled are taken away; a lone LF, or CRs without one, become CRLF. Only CRLF
 * "." CRLF as literally sent ends the text, so what another server took for two
 * messages or for one is never taken for the other number here.
 */
struct data {
	bool mid_line; /* not right after a CRLF that was sent as one */
	bool ended;
};

void data_init(struct data *d);

/*
 * Decode IN, giving the message to PUT in pieces. Returns how much of IN was
 * used: all but at most two bytes whose meaning depends on what follows, to
 * be offered again with more behind them. After d->ended, the rest of IN is
 * not text any more.
 */
size_t data_decode(struct data *d, struct str in,
    void (*put)(void *arg, struct str piece), void *arg);

#endif
