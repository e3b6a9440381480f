/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/verbs.h"

#include "ctl/sieve_verbs.h"

#define END                                                                    \
	{                                                                      \
		NULL, NULL, NULL                                               \
	}

static const struct option_def yes_options[] = {
	{ "yes", NULL, "do not ask" },
	END,
};
static const struct option_def setup_options[] = {
	{ "domain", "NAME", "make this domain" },
	{ "account", "ADDRESS", "make this account" },
	{ "name", "TEXT", "the account holder's name" },
	{ "password", "PASSWORD",
	    "the account's password (others can see it in the process list)" },
	{ "stdin", NULL, "read the password from standard input" },
	{ "data-dir", "DIR", "where site.db and the stores go" },
	{ "run-dir", "DIR", "where sockets go" },
	{ "user", "NAME", "user of the daemons" },
	{ "hostname", "NAME", "name of this mail host" },
	END,
};
static const struct option_def domain_add_options[] = {
	{ "alias-of", "DOMAIN", "its addresses mean those of DOMAIN" },
	END,
};
static const struct option_def domain_set_options[] = {
	{ "alias-of", "DOMAIN",
	    "its addresses mean those of DOMAIN; empty: its own" },
	{ "disabled", "yes|no", "accept nothing for it" },
	END,
};
static const struct option_def account_add_options[] = {
	{ "name", "TEXT", "the holder's name" },
	{ "quota", "SIZE", "storage limit, such as 5G; 0: none" },
	{ "messages", "NUMBER", "message limit; 0: none" },
	{ "backend", "BACKEND",
	    "who holds it: HOST[:PORT] [PROTOCOL=HOST[:PORT] ...]" },
	{ "password", "PASSWORD",
	    "the password (others can see it in the process list)" },
	{ "stdin", NULL, "read the password from standard input" },
	{ "hash", "HASH",
	    "a password hash from elsewhere: {SCHEME}... or $...$" },
	{ "no-password", NULL, "no login until one is set" },
	END,
};
static const struct option_def account_set_options[] = {
	{ "address", "ADDRESS", "rename it" },
	{ "name", "TEXT", "the holder's name" },
	{ "state", "STATE",
	    "active, disabled (mail is refused) or suspended (mail is taken)" },
	{ "quota", "SIZE",
	    "storage limit, such as 5G; 0: none; \"default\": the domain's" },
	{ "messages", "NUMBER",
	    "message limit; 0: none; \"default\": the domain's" },
	{ "backend", "BACKEND",
	    "who holds it: HOST[:PORT] [PROTOCOL=HOST[:PORT] ...]; empty: we" },
	END,
};
static const struct option_def account_list_options[] = {
	{ "limit", "NUMBER", "at most so many" },
	{ "after", "ADDRESS", "those that sort behind ADDRESS" },
	END,
};
static const struct option_def password_options[] = {
	{ "password", "PASSWORD",
	    "the password (others can see it in the process list)" },
	{ "stdin", NULL, "read the password from standard input" },
	{ "hash", "HASH",
	    "a password hash from elsewhere: {SCHEME}... or $...$" },
	{ "no-password", NULL, "remove it: no login" },
	END,
};
static const struct option_def alias_set_options[] = {
	{ "disabled", "yes|no", "refuse mail for it" },
	END,
};
static const struct option_def scope_options[] = {
	{ "domain", "NAME", "for a domain" },
	{ "account", "ADDRESS", "for an account" },
	END,
};
static const struct option_def setting_list_options[] = {
	{ "domain", "NAME", "for a domain" },
	{ "account", "ADDRESS", "for an account" },
	{ "all", NULL, "every value set anywhere" },
	END,
};
static const struct option_def dkim_new_options[] = {
	{ "selector", "NAME", "its selector; default: date and algorithm" },
	{ "algorithm", "rsa|ed25519", "default: rsa" },
	{ "bits", "2048|4096", "of an RSA key; default: 2048" },
	{ "active", NULL, "sign with it at once" },
	END,
};
static const struct option_def dkim_rotate_options[] = {
	{ "now", NULL, "make new keys, whatever the settings say" },
	END,
};
static const struct option_def dns_options[] = {
	{ "check", NULL, "compare with what the DNS has" },
	{ "mta-sts", NULL, "show the policy file of MTA-STS" },
	END,
};
static const struct option_def filter_check_options[] = {
	{ "client-ip", "ADDRESS", "the client's; default: this host" },
	{ "helo", "NAME", "what it calls itself" },
	{ "from", "ADDRESS", "the sender of the envelope" },
	{ "to", "ADDRESS", "a recipient; may be given several times" },
	{ "login", "ADDRESS", "the account that logged in at the MTA" },
	{ "compare", NULL, "ask libspf2 and libopendmarc, too" },
	END,
};
#define FOR_OPTION                                                             \
	{                                                                      \
		"for", "ADDRESS|DOMAIN",                                       \
		    "for this account or domain only; default: the site"       \
	}
