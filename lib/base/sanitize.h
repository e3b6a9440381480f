/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_SANITIZE_H
#define BASE_SANITIZE_H

/*
 * Is this a build with AddressSanitizer? LeakSanitizer traces its own process
 * at exit, so there a process that changed its user must be made dumpable
 * again (prctl(2), PR_SET_DUMPABLE).
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
