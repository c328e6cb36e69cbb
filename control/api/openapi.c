/* SPDX-License-Identifier: GPL-2.0-or-later */
/* openapi - the tables as an OpenAPI 3.0 document, docs/openapi.json. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "control/api/schema.h"

static const struct {
	const char *type, *name, *format, *pattern;
} simple[] = {
	{"string", "string", NULL, NULL},
	{"password", "string", "password", NULL},
	{"datetime", "string", "date-time", NULL},
	{"ipv4", "string", "ipv4", NULL},
	{"ipv4Block", "string", NULL, "^[0-9.]+/[0-9]+$"},
	{"ipBlock", "string", NULL, NULL},
	{"macAddress", "string", NULL, "^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$"},
	{"boolean", "boolean", NULL, NULL},
};

static json_t *type_schema(const char *type)
{
	size_t bytes = strlen(type);
	char text[96];
	json_t *schema = json_object();

	if (bytes > 2 && strcmp(type + bytes - 2, "[]") == 0) {
		snprintf(text, sizeof(text), "%.*s", (int)bytes - 2, type);
		json_object_set_new(schema, "type", json_string("array"));
		json_object_set_new(schema, "items", type_schema(text));
		return schema;
	}
	if (api_model(type) || api_enum(type)) {
		snprintf(text, sizeof(text), "#/components/schemas/%s", type);
		json_object_set_new(schema, "$ref", json_string(text));
		return schema;
	}
	if (strcmp(type, "long") == 0) {
		json_object_set_new(schema, "type", json_string("integer"));
		json_object_set_new(schema, "format", json_string("int64"));
		return schema;
	}
	if (strcmp(type, "void") == 0) {
		json_object_set_new(schema, "nullable", json_true());
		json_object_set_new(schema, "enum", json_pack("[n]"));
		return schema;
	}
	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++) {
		if (strcmp(type, simple[i].type) != 0)
			continue;
		json_object_set_new(schema, "type", json_string(simple[i].name));
		if (simple[i].format)
			json_object_set_new(schema, "format", json_string(simple[i].format));
		if (simple[i].pattern)
			json_object_set_new(schema, "pattern", json_string(simple[i].pattern));
	}
	return schema;
}

static json_t *nullable(json_t *schema)
{
	/* Beside $ref nothing else counts in OpenAPI 3.0. */
	if (json_object_get(schema, "$ref"))
		schema = json_pack("{s:[o]}", "allOf", schema);
	json_object_set_new(schema, "nullable", json_true());
	return schema;
}

static json_t *described(json_t *schema, const char *description)
{
	if (json_object_get(schema, "$ref"))
		schema = json_pack("{s:[o]}", "allOf", schema);
	json_object_set_new(schema, "description", json_string(description));
	return schema;
}

static json_t *model_schema(const struct api_model *model)
{
	json_t *properties = json_object(), *required = json_array();
	bool taken = api_takes(model);

	for (const struct api_field *field = model->fields; field->name; field++) {
		json_t *schema = type_schema(field->type);

		if (field->nullable)
			schema = nullable(schema);
		schema = described(schema, field->description);
		/* It is required in answers only. */
		if (taken && !api_settable(field))
			json_object_set_new(schema, "readOnly", json_true());
		json_object_set_new(properties, field->name, schema);
		json_array_append_new(required, json_string(field->name));
	}
	return json_pack("{s:s, s:s, s:o, s:o}", "type", "object", "description",
			 model->description, "properties", properties, "required", required);
}

/* What a PUT takes: the model, of which nothing has to be there that cannot be changed. */
static json_t *body_schema(const struct api_call *call)
{
	json_t *properties = json_object(), *required = json_array(), *schema;
	bool any = false;

	for (const struct api_param *param = call->params; param->name; param++) {
		if (param->where != API_IN_BODY)
			continue;
		any = true;
		if (api_model(param->type)) {
			json_decref(properties);
			json_decref(required);
			return type_schema(param->type);
		}
		schema = type_schema(param->type);
		if (!param->required)
			schema = nullable(schema);
		json_object_set_new(properties, param->name, described(schema, param->description));
		if (param->required)
			json_array_append_new(required, json_string(param->name));
	}
	schema = NULL;
	if (any) {
		schema = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
				   "additionalProperties", 0);
		if (json_array_size(required))
			json_object_set(schema, "required", required);
	} else {
		json_decref(properties);
	}
	json_decref(required);
	return schema;
}

static json_t *error_response(const char *description)
{
	return json_pack("{s:s, s:{s:{s:{s:s}}}}", "description", description, "content",
			 "application/json", "schema", "$ref", "#/components/schemas/Error");
}

