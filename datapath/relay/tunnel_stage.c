/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tunnel_stage - secure gateways as configured, and who may use which.
 *
 * Tokens are known by their SHA-256 alone. They are 256 random bits, so a plain hash is enough, and
 * hashes are compared in constant time. A lookup by token looks at every stage, whichever fits.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "datapath/relay/tunnel.h"

#define PATH_PREFIX "/sg_"
#define TOKEN_MAX   256u

static bool read_name(char name[TUNNEL_NAME_BYTES], const json_t *text)
{
	const char *value = json_string_value(text);

	if (!value || !*value || strlen(value) >= TUNNEL_NAME_BYTES)
		return false;
	strcpy(name, value);
	return true;
}

static bool read_token(struct tunnel_settings *settings, const json_t *text)
{
	const char *hex = json_string_value(text);
	size_t n;

	return hex &&
	       OPENSSL_hexstr2buf_ex(settings->token, sizeof(settings->token), &n, hex, '\0') ==
		       1 &&
	       n == sizeof(settings->token);
}

static int read_networks(struct tunnel_settings *settings, const json_t *wanted,
			 struct relay_error *error)
{
	size_t n = json_array_size(wanted);

	if (!json_is_array(wanted) || n > TUNNEL_NETWORKS_MAX)
		return relay_fail(error, -EINVAL, "stage %s: networks: an array was expected",
				  settings->name);
	for (size_t i = 0; i < n; i++) {
		const json_t *range = json_array_get(wanted, i);
		json_int_t first = json_integer_value(json_array_get(range, 0));
		json_int_t last = json_integer_value(json_array_get(range, 1));

		if (json_array_size(range) != 2 || first < 0 || last < first || last > UINT32_MAX)
			return relay_fail(error, -EINVAL,
					  "stage %s: networks: [first, last] was expected",
					  settings->name);
		settings->networks[settings->n_networks++] =
			(struct tunnel_network){(uint32_t)first, (uint32_t)last};
	}
	return 0;
}

/* decode_key() - base64 of a public key's blob */
static uint8_t *decode_key(const char *base64, size_t *size)
{
	size_t n = base64 ? strlen(base64) : 0;
	uint8_t *blob;
	int bytes;

	if (n == 0 || n % 4 || n > SSH_KEY_BLOB_MAX * 4 / 3 + 4)
		return NULL;
	blob = malloc(n / 4 * 3);
	bytes = blob ? EVP_DecodeBlock(blob, (const uint8_t *)base64, (int)n) : -1;
	if (bytes < 0) {
		free(blob);
		return NULL;
	}
	*size = (size_t)bytes - (base64[n - 1] == '=') - (base64[n - 2] == '=');
	return blob;
}

static int read_keys(struct tunnel_settings *settings, const json_t *wanted,
		     struct relay_error *error)
{
	size_t n = json_array_size(wanted);

	if (!json_is_array(wanted) || n > TUNNEL_KEYS_MAX)
		return relay_fail(error, -EINVAL, "stage %s: keys: an array was expected",
				  settings->name);
	for (size_t i = 0; i < n; i++) {
		const json_t *key = json_array_get(wanted, i);
		unsigned at = settings->n_keys;

		settings->keys[at].blob = decode_key(json_string_value(json_object_get(key, "key")),
						     &settings->keys[at].size);
		if (!settings->keys[at].blob ||
		    !read_name(settings->keys[at].name, json_object_get(key, "name")) ||
		    !ssh_key_valid(
			    (struct ssh_text){settings->keys[at].blob, settings->keys[at].size})) {
			free(settings->keys[at].blob);
			return relay_fail(error, -EINVAL, "stage %s: key %zu is no public key",
					  settings->name, i + 1);
		}
		settings->n_keys++;
	}
	return 0;
}

static int read_all(struct tunnel_settings *settings, const json_t *wanted,
		    struct relay_error *error)
{
	const char *uuid = json_string_value(json_object_get(wanted, "uuid"));
	const char *inside = json_string_value(json_object_get(wanted, "inside"));
	const char *balance = json_string_value(json_object_get(wanted, "balance"));
	struct in_addr address;
	int code;

