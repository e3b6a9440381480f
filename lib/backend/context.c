/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/context.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"

#define KEEP_MS 60000 /* then the file may have changed */
#define MAX_KEPT 100

struct kept {
	SSL_CTX *ctx;
	int64_t until; /* monotonic milliseconds */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map *contexts; /* file, or "-" without checks -> struct kept */

static bool
load_authorities(SSL_CTX *ctx, const char *ca_file, struct err *e)
{
	bool ok = *ca_file
		      ? SSL_CTX_load_verify_locations(ctx, ca_file, NULL) == 1
		      : SSL_CTX_set_default_verify_paths(ctx) == 1;

	if (!ok)
		err_set(e, "cannot read the authorities in %s",
		    *ca_file ? ca_file : "the system's folder");
	return ok;
}

static SSL_CTX *
make(bool verify, const char *ca_file, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx) {
		err_set(e, "no TLS");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	if (!verify)
		return ctx;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (load_authorities(ctx, ca_file, e))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* Locked. */
static void
forget_all(void)
{
	size_t at = 0;
	void *value;

	while (contexts && map_next(contexts, &at, NULL, &value)) {
		struct kept *k = value;

		SSL_CTX_free(k->ctx);
		free(k);
	}
	map_free(&contexts);
}

/* Locked. NULL: E says why. */
static struct kept *
find(bool verify, const char *ca_file, struct err *e)
{
	struct str name = verify ? str_of(ca_file) : STR("-");
	struct kept *k = contexts ? map_get(contexts, name) : NULL;
	SSL_CTX *ctx;

	if (k && k->until > clock_mono_ms())
		return k;
	ctx = make(verify, ca_file, e);
	if (!ctx)
		return NULL;
	if (contexts && map_count(contexts) >= MAX_KEPT) {
		forget_all();
		k = NULL;
	}
	if (!contexts)
		contexts = map_new();
	if (!k) {
		k = mem_zalloc(sizeof(*k));
		map_set(contexts, name, k);
	}
	SSL_CTX_free(k->ctx);
	k->ctx = ctx;
	k->until = clock_mono_ms() + KEEP_MS;
	return k;
}

SSL *
context_ssl(bool verify, struct str ca_file, struct err *e)
{
	struct buf path = { 0 };
	struct kept *k;
	SSL *ssl = NULL;

	buf_putstr(&path, ca_file);
	pthread_mutex_lock(&lock);
	k = find(verify, buf_cstr(&path), e);
	if (k) {
		ssl = SSL_new(k->ctx); /* holds the context, too */
		if (!ssl)
			err_set(e, "no TLS");
	}
	pthread_mutex_unlock(&lock);
	buf_fini(&path);
	return ssl;
}
