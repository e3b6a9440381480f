lib_libmailstead_a_SOURCES += \
	%D%/check.c %D%/claims.c %D%/claims.h %D%/config.c %D%/config.h \
	%D%/introspect.c %D%/introspect.h \
	%D%/jwk.c %D%/jwk.h %D%/jwt.c %D%/jwt.h %D%/keys.c %D%/keys.h \
	%D%/oauth.h %D%/remember.c %D%/remember.h

check_PROGRAMS += %D%/jwt_test
%C%_jwt_test_SOURCES = %D%/jwt_test.c
%C%_jwt_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/claims_test
%C%_claims_test_SOURCES = %D%/claims_test.c
%C%_claims_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/keys_test
%C%_keys_test_SOURCES = %D%/keys_test.c
%C%_keys_test_LDADD = $(TEST_LIBS)
