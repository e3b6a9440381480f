/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCRIPT_HOST_H
#define SCRIPT_HOST_H

#include "script/source.h"
#include "store/annotation.h"

/* An item of `environment` beside those that the engine knows. */
struct script_item {
	const char *name;
	struct str value;
};

/*
 * What scripts of an account can ask of the world: its mailboxes, annotations,
 * memory, address books, and what the site knows. One for each run.
 */
struct script_host {
	struct site *site;
	struct account *account;
	const struct site_account *owner;
	struct arena *arena; /* as long as the run */
	const char *hostname;
	const char *id; /* of the session, for the log */
	struct str sender, recipient, original; /* for programs */
	const struct script_item *items;
	size_t nitems;
	struct err err;            /* why an answer could not be had */
	struct mailbox *mailboxes; /* once they were asked for */
	size_t nmailboxes;
	bool listed;
	struct site_value *settings; /* of owner.c, the same */
	struct script_source *source;
};

/* The callbacks; their ARG is H, which must outlive the run. */
struct sieve_host script_host(struct script_host *h);

/* The mailbox that a place names. NULL: there is none; FAILED: h->err. */
enum sieve_answer script_mailbox(struct script_host *h,
    const struct sieve_place *place, const struct mailbox **out);

/* Start a program for a script. OUTPUT may be NULL. */
enum sieve_answer script_start(struct script_host *h,
    const struct sieve_execution *x, size_t max_output, struct buf *output);

/* How the owner's scripts are compiled. */
const struct script_source *script_host_source(struct script_host *h);

/* Who the owner is, to scripts, and how mail that they send is addressed. */
struct sieve_user script_user(struct script_host *h);
struct sieve_sender script_sender(struct script_host *h);
/* May fileinto create mailboxes without :create? */
bool script_creates(struct script_host *h);
/* What the settings say of a run: scores, protected headers. */
void script_input(struct script_host *h, struct sieve_input *in);

#endif
