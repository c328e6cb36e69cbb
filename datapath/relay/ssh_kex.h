/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ssh_kex - one key exchange, the server's side: RFC 4253 sections 7 and 8, with the methods of
 * RFC 8731 (curve25519-sha256) and RFC 5656 (ecdh-sha2-nistp256); ext-info of RFC 8308; strict key
 * exchange as in OpenSSH's PROTOCOL section 1.9.
 *
 * Both KEXINIT payloads are kept until the exchange hash is made. Nothing here knows packets or
 * sequence numbers: ssh.c drives it.
 */
#ifndef PGW_RELAY_SSH_KEX_H
#define PGW_RELAY_SSH_KEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/relay/ssh_cipher.h"
#include "datapath/relay/ssh_key.h"
#include "datapath/relay/ssh_wire.h"

#define SSH_HASH_BYTES	   32u /* SHA-256 in every method */
#define SSH_SECRET_BYTES   32u
#define SSH_KEXINIT_MAX	   8192u /* bytes of a client's KEXINIT that are taken */
#define SSH_KEX_OWN_BYTES  768u
#define SSH_KEX_REPLY_MAX  512u
#define SSH_KEX_ERROR_TEXT 120

enum ssh_kex_method { SSH_KEX_CURVE25519, SSH_KEX_NISTP256 };
enum ssh_direction { SSH_IN, SSH_OUT }; /* seen from the gateway */

struct ssh_kex {
	uint8_t own[SSH_KEX_OWN_BYTES];
	size_t own_bytes;
	uint8_t *peer; /* NULL until the peer's has come */
	size_t peer_bytes;
	enum ssh_kex_method method;
	enum ssh_cipher_kind cipher[2]; /* by enum ssh_direction */
	bool chacha;			/* is in our list */
	bool strict;			/* the client offers it, in this KEXINIT */
	bool ext_info;			/* the client takes EXT_INFO */
	bool skip_guess;		/* the client's next packet is a guess, and wrong */
	uint8_t hash[SSH_HASH_BYTES];	/* H, once the reply is made */
	uint8_t secret[SSH_SECRET_BYTES];
	size_t secret_bytes;
};

enum ssh_kex_flags {
	SSH_KEX_FIRST = 1 << 0,	 /* of this connection */
	SSH_KEX_CHACHA = 1 << 1, /* offer ChaCha20, too */
};

/* ssh_kex_begin() - make our KEXINIT's payload, kex->own; @flags: enum ssh_kex_flags */
int ssh_kex_begin(struct ssh_kex *kex, unsigned flags);

/*
 * ssh_kex_prefers_gcm() - whether to leave ChaCha20 out towards the client of this KEXINIT
 * The client's order decides (RFC 4253 section 7.1), and OpenSSH's begins with ChaCha20, which
 * costs several times as much as AES where the processor has instructions for that. So it is
 * offered to those that cannot do AES-GCM, both ways, or where ours has no such instructions.
 */
bool ssh_kex_prefers_gcm(struct ssh_text payload);
void ssh_kex_end(struct ssh_kex *kex);

/*
 * ssh_kex_peer() - take the client's KEXINIT and choose
 * @error: SSH_KEX_ERROR_TEXT bytes; says which list has nothing in common.
 * Return: 0, -EPROTO malformed, -ENOTSUP nothing in common, -ENOMEM.
 */
int ssh_kex_peer(struct ssh_kex *kex, struct ssh_text payload, char *error);

struct ssh_versions {
	struct ssh_text client, server; /* without CR LF */
};

/*
 * ssh_kex_reply() - take the client's ephemeral key (payload of KEX_ECDH_INIT), make the answer's
 * @writer: receives the payload of KEX_ECDH_REPLY.
 * Return: 0, -EPROTO (no point, malformed), -EIO (libcrypto refuses).
 */
int ssh_kex_reply(struct ssh_kex *kex, const struct ssh_host_key *key,
		  const struct ssh_versions *versions, struct ssh_text payload,
		  struct ssh_writer *writer);

/* ssh_kex_derive() - RFC 4253 section 7.2; @letter 'A' to 'F'; Return: 0 or -EIO. */
int ssh_kex_derive(const struct ssh_kex *kex, const uint8_t session[SSH_HASH_BYTES], char letter,
		   uint8_t *key, size_t n);

#endif
