/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/api/translate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 64

/* "executionDate" to "execution-date" */
static const char *kebab(const char *name, char text[NAME_BYTES])
{
	size_t used = 0;

	for (; *name && used < NAME_BYTES - 2; name++) {
		if (isupper((unsigned char)*name) && used)
			text[used++] = '-';
		text[used++] = (char)tolower((unsigned char)*name);
	}
	text[used] = '\0';
	return text;
}

static const char *member_of(const struct api_field *field, char text[NAME_BYTES])
{
	return field->member ? field->member : kebab(field->name, text);
}

static json_t *value_of(const char *type, const json_t *value);

static json_t *object_of(const struct api_model *model, const json_t *item)
{
	json_t *object = json_object();
	char text[NAME_BYTES];

	for (const struct api_field *field = model->fields; field->name; field++)
		json_object_set_new(
			object, field->name,
			value_of(field->type, json_object_get(item, member_of(field, text))));
	return object;
}

static json_t *array_of(const char *type, const json_t *values)
{
	char of[NAME_BYTES];
	json_t *array = json_array();
	size_t bytes = strlen(type) - 2;

	if (bytes >= sizeof(of))
		bytes = sizeof(of) - 1;
	memcpy(of, type, bytes);
	of[bytes] = '\0';
	for (size_t i = 0; i < json_array_size(values); i++)
		json_array_append_new(array, value_of(of, json_array_get(values, i)));
	return array;
}

/* pgwd says "Z"; OVHcloud has an offset, and there are clients that read nothing else. */
static json_t *datetime_of(const json_t *value)
{
	const char *text = json_string_value(value);
	size_t bytes = text ? strlen(text) : 0;

	if (!bytes || text[bytes - 1] != 'Z')
		return json_incref((json_t *)value);
	return json_sprintf("%.*s+00:00", (int)bytes - 1, text);
}

/* What pgwd does not say is null. */
static json_t *value_of(const char *type, const json_t *value)
{
	const struct api_model *model = api_model(type);
	size_t bytes = strlen(type);

	if (!value || json_is_null(value))
		return json_null();
	if (bytes > 2 && strcmp(type + bytes - 2, "[]") == 0)
		return array_of(type, value);
	if (model)
		return object_of(model, value);
	if (strcmp(type, "datetime") == 0)
		return datetime_of(value);
	return json_incref((json_t *)value);
}

/* The members of a whole object go into the request one by one, but for what is read-only. */
static void put_object(json_t *request, const struct api_model *model, const json_t *object)
{
	char text[NAME_BYTES];

	for (const struct api_field *field = model->fields; field->name; field++) {
		json_t *value = json_object_get(object, field->name);

		if (!value || !api_settable(field))
			continue;
		/* null takes away what is there; to pgwd that would be as if it were not given */
		if (json_is_null(value))
			json_object_set_new(request, member_of(field, text), json_string(""));
		else
			json_object_set(request, member_of(field, text), value);
	}
}

/* Servers' tasks have words of their own for the states of tasks; those that are not here do not
 * occur, and match none. */
static json_t *state_word(const json_t *value)
{
	const char *word = json_string_value(value);

	if (strcmp(word, "customerError") == 0)
		return json_string("error");
	if (strcmp(word, "cancelled") == 0)
		return json_string("canceled");
	return json_string(word);
}

static void put(json_t *request, const struct api_param *param, json_t *value)
{
	const struct api_model *model = api_model(param->type);

	if (strcmp(param->type, "dedicated.server.TaskStatusEnum") == 0)
		json_object_set_new(request, param->member, state_word(value));
	else if (param->member)
		json_object_set(request, param->member, value);
	else if (model)
		put_object(request, model, value);
}

/* The last parameter of the path names the object itself, those before it what it is in. */
static const struct api_param *own(const struct api_call *call)
{
	const struct api_param *last = NULL;

	for (const struct api_param *param = call->params; param->name; param++)
		if (param->where == API_IN_PATH)
			last = param;
	return last;
}

json_t *translate_request(const struct api_call *call, const json_t *given)
{
	json_t *request = json_object();

	json_object_set_new(request, "op", json_string(call->op));
	for (const struct api_param *param = call->params; param->name; param++) {
		json_t *value = json_object_get(given, param->name);
		bool guarded = call->guard && param->where == API_IN_PATH && param != own(call);

		if (value && !guarded)
			put(request, param, value);
	}
	return request;
}

