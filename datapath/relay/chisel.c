/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/chisel.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define PORT_TEXT 5 /* digits */

static int wrong(char *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int wrong(char *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, CHISEL_ERROR_TEXT, format, arguments);
	va_end(arguments);
	return -EPROTO;
}

/* text_member() - "" where it is not there; NULL where it is no text of that length */
static const char *text_member(const json_t *object, const char *name, size_t max)
{
	const json_t *member = json_object_get(object, name);
	const char *text;

	if (!member || json_is_null(member))
		return "";
	text = json_string_value(member);
	if (!text || json_string_length(member) > max)
		return NULL;
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~')
			return NULL;
	return text;
}

static uint16_t port_number(const char *text)
{
	unsigned long value = 0;

	if (!text || strlen(text) > PORT_TEXT)
		return 0;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return 0;
		value = 10 * value + (unsigned long)(*text - '0');
	}
	return value <= UINT16_MAX ? (uint16_t)value : 0;
}

static int read_protocol(const json_t *object, struct chisel_remote *remote, unsigned n,
			 char *error)
{
	const char *local = text_member(object, "LocalProto", 8);
	const char *far = text_member(object, "RemoteProto", 8);

	if (!local || !far || strcmp(local, far) != 0)
		return wrong(error, "remote %u: LocalProto and RemoteProto differ", n);
	remote->udp = strcmp(local, "udp") == 0;
	if (!remote->udp && *local && strcmp(local, "tcp") != 0)
		return wrong(error, "remote %u: protocol \"%.8s\", expected tcp or udp", n, local);
	return 0;
}

static int read_remote(const json_t *object, struct chisel_remote *remote, unsigned n, char *error)
{
	const char *listen_host = text_member(object, "LocalHost", CHISEL_HOST_BYTES - 1);
	const char *host = text_member(object, "RemoteHost", CHISEL_HOST_BYTES - 1);
	uint16_t port = port_number(text_member(object, "RemotePort", PORT_TEXT));

	if (!json_is_object(object))
		return wrong(error, "remote %u is not an object", n);
	if (!json_is_true(json_object_get(object, "Reverse")) ||
	    json_is_true(json_object_get(object, "Socks")) ||
	    json_is_true(json_object_get(object, "Stdio")))
		return wrong(error, "remote %u: only R:PORT:HOST:PORT is served", n);
	remote->port = port_number(text_member(object, "LocalPort", PORT_TEXT));
	if (!remote->port)
		return wrong(error, "remote %u: LocalPort is not a port from 1 to 65535", n);
	if (!listen_host)
		return wrong(error, "remote %u: LocalHost is not a host", n);
	if (!host || !*host || !port)
		return wrong(error,
			     "remote %u: RemoteHost and RemotePort are not a host and a port", n);
	strcpy(remote->listen_host, listen_host);
	if (read_protocol(object, remote, n, error))
		return -EPROTO;
	snprintf(remote->target, sizeof(remote->target), "%s:%u%s", host, port,
		 remote->udp ? "/udp" : "");
	return 0;
}

static bool repeated(const struct chisel_config *config, unsigned at)
{
	for (unsigned i = 0; i < at; i++)
		if (config->remotes[i].port == config->remotes[at].port &&
		    config->remotes[i].udp == config->remotes[at].udp)
			return true;
	return false;
}

static int read_remotes(const json_t *array, struct chisel_config *config, char *error)
{
	size_t n = json_array_size(array);
	int result = 0;

	if (!json_is_array(array) || n == 0 || n > CHISEL_REMOTES_MAX)
		return wrong(error, "Remotes: expected an array of 1 to %u remotes",
			     CHISEL_REMOTES_MAX);
	config->remotes = calloc(n, sizeof(*config->remotes));
	if (!config->remotes)
		return -ENOMEM;
	for (; config->n < n && !result; config->n++) {
		result = read_remote(json_array_get(array, config->n), &config->remotes[config->n],
				     config->n + 1, error);
		if (!result && repeated(config, config->n))
			result = wrong(error, "remote %u: port %u is asked for twice",
				       config->n + 1, config->remotes[config->n].port);
	}
	return result;
}

int chisel_config_read(struct chisel_config *config, struct ssh_text json, char *error)
{
	json_error_t where;
	json_t *object;
	const char *version;
	int result;

	*config = (struct chisel_config){0};
	strcpy(error, "out of memory");
	if (json.size > CHISEL_CONFIG_MAX)
		return wrong(error, "the configuration is longer than %u bytes", CHISEL_CONFIG_MAX);
	object = json_loadb((const char *)json.data, json.size, JSON_REJECT_DUPLICATES, &where);
	if (!json_is_object(object)) {
		json_decref(object);
		return wrong(error, "the configuration is not a JSON object");
	}
	version = text_member(object, "Version", sizeof(config->version) - 1);
	if (version)
		strcpy(config->version, version);
	result = read_remotes(json_object_get(object, "Remotes"), config, error);
	json_decref(object);
	if (result)
		chisel_config_free(config);
	return result;
}

void chisel_config_free(struct chisel_config *config)
{
	free(config->remotes);
	config->remotes = NULL;
	config->n = 0;
}
