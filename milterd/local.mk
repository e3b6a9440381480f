pkglibexec_PROGRAMS += %D%/milterd
%C%_milterd_SOURCES = %D%/main.c %D%/mailbox_work.c %D%/mailbox_work.h \
	%D%/milter.c %D%/milter.h %D%/protocol.c %D%/protocol.h
%C%_milterd_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)

check_PROGRAMS += %D%/protocol_test
%C%_protocol_test_SOURCES = %D%/protocol_test.c %D%/protocol.c %D%/protocol.h
%C%_protocol_test_LDADD = $(TEST_LIBS)

dist_man_MANS += docs/milterd.8
