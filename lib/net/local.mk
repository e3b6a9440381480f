lib_libmailstead_a_SOURCES += \
	%D%/accept.c %D%/addr.c %D%/addr.h %D%/api.c %D%/binding.c %D%/conn.c %D%/control.c %D%/control.h \
	%D%/daemon.c %D%/daemon.h %D%/gate.c %D%/gate.h %D%/internal.h %D%/io.c \
	%D%/limit.c %D%/listen.c %D%/loop.c %D%/metric.c %D%/metric.h \
	%D%/pool.c %D%/pool.h \
	%D%/proxy.c %D%/proxy.h %D%/relay.c %D%/relay.h \
	%D%/server.c %D%/server.h %D%/tls.c \
	%D%/tls.h %D%/wheel.c %D%/wheel.h %D%/work.c %D%/zip.c %D%/zip.h

NET_TEST_SERVER = %D%/test_server.c %D%/test_server.h

check_PROGRAMS += %D%/compress_test %D%/daemon_test %D%/net_test %D%/parts_test %D%/tls_test %D%/zip_test
%C%_compress_test_SOURCES = %D%/compress_test.c $(NET_TEST_SERVER)
%C%_compress_test_LDADD = $(TEST_LIBS)
%C%_daemon_test_SOURCES = %D%/daemon_test.c $(NET_TEST_SERVER)
%C%_daemon_test_LDADD = $(TEST_LIBS)
%C%_net_test_SOURCES = %D%/net_test.c $(NET_TEST_SERVER)
%C%_net_test_LDADD = $(TEST_LIBS)
%C%_parts_test_SOURCES = %D%/parts_test.c
%C%_parts_test_LDADD = $(TEST_LIBS)
%C%_tls_test_SOURCES = %D%/tls_test.c $(NET_TEST_SERVER)
%C%_tls_test_LDADD = $(TEST_LIBS)
%C%_zip_test_SOURCES = %D%/zip_test.c
%C%_zip_test_LDADD = $(TEST_LIBS)
