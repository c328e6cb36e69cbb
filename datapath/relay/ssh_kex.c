/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/ssh_kex.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "datapath/relay/ssh_message.h"

#define COOKIE_BYTES 16u
#define POINT_MAX    65u

#define KEX_NAMES     "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256"
#define KEX_STRICT_S  "kex-strict-s-v00@openssh.com"
#define KEX_STRICT_C  "kex-strict-c-v00@openssh.com"
#define CIPHER_GCM    "aes128-gcm@openssh.com,aes256-gcm@openssh.com"
#define CIPHER_CHACHA "chacha20-poly1305@openssh.com"
#define CIPHER_NAMES  CIPHER_GCM "," CIPHER_CHACHA
/* Never used, as every cipher authenticates; some clients want to see one that they know. */
#define MAC_NAMES "hmac-sha2-256-etm@openssh.com,hmac-sha2-256"

enum list {
	LIST_KEX,
	LIST_HOST_KEY,
	LIST_CIPHER_IN, /* client to server */
	LIST_CIPHER_OUT,
	LIST_MAC_IN,
	LIST_MAC_OUT,
	LIST_COMPRESSION_IN,
	LIST_COMPRESSION_OUT,
	LIST_LANGUAGE_IN,
	LIST_LANGUAGE_OUT,
	LIST_COUNT
};

static const struct {
	const char *what, *names;
} offered[LIST_COUNT] = {
	[LIST_KEX] = {"key exchange method", KEX_NAMES},
	[LIST_HOST_KEY] = {"host key algorithm", SSH_HOST_KEY_NAME},
	[LIST_CIPHER_IN] = {"cipher from client to server", CIPHER_NAMES},
	[LIST_CIPHER_OUT] = {"cipher from server to client", CIPHER_NAMES},
	[LIST_MAC_IN] = {NULL, MAC_NAMES},
	[LIST_MAC_OUT] = {NULL, MAC_NAMES},
	[LIST_COMPRESSION_IN] = {"compression from client to server", "none"},
	[LIST_COMPRESSION_OUT] = {"compression from server to client", "none"},
	[LIST_LANGUAGE_IN] = {NULL, ""},
	[LIST_LANGUAGE_OUT] = {NULL, ""},
};

static const char *names_of(const struct ssh_kex *kex, enum list list)
{
	if ((list == LIST_CIPHER_IN || list == LIST_CIPHER_OUT) && !kex->chacha)
		return CIPHER_GCM;
	return offered[list].names;
}

static bool processor_has_aes(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
	return (getauxval(AT_HWCAP) & (HWCAP_AES | HWCAP_PMULL)) == (HWCAP_AES | HWCAP_PMULL);
#else
	return false;
#endif
}

static bool has_gcm(struct ssh_text list)
{
	return ssh_list_has(list, "aes128-gcm@openssh.com") ||
	       ssh_list_has(list, "aes256-gcm@openssh.com");
}

bool ssh_kex_prefers_gcm(struct ssh_text payload)
{
	struct ssh_reader reader = {.at = payload.data, .left = payload.size};
	struct ssh_text in, out;

	ssh_get_bytes(&reader, 1 + COOKIE_BYTES);
	for (enum list i = 0; i < LIST_CIPHER_IN; i++)
		ssh_get_text(&reader);
	in = ssh_get_text(&reader);
	out = ssh_get_text(&reader);
	return !reader.bad && has_gcm(in) && has_gcm(out) && processor_has_aes();
}

int ssh_kex_begin(struct ssh_kex *kex, unsigned flags)
{
	struct ssh_writer writer = {.data = kex->own, .capacity = sizeof(kex->own)};
	uint8_t cookie[COOKIE_BYTES];

	if (RAND_bytes(cookie, sizeof(cookie)) != 1)
		return -EIO;
	ssh_put_u8(&writer, SSH_MSG_KEXINIT);
	ssh_put_bytes(&writer, cookie, sizeof(cookie));
	ssh_put_string(&writer, flags & SSH_KEX_FIRST ? KEX_NAMES "," KEX_STRICT_S : KEX_NAMES);
	kex->chacha = flags & SSH_KEX_CHACHA;
	for (enum list i = LIST_HOST_KEY; i < LIST_COUNT; i++)
		ssh_put_string(&writer, names_of(kex, i));
	ssh_put_u8(&writer, 0);	 /* no guess of ours follows */
	ssh_put_u32(&writer, 0); /* reserved */
	kex->own_bytes = writer.size;
	return writer.full ? -EIO : 0;
}

void ssh_kex_end(struct ssh_kex *kex)
{
	free(kex->peer);
	OPENSSL_cleanse(kex, sizeof(*kex));
}

