lib_libmailstead_a_SOURCES += %D%/srs.c %D%/srs.h \
	%D%/arc.h %D%/authres.h %D%/canon.h %D%/dkim.h %D%/dmarc.h \
	%D%/field.h %D%/key.h %D%/psl.h %D%/report.h %D%/spf.h

check_PROGRAMS += %D%/srs_test
%C%_srs_test_SOURCES = %D%/srs_test.c
%C%_srs_test_LDADD = $(TEST_LIBS)

lib_libmailstead_a_SOURCES += %D%/psl.c
check_PROGRAMS += %D%/psl_test
%C%_psl_test_SOURCES = %D%/psl_test.c
%C%_psl_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
