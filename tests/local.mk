# The power-cut test: its two ends, and the library that records.
noinst_PROGRAMS += %D%/powercut/powercut
%C%_powercut_powercut_SOURCES = %D%/powercut/powercut.c

# Queues mail that goes out, as a delivery would.
noinst_PROGRAMS += %D%/outbox/queue
%C%_outbox_queue_SOURCES = %D%/outbox/queue.c

# Puts a message into quarantine, as the filter does.
noinst_PROGRAMS += %D%/quarantine_tool
%C%_quarantine_tool_SOURCES = %D%/quarantine_tool.c
%C%_quarantine_tool_LDADD = $(MS_LIBS)

noinst_DATA += %D%/powercut/record.so
CLEANFILES += %D%/powercut/record.so
%D%/powercut/record.so: $(srcdir)/%D%/powercut/record.c
	$(AM_V_CC)$(MKDIR_P) %D%/powercut && $(CC) -std=c17 -D_GNU_SOURCE -O2 \
		-Wall -Wextra -shared -fPIC -o $@ \
		$(srcdir)/%D%/powercut/record.c

EXTRA_DIST += %D%/powercut/record.c %D%/powercut/cut.py %D%/pytest.ini \
	%D%/conftest.py %D%/imap_raw.py %D%/imap_zip.py %D%/lmtp.py %D%/managesieve.py \
	%D%/search_oracle.py %D%/smtp_sink.py %D%/test_backends.py %D%/test_bad_input.py \
	%D%/test_clients.py %D%/test_crash.py %D%/test_distribution.py %D%/test_dns.py \
	%D%/test_faults.py %D%/test_fetch_clients.py %D%/test_filter_reports.py %D%/test_imap_acl.py \
	%D%/test_imap_append.py %D%/test_imap_compress.py \
	%D%/test_imap_concurrent.py %D%/test_imap_context.py \
	%D%/test_imap_event.py %D%/test_imap_fuzzy.py %D%/test_imap_i18n.py \
	%D%/test_imap_id.py %D%/test_imap_limits.py %D%/test_imap_mailbox.py \
	%D%/test_imap_message.py %D%/test_imap_metadata.py \
	%D%/test_imap_model.py %D%/test_imap_modseq.py \
	%D%/test_imap_multisearch.py %D%/test_imap_names.py \
	%D%/test_imap_notify.py %D%/test_imap_objectid.py \
	%D%/test_imap_qresync.py %D%/test_imap_quota.py \
	%D%/test_imap_replay.py %D%/test_imap_rev2.py %D%/test_imap_rights.py \
	%D%/test_imap_search.py %D%/test_imap_search_oracle.py \
	%D%/test_imap_session.py %D%/test_imap_sort.py \
	%D%/test_imap_sync_model.py \
	%D%/test_imap_unauthenticate.py %D%/test_imap_urlauth.py \
	%D%/test_imapsieve.py \
	%D%/test_lmtp.py %D%/test_lmtp_backends.py %D%/test_lmtp_dsn.py %D%/test_mail_path.py \
	%D%/test_managesieve.py %D%/test_managesieve_backends.py \
	%D%/test_managesieve_clients.py %D%/test_nginx.py %D%/test_outbox.py %D%/test_pop3.py \
	%D%/test_pop3_extensions.py %D%/test_pop3_migration.py %D%/test_powercut.py %D%/test_quarantine.py %D%/test_sasl.py \
	%D%/test_sasl_external.py %D%/test_sasl_oauth.py %D%/sieve \
	%D%/test_scand.py %D%/test_sieve_delivery.py %D%/test_sieve_language.py \
	%D%/test_sieve_verbs.py %D%/test_spf_oracle.py %D%/test_stress.py %D%/test_training.py

# Our Sieve engine against Debian's, where that is installed.
EXTRA_DIST += %D%/sieve/libsieve_test.c
if HAVE_LIBSIEVE
check_PROGRAMS += %D%/sieve/libsieve_test
%C%_sieve_libsieve_test_SOURCES = %D%/sieve/libsieve_test.c
%C%_sieve_libsieve_test_LDADD = $(MS_LIBS) -lsieve
endif

# The vectors of mail authentication that others publish: an area is a file.
check_PROGRAMS += %D%/mailauth_vectors
%C%_mailauth_vectors_SOURCES = %D%/mailauth_vectors.c %D%/vectors.h
%C%_mailauth_vectors_SOURCES += %D%/vectors_authres.c
%C%_mailauth_vectors_SOURCES += %D%/vectors_dmarc.c
%C%_mailauth_vectors_SOURCES += %D%/vectors_arc.c %D%/vectors_dkim.c
%C%_mailauth_vectors_SOURCES += %D%/vectors_psl.c
%C%_mailauth_vectors_SOURCES += %D%/vectors_reports.c
%C%_mailauth_vectors_SOURCES += %D%/vectors_spf.c %D%/spf_case.c %D%/spf_case.h
%C%_mailauth_vectors_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)

# SPF for test_spf_oracle.py.
noinst_PROGRAMS += %D%/spf_check
%C%_spf_check_SOURCES = %D%/spf_check.c %D%/spf_case.c %D%/spf_case.h
%C%_spf_check_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)

# Authentication-Results for the test that asks Python's authres.
noinst_PROGRAMS += %D%/authres_pipe
EXTRA_DIST += %D%/test_authres_oracle.py
%C%_authres_pipe_SOURCES = %D%/authres_pipe.c
%C%_authres_pipe_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)

# lib/dns for test_dns.py.
noinst_PROGRAMS += %D%/dns_ask
%C%_dns_ask_SOURCES = %D%/dns_ask.c
%C%_dns_ask_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)

# DKIM and ARC for test_dkim_oracle.py and test_arc_oracle.py.
noinst_PROGRAMS += %D%/mailauth_tool
%C%_mailauth_tool_SOURCES = %D%/mailauth_tool.c
%C%_mailauth_tool_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)
EXTRA_DIST += %D%/mailauth.py %D%/test_arc_oracle.py %D%/test_dkim_oracle.py

# The clients of scanners for test_scanners.py.
noinst_PROGRAMS += %D%/scanner_tool
EXTRA_DIST += %D%/test_scanners.py
%C%_scanner_tool_SOURCES = %D%/scanner_tool.c

# A name server for test_milterd.py.
EXTRA_DIST += %D%/nsd.py %D%/test_filter_client.py \
	%D%/test_filter_content.py %D%/test_milterd.py %D%/test_dns_verb.py \
	%D%/test_outbound.py %D%/test_outbound_delivery.py \
	%D%/test_tls_reports.py
EXTRA_DIST += %D%/test_sendmail.py
EXTRA_DIST += %D%/test_systemd.py %D%/systemd/boot.sh %D%/systemd/inside.py
EXTRA_DIST += %D%/test_filter_quarantine.py
