pkglibexec_PROGRAMS += %D%/milterd
%C%_milterd_SOURCES = %D%/main.c %D%/address.c %D%/address.h \
	%D%/mailbox_work.c %D%/mailbox_work.h %D%/milter.c %D%/milter.h
%C%_milterd_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS) $(MILTER_LIBS)

check_PROGRAMS += %D%/address_test
%C%_address_test_SOURCES = %D%/address_test.c %D%/address.c %D%/address.h
%C%_address_test_LDADD = $(TEST_LIBS)

dist_man_MANS += docs/milterd.8
