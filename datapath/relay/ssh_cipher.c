/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ssh_cipher - see the header.
 *
 * chacha20-poly1305@openssh.com: the first 32 bytes of the key encrypt the payload from block 1 on,
 * and block 0 of the same stream is the one-time key of Poly1305 over length and payload as they
 * are on the wire; the last 32 bytes of the key encrypt the length. OpenSSL's ChaCha20 takes 16
 * bytes of "iv": the block counter, little-endian, and a nonce; the original cipher's 64-bit
 * counter and 64-bit nonce fit in the same way as long as the counter stays small.
 */
#include "datapath/relay/ssh_cipher.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "datapath/relay/ssh_wire.h"

#define LENGTH_BYTES 4u
#define CHACHA_KEY   32u
#define CHACHA_IV    16u

static const struct {
	const char *name;
	uint8_t key_bytes, iv_bytes, block, tag;
} kinds[SSH_CIPHER_COUNT] = {
	[SSH_CIPHER_PLAIN] = {"none", 0, 0, 8, 0},
	[SSH_CIPHER_AES128_GCM] = {"aes128-gcm@openssh.com", 16, 12, 16, SSH_CIPHER_TAG_BYTES},
	[SSH_CIPHER_AES256_GCM] = {"aes256-gcm@openssh.com", 32, 12, 16, SSH_CIPHER_TAG_BYTES},
	[SSH_CIPHER_CHACHA20_POLY1305] = {"chacha20-poly1305@openssh.com", 64, 0, 8,
					  SSH_CIPHER_TAG_BYTES},
};
static_assert(SSH_CIPHER_KEY_MAX == 2 * CHACHA_KEY, "two keys of ChaCha20");

const char *ssh_cipher_name(enum ssh_cipher_kind kind)
{
	return kinds[kind].name;
}

size_t ssh_cipher_key_bytes(enum ssh_cipher_kind kind)
{
	return kinds[kind].key_bytes;
}

size_t ssh_cipher_iv_bytes(enum ssh_cipher_kind kind)
{
	return kinds[kind].iv_bytes;
}

unsigned ssh_cipher_block(enum ssh_cipher_kind kind)
{
	return kinds[kind].block;
}

unsigned ssh_cipher_tag(enum ssh_cipher_kind kind)
{
	return kinds[kind].tag;
}

void ssh_cipher_clear(struct ssh_cipher *cipher)
{
	EVP_CIPHER_CTX_free(cipher->body);
	EVP_CIPHER_CTX_free(cipher->length);
	EVP_MAC_CTX_free(cipher->mac);
	OPENSSL_cleanse(cipher, sizeof(*cipher));
}

static EVP_CIPHER_CTX *keyed(const EVP_CIPHER *algorithm, const uint8_t *key, bool seal)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx && EVP_CipherInit_ex(ctx, algorithm, NULL, key, NULL, seal) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static int set_chacha(struct ssh_cipher *cipher, const uint8_t *key)
{
	EVP_MAC *poly1305 = EVP_MAC_fetch(NULL, "POLY1305", NULL);

	cipher->body = keyed(EVP_chacha20(), key, true); /* a stream: both ways are the same */
	cipher->length = keyed(EVP_chacha20(), key + CHACHA_KEY, true);
	cipher->mac = poly1305 ? EVP_MAC_CTX_new(poly1305) : NULL;
	EVP_MAC_free(poly1305);
	return cipher->body && cipher->length && cipher->mac ? 0 : -ENOMEM;
}

int ssh_cipher_set(struct ssh_cipher *cipher, enum ssh_cipher_kind kind, const uint8_t *key,
		   const uint8_t *iv, bool seal)
{
	int error = 0;

	ssh_cipher_clear(cipher);
	cipher->kind = kind;
	memcpy(cipher->iv, iv, kinds[kind].iv_bytes);
	if (kind == SSH_CIPHER_CHACHA20_POLY1305)
		error = set_chacha(cipher, key);
	else if (kind != SSH_CIPHER_PLAIN) {
		cipher->body =
			keyed(kind == SSH_CIPHER_AES128_GCM ? EVP_aes_128_gcm() : EVP_aes_256_gcm(),
			      key, seal);
		error = cipher->body ? 0 : -ENOMEM;
	}
	if (error)
		ssh_cipher_clear(cipher);
	return error;
}

/* RFC 5647 section 7.1: the last eight bytes count, the first four stay. */
static void count_up(uint8_t iv[SSH_CIPHER_IV_MAX])
{
	for (unsigned i = SSH_CIPHER_IV_MAX; i > 4 && ++iv[i - 1] == 0; i--)
		;
}

