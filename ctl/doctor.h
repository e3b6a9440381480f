/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include "ctl/ctl.h"

/*
 * mailstead doctor: a list of checks, each of which reports what it finds,
 * good or bad, and for what is bad the exact mend.
 */

enum health { HEALTH_OK, HEALTH_WARN, HEALTH_BAD };

struct doctor {
	struct ctl *c;
	json_t *findings;
	unsigned count[3];
};

/* MEND: a command or line to change; NULL if there is nothing to do. */
void doctor_report(struct doctor *d, enum health h, const char *mend,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* A mend with names in it; lives as long as the command. */
const char *doctor_text(struct doctor *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void doctor_sockets(struct doctor *d); /* doctor_net.c */
void doctor_tls(struct doctor *d);
void doctor_dns(struct doctor *d);
void doctor_backends(struct doctor *d); /* doctor_backend.c */
void doctor_logins(struct doctor *d);   /* doctor_login.c */
void doctor_scanners(struct doctor *d); /* doctor_scanner.c */
void doctor_outgoing(struct doctor *d); /* outgoing.c */
void doctor_postfix(struct doctor *d);  /* doctor_postfix.c */

/* Where a daemon listens: the first socket of the configuration key, as
 * "unix:/path" or "inet:host:port", which is how Postfix writes it. */
const char *doctor_endpoint(struct doctor *d, const char *key);

#endif
