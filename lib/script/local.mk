lib_libmailstead_a_SOURCES += \
	%D%/rules.c %D%/rules.h %D%/source.c %D%/source.h

check_PROGRAMS += %D%/rules_test
%C%_rules_test_SOURCES = %D%/rules_test.c lib/site/test.h
%C%_rules_test_LDADD = $(TEST_LIBS)
