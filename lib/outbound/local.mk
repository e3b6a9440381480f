lib_libmailstead_a_SOURCES += %D%/dane.c %D%/dane.h %D%/outbound.c \
	%D%/outbound.h %D%/publish.c %D%/publish.h %D%/publish_check.c \
	%D%/publish_site.c %D%/sts.c %D%/sts.h %D%/sts_cache.c %D%/sts_cache.h \
	%D%/sts_fetch.c %D%/sts_fetch.h %D%/tls_collect.c %D%/tls_collect.h \
	%D%/tls_log.c %D%/tls_log.h %D%/tls_rua.c %D%/tls_rua.h \
	%D%/tls_send.c %D%/tls_send.h

check_PROGRAMS += %D%/sts_test %D%/dane_test
%C%_sts_test_SOURCES = %D%/sts_test.c
%C%_sts_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
%C%_dane_test_SOURCES = %D%/dane_test.c
%C%_dane_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
check_PROGRAMS += %D%/publish_test
%C%_publish_test_SOURCES = %D%/publish_test.c
%C%_publish_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
check_PROGRAMS += %D%/tls_log_test
%C%_tls_log_test_SOURCES = %D%/tls_log_test.c
%C%_tls_log_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
check_PROGRAMS += %D%/sts_cache_test
%C%_sts_cache_test_SOURCES = %D%/sts_cache_test.c
%C%_sts_cache_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
check_PROGRAMS += %D%/tls_collect_test
%C%_tls_collect_test_SOURCES = %D%/tls_collect_test.c lib/filter/test.h \
	lib/site/test.h
%C%_tls_collect_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
