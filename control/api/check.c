/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/api/check.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/ctl/frame.h"

#define BODY_DEPTH_MAX 8u
#define ELEMENTS_MAX   64u /* of an array */

__attribute__((format(printf, 2, 3))) static bool wrong(struct check_error *error,
							const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return false;
}

static bool is_mac(const char *text)
{
	for (unsigned i = 0; i < 17; i++)
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	return text[17] == '\0';
}

static bool is_ipv4(const char *text)
{
	struct in_addr address;

	return inet_pton(AF_INET, text, &address) == 1;
}

static bool is_ipv4_block(const char *text)
{
	char address[INET_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t bytes = slash ? (size_t)(slash - text) : strlen(text);

	if (bytes >= sizeof(address))
		return false;
	memcpy(address, text, bytes);
	address[bytes] = '\0';
	if (!is_ipv4(address))
		return false;
	if (!slash)
		return true;
	slash++;
	return isdigit((unsigned char)*slash) && strlen(slash) <= 2 &&
	       strspn(slash, "0123456789") == strlen(slash) && (*slash != '0' || !slash[1]) &&
	       atoi(slash) <= 32;
}

/* As RFC 3339 has it: 2026-01-02T03:04:05+00:00, or Z; JavaScript adds fractions of a second. */
static bool is_datetime(const char *text)
{
	struct tm parts = {0}, copy;
	const char *zone = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
	time_t seconds;

	/* strptime() takes 1-2-3 as well, and the 31st of February */
	if (!zone || zone - text != 19)
		return false;
	copy = parts;
	seconds = timegm(&copy);
	if (seconds < 0 || copy.tm_mday != parts.tm_mday)
		return false;
	if (*zone == '.') {
		size_t digits = strspn(++zone, "0123456789");

		if (!digits)
			return false;
		zone += digits;
	}
	if (strcmp(zone, "Z") == 0)
		return true;
	return (*zone == '+' || *zone == '-') && isdigit((unsigned char)zone[1]) &&
	       isdigit((unsigned char)zone[2]) && zone[3] == ':' &&
	       isdigit((unsigned char)zone[4]) && isdigit((unsigned char)zone[5]) && !zone[6];
}

static const struct {
	const char *type, *expected;
	bool (*is)(const char *text);
} text_types[] = {
	{"ipv4", "an IPv4 address, as 192.0.2.1", is_ipv4},
	{"ipv4Block", "an IPv4 network, as 192.0.2.0/24", is_ipv4_block},
	{"macAddress", "a MAC address, as 02:00:00:aa:bb:cc", is_mac},
	{"datetime", "a date and time, as 2026-01-02T03:04:05+00:00", is_datetime},
};

/* Return: false with the message set if @text is no @type; true also for types that are no text. */
static bool text_fits(const char *name, const char *type, const char *text,
		      struct check_error *error)
{
	const struct api_enum *values = api_enum(type);
	char list[160];
	size_t used = 0;

	if (strlen(text) > CHECK_TEXT_BYTES_MAX)
		return wrong(error, "Invalid parameter \"%s\": expected at most %u bytes", name,
			     CHECK_TEXT_BYTES_MAX);
	for (size_t i = 0; i < sizeof(text_types) / sizeof(text_types[0]); i++)
		if (strcmp(type, text_types[i].type) == 0 && !text_types[i].is(text))
			return wrong(error, "Invalid parameter \"%s\": expected %s", name,
				     text_types[i].expected);
	if (!values)
		return true;
	for (const char *const *value = values->values; *value; value++) {
		if (strcmp(*value, text) == 0)
			return true;
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
					 *value);
	}
	return wrong(error, "Invalid parameter \"%s\": expected one of %s", name, list);
}

json_t *check_text(const struct api_param *param, const char *text, struct check_error *error)
{
	json_t *value;

	if (strcmp(param->type, "long") == 0) {
		size_t digits = strspn(text, "0123456789");

		if (!digits || text[digits] || digits > 18) {
			wrong(error, "Invalid parameter \"%s\": expected a number from 0 on",
			      param->name);
			return NULL;
		}
		return json_integer(strtoll(text, NULL, 10));
	}
	if (!text_fits(param->name, param->type, text, error))
		return NULL;
	if (!*text) {
		wrong(error, "Invalid parameter \"%s\": expected some text", param->name);
		return NULL;
	}
	value = json_string(text);
	if (!value)
		wrong(error, "Invalid parameter \"%s\": expected UTF-8", param->name);
	return value;
}

static bool value_fits(const char *name, const char *type, const json_t *value,
		       struct check_error *error);

static const struct api_field *field_of(const struct api_model *model, const char *name)
{
	for (const struct api_field *field = model->fields; field->name; field++)
		if (strcmp(field->name, name) == 0)
			return field;
	return NULL;
}

