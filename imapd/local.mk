imapd_parts = %D%/fetch_items.c %D%/fetch_items.h %D%/frame.c %D%/frame.h \
	%D%/match.c %D%/match.h %D%/parse.c %D%/parse.h \
	%D%/search_key.c %D%/search_key.h %D%/seqset.c %D%/seqset.h \
	%D%/utf7.c %D%/utf7.h %D%/write.c %D%/write.h

check_PROGRAMS += %D%/imapd_test
%C%_imapd_test_SOURCES = %D%/imapd_test.c $(imapd_parts)
%C%_imapd_test_LDADD = $(TEST_LIBS)
