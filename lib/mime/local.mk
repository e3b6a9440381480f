lib_libmailstead_a_SOURCES += \
	%D%/address.c %D%/bodystructure.c %D%/charset.c %D%/collate.c \
	%D%/collate.h %D%/compose.c \
	%D%/compose.h %D%/cte.c %D%/unbinary.c %D%/date.c %D%/decode.h %D%/digest.c \
	%D%/downgrade.c %D%/downgrade.h %D%/downgrade_field.c \
	%D%/entities.c %D%/envelope.c %D%/fold.c %D%/fuzzy.c %D%/fuzzy.h %D%/header.c %D%/header.h \
	%D%/html.c %D%/imapstr.c %D%/internal.h %D%/keys.c %D%/keys.h %D%/layout.c %D%/lexer.c \
	%D%/mime.h %D%/nfc.c %D%/parse.c %D%/part.c %D%/subject.c %D%/text.c \
	%D%/words.c

check_PROGRAMS += %D%/mime_test %D%/header_test %D%/decode_test \
	%D%/downgrade_test %D%/fuzzy_test
%C%_fuzzy_test_SOURCES = %D%/fuzzy_test.c
%C%_fuzzy_test_LDADD = $(TEST_LIBS)
%C%_downgrade_test_SOURCES = %D%/downgrade_test.c
%C%_downgrade_test_LDADD = $(TEST_LIBS)
%C%_mime_test_SOURCES = %D%/mime_test.c
%C%_mime_test_LDADD = $(TEST_LIBS)
%C%_header_test_SOURCES = %D%/header_test.c
%C%_header_test_LDADD = $(TEST_LIBS)
%C%_decode_test_SOURCES = %D%/decode_test.c
%C%_decode_test_LDADD = $(TEST_LIBS)
