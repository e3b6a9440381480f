pkglibexec_PROGRAMS += %D%/lmtpd
%C%_lmtpd_SOURCES = %D%/main.c %D%/commands.c %D%/data.c %D%/data.h \
	%D%/envelope.c %D%/envelope.h %D%/forward.c %D%/forward.h \
	%D%/session.c %D%/session.h

check_PROGRAMS += %D%/lmtp_test
%C%_lmtp_test_SOURCES = %D%/lmtp_test.c %D%/data.c %D%/data.h \
	%D%/envelope.c %D%/envelope.h
%C%_lmtp_test_LDADD = $(TEST_LIBS)

dist_man_MANS += docs/lmtpd.8