/* choose() - the first of the client's names that we have as well */
static bool choose(struct ssh_text theirs, const char *ours, struct ssh_text *chosen)
{
	const struct ssh_text own = {(const uint8_t *)ours, strlen(ours)};

	while (ssh_list_next(&theirs, chosen)) {
		char name[64];

		if (chosen->size == 0 || chosen->size >= sizeof(name))
			continue;
		memcpy(name, chosen->data, chosen->size);
		name[chosen->size] = '\0';
		if (strlen(name) == chosen->size && ssh_list_has(own, name))
			return true;
	}
	return false;
}

static enum ssh_cipher_kind cipher_of(struct ssh_text name)
{
	enum ssh_cipher_kind kind = SSH_CIPHER_AES128_GCM;

	while (kind + 1 < SSH_CIPHER_COUNT && !ssh_text_is(name, ssh_cipher_name(kind)))
		kind++;
	return kind;
}

/* same_first() - a guess is right where both ends prefer the same, whatever is chosen otherwise */
static bool same_first(struct ssh_text theirs, const char *ours)
{
	struct ssh_text own = {(const uint8_t *)ours, strlen(ours)}, first, mine;

	return ssh_list_next(&theirs, &first) && ssh_list_next(&own, &mine) &&
	       first.size == mine.size && memcmp(first.data, mine.data, mine.size) == 0;
}

static int choose_all(struct ssh_kex *kex, const struct ssh_text lists[LIST_COUNT], bool guessed,
		      char *error)
{
	struct ssh_text chosen[LIST_COUNT] = {{0}};

	for (enum list i = 0; i < LIST_COUNT; i++) {
		if (!offered[i].what || choose(lists[i], names_of(kex, i), &chosen[i]))
			continue;
		snprintf(error, SSH_KEX_ERROR_TEXT, "no common %s; the gateway has %.60s",
			 offered[i].what, offered[i].names);
		return -ENOTSUP;
	}
	kex->method = ssh_text_is(chosen[LIST_KEX], "ecdh-sha2-nistp256") ? SSH_KEX_NISTP256
									  : SSH_KEX_CURVE25519;
	kex->cipher[SSH_IN] = cipher_of(chosen[LIST_CIPHER_IN]);
	kex->cipher[SSH_OUT] = cipher_of(chosen[LIST_CIPHER_OUT]);
	kex->strict = ssh_list_has(lists[LIST_KEX], KEX_STRICT_C);
	kex->ext_info = ssh_list_has(lists[LIST_KEX], "ext-info-c");
	kex->skip_guess = guessed && !(same_first(lists[LIST_KEX], KEX_NAMES) &&
				       same_first(lists[LIST_HOST_KEY], SSH_HOST_KEY_NAME));
	return 0;
}

int ssh_kex_peer(struct ssh_kex *kex, struct ssh_text payload, char *error)
{
	struct ssh_reader reader = {.at = payload.data, .left = payload.size};
	struct ssh_text lists[LIST_COUNT];
	bool guessed;
	int result;

	strcpy(error, "malformed KEXINIT");
	if (payload.size > SSH_KEXINIT_MAX || kex->peer)
		return -EPROTO;
	ssh_get_bytes(&reader, 1 + COOKIE_BYTES);
	for (enum list i = 0; i < LIST_COUNT; i++)
		lists[i] = ssh_get_text(&reader);
	guessed = ssh_get_bool(&reader);
	ssh_get_u32(&reader);
	if (reader.bad || reader.left)
		return -EPROTO;
	result = choose_all(kex, lists, guessed, error);
	if (result)
		return result;
	kex->peer = malloc(payload.size);
	if (!kex->peer)
		return -ENOMEM;
	memcpy(kex->peer, payload.data, payload.size);
	kex->peer_bytes = payload.size;
	return 0;
}

static EVP_PKEY *peer_key(enum ssh_kex_method method, EVP_PKEY *own, struct ssh_text point)
{
	EVP_PKEY *key;

	if (method == SSH_KEX_CURVE25519)
		return point.size == SSH_SECRET_BYTES
			       ? EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point.data,
							     point.size)
			       : NULL;
	if (point.size != POINT_MAX || point.data[0] != POINT_CONVERSION_UNCOMPRESSED)
		return NULL;
	key = EVP_PKEY_new();
	/* libcrypto refuses what does not lie on the curve */
	if (key && EVP_PKEY_copy_parameters(key, own) == 1 &&
	    EVP_PKEY_set1_encoded_public_key(key, point.data, point.size) == 1)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* agree() - the shared secret; libcrypto refuses the all-zero one of RFC 8731 section 3 */
