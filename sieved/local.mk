# What needs neither store nor network: for the daemon, the tests, the fuzzer.
sieved_parts = %D%/args.c %D%/args.h %D%/frame.c %D%/frame.h

# The rest but main(): the command table is tested with it.
sieved_rest = %D%/session.c %D%/session.h %D%/command.h %D%/commands.c \
	%D%/cmd_login.c %D%/cmd_script.c %D%/cmd_session.c %D%/proxy.c

pkglibexec_PROGRAMS += %D%/sieved
%C%_sieved_SOURCES = %D%/main.c $(sieved_rest) $(sieved_parts)

check_PROGRAMS += %D%/sieved_test
%C%_sieved_test_SOURCES = %D%/sieved_test.c $(sieved_rest) $(sieved_parts)
%C%_sieved_test_LDADD = $(TEST_LIBS)

dist_man_MANS += docs/sieved.8
