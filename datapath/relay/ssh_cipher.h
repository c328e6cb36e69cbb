/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ssh_cipher - seals and opens binary packets (RFC 4253 section 6) in place.
 *
 * Three kinds, all authenticated: AES-GCM with 128 and 256 bits as OpenSSH does it (RFC 5647 with
 * the names of OpenSSH's PROTOCOL section 1.6), and chacha20-poly1305@openssh.com
 * (PROTOCOL.chacha20poly1305). Before the first key exchange packets are plain. A packet is
 * 4 bytes of length, that many bytes, and the tag; the length counts padding length, payload and
 * padding. With GCM the length is authenticated but readable; with ChaCha20 it is encrypted too.
 *
 * The nonce of GCM is a counter of its own that starts anew with each key; that of ChaCha20 is the
 * sequence number. All cryptography is libcrypto's; there is no composed mode for ChaCha20 there,
 * because OpenSSH's differs from RFC 8439, so it is composed here of its two parts.
 */
#ifndef PGW_RELAY_SSH_CIPHER_H
#define PGW_RELAY_SSH_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

enum ssh_cipher_kind {
	SSH_CIPHER_PLAIN,
	SSH_CIPHER_AES128_GCM,
	SSH_CIPHER_AES256_GCM,
	SSH_CIPHER_CHACHA20_POLY1305,
	SSH_CIPHER_COUNT
};

#define SSH_CIPHER_TAG_BYTES 16u
#define SSH_CIPHER_KEY_MAX   64u
#define SSH_CIPHER_IV_MAX    12u

struct ssh_cipher {
	enum ssh_cipher_kind kind;
	EVP_CIPHER_CTX *body;	/* of the payload */
	EVP_CIPHER_CTX *length; /* ChaCha20: of the length */
	EVP_MAC_CTX *mac;	/* ChaCha20: Poly1305 */
	uint8_t iv[SSH_CIPHER_IV_MAX];
};

const char *ssh_cipher_name(enum ssh_cipher_kind kind);
size_t ssh_cipher_key_bytes(enum ssh_cipher_kind kind);
size_t ssh_cipher_iv_bytes(enum ssh_cipher_kind kind);
/* ssh_cipher_block() - what the length of a packet must be a multiple of, in bytes */
unsigned ssh_cipher_block(enum ssh_cipher_kind kind);
/* ssh_cipher_tag() - bytes after the packet */
unsigned ssh_cipher_tag(enum ssh_cipher_kind kind);

/* ssh_cipher_set() - replace key and kind; Return: 0 or -ENOMEM (libcrypto refuses). */
int ssh_cipher_set(struct ssh_cipher *cipher, enum ssh_cipher_kind kind, const uint8_t *key,
		   const uint8_t *iv, bool seal);
void ssh_cipher_clear(struct ssh_cipher *cipher);

/*
 * ssh_cipher_length() - the length in the first four bytes of a packet
 * It is not authenticated yet: check its bounds, and trust it only after ssh_cipher_open().
 */
uint32_t ssh_cipher_length(struct ssh_cipher *cipher, uint32_t sequence, const uint8_t head[4]);

/*
 * ssh_cipher_open() - check and decrypt a packet in place
 * @packet: 4 + @length bytes and the tag.
 * Return: 0, or -EBADMSG: it is not from whom it should be.
 */
int ssh_cipher_open(struct ssh_cipher *cipher, uint32_t sequence, uint8_t *packet, size_t length);

/*
 * ssh_cipher_seal() - encrypt a packet in place and write its tag
 * @packet: 4 bytes with @length in them, @length bytes, room for the tag.
 * Return: 0 or -EIO (libcrypto refuses).
 */
int ssh_cipher_seal(struct ssh_cipher *cipher, uint32_t sequence, uint8_t *packet, size_t length);

#endif
