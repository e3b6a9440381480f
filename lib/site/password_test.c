/* SPDX-License-Identifier: BSD-2-Clause */
#include "site/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/codec.h"
#include "site/scram.h"

/* The hashes of "correct horse" as doveadm, passlib and crypt(3) write them. */
static const char *const good[] = {
	/* clang-format off */
	"{PLAIN}correct horse",
	"{plain}correct horse",
	"{CLEAR}correct horse",
	"{CLEARTEXT}correct horse",
	"{PLAIN.B64}Y29ycmVjdCBob3JzZQ==",
	"{PLAIN.HEX}636f727265637420686f727365",
	"{CRYPT}$2y$05$Jc/gh9oFeUxMnUiVZvJn3O9gpD85KISeqYxAB5iNZJdXu9DrCColC",
	"{MD5-CRYPT}$1$ATk2.wAZ$s1hmnM25kL7TayWq83bz61",
	"{MD5}$1$saltsalt$NuzA7WTAelpl95xgBGWN60",
	"{MD5}3cb4e732631f47e6eb961f34554b7cde",
	"{MD5}PLTnMmMfR+brlh80VUt83g==",
	"{PLAIN-MD5}3cb4e732631f47e6eb961f34554b7cde",
	"{LDAP-MD5}PLTnMmMfR+brlh80VUt83g==",
	"{SMD5}/3HnB/lM7qSSVYGbCcCyg5O1zrw=",
	"{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
	"{SHA1}L55TUjtiq8FBorTWAZ0jy6g129A=",
	"{SHA1.HEX}2f9e53523b62abc141a2b4d6019d23cba835dbd0",
	"{SSHA}Byqk4dSu9W5aWC9jdPP6ndpDcwRSDMFz",
	"{SHA256}QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE=",
	"{SSHA256}s8yn75rsMEsCtqJxUN2OdfbbYOyiWRGHHg2zuLSSFIbcR0Vn",
	"{SSHA256.HEX}220bf786f96248704882c73bb9d2ecdc7fafeba463f4f7611dd8f1abe8bcc224bcbee82d",
	"{SHA512}VraY3v7bWkNbY0r+MyC7rz/c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew==",
	"{SSHA512}0amF88O4gLnUiNiIZ0XNO+9iXH6iRPEE8AP5TwckcPQgLVoi17vVDKq4oBVocZoKNWiWFnso3sOW+kgLtwcNScv2Jhc=",
	"{SSHA512.B64}BQrk6cc0JicDLMFgeM+80uPGvLCLsi5wrveIzP+MBAM4/ax8fBaCvId+WtDs5vKvh1/VkgdLP/+3E073nYfqZuaMRz4=",
	"{BLF-CRYPT}$2y$05$7k6ZZLtAY7VAM3vJ5zMnpuVtrAht/Swpky718ohbVuKm/zbVLlay2",
	"$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	"{SHA256-CRYPT}$5$snBfCdJq.EqE3Twe$UEx2hdDSkv6TQ6yT1QRrIWjVf/QrM1UvVUGUOfG5oLD",
	"$5$rounds=1000$saltstring$95Bg/RfV2QriLpMdLPHK9el0Ighm6E3CBqMKzZKgCa2",
	"{SHA512-CRYPT}$6$caGAZphmxEtwgc0j$Or.5/sM2ZblZOzurJ00qaYy0WRLnxErd/pW32.KRcYIy96NidFidjaYzItQuljcwbTvwAGexIE3gvIACNAUHz.",
	"$7$CU..../....saltsalt$4rn3uYfhV6KXd7ZnBH7frr3TnK3NA0.7qzYU/winIq2",
	"$y$j75$F5Jx5fExrKuPp53xLKQ..1$aEFV0VcEI5Jx.rzUhLbfRgipTKSbuNF0ldHPkDpnco3",
	"{PBKDF2}$1$.JaR1zyx9/Ys7T6E$5000$13f5e0fe6a840eae80454b45501b7c2a3f029094",
	"{PBKDF2}$pbkdf2-sha256$1200$c2FsdHNhbHRzYWx0$Px3/mD39vGxGJ5H2MY7T4fI38i5vBKP2OPu2Dw5tmnw",
	"$pbkdf2-sha512$1200$c2FsdHNhbHRzYWx0$vbByFtuJiUu7R/TH60nxkwtfLBXtR0wnPPsGUcbP/iCOthrR3OdkOdEyeARwm3OxSGS6TCWX2bpLWLpd1kETcw",
	"$pbkdf2$1200$c2FsdHNhbHRzYWx0$t343N18Noki9hwB7rsB.eX/IMn4",
	"{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$jrs0OOHwz54XqrOvSMBnrw$1ti70GhemnR/34ukA/2qALN9oUUwRY3Cn+uJ9pwLRhU",
	"{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$l/1v68u/TgzhrMGEEP4fLA$JN1V8gtacUSWnn4eqROFr0jlxDw34GRPyRKbuxSswtQ",
	"$argon2id$v=19$m=65536,t=3,p=1$l/1v68u/TgzhrMGEEP4fLA$JN1V8gtacUSWnn4eqROFr0jlxDw34GRPyRKbuxSswtQ",
	"{SCRAM-SHA-1}4096,eoXCN+tYIyRuhsHsnkrLoQ==,RfXfjnbrO8tvSZ/XdPgo8JPSaxs=,G6Q0I11FMEmaqKFvZbHjG56Hzn4=",
	"{SCRAM-SHA-256}4096,00D59i46bcd0tOhQRN0WZg==,403IY3g/Y5HgVsM1njy2O/Ya+nn3HFuulf1ewLxIeK8=,VwkWWDr5cKvrwgy7QxwaeM2m+QjJN7/LnyhTEhuRKgU=",
	"{CRAM-MD5}38b57fd1a0c4b46c814aa05f20318edd71c455380655f2c0ac35c5b359528d29",
	/* clang-format on */
};

