# What needs neither store nor network: for the daemon, the tests, the fuzzer.
pop3d_parts = %D%/line.c %D%/line.h %D%/wire.c %D%/wire.h

# The rest but main(): the command table is tested with it.
pop3d_rest = %D%/session.c %D%/session.h %D%/command.h %D%/commands.c \
	%D%/cmd_login.c %D%/cmd_maildrop.c %D%/cmd_retr.c %D%/cmd_session.c \
	%D%/delay.c %D%/delay.h %D%/lock.c %D%/lock.h \
	%D%/maildrop.c %D%/maildrop.h %D%/policy.c %D%/policy.h \
	%D%/proxy.c

pkglibexec_PROGRAMS += %D%/pop3d
%C%_pop3d_SOURCES = %D%/main.c $(pop3d_rest) $(pop3d_parts)

check_PROGRAMS += %D%/pop3d_test
%C%_pop3d_test_SOURCES = %D%/pop3d_test.c $(pop3d_rest) $(pop3d_parts)
%C%_pop3d_test_LDADD = $(TEST_LIBS)

dist_man_MANS += docs/pop3d.8
