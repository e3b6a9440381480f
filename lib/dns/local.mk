lib_libmailstead_a_SOURCES += %D%/budget.c %D%/cache.c %D%/cache.h \
	%D%/context.c %D%/dns.c %D%/dns.h %D%/internal.h %D%/process.h \
	%D%/rdata.c %D%/resolver.c %D%/resolver.h %D%/thread.c %D%/zone.c \
	%D%/zone.h

check_PROGRAMS += %D%/resolver_test
%C%_resolver_test_SOURCES = %D%/resolver_test.c lib/base/test.h
%C%_resolver_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/zone_test
%C%_zone_test_SOURCES = %D%/zone_test.c
%C%_zone_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/cache_test
%C%_cache_test_SOURCES = %D%/cache_test.c
%C%_cache_test_LDADD = $(TEST_LIBS)
