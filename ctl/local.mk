# All but main(), for the program and the test of its tables.
ctl_parts = \
	%D%/account.c %D%/alias.c %D%/args.c %D%/backup.c %D%/check.c %D%/client_cert.c \
	%D%/completion.c %D%/ctl.h %D%/daemons.h %D%/deliver.c %D%/dkim.c %D%/doctor.c \
	%D%/doctor.h %D%/doctor_backend.c %D%/doctor_login.c %D%/doctor_net.c %D%/doctor_scanner.c \
	%D%/doctor_postfix.c %D%/domain.c \
	%D%/export.c %D%/export_scripts.c %D%/filter_check.c %D%/filter_greylist.c %D%/filter_list.h %D%/filter_quarantine.c %D%/filter_train.c %D%/filter_limits.c %D%/filter_list.c %D%/import.c %D%/import.h %D%/import_scripts.c %D%/mailbox.c %D%/message.c %D%/message.h \
	%D%/open.c %D%/out.c %D%/outgoing.c %D%/outgoing.h %D%/password.c %D%/setting.c %D%/setup.c \
	%D%/sieve.c %D%/sieve.h %D%/sieve_target.c %D%/srs.c \
	%D%/sieve_check.c %D%/sieve_run.c %D%/sieve_source.c %D%/sieve_source.h \
	%D%/sieve_test.c %D%/sieve_test.h %D%/sieve_test_config.c \
	%D%/sieve_test_host.c %D%/sieve_test_message.c %D%/sieve_test_program.c \
	%D%/sieve_test_script.c %D%/sieve_test_store.c %D%/sieve_test_verbs.c \
	%D%/sieve_verbs.h \
	%D%/uidl.c %D%/uidl.h %D%/verbs.c %D%/verbs.h %D%/who.c imapd/utf7.c imapd/utf7.h

ctl_parts += %D%/dkim_rotate.c %D%/dns.c %D%/filter_reports.c %D%/resolver.c %D%/resolver.h

bin_PROGRAMS += %D%/mailstead
%C%_mailstead_SOURCES = %D%/main.c $(ctl_parts)
%C%_mailstead_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS) -lresolv

check_PROGRAMS += %D%/verbs_test
%C%_verbs_test_SOURCES = %D%/verbs_test.c $(ctl_parts)
%C%_verbs_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS) -lresolv

check_PROGRAMS += %D%/message_test
%C%_message_test_SOURCES = %D%/message_test.c %D%/message.c %D%/message.h \
	imapd/utf7.c imapd/utf7.h
%C%_message_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/uidl_test
%C%_uidl_test_SOURCES = %D%/uidl_test.c %D%/uidl.c %D%/uidl.h
%C%_uidl_test_LDADD = $(TEST_LIBS)

dist_man_MANS += docs/mailstead.1 \
	docs/mailstead-account.1 \
	docs/mailstead-alias.1 \
	docs/mailstead-app-password.1 \
	docs/mailstead-audit.1 \
	docs/mailstead-backup.1 \
	docs/mailstead-block.1 \
	docs/mailstead-certificate.1 \
	docs/mailstead-check.1 \
	docs/mailstead-client-certificate.1 \
	docs/mailstead-completion.1 \
	docs/mailstead-deliver.1 \
	docs/mailstead-dkim.1 \
	docs/mailstead-dns.1 \
	docs/mailstead-doctor.1 \
	docs/mailstead-domain.1 \
	docs/mailstead-export.1 \
	docs/mailstead-fetch.1 \
	docs/mailstead-filter.1 \
	docs/mailstead-import.1 \
	docs/mailstead-mailbox.1 \
	docs/mailstead-outgoing.1 \
	docs/mailstead-password.1 \
	docs/mailstead-resolve.1 \
	docs/mailstead-restore.1 \
	docs/mailstead-setting.1 \
	docs/mailstead-setup.1 \
	docs/mailstead-sieve.1 \
	docs/mailstead-srs.1 \
	docs/mailstead-status.1 \
	docs/mailstead-who.1
