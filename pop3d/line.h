/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef POP3D_LINE_H
#define POP3D_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* A command line: a keyword, and arguments of the shape its row names. */

enum shape {
	ARGS_NONE,
	ARGS_MSG,       /* a message number */
	ARGS_MSG_OPT,   /* or nothing */
	ARGS_MSG_LINES, /* a message number and a number of lines */
	ARGS_TEXT,      /* anything, as it stands */
	ARGS_TEXT_OPT,  /* or nothing */
};

struct args {
	struct str text; /* behind the keyword and one space */
	bool given;
	uint32_t msg; /* 0: a number that no message can have */
	uint64_t lines;
};

/* "RETR 1" gives RETR, and the rest to args->text. */
struct str line_keyword(struct str line, struct args *args);
/* False: it is not of that shape. */
bool line_args(enum shape shape, struct args *args);

#endif
