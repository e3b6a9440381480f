lib_libmailstead_a_SOURCES += \
	%D%/chain.c %D%/chain.h %D%/execute.c %D%/execute.h \
	%D%/host.c %D%/host.h %D%/lists.c %D%/lists.h \
	%D%/note.c %D%/note.h %D%/owner.c %D%/programs.c \
	%D%/programs.h %D%/rules.c %D%/rules.h %D%/source.c %D%/source.h

check_PROGRAMS += %D%/rules_test
%C%_rules_test_SOURCES = %D%/rules_test.c lib/site/test.h
%C%_rules_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/execute_test
%C%_execute_test_SOURCES = %D%/execute_test.c
%C%_execute_test_LDADD = $(TEST_LIBS)
