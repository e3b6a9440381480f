lib_libmailstead_a_SOURCES += %D%/annotation.c %D%/annotation.h \
	%D%/account.c %D%/append.c %D%/append.h %D%/backup.c %D%/check.c %D%/collection.c \
	%D%/collection.h %D%/document.c %D%/downgraded.c %D%/downgraded.h %D%/check.h \
	%D%/blob.c %D%/blob.h %D%/current.c \
	%D%/flags.c %D%/housekeep.c %D%/internal.h %D%/keys.c %D%/keys.h \
	%D%/lock.c %D%/lock.h %D%/keys_cache.c %D%/keys_cache.h %D%/keys_row.c %D%/keys_row.h %D%/mailbox.c \
	%D%/delivery.c %D%/delivery.h %D%/marker.c %D%/marker.h %D%/memory.c %D%/memory.h \
	%D%/outgoing.c %D%/outgoing.h %D%/outgoing_row.h \
	%D%/message.c %D%/message.h %D%/reader.c %D%/reader.h %D%/remove.c \
	%D%/objectid.c %D%/rights.c %D%/rights.h %D%/ring.c %D%/ring.h %D%/script.c %D%/script.h %D%/search.c %D%/setflags.c %D%/setflags.h %D%/snapshot.c %D%/snapshot.h %D%/store.h \
	%D%/training.c %D%/training.h %D%/transfer.c \
	%D%/trigram.c %D%/trigram.h %D%/tx.c %D%/tx.h %D%/uids.c \
	%D%/view.c %D%/view.h

check_PROGRAMS += %D%/store_test
%C%_store_test_SOURCES = %D%/store_test.c %D%/test.h
%C%_store_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/view_test
%C%_view_test_SOURCES = %D%/view_test.c %D%/test.h
%C%_view_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/concurrency_test
%C%_concurrency_test_SOURCES = %D%/concurrency_test.c %D%/test.h
%C%_concurrency_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/check_test
%C%_check_test_SOURCES = %D%/check_test.c %D%/test.h
%C%_check_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/collection_test
%C%_collection_test_SOURCES = %D%/collection_test.c %D%/test.h
%C%_collection_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/plan_test
%C%_plan_test_SOURCES = %D%/plan_test.c %D%/test.h
%C%_plan_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/training_test
%C%_training_test_SOURCES = %D%/training_test.c %D%/test.h
%C%_training_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/script_test
%C%_script_test_SOURCES = %D%/script_test.c %D%/test.h
%C%_script_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/keys_test
%C%_keys_test_SOURCES = %D%/keys_test.c %D%/test.h
%C%_keys_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/delivery_test
%C%_delivery_test_SOURCES = %D%/delivery_test.c %D%/test.h
%C%_delivery_test_LDADD = $(TEST_LIBS)
