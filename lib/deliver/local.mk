lib_libmailstead_a_SOURCES += \
	%D%/deliver.c %D%/deliver.h %D%/dsn.c %D%/dsn.h \
	%D%/filter.c %D%/filter.h %D%/notice.c %D%/notice.h \
	%D%/junk.c %D%/junk.h %D%/outcome.c %D%/outcome.h \
	%D%/trace.c %D%/trace.h \
	%D%/warning.c %D%/warning.h %D%/webhook.c %D%/webhook.h

check_PROGRAMS += %D%/deliver_test
%C%_deliver_test_SOURCES = %D%/deliver_test.c
%C%_deliver_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/outcome_test
%C%_outcome_test_SOURCES = %D%/outcome_test.c
%C%_outcome_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/notice_test
%C%_notice_test_SOURCES = %D%/notice_test.c lib/base/test.h
%C%_notice_test_LDADD = $(TEST_LIBS)
