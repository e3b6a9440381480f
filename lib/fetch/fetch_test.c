/* SPDX-License-Identifier: BSD-2-Clause */
#include "fetch/fetch.h"

/* cmocka.h needs these */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netdb.h>

static const struct {
	const char *address;
	bool public;
} addresses[] = {
	{ "8.8.8.8", true },
	{ "9.255.255.255", true },
	{ "11.0.0.1", true },
	{ "172.15.0.1", true },
	{ "172.32.0.1", true },
	{ "192.169.0.1", true },
	{ "0.0.0.0", false },
	{ "10.1.2.3", false },
	{ "100.64.0.1", false },
	{ "127.0.0.1", false },
	{ "127.9.9.9", false },
	{ "169.254.169.254", false },
	{ "172.16.0.1", false },
	{ "172.31.255.255", false },
	{ "192.168.1.1", false },
	{ "198.19.0.1", false },
	{ "224.0.0.1", false },
	{ "255.255.255.255", false },
	{ "2a00:1450::1", true },
	{ "2001:4860:4860::8888", true },
	{ "::", false },
	{ "::1", false },
	{ "fc00::1", false },
	{ "fd12::1", false },
	{ "fe80::1", false },
	{ "ff02::1", false },
	{ "2001:db8::1", false },
	{ "2001::1", false },
	{ "::ffff:127.0.0.1", false },
	{ "::ffff:8.8.8.8", true },
	{ "64:ff9b::10.0.0.1", false },
	{ "64:ff9b::8.8.8.8", true },
	{ "2002:7f00:1::1", false },
	{ "2002:808:808::1", true },
	{ "::127.0.0.1", false },
};

static void
test_public(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(addresses); i++) {
		struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *list;

		print_message("%s\n", addresses[i].address);
		assert_int_equal(
		    getaddrinfo(addresses[i].address, NULL, &hints, &list), 0);
		assert_int_equal(
		    fetch_is_public(list->ai_addr), addresses[i].public);
		freeaddrinfo(list);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_public),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
