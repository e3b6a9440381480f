lib_libmailstead_a_SOURCES += %D%/srs.c %D%/srs.h

check_PROGRAMS += %D%/srs_test
%C%_srs_test_SOURCES = %D%/srs_test.c
%C%_srs_test_LDADD = $(TEST_LIBS)
