bin_PROGRAMS += %D%/mailstead
%C%_mailstead_SOURCES = \
	%D%/account.c %D%/alias.c %D%/args.c %D%/completion.c %D%/ctl.h \
	%D%/domain.c %D%/main.c %D%/open.c %D%/out.c %D%/password.c \
	%D%/setting.c %D%/setup.c %D%/verbs.c %D%/verbs.h
