/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/tls.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rnd.h"

#define MAX_NAMES 10000  /* contexts by name; beyond, the cache starts anew */
#define MAX_UNKNOWN 1000 /* remembered names without a certificate */
#define TICKET_KEYS 80   /* what OpenSSL 3 takes */

struct tls {
	struct tls_options o;
	char *cert, *key, *client_ca, *client_crl;
	int min;
	uint8_t tickets[TICKET_KEYS]; /* one set, so that resumption survives
				       * a reload */
	pthread_mutex_t lock;         /* guards what follows */
	SSL_CTX *def;
	struct map *names;   /* name -> SSL_CTX * */
	struct map *unknown; /* name -> itself */
	unsigned generation;
};

void
tls_error(char *out, size_t n)
{
	unsigned long code = ERR_get_error();

	if (code)
		ERR_error_string_n(code, out, n);
	else
		snprintf(out, n, "connection lost");
	ERR_clear_error();
}

static bool
fail(struct err *e, const char *what, const char *path)
{
	char why[256];

	tls_error(why, sizeof(why));
	err_set(e, "%s %s: %s", what, path, why);
	return false;
}

/* Lower case without a final dot, or empty if it cannot be a host name. */
static struct str
normal_name(const char *name, char out[256])
{
	size_t n = strlen(name);

	if (n > 0 && name[n - 1] == '.')
		n--;
	if (n == 0 || n > 255)
		return STR_NULL;
	for (size_t i = 0; i < n; i++) {
		char c = ascii_lower(name[i]);

		if (!(c >= 'a' && c <= 'z') && !ascii_digit(c) && c != '-' &&
		    c != '.' && c != '_')
			return STR_NULL;
		out[i] = c;
	}
	return (struct str){ out, n };
}

static int choose(SSL *ssl, int *alert, void *arg);

static SSL_CTX *
new_context(struct tls *t)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	if (!c)
		return NULL;
	SSL_CTX_set_min_proto_version(c, t->min);
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				   SSL_OP_CIPHER_SERVER_PREFERENCE |
				   SSL_OP_PRIORITIZE_CHACHA |
				   SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS |
				SSL_MODE_ENABLE_PARTIAL_WRITE |
				SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Tickets are kept by the client; the server remembers nothing. */
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(c, (const uint8_t *)"mailstead", 9);
	SSL_CTX_set_tlsext_ticket_keys(c, t->tickets, sizeof(t->tickets));
	SSL_CTX_set_num_tickets(c, 1);
	SSL_CTX_set_tlsext_servername_callback(c, choose);
	SSL_CTX_set_tlsext_servername_arg(c, t);
	return c;
}

/* ------------------------------------------------------------------------
 * Certificates of clients
 *
 * The handshake takes any, since it is not there that it is decided what one
 * is good for; SSL_get_verify_result() remembers what was found.
 */

static int
take_any(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

/*
 * A session with a certificate is not resumed: what was found of it would
 * count for the life of the ticket, though it has been revoked since.
 */
static SSL_TICKET_RETURN
take_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
    size_t name_len, SSL_TICKET_STATUS status, void *arg)
{
	(void)ssl;
	(void)name;
	(void)name_len;
	(void)arg;
	if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	if (SSL_SESSION_get0_peer(session))
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE
					    : SSL_TICKET_RETURN_USE_RENEW;
}

static bool
trust_clients(SSL_CTX *c, const struct tls *t, struct err *e)
{
	X509_STORE *store = SSL_CTX_get_cert_store(c);
	STACK_OF(X509_NAME) * names;

	if (*t->client_ca) {
		names = SSL_load_client_CA_file(t->client_ca);
		if (!names || X509_STORE_load_file(store, t->client_ca) != 1)
			return fail(
			    e, "cannot use tls_client_ca", t->client_ca);
		SSL_CTX_set_client_CA_list(c, names);
	}
	if (*t->client_crl) {
		if (X509_STORE_load_file(store, t->client_crl) != 1)
			return fail(
			    e, "cannot use tls_client_crl", t->client_crl);
		X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
	}
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, take_any);
	SSL_CTX_set_session_ticket_cb(c, NULL, take_ticket, NULL);
	return true;
}

