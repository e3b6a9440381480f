/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_METRIC_H
#define NET_METRIC_H

#include "base/buf.h"

/* What is behind the metrics of net/daemon.h. */

/* TYPE is "gauge" or "counter"; the value is read when somebody asks. */
void metric_read(const char *name, const char *labels, const char *help,
    const char *type, double (*read)(void *arg), void *arg);
/* Prometheus text exposition format. */
void metric_render(struct buf *out);
/* Free them all: at the end of the process. */
void metric_forget(void);

#endif