static const struct option_def filter_list_options[] = {
	FOR_OPTION,
	{ "note", "TEXT", "why, for people" },
	{ "expires", "DURATION", "forget it after so long, such as 7d" },
	END,
};
static const struct option_def filter_for_options[] = {
	FOR_OPTION,
	END,
};
static const struct option_def greylist_list_options[] = {
	{ "state", "STATE", "only those: waiting, known or allowed" },
	{ "for", "ADDRESS|DOMAIN",
	    "of those allowed, only by this account or domain" },
	END,
};
#define QUARANTINE_FILTERS                                                     \
	{ "account", "ADDRESS", "of this account" },                           \
	    { "domain", "NAME", "of this domain" },                            \
	{                                                                      \
		"kind", "KIND", "spam, malware or policy"                      \
	}
static const struct option_def quarantine_list_options[] = {
	QUARANTINE_FILTERS,
	{ "since", "DURATION", "that came within it, such as 7d" },
	{ "all", NULL, "those that are released, too" },
	{ "limit", "NUMBER", "at most so many; default 100" },
	{ "before", "NUMBER", "that came before the one with this number" },
	END,
};
static const struct option_def quarantine_show_options[] = {
	{ "raw", NULL, "the message itself" },
	END,
};
static const struct option_def quarantine_work_options[] = {
	QUARANTINE_FILTERS,
	{ "all", NULL, "all that the filters leave" },
	END,
};
static const struct option_def filter_reports_options[] = {
	{ "now", NULL, "send also about what is not over yet" },
	END,
};
static const struct option_def block_options[] = {
	{ "user", "ADDRESS", "of this account's address only" },
	END,
};
static const struct option_def audit_options[] = {
	{ "limit", "NUMBER", "the newest so many; default 50" },
	END,
};

#define SIEVE_SITE_OPTIONS                                                     \
	{ "place", "PLACE",                                                    \
		"the site's: before, after or global; or domain" },            \
	{                                                                      \
		"domain", "DOMAIN", "the domain's"                             \
	}
static const struct option_def sieve_options[] = {
	SIEVE_SITE_OPTIONS,
	END,
};
static const struct option_def sieve_put_options[] = {
	SIEVE_SITE_OPTIONS,
	{ "activate", NULL, "make it the active one" },
	END,
};

static const struct option_def deliver_options[] = {
	{ "from", "ADDRESS",
	    "the sender of the envelope; default: the null sender" },
	END,
};
static const struct option_def sieve_check_options[] = {
	{ "extension", "NAME", "offer this extension too; -NAME: do not" },
	{ "global", "DIR", "where global scripts to include are" },
	END,
};
static const struct option_def sieve_run_options[] = {
	{ "from", "ADDRESS", "the sender of the envelope" },
	{ "to", "ADDRESS", "the recipient" },
	{ "orig-to", "ADDRESS", "the recipient before aliases" },
	{ "extension", "NAME", "offer this extension too; -NAME: do not" },
	{ "global", "DIR", "where global scripts to include are" },
	{ "trace", NULL, "show each step" },
	END,
};
static const struct option_def sieve_test_options[] = {
	{ "all", NULL, "name the tests that pass, too" },
	{ "trace", NULL, "show each step" },
	{ "expect-failure", NULL, "every test has to fail" },
	{ "pigeonhole", NULL, "store messages with flags as Pigeonhole does" },
	END,
};
static const struct option_def import_options[] = {
	{ "format", "FORMAT",
	    "maildir or mbox; default: what the source looks like" },
	{ "mailbox", "NAME",
	    "put the messages into this mailbox, folders below it" },
	{ "sieve", "FOLDER", "where the Sieve scripts are; default: SOURCE" },
	{ "uidl", "FORMAT",
	    "how the old server made POP3 unique-ids (Dovecot's "
	    "pop3_uidl_format), or none" },
	END,
};
static const struct option_def export_options[] = {
	{ "format", "FORMAT", "maildir (default) or mbox" },
	{ "mailbox", "NAME", "only this mailbox and those below it" },
	END,
};
static const struct option_def check_options[] = {
	{ "repair", NULL, "mend what can be mended" },
	{ "reindex", NULL, "make the search index anew" },
	END,
};
static const struct option_def backup_options[] = {
	{ "no-verify", NULL, "do not read the copies back" },
	END,
};
static const struct option_def doctor_options[] = {
	{ "postfix", "DIR",
	    "Postfix's configuration folder; default: postconf's" },
	{ "no-dns", NULL, "do not ask the DNS" },
	{ "no-postfix", NULL, "do not look at Postfix" },
	END,
};