/* As the default context does, without reading the files again. */
static void
trust_alike(struct tls *t, SSL_CTX *c)
{
	pthread_mutex_lock(&t->lock);
	SSL_CTX_set_verify(c, SSL_CTX_get_verify_mode(t->def), take_any);
	SSL_CTX_set_session_ticket_cb(c, NULL, take_ticket, NULL);
	SSL_CTX_set1_cert_store(c, SSL_CTX_get_cert_store(t->def));
	SSL_CTX_set_client_CA_list(
	    c, SSL_dup_CA_list(SSL_CTX_get_client_CA_list(t->def)));
	pthread_mutex_unlock(&t->lock);
}

/* ------------------------------------------------------------------------
 * Our own certificates
 */

static bool
use_files(SSL_CTX *c, const struct tls *t, struct err *e)
{
	const char *key = *t->key ? t->key : t->cert;

	if (!*t->cert)
		return true;
	if (SSL_CTX_use_certificate_chain_file(c, t->cert) != 1)
		return fail(e, "cannot use certificate", t->cert);
	if (SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1)
		return fail(e, "cannot use key", key);
	if (SSL_CTX_check_private_key(c) != 1)
		return fail(e, "key does not belong to certificate", t->cert);
	return true;
}

static SSL_CTX *
default_context(struct tls *t, struct err *e)
{
	SSL_CTX *c = new_context(t);

	if (!c) {
		fail(e, "cannot make a TLS context", "");
		return NULL;
	}
	if (use_files(c, t, e) && (!t->o.ask_clients || trust_clients(c, t, e)))
		return c;
	SSL_CTX_free(c);
	return NULL;
}

static bool
use_chain(SSL_CTX *c, struct str pem)
{
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *leaf = b ? PEM_read_bio_X509_AUX(b, NULL, NULL, NULL) : NULL;
	bool ok = leaf && SSL_CTX_use_certificate(c, leaf) == 1;
	X509 *next;

	X509_free(leaf);
	while (ok && (next = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
		ok = SSL_CTX_add0_chain_cert(c, next) == 1;
		if (!ok)
			X509_free(next);
	}
	ERR_clear_error(); /* the end of the file is reported as one */
	BIO_free(b);
	return ok;
}

static bool
use_key(SSL_CTX *c, struct str pem)
{
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, NULL) : NULL;
	bool ok = key && SSL_CTX_use_PrivateKey(c, key) == 1;

	EVP_PKEY_free(key);
	BIO_free(b);
	return ok && SSL_CTX_check_private_key(c) == 1;
}

/* Ask the callback; NULL if it has nothing that works for NAME. */
static SSL_CTX *
named_context(struct tls *t, struct str name)
{
	struct buf chain = { 0 }, key = { 0 };
	SSL_CTX *c = NULL;

	if (t->o.certificate(t->o.arg, name, &chain, &key)) {
		c = new_context(t);
		if (c && t->o.ask_clients)
			trust_alike(t, c);
		if (c && (!use_chain(c, buf_str(&chain)) ||
			     !use_key(c, buf_str(&key)))) {
			char why[256];

			tls_error(why, sizeof(why));
			log_error("tls_certificate", LOG_STR("name", name),
			    LOG_CSTR("error", why));
			SSL_CTX_free(c);
			c = NULL;
		}
	}
	if (key.p)
		mem_wipe(key.p, key.cap);
	buf_fini(&key);
	buf_fini(&chain);
	return c;
}

static void
clear_names(struct map **m, bool contexts)
{
	size_t at = 0;
	void *value;

	while (map_next(*m, &at, NULL, &value)) {
		if (contexts)
			SSL_CTX_free(value);
	}
	map_free(m);
	*m = map_new();
}