static bool gcm_open(struct ssh_cipher *cipher, uint8_t *packet, size_t length)
{
	EVP_CIPHER_CTX *ctx = cipher->body;
	uint8_t *body = packet + LENGTH_BYTES;
	int n;
	bool good;

	good = EVP_CipherInit_ex(ctx, NULL, NULL, NULL, cipher->iv, -1) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SSH_CIPHER_TAG_BYTES,
				   body + length) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &n, packet, LENGTH_BYTES) == 1 &&
	       EVP_CipherUpdate(ctx, body, &n, body, (int)length) == 1 &&
	       EVP_CipherFinal_ex(ctx, body + length, &n) == 1;
	count_up(cipher->iv);
	return good;
}

static bool gcm_seal(struct ssh_cipher *cipher, uint8_t *packet, size_t length)
{
	EVP_CIPHER_CTX *ctx = cipher->body;
	uint8_t *body = packet + LENGTH_BYTES;
	int n;
	bool good;

	good = EVP_CipherInit_ex(ctx, NULL, NULL, NULL, cipher->iv, -1) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &n, packet, LENGTH_BYTES) == 1 &&
	       EVP_CipherUpdate(ctx, body, &n, body, (int)length) == 1 &&
	       EVP_CipherFinal_ex(ctx, body + length, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SSH_CIPHER_TAG_BYTES,
				   body + length) == 1;
	count_up(cipher->iv);
	return good;
}

/* chacha() - xor the stream of @sequence, from block @counter on, over @in */
static bool chacha(EVP_CIPHER_CTX *ctx, uint32_t sequence, uint8_t counter, uint8_t *out,
		   const uint8_t *in, size_t n)
{
	uint8_t iv[CHACHA_IV] = {counter};
	int done;

	ssh_store_u32(iv + CHACHA_IV - 4, sequence);
	return EVP_CipherInit_ex(ctx, NULL, NULL, NULL, iv, -1) == 1 &&
	       EVP_CipherUpdate(ctx, out, &done, in, (int)n) == 1;
}

static bool poly1305(struct ssh_cipher *cipher, uint32_t sequence, const uint8_t *packet, size_t n,
		     uint8_t tag[SSH_CIPHER_TAG_BYTES])
{
	static const uint8_t zeros[CHACHA_KEY];
	uint8_t key[CHACHA_KEY];
	size_t done;
	bool good;

	good = chacha(cipher->body, sequence, 0, key, zeros, sizeof(key)) &&
	       EVP_MAC_init(cipher->mac, key, sizeof(key), NULL) == 1 &&
	       EVP_MAC_update(cipher->mac, packet, n) == 1 &&
	       EVP_MAC_final(cipher->mac, tag, &done, SSH_CIPHER_TAG_BYTES) == 1;
	OPENSSL_cleanse(key, sizeof(key));
	return good;
}

static bool chacha_open(struct ssh_cipher *cipher, uint32_t sequence, uint8_t *packet,
			size_t length)
{
	uint8_t tag[SSH_CIPHER_TAG_BYTES];
	uint8_t *body = packet + LENGTH_BYTES;

	return poly1305(cipher, sequence, packet, LENGTH_BYTES + length, tag) &&
	       CRYPTO_memcmp(tag, body + length, sizeof(tag)) == 0 &&
	       chacha(cipher->body, sequence, 1, body, body, length);
}

static bool chacha_seal(struct ssh_cipher *cipher, uint32_t sequence, uint8_t *packet,
			size_t length)
{
	uint8_t *body = packet + LENGTH_BYTES;

	return chacha(cipher->length, sequence, 0, packet, packet, LENGTH_BYTES) &&
	       chacha(cipher->body, sequence, 1, body, body, length) &&
	       poly1305(cipher, sequence, packet, LENGTH_BYTES + length, body + length);
}

uint32_t ssh_cipher_length(struct ssh_cipher *cipher, uint32_t sequence, const uint8_t head[4])
{
	uint8_t plain[LENGTH_BYTES];

	if (cipher->kind != SSH_CIPHER_CHACHA20_POLY1305)
		return ssh_load_u32(head);
	if (!chacha(cipher->length, sequence, 0, plain, head, sizeof(plain)))
		return UINT32_MAX; /* longer than any packet may be */
	return ssh_load_u32(plain);
}

int ssh_cipher_open(struct ssh_cipher *cipher, uint32_t sequence, uint8_t *packet, size_t length)
{
	bool good = true;

	if (cipher->kind == SSH_CIPHER_CHACHA20_POLY1305)
		good = chacha_open(cipher, sequence, packet, length);
	else if (cipher->kind != SSH_CIPHER_PLAIN)
		good = gcm_open(cipher, packet, length);
	return good ? 0 : -EBADMSG;
}

int ssh_cipher_seal(struct ssh_cipher *cipher, uint32_t sequence, uint8_t *packet, size_t length)
{
	bool good = true;

	if (cipher->kind == SSH_CIPHER_CHACHA20_POLY1305)
		good = chacha_seal(cipher, sequence, packet, length);
	else if (cipher->kind != SSH_CIPHER_PLAIN)
		good = gcm_seal(cipher, packet, length);
	return good ? 0 : -EIO;
}
