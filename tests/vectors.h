/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * The test vectors of mail authentication that others publish, as
 * tests/mailauth_vectors runs them: an area is a folder of vectors and one
 * function in vectors_AREA.c, which tells the outcome of each case. Paths are
 * below the folder of all areas: "spf/rfc7208.json".
 */
struct vectors;

/* NULL: not there; unreadable JSON is a failed case. It lives as long as V. */
json_t *vectors_json(struct vectors *v, const char *path);
/* The whole file, in A; P == NULL: not there. */
struct str vectors_file(struct vectors *v, struct arena *a, const char *path);
/* The names in FOLDER that end in SUFFIX, sorted; in A. */
size_t vectors_list(struct vectors *v, struct arena *a, const char *folder,
    const char *suffix, const char *const **names);
/* One case; what was expected and what came is told if it is not OK. */
void vectors_case(struct vectors *v, const char *area, const char *name,
    bool ok, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* A string of OBJECT, or empty: for what a case need not have. */
struct str vectors_string(const json_t *object, const char *key);

void vectors_arc(struct vectors *v);
void vectors_authres(struct vectors *v);
void vectors_dkim(struct vectors *v);
void vectors_dmarc(struct vectors *v);
void vectors_psl(struct vectors *v);
void vectors_reports(struct vectors *v);
void vectors_spf(struct vectors *v);

#endif
