/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCAND_SETTINGS_H
#define SCAND_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"

/* The section [scand] of mailstead.conf(5), read and checked. Its strings
 * live as long as the configuration. */

enum namespaces { NAMESPACES_AUTO, NAMESPACES_YES, NAMESPACES_NO };

struct settings {
	const char *database, *temp_dir;
	unsigned scanners;
	enum namespaces namespaces;
	/* Of the front: seconds, octets. */
	unsigned timeout, receive_time, queue_time, settle_time, check_time;
	uint64_t max_stream, spool_memory;
	/* Of a scanner. */
	uint64_t max_scan_size, max_file_size, scanner_memory, temp_size;
	unsigned max_files, max_recursion, max_scan_time;
	bool alert_limits, alert_encrypted, alert_macros, alert_unwanted;
};

bool settings_read(const struct conf *c, struct settings *out, struct err *e);

#endif
