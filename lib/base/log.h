/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/*
 * Structured logging: one event a line, as logfmt or JSON, to stderr or a
 * file. Values are quoted as needed and cut at 1 KiB; no secret goes in.
 *
 *	log_info("delivered", LOG_STR("account", id), LOG_UINT("size", n));
 *
 * gives: time=2026-11-22T10:00:00.000Z level=info prog=lmtpd event=delivered
 *        account=... size=10240
 *
 * A line is written with one write(2), so lines of threads do not mix.
 */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
	const char *key;
	enum { LOG_T_STR, LOG_T_INT, LOG_T_UINT } type;
	struct str s;
	int64_t i;
	uint64_t u;
};

#define LOG_STR(k, v)                                                          \
	((struct log_field){ .key = (k), .type = LOG_T_STR, .s = (v) })
#define LOG_CSTR(k, v)                                                         \
	((struct log_field){ .key = (k), .type = LOG_T_STR, .s = str_of(v) })
#define LOG_INT(k, v)                                                          \
	((struct log_field){ .key = (k), .type = LOG_T_INT, .i = (v) })
#define LOG_UINT(k, v)                                                         \
	((struct log_field){ .key = (k), .type = LOG_T_UINT, .u = (v) })
#define LOG_ERR(e) LOG_CSTR("error", (e)->msg)

/* PROG must outlive the process. Level and format may change at a reload. */
void log_init(const char *prog, enum log_level least, enum log_format format);
/* Append to PATH from now on; false (errno set) leaves stderr in use. */
bool log_open(const char *path);
bool log_level_parse(struct str s, enum log_level *out);
bool log_format_parse(struct str s, enum log_format *out);
bool log_enabled(enum log_level level);

void log_event(enum log_level level, const char *event,
    const struct log_field *fields, unsigned count);

/* The NULL key ends the list, so that an event without fields is fine. */
#define LOG_AT(level, event, ...)                                              \
	log_event((level), (event),                                            \
	    (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } }, 64)
#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_WARN, __VA_ARGS__)
#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)

#endif
