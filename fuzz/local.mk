# A target is a source with LLVMFuzzerTestOneInput(), a corpus in
# corpus/NAME (NAME_fuzz being the program), and three lines here. With
# --enable-fuzzing libFuzzer drives it:
#
#	fuzz/mime_fuzz -max_total_time=120 /tmp/found $(srcdir)/fuzz/corpus/mime
#
# Otherwise replay.c does, and "make check" replays the corpus.

FUZZ_TARGETS =
if FUZZING
FUZZ_MAIN =
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
else
FUZZ_MAIN = %D%/replay.c
FUZZ_LINK = $(AM_LDFLAGS)
TESTS += $(FUZZ_TARGETS)
endif
noinst_PROGRAMS += $(FUZZ_TARGETS)
EXTRA_DIST += %D%/corpus

FUZZ_TARGETS += %D%/mime_fuzz
%C%_mime_fuzz_SOURCES = %D%/mime_fuzz.c $(FUZZ_MAIN)
%C%_mime_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/lmtp_fuzz
%C%_lmtp_fuzz_SOURCES = %D%/lmtp_fuzz.c lmtpd/data.c lmtpd/data.h \
	lmtpd/envelope.c lmtpd/envelope.h $(FUZZ_MAIN)
%C%_lmtp_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/imap_fuzz
%C%_imap_fuzz_SOURCES = %D%/imap_fuzz.c $(FUZZ_MAIN) $(imapd_parts)
%C%_imap_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/peer_fuzz
%C%_peer_fuzz_SOURCES = %D%/peer_fuzz.c authd/http_request.c authd/http_request.h \
	authd/netstring.c authd/netstring.h \
	authd/proto.c authd/proto.h $(FUZZ_MAIN)
%C%_peer_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/pop3_fuzz
%C%_pop3_fuzz_SOURCES = %D%/pop3_fuzz.c $(FUZZ_MAIN) $(pop3d_parts)
%C%_pop3_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/scand_fuzz
%C%_scand_fuzz_SOURCES = %D%/scand_fuzz.c $(FUZZ_MAIN) $(scand_parts)
%C%_scand_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/zip_fuzz
%C%_zip_fuzz_SOURCES = %D%/zip_fuzz.c $(FUZZ_MAIN)
%C%_zip_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/oauth_fuzz
%C%_oauth_fuzz_SOURCES = %D%/oauth_fuzz.c $(FUZZ_MAIN)
%C%_oauth_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/sieved_fuzz
%C%_sieved_fuzz_SOURCES = %D%/sieved_fuzz.c $(FUZZ_MAIN) $(sieved_parts)
%C%_sieved_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/dkim_fuzz
%C%_dkim_fuzz_SOURCES = %D%/dkim_fuzz.c $(FUZZ_MAIN)
%C%_dkim_fuzz_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)
%C%_dkim_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/arc_fuzz
%C%_arc_fuzz_SOURCES = %D%/arc_fuzz.c $(FUZZ_MAIN)
%C%_arc_fuzz_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)
%C%_arc_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/key_fuzz
%C%_key_fuzz_SOURCES = %D%/key_fuzz.c $(FUZZ_MAIN)
%C%_key_fuzz_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)
%C%_key_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/srs_fuzz
%C%_srs_fuzz_SOURCES = %D%/srs_fuzz.c $(FUZZ_MAIN)
%C%_srs_fuzz_LDFLAGS = $(FUZZ_LINK)
FUZZ_TARGETS += %D%/sieve_fuzz
%C%_sieve_fuzz_SOURCES = %D%/sieve_fuzz.c $(FUZZ_MAIN)
%C%_sieve_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/spf_fuzz
%C%_spf_fuzz_SOURCES = %D%/spf_fuzz.c $(FUZZ_MAIN)
%C%_spf_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_spf_fuzz_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)

FUZZ_TARGETS += %D%/authres_fuzz
%C%_authres_fuzz_SOURCES = %D%/authres_fuzz.c $(FUZZ_MAIN)
%C%_authres_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_authres_fuzz_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)

FUZZ_TARGETS += %D%/dmarc_fuzz
%C%_dmarc_fuzz_SOURCES = %D%/dmarc_fuzz.c $(FUZZ_MAIN)
%C%_dmarc_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_dmarc_fuzz_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)

FUZZ_TARGETS += %D%/report_fuzz
%C%_report_fuzz_SOURCES = %D%/report_fuzz.c $(FUZZ_MAIN)
%C%_report_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_report_fuzz_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)

FUZZ_TARGETS += %D%/scanner_fuzz
%C%_scanner_fuzz_SOURCES = %D%/scanner_fuzz.c $(FUZZ_MAIN)
%C%_scanner_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/greylist_fuzz
%C%_greylist_fuzz_SOURCES = %D%/greylist_fuzz.c $(FUZZ_MAIN)
%C%_greylist_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/helo_fuzz
%C%_helo_fuzz_SOURCES = %D%/helo_fuzz.c $(FUZZ_MAIN)
%C%_helo_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_helo_fuzz_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)

FUZZ_TARGETS += %D%/sts_fuzz
%C%_sts_fuzz_SOURCES = %D%/sts_fuzz.c $(FUZZ_MAIN)
%C%_sts_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_sts_fuzz_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)

FUZZ_TARGETS += %D%/quarantine_fuzz
%C%_quarantine_fuzz_SOURCES = %D%/quarantine_fuzz.c $(FUZZ_MAIN)
%C%_quarantine_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_quarantine_fuzz_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)

FUZZ_TARGETS += %D%/attachment_fuzz
%C%_attachment_fuzz_SOURCES = %D%/attachment_fuzz.c $(FUZZ_MAIN)
%C%_attachment_fuzz_LDFLAGS = $(FUZZ_LINK)

FUZZ_TARGETS += %D%/tlslog_fuzz
%C%_tlslog_fuzz_SOURCES = %D%/tlslog_fuzz.c $(FUZZ_MAIN)
%C%_tlslog_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_tlslog_fuzz_LDADD = $(MS_LIBS) $(MAILAUTH_LIBS)

FUZZ_TARGETS += %D%/milter_fuzz
%C%_milter_fuzz_SOURCES = %D%/milter_fuzz.c milterd/protocol.c \
	milterd/protocol.h $(FUZZ_MAIN)
%C%_milter_fuzz_LDFLAGS = $(FUZZ_LINK)
