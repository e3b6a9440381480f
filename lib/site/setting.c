/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/setting.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "site/internal.h"

#define S SCOPE_SITE
#define SD (SCOPE_SITE | SCOPE_DOMAIN)
#define SDA (SCOPE_SITE | SCOPE_DOMAIN | SCOPE_ACCOUNT)

/* rules_test compares them with what lib/sieve knows. */
#define SIEVE_EXTENSIONS                                                       \
	"* body comparator-i;ascii-casemap comparator-i;ascii-numeric"         \
	" comparator-i;octet comparator-i;unicode-casemap copy date"           \
	" duplicate editheader enclose encoded-character enotify envelope"     \
	" envelope-deliverby envelope-dsn environment ereject extlists"        \
	" extracttext fcc fileinto foreverypart ihave imap4flags imapsieve"    \
	" include index mailbox mailboxid mboxmetadata mime"                   \
	" redirect-deliverby redirect-dsn regex reject relational replace"     \
	" servermetadata spamtest spamtestplus special-use subaddress"         \
	" vacation vacation-seconds variables virustest vnd.dovecot.debug"     \
	" vnd.dovecot.environment vnd.dovecot.execute vnd.dovecot.filter"      \
	" vnd.dovecot.pipe vnd.dovecot.report vnd.dovecot.testsuite"

/* Of the mail filter (filter/action.h). */
#define ACTIONS "off tag quarantine tempfail reject"