static bool agree(struct ssh_kex *kex, EVP_PKEY *own, EVP_PKEY *peer)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	size_t n = sizeof(kex->secret);
	bool good = ctx && EVP_PKEY_derive_init(ctx) == 1 &&
		    EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		    EVP_PKEY_derive(ctx, kex->secret, &n) == 1 && n == sizeof(kex->secret);

	kex->secret_bytes = n;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static bool hash_text(EVP_MD_CTX *ctx, struct ssh_text text)
{
	uint8_t size[4];

	ssh_store_u32(size, (uint32_t)text.size);
	return EVP_DigestUpdate(ctx, size, sizeof(size)) == 1 &&
	       EVP_DigestUpdate(ctx, text.data, text.size) == 1;
}

/* hash_secret() - K as an mpint */
static bool hash_secret(EVP_MD_CTX *ctx, const struct ssh_kex *kex)
{
	uint8_t bytes[4 + 1 + SSH_SECRET_BYTES];
	struct ssh_writer writer = {.data = bytes, .capacity = sizeof(bytes)};
	bool good;

	ssh_put_mpint(&writer, kex->secret, kex->secret_bytes);
	good = EVP_DigestUpdate(ctx, bytes, writer.size) == 1;
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return good;
}

/* RFC 5656 section 4: V_C, V_S, I_C, I_S, K_S, Q_C, Q_S, K */
static bool exchange_hash(struct ssh_kex *kex, const struct ssh_versions *versions,
			  struct ssh_text host_key, struct ssh_text theirs, struct ssh_text ours)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
		    hash_text(ctx, versions->client) && hash_text(ctx, versions->server) &&
		    hash_text(ctx, (struct ssh_text){kex->peer, kex->peer_bytes}) &&
		    hash_text(ctx, (struct ssh_text){kex->own, kex->own_bytes}) &&
		    hash_text(ctx, host_key) && hash_text(ctx, theirs) && hash_text(ctx, ours) &&
		    hash_secret(ctx, kex) && EVP_DigestFinal_ex(ctx, kex->hash, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

static bool own_point(EVP_PKEY *key, uint8_t point[POINT_MAX], size_t *n)
{
	return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
					       POINT_MAX, n) == 1;
}

int ssh_kex_reply(struct ssh_kex *kex, const struct ssh_host_key *key,
		  const struct ssh_versions *versions, struct ssh_text payload,
		  struct ssh_writer *writer)
{
	struct ssh_reader reader = {.at = payload.data, .left = payload.size};
	struct ssh_text theirs, host_key = ssh_host_key_blob(key);
	EVP_PKEY *own, *peer = NULL;
	uint8_t point[POINT_MAX];
	int error = -EIO;
	size_t n;

	ssh_get_u8(&reader); /* the message's number */
	theirs = ssh_get_text(&reader);
	if (reader.bad || reader.left)
		return -EPROTO;
	own = kex->method == SSH_KEX_CURVE25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "X25519")
						: EVP_EC_gen("P-256");
	if (!own || !own_point(own, point, &n))
		goto out;
	error = -EPROTO;
	peer = peer_key(kex->method, own, theirs);
	if (!peer || !agree(kex, own, peer))
		goto out;
	error = -EIO;
	if (!exchange_hash(kex, versions, host_key, theirs, (struct ssh_text){point, n}))
		goto out;
	ssh_put_u8(writer, SSH_MSG_KEX_ECDH_REPLY);
	ssh_put_text(writer, host_key);
	ssh_put_text(writer, (struct ssh_text){point, n});
	error = ssh_host_key_sign(key, (struct ssh_text){kex->hash, sizeof(kex->hash)}, writer);
	if (writer->full)
		error = -EIO;
out:
	EVP_PKEY_free(peer);
	EVP_PKEY_free(own);
	return error;
}

int ssh_kex_derive(const struct ssh_kex *kex, const uint8_t session[SSH_HASH_BYTES], char letter,
		   uint8_t *key, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t block[2 * SSH_HASH_BYTES]; /* no key is longer than two hashes */
	bool good = ctx && n <= sizeof(block);

	for (size_t at = 0; good && at < n; at += SSH_HASH_BYTES) {
		good = EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && hash_secret(ctx, kex) &&
		       EVP_DigestUpdate(ctx, kex->hash, sizeof(kex->hash)) == 1;
		if (good && at == 0)
			good = EVP_DigestUpdate(ctx, &letter, 1) == 1 &&
			       EVP_DigestUpdate(ctx, session, SSH_HASH_BYTES) == 1;
		else if (good)
			good = EVP_DigestUpdate(ctx, block, at) == 1;
		good = good && EVP_DigestFinal_ex(ctx, block + at, NULL) == 1;
	}
	if (good)
		memcpy(key, block, n);
	OPENSSL_cleanse(block, sizeof(block));
	EVP_MD_CTX_free(ctx);
	return good ? 0 : -EIO;
}