	if (!read_name(settings->name, json_object_get(wanted, "name")))
		return relay_fail(error, -EINVAL, "a stage without a name");
	if (!uuid || strlen(uuid) != TUNNEL_UUID_BYTES - 1)
		return relay_fail(error, -EINVAL, "stage %s: uuid is none", settings->name);
	strcpy(settings->uuid, uuid);
	if (!read_token(settings, json_object_get(wanted, "token")))
		return relay_fail(error, -EINVAL, "stage %s: token is no SHA-256", settings->name);
	if (!inside || inet_pton(AF_INET, inside, &address) != 1)
		return relay_fail(error, -EINVAL, "stage %s: inside is no address", settings->name);
	settings->inside = address.s_addr;
	if (!balance || (strcmp(balance, "round-robin") && strcmp(balance, "least-connections")))
		return relay_fail(error, -EINVAL, "stage %s: balance is unknown", settings->name);
	settings->balance =
		strcmp(balance, "round-robin") ? TUNNEL_LEAST_CONNECTIONS : TUNNEL_ROUND_ROBIN;
	code = read_networks(settings, json_object_get(wanted, "networks"), error);
	return code ? code : read_keys(settings, json_object_get(wanted, "keys"), error);
}

int tunnel_settings_read(struct tunnel_settings **result, const json_t *wanted,
			 struct relay_error *error)
{
	struct tunnel_settings *settings = calloc(1, sizeof(*settings));
	int code;

	*result = NULL;
	if (!settings)
		return relay_fail(error, -ENOMEM, "out of memory");
	code = read_all(settings, wanted, error);
	if (code)
		tunnel_settings_free(settings);
	else
		*result = settings;
	return code;
}

void tunnel_settings_free(struct tunnel_settings *settings)
{
	if (!settings)
		return;
	for (unsigned i = 0; i < settings->n_keys; i++)
		free(settings->keys[i].blob);
	OPENSSL_cleanse(settings->token, sizeof(settings->token));
	free(settings);
}

struct tunnel_stage *tunnel_stage_find(const struct tunnel_part *part, struct ssh_text name)
{
	for (unsigned i = 0; i < part->n_stages; i++)
		if (ssh_text_is(name, part->stages[i]->settings->name))
			return part->stages[i];
	return NULL;
}

struct tunnel_stage *tunnel_stage_by_path(const struct tunnel_part *part, struct ssh_text target)
{
	size_t prefix = sizeof(PATH_PREFIX) - 1, whole = prefix + TUNNEL_UUID_BYTES - 1;

	if (target.size < whole || memcmp(target.data, PATH_PREFIX, prefix) != 0 ||
	    (target.size > whole && target.data[whole] != '?'))
		return NULL;
	target.data += prefix;
	target.size = TUNNEL_UUID_BYTES - 1;
	for (unsigned i = 0; i < part->n_stages; i++)
		if (ssh_text_is(target, part->stages[i]->settings->uuid))
			return part->stages[i];
	return NULL;
}

bool tunnel_token_right(const struct tunnel_stage *stage, struct ssh_text token)
{
	uint8_t digest[TUNNEL_TOKEN_BYTES];

	return token.size && token.size <= TOKEN_MAX &&
	       EVP_Digest(token.data, token.size, digest, NULL, EVP_sha256(), NULL) == 1 &&
	       CRYPTO_memcmp(digest, stage->settings->token, sizeof(digest)) == 0;
}

static bool user_means(struct ssh_text user, const struct tunnel_stage *stage)
{
	return ssh_text_is(user, "token") || ssh_text_is(user, stage->settings->name);
}

struct tunnel_stage *tunnel_stage_by_token(const struct tunnel_part *part, struct ssh_text user,
					   struct ssh_text token)
{
	struct tunnel_stage *found = NULL;

	for (unsigned i = 0; i < part->n_stages; i++)
		if (tunnel_token_right(part->stages[i], token) && user_means(user, part->stages[i]))
			found = part->stages[i];
	return found;
}

struct tunnel_stage *tunnel_stage_by_key(const struct tunnel_part *part, struct ssh_text user,
					 struct ssh_text blob, const char **name)
{
	for (unsigned i = 0; i < part->n_stages; i++) {
		const struct tunnel_settings *settings = part->stages[i]->settings;

		for (unsigned k = 0; k < settings->n_keys; k++) {
			if (!user_means(user, part->stages[i]) ||
			    settings->keys[k].size != blob.size ||
			    memcmp(settings->keys[k].blob, blob.data, blob.size) != 0)
				continue;
			*name = settings->keys[k].name;
			return part->stages[i];
		}
	}
	return NULL;
}

bool tunnel_stage_admits(const struct tunnel_stage *stage, be32 source)
{
	const struct tunnel_settings *settings = stage->settings;
	uint32_t address = ntohl(source);

	for (unsigned i = 0; i < settings->n_networks; i++)
		if (settings->networks[i].first <= address && address <= settings->networks[i].last)
			return true;
	return false;
}
