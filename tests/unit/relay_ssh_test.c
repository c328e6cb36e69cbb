/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transport: ciphers, version lines, packet lengths, the beginning of key exchange. That real
 * clients agree with it is shown by tests/netns/tunnel_*.sh.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath/relay/ssh_private.h"

static struct ssh_host_key *key;

static int make_key(void **state)
{
	char pem[1024];
	size_t n = ssh_host_key_make(pem, sizeof(pem));

	(void)state;
	key = ssh_host_key_read(pem, n);
	return key ? 0 : -1;
}

static int free_key(void **state)
{
	(void)state;
	ssh_host_key_free(key);
	return 0;
}

static struct ssh *fresh(void)
{
	static const struct ssh_handler none;
	struct ssh_settings settings = {.banner = "SSH-2.0-test",
					.client_banner = "SSH-2.0-",
					.handler = &none,
					.key = key,
					.methods = "password"};

	return ssh_create(&settings);
}

static int feed(struct ssh *ssh, const char *text)
{
	uint8_t bytes[512];

	memcpy(bytes, text, strlen(text));
	return ssh_input(ssh, bytes, strlen(text));
}

/* --- ciphers ------------------------------------------------------------------------------- */

static void what_is_sealed_opens_and_nothing_else(void **state)
{
	(void)state;
	for (enum ssh_cipher_kind kind = SSH_CIPHER_AES128_GCM; kind < SSH_CIPHER_COUNT; kind++) {
		struct ssh_cipher out = {0}, in = {0};
		uint8_t secret[SSH_CIPHER_KEY_MAX], iv[SSH_CIPHER_IV_MAX] = {9};
		uint8_t packet[4 + 32 + SSH_CIPHER_TAG_BYTES], copy[sizeof(packet)];

		memset(secret, 0x5a, sizeof(secret));
		assert_int_equal(ssh_cipher_set(&out, kind, secret, iv, true), 0);
		assert_int_equal(ssh_cipher_set(&in, kind, secret, iv, false), 0);
		for (uint32_t sequence = 0; sequence < 3; sequence++) {
			memset(packet, 7, sizeof(packet));
			ssh_store_u32(packet, 32);
			assert_int_equal(ssh_cipher_seal(&out, sequence, packet, 32), 0);
			assert_int_equal(ssh_cipher_length(&in, sequence, packet), 32);
			assert_int_equal(ssh_cipher_open(&in, sequence, packet, 32), 0);
			for (unsigned i = 4; i < 36; i++)
				assert_int_equal(packet[i], 7);
		}
		for (size_t damaged = 0; damaged < sizeof(packet); damaged++) {
			assert_int_equal(ssh_cipher_set(&out, kind, secret, iv, true), 0);
			assert_int_equal(ssh_cipher_set(&in, kind, secret, iv, false), 0);
			ssh_store_u32(packet, 32);
			assert_int_equal(ssh_cipher_seal(&out, 5, packet, 32), 0);
			memcpy(copy, packet, sizeof(copy));
			copy[damaged] ^= 1;
			assert_int_equal(ssh_cipher_open(&in, 5, copy, 32), -EBADMSG);
		}
		ssh_cipher_clear(&out);
		ssh_cipher_clear(&in);
	}
}

static void a_sealed_packet_opens_only_in_its_place(void **state)
{
	(void)state;
	for (enum ssh_cipher_kind kind = SSH_CIPHER_AES128_GCM; kind < SSH_CIPHER_COUNT; kind++) {
		struct ssh_cipher out = {0}, in = {0};
		uint8_t secret[SSH_CIPHER_KEY_MAX] = {1}, iv[SSH_CIPHER_IV_MAX] = {0};
		uint8_t packet[4 + 32 + SSH_CIPHER_TAG_BYTES] = {0};

		ssh_cipher_set(&out, kind, secret, iv, true);
		ssh_cipher_set(&in, kind, secret, iv, false);
		ssh_store_u32(packet, 32);
		ssh_cipher_seal(&out, 0, packet, 32);
		ssh_store_u32(packet, 32);
		ssh_cipher_seal(&out, 1, packet, 32); /* the second, as the first */
		assert_int_equal(ssh_cipher_open(&in, 0, packet, 32), -EBADMSG);
		ssh_cipher_clear(&out);
		ssh_cipher_clear(&in);
	}
}

/* --- keys ---------------------------------------------------------------------------------- */

