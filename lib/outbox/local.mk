lib_libmailstead_a_SOURCES += %D%/mail.c %D%/mail.h %D%/note.c %D%/note.h %D%/outbox.c \
	%D%/outbox.h %D%/post.c %D%/post.h %D%/row.c %D%/row.h %D%/send.c %D%/send.h

check_PROGRAMS += %D%/outbox_test
%C%_outbox_test_SOURCES = %D%/outbox_test.c
%C%_outbox_test_LDADD = $(TEST_LIBS)
