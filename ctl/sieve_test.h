/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CTL_SIEVE_TEST_H
#define CTL_SIEVE_TEST_H

#include "ctl/ctl.h"
#include "ctl/sieve_source.h"
#include "sieve/run.h"

/*
 * Test files: Sieve scripts in the language of Pigeonhole's testsuite
 * (`require "vnd.dovecot.testsuite"`), which act upon themselves. Ordinary
 * tests look at the current message; the added commands change it, or compile
 * and run another script, whose actions are carried out in a mail store and an
 * outgoing-mail trap that are nothing but memory.
 *
 *	sieve_test.c          the verb: files, totals, output
 *	sieve_test_verbs.c    the added commands and tests
 *	sieve_test_script.c   compiling, running, executing; the error list
 *	sieve_test_message.c  the current message and its envelope
 *	sieve_test_store.c    the mail store and the trap
 *	sieve_test_host.c     what scripts ask the world
 *	sieve_test_config.c   settings, by Pigeonhole's names
 *	sieve_test_program.c  programs of vnd.dovecot.pipe and its kin
 */

struct test_list {
	struct str *v;
	size_t n, cap;
};
void test_list_add(struct arena *a, struct test_list *l, struct str s);

struct test_setting {
	struct test_setting *next;
	struct str name, value; /* value p NULL: unset */
};

/* What the settings come to. */
struct test_config {
	struct test_setting *settings;
	struct sieve_limits limits;
	struct sieve_sender sender;
	struct str bin_dir[3]; /* by the kind of struct sieve_execution */
	unsigned timeout[3];   /* seconds; 0: none */
	bool crlf[3];
};

struct test_mail {
	struct test_mail *next;
	struct str raw;
	const struct str *flags;
	size_t nflags;
	struct sieve_envelope envelope; /* of mail in the trap */
};

struct test_mailbox {
	struct test_mailbox *next;
	struct str name, use, id;
	struct test_mail *mails;
};

struct test_metadata {
	struct test_metadata *next;
	struct str mailbox, entry, value;
};

/* Of vacation and duplicate. */
struct test_memory {
	struct test_memory *next;
	struct str kind, key;
	int64_t until;
};

struct test_binary {
	struct test_binary *next;
	struct str name;
	struct sieve_program *program;
};

struct tester {
	struct ctl *c;
	struct arena *arena; /* of the file */
	struct str path, dir;
	struct sieve_folders folders;
	bool trace;

	/* The run of the test file. */
	struct sieve_run *main;
	struct sieve_input in;
	struct sieve_host host;
	struct sieve_limits main_limits;
	struct strs flags; /* of the current message in its mailbox */

	/* The run of scripts; NULL: the actions are those of the file. */
	struct sieve_run *sub;
	size_t executed; /* actions carried out */
	bool kept;       /* the implicit keep too */
	struct sieve_program *compiled;
	struct test_binary *binaries;
	struct test_list errors;
	bool sub_failed; /* test_fail in a script */

	struct test_config config;
	struct test_mailbox *mailboxes;
	struct test_metadata *metadata;
	struct test_mail *trap;
	struct test_memory *memory;
	int64_t started; /* the time then; see the setting "clock" */

	/* The test that is running. */
	bool testing, failed;
	unsigned line;
	struct str why;
	unsigned passed, failures;
	json_t *results;
};

extern const struct sieve_language test_language; /* sieve_test_verbs.c */

/* The running test failed at LINE. */
void test_failed(struct tester *t, unsigned line, struct str why);
/* A test has ended. */
void test_record(struct tester *t, struct str name, unsigned line);

/* sieve_test_script.c */
struct sieve_caps test_caps(void);
bool test_compile(struct tester *t, struct str path);
bool test_compile_source(struct tester *t, struct str source);
bool test_run(struct tester *t, bool append);
bool test_execute(struct tester *t);
bool test_multiscript(struct tester *t, struct strs scripts);
void test_reset(struct tester *t);
struct sieve_run *test_result(struct tester *t);
void test_binary_save(struct tester *t, struct str name);
bool test_binary_load(struct tester *t, struct str name);
void test_script_fini(struct tester *t);
void test_error_add(struct tester *t, struct str text);

/* sieve_test_message.c */
void test_message_set(struct tester *t, struct str raw, struct strs flags);
void test_message_default(struct tester *t);
/* "message", "envelope.from", ...: false if there is no such thing. */
bool test_object_set(struct tester *t, struct str name, struct str value);
bool test_object_known(struct str name);

/* sieve_test_store.c */
struct test_mailbox *test_mailbox_find(struct tester *t, struct str name);
struct test_mailbox *test_mailbox_use(struct tester *t, struct str use);
struct test_mailbox *test_mailbox_create(
    struct tester *t, struct str name, struct str use, struct str id);
bool test_mailbox_delete(struct tester *t, struct str name);
void test_metadata_set(
    struct tester *t, struct str mailbox, struct str entry, struct str value);
/* Make it the current message. */
bool test_message_smtp(struct tester *t, uint64_t index);
bool test_message_folder(struct tester *t, struct str folder, uint64_t index);
struct sieve_sink test_sink(struct tester *t);

/* sieve_test_host.c */
struct sieve_host test_host(struct tester *t);

/* sieve_test_config.c */
void test_config_set(struct tester *t, struct str name, struct str value);
void test_config_apply(struct tester *t);
/* p NULL: not set. */
struct str test_config_get(struct tester *t, const char *name);

/* sieve_test_program.c */
enum sieve_answer test_program(struct tester *t,
    const struct sieve_execution *x, struct buf *output, struct buf *why);

#endif