static void our_signature_is_taken_by_our_check(void **state)
{
	uint8_t bytes[SSH_SIGNATURE_MAX + 4];
	struct ssh_writer writer = {.data = bytes, .capacity = sizeof(bytes)};
	struct ssh_text signature, blob = ssh_host_key_blob(key);

	(void)state;
	assert_true(ssh_key_valid(blob));
	assert_int_equal(ssh_host_key_sign(key, SSH_TEXT("data"), &writer), 0);
	signature = (struct ssh_text){bytes + 4, writer.size - 4};
	assert_true(ssh_key_verify(blob, SSH_TEXT(SSH_HOST_KEY_NAME), SSH_TEXT("data"), signature));
	assert_false(
		ssh_key_verify(blob, SSH_TEXT(SSH_HOST_KEY_NAME), SSH_TEXT("dada"), signature));
	assert_false(ssh_key_verify(blob, SSH_TEXT("ssh-ed25519"), SSH_TEXT("data"), signature));
	for (size_t i = 0; i < signature.size; i++) {
		bytes[4 + i] ^= 1;
		assert_false(ssh_key_verify(blob, SSH_TEXT(SSH_HOST_KEY_NAME), SSH_TEXT("data"),
					    signature));
		bytes[4 + i] ^= 1;
	}
}

static void keys_of_other_kinds_are_refused(void **state)
{
	static const char *const wrong[] = {
		"-----BEGIN PRIVATE "
		"KEY-----\nMC4CAQAwBQYDK2VwBCIEIK0dOtfVJ3P0ByF2ZzGLDQXC8G3B3PkRmyYn"
		"GQKLVAAA\n-----END PRIVATE KEY-----\n",
		"nonsense", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_null(ssh_host_key_read(wrong[i], strlen(wrong[i])));
	assert_false(ssh_key_valid(SSH_TEXT("")));
	assert_false(ssh_key_valid(SSH_TEXT("\0\0\0\x07ssh-dss")));
	assert_false(ssh_key_valid(SSH_TEXT("\0\0\0\x0bssh-ed25519\0\0\0\x05short")));
}

/* --- version lines ------------------------------------------------------------------------- */

static void version_lines(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} lines[] = {
		{"SSH-2.0-OpenSSH_9.2\r\n", true}, {"SSH-2.0-x comment\n", true},
		{"SSH-1.5-x\r\n", false},	   {"HTTP/1.1 200 OK\r\n", false},
		{"SSH-2.0-a\tb\r\n", false},	   {"\r\n", false},
	};
	char endless[300];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct ssh *ssh = fresh();

		assert_int_equal(feed(ssh, lines[i].line), lines[i].good ? 0 : -EPROTO);
		ssh_free(ssh);
	}
	memset(endless, 'x', sizeof(endless));
	memcpy(endless, "SSH-2.0-", 8);
	for (int with_end = 0; with_end < 2; with_end++) {
		struct ssh *ssh = fresh();

		endless[298] = with_end ? '\n' : 'x';
		endless[299] = '\0';
		assert_int_equal(feed(ssh, endless), -EPROTO);
		ssh_free(ssh);
	}
}

/* --- packets ------------------------------------------------------------------------------- */

static struct ssh *greeted(void)
{
	struct ssh *ssh = fresh();

	assert_int_equal(feed(ssh, "SSH-2.0-client\r\n"), 0);
	return ssh;
}

static void impossible_lengths_end_it(void **state)
{
	static const uint32_t lengths[] = {0, 1, 5, 8, 13, 35004, 0x7ffffffc, 0xfffffffc};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct ssh *ssh = greeted();
		uint8_t head[8] = {0};

		ssh_store_u32(head, lengths[i]);
		assert_int_equal(ssh_input(ssh, head, sizeof(head)), -EPROTO);
		ssh_free(ssh);
	}
}

static void impossible_paddings_end_it(void **state)
{
	static const uint8_t paddings[] = {0, 3, 11, 12, 255};

	(void)state;
	for (size_t i = 0; i < sizeof(paddings) / sizeof(paddings[0]); i++) {
		struct ssh *ssh = greeted();
		uint8_t packet[16] = {0, 0, 0, 12, paddings[i]};

		assert_int_equal(ssh_input(ssh, packet, sizeof(packet)), -EPROTO);
		ssh_free(ssh);
	}
}

static int packet_of(struct ssh *ssh, const uint8_t *payload, size_t n)
{
	uint8_t packet[4096] = {0};
	size_t padding = 8 - (5 + n) % 8;

	if (padding < 4)
		padding += 8;
	ssh_store_u32(packet, (uint32_t)(1 + n + padding));
	packet[4] = (uint8_t)padding;
	memcpy(packet + 5, payload, n);
	return ssh_input(ssh, packet, 5 + n + padding);
}

