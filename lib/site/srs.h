/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SITE_SRS_H
#define SITE_SRS_H

#include "mailauth/srs.h"
#include "site/site.h"

/*
 * The site's use of the Sender Rewriting Scheme (mailauth/srs.h): its secrets,
 * which are made when they are first needed, and its settings.
 */

/*
 * The reverse-path of mail from SENDER that the account OWNER sends on: SENDER
 * itself if it is the null one, of a domain of this site, or srs.enabled says
 * no; else an address of srs.domain, or of the account's domain. OWNER is NULL
 * if it is the MTA that asks: then it is an address of the site's srs.domain,
 * if that is set.
 */
enum site_rc site_srs_sender(struct site *s, struct arena *a,
    const struct site_account *owner, struct str sender, struct str *out,
    struct err *e);

/* Whom mail to ADDRESS is for. SITE_NOTFOUND: it is no address that we made, or
 * too old; E says which. */
enum site_rc site_srs_recipient(struct site *s, struct arena *a,
    struct str address, struct str *out, struct err *e);

/* Sign with a new secret from now on. Older ones are believed as long as an
 * address that they signed can be valid. */
enum site_rc site_srs_rotate(
    struct site *s, const struct site_by *by, struct err *e);

#endif
