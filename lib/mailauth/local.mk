lib_libmailstead_a_SOURCES += %D%/srs.c %D%/srs.h \
	%D%/arc.h %D%/authres.h %D%/canon.h %D%/dkim.h %D%/dmarc.h \
	%D%/field.h %D%/key.h %D%/psl.h %D%/report.h %D%/spf.h

check_PROGRAMS += %D%/srs_test
%C%_srs_test_SOURCES = %D%/srs_test.c
%C%_srs_test_LDADD = $(TEST_LIBS)

# Canonical forms and keys.
lib_libmailstead_a_SOURCES += %D%/field.c %D%/canon.c %D%/body_hash.c \
	%D%/tags.c %D%/der.c %D%/der.h %D%/key.c %D%/key_record.c
check_PROGRAMS += %D%/canon_test
%C%_canon_test_SOURCES = %D%/canon_test.c
%C%_canon_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/key_test
%C%_key_test_SOURCES = %D%/key_test.c %D%/test.h
%C%_key_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)

# DKIM and ARC.
lib_libmailstead_a_SOURCES += %D%/arc.c %D%/arc_seal.c %D%/arc_sets.c \
	%D%/arc_sets.h %D%/signed.c %D%/signed.h %D%/signed_write.c \
	%D%/bodies.c %D%/bodies.h %D%/dkim_second.c %D%/signer.c \
	%D%/verifier.c \
	%D%/verifier_check.c %D%/verifier_check.h
check_PROGRAMS += %D%/dkim_test
%C%_dkim_test_SOURCES = %D%/dkim_test.c %D%/test.h
%C%_dkim_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
check_PROGRAMS += %D%/arc_test
%C%_arc_test_SOURCES = %D%/arc_test.c %D%/test.h
%C%_arc_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)

lib_libmailstead_a_SOURCES += %D%/psl.c
check_PROGRAMS += %D%/psl_test
%C%_psl_test_SOURCES = %D%/psl_test.c
%C%_psl_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)

lib_libmailstead_a_SOURCES += %D%/dmarc.c %D%/dmarc_discover.c \
	%D%/dmarc_internal.h %D%/dmarc_record.c %D%/dmarc_report.c \
	%D%/dmarc_uri.c
check_PROGRAMS += %D%/dmarc_test %D%/dmarc_record_test
%C%_dmarc_test_SOURCES = %D%/dmarc_test.c
%C%_dmarc_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
%C%_dmarc_record_test_SOURCES = %D%/dmarc_record_test.c lib/base/test.h
%C%_dmarc_record_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)

lib_libmailstead_a_SOURCES += %D%/authres.c %D%/authres_write.c
check_PROGRAMS += %D%/authres_test
%C%_authres_test_SOURCES = %D%/authres_test.c
%C%_authres_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
lib_libmailstead_a_SOURCES += %D%/spf.c %D%/spf_eval.h %D%/spf_macro.c \
	%D%/spf_macro.h %D%/spf_match.c %D%/spf_name.c %D%/spf_received.c \
	%D%/spf_record.c %D%/spf_record.h %D%/spf_second.c
check_PROGRAMS += %D%/spf_test
%C%_spf_test_SOURCES = %D%/spf_test.c lib/base/test.h
%C%_spf_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
check_PROGRAMS += %D%/spf_second_test
%C%_spf_second_test_SOURCES = %D%/spf_second_test.c
%C%_spf_second_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
check_PROGRAMS += %D%/spf_record_test
%C%_spf_record_test_SOURCES = %D%/spf_record_test.c
%C%_spf_record_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)


lib_libmailstead_a_SOURCES += %D%/author.c
check_PROGRAMS += %D%/author_test
%C%_author_test_SOURCES = %D%/author_test.c
%C%_author_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)

lib_libmailstead_a_SOURCES += %D%/aggregate_read.c %D%/aggregate_write.c \
	%D%/failure.c %D%/feedback.c %D%/redact.c %D%/report_find.c \
	%D%/report_internal.h %D%/report_unpack.c %D%/tls_report.c
check_PROGRAMS += %D%/report_test
%C%_report_test_SOURCES = %D%/report_test.c lib/base/test.h
%C%_report_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
check_PROGRAMS += %D%/aggregate_test %D%/feedback_test
%C%_aggregate_test_SOURCES = %D%/aggregate_test.c lib/base/test.h
%C%_aggregate_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
%C%_feedback_test_SOURCES = %D%/feedback_test.c lib/base/test.h
%C%_feedback_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)

lib_libmailstead_a_SOURCES += %D%/dmarc_second.c
check_PROGRAMS += %D%/dmarc_second_test
%C%_dmarc_second_test_SOURCES = %D%/dmarc_second_test.c
%C%_dmarc_second_test_LDADD = $(TEST_LIBS) $(MAILAUTH_LIBS)
