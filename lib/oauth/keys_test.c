/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "oauth/keys.h"

/* ------------------------------------------------------------------------
 * A provider with one answer to everything
 */

static struct {
	int fd;
	pthread_t thread;
	char url[64];
	_Atomic(const char *) answer;
	atomic_uint requests;
} provider;

static void *
serve(void *arg)
{
	char request[4096];
	int fd;

	(void)arg;
	while ((fd = accept(provider.fd, NULL, NULL)) >= 0) {
		const char *answer = provider.answer;

		if (read(fd, request, sizeof(request)) > 0 &&
		    write(fd, answer, strlen(answer)) < 0)
			perror("write");
		atomic_fetch_add(&provider.requests, 1);
		close(fd);
	}
	return NULL;
}

static int
provider_up(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(in);
	static unsigned count;

	(void)state;
	provider.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(provider.fd, (struct sockaddr *)&in, n) != 0 ||
	    listen(provider.fd, 10) != 0 ||
	    getsockname(provider.fd, (struct sockaddr *)&in, &n) != 0)
		return -1;
	/* A name of its own for each test, since sets are remembered. */
	snprintf(provider.url, sizeof(provider.url), "http://127.0.0.1:%u/%u",
	    ntohs(in.sin_port), ++count);
	provider.requests = 0;
	return pthread_create(&provider.thread, NULL, serve, NULL);
}

static int
provider_down(void **state)
{
	(void)state;
	shutdown(provider.fd, SHUT_RDWR);
	pthread_join(provider.thread, NULL);
	close(provider.fd);
	return 0;
}

#define KEY(kid)                                                               \
	"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"" kid       \
	"\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"
#define HTTP(text) "HTTP/1.0 200 OK\r\n\r\n" text

static struct oauth_config
config(const char *source)
{
	return (struct oauth_config){ .jwks = str_of(source),
		.ca_file = STR(""),
		.cache_time = 3600,
		.timeout = 5 };
}

/* Is there a set, and has it the key? */
static bool
got(const char *source, const char *kid)
{
	struct oauth_config c = config(source);
	struct err e = ERR_INIT;
	struct jwks *set;
	bool has = false;

	if (keys_get(&c, kid, &set, &e) == SITE_OK)
		has = jwks_has(set, kid);
	else
		print_message("%s\n", e.msg);
	jwks_free(&set);
	return has;
}

/* ------------------------------------------------------------------------
 * Tests
 */

static void
test_kept(void **state)
{
	(void)state;
	provider.answer = HTTP(KEY("a"));
	assert_true(got(provider.url, "a"));
	assert_true(got(provider.url, NULL));
	assert_int_equal(provider.requests, 1);
	/* A key that is missing is asked for, but not all the time. */
	provider.answer = HTTP(KEY("b"));
	assert_false(got(provider.url, "b"));
	assert_int_equal(provider.requests, 1);
	clock_shift(KEYS_RETRY + 1);
	assert_true(got(provider.url, "b"));
	assert_int_equal(provider.requests, 2);
	/* One that is old is fetched again, and kept if that fails. */
	clock_shift(3601);
	provider.answer = "HTTP/1.0 500 No\r\n\r\n";
	assert_true(got(provider.url, "b"));
	assert_true(got(provider.url, "b"));
	assert_int_equal(provider.requests, 3);
	clock_shift(KEYS_RETRY + 1);
	provider.answer = HTTP(KEY("c"));
	assert_true(got(provider.url, "c"));
	assert_int_equal(provider.requests, 4);
}

static void
test_failures(void **state)
{
	static const char *const answers[] = { "HTTP/1.0 404 No\r\n\r\n",
		HTTP("junk"), HTTP("{}"), "",
		"HTTP/1.0 302 Moved\r\nLocation: /x\r\n\r\n" };

	(void)state;
	for (size_t i = 0; i < LEN(answers); i++) {
		provider.answer = answers[i];
		assert_false(got(provider.url, NULL));
		/* Not asked again at once. */
		provider.answer = HTTP(KEY("a"));
		assert_false(got(provider.url, NULL));
		assert_int_equal(provider.requests, i + 1);
		clock_shift(KEYS_RETRY + 1);
	}
	assert_true(got(provider.url, NULL));
	assert_false(got("http://id.example/keys", NULL));
	assert_false(got("junk", NULL));
}

static void *
get_one(void *arg)
{
	*(bool *)arg = got(provider.url, "a");
	return NULL;
}

/* Those who come first wait for one request. */
static void
test_together(void **state)
{
	pthread_t threads[8];
	bool ok[8];

	(void)state;
	provider.answer = HTTP(KEY("a"));
	for (size_t i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, get_one, &ok[i]);
	for (size_t i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		assert_true(ok[i]);
	}
	assert_int_equal(provider.requests, 1);
}

static void
test_file(void **state)
{
	char dir[] = "/tmp/keys_test.XXXXXX", path[64];
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/keys.json", dir);
	assert_false(got(path, NULL));
	assert_true(fs_write_durable(path, STR(KEY("a")), 0600, &e));
	assert_true(got(path, "a"));
	assert_true(fs_write_durable(path, STR(KEY("other")), 0600, &e));
	assert_true(got(path, "other"));
	assert_true(fs_write_durable(path, STR("{"), 0600, &e));
	assert_true(got(path, "other"));
	assert_true(fs_remove_tree(dir, &e));
	assert_true(got(path, "other"));
}

#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, provider_up, provider_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_kept),
		T(test_failures),
		T(test_together),
		cmocka_unit_test(test_file),
	};

	log_init("keys_test", LOG_ERROR, LOG_LOGFMT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
