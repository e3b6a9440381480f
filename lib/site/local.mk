lib_libmailstead_a_SOURCES += \
	%D%/account.c %D%/address.c %D%/alias.c %D%/alias.h \
	%D%/credentials.c %D%/credentials.h %D%/domain.c %D%/internal.h \
	%D%/login.c %D%/login.h %D%/password.c %D%/password.h \
	%D%/resolve.c %D%/sasl.c %D%/sasl.h %D%/sasl_mech.h %D%/sasl_scram.c %D%/scram.c %D%/scram.h \
	%D%/setting.c %D%/setting.h %D%/site.c %D%/site.h \
	%D%/throttle.c %D%/throttle.h

check_PROGRAMS += %D%/password_test
%C%_password_test_SOURCES = %D%/password_test.c
%C%_password_test_LDADD = $(TEST_LIBS)
