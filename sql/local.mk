account_sql = $(srcdir)/%D%/account/001.sql \
	$(srcdir)/%D%/account/002.sql \
	$(srcdir)/%D%/account/003.sql \
	$(srcdir)/%D%/account/004.sql \
	$(srcdir)/%D%/account/005.sql \
	$(srcdir)/%D%/account/006.sql \
	$(srcdir)/%D%/account/007.sql \
	$(srcdir)/%D%/account/008.sql \
	$(srcdir)/%D%/account/009.sql \
	$(srcdir)/%D%/account/010.sql \
	$(srcdir)/%D%/account/011.sql
site_sql = $(srcdir)/%D%/site/001.sql \
	$(srcdir)/%D%/site/002.sql \
	$(srcdir)/%D%/site/003.sql \
	$(srcdir)/%D%/site/004.sql \
	$(srcdir)/%D%/site/005.sql \
	$(srcdir)/%D%/site/006.sql \
	$(srcdir)/%D%/site/007.sql \
	$(srcdir)/%D%/site/008.sql
quarantine_sql = $(srcdir)/%D%/quarantine/001.sql
filter_sql = $(srcdir)/%D%/filter/001.sql \
	$(srcdir)/%D%/filter/002.sql \
	$(srcdir)/%D%/filter/003.sql \
	$(srcdir)/%D%/filter/004.sql \
	$(srcdir)/%D%/filter/005.sql \
	$(srcdir)/%D%/filter/006.sql

EXTRA_DIST += %D%/embed.awk $(account_sql) $(site_sql) $(filter_sql) \
	$(quarantine_sql)
lib_libmailstead_a_SOURCES += %D%/schema.h
nodist_lib_libmailstead_a_SOURCES = %D%/account-schema.c %D%/site-schema.c \
	%D%/filter-schema.c %D%/quarantine-schema.c
BUILT_SOURCES += $(nodist_lib_libmailstead_a_SOURCES)
CLEANFILES += $(nodist_lib_libmailstead_a_SOURCES)

sql_embed = $(MKDIR_P) %D% && $(AWK) -f $(srcdir)/%D%/embed.awk

%D%/account-schema.c: $(account_sql) $(srcdir)/%D%/embed.awk
	$(AM_V_GEN)$(sql_embed) -v name=account $(account_sql) > $@.tmp && \
		mv $@.tmp $@
%D%/site-schema.c: $(site_sql) $(srcdir)/%D%/embed.awk
	$(AM_V_GEN)$(sql_embed) -v name=site $(site_sql) > $@.tmp && \
		mv $@.tmp $@
%D%/filter-schema.c: $(filter_sql) $(srcdir)/%D%/embed.awk
	$(AM_V_GEN)$(sql_embed) -v name=filter $(filter_sql) > $@.tmp && \
		mv $@.tmp $@
%D%/quarantine-schema.c: $(quarantine_sql) $(srcdir)/%D%/embed.awk
	$(AM_V_GEN)$(sql_embed) -v name=quarantine $(quarantine_sql) > $@.tmp && \
		mv $@.tmp $@