/* Sorted by key; site_test checks it. */
static const struct site_setting table[] = {
	/* clang-format off */
	{ "address.case_sensitive", SETTING_BOOL, SD, "no", NULL, "local parts must match in case" },
	{ "address.separators", SETTING_TEXT, SD, "+", NULL, "characters that set off a subaddress; empty: none" },
	{ "antivirus.cache", SETTING_UINT, S, "10000", NULL, "verdicts of the virus scanner that are remembered" },
	{ "antivirus.encrypted", SETTING_CHOICE, SDA, "off", ACTIONS, "what is done with mail of which the scanner can only say that something in it is encrypted" },
	{ "antivirus.failed", SETTING_CHOICE, SDA, "tempfail", ACTIONS, "what is done with mail while the scanner does not answer" },
	{ "antivirus.found", SETTING_CHOICE, SDA, "reject", ACTIONS, "what is done with mail that contains malware" },
	{ "antivirus.max_size", SETTING_SIZE, S, "25M", NULL, "largest message that is scanned; 0: no limit" },
	{ "antivirus.server", SETTING_TEXT, S, "", NULL, "socket of scand or clamd: unix:/PATH or HOST:PORT; empty: nothing is scanned" },
	{ "antivirus.timeout", SETTING_DURATION, S, "60s", NULL, "how long it may take for one message" },
	{ "antivirus.too_large", SETTING_CHOICE, SDA, "tag", ACTIONS, "what is done with mail that is too large to be scanned" },
	{ "arc.domain", SETTING_TEXT, S, "", NULL, "domain of this site whose DKIM keys seal mail from outside (ARC), for those it is sent on to; empty: no seals" },
	{ "arc.trusted", SETTING_TEXT, S, "", NULL, "domains whose ARC seals are believed when they say that mail passed DMARC, separated by spaces" },
	{ "attachment.action", SETTING_CHOICE, SDA, "tag", ACTIONS, "what is done with mail with such a file" },
	{ "attachment.patterns", SETTING_TEXT, SDA, "*.ade *.adp *.apk *.appx *.bat *.chm *.cmd *.com *.cpl *.dll *.dmg *.exe *.hta *.ins *.isp *.jar *.js *.jse *.lib *.lnk *.mde *.msc *.msi *.msp *.mst *.pif *.ps1 *.reg *.scr *.sct *.shb *.sys *.vb *.vbe *.vbs *.vxd *.wsc *.wsf *.wsh application/x-msdownload application/x-ms-shortcut", NULL, "files that are not wanted, separated by spaces: names, or types by what they say or by what they are" },
	{ "auth.argon2_lanes", SETTING_UINT, S, "1", NULL, "argon2id parallelism of new password hashes" },
	{ "auth.argon2_memory", SETTING_SIZE, S, "19M", NULL, "argon2id memory of new password hashes" },
	{ "auth.argon2_passes", SETTING_UINT, S, "2", NULL, "argon2id passes of new password hashes" },
	{ "auth.block_after", SETTING_UINT, S, "10", NULL, "failures for one account from one address before that pair is blocked; 0: never" },
	{ "auth.block_after_address", SETTING_UINT, S, "50", NULL, "failures from one address before it is blocked; 0: never" },
	{ "auth.block_time", SETTING_DURATION, S, "15m", NULL, "how long a block lasts" },
	{ "auth.cache_time", SETTING_DURATION, S, "60s", NULL, "how long a verified password, or what the provider said of a token, is remembered in memory; 0: not" },
	{ "auth.delay_max", SETTING_DURATION, S, "15s", NULL, "longest wait before a failed login is answered" },
	{ "auth.hash_threads", SETTING_UINT, S, "4", NULL, "password hashes computed at once by a daemon" },
	{ "auth.rehash", SETTING_BOOL, S, "yes", NULL, "replace other hashes by argon2id at the next login" },
	{ "auth.trust_loopback", SETTING_BOOL, S, "yes", NULL, "never delay or block logins from this host" },
	{ "auth.trusted", SETTING_TEXT, S, "", NULL, "addresses and networks never delayed or blocked" },
	{ "auth.window", SETTING_DURATION, S, "1h", NULL, "failures older than this are forgotten" },
	{ "backend.ca_file", SETTING_TEXT, SDA, "", NULL, "PEM file of the authorities that backends' certificates must come from; empty: the system's" },
	{ "backend.idle_timeout", SETTING_DURATION, SDA, "45m", NULL, "end a client's session at a backend when neither has said anything for so long; 0: never" },
	{ "backend.lmtp_port", SETTING_UINT, S, "24", NULL, "LMTP port of the hosts that accounts' backends name" },
	{ "backend.master_password_file", SETTING_TEXT, SDA, "", NULL, "file with the password of backend.master_user" },
	{ "backend.master_separator", SETTING_TEXT, SDA, "", NULL, "log in at backends as USER, this, MASTER; empty: as MASTER with SASL's authorisation identity" },
	{ "backend.master_user", SETTING_TEXT, SDA, "", NULL, "master user to log in at backends as; empty: as the user, with his own password" },
	{ "backend.timeout", SETTING_DURATION, SDA, "10s", NULL, "time to connect to a backend and log in there" },
	{ "backend.tls", SETTING_CHOICE, SDA, "starttls", "no starttls tls", "TLS to backends: none, after STARTTLS, from the start" },
	{ "backend.verify", SETTING_BOOL, SDA, "yes", NULL, "check backends' certificates" },
	{ "client.block_after", SETTING_UINT, S, "0", NULL, "messages and recipients of one address that may be refused for good within an hour, by the filter or by the MTA, before all daemons block it for auth.block_time; 0: never, since who sends on others' mail is refused without fault of his" },
	{ "client.blocked", SETTING_CHOICE, SDA, "reject", ACTIONS, "what is done with mail whose client or sender the recipient, his domain or the site has blocked (mailstead filter block)" },
	{ "client.failed_logins", SETTING_CHOICE, S, "tempfail", ACTIONS, "what is done with mail from an address that is blocked since too many logins from it failed" },
	{ "client.helo_invalid", SETTING_CHOICE, SDA, "tag", ACTIONS, "what is done with mail from a client that does not call itself by a full host name or by its own address" },
	{ "client.helo_ours", SETTING_CHOICE, SDA, "reject", ACTIONS, "what is done with mail from a stranger that calls itself by this host's name or one of our domains" },
	{ "client.no_ptr", SETTING_CHOICE, SDA, "tag", ACTIONS, "what is done with mail from a client whose address has no name in the DNS" },
	{ "client.ptr_mismatch", SETTING_CHOICE, SDA, "off", ACTIONS, "what is done with mail from a client whose name in the DNS does not lead back to its address" },
	{ "delivery.dedup_window", SETTING_DURATION, SDA, "0", NULL, "store a Message-ID once within this time; 0: off" },
	{ "delivery.detail_mailbox", SETTING_BOOL, SDA, "no", NULL, "deliver user+NAME to the mailbox NAME if it exists" },
	{ "delivery.junk", SETTING_BOOL, SDA, "yes", NULL, "keep mail that is spam (X-Spam-Flag, or a score of spam.tag) in the Junk mailbox, where no script says otherwise" },
	{ "delivery.over_quota", SETTING_CHOICE, SDA, "tempfail", "tempfail reject", "answer to mail for a full account" },
	{ "delivery.redelivery_window", SETTING_DURATION, SD, "1d", NULL, "how long a repeated delivery of the same message is recognised; 0: never" },
	{ "dkim.max_signatures", SETTING_UINT, S, "8", NULL, "DKIM signatures of a message that are looked at" },
	{ "dkim.min_bits", SETTING_UINT, S, "1024", NULL, "shortest RSA key whose DKIM signatures count" },
	{ "dkim.rotate", SETTING_DURATION, SD, "0", NULL, "how long a DKIM key signs before a new one takes its place; 0: until somebody replaces it" },
	{ "dkim.rotate_keep", SETTING_DURATION, SD, "14d", NULL, "how long the record of a DKIM key that signs no more stays in the DNS, for mail on its way" },
	{ "dkim.rotate_wait", SETTING_DURATION, SD, "2d", NULL, "how long the DNS must have shown the record of a new DKIM key before it signs" },
	{ "dkim.sign", SETTING_BOOL, SD, "yes", NULL, "sign mail from the domain with its active DKIM keys" },
	{ "dmarc.discovery", SETTING_CHOICE, S, "psl", "psl tree", "how DMARC finds organizational domains: by the Public Suffix List (RFC 7489), or up the DNS tree (DMARCbis)" },
	{ "dmarc.quarantine", SETTING_CHOICE, SDA, "tag", ACTIONS, "what is done with mail whose author's domain wants it quarantined (DMARC)" },
	{ "dmarc.reject", SETTING_CHOICE, SDA, "reject", ACTIONS, "what is done with mail whose author's domain wants it rejected (DMARC)" },
	{ "dmarc.temperror", SETTING_CHOICE, SDA, "tempfail", ACTIONS, "what is done with mail of which the DNS does not tell whether it is from its author" },
	{ "dnsbl.lists", SETTING_TEXT, S, "", NULL, "lists in the DNS that are asked about clients, and with rhs: before it about their names and senders' domains: ZONE[=PATTERN][*WEIGHT], separated by spaces" },
	{ "dnsbl.quarantine", SETTING_SCORE, SDA, "0", NULL, "sum of weights of DNS lists from which on mail is put into quarantine; 0: never" },
	{ "dnsbl.reject", SETTING_SCORE, SDA, "5", NULL, "sum of weights of DNS lists from which on mail is rejected; 0: never" },
	{ "dnsbl.tag", SETTING_SCORE, SDA, "1", NULL, "sum of weights of DNS lists from which on mail is tagged as unwanted; 0: never" },
	{ "filter.author", SETTING_CHOICE, SDA, "tag", ACTIONS, "what is done with mail whose From names no author, or several of different domains" },
	{ "filter.authserv_id", SETTING_TEXT, S, "", NULL, "name of this site in Authentication-Results (RFC 8601); empty: the hostname" },
	{ "filter.compare", SETTING_BOOL, S, "no", NULL, "log where libspf2, libopendkim and libopendmarc come to other results" },
	{ "filter.dns_queries", SETTING_UINT, S, "100", NULL, "DNS questions about one message" },
	{ "filter.dns_time", SETTING_DURATION, S, "20s", NULL, "how long the DNS may take for one message" },
	{ "filter.max_header", SETTING_SIZE, S, "1M", NULL, "largest header of a message; one with more is refused" },
	{ "filter.trusted_networks", SETTING_TEXT, S, "127.0.0.0/8, ::1", NULL, "addresses and networks of our own hosts, whose mail is outgoing" },
	{ "greylist.action", SETTING_CHOICE, SDA, "tempfail", "off tag tempfail", "what strangers are told who send for the first time: to come again (tempfail), or nothing (off)" },
	{ "greylist.delay", SETTING_DURATION, S, "60s", NULL, "when it is soon enough to come again" },
	{ "greylist.entries", SETTING_UINT, S, "50000", NULL, "strangers, known places, correspondents and domains of each of which so many are remembered; read when milterd starts" },
	{ "greylist.lifetime", SETTING_DURATION, S, "36d", NULL, "how long a place that came again is known without sending" },
	{ "greylist.retry", SETTING_DURATION, S, "2d", NULL, "how long a stranger has to come again" },
	{ "imap.compress", SETTING_BOOL, SDA, "yes", NULL, "let IMAP clients compress their connections (RFC 4978)" },
	{ "imap.id", SETTING_TEXT, S, "name *", NULL, "fields and values that the server tells IMAP clients of itself; *: what it knows; empty: none" },
	{ "imap.id_log", SETTING_TEXT, S, "", NULL, "fields to log of what IMAP clients tell of themselves; *: all" },
	{ "imap.unauthenticate", SETTING_BOOL, SDA, "yes", NULL, "let IMAP clients log out without closing the connection (RFC 8437)" },
	{ "imap.urlauth_submit", SETTING_BOOL, SDA, "no", NULL, "the account is a submission server, which may read what URLs with submit+ let it (RFC 4467)" },
	{ "limit.account_messages_day", SETTING_UINT, SDA, "1000", NULL, "messages that an account may send within a day; 0: no limit" },
	{ "limit.account_messages_hour", SETTING_UINT, SDA, "0", NULL, "messages that an account may send within an hour; 0: no limit" },
	{ "limit.account_recipients_day", SETTING_UINT, SDA, "2000", NULL, "recipients that an account may send to within a day; 0: no limit" },
	{ "limit.account_recipients_hour", SETTING_UINT, SDA, "0", NULL, "recipients that an account may send to within an hour; 0: no limit" },
	{ "limit.action", SETTING_CHOICE, SDA, "tempfail", "tempfail reject", "what who is over a limit is told: to come again later, or that the message is refused" },
	{ "limit.client_connections_hour", SETTING_UINT, S, "0", NULL, "connections of a stranger's address within an hour; 0: no limit" },
	{ "limit.client_connections_minute", SETTING_UINT, S, "0", NULL, "connections of a stranger's address within a minute; 0: no limit" },
	{ "limit.client_messages_hour", SETTING_UINT, S, "0", NULL, "messages from a stranger's address within an hour; 0: no limit" },
	{ "limit.client_messages_minute", SETTING_UINT, S, "0", NULL, "messages from a stranger's address within a minute; 0: no limit" },
	{ "limit.domain_messages_day", SETTING_UINT, SD, "0", NULL, "messages that the accounts of a domain may send within a day; 0: no limit" },
	{ "limit.domain_messages_hour", SETTING_UINT, SD, "0", NULL, "messages that the accounts of a domain may send within an hour; 0: no limit" },
	{ "limit.domain_recipients_day", SETTING_UINT, SD, "0", NULL, "recipients that the accounts of a domain may send to within a day; 0: no limit" },
	{ "limit.domain_recipients_hour", SETTING_UINT, SD, "0", NULL, "recipients that the accounts of a domain may send to within an hour; 0: no limit" },
	{ "limit.host_messages_day", SETTING_UINT, S, "0", NULL, "outgoing messages from one address within a day; 0: no limit" },
	{ "limit.host_messages_hour", SETTING_UINT, S, "0", NULL, "outgoing messages from one address within an hour; 0: no limit" },
	{ "limit.host_recipients_day", SETTING_UINT, S, "0", NULL, "recipients of outgoing mail from one address within a day; 0: no limit" },
	{ "limit.host_recipients_hour", SETTING_UINT, S, "0", NULL, "recipients of outgoing mail from one address within an hour; 0: no limit" },
	{ "limit.network_connections_hour", SETTING_UINT, S, "0", NULL, "connections of a stranger's network (/24 or /64) within an hour; 0: no limit" },
	{ "limit.network_connections_minute", SETTING_UINT, S, "0", NULL, "connections of a stranger's network (/24 or /64) within a minute; 0: no limit" },
	{ "limit.network_messages_hour", SETTING_UINT, S, "0", NULL, "messages from a stranger's network (/24 or /64) within an hour; 0: no limit" },
	{ "limit.network_messages_minute", SETTING_UINT, S, "0", NULL, "messages from a stranger's network (/24 or /64) within a minute; 0: no limit" },
	{ "limit.webhook", SETTING_TEXT, S, "", NULL, "URL that is told, once in a window, when somebody comes to a limit; empty: none" },
	{ "login.certificate_names", SETTING_WORDS, S, "email", "email cn", "which names in clients' certificates are users" },
	{ "login.default_domain", SETTING_TEXT, S, "", NULL, "domain of user names without one" },
	{ "login.mechanisms", SETTING_WORDS, S, "PLAIN LOGIN", "PLAIN LOGIN CRAM-MD5 APOP SCRAM-SHA-1 SCRAM-SHA-256 EXTERNAL OAUTHBEARER XOAUTH2", "mechanisms to log in with" },
	{ "login.services", SETTING_WORDS, SDA, "*", "* imap pop3 smtp sieve dav eas web", "services an account may use; *: all" },
	{ "metadata.admin", SETTING_TEXT, SD, "", NULL, "URI of the server's administrator, for IMAP clients" },
	{ "metadata.comment", SETTING_TEXT, SD, "", NULL, "what the server says of itself to IMAP clients" },
	{ "metadata.max_entries", SETTING_UINT, SD, "100", NULL, "annotations of a mailbox that all users share, and that each has for himself" },
	{ "metadata.max_size", SETTING_SIZE, SD, "32K", NULL, "longest value of an annotation, up to 64K" },
	{ "mta.postmaster", SETTING_TEXT, SD, "", NULL, "address that reports and notifications come from; empty: postmaster at the account's domain" },
	{ "mta.queue_lifetime", SETTING_DURATION, SDA, "5d", NULL, "how long mail that an account sends is tried before its owner is told that it could not be sent" },
	{ "mta.retry_pause", SETTING_DURATION, S, "30s", NULL, "wait before mail that the MTA did not take is tried again; each further wait is twice as long, up to an hour" },
	{ "mta.submission", SETTING_TEXT, S, "127.0.0.1:25", NULL, "HOST:PORT of the MTA that takes the mail accounts send by themselves, from this host without a login" },
	{ "mta_sts.max_age", SETTING_DURATION, SD, "7d", NULL, "how long other sites may keep the domain's MTA-STS policy, up to a year" },
	{ "mta_sts.mode", SETTING_CHOICE, SD, "off", "off none testing enforce", "the MTA-STS policy that the domain publishes: none at all (off), or one of this mode" },
	{ "mta_sts.mx", SETTING_TEXT, SD, "", NULL, "hosts that take the domain's mail, separated by spaces, *. for one label; empty: the hostname" },
	{ "notify.webhooks", SETTING_TEXT, SDA, "", NULL, "beginnings of the URLs that scripts may notify, separated by spaces; *: all https URLs of the public Internet; empty: none" },
	{ "oauth.audience", SETTING_TEXT, SD, "", NULL, "audiences one of which a token must be for; *: any" },
	{ "oauth.ca_file", SETTING_TEXT, SD, "", NULL, "PEM file of the authorities that the provider's certificate must come from; empty: the system's" },
	{ "oauth.cache_time", SETTING_DURATION, SD, "1h", NULL, "how long the keys of a provider count before they are fetched again" },
	{ "oauth.claims", SETTING_TEXT, SD, "email", NULL, "claims that name the user; the first that a token has counts" },
	{ "oauth.client_id", SETTING_TEXT, SD, "", NULL, "name to call oauth.introspection with" },
	{ "oauth.client_secret_file", SETTING_TEXT, SD, "", NULL, "file with the secret of oauth.client_id" },
	{ "oauth.discovery", SETTING_TEXT, SD, "", NULL, "URL of the provider's OpenID configuration, told to clients whose token is refused" },
	{ "oauth.introspection", SETTING_TEXT, SD, "", NULL, "URL that says whether a token is valid (RFC 7662)" },
	{ "oauth.issuer", SETTING_TEXT, SD, "", NULL, "issuer a token must be from; *: any" },
	{ "oauth.jwks", SETTING_TEXT, SD, "", NULL, "file or URL with the keys that tokens are signed with (JSON Web Key Set)" },
	{ "oauth.leeway", SETTING_DURATION, SD, "60s", NULL, "by how much clocks may differ when a token's times are looked at" },
	{ "oauth.scopes", SETTING_TEXT, SD, "", NULL, "scopes a token must have, all of them" },
	{ "oauth.timeout", SETTING_DURATION, SD, "5s", NULL, "time to ask the provider" },
	{ "outbound.dane", SETTING_CHOICE, S, "dane", "off dane dane-only", "what the MTA is told of domains all of whose hosts have TLSA records (DANE): nothing, to use them where it sees them, to use nothing else" },
	{ "outbound.fetch_time", SETTING_DURATION, S, "60s", NULL, "how long an MTA-STS policy may take to be fetched, up to a minute; mail waits so long for the first one of a domain" },
	{ "outbound.mta_sts", SETTING_CHOICE, S, "enforce", "off testing enforce", "whether MTA-STS policies of other domains are obeyed (enforce), or only fetched and logged (testing)" },
	{ "outbound.mta_sts_ca_file", SETTING_TEXT, S, "", NULL, "PEM file of the authorities that the certificates of MTA-STS policy hosts must come from; empty: the system's" },
	{ "password.min_length", SETTING_UINT, SD, "8", NULL, "shortest password that can be set" },
	{ "pop3.delete", SETTING_CHOICE, SDA, "yes", "yes no hide always", "what DELE does: remove, be refused, hide from POP3; always: remove all that was retrieved" },
	{ "pop3.expire", SETTING_DURATION, SDA, "0", NULL, "age at which read mail is removed from INBOX when its owner logs in over POP3; 0: never" },
	{ "pop3.login_delay", SETTING_DURATION, SDA, "0", NULL, "least time between two POP3 logins; 0: none" },
	{ "pop3.seen", SETTING_BOOL, SDA, "yes", NULL, "mail retrieved over POP3 becomes \\Seen" },
	{ "pop3.uidl", SETTING_CHOICE, SDA, "uid", "uid content", "POP3 unique-ids: UIDVALIDITY and UID, or a hash of the message" },
	{ "pop3.utf8", SETTING_CHOICE, SDA, "downgrade", "downgrade send refuse", "messages with UTF-8 in their headers, for POP3 clients that did not say UTF8: downgrade them, send them as they are, refuse them" },
	{ "quarantine.digest", SETTING_DURATION, SDA, "0", NULL, "how often the owner of an account is told by mail what is new in quarantine; 0: never" },
	{ "quarantine.keep", SETTING_DURATION, SDA, "30d", NULL, "how long mail that comes into quarantine is kept; 0: until somebody deletes it" },
	{ "quarantine.learn", SETTING_BOOL, S, "yes", NULL, "spam that is released from quarantine is learned as no spam, if spam.train is on" },
	{ "quarantine.max_size", SETTING_SIZE, SDA, "100M", NULL, "size of all that an account has in quarantine, of which the oldest goes first; 0: no limit" },
	{ "quarantine.site_max_size", SETTING_SIZE, S, "1G", NULL, "the same of what only the operator may release: malware, and mail that breaks a policy" },
	{ "quarantine.url", SETTING_TEXT, SD, "", NULL, "page for releasing mail from quarantine, with %s for its id, that digests name; empty: none" },
	{ "quota.admins", SETTING_TEXT, SD, "", NULL, "addresses of accounts that may set quotas over IMAP" },
	{ "quota.bytes", SETTING_SIZE, SDA, "0", NULL, "storage limit of an account; 0: none" },
	{ "quota.mailboxes", SETTING_UINT, SDA, "0", NULL, "limit of mailboxes an account can have; 0: none" },
	{ "quota.messages", SETTING_UINT, SDA, "0", NULL, "message limit of an account; 0: none" },
	{ "report.dmarc", SETTING_BOOL, S, "yes", NULL, "send aggregate reports to the domains that ask for them (DMARC's rua=)" },
	{ "report.dmarc_interval", SETTING_DURATION, S, "24h", NULL, "what time an aggregate report is about, from an hour to a day; days begin at midnight UTC" },
	{ "report.failure", SETTING_CHOICE, S, "no", "no redacted", "send reports of single messages to the domains that ask for them (DMARC's ruf=): none, or with the header, in which local parts of addresses are made unreadable" },
	{ "report.failure_limit", SETTING_UINT, S, "10", NULL, "failure reports that an organization's domains are sent a day; 0: none" },
	{ "report.from", SETTING_TEXT, S, "", NULL, "address that reports come from, and that their bounces go to; empty: mta.postmaster" },
	{ "report.keep", SETTING_DURATION, S, "90d", NULL, "how long reports are kept, received ones and what was sent" },
	{ "report.max_size", SETTING_SIZE, S, "10M", NULL, "largest report that is sent; domains can ask for smaller ones; 0: no limit" },
	{ "report.org_name", SETTING_TEXT, S, "", NULL, "name of this site in its reports; empty: the domain of report.from" },
	{ "report.receive", SETTING_TEXT, SD, "dmarc-reports tls-reports", NULL, "addresses, or local parts of the domain's addresses, separated by spaces: aggregate and TLS reports that come to them are read" },
	{ "report.tls", SETTING_BOOL, S, "yes", NULL, "send TLS reports to the domains that ask for them, of what report.tls_log tells" },
	{ "report.tls_ca_file", SETTING_TEXT, S, "", NULL, "PEM file of the authorities that the hosts' certificates must come from to which TLS reports are posted; empty: the system's" },
	{ "report.tls_log", SETTING_TEXT, S, "", NULL, "mail log of the Postfix that delivers to other hosts, which TLS reports are made of; empty: none are" },
	{ "report.tls_private", SETTING_BOOL, S, "no", NULL, "post TLS reports to hosts of private networks, too" },
	{ "sender.catchall", SETTING_BOOL, SD, "no", NULL, "a catch-all's targets may send as any address of the domain" },
	{ "sharing.anyone", SETTING_CHOICE, SD, "domain", "no domain site", "whom \"anyone\" means in rights: nobody, the owner's domain, or all accounts" },
	{ "sharing.prefix", SETTING_TEXT, S, "Other Users", NULL, "name above other users' mailboxes in IMAP; empty: none are shown" },
	{ "sieve.create_mailboxes", SETTING_BOOL, SDA, "no", NULL, "make the mailboxes that fileinto names; no: only with :create" },
	{ "sieve.extensions", SETTING_CHANGES, SDA, "*", SIEVE_EXTENSIONS, "what Sieve scripts may require; *: all but those that run programs" },
	{ "sieve.imap_before", SETTING_TEXT, SDA, "", NULL, "global scripts, separated by spaces, that run when an IMAP user stores, copies or marks a message, before the script of the mailbox" },
	{ "sieve.imap_expunge", SETTING_BOOL, SDA, "no", NULL, "remove messages that such scripts discard; no: they become \\Deleted" },
	{ "sieve.imap_max_messages", SETTING_UINT, SDA, "1000", NULL, "messages of one IMAP command that such scripts act on; 0: no limit" },
	{ "sieve.imap_max_time", SETTING_DURATION, SDA, "1m", NULL, "how long they may act on the messages of one IMAP command" },
	{ "sieve.max_redirects", SETTING_UINT, SDA, "4", NULL, "addresses that a Sieve script may send one message to" },
	{ "sieve.max_script_size", SETTING_SIZE, SDA, "1M", NULL, "largest Sieve script" },
	{ "sieve.max_scripts", SETTING_UINT, SDA, "100", NULL, "Sieve scripts an account can have; 0: no limit" },
	{ "sieve.max_storage", SETTING_SIZE, SDA, "10M", NULL, "size of an account's Sieve scripts together; 0: no limit" },
	{ "sieve.program_dir", SETTING_TEXT, S, "", NULL, "folder of the programs that scripts may start; empty: none" },
	{ "sieve.program_paths", SETTING_TEXT, S, "", NULL, "folders that these programs may read and write, separated by spaces" },
	{ "sieve.program_timeout", SETTING_DURATION, S, "10s", NULL, "how long such a program may run" },
	{ "sieve.protected_headers", SETTING_TEXT, SDA, "", NULL, "headers that Sieve scripts can neither add nor delete, separated by spaces" },
	{ "sieve.redirect_from", SETTING_TEXT, SDA, "sender", NULL, "reverse-path of mail that scripts send on: sender, recipient, orig_recipient, user, postmaster, or an address in <>" },
	{ "sieve.referral", SETTING_BOOL, SDA, "no", NULL, "send ManageSieve clients to the account's backend instead of passing on what they say" },
	{ "sieve.spam_header", SETTING_TEXT, SDA, "X-Spam-Score", NULL, "header with the score that Sieve's spamtest reads" },
	{ "sieve.spam_max", SETTING_TEXT, SDA, "10", NULL, "score that is spam for certain" },
	{ "sieve.spam_pattern", SETTING_TEXT, SDA, "", NULL, "regular expression whose first group is the score in sieve.spam_header; empty: the value begins with it" },
	{ "sieve.vacation_subject", SETTING_TEXT, SDA, "Auto: %{subject}", NULL, "subject of vacation's answers" },
	{ "sieve.virus_header", SETTING_TEXT, SDA, "X-Virus-Score", NULL, "header with the score that Sieve's virustest reads" },
	{ "sieve.virus_max", SETTING_TEXT, SDA, "5", NULL, "score that is a virus for certain" },
	{ "sieve.virus_pattern", SETTING_TEXT, SDA, "", NULL, "the same as sieve.spam_pattern for sieve.virus_header" },
	{ "spam.engine", SETTING_CHOICE, S, "spamd", "spamd rspamd", "whom spam.server speaks for" },
	{ "spam.failed", SETTING_CHOICE, SDA, "off", "off tag tempfail", "what is done with mail while the spam engine does not answer" },
	{ "spam.max_size", SETTING_SIZE, S, "512K", NULL, "largest message that the spam engine is asked about; 0: no limit" },
	{ "spam.outgoing", SETTING_BOOL, S, "no", NULL, "ask about mail that our accounts send, too" },
	{ "spam.password_file", SETTING_TEXT, S, "", NULL, "file with the password of rspamd's controller" },
	{ "spam.per_account", SETTING_BOOL, S, "yes", NULL, "ask with the preferences of the account that gets it" },
	{ "spam.quarantine", SETTING_SCORE, SDA, "0", NULL, "score from which on mail is put into quarantine; 0: never" },
	{ "spam.reject", SETTING_SCORE, SDA, "15", NULL, "score from which on mail is rejected; 0: never" },
	{ "spam.server", SETTING_TEXT, S, "", NULL, "socket of the spam engine: unix:/PATH or HOST:PORT; empty: it is not asked" },
	{ "spam.tag", SETTING_SCORE, SDA, "5", NULL, "score from which on mail is spam, which is delivered with a note in its header; 0: never" },
	{ "spam.timeout", SETTING_DURATION, S, "30s", NULL, "how long the spam engine may take for one message" },
	{ "spam.train", SETTING_CHOICE, S, "off", "off account site", "let the spam engine learn from what users move into Junk and out of it: for each account by itself, or for the site" },
	{ "spam.turns", SETTING_UINT, S, "4", NULL, "messages that the spam engine is asked about at once; others wait" },
	{ "spf.error", SETTING_CHOICE, SDA, "off", ACTIONS, "what is done with mail whose sender's SPF record is broken" },
	{ "spf.fail", SETTING_CHOICE, SDA, "tag", ACTIONS, "what is done with mail that the sender's domain does not let this client send" },
	{ "spf.helo_fail", SETTING_CHOICE, SDA, "tag", ACTIONS, "what is done with mail from a client that calls itself by a name it may not use" },
	{ "spf.softfail", SETTING_CHOICE, SDA, "off", ACTIONS, "what is done with mail that the sender's domain probably does not let this client send" },
	{ "srs.domain", SETTING_TEXT, SD, "", NULL, "domain of rewritten senders, for which the MTA must take mail; empty: that of the account" },
	{ "srs.enabled", SETTING_BOOL, SDA, "no", NULL, "rewrite senders of other sites in mail that accounts send on (SRS)" },
	{ "store.blob_threshold", SETTING_SIZE, SD, "1M", NULL, "larger messages are kept as files" },
	{ NULL, SETTING_TEXT, 0, NULL, NULL, NULL },
	/* clang-format on */
};
#define COUNT (LEN(table) - 1)