static size_t kexinit(uint8_t *payload, size_t capacity, const char *methods, const char *cipher,
		      bool guess)
{
	struct ssh_writer writer = {.data = payload, .capacity = capacity};

	ssh_put_u8(&writer, SSH_MSG_KEXINIT);
	ssh_put_bytes(&writer, "0123456789abcdef", 16);
	ssh_put_string(&writer, methods);
	ssh_put_string(&writer, "ssh-ed25519,ecdsa-sha2-nistp256");
	ssh_put_string(&writer, cipher);
	ssh_put_string(&writer, "aes128-ctr,chacha20-poly1305@openssh.com");
	ssh_put_string(&writer, "hmac-sha1");
	ssh_put_string(&writer, "hmac-sha1");
	ssh_put_string(&writer, "none,zlib");
	ssh_put_string(&writer, "none");
	ssh_put_string(&writer, "");
	ssh_put_string(&writer, "");
	ssh_put_u8(&writer, guess);
	ssh_put_u32(&writer, 0);
	assert_false(writer.full);
	return writer.size;
}

static int offer(struct ssh *ssh, const char *methods, const char *cipher, bool guess)
{
	uint8_t payload[1024];

	return packet_of(ssh, payload, kexinit(payload, sizeof(payload), methods, cipher, guess));
}

static void the_clients_preference_decides(void **state)
{
	struct ssh *ssh = greeted();

	(void)state;
	assert_int_equal(offer(ssh, "sntrup761,ecdh-sha2-nistp256,curve25519-sha256,ext-info-c",
			       "aes256-gcm@openssh.com,aes128-gcm@openssh.com", false),
			 0);
	assert_int_equal(ssh->kex->method, SSH_KEX_NISTP256);
	assert_int_equal(ssh->kex->cipher[SSH_IN], SSH_CIPHER_AES256_GCM);
	assert_int_equal(ssh->kex->cipher[SSH_OUT], SSH_CIPHER_CHACHA20_POLY1305);
	assert_true(ssh->kex->ext_info);
	assert_false(ssh->strict);
	ssh_free(ssh);
}

/* OpenSSH's own order begins with ChaCha20; one that can do AES-GCM both ways is not offered it. */
static void gcm_goes_before_chacha_where_it_is_cheaper(void **state)
{
	static const char chacha[] = "chacha20-poly1305@openssh.com";
	struct ssh *ssh = greeted();
	uint8_t payload[1024];
	size_t n = kexinit(payload, sizeof(payload), "curve25519-sha256",
			   "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com", false);
	bool prefers;

	(void)state;
	assert_false(ssh_kex_prefers_gcm((struct ssh_text){payload, n})); /* one way only */
	memcpy(memmem(payload, n, "aes128-ctr,chacha20-poly1305@openssh.com", 40),
	       "aes128-ctr,aes256-gcm@openssh.com,x.....", 40);
	prefers = ssh_kex_prefers_gcm((struct ssh_text){payload, n});
	assert_int_equal(packet_of(ssh, payload, n), 0);
	assert_int_equal(ssh->kex->cipher[SSH_OUT], SSH_CIPHER_AES256_GCM);
	assert_int_equal(ssh->kex->cipher[SSH_IN],
			 prefers ? SSH_CIPHER_AES128_GCM : SSH_CIPHER_CHACHA20_POLY1305);
	assert_int_equal(!memmem(ssh->kex->own, ssh->kex->own_bytes, chacha, sizeof(chacha) - 1),
			 prefers);
	ssh_free(ssh);
}

static void nothing_in_common_is_said(void **state)
{
	struct ssh *ssh = greeted();

	(void)state;
	assert_int_equal(
		offer(ssh, "diffie-hellman-group14-sha256", "aes128-gcm@openssh.com", false),
		-ENOTSUP);
	assert_non_null(strstr(ssh_error(ssh), "no common key exchange method"));
	ssh_free(ssh);
	ssh = greeted();
	assert_int_equal(offer(ssh, "curve25519-sha256", "aes128-cbc", false), -ENOTSUP);
	assert_non_null(strstr(ssh_error(ssh), "cipher from client to server"));
	ssh_free(ssh);
}

