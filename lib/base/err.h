/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * The operator's half of a failure: one sentence with the names and numbers,
 * composed where they are known. The program's half is the enum a function
 * returns. A struct err lives on the caller's stack.
 */
struct err {
	char msg[512];
};

#define ERR_INIT                                                               \
	{                                                                      \
		""                                                             \
	}

void err_set(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Put "FMT: " in front of what is there. */
void err_prefix(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same as err_set, followed by ": " and the text of errno. */
void err_errno(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
