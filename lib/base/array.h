/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

/* How many elements the array A has; not for pointers. */
#define LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