static const char *const bad[] = {
	"",
	"correct horse",
	"{NOSUCH}correct horse",
	"{PLAIN",
	"{SHA1}not base64!",
	"{SHA1.HEX}2f9e",
	"{SSHA}L55TUjtiq8FBorTWAZ0jy6g129A=", /* no salt behind it */
	"{CRYPT}",
	"{CRYPT}$9$nosuchmethod$x",
	"{PBKDF2}$1$salt$0$13f5e0fe",
	"{PBKDF2}$1$salt$4000000000$13f5e0fe",
	"{PBKDF2}plain",
	"{ARGON2ID}$argon2id$v=19$m=65536",
	"{ARGON2ID}$argon2id$v=19$m=4000000000,t=1,p=1$c2FsdA$aGFzaA",
	"{SCRAM-SHA-256}4096,c2FsdA==,short,short",
	"{CRAM-MD5}abcd",
};

static void
test_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(good); i++) {
		struct str s = str_of(good[i]);

		print_message("%s\n", good[i]);
		assert_true(password_supported(s));
		assert_int_equal(
		    password_verify(s, STR("correct horse")), PASSWORD_OK);
		assert_int_equal(
		    password_verify(s, STR("Correct horse")), PASSWORD_WRONG);
		assert_int_equal(password_verify(s, STR("")), PASSWORD_WRONG);
		assert_int_equal(password_verify(s, STR("correct horse\0x")),
		    PASSWORD_WRONG);
	}
	for (size_t i = 0; i < LEN(bad); i++) {
		struct str s = str_of(bad[i]);

		print_message("not a hash: %s\n", bad[i]);
		assert_false(password_supported(s));
		assert_int_not_equal(
		    password_verify(s, STR("correct horse")), PASSWORD_OK);
	}
}

static void
test_hash(void **state)
{
	struct argon2_params p = { 64, 2, 1 }, q = { 128, 2, 1 };
	struct argon2_params wrong = { 1, 1, 1 };
	struct buf one = { 0 }, two = { 0 };

	(void)state;
	assert_true(password_hash(&p, STR("s3cret"), &one));
	assert_true(password_hash(&p, STR("s3cret"), &two));
	assert_false(str_eq(buf_str(&one), buf_str(&two))); /* salted */
	assert_int_equal(
	    password_verify(buf_str(&one), STR("s3cret")), PASSWORD_OK);
	assert_int_equal(
	    password_verify(buf_str(&one), STR("s3creT")), PASSWORD_WRONG);
	assert_true(password_current(buf_str(&one), &p));
	assert_false(password_current(buf_str(&one), &q));
	assert_false(password_current(STR("$6$salt$hash"), &p));
	buf_clear(&one);
	assert_false(password_hash(&wrong, STR("s3cret"), &one));
	assert_int_equal(one.n, 0);
	buf_fini(&one);
	buf_fini(&two);
}