static json_t *responses(const struct api_call *call)
{
	json_t *all = json_pack("{s:{s:s, s:{s:{s:o}}}}", "200", "description", "Done", "content",
				"application/json", "schema", type_schema(call->type));

	json_object_set_new(all, "400", error_response("The request is wrong"));
	if (call->role != API_ANYONE)
		json_object_set_new(all, "403", error_response("Not permitted"));
	json_object_set_new(all, "404", error_response("There is no such object"));
	if (strcmp(call->method, "GET") != 0)
		json_object_set_new(
			all, "409",
			error_response("It is there already, or something is under way"));
	json_object_set_new(all, "503", error_response("The gateway does not answer, or is busy"));
	return all;
}

/* "get_dedicatedCloud_serviceName_task" */
static json_t *operation_id(const struct api_call *call)
{
	char text[256];
	size_t used = 0;

	for (const char *at = call->method; *at; at++)
		text[used++] = (char)tolower((unsigned char)*at);
	for (const char *at = call->path; *at && used < sizeof(text) - 1; at++)
		if (*at != '{' && *at != '}')
			text[used++] = *at == '/' ? '_' : *at;
	text[used] = '\0';
	return json_string(text);
}

static json_t *operation(const struct api_call *call)
{
	json_t *params = json_array(), *body = body_schema(call);
	json_t *schema = json_pack("{s:s, s:o, s:s, s:o}", "summary", call->description,
				   "operationId", operation_id(call), "x-role",
				   api_role_name(call->role), "responses", responses(call));

	for (const struct api_param *param = call->params; param->name; param++)
		if (param->where != API_IN_BODY)
			json_array_append_new(
				params,
				json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", param->name, "in",
					  param->where == API_IN_PATH ? "path" : "query",
					  "required", param->required, "description",
					  param->description, "schema", type_schema(param->type)));
	if (json_array_size(params))
		json_object_set(schema, "parameters", params);
	json_decref(params);
	if (body)
		json_object_set_new(
			schema, "requestBody",
			json_pack("{s:{s:{s:o}}}", "content", "application/json", "schema", body));
	if (call->role == API_ANYONE)
		json_object_set_new(schema, "security", json_array());
	return schema;
}

static json_t *paths(void)
{
	json_t *all = json_object();
	char method[16];

	for (unsigned i = 0; i < API_RESOURCES; i++)
		for (const struct api_call *call = api_resources[i].calls; call->method; call++) {
			json_t *path = json_object_get(all, call->path);

			if (!path) {
				path = json_object();
				json_object_set_new(all, call->path, path);
			}
			for (size_t k = 0; k <= strlen(call->method); k++)
				method[k] = (char)tolower((unsigned char)call->method[k]);
			json_object_set_new(path, method, operation(call));
		}
	return all;
}

static json_t *components(void)
{
	static const char *const headers[] = {"Application", "Consumer", "Timestamp", "Signature"};
	json_t *schemas = json_object(), *security = json_object();
	char name[40];

	for (unsigned i = 0; i < API_RESOURCES; i++) {
		for (const struct api_model *m = api_resources[i].models; m->name; m++)
			json_object_set_new(schemas, m->name, model_schema(m));
		for (const struct api_enum *e = api_resources[i].enums; e->name; e++) {
			json_t *values = json_array();

			for (const char *const *value = e->values; *value; value++)
				json_array_append_new(values, json_string(*value));
			json_object_set_new(schemas, e->name,
					    json_pack("{s:s, s:s, s:o}", "type", "string",
						      "description", e->description, "enum",
						      values));
		}
	}
	json_object_set_new(
		schemas, "Error",
		json_pack("{s:s, s:[s, s, s, s], s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}}", "type",
			  "object", "required", "class", "errorCode", "httpCode", "message",
			  "properties", "class", "type", "string", "errorCode", "type", "string",
			  "httpCode", "type", "string", "message", "type", "string"));
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		snprintf(name, sizeof(name), "X-Ovh-%s", headers[i]);
		json_object_set_new(security, headers[i],
				    json_pack("{s:s, s:s, s:s}", "type", "apiKey", "in", "header",
					      "name", name));
	}
	return json_pack("{s:o, s:o}", "schemas", schemas, "securitySchemes", security);
}

json_t *schema_openapi(void)
{
	return json_pack(
		"{s:s, s:{s:s, s:s, s:s}, s:[{s:s}], s:[{s:[], s:[], s:[], s:[]}], s:o, "
		"s:o}",
		"openapi", "3.0.3", "info", "title", "pgw", "version", "1.0", "description",
		"The API of the private gateway, as OVHcloud's clients speak it. Generated "
		"by pgw-api -o.",
		"servers", "url", API_BASE_PATH, "security", "Application", "Consumer", "Timestamp",
		"Signature", "paths", paths(), "components", components());
}
