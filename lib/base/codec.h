/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf;

#define SHA256_LEN 32

void sha256(struct str s, uint8_t out[SHA256_LEN]);

/* A SHA-256 over pieces; sha256_final also frees the state. */
struct sha256;
struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *h, struct str s);
/* Another that has got the same pieces. */
struct sha256 *sha256_copy(const struct sha256 *h);
void sha256_final(struct sha256 **h, uint8_t out[SHA256_LEN]);

/* The first 63 bits of the SHA-256: a stable positive key for SQLite. */
int64_t hash63(struct str s);

void hex_encode(struct buf *out, const void *p, size_t n); /* lower case */
/* Exactly N bytes from 2 N hex digits of either case. */
bool hex_decode(struct str s, void *out, size_t n);

/* RFC 4648, section 4, with padding, without line breaks. */
void base64_encode(struct buf *out, struct str s);
/* Strict: the whole of S, padding required; false adds nothing to OUT. */
bool base64_decode(struct buf *out, struct str s);
/* Section 5: the alphabet for URLs, without padding. */
bool base64url_decode(struct buf *out, struct str s);

#endif
