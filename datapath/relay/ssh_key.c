/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/ssh_key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#define CURVE	      "nistp256"
#define SCALAR_BYTES  32
#define POINT_BYTES   65 /* uncompressed */
#define ED25519_BYTES 32
#define RSA_BITS_MIN  2048
#define DER_MAX	      80 /* of an ECDSA signature */
#define PEM_MAX	      4096

struct ssh_host_key {
	EVP_PKEY *key;
	size_t blob_bytes;
	uint8_t blob[4 + 19 + 4 + 8 + 4 + POINT_BYTES];
};

size_t ssh_host_key_make(char *pem, size_t capacity)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *memory = BIO_new(BIO_s_mem());
	size_t size = 0;
	char *data;
	long n;

	if (key && memory &&
	    PEM_write_bio_PKCS8PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL) == 1) {
		n = BIO_get_mem_data(memory, &data);
		if (n > 0 && (size_t)n < capacity) {
			memcpy(pem, data, (size_t)n);
			pem[n] = '\0';
			size = (size_t)n;
		}
	}
	BIO_free(memory);
	EVP_PKEY_free(key);
	return size;
}

static bool make_blob(struct ssh_host_key *host)
{
	struct ssh_writer writer = {.data = host->blob, .capacity = sizeof(host->blob)};
	uint8_t point[POINT_BYTES];
	char group[32];
	size_t n;

	if (EVP_PKEY_get_group_name(host->key, group, sizeof(group), &n) != 1 ||
	    strcmp(group, "prime256v1") != 0 ||
	    EVP_PKEY_get_octet_string_param(host->key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
					    sizeof(point), &n) != 1 ||
	    n != sizeof(point) || point[0] != POINT_CONVERSION_UNCOMPRESSED)
		return false;
	ssh_put_string(&writer, SSH_HOST_KEY_NAME);
	ssh_put_string(&writer, CURVE);
	ssh_put_text(&writer, (struct ssh_text){point, n});
	host->blob_bytes = writer.size;
	return !writer.full;
}

/* No question on the terminal: an encrypted key is not readable. */
static int no_password(char *buffer, int size, int rwflag, void *context)
{
	(void)buffer;
	(void)size;
	(void)rwflag;
	(void)context;
	return -1;
}

struct ssh_host_key *ssh_host_key_read(const char *pem, size_t size)
{
	struct ssh_host_key *host = calloc(1, sizeof(*host));
	BIO *memory = size && size <= PEM_MAX ? BIO_new_mem_buf(pem, (int)size) : NULL;

	if (host && memory)
		host->key = PEM_read_bio_PrivateKey(memory, NULL, no_password, NULL);
	BIO_free(memory);
	if (host && host->key && make_blob(host))
		return host;
	ssh_host_key_free(host);
	return NULL;
}

void ssh_host_key_free(struct ssh_host_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->key);
	free(key);
}

struct ssh_text ssh_host_key_blob(const struct ssh_host_key *key)
{
	return (struct ssh_text){key->blob, key->blob_bytes};
}

/* digest_sign() - Return: bytes of the signature, 0 if libcrypto refuses. */
static size_t digest_sign(EVP_PKEY *key, struct ssh_text data, uint8_t *der, size_t capacity)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = capacity;

	if (!ctx || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, der, &n, data.data, data.size) != 1)
		n = 0;
	EVP_MD_CTX_free(ctx);
	return n;
}

int ssh_host_key_sign(const struct ssh_host_key *key, struct ssh_text data,
		      struct ssh_writer *writer)
{
	uint8_t der[DER_MAX], number[SCALAR_BYTES], inner[2 * (4 + 1 + SCALAR_BYTES)];
	struct ssh_writer numbers = {.data = inner, .capacity = sizeof(inner)};
	struct ssh_writer whole = {.capacity = SSH_SIGNATURE_MAX};
	size_t n = digest_sign(key->key, data, der, sizeof(der));
	uint8_t signature[SSH_SIGNATURE_MAX];
	const uint8_t *at = der;
	ECDSA_SIG *parts = n ? d2i_ECDSA_SIG(NULL, &at, (long)n) : NULL;

	if (!parts)
		return -EIO;
	BN_bn2binpad(ECDSA_SIG_get0_r(parts), number, sizeof(number));
	ssh_put_mpint(&numbers, number, sizeof(number));
	BN_bn2binpad(ECDSA_SIG_get0_s(parts), number, sizeof(number));
	ssh_put_mpint(&numbers, number, sizeof(number));
	ECDSA_SIG_free(parts);
	whole.data = signature;
	ssh_put_string(&whole, SSH_HOST_KEY_NAME);
	ssh_put_text(&whole, (struct ssh_text){inner, numbers.size});
	ssh_put_text(writer, (struct ssh_text){signature, whole.size});
	return numbers.full || whole.full || writer->full ? -EIO : 0;
}

static EVP_PKEY *from_parameters(const char *type, OSSL_PARAM_BLD *builder)
{
	OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (ctx && parameters && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(parameters);
	return key;
}

static EVP_PKEY *read_ecdsa(struct ssh_reader *reader)
{
	struct ssh_text curve = ssh_get_text(reader), point = ssh_get_text(reader);
	OSSL_PARAM_BLD *builder;
	EVP_PKEY *key = NULL;

	if (reader->bad || reader->left || !ssh_text_is(curve, CURVE) ||
	    point.size != POINT_BYTES || point.data[0] != POINT_CONVERSION_UNCOMPRESSED)
		return NULL;
	builder = OSSL_PARAM_BLD_new();
	if (builder &&
	    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.data,
					     point.size) == 1)
		key = from_parameters("EC", builder);
	OSSL_PARAM_BLD_free(builder);
	return key;
}

