/* SPDX-License-Identifier: BSD-2-Clause */
#include "milterd/scand/canary.h"

#include "base/buf.h"
#include "base/fs.h"

static const char text[] =
    "MAILSTEAD-CANARY/5f1d0c2ab7e94c6f8d3e61a4907bc258/THIS-IS-NO-VIRUS";

/* The text three times, so that it is deflated in the zip: as it stands here
 * it does not match the signature. */
static const char sample[] =
    "From: scand@localhost\r\n"
    "To: scand@localhost\r\n"
    "Subject: canary\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=\"canary\"\r\n"
    "\r\n"
    "--canary\r\n"
    "Content-Type: text/plain\r\n"
    "\r\n"
    "This is found, or nothing is.\r\n"
    "--canary\r\n"
    "Content-Type: application/zip; name=\"canary.zip\"\r\n"
    "Content-Disposition: attachment; filename=\"canary.zip\"\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "\r\n"
    "UEsDBBQAAAAIAAAAIVyK99N6RgAAAMYAAAAKAAAAY2FuYXJ5LnR4dPN19PQJDnF1\r\n"
    "dNF1dvRzDIrUN00zTDFINkpMMk+1NEk2S7NIMU41M0w0sTQwT0o2MrXQD/HwDNYF\r\n"
    "Ij9/3TDPoNBg30FgAgBQSwECFAMUAAAACAAAACFcivfTekYAAADGAAAACgAAAAAA\r\n"
    "AAAAAAAAgAEAAAAAY2FuYXJ5LnR4dFBLBQYAAAAAAQABADgAAABuAAAAAAA=\r\n"
    "--canary--\r\n";

bool
canary_write(const char *path, struct err *e)
{
	struct buf line = { 0 };
	bool ok;

	BUF_LIT(&line, CANARY_NAME ":0:*:");
	for (const char *p = text; *p; p++)
		buf_printf(&line, "%02x", (unsigned)*p);
	buf_putc(&line, '\n');
	ok = fs_write_durable(path, buf_str(&line), 0600, e);
	buf_fini(&line);
	return ok;
}

struct str
canary_sample(void)
{
	return STR(sample);
}
