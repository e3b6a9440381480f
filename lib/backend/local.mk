lib_libmailstead_a_SOURCES += \
	%D%/backend.h %D%/context.c %D%/context.h \
	%D%/imap.c %D%/lmtp.c %D%/login.c %D%/login.h %D%/peer.c %D%/peer.h \
	%D%/pop3.c %D%/prove.c %D%/reply.c %D%/reply.h %D%/sieve.c \
	%D%/smtp.c %D%/smtp.h

check_PROGRAMS += %D%/backend_test
%C%_backend_test_SOURCES = %D%/backend_test.c
%C%_backend_test_LDADD = $(TEST_LIBS)
