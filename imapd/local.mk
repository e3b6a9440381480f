# What needs neither store nor network: for the daemon, the tests, the fuzzer.
imapd_parts = %D%/fetch_items.c %D%/fetch_items.h %D%/frame.c %D%/frame.h \
	%D%/id.c %D%/id.h \
	%D%/match.c %D%/match.h %D%/metadata_parse.c %D%/parse.c %D%/parse.h \
	%D%/notify_parse.c %D%/search_key.c %D%/search_key.h \
	%D%/search_return.c %D%/search_result.c %D%/search_result.h \
	%D%/seqset.c %D%/seqset.h %D%/sieve_url.c %D%/sieve_url.h \
	%D%/sort_parse.c \
	%D%/url.c %D%/url.h %D%/utf7.c %D%/utf7.h %D%/write.c %D%/write.h

# Searching, sorting, threading.
imapd_search = %D%/cmd_esearch.c %D%/context.c %D%/context.h \
	%D%/context_update.c %D%/search.c %D%/search.h %D%/search_read.c \
	%D%/search_index.c %D%/search_run.c %D%/search_save.c %D%/sort.c \
	%D%/sort.h %D%/thread.c %D%/thread.h \
	%D%/thread_refs.c %D%/thread_subject.c

# The rest but main(): the command table is tested with it.
imapd_rest = %D%/append.c %D%/append.h %D%/url_read.c %D%/url_read.h \
	%D%/fetch.h %D%/fetch_emit.c %D%/session.c %D%/session.h \
	%D%/command.c %D%/command.h %D%/acl.h %D%/cmd_acl.c \
	%D%/cmd_i18n.c %D%/cmd_metadata.c %D%/cmd_quota.c %D%/mail_event.c %D%/mail_event.h \
	%D%/event_script.c %D%/event_script.h \
	%D%/list.h %D%/list_parse.c %D%/metadata.c %D%/metadata.h %D%/notify.c \
	%D%/notify.h %D%/notify_state.h %D%/notify_tell.c \
	%D%/picture.c %D%/picture.h %D%/place.c \
	%D%/place.h %D%/place_list.c %D%/qresync.c %D%/qresync.h %D%/sync.c %D%/tell.c \
	%D%/tell.h %D%/idle.c %D%/watch.c %D%/watch.h \
	$(imapd_search) %D%/section.c %D%/section.h %D%/status.c \
	%D%/cmd_append.c %D%/cmd_fetch.c %D%/cmd_id.c %D%/cmd_list.c %D%/cmd_login.c \
	%D%/cmd_mailbox.c %D%/cmd_message.c %D%/cmd_search.c \
	%D%/cmd_select.c %D%/cmd_uidbatches.c %D%/cmd_unauthenticate.c %D%/cmd_urlauth.c %D%/cmd_session.c \
	%D%/cmd_store.c %D%/proxy.c %D%/proxy.h

pkglibexec_PROGRAMS += %D%/imapd
%C%_imapd_SOURCES = %D%/main.c $(imapd_rest) $(imapd_parts)

check_PROGRAMS += %D%/id_test %D%/imapd_test
%C%_id_test_SOURCES = %D%/id_test.c %D%/id.c %D%/id.h
%C%_id_test_LDADD = $(TEST_LIBS)
%C%_imapd_test_SOURCES = %D%/imapd_test.c $(imapd_rest) $(imapd_parts)
%C%_imapd_test_LDADD = $(TEST_LIBS)

dist_man_MANS += %D%/imapd.8
