lib_libmailstead_a_SOURCES += \
	%D%/arena.c %D%/arena.h %D%/array.h %D%/buf.c %D%/buf.h %D%/chores.c %D%/chores.h \
	%D%/clock.c %D%/clock.h \
	%D%/codec.c %D%/codec.h %D%/cond.c %D%/cond.h %D%/conf.c %D%/conf.h %D%/err.c %D%/err.h \
	%D%/fs.c %D%/fs.h %D%/log.c %D%/log.h %D%/map.c %D%/map.h \
	%D%/mem.c %D%/mem.h %D%/rnd.c %D%/rnd.h \
	%D%/sanitize.h %D%/spool.c %D%/spool.h %D%/str.c %D%/str.h

check_PROGRAMS += %D%/base_test
%C%_base_test_SOURCES = %D%/base_test.c
%C%_base_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/chores_test
%C%_chores_test_SOURCES = %D%/chores_test.c
%C%_chores_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/spool_test
%C%_spool_test_SOURCES = %D%/spool_test.c
%C%_spool_test_LDADD = $(TEST_LIBS)
