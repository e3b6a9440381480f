/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/proxy.h"

#include <string.h>

#define V1_MAX 107 /* with its CRLF, by the specification */
#define V2_HEAD 16

static const char v2_sig[12] = "\r\n\r\n\0\r\nQUIT\n";

static bool
take_word(struct str *rest, struct str *word)
{
	return str_split(rest, ' ', word) && word->n > 0;
}

static bool
take_port(struct str s, uint16_t *port)
{
	uint32_t v;

	if (s.n == 0 || s.n > 5 || !str_u32(s, &v) || v > 65535)
		return false;
	*port = (uint16_t)v;
	return true;
}

/* "PROXY TCP4 192.0.2.1 198.51.100.1 1234 993" without its CRLF. */
static enum proxy_rc
v1_line(struct str line, struct proxy *out)
{
	struct str rest = line, word, src, dst, sport, dport;
	struct addr to;
	uint16_t to_port;
	bool v4;

	if (!take_word(&rest, &word) || !take_word(&rest, &word))
		return PROXY_BAD;
	if (str_eqc(word, "UNKNOWN")) {
		out->local = true;
		return PROXY_OK;
	}
	v4 = str_eqc(word, "TCP4");
	if (!v4 && !str_eqc(word, "TCP6"))
		return PROXY_BAD;
	if (!take_word(&rest, &src) || !take_word(&rest, &dst) ||
	    !take_word(&rest, &sport) || !take_word(&rest, &dport) || rest.p)
		return PROXY_BAD;
	if (!addr_parse(src, &out->src) || !addr_parse(dst, &to) ||
	    !take_port(sport, &out->port) || !take_port(dport, &to_port))
		return PROXY_BAD;
	if (v4 != (str_chr(src, ':') == STR_NPOS))
		return PROXY_BAD;
	return PROXY_OK;
}

static enum proxy_rc
v1(struct str in, struct proxy *out)
{
	struct str part = str_sub(in, 0, V1_MAX);
	size_t end = str_find(part, STR("\r\n"));

	if (end == STR_NPOS)
		return in.n < V1_MAX ? PROXY_PARTIAL : PROXY_BAD;
	out->length = end + 2;
	return v1_line(str_sub(in, 0, end), out);
}

static enum proxy_rc
v2_addresses(struct str body, unsigned family, struct proxy *out)
{
	const uint8_t *p = (const uint8_t *)body.p;
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	switch (family) {
	case 0x11: /* TCP over IPv4 */
		if (body.n < 12)
			return PROXY_BAD;
		memcpy(out->src.b, mapped, 12);
		memcpy(out->src.b + 12, p, 4);
		out->port = (uint16_t)(p[8] << 8 | p[9]);
		return PROXY_OK;
	case 0x21: /* TCP over IPv6 */
		if (body.n < 36)
			return PROXY_BAD;
		memcpy(out->src.b, p, 16);
		out->port = (uint16_t)(p[32] << 8 | p[33]);
		return PROXY_OK;
	case 0x00: /* unspecified */
	case 0x31: /* a Unix socket: nothing we could count or log */
		out->local = true;
		return PROXY_OK;
	}
	return PROXY_BAD;
}

static enum proxy_rc
v2(struct str in, struct proxy *out)
{
	const uint8_t *p = (const uint8_t *)in.p;
	size_t body;

	if (in.n < V2_HEAD)
		return PROXY_PARTIAL;
	body = (size_t)p[14] << 8 | p[15];
	if (p[12] >> 4 != 2 || V2_HEAD + body > PROXY_MAX)
		return PROXY_BAD;
	out->length = V2_HEAD + body;
	if (in.n < out->length)
		return PROXY_PARTIAL;
	switch (p[12] & 15) {
	case 0: /* LOCAL */
		out->local = true;
		return PROXY_OK;
	case 1: /* PROXY */
		return v2_addresses(str_sub(in, V2_HEAD, body), p[13], out);
	}
	return PROXY_BAD;
}

static bool
prefix_of(struct str in, const char *sig, size_t n)
{
	return memcmp(in.p, sig, in.n < n ? in.n : n) == 0;
}

enum proxy_rc
proxy_parse(struct str in, struct proxy *out)
{
	*out = (struct proxy){ 0 };
	if (in.n == 0)
		return PROXY_PARTIAL;
	if (prefix_of(in, v2_sig, sizeof(v2_sig)))
		return v2(in, out);
	if (prefix_of(in, "PROXY ", 6))
		return v1(in, out);
	return PROXY_BAD;
}