/* CVE-2023-48795: with strict key exchange nothing may come before or between. */
static void strict_exchange_takes_nothing_else(void **state)
{
	const uint8_t ignore[] = {SSH_MSG_IGNORE, 0, 0, 0, 0};
	static const char strict[] = "curve25519-sha256,kex-strict-c-v00@openssh.com";
	struct ssh *ssh = greeted();

	(void)state;
	assert_int_equal(packet_of(ssh, ignore, sizeof(ignore)), 0);
	assert_int_equal(offer(ssh, strict, "aes128-gcm@openssh.com", false), -EPROTO);
	ssh_free(ssh);
	ssh = greeted();
	assert_int_equal(offer(ssh, strict, "aes128-gcm@openssh.com", false), 0);
	assert_int_equal(packet_of(ssh, ignore, sizeof(ignore)), -EPROTO);
	ssh_free(ssh);
	ssh = greeted(); /* not strict: it may */
	assert_int_equal(offer(ssh, "curve25519-sha256", "aes128-gcm@openssh.com", false), 0);
	assert_int_equal(packet_of(ssh, ignore, sizeof(ignore)), 0);
	ssh_free(ssh);
}

/* guess() - an offer with a guess, of a client that prefers our kind of host key */
static int guess(struct ssh *ssh, const char *methods)
{
	static const char usual[] = "ssh-ed25519,ecdsa-sha2-nistp256";
	uint8_t payload[1024];
	size_t n = kexinit(payload, sizeof(payload), methods, "aes128-gcm@openssh.com", true);

	memcpy(memmem(payload, n, usual, sizeof(usual) - 1), "ecdsa-sha2-nistp256,ssh-ed25519",
	       sizeof(usual) - 1);
	return packet_of(ssh, payload, n);
}

/* RFC 4253 section 7: wrong where the two prefer different methods, also if the guessed one is
 * chosen */
static void a_wrong_guess_is_skipped(void **state)
{
	static const char *const methods[] = {"sntrup761,curve25519-sha256",
					      "ecdh-sha2-nistp256,curve25519-sha256"};
	uint8_t init[64] = {SSH_MSG_KEX_ECDH_INIT, 0, 0, 0, 4, 'j', 'u', 'n', 'k'};
	struct ssh *ssh;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		ssh = greeted();
		assert_int_equal(guess(ssh, methods[i]), 0);
		assert_int_equal(packet_of(ssh, init, 9), 0);
		assert_int_equal(ssh->exchange, SSH_EXCHANGE_CHOSEN);
		assert_int_equal(packet_of(ssh, init, 9), -EPROTO); /* this one counts */
		ssh_free(ssh);
	}
	ssh = greeted(); /* a right one counts at once */
	assert_int_equal(guess(ssh, "curve25519-sha256"), 0);
	assert_int_equal(packet_of(ssh, init, 9), -EPROTO);
	ssh_free(ssh);
}

static void useless_points_are_refused(void **state)
{
	static const char *const methods[] = {"curve25519-sha256", "ecdh-sha2-nistp256"};

	(void)state;
	for (unsigned m = 0; m < 2; m++) {
		size_t n = m ? 65 : 32;
		uint8_t init[80] = {SSH_MSG_KEX_ECDH_INIT, 0, 0, 0, (uint8_t)n, m ? 4 : 0};
		struct ssh *ssh = greeted();

		assert_int_equal(offer(ssh, methods[m], "aes128-gcm@openssh.com", false), 0);
		/* all zero: small order, and not on the curve */
		assert_int_equal(packet_of(ssh, init, 5 + n), -EPROTO);
		ssh_free(ssh);
	}
}

static void damaged_kexinits_are_refused(void **state)
{
	uint8_t payload[1024];
	size_t n = kexinit(payload, sizeof(payload), "curve25519-sha256", "aes128-gcm@openssh.com",
			   false);

	(void)state;
	for (size_t i = 1; i < n; i++) { /* cut off anywhere */
		struct ssh *ssh = greeted();

		assert_true(packet_of(ssh, payload, i) < 0);
		ssh_free(ssh);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sealed_opens_and_nothing_else),
		cmocka_unit_test(a_sealed_packet_opens_only_in_its_place),
		cmocka_unit_test(our_signature_is_taken_by_our_check),
		cmocka_unit_test(keys_of_other_kinds_are_refused),
		cmocka_unit_test(version_lines),
		cmocka_unit_test(impossible_lengths_end_it),
		cmocka_unit_test(impossible_paddings_end_it),
		cmocka_unit_test(the_clients_preference_decides),
		cmocka_unit_test(gcm_goes_before_chacha_where_it_is_cheaper),
		cmocka_unit_test(nothing_in_common_is_said),
		cmocka_unit_test(strict_exchange_takes_nothing_else),
		cmocka_unit_test(a_wrong_guess_is_skipped),
		cmocka_unit_test(useless_points_are_refused),
		cmocka_unit_test(damaged_kexinits_are_refused),
	};

	return cmocka_run_group_tests(tests, make_key, free_key);
}
