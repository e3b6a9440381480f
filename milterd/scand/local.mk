# The protocol as bytes: for the daemon, the test, the fuzzer.
scand_parts = %D%/command.c %D%/command.h
# What confines a scanner, which needs no libclamav.
scand_walls = %D%/sandbox.c %D%/sandbox.h %D%/namespaces.c %D%/landlock.c \
	%D%/syscalls.c

EXTRA_DIST += docs/scand.8
if SCAND
pkglibexec_PROGRAMS += %D%/scand
%C%_scand_SOURCES = $(scand_parts) %D%/main.c %D%/settings.c %D%/settings.h \
	%D%/packet.c %D%/packet.h %D%/spool.c %D%/spool.h \
	%D%/session.c %D%/session.h %D%/crew.c %D%/crew.h \
	%D%/process.c %D%/process.h %D%/supervisor.c %D%/supervisor.h \
	%D%/watch.c %D%/watch.h %D%/keeper.c %D%/keeper.h \
	%D%/scanner.c %D%/scanner.h %D%/canary.c %D%/canary.h \
	%D%/engine.c %D%/engine.h $(scand_walls)
%C%_scand_CFLAGS = $(AM_CFLAGS) $(CLAMAV_CFLAGS) $(SECCOMP_CFLAGS)
%C%_scand_LDADD = $(MS_LIBS) $(CLAMAV_LIBS) $(SECCOMP_LIBS)

dist_man_MANS += docs/scand.8

check_PROGRAMS += %D%/sandbox_test
%C%_sandbox_test_SOURCES = %D%/sandbox_test.c $(scand_walls)
%C%_sandbox_test_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
%C%_sandbox_test_LDADD = $(TEST_LIBS) $(SECCOMP_LIBS)
endif

check_PROGRAMS += %D%/command_test
%C%_command_test_SOURCES = %D%/command_test.c $(scand_parts)
%C%_command_test_LDADD = $(TEST_LIBS)
