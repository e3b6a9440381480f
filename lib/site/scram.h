/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_SCRAM_H
#define SITE_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * Verifiers for challenge mechanisms, which are kept instead of a password:
 * SCRAM (RFC 5802), written "iterations,salt,StoredKey,ServerKey" with base64
 * as other mail systems do, and CRAM-MD5 (RFC 2195), the two inner states of
 * its HMAC-MD5 in hex. Pure functions.
 */

#define SCRAM_MAX_KEY 32

enum scram_hash { SCRAM_SHA1, SCRAM_SHA256 };

struct scram_verifier {
	uint32_t iterations;
	char salt[128];
	size_t salt_len;
	uint8_t stored_key[SCRAM_MAX_KEY], server_key[SCRAM_MAX_KEY];
};

size_t scram_key_len(enum scram_hash h);
/* From the password (prepared by SASLprep) and a salt. */
void scram_derive(enum scram_hash h, struct str password, struct str salt,
    uint32_t iterations, struct scram_verifier *out);
void scram_write(
    enum scram_hash h, const struct scram_verifier *v, struct buf *out);
bool scram_parse(
    enum scram_hash h, struct str text, struct scram_verifier *out);
/* Of N bytes, as HMAC and H of RFC 5802. */
void scram_hmac(
    enum scram_hash h, const uint8_t *key, struct str data, uint8_t *out);
void scram_digest(enum scram_hash h, struct str data, uint8_t *out);
/* RFC 4013; what it refuses is used as it is. */
void scram_saslprep(struct str in, struct buf *out);

#define CRAM_STATE_LEN 32
#define CRAM_HEX_LEN 64
void cram_md5_make(struct str password, struct buf *hex);
/* The 32 hex digits that answer CHALLENGE; false if STATE is not valid. */
bool cram_md5_answer(
    struct str state_hex, struct str challenge, char answer[33]);

#endif
