lib_libmailstead_a_SOURCES += \
	%D%/addr.c %D%/addr.h %D%/conn.c %D%/internal.h %D%/io.c \
	%D%/limit.c %D%/listen.c %D%/loop.c %D%/pool.c %D%/pool.h \
	%D%/proxy.c %D%/proxy.h %D%/server.c %D%/server.h %D%/tls.c \
	%D%/tls.h %D%/wheel.c %D%/wheel.h %D%/work.c

check_PROGRAMS += %D%/net_test
%C%_net_test_SOURCES = %D%/net_test.c
%C%_net_test_LDADD = $(TEST_LIBS)