json_t *translate_guard(const struct api_call *call, const json_t *given)
{
	json_t *request = json_object();

	json_object_set_new(request, "op", json_string(call->guard));
	for (const struct api_param *param = call->params; param->name; param++)
		if (param->where == API_IN_PATH)
			put(request, param, json_object_get(given, param->name));
	return request;
}

/* The parameter of the path by which an element of a list is chosen here, not by pgwd. */
static const struct api_param *chosen_by(const struct api_call *call)
{
	for (const struct api_param *param = call->params; param->name; param++)
		if (param->where == API_IN_PATH && !param->member)
			return param;
	return NULL;
}

/* The element of @items that the path names: all but the first one are others'. */
static json_t *choose(const struct api_call *call, const json_t *given, json_t *items)
{
	const struct api_param *param = chosen_by(call);
	const struct api_model *model = api_model(call->type);
	const json_t *wanted = param ? json_object_get(given, param->name) : NULL;
	char text[NAME_BYTES];

	if (!param)
		return json_array_get(items, 0);
	for (size_t i = 0; i < json_array_size(items); i++) {
		json_t *item = json_array_get(items, i);

		for (const struct api_field *field = model->fields; field->name; field++)
			if (strcmp(field->name, param->name) == 0 &&
			    json_equal(json_object_get(item, member_of(field, text)), wanted))
				return item;
	}
	return NULL;
}

static json_t *picked(const char *pick, const json_t *items)
{
	json_t *array = json_array();

	for (size_t i = 0; i < json_array_size(items); i++) {
		json_t *item = json_array_get(items, i);

		json_array_append(array, pick ? json_object_get(item, pick) : item);
	}
	return array;
}

json_t *translate_answer(const struct api_call *call, const json_t *given, const json_t *answer)
{
	const json_t *from = answer;
	json_t *item;

	if (call->from && *call->from)
		from = json_object_get(answer, call->from);
	switch (call->answer) {
	case API_PICK:
		return call->some && !json_array_size(from) ? NULL : picked(call->pick, from);
	case API_NUMBER:
	case API_OBJECT:
		return from ? value_of(call->type, from) : NULL;
	case API_FIRST:
		item = choose(call, given, (json_t *)from);
		return item ? value_of(call->type, item) : NULL;
	case API_ADDRESSES:
		from = json_object_get(json_array_get(from, 0), "addresses");
		if (!from)
			return NULL;
		if (call->pick)
			return picked(call->pick, from);
		item = choose(call, given, (json_t *)from);
		return item ? value_of(call->type, item) : NULL;
	case API_VOID:
		break;
	}
	return json_null();
}

/* What @call names the @member of @bytes of its control request; NULL: nothing. */
static const char *name_of(const struct api_call *call, const char *member, size_t bytes)
{
	char text[NAME_BYTES];

	for (const struct api_param *param = call->params; param->name; param++) {
		const struct api_model *model = param->member ? NULL : api_model(param->type);

		if (param->member && strlen(param->member) == bytes &&
		    memcmp(param->member, member, bytes) == 0)
			return param->name;
		for (const struct api_field *field = model ? model->fields : NULL;
		     field && field->name; field++) {
			const char *own = member_of(field, text);

			if (strlen(own) == bytes && memcmp(own, member, bytes) == 0)
				return field->name;
		}
	}
	return NULL;
}

/* "ip "1.2.3.4" is wrong: …" begins with a member; "service "web": …" is about something else. */
static bool begins_with_member(const char *error)
{
	const char *wrong = strstr(error, " is wrong: ");

	return wrong && wrong < strstr(error, ": ");
}

char *translate_refusal(const struct api_call *call, const char *error)
{
	char missing[NAME_BYTES], *text = NULL;
	size_t bytes = strcspn(error, " ");
	const char *name;
	int written;

	if (sscanf(error, "operation \"%*[^\"]\" needs member \"%63[^\"]\"", missing) == 1) {
		name = name_of(call, missing, strlen(missing));
		written = asprintf(&text, "Missing parameter \"%s\"", name ? name : missing);
	} else {
		name = begins_with_member(error) ? name_of(call, error, bytes) : NULL;
		written = name ? asprintf(&text, "%s%s", name, error + bytes)
			       : asprintf(&text, "%s", error);
	}
	return written < 0 ? NULL : text;
}
