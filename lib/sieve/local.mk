lib_libmailstead_a_SOURCES += \
	%D%/abuse.c %D%/action.c %D%/address.c %D%/answer.c %D%/answer.h %D%/body.c \
	%D%/capability.c %D%/capability.h %D%/check.c %D%/check.h \
	%D%/comparator.c %D%/comparator.h %D%/compile.c %D%/control.c \
	%D%/date.c %D%/diag.c %D%/duplicate.c %D%/editheader.c \
	%D%/environment.c %D%/execute.c %D%/fields.c %D%/fields.h \
	%D%/flags.c %D%/glob.c %D%/header.c %D%/hints.c %D%/include.c %D%/language.c \
	%D%/language.h %D%/lexer.c %D%/logic.c %D%/mailaddr.c \
	%D%/mailbox.c %D%/mailto.c %D%/mailto.h %D%/match.c %D%/match.h \
	%D%/message.c %D%/message.h %D%/notify.c %D%/parse.c %D%/parts.c \
	%D%/place.c %D%/program.c %D%/program.h %D%/regex.c %D%/reject.c \
	%D%/report.c %D%/result.c %D%/run.c %D%/run.h %D%/score.c \
	%D%/sieve.h %D%/syntax.h %D%/text.c %D%/vacation.c %D%/variables.c

check_PROGRAMS += %D%/sieve_test
%C%_sieve_test_SOURCES = %D%/sieve_test.c
%C%_sieve_test_LDADD = $(TEST_LIBS)
