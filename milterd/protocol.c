/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/protocol.h"

#include <string.h>

#define LENGTH 4 /* octets of a number */

static uint32_t
read_number(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	       (uint32_t)b[2] << 8 | b[3];
}

static void
write_number(char *to, uint32_t n)
{
	to[0] = (char)(n >> 24);
	to[1] = (char)(n >> 16);
	to[2] = (char)(n >> 8);
	to[3] = (char)n;
}

/* ------------------------------------------------------------------------
 * Reading
 */

enum milter_rc
milter_take(struct str *in, struct milter_packet *out)
{
	uint32_t n;

	if (in->n < LENGTH)
		return MILTER_PARTIAL;
	n = read_number(in->p);
	if (n == 0 || n > MILTER_PACKET_MAX)
		return MILTER_BROKEN;
	if (in->n - LENGTH < n)
		return MILTER_PARTIAL;
	out->command = in->p[LENGTH];
	out->data = str_sub(*in, LENGTH + 1, n - 1);
	*in = str_sub(*in, LENGTH + n, STR_NPOS);
	return MILTER_WHOLE;
}

bool
milter_number(struct str *data, uint32_t *out)
{
	if (data->n < LENGTH)
		return false;
	*out = read_number(data->p);
	*data = str_sub(*data, LENGTH, STR_NPOS);
	return true;
}

bool
milter_text(struct str *data, struct str *out)
{
	size_t end = str_chr(*data, '\0');

	if (end == STR_NPOS)
		return false;
	*out = str_sub(*data, 0, end);
	*data = str_sub(*data, end + 1, STR_NPOS);
	return true;
}

bool
milter_options_parse(struct str data, struct milter_options *out)
{
	return milter_number(&data, &out->version) &&
	       milter_number(&data, &out->actions) &&
	       milter_number(&data, &out->steps);
}

/* Host, family, and but for an unknown one the port and the address; Sendmail
 * writes "IPv6:" in front of it. */
bool
milter_client_parse(struct str data, struct milter_client *out)
{
	struct str address;

	*out = (struct milter_client){ .known = false };
	if (!milter_text(&data, &out->host) || data.n < 1)
		return false;
	if (data.p[0] != '4' && data.p[0] != '6') /* none, or a Unix socket */
		return true;
	data = str_sub(data, 3, STR_NPOS);
	if (!milter_text(&data, &address))
		address = data;
	if (str_istarts(address, STR("IPv6:")))
		address = str_sub(address, 5, STR_NPOS);
	out->known = addr_parse(address, &out->address);
	return out->known;
}

/* ------------------------------------------------------------------------
 * Writing
 */

size_t
milter_begin(struct buf *out, char reply)
{
	size_t begin = out->n;

	buf_put(out, "\0\0\0", LENGTH);
	buf_putc(out, reply);
	return begin;
}

void
milter_put_number(struct buf *out, uint32_t n)
{
	write_number(buf_reserve(out, LENGTH), n);
	out->n += LENGTH;
}

/* What a NUL would end is left out. */
void
milter_put_text(struct buf *out, struct str text)
{
	buf_putstr(out, str_sub(text, 0, str_chr(text, '\0')));
	buf_putc(out, '\0');
}

void
milter_end(struct buf *out, size_t begin)
{
	write_number(out->p + begin, (uint32_t)(out->n - begin - LENGTH));
}

void
milter_put(struct buf *out, char reply)
{
	milter_end(out, milter_begin(out, reply));
}
