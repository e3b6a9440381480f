/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_CLEAN_H
#define FILTER_CLEAN_H

#include "base/arena.h"
#include "base/str.h"

/*
 * Strangers' text for people's eyes: encoded words (RFC 2047) decoded, always
 * UTF-8, without what steers a terminal, breaks lines or turns the direction of
 * what follows (each becomes a space), and not longer than MAX octets.
 */
struct str clean_text(struct arena *a, struct str value, size_t max);

#endif