/* Takes over the caller's reference of C, which may be NULL. */
static void
remember(struct tls *t, struct str name, SSL_CTX *c, unsigned generation)
{
	SSL_CTX *old = c;

	pthread_mutex_lock(&t->lock);
	if (generation == t->generation && c) {
		if (map_count(t->names) >= MAX_NAMES)
			clear_names(&t->names, true);
		old = map_set(t->names, name, c);
	} else if (generation == t->generation) {
		if (map_count(t->unknown) >= MAX_UNKNOWN)
			clear_names(&t->unknown, false);
		map_set(t->unknown, name, t);
	}
	pthread_mutex_unlock(&t->lock);
	SSL_CTX_free(old);
}

/* The servername callback of OpenSSL. */
static int
choose(SSL *ssl, int *alert, void *arg)
{
	struct tls *t = arg;
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	char text[256];
	struct str name = asked ? normal_name(asked, text) : STR_NULL;
	unsigned generation;
	SSL_CTX *c;
	bool known;

	(void)alert;
	if (name.n == 0 || !t->o.certificate)
		return SSL_TLSEXT_ERR_OK;
	pthread_mutex_lock(&t->lock);
	c = map_get(t->names, name);
	if (c)
		SSL_CTX_up_ref(c);
	known = c || map_get(t->unknown, name);
	generation = t->generation;
	pthread_mutex_unlock(&t->lock);
	if (!known) {
		c = named_context(t, name);
		if (c)
			SSL_CTX_up_ref(c);
		remember(t, name, c, generation);
	}
	if (c) {
		SSL_set_SSL_CTX(ssl, c);
		SSL_CTX_free(c);
	}
	return SSL_TLSEXT_ERR_OK;
}

bool
tls_new(const struct tls_options *o, struct tls **out, struct err *e)
{
	struct tls *t = mem_zalloc(sizeof(*t));
	const char *min = o->min ? o->min : "1.2";

	t->o = *o;
	t->cert = mem_strdup(o->cert ? o->cert : "");
	t->key = mem_strdup(o->key ? o->key : "");
	t->client_ca = mem_strdup(o->client_ca ? o->client_ca : "");
	t->client_crl = mem_strdup(o->client_crl ? o->client_crl : "");
	t->min = strcmp(min, "1.3") == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
	rnd_bytes(t->tickets, sizeof(t->tickets));
	pthread_mutex_init(&t->lock, NULL);
	t->names = map_new();
	t->unknown = map_new();
	if (strcmp(min, "1.2") != 0 && strcmp(min, "1.3") != 0)
		err_set(e, "tls_min \"%s\" is neither 1.2 nor 1.3", min);
	else
		t->def = default_context(t, e);
	if (!t->def) {
		tls_free(&t);
		return false;
	}
	*out = t;
	return true;
}

void
tls_free(struct tls **tp)
{
	struct tls *t = *tp;

	if (!t)
		return;
	clear_names(&t->names, true);
	map_free(&t->names);
	map_free(&t->unknown);
	SSL_CTX_free(t->def);
	pthread_mutex_destroy(&t->lock);
	mem_wipe(t->tickets, sizeof(t->tickets));
	free(t->cert);
	free(t->key);
	free(t->client_ca);
	free(t->client_crl);
	free(t);
	*tp = NULL;
}

bool
tls_reload(struct tls *t, struct err *e)
{
	SSL_CTX *fresh = default_context(t, e), *old;

	if (!fresh)
		return false;
	pthread_mutex_lock(&t->lock);
	old = t->def;
	t->def = fresh;
	t->generation++;
	clear_names(&t->names, true);
	clear_names(&t->unknown, false);
	pthread_mutex_unlock(&t->lock);
	SSL_CTX_free(old);
	return true;
}

bool
tls_available(const struct tls *t)
{
	return *t->cert || t->o.certificate;
}

SSL *
tls_accept(struct tls *t, int fd)
{
	SSL *ssl;

	pthread_mutex_lock(&t->lock);
	ssl = SSL_new(t->def);
	pthread_mutex_unlock(&t->lock);
	if (!ssl || SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_accept_state(ssl);
	return ssl;
}
