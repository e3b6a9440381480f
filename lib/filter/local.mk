lib_libmailstead_a_SOURCES += %D%/action.h %D%/antivirus.h %D%/auth.c %D%/compare.c %D%/decide.c %D%/decide.h %D%/db.c %D%/db.h \
	%D%/db_internal.h %D%/db_read.c %D%/db_write.c \
	%D%/edit.c %D%/edit.h %D%/end.c %D%/fields.c %D%/filter.h %D%/greylist.h %D%/internal.h \
	%D%/policy.c %D%/policy.h %D%/seal.c %D%/session.c %D%/sign.c %D%/signing.c %D%/strangers.c \
	%D%/apart.c %D%/attachment.c %D%/attachment.h %D%/body.c %D%/score.c %D%/score.h %D%/virus.c \
	%D%/signing.h %D%/spam.h

check_PROGRAMS += %D%/decide_test %D%/edit_test
%C%_decide_test_SOURCES = %D%/decide_test.c
%C%_decide_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
%C%_edit_test_SOURCES = %D%/edit_test.c
%C%_edit_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/attachment_test %D%/score_test
%C%_attachment_test_SOURCES = %D%/attachment_test.c
%C%_attachment_test_LDADD = $(TEST_LIBS)
%C%_score_test_SOURCES = %D%/score_test.c
%C%_score_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
check_PROGRAMS += %D%/db_test
%C%_db_test_SOURCES = %D%/db_test.c
%C%_db_test_LDADD = $(TEST_LIBS)

# The clients of scanners, and servers that behave badly.
lib_libmailstead_a_SOURCES += %D%/answers.h %D%/antivirus.c %D%/clamd.c \
	%D%/rspamd.c %D%/scan_cache.c %D%/scan_cache.h %D%/spam.c \
	%D%/spam_engine.h %D%/spamd.c %D%/talk.c %D%/talk.h
check_PROGRAMS += %D%/answers_test %D%/antivirus_test %D%/spam_test
%C%_answers_test_SOURCES = %D%/answers_test.c
%C%_answers_test_LDADD = $(TEST_LIBS)
%C%_antivirus_test_SOURCES = %D%/antivirus_test.c %D%/fake_scanner.c \
	%D%/fake_scanner.h
%C%_antivirus_test_LDADD = $(TEST_LIBS)
%C%_spam_test_SOURCES = %D%/spam_test.c %D%/fake_scanner.c %D%/fake_scanner.h
%C%_spam_test_LDADD = $(TEST_LIBS)

# The quarantine.
lib_libmailstead_a_SOURCES += %D%/clean.c %D%/clean.h %D%/quarantine.c \
	%D%/quarantine.h %D%/quarantine_backup.c %D%/quarantine_care.c \
	%D%/quarantine_file.c %D%/quarantine_internal.h %D%/quarantine_list.c \
	%D%/digest.c %D%/digest.h %D%/release.c %D%/release.h \
	%D%/train.c %D%/train.h
check_PROGRAMS += %D%/clean_test %D%/quarantine_test
%C%_clean_test_SOURCES = %D%/clean_test.c
%C%_clean_test_LDADD = $(TEST_LIBS)
%C%_quarantine_test_SOURCES = %D%/quarantine_test.c lib/site/test.h
%C%_quarantine_test_LDADD = $(TEST_LIBS)

# Greylisting.
lib_libmailstead_a_SOURCES += %D%/greylist.c \
	%D%/greylist_key.c %D%/greylist_key.h %D%/greylist_rows.c \
	%D%/greylist_rows.h %D%/greylist_table.c %D%/greylist_table.h
check_PROGRAMS += %D%/greylist_test
%C%_greylist_test_SOURCES = %D%/greylist_test.c
%C%_greylist_test_LDADD = $(TEST_LIBS)

# Reports.
lib_libmailstead_a_SOURCES += %D%/db_run.c %D%/dmarc_history.c \
	%D%/dmarc_history.h %D%/dmarc_seen.c %D%/arrivals.c \
	%D%/report_receive.c %D%/report_receive.h %D%/report_address.c \
	%D%/report_address.h %D%/report_mail.c %D%/report_mail.h \
	%D%/report_make.c %D%/report_make.h \
	%D%/report_send.c %D%/report_send.h
lib_libmailstead_a_SOURCES += %D%/failure_queue.c %D%/failure_queue.h \
	%D%/failure_seen.c %D%/report_bounce.c %D%/report_bounce.h
check_PROGRAMS += %D%/report_send_test %D%/failure_queue_test \
	%D%/report_bounce_test %D%/report_receive_test
%C%_failure_queue_test_SOURCES = %D%/failure_queue_test.c %D%/fake_mta.c \
	%D%/fake_mta.h %D%/reports_test.h %D%/test.h lib/site/test.h
%C%_failure_queue_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
%C%_report_bounce_test_SOURCES = %D%/report_bounce_test.c %D%/test.h \
	lib/site/test.h
%C%_report_bounce_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
%C%_report_receive_test_SOURCES = %D%/report_receive_test.c %D%/test.h \
	lib/site/test.h
%C%_report_receive_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
%C%_report_send_test_SOURCES = %D%/report_send_test.c %D%/fake_mta.c \
	%D%/fake_mta.h %D%/reports_test.h %D%/test.h lib/site/test.h
%C%_report_send_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)

# The client.
lib_libmailstead_a_SOURCES += %D%/blocked.c %D%/blocked.h %D%/client.c \
	%D%/client.h %D%/dnsbl.c %D%/dnsbl.h %D%/helo.c %D%/helo.h \
	%D%/lists.c %D%/lists.h %D%/ptr.c %D%/ptr.h
check_PROGRAMS += %D%/lists_test
%C%_lists_test_SOURCES = %D%/lists_test.c lib/site/test.h
%C%_lists_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/client_test
%C%_client_test_SOURCES = %D%/client_test.c
%C%_client_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)

# Limits.
lib_libmailstead_a_SOURCES += %D%/limit_check.c %D%/limit_hook.c \
	%D%/limit_hook.h %D%/limit_rows.c %D%/limit_rows.h %D%/limit_window.c \
	%D%/limit_window.h %D%/limits.c %D%/limits.h
check_PROGRAMS += %D%/limits_test
%C%_limits_test_SOURCES = %D%/limits_test.c
%C%_limits_test_LDADD = $(TEST_LIBS)

# DKIM keys.
lib_libmailstead_a_SOURCES += %D%/dkim_record.c %D%/dkim_record.h \
	%D%/rotation.c %D%/rotation.h
check_PROGRAMS += %D%/rotation_test
%C%_rotation_test_SOURCES = %D%/rotation_test.c lib/site/test.h
%C%_rotation_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
