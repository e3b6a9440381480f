lib_libmailstead_a_SOURCES += %D%/child.c %D%/child.h %D%/program.c \
	%D%/program.h %D%/sandbox.c

check_PROGRAMS += %D%/program_test
%C%_program_test_SOURCES = %D%/program_test.c
%C%_program_test_LDADD = $(TEST_LIBS)