static EVP_PKEY *read_ed25519(struct ssh_reader *reader)
{
	struct ssh_text point = ssh_get_text(reader);

	if (reader->bad || reader->left || point.size != ED25519_BYTES)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point.data, point.size);
}

static EVP_PKEY *read_rsa(struct ssh_reader *reader)
{
	struct ssh_text e = ssh_get_mpint(reader), n = ssh_get_mpint(reader);
	OSSL_PARAM_BLD *builder;
	BIGNUM *exponent, *modulus;
	EVP_PKEY *key = NULL;

	if (reader->bad || reader->left || e.size == 0 || e.size > 8 || n.size < RSA_BITS_MIN / 8)
		return NULL;
	builder = OSSL_PARAM_BLD_new();
	exponent = BN_bin2bn(e.data, (int)e.size, NULL);
	modulus = BN_bin2bn(n.data, (int)n.size, NULL);
	if (builder && exponent && modulus &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
		key = from_parameters("RSA", builder);
	OSSL_PARAM_BLD_free(builder);
	BN_free(exponent);
	BN_free(modulus);
	if (key && EVP_PKEY_get_bits(key) < RSA_BITS_MIN) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

/* read_public() - @type: receives the name in the blob; Return: NULL if it is none of ours. */
static EVP_PKEY *read_public(struct ssh_text blob, struct ssh_text *type)
{
	struct ssh_reader reader = {.at = blob.data, .left = blob.size};

	if (blob.size > SSH_KEY_BLOB_MAX)
		return NULL;
	*type = ssh_get_text(&reader);
	if (ssh_text_is(*type, SSH_HOST_KEY_NAME))
		return read_ecdsa(&reader);
	if (ssh_text_is(*type, "ssh-ed25519"))
		return read_ed25519(&reader);
	if (ssh_text_is(*type, "ssh-rsa"))
		return read_rsa(&reader);
	return NULL;
}

bool ssh_key_valid(struct ssh_text blob)
{
	struct ssh_text type;
	EVP_PKEY *key = read_public(blob, &type);
	bool valid = key != NULL;

	EVP_PKEY_free(key);
	return valid;
}

/* ecdsa_der() - two mpints as DER; Return: bytes, 0 if they are none */
static size_t ecdsa_der(struct ssh_text signature, uint8_t der[DER_MAX])
{
	struct ssh_reader reader = {.at = signature.data, .left = signature.size};
	struct ssh_text r = ssh_get_mpint(&reader), s = ssh_get_mpint(&reader);
	ECDSA_SIG *parts;
	BIGNUM *x, *y;
	int n = 0;

	if (reader.bad || reader.left || r.size > SCALAR_BYTES || s.size > SCALAR_BYTES)
		return 0;
	parts = ECDSA_SIG_new();
	x = BN_bin2bn(r.data, (int)r.size, NULL);
	y = BN_bin2bn(s.data, (int)s.size, NULL);
	if (parts && x && y && ECDSA_SIG_set0(parts, x, y) == 1) {
		n = i2d_ECDSA_SIG(parts, &der);
	} else {
		BN_free(x);
		BN_free(y);
	}
	ECDSA_SIG_free(parts);
	return n > 0 ? (size_t)n : 0;
}

static bool digest_verify(EVP_PKEY *key, const EVP_MD *digest, struct ssh_text data,
			  struct ssh_text signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good =
		ctx && EVP_DigestVerifyInit(ctx, NULL, digest, NULL, key) == 1 &&
		EVP_DigestVerify(ctx, signature.data, signature.size, data.data, data.size) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

static bool verify_by(EVP_PKEY *key, struct ssh_text algorithm, struct ssh_text data,
		      struct ssh_text signature)
{
	uint8_t der[DER_MAX];
	int type = EVP_PKEY_get_base_id(key);

	if (type == EVP_PKEY_ED25519)
		return ssh_text_is(algorithm, "ssh-ed25519") &&
		       digest_verify(key, NULL, data, signature);
	if (type == EVP_PKEY_EC) {
		size_t n = ecdsa_der(signature, der);

		return n && ssh_text_is(algorithm, SSH_HOST_KEY_NAME) &&
		       digest_verify(key, EVP_sha256(), data, (struct ssh_text){der, n});
	}
	if (ssh_text_is(algorithm, "rsa-sha2-512"))
		return digest_verify(key, EVP_sha512(), data, signature);
	return ssh_text_is(algorithm, "rsa-sha2-256") &&
	       digest_verify(key, EVP_sha256(), data, signature);
}

bool ssh_key_verify(struct ssh_text blob, struct ssh_text algorithm, struct ssh_text data,
		    struct ssh_text signature)
{
	struct ssh_reader reader = {.at = signature.data, .left = signature.size};
	struct ssh_text named = ssh_get_text(&reader), bytes = ssh_get_text(&reader), type;
	EVP_PKEY *key;
	bool good;

	if (reader.bad || reader.left || named.size != algorithm.size ||
	    memcmp(named.data, algorithm.data, named.size) != 0)
		return false;
	key = read_public(blob, &type);
	good = key && verify_by(key, algorithm, data, bytes);
	EVP_PKEY_free(key);
	return good;
}

void ssh_key_fingerprint(struct ssh_text blob, char text[SSH_FINGERPRINT_BYTES])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	char base64[48];
	size_t n;

	if (!EVP_Digest(blob.data, blob.size, digest, NULL, EVP_sha256(), NULL)) {
		strcpy(text, "SHA256:");
		return;
	}
	n = (size_t)EVP_EncodeBlock((uint8_t *)base64, digest, sizeof(digest));
	while (n && base64[n - 1] == '=')
		n--;
	base64[n] = '\0';
	strcpy(text, "SHA256:");
	strcat(text, base64);
}
