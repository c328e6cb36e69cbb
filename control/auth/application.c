/* SPDX-License-Identifier: GPL-2.0-or-later */
/* application - programs that may ask for credentials, each with a role that bounds them all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnutls/gnutls.h>

#include "control/auth/private.h"
#include "control/config/kind.h"
#include "control/gateway.h"

#define WORD_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define NAME_LETTERS WORD_LETTERS "._-"
#define SECRET_MAX   64u

static bool is_word(const char *text, const char *letters, size_t min, size_t max)
{
	size_t bytes = strlen(text);

	return bytes >= min && bytes <= max && strspn(text, letters) == bytes;
}

static int read_names(struct application *application, const json_t *request,
		      struct request_result *result)
{
	const char *name = auth_string(request, "name"), *role = auth_string(request, "role");
	const char *description = auth_string(request, "description");

	if (!is_word(name, NAME_LETTERS, 1, sizeof(application->name) - 1))
		return request_failed(result, -EINVAL,
				      "the name of an application has 1 to 63 letters, digits "
				      "and ._-");
	if (!*role)
		role = "read";
	if (strcmp(role, "read") != 0 && strcmp(role, "operate") != 0 && strcmp(role, "admin") != 0)
		return request_failed(result, -EINVAL,
				      "role \"%.20s\" is unknown, expected read, operate or admin",
				      role);
	if (strlen(description) >= sizeof(application->description))
		return request_failed(result, -EINVAL, "a description has at most 127 bytes");
	snprintf(application->name, sizeof(application->name), "%s", name);
	snprintf(application->role, sizeof(application->role), "%s", role);
	snprintf(application->description, sizeof(application->description), "%s", description);
	return 0;
}

/* Those that are given, for code that has them already; else new ones. */
static int read_keys(struct application *application, char secret[SECRET_MAX + 1],
		     const json_t *request, struct request_result *result)
{
	const char *key = auth_string(request, "key"), *given = auth_string(request, "secret");

	if (!*key != !*given)
		return request_failed(result, -EINVAL,
				      "a key and its secret are given both or not at all");
	if (*key && (!is_word(key, WORD_LETTERS, 8, sizeof(application->key) - 1) ||
		     !is_word(given, WORD_LETTERS, 16, SECRET_MAX)))
		return request_failed(result, -EINVAL,
				      "a key has 8 to 39 letters and digits, a secret 16 to 64");
	if (*key) {
		snprintf(application->key, sizeof(application->key), "%s", key);
		snprintf(secret, SECRET_MAX + 1, "%s", given);
		return 0;
	}
	if (auth_word(application->key, AUTH_KEY_BYTES) || auth_word(secret, AUTH_SECRET_BYTES))
		return request_failed(result, -EIO, "no random numbers are to be had");
	return 0;
}

int auth_application_add(void *context, const json_t *request, struct request_result *result)
{
	struct gateway *gateway = context;
	struct application application = {.created_s = auth_now_ms() / 1000};
	char secret[SECRET_MAX + 1] = "";
	struct state_error error;
	struct state *state;
	int code = auth_state(gateway, &state, result);

	if (!code)
		code = read_names(&application, request, result);
	if (!code)
		code = read_keys(&application, secret, request, result);
	if (code)
		return code;
	code = seal_encrypt(&gateway->auth.seal, application.key, secret, strlen(secret),
			    application.secret);
	if (code < 0)
		return request_failed(result, code, "the secret cannot be sealed");
	application.secret_bytes = (size_t)code;
	code = application_add(state, &application, &error);
	if (code)
		return auth_failed(result, code, &error);
	json_object_set_new(result->answer, "name", json_string(application.name));
	json_object_set_new(result->answer, "role", json_string(application.role));
	json_object_set_new(result->answer, "application-key", json_string(application.key));
	json_object_set_new(result->answer, "application-secret", json_string(secret));
	gnutls_memset(secret, 0, sizeof(secret));
	return 0;
}

int auth_application_show(void *context, const json_t *request, struct request_result *result)
{
	struct application *list;
	struct state_error error;
	struct state *state;
	json_t *items;
	size_t n;
	int code = auth_state(context, &state, result);

	(void)request;
	if (code)
		return code;
	code = application_list(state, &list, &n, &error);
	items = json_array();
	for (size_t i = 0; !code && i < n; i++) {
		char created[40];
		time_t at = (time_t)list[i].created_s;
		struct tm parts;

		gmtime_r(&at, &parts);
		strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%S+00:00", &parts);
		json_array_append_new(items, json_pack("{s:s, s:s, s:s, s:s, s:s}", "name",
						       list[i].name, "application-key", list[i].key,
						       "role", list[i].role, "description",
						       list[i].description, "creation", created));
	}
	free(list);
	json_object_set_new(result->answer, "items", items);
	return code ? auth_failed(result, code, &error) : 0;
}

int auth_application_delete(void *context, const json_t *request, struct request_result *result)
{
	struct application application;
	struct state_error error;
	struct state *state;
	int code = auth_state(context, &state, result);

	if (code)
		return code;
	code = application_find(state, auth_string(request, "name"), &application, &error);
	if (!code)
		code = application_delete(state, application.id, &error);
	return code ? auth_failed(result, code, &error) : 0;
}

/* A number that stays the same as long as the name does: 31 bits of its FNV-1a hash. */
static json_int_t portgroup_id(const char *name)
{
	uint32_t hash = 2166136261u;

	while (*name)
		hash = (hash ^ (unsigned char)*name++) * 16777619u;
	return hash & 0x7fffffff;
}

int auth_portgroups(void *context, const json_t *request, struct request_result *result)
{
	static const char *const realms[] = {"private", "vsphere", "internet"};
	const struct gateway *gateway = context;
	json_int_t id = json_integer_value(json_object_get(request, "datacenter"));
	const struct config_datacenter *datacenter =
		id <= UINT32_MAX ? kind_datacenter(&gateway->config, (uint32_t)id) : NULL;
	json_t *items;

	if (!datacenter || strcmp(datacenter->service_name, auth_string(request, "service")) != 0)
		return request_failed(result, -ENOENT, "There is no such datacenter");
	items = json_array();
	for (size_t i = 0; i < gateway->config.n_portgroups; i++) {
		const struct config_portgroup *portgroup = &gateway->config.portgroups[i];
		char text[96];

		snprintf(text, sizeof(text), "interface %s, realm %s", portgroup->dev,
			 portgroup->realm < 3 ? realms[portgroup->realm] : "unknown");
		json_array_append_new(items, json_pack("{s:I, s:s, s:s}", "portgroup-id",
						       portgroup_id(portgroup->name), "name",
						       portgroup->name, "description", text));
	}
	json_object_set_new(result->answer, "items", items);
	return 0;
}
