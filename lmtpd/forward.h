/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LMTPD_FORWARD_H
#define LMTPD_FORWARD_H

#include "deliver/deliver.h"

/* For deliver_options: mail of accounts that another server holds. */
enum deliver_rc forward_message(
    struct site *s, struct deliver_forward *f, struct err *e);

#endif