static bool object_fits(const char *name, const struct api_model *model, const json_t *value,
			struct check_error *error)
{
	const char *key;
	json_t *member;

	if (!json_is_object(value))
		return wrong(error, "Invalid parameter \"%s\": expected an object", name);
	json_object_foreach((json_t *)value, key, member)
	{
		const struct api_field *field = field_of(model, key);

		if (!field)
			return wrong(error, "Received not described parameter \"%.100s\"", key);
		if (json_is_null(member) && field->nullable)
			continue;
		if (!value_fits(field->name, field->type, member, error))
			return false;
	}
	return true;
}

static bool array_fits(const char *name, const char *type, const json_t *value,
		       struct check_error *error)
{
	char of[80];

	snprintf(of, sizeof(of), "%.*s", (int)(strlen(type) - 2), type);
	if (!json_is_array(value))
		return wrong(error, "Invalid parameter \"%s\": expected an array", name);
	if (json_array_size(value) > ELEMENTS_MAX)
		return wrong(error, "Invalid parameter \"%s\": expected at most %u elements", name,
			     ELEMENTS_MAX);
	for (size_t i = 0; i < json_array_size(value); i++)
		if (!value_fits(name, of, json_array_get(value, i), error))
			return false;
	return true;
}

static bool value_fits(const char *name, const char *type, const json_t *value,
		       struct check_error *error)
{
	const struct api_model *model = api_model(type);
	size_t bytes = strlen(type);

	if (bytes > 2 && strcmp(type + bytes - 2, "[]") == 0)
		return array_fits(name, type, value, error);
	if (model)
		return object_fits(name, model, value, error);
	if (strcmp(type, "boolean") == 0)
		return json_is_boolean(value) ||
		       wrong(error, "Invalid parameter \"%s\": expected true or false", name);
	if (strcmp(type, "long") == 0)
		return (json_is_integer(value) && json_integer_value(value) >= 0) ||
		       wrong(error, "Invalid parameter \"%s\": expected a number from 0 on", name);
	if (!json_is_string(value))
		return wrong(error, "Invalid parameter \"%s\": expected a string", name);
	if (strlen(json_string_value(value)) != json_string_length(value))
		return wrong(error, "Invalid parameter \"%s\": a string may not hold NUL", name);
	return text_fits(name, type, json_string_value(value), error);
}

static const struct api_param *param_of(const struct api_call *call, const char *name)
{
	for (const struct api_param *param = call->params; param->name; param++)
		if (param->where == API_IN_BODY && strcmp(param->name, name) == 0)
			return param;
	return NULL;
}

/* The body is one object of a model ("the whole object"), not a set of parameters. */
static const struct api_param *whole(const struct api_call *call)
{
	for (const struct api_param *param = call->params; param->name; param++)
		if (param->where == API_IN_BODY && api_model(param->type))
			return param;
	return NULL;
}

static bool take_members(const struct api_call *call, const json_t *body, json_t *given,
			 struct check_error *error)
{
	const struct api_param *object = whole(call);
	const char *key;
	json_t *value;

	if (object) {
		if (!object_fits(object->name, api_model(object->type), body, error))
			return false;
		json_object_set(given, object->name, (json_t *)body);
		return true;
	}
	json_object_foreach((json_t *)body, key, value)
	{
		const struct api_param *param = param_of(call, key);

		if (!param)
			return wrong(error, "Received not described parameter \"%.100s\"", key);
		if (json_is_null(value))
			continue;
		if (!value_fits(param->name, param->type, value, error))
			return false;
		json_object_set(given, param->name, value);
	}
	return true;
}

bool check_body(const struct api_call *call, const char *body, size_t bytes, json_t *given,
		struct check_error *error)
{
	json_error_t why;
	json_t *value;
	bool fits;

	if (!bytes)
		return true;
	if (frame_nested(body, bytes, BODY_DEPTH_MAX))
		return wrong(error, "The body is nested deeper than %u levels", BODY_DEPTH_MAX);
	value = json_loadb(body, bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL,
			   &why);
	if (!value)
		return wrong(error, "The body is not JSON: line %d, column %d: %.150s", why.line,
			     why.column, why.text);
	if (json_is_null(value))
		fits = true;
	else if (json_is_object(value))
		fits = take_members(call, value, given, error);
	else
		fits = wrong(error, "The body%s%s must be a JSON object", whole(call) ? " " : "",
			     whole(call) ? whole(call)->name : "");
	json_decref(value);
	return fits;
}

bool check_required(const struct api_call *call, const json_t *given, struct check_error *error)
{
	for (const struct api_param *param = call->params; param->name; param++)
		if (param->required && !json_object_get(given, param->name))
			return wrong(error, "Missing parameter \"%s\"", param->name);
	return true;
}
