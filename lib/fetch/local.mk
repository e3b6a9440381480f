lib_libmailstead_a_SOURCES += %D%/fetch.c %D%/fetch.h %D%/public.c

check_PROGRAMS += %D%/fetch_test
%C%_fetch_test_SOURCES = %D%/fetch_test.c
%C%_fetch_test_LDADD = $(TEST_LIBS)
