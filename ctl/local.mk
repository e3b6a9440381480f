bin_PROGRAMS += %D%/mailstead
%C%_mailstead_SOURCES = \
	%D%/account.c %D%/alias.c %D%/args.c %D%/backup.c %D%/check.c \
	%D%/completion.c %D%/ctl.h %D%/daemons.h %D%/deliver.c %D%/doctor.c \
	%D%/doctor.h %D%/doctor_net.c %D%/doctor_postfix.c %D%/domain.c \
	%D%/export.c %D%/import.c %D%/mailbox.c %D%/main.c %D%/message.c \
	%D%/message.h %D%/open.c %D%/out.c %D%/password.c %D%/setting.c \
	%D%/setup.c %D%/verbs.c %D%/verbs.h %D%/who.c \
	imapd/utf7.c imapd/utf7.h
%C%_mailstead_LDADD = $(MS_LIBS) -lresolv

check_PROGRAMS += %D%/message_test
%C%_message_test_SOURCES = %D%/message_test.c %D%/message.c %D%/message.h \
	imapd/utf7.c imapd/utf7.h
%C%_message_test_LDADD = $(TEST_LIBS)
