/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FILTER_ROTATION_H
#define FILTER_ROTATION_H

#include "dns/resolver.h"
#include "site/dkim.h"

/*
 * New DKIM keys in time, by the settings of each domain:
 *
 *	active --- dkim.rotate is over: a new key is made ---> + pending
 *	pending -- the DNS has shown it for dkim.rotate_wait -> active,
 *		and all others of its algorithm --------------> retired
 *	retired -- dkim.rotate_keep is over ------------------> gone
 *
 * Who runs the DNS has to publish the record of a pending key, and may take
 *away that of one that is gone; the log says so. A key whose record the DNS
 *does not show never signs. Keys that wait because an operator made them go the
 *same way; where dkim.rotate is 0 nothing moves by itself.
 */
#define ROTATION_EVERY 900 /* seconds: of the chore */

struct rotation {
	struct site *site;
	struct resolver *resolver;
};

enum rotation_event {
	ROTATION_PUBLISH, /* a new key: the record is to be published */
	ROTATION_WAITING, /* it cannot be seen yet */
	ROTATION_SEEN,    /* it can, and is to be so for some time */
	ROTATION_ACTIVE,  /* it signs */
	ROTATION_RETIRED, /* it signs no more */
	ROTATION_REMOVED, /* its record may go */
};
const char *rotation_event_name(enum rotation_event v);

/* Told of everything that is done, and of whom is waited for. WHY may be empty.
 */
typedef void rotation_tell(void *arg, enum rotation_event v,
    const struct site_dkim_key *k, struct str why);

/* One step of one domain. MAKE: new keys now, whatever the settings say, if
 * none is waited for already. */
enum site_rc rotation_step(const struct rotation *r, const struct site_by *by,
    struct str domain, bool make, int64_t now, rotation_tell *tell, void *arg,
    struct err *e);
/* A chore: of all domains whose dkim.rotate is not 0. ARG is a struct rotation.
 */
bool rotation_chore(void *arg, int64_t now, struct err *e);

#endif