const struct site_setting *
site_settings(void)
{
	return table;
}

const struct site_setting *
site_setting_find(struct str key)
{
	size_t lo = 0, hi = COUNT;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = str_cmp(str_of(table[mid].key), key);

		if (c == 0)
			return &table[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* ------------------------------------------------------------------------
 * Values
 */

/* Up to nine digits, up to three after the point. */
static bool
parse_score(struct str s, uint64_t *out)
{
	bool minus = str_starts(s, STR("-"));
	struct str whole, part = str_sub(s, minus, STR_NPOS);
	uint64_t units = 0, thousandths = 0;

	if (!str_split(&part, '.', &whole) || whole.n > 9 ||
	    !str_u64(whole, &units) || part.n > 3 ||
	    (part.n > 0 && !str_u64(part, &thousandths)))
		return false;
	for (size_t i = part.n; i < 3; i++)
		thousandths *= 10;
	*out = units * 1000 + thousandths;
	if (minus)
		*out = -*out;
	return true;
}

static bool
has_word(const char *words, struct str word)
{
	struct str rest = str_of(words), w;

	while (str_split(&rest, ' ', &w)) {
		if (str_eq(w, word))
			return true;
	}
	return false;
}

static bool
has_words(const char *words, struct str value, bool changes)
{
	struct str word, rest, w;

	while (value.n && str_split(&value, ' ', &word)) {
		if (changes && str_starts(word, STR("-")))
			word = str_sub(word, 1, STR_NPOS);
		rest = str_of(words);
		do {
			if (!str_split(&rest, ' ', &w))
				return false;
		} while (word.n && !str_ieq(w, word));
	}
	return true;
}

static bool
parse(const struct site_setting *k, struct str value, uint64_t *out)
{
	*out = 0;
	switch (k->type) {
	case SETTING_TEXT:
		return str_is_utf8(value) && value.n <= 4096;
	case SETTING_BOOL:
		return str_bool(value, out);
	case SETTING_UINT:
		return str_u64(value, out);
	case SETTING_SIZE:
		return str_size(value, out);
	case SETTING_DURATION:
		return str_duration(value, out);
	case SETTING_SCORE:
		return parse_score(value, out);
	case SETTING_CHOICE:
		return has_word(k->choices, value);
	case SETTING_WORDS:
		return has_words(k->choices, value, false);
	case SETTING_CHANGES:
		return has_words(k->choices, value, true);
	}
	return false;
}

/* ------------------------------------------------------------------------
 * Reading
 *
 * Effective values are kept by scope and key until the directory changes.
 */

#define CACHE_MAX 100000

struct settings_cache {
	pthread_mutex_t lock;
	uint64_t generation;
	struct map *values; /* "key SP domain SP account" -> char * */
};

struct settings_cache *
settings_cache_new(void)
{
	struct settings_cache *c = mem_zalloc(sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	c->values = map_new();
	return c;
}

static void
free_values(struct settings_cache *c)
{
	size_t at = 0;
	void *value;

	while (map_next(c->values, &at, NULL, &value))
		free(value);
	map_free(&c->values);
}

void
settings_cache_free(struct settings_cache **c)
{
	if (!*c)
		return;
	free_values(*c);
	pthread_mutex_destroy(&(*c)->lock);
	free(*c);
	*c = NULL;
}

/* Locked. */
static void
start_generation(struct settings_cache *c, uint64_t generation)
{
	if (c->generation == generation && map_count(c->values) < CACHE_MAX)
		return;
	free_values(c);
	c->values = map_new();
	c->generation = generation;
}

static bool
cache_get(struct settings_cache *c, uint64_t generation, struct str id,
    struct arena *a, struct str *out)
{
	const char *value;

	pthread_mutex_lock(&c->lock);
	start_generation(c, generation);
	value = map_get(c->values, id);
	if (value)
		*out = arena_str(a, str_of(value));
	pthread_mutex_unlock(&c->lock);
	return value != NULL;
}

/* GENERATION was read before the value, so what is kept is never older. */
static void
cache_put(struct settings_cache *c, uint64_t generation, struct str id,
    const char *value)
{
	pthread_mutex_lock(&c->lock);
	if (c->generation == generation)
		free(map_set(c->values, id, mem_strdup(value)));
	pthread_mutex_unlock(&c->lock);
}

/* Nearest first: the account, its domain and those above it, the site. */
static const char lookup_sql[] =
    "WITH RECURSIVE"
    " acc(n, domain) AS (SELECT n, domain FROM accounts WHERE id = ?3),"
    " up(id, parent, depth) AS ("
    "  SELECT id, parent, 1 FROM domains"
    "   WHERE name = ?2 OR id = (SELECT domain FROM acc)"
    "  UNION ALL SELECT d.id, d.parent, up.depth + 1"
    "   FROM up JOIN domains d ON d.id = up.parent WHERE up.depth < 32)"
    "SELECT value, 0 AS depth FROM acc JOIN settings"
    " ON ifnull(account, 0) = acc.n AND ifnull(settings.domain, 0) = 0"
    " AND key = ?1 "
    "UNION ALL SELECT value, depth FROM up JOIN settings"
    " ON ifnull(account, 0) = 0 AND ifnull(settings.domain, 0) = up.id"
    " AND key = ?1 "
    "UNION ALL SELECT value, 1000 FROM settings"
    " WHERE ifnull(account, 0) = 0 AND ifnull(domain, 0) = 0 AND key = ?1 "
    "ORDER BY 2 LIMIT 1";

static struct str
lookup(struct sq *q, struct arena *a, const struct site_setting *k,
    struct site_scope scope)
{
	struct sqlite3_stmt *st;
	struct err e = ERR_INIT;
	struct str value = str_of(k->value);
	enum sq_rc rc = sq_one(q, &st, &e, lookup_sql, SQ_C(k->key),
	    SQ_T(scope.domain), SQ_T(scope.account));

	if (rc == SQ_ROW) {
		value = sq_dup(a, st, 0);
		sq_reset(st);
	} else if (rc != SQ_DONE) {
		log_error("site_setting", LOG_CSTR("key", k->key), LOG_ERR(&e));
	}
	return value;
}

static char *
append(char *to, struct str s)
{
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	to[s.n] = ' ';
	return to + s.n + 1;
}

/* "KEY DOMAIN ACCOUNT ". milterd reads a hundred settings for each message, for
 * which formatting took a sixth of its time. */
static struct str
cache_id(struct arena *a, const char *key, struct site_scope scope)
{
	struct str k = str_of(key);
	size_t n = k.n + scope.domain.n + scope.account.n + 3;
	char *id = arena_alloc(a, n);

	append(append(append(id, k), scope.domain), scope.account);
	return (struct str){ id, n };
}

static struct str
cached(struct site *s, struct reader_slot *r, struct arena *a,
    const struct site_setting *k, struct site_scope scope)
{
	uint64_t generation = site_reader_generation(r);
	struct str id = cache_id(a, k->key, scope), value;

	if (cache_get(s->settings, generation, id, a, &value))
		return value;
	value = arena_str(a, lookup(r->q, a, k, scope));
	cache_put(s->settings, generation, id, value.p);
	return value;
}

struct str
setting_on(struct site *s, struct reader_slot *r, struct arena *a,
    const char *key, struct site_scope scope)
{
	const struct site_setting *k = site_setting_find(str_of(key));

	if (k)
		return cached(s, r, a, k, scope);
	log_error("site_setting_unknown", LOG_CSTR("key", key));
	return STR("");
}

uint64_t
setting_uint_on(struct site *s, struct reader_slot *r, const char *key,
    struct site_scope scope)
{
	const struct site_setting *k = site_setting_find(str_of(key));
	struct arena *a = arena_new();
	uint64_t v = 0;

	if (k)
		parse(k, setting_on(s, r, a, key, scope), &v);
	arena_free(&a);
	return v;
}

void
site_settings_read(struct site *s, struct arena *a, struct site_scope scope,
    struct site_value *list, size_t n)
{
	struct reader_slot *r;
	struct err e = ERR_INIT;
	bool open = site_reader(s, &r, &e) == SITE_OK;

	if (!open)
		log_error("site_setting", LOG_ERR(&e));
	for (size_t i = 0; i < n; i++) {
		struct site_value *v = &list[i];
		const struct site_setting *k =
		    site_setting_find(str_of(v->key));

		v->text = STR("");
		v->number = 0;
		if (!k) {
			log_error(
			    "site_setting_unknown", LOG_CSTR("key", v->key));
			continue;
		}
		v->text = open ? cached(s, r, a, k, scope) : str_of(k->value);
		parse(k, v->text, &v->number);
	}
	if (open)
		site_reader_done(s, r);
}

struct str
site_setting(
    struct site *s, struct arena *a, const char *key, struct site_scope scope)
{
	struct site_value v = { .key = key };

	site_settings_read(s, a, scope, &v, 1);
	return v.text;
}

uint64_t
site_setting_uint(struct site *s, const char *key, struct site_scope scope)
{
	struct site_value v = { .key = key };
	struct arena *a = arena_new();

	site_settings_read(s, a, scope, &v, 1);
	arena_free(&a);
	return v.number;
}

bool
site_setting_bool(struct site *s, const char *key, struct site_scope scope)
{
	return site_setting_uint(s, key, scope) != 0;
}

/* ------------------------------------------------------------------------
 * Changing
 */

struct place {
	int64_t domain, account; /* 0: NULL */
	unsigned scope;
	struct str name; /* for the audit trail */
};

static enum site_rc
find_place(struct sq *q, struct arena *a, struct site_scope scope,
    struct place *out, struct err *e)
{
	struct domain_row row;
	struct str name;
	enum site_rc rc;

	*out = (struct place){ .scope = SCOPE_SITE, .name = STR("site") };
	if (scope.account.n) {
		out->scope = SCOPE_ACCOUNT;
		out->name = scope.account;
		return account_number(q, scope.account, &out->account, e);
	}
	if (scope.domain.n == 0)
		return SITE_OK;
	if (!site_domain_normalize(a, scope.domain, &name))
		return site_fail(e, SITE_INVALID,
		    "\"%.*s\" is not a domain name", STR_ARG(scope.domain));
	rc = domain_row_get(q, name, &row, e);
	out->scope = SCOPE_DOMAIN;
	out->domain = row.id;
	out->name = name;
	return rc;
}

static enum site_rc
check(const struct site_setting *k, struct str value, unsigned scope,
    struct err *e)
{
	static const char *const wanted[] = {
		[SETTING_TEXT] = "text",
		[SETTING_BOOL] = "yes or no",
		[SETTING_UINT] = "a number",
		[SETTING_SIZE] = "a size such as 64M",
		[SETTING_DURATION] = "a duration such as 30m",
		[SETTING_SCORE] = "a number such as 5 or -2.5",
		[SETTING_CHOICE] = "one of",
		[SETTING_WORDS] = "words of",
		[SETTING_CHANGES] =
		    "words, perhaps with a \"-\" before them, of",
	};
	uint64_t ignored;

	if (!(k->scopes & scope))
		return site_fail(e, SITE_INVALID,
		    "%s cannot be set for %s, only for %s", k->key,
		    scope == SCOPE_ACCOUNT ? "an account" : "a domain",
		    k->scopes & SCOPE_DOMAIN ? "a domain or the site"
					     : "the site");
	if (value.p && !parse(k, value, &ignored))
		return site_fail(e, SITE_INVALID, "%s: expected %s %s", k->key,
		    wanted[k->type], k->choices ? k->choices : "");
	return SITE_OK;
}

static enum sq_rc
write_row(struct sq *q, const struct place *p, struct str key, struct str value,
    struct err *e)
{
	enum sq_rc rc = sq_run(q, e,
	    "DELETE FROM settings WHERE ifnull(account, 0) = ?"
	    " AND ifnull(domain, 0) = ? AND key = ?",
	    SQ_I(p->account), SQ_I(p->domain), SQ_T(key));

	if (rc != SQ_OK || !value.p)
		return rc;
	return sq_run(q, e,
	    "INSERT INTO settings (domain, account, key, value)"
	    " VALUES (nullif(?, 0), nullif(?, 0), ?, ?)",
	    SQ_I(p->domain), SQ_I(p->account), SQ_T(key), SQ_T(value));
}

enum site_rc
site_setting_set(struct site *s, const struct site_by *by, struct str key,
    struct site_scope scope, struct str value, struct err *e)
{
	const struct site_setting *k = site_setting_find(key);
	struct arena *a;
	struct place p = { .name = STR("site") };
	struct sq *q;
	enum site_rc rc;

	if (!k)
		return site_fail(e, SITE_NOTFOUND,
		    "there is no setting \"%.*s\"", STR_ARG(key));
	if ((rc = site_change_begin(s, &q, e)) != SITE_OK)
		return rc;
	a = arena_new();
	rc = find_place(q, a, scope, &p, e);
	if (rc == SITE_OK)
		rc = check(k, value, p.scope, e);
	if (rc == SITE_OK)
		rc = site_rc_of(write_row(q, &p, key, value, e));
	rc = site_change_end(s, rc, by, "setting.set", p.name,
	    arena_printf(a, "%.*s=%.*s", STR_ARG(key), STR_ARG(value)), e);
	arena_free(&a);
	return rc;
}

/* ------------------------------------------------------------------------
 * Listing
 */

static enum site_rc
read_rows(struct sq *q, struct arena *a, const struct place *p,
    struct buf *rows, struct err *e)
{
	struct sqlite3_stmt *st;
	enum sq_rc rc = sq_start(q, &st, e,
	    "SELECT s.key, s.value, ifnull(d.name, e.name), a.id"
	    " FROM settings s LEFT JOIN domains d ON d.id = s.domain"
	    " LEFT JOIN accounts a ON a.n = s.account"
	    " LEFT JOIN domains e ON e.id = a.domain"
	    " WHERE ?1 OR (ifnull(s.account, 0) = ?2"
	    " AND ifnull(s.domain, 0) = ?3)"
	    " ORDER BY s.account IS NOT NULL, s.domain IS NOT NULL,"
	    " 3, a.key, s.key",
	    SQ_I(p == NULL), SQ_I(p ? p->account : 0), SQ_I(p ? p->domain : 0));

	if (rc != SQ_OK)
		return site_rc_of(rc);
	while ((rc = sq_step(st, e)) == SQ_ROW) {
		struct site_setting_row row = {
			.setting = site_setting_find(sq_str(st, 0)),
			.value = sq_dup(a, st, 1),
			.scope = { sq_dup(a, st, 2), sq_dup(a, st, 3) },
		};

		/* A key of a later release, after a step back. */
		if (row.setting)
			buf_put(rows, &row, sizeof(row));
	}
	return site_rc_of(rc);
}

enum site_rc
site_setting_list(struct site *s, struct arena *a, struct site_scope scope,
    bool all, struct site_setting_row **list, size_t *count, struct err *e)
{
	struct reader_slot *r;
	struct buf rows = { 0 };
	struct place p;
	enum site_rc rc = site_reader(s, &r, e);

	if (rc != SITE_OK)
		return rc;
	if (!all)
		rc = find_place(r->q, a, scope, &p, e);
	if (rc == SITE_OK)
		rc = read_rows(r->q, a, all ? NULL : &p, &rows, e);
	site_reader_done(s, r);
	*list = site_rows(a, &rows, sizeof(**list), count);
	return rc;
}
