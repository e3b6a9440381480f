lib_libmailstead_a_SOURCES += %D%/action.h %D%/antivirus.h %D%/auth.c %D%/compare.c %D%/decide.c %D%/decide.h %D%/db.c %D%/db.h \
	%D%/db_internal.h %D%/db_read.c %D%/db_write.c \
	%D%/edit.c %D%/edit.h %D%/fields.c %D%/filter.h %D%/greylist.h %D%/internal.h \
	%D%/policy.c %D%/policy.h %D%/seal.c %D%/session.c %D%/sign.c %D%/signing.c \
	%D%/signing.h %D%/spam.h

check_PROGRAMS += %D%/decide_test %D%/edit_test
%C%_decide_test_SOURCES = %D%/decide_test.c
%C%_decide_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
%C%_edit_test_SOURCES = %D%/edit_test.c
%C%_edit_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/db_test
%C%_db_test_SOURCES = %D%/db_test.c
%C%_db_test_LDADD = $(TEST_LIBS)