static void
decode(const char *text, struct buf *out)
{
	buf_clear(out);
	assert_true(base64_decode(out, str_of(text)));
}

/* RFC 5802, section 5, and RFC 7677, section 3. */
static const struct {
	enum scram_hash hash;
	const char *salt, *message, *signature, *proof;
} exchanges[] = {
	/* clang-format off */
	{ SCRAM_SHA1, "QSXCR+Q6sek8bf92",
	  "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
	  "s=QSXCR+Q6sek8bf92,i=4096,c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
	  "rmF9pqV8S7suAoZWja4dJRkFsKQ=", "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=" },
	{ SCRAM_SHA256, "W22ZaJ0SNY7soEsUEjb6gQ==",
	  "n=user,r=rOprNGfwEbeRWgbNEkqO,"
	  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
	  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	  "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
	  "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=" },
	/* clang-format on */
};

static void
test_scram(void **state)
{
	struct buf salt = { 0 }, want = { 0 }, text = { 0 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		enum scram_hash h = exchanges[i].hash;
		struct str message = str_of(exchanges[i].message);
		size_t n = scram_key_len(h);
		struct scram_verifier v, again;
		uint8_t got[SCRAM_MAX_KEY], digest[SCRAM_MAX_KEY];

		decode(exchanges[i].salt, &salt);
		scram_derive(h, STR("pencil"), buf_str(&salt), 4096, &v);
		decode(exchanges[i].signature, &want);
		scram_hmac(h, v.server_key, message, got);
		assert_memory_equal(got, want.p, n);

		decode(exchanges[i].proof, &want);
		scram_hmac(h, v.stored_key, message, got);
		for (size_t j = 0; j < n; j++)
			got[j] ^= (uint8_t)want.p[j];
		scram_digest(h, (struct str){ (char *)got, n }, digest);
		assert_memory_equal(digest, v.stored_key, n);

		buf_clear(&text);
		scram_write(h, &v, &text);
		assert_true(scram_parse(h, buf_str(&text), &again));
		assert_memory_equal(again.server_key, v.server_key, n);
	}
	buf_fini(&salt);
	buf_fini(&want);
	buf_fini(&text);
}

/* RFC 4013, section 3. */
static void
test_saslprep(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = { { "I\xc2\xadX", "IX" }, { "user", "user" },
		{ "\xc2\xaa", "a" }, { "\xe2\x85\xa8", "IX" },
		{ "\x07", "\x07" } /* prohibited: as it is */ };
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		buf_clear(&out);
		scram_saslprep(str_of(cases[i].in), &out);
		assert_string_equal(buf_cstr(&out), cases[i].out);
	}
	buf_fini(&out);
}

/* RFC 2195, section 2, and messages of every length around a block. */
static void
test_cram_md5(void **state)
{
	static const struct {
		const char *password, *challenge, *answer;
	} cases[] = {
		/* clang-format off */
		{ "tanstaaftanstaaf", "<1896.697170952@postoffice.reston.mci.net>",
		  "b913a602c7eda7a495b4e6e7334d3890" },
		/* RFC 2202, cases 2 and 6 */
		{ "Jefe", "what do ya want for nothing?",
		  "750c783e6ab0b503eaa86e310a5db738" },
		{ NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
		  "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd" },
		{ NULL, "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
		  "6f630fad67cda0ee1fb1f562db3aa53e" },
		/* clang-format on */
	};
	char answer[33], large[81];

	(void)state;
	memset(large, 0xaa, 80);
	large[80] = '\0';
	for (size_t i = 0; i < LEN(cases); i++) {
		struct buf hex = { 0 };

		cram_md5_make(
		    str_of(cases[i].password ? cases[i].password : large),
		    &hex);
		assert_int_equal(hex.n, CRAM_HEX_LEN);
		assert_true(cram_md5_answer(
		    buf_str(&hex), str_of(cases[i].challenge), answer));
		assert_string_equal(answer, cases[i].answer);
		buf_fini(&hex);
	}
	assert_false(cram_md5_answer(STR("abc"), STR("x"), answer));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_scram),
		cmocka_unit_test(test_saslprep),
		cmocka_unit_test(test_cram_md5),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
