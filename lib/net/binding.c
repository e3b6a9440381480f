/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <openssl/x509.h>

#include "net/internal.h"

/*
 * Channel bindings. Those that come from the handshake's secrets are given
 * only where the session hash is in them: without it (RFC 7627), somebody in
 * the middle can make two connections with the same ones.
 */

static bool
exporter(SSL *ssl, struct buf *out)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	uint8_t key[32];

	if (SSL_version(ssl) < TLS1_3_VERSION && !SSL_get_extms_support(ssl))
		return false;
	if (SSL_export_keying_material(ssl, key, sizeof(key), label,
		sizeof(label) - 1, NULL, 0, 1) != 1)
		return false;
	buf_put(out, key, sizeof(key));
	return true;
}

/* The first Finished message: the client's, or ours when it resumed. */
static bool
unique(SSL *ssl, struct buf *out)
{
	uint8_t finished[EVP_MAX_MD_SIZE];
	size_t n;

	if (SSL_version(ssl) >= TLS1_3_VERSION || !SSL_get_extms_support(ssl))
		return false;
	n = SSL_session_reused(ssl)
		? SSL_get_finished(ssl, finished, sizeof(finished))
		: SSL_get_peer_finished(ssl, finished, sizeof(finished));
	buf_put(out, finished, n < sizeof(finished) ? n : sizeof(finished));
	return n > 0;
}

/* Undefined for signatures without a hash of their own, such as Ed25519. */
static bool
end_point(SSL *ssl, struct buf *out)
{
	X509 *cert = SSL_get_certificate(ssl);
	uint8_t digest[EVP_MAX_MD_SIZE];
	const EVP_MD *md;
	unsigned n = 0;
	int hash = NID_undef;

	if (!cert ||
	    X509_get_signature_info(cert, &hash, NULL, NULL, NULL) != 1)
		return false;
	if (hash == NID_md5 || hash == NID_sha1)
		hash = NID_sha256;
	md = EVP_get_digestbynid(hash);
	if (!md || X509_digest(cert, md, digest, &n) != 1)
		return false;
	buf_put(out, digest, n);
	return true;
}

bool
conn_binding(const void *conn, const char *type, struct buf *out)
{
	static const struct {
		const char *type;
		bool (*get)(SSL *ssl, struct buf *out);
	} types[] = {
		{ "tls-exporter", exporter },
		{ "tls-server-end-point", end_point },
		{ "tls-unique", unique },
	};
	const struct conn *c = conn;

	for (size_t i = 0; c->ssl && i < LEN(types); i++) {
		if (strcmp(type, types[i].type) == 0)
			return types[i].get(c->ssl, out);
	}
	return false;
}
