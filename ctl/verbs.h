/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CTL_VERBS_H
#define CTL_VERBS_H

#include "ctl/ctl.h"

/* The run() functions of the table, by the file they are in. */

int cmd_setup(struct ctl *c); /* setup.c */

int cmd_domain_add(struct ctl *c); /* domain.c */
int cmd_domain_list(struct ctl *c);
int cmd_domain_show(struct ctl *c);
int cmd_domain_set(struct ctl *c);
int cmd_domain_remove(struct ctl *c);
int cmd_certificate_set(struct ctl *c);
int cmd_certificate_remove(struct ctl *c);

int cmd_account_add(struct ctl *c); /* account.c */
int cmd_account_list(struct ctl *c);
int cmd_account_show(struct ctl *c);
int cmd_account_set(struct ctl *c);
int cmd_account_remove(struct ctl *c);

int cmd_password(struct ctl *c); /* password.c */
int cmd_app_password_add(struct ctl *c);
int cmd_app_password_list(struct ctl *c);
int cmd_app_password_remove(struct ctl *c);
int cmd_block_list(struct ctl *c);
int cmd_block_remove(struct ctl *c);

int cmd_client_cert_add(struct ctl *c); /* client_cert.c */
int cmd_client_cert_list(struct ctl *c);
int cmd_client_cert_remove(struct ctl *c);

int cmd_alias_add(struct ctl *c); /* alias.c */
int cmd_alias_list(struct ctl *c);
int cmd_alias_show(struct ctl *c);
int cmd_alias_set(struct ctl *c);
int cmd_alias_remove(struct ctl *c);
int cmd_resolve(struct ctl *c);

int cmd_setting_get(struct ctl *c); /* setting.c */
int cmd_setting_list(struct ctl *c);
int cmd_setting_set(struct ctl *c);
int cmd_setting_unset(struct ctl *c);
int cmd_audit(struct ctl *c);

int cmd_mailbox_list(struct ctl *c); /* mailbox.c */
int cmd_mailbox_create(struct ctl *c);
int cmd_mailbox_rename(struct ctl *c);
int cmd_mailbox_remove(struct ctl *c);
int cmd_fetch(struct ctl *c);
int cmd_outgoing_drop(struct ctl *c);
int cmd_outgoing_list(struct ctl *c);
int cmd_outgoing_retry(struct ctl *c);
int cmd_srs_rotate(struct ctl *c);
int cmd_srs_show(struct ctl *c);

int cmd_dkim_new(struct ctl *c); /* dkim.c */
int cmd_dkim_list(struct ctl *c);
int cmd_dkim_show(struct ctl *c);
int cmd_dkim_activate(struct ctl *c);
int cmd_dkim_retire(struct ctl *c);
int cmd_dkim_remove(struct ctl *c);
int cmd_dkim_check(struct ctl *c); /* dkim_rotate.c */
int cmd_dkim_rotate(struct ctl *c);

int cmd_dns(struct ctl *c); /* dns.c */

int cmd_filter_check(struct ctl *c);   /* filter_check.c */
int cmd_filter_reports(struct ctl *c); /* filter_reports.c */
int cmd_filter_block(struct ctl *c);   /* filter_list.c */
int cmd_filter_allow(struct ctl *c);
int cmd_filter_list(struct ctl *c);
int cmd_filter_remove(struct ctl *c);
int cmd_greylist_allow(struct ctl *c);
int cmd_greylist_remove(struct ctl *c);
int cmd_greylist_list(struct ctl *c);   /* filter_greylist.c */
int cmd_filter_limits(struct ctl *c);   /* filter_limits.c */
int cmd_filter_train(struct ctl *c);    /* filter_train.c */
int cmd_quarantine_list(struct ctl *c); /* filter_quarantine.c */
int cmd_quarantine_show(struct ctl *c);
int cmd_quarantine_release(struct ctl *c);
int cmd_quarantine_delete(struct ctl *c);
int cmd_quarantine_digest(struct ctl *c);

int cmd_sieve_list(struct ctl *c); /* sieve.c */
int cmd_sieve_get(struct ctl *c);
int cmd_sieve_put(struct ctl *c);
int cmd_sieve_activate(struct ctl *c);
int cmd_sieve_deactivate(struct ctl *c);
int cmd_sieve_rename(struct ctl *c);
int cmd_sieve_delete(struct ctl *c);

int cmd_deliver(struct ctl *c); /* deliver.c */
int cmd_import(struct ctl *c);  /* import.c */
int cmd_export(struct ctl *c);  /* export.c */
/* The Sieve scripts of A into the folder DEST; export_scripts.c. */
int export_scripts(
    struct ctl *c, struct account *a, const char *dest, size_t *count);

int cmd_check(struct ctl *c);  /* check.c */
int cmd_backup(struct ctl *c); /* backup.c */
int cmd_restore(struct ctl *c);

int cmd_who(struct ctl *c); /* who.c */
int cmd_status(struct ctl *c);
int cmd_doctor(struct ctl *c);     /* doctor.c */
int cmd_completion(struct ctl *c); /* completion.c */

/* Shared between them. */
bool parse_yes_no(struct str s, bool *out);
int yes_no_option(
    struct ctl *c, const char *name, bool *value, const bool **out);
/* Make an account with what --name, --quota, ... say, and its store. */
int account_make(struct ctl *c, struct str address, struct str password,
    struct str hash, struct site_account *out);
/* --password, --stdin, --hash, --no-password, or ask. */
int password_given(struct ctl *c, struct str *password, struct str *hash);

#endif
