/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/answers.h"
#include "filter/talk.h"

/*
 * clamd's answers: "stream: OK", "stream: NAME FOUND", "REASON ERROR". The
 * word in front is of IDSESSION's and FILDES' time and says nothing.
 */

#define NAME_SIZE 128

static bool
take_suffix(struct str *line, struct str suffix)
{
	if (!str_iends(*line, suffix))
		return false;
	line->n -= suffix.n;
	return true;
}

enum scan_result
clamd_answer(const char *server, struct str line, char name[static NAME_SIZE],
    struct err *e)
{
	struct str stream = STR("stream: ");

	name[0] = '\0';
	line = str_trim(line);
	if (str_eqc(line, "stream: OK"))
		return SCAN_CLEAN;
	if (str_starts(line, STR("INSTREAM size limit exceeded"))) {
		err_set(e, "%s: the message is over its limit", server);
		return SCAN_TOO_LARGE;
	}
	if (str_starts(line, stream) && take_suffix(&line, STR(" FOUND")) &&
	    line.n > stream.n) {
		talk_printable(
		    name, NAME_SIZE, str_sub(line, stream.n, STR_NPOS));
		return SCAN_FOUND;
	}
	talk_complain(e, server,
	    take_suffix(&line, STR(" ERROR")) ? "failed with" : "unexpected",
	    line);
	return SCAN_FAILED;
}

bool
clamd_version(const char *server, struct str line, char out[static NAME_SIZE],
    struct err *e)
{
	line = str_trim(line);
	talk_printable(out, NAME_SIZE, line);
	if (line.n > 0 && !str_eqc(line, "UNKNOWN COMMAND") &&
	    !str_iends(line, STR("ERROR")))
		return true;
	talk_complain(e, server, "has no version but", line);
	return false;
}
