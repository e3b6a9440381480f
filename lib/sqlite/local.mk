lib_libmailstead_a_SOURCES += %D%/sq.c %D%/sq.h

check_PROGRAMS += %D%/sq_test
%C%_sq_test_SOURCES = %D%/sq_test.c
%C%_sq_test_LDADD = $(TEST_LIBS)
