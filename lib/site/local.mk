lib_libmailstead_a_SOURCES += \
	%D%/account.c %D%/address.c %D%/apop.c %D%/apop.h %D%/backend.c %D%/backend.h \
	%D%/backup.c %D%/alias.c %D%/alias.h \
	%D%/client_cert.c %D%/client_cert.h \
	%D%/credentials.c %D%/credentials.h %D%/dkim.c %D%/dkim.h %D%/domain.c %D%/internal.h \
	%D%/login.c %D%/login.h %D%/password.c %D%/password.h \
	%D%/resolve.c %D%/sasl.c %D%/sasl.h %D%/sasl_external.c %D%/sasl_mech.h %D%/sasl_oauth.c %D%/sasl_scram.c %D%/scram.c %D%/scram.h \
	%D%/script.c %D%/script.h %D%/script_apply.c %D%/script_row.h \
	%D%/setting.c %D%/setting.h %D%/share.c %D%/share.h %D%/site.c %D%/site.h %D%/srs.c %D%/srs.h \
	%D%/throttle.c %D%/throttle.h

check_PROGRAMS += %D%/password_test
%C%_password_test_SOURCES = %D%/password_test.c
%C%_password_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/site_test
%C%_site_test_SOURCES = %D%/site_test.c %D%/test.h
%C%_site_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/login_test
%C%_login_test_SOURCES = %D%/login_test.c %D%/test.h
%C%_login_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/apop_test
%C%_apop_test_SOURCES = %D%/apop_test.c %D%/test.h
%C%_apop_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/client_cert_test
%C%_client_cert_test_SOURCES = %D%/client_cert_test.c %D%/test.h
%C%_client_cert_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/sasl_oauth_test
%C%_sasl_oauth_test_SOURCES = %D%/sasl_oauth_test.c %D%/test.h
%C%_sasl_oauth_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/script_test
%C%_script_test_SOURCES = %D%/script_test.c %D%/test.h
%C%_script_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/srs_test
%C%_srs_test_SOURCES = %D%/srs_test.c
%C%_srs_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/dkim_test
%C%_dkim_test_SOURCES = %D%/dkim_test.c %D%/test.h
%C%_dkim_test_LDADD = $(TEST_LIBS)

lib_libmailstead_a_SOURCES += %D%/filter_list.c %D%/filter_list.h
check_PROGRAMS += %D%/filter_list_test
%C%_filter_list_test_SOURCES = %D%/filter_list_test.c %D%/test.h
%C%_filter_list_test_LDADD = $(TEST_LIBS)