/* In the order the help shows them. */
const struct verb verbs[] = {
	/* clang-format off */
	{ "setup", "", "make a site, or complete one", 0, 0, VERB_NO_CONF | VERB_ROOT, cmd_setup, setup_options },

	{ "domain add", "NAME", "host a domain", 1, 1, 0, cmd_domain_add, domain_add_options },
	{ "domain list", "", "list the domains", 0, 0, 0, cmd_domain_list, NULL },
	{ "domain show", "NAME", "show a domain", 1, 1, 0, cmd_domain_show, NULL },
	{ "domain set", "NAME", "change a domain", 1, 1, 0, cmd_domain_set, domain_set_options },
	{ "domain remove", "NAME", "remove a domain that has no accounts", 1, 1, 0, cmd_domain_remove, yes_options },

	{ "account add", "ADDRESS", "make an account", 1, 1, 0, cmd_account_add, account_add_options },
	{ "account list", "[DOMAIN]", "list accounts", 0, 1, 0, cmd_account_list, account_list_options },
	{ "account show", "ADDRESS", "show an account", 1, 1, 0, cmd_account_show, NULL },
	{ "account set", "ADDRESS", "change an account", 1, 1, 0, cmd_account_set, account_set_options },
	{ "account remove", "ADDRESS", "remove an account with all its mail", 1, 1, 0, cmd_account_remove, yes_options },
	{ "password", "ADDRESS", "set an account's password", 1, 1, 0, cmd_password, password_options },
	{ "app-password add", "ADDRESS LABEL", "make a password for one device", 2, 2, 0, cmd_app_password_add, NULL },
	{ "app-password list", "ADDRESS", "list an account's app passwords", 1, 1, 0, cmd_app_password_list, NULL },
	{ "app-password remove", "ADDRESS ID", "remove an app password", 2, 2, 0, cmd_app_password_remove, NULL },
	{ "client-certificate add", "ADDRESS CERTIFICATE [LABEL]", "let a TLS certificate log in", 2, 3, VERB_FILES, cmd_client_cert_add, NULL },
	{ "client-certificate list", "ADDRESS", "list the certificates an account logs in with", 1, 1, 0, cmd_client_cert_list, NULL },
	{ "client-certificate remove", "ADDRESS CERTIFICATE", "let a certificate log in no more", 2, 2, VERB_FILES, cmd_client_cert_remove, NULL },

	{ "alias add", "ADDRESS TARGET ...", "make an alias; @domain is a catch-all", 2, -1, 0, cmd_alias_add, NULL },
	{ "alias list", "[DOMAIN]", "list aliases", 0, 1, 0, cmd_alias_list, NULL },
	{ "alias show", "ADDRESS", "show an alias", 1, 1, 0, cmd_alias_show, NULL },
	{ "alias set", "ADDRESS [TARGET ...]", "change an alias", 1, -1, 0, cmd_alias_set, alias_set_options },
	{ "alias remove", "ADDRESS", "remove an alias", 1, 1, 0, cmd_alias_remove, NULL },
	{ "resolve", "ADDRESS", "show where mail for an address goes", 1, 1, 0, cmd_resolve, NULL },

	{ "setting get", "KEY", "show the effective value of a setting", 1, 1, 0, cmd_setting_get, scope_options },
	{ "setting list", "", "list settings", 0, 0, 0, cmd_setting_list, setting_list_options },
	{ "setting set", "KEY VALUE", "change a setting", 2, 2, 0, cmd_setting_set, scope_options },
	{ "setting unset", "KEY", "go back to what is inherited", 1, 1, 0, cmd_setting_unset, scope_options },

	{ "sieve list", "[ADDRESS]", "list an account's Sieve scripts, or the site's", 0, 1, 0, cmd_sieve_list, sieve_options },
	{ "sieve get", "[ADDRESS] NAME", "print a Sieve script", 1, 2, 0, cmd_sieve_get, sieve_options },
	{ "sieve put", "[ADDRESS] NAME [FILE]", "store a Sieve script", 1, 3, VERB_FILES, cmd_sieve_put, sieve_put_options },
	{ "sieve activate", "ADDRESS NAME", "make a Sieve script the active one", 2, 2, 0, cmd_sieve_activate, NULL },
	{ "sieve deactivate", "ADDRESS", "leave an account without an active script", 1, 1, 0, cmd_sieve_deactivate, NULL },
	{ "sieve rename", "ADDRESS NAME NEW-NAME", "rename a Sieve script", 3, 3, 0, cmd_sieve_rename, NULL },
	{ "sieve delete", "[ADDRESS] NAME", "delete a Sieve script", 1, 2, 0, cmd_sieve_delete, sieve_options },
	{ "sieve check", "FILE", "say whether a Sieve script compiles", 1, 1, VERB_NO_CONF, cmd_sieve_check, sieve_check_options },
	{ "sieve run", "FILE MESSAGE", "say what a Sieve script would do with a message", 2, 2, VERB_NO_CONF, cmd_sieve_run, sieve_run_options },
	{ "sieve test", "FILE ...", "run files of tests in the Sieve language", 1, -1, VERB_NO_CONF, cmd_sieve_test, sieve_test_options },

	{ "mailbox list", "ADDRESS", "list an account's mailboxes", 1, 1, 0, cmd_mailbox_list, NULL },
	{ "mailbox create", "ADDRESS MAILBOX", "make a mailbox", 2, 2, 0, cmd_mailbox_create, NULL },
	{ "mailbox rename", "ADDRESS FROM TO", "rename a mailbox with those below it", 3, 3, 0, cmd_mailbox_rename, NULL },
	{ "mailbox remove", "ADDRESS MAILBOX", "remove a mailbox with its messages", 2, 2, 0, cmd_mailbox_remove, yes_options },
	{ "fetch", "ADDRESS [MAILBOX [UID]]", "list messages, or write one to standard output", 1, 3, 0, cmd_fetch, NULL },
	{ "deliver", "ADDRESS ...", "deliver a message from standard input", 1, -1, 0, cmd_deliver, deliver_options },
	{ "import", "ADDRESS SOURCE", "take in a Maildir or mbox", 2, 2, VERB_FILES, cmd_import, import_options },
	{ "export", "ADDRESS FOLDER", "write an account's mail as Maildir or mbox", 2, 2, VERB_FILES, cmd_export, export_options },

	{ "certificate set", "NAME CHAIN-FILE KEY-FILE", "store a TLS certificate", 3, 3, VERB_FILES, cmd_certificate_set, NULL },
	{ "certificate remove", "NAME", "remove a TLS certificate", 1, 1, 0, cmd_certificate_remove, NULL },

	{ "outgoing list", "[ADDRESS]", "show mail of accounts that waits to be sent", 0, 1, 0, cmd_outgoing_list, NULL },
	{ "outgoing retry", "[ADDRESS]", "try such mail at once", 0, 1, 0, cmd_outgoing_retry, NULL },
	{ "outgoing drop", "ADDRESS ID", "do not send a message that waits", 2, 2, 0, cmd_outgoing_drop, NULL },
	{ "srs show", "ADDRESS", "show whom a rewritten sender stands for", 1, 1, 0, cmd_srs_show, NULL },
	{ "srs rotate", "", "sign rewritten senders with a new secret", 0, 0, 0, cmd_srs_rotate, NULL },

	{ "filter check", "FILE", "show what the filter thinks of a message, and why", 1, 1, VERB_FILES, cmd_filter_check, filter_check_options },
	{ "filter quarantine list", "", "list what the filter keeps apart, the newest first", 0, 0, 0, cmd_quarantine_list, quarantine_list_options },
	{ "filter quarantine show", "ID", "show a message in quarantine", 1, 1, 0, cmd_quarantine_show, quarantine_show_options },
	{ "filter quarantine release", "[ID ...]", "deliver what is in quarantine", 0, -1, 0, cmd_quarantine_release, quarantine_work_options },
	{ "filter quarantine delete", "[ID ...]", "delete what is in quarantine", 0, -1, 0, cmd_quarantine_delete, quarantine_work_options },
	{ "filter quarantine digest", "", "tell owners what is new in quarantine, if it is due", 0, 0, 0, cmd_quarantine_digest, NULL },
	{ "filter train", "", "let the spam engine learn what waits", 0, 0, 0, cmd_filter_train, NULL },
	{ "filter reports", "[list|show ID|received [ID]|tls [ID]|send]", "DMARC and TLS reports, sent and received", 0, 2, 0, cmd_filter_reports, filter_reports_options },

	{ "filter block", "ENTRY", "take no mail from a client or sender", 1, 1, 0, cmd_filter_block, filter_list_options },
	{ "filter allow", "ENTRY", "take mail from a client or sender that others would not get through", 1, 1, 0, cmd_filter_allow, filter_list_options },
	{ "filter list", "", "list who is blocked and who is allowed", 0, 0, 0, cmd_filter_list, filter_for_options },
	{ "filter greylist list", "", "list who waits, and who need not", 0, 0, 0, cmd_greylist_list, greylist_list_options },
	{ "filter greylist allow", "ENTRY", "let a client or sender never wait, and through nothing else", 1, 1, 0, cmd_greylist_allow, filter_list_options },
	{ "filter greylist remove", "ENTRY", "greylist a client or sender that was allowed", 1, 1, 0, cmd_greylist_remove, filter_for_options },
	{ "filter limits", "[ACCOUNT]", "show what counts of limits", 0, 1, 0, cmd_filter_limits, NULL },
	{ "filter remove", "ENTRY", "neither block nor allow a client or sender any more", 1, 1, 0, cmd_filter_remove, filter_for_options },

	{ "dkim new", "DOMAIN", "make a DKIM key, and show the record to publish", 1, 1, 0, cmd_dkim_new, dkim_new_options },
	{ "dkim list", "[DOMAIN]", "list DKIM keys", 0, 1, 0, cmd_dkim_list, NULL },
	{ "dkim show", "DOMAIN SELECTOR", "show the record of a DKIM key", 2, 2, 0, cmd_dkim_show, NULL },
	{ "dkim activate", "DOMAIN SELECTOR", "sign with a DKIM key", 2, 2, 0, cmd_dkim_activate, NULL },
	{ "dkim retire", "DOMAIN SELECTOR", "sign no more with a DKIM key", 2, 2, 0, cmd_dkim_retire, NULL },
	{ "dkim check", "[DOMAIN]", "compare DKIM keys with the DNS", 0, 1, 0, cmd_dkim_check, NULL },
	{ "dkim rotate", "DOMAIN", "take the next step to new DKIM keys", 1, 1, 0, cmd_dkim_rotate, dkim_rotate_options },
	{ "dkim remove", "DOMAIN SELECTOR", "remove a DKIM key", 2, 2, 0, cmd_dkim_remove, NULL },

	{ "dns", "DOMAIN", "show what a domain has to have in the DNS", 1, 1, 0, cmd_dns, dns_options },

	{ "block list", "", "list failed logins and blocks", 0, 0, 0, cmd_block_list, NULL },
	{ "block remove", "[PEER]", "forget failed logins and blocks", 0, 1, 0, cmd_block_remove, block_options },
	{ "audit", "", "show who changed what", 0, 0, 0, cmd_audit, audit_options },

	{ "who", "[ADDRESS]", "show who is connected", 0, 1, 0, cmd_who, NULL },
	{ "status", "", "show whether the daemons run", 0, 0, 0, cmd_status, NULL },
	{ "doctor", "", "find what is wrong with the installation", 0, 0, VERB_ROOT, cmd_doctor, doctor_options },
	{ "check", "[ADDRESS ...]", "verify the database and the stores", 0, -1, 0, cmd_check, check_options },
	{ "backup", "FOLDER [ADDRESS ...]", "copy the site, or some accounts, while it runs", 1, -1, VERB_FILES, cmd_backup, backup_options },
	{ "restore", "FOLDER [ADDRESS ...]", "bring back a site, or some accounts", 1, -1, VERB_FILES, cmd_restore, yes_options },

	{ "completion", "bash|zsh", "write a completion script for a shell", 1, 1, VERB_NO_CONF | VERB_ROOT, cmd_completion, NULL },
	{ NULL, NULL, NULL, 0, 0, 0, NULL, NULL },
	/* clang-format on */
};
