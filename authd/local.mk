pkglibexec_PROGRAMS += %D%/authd
%C%_authd_SOURCES = %D%/auth.c %D%/auth.h %D%/http.c \
	%D%/http_request.c %D%/http_request.h %D%/lookup.c %D%/lookup.h \
	%D%/main.c %D%/map.c %D%/netstring.c %D%/netstring.h \
	%D%/policy.c %D%/policy.h %D%/sts_file.c %D%/sts_file.h %D%/proto.c %D%/proto.h
%C%_authd_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)

check_PROGRAMS += %D%/authd_test
%C%_authd_test_SOURCES = %D%/authd_test.c %D%/http_request.c \
	%D%/http_request.h %D%/lookup.c %D%/lookup.h \
	%D%/netstring.c %D%/netstring.h %D%/proto.c %D%/proto.h
%C%_authd_test_LDADD = $(TEST_LIBS)
dist_man_MANS += docs/authd.8
