/* SPDX-License-Identifier: BSD-2-Clause */
#include "oauth/remember.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rnd.h"

#define MAX_TOKENS 10000 /* beyond, all are forgotten */
#define MAX_CLAIMS 4096  /* octets of claims worth remembering */

struct answer {
	int64_t until; /* monotonic milliseconds */
	char *claims;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map *answers; /* HMAC -> struct answer */
static uint8_t secret[32];

static void
free_answer(struct answer *x)
{
	if (x)
		free(x->claims);
	free(x);
}

static void
forget_all(void)
{
	size_t at = 0;
	void *x;

	while (map_next(answers, &at, NULL, &x))
		free_answer(x);
	map_free(&answers);
}

/* Locked. */
static void
start(void)
{
	if (answers && map_count(answers) >= MAX_TOKENS)
		forget_all();
	if (answers)
		return;
	answers = map_new();
	rnd_bytes(secret, sizeof(secret));
}

/* Whom was asked counts, too. Locked. */
static struct str
key_of(const struct oauth_config *c, struct str token, uint8_t out[32])
{
	struct buf text = { 0 };
	unsigned n = 0;

	buf_putstr(&text, c->introspection);
	buf_putc(&text, '\0');
	buf_putstr(&text, c->client_id);
	buf_putc(&text, '\0');
	buf_putstr(&text, token);
	HMAC(EVP_sha256(), secret, sizeof(secret), (const uint8_t *)text.p,
	    text.n, out, &n);
	mem_wipe(text.p, text.n);
	buf_fini(&text);
	return (struct str){ (const char *)out, n };
}

json_t *
remember_get(const struct oauth_config *c, struct str token)
{
	const struct answer *x;
	json_t *claims = NULL;
	uint8_t key[32];

	pthread_mutex_lock(&lock);
	start();
	x = c->remember > 0 ? map_get(answers, key_of(c, token, key)) : NULL;
	if (x && x->until > clock_mono_ms())
		claims = json_loads(x->claims, 0, NULL);
	pthread_mutex_unlock(&lock);
	return claims;
}

void
remember_put(const struct oauth_config *c, struct str token, json_t *claims)
{
	char *text = json_dumps(claims, JSON_COMPACT);
	struct answer *x;
	uint8_t key[32];

	if (c->remember > 0 && text && str_of(text).n <= MAX_CLAIMS) {
		x = mem_zalloc(sizeof(*x));
		x->until = clock_mono_ms() + c->remember * 1000;
		x->claims = mem_strdup(text);
		pthread_mutex_lock(&lock);
		start();
		free_answer(map_set(answers, key_of(c, token, key), x));
		pthread_mutex_unlock(&lock);
	}
	free(text);
}
