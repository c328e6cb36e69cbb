/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/api/schema.h"

#include <stdio.h>
#include <string.h>

static const char *where_name(enum api_where where)
{
	return where == API_IN_PATH ? "path" : where == API_IN_QUERY ? "query" : "body";
}

static json_t *parameter(const struct api_param *param)
{
	json_t *schema =
		json_pack("{s:s, s:s, s:s, s:s, s:b}", "paramType", where_name(param->where),
			  "dataType", param->type, "fullType", param->type, "description",
			  param->description, "required", param->required);

	/* A whole object is the body itself, and no member of it that would have a name. */
	if (!api_model(param->type))
		json_object_set_new(schema, "name", json_string(param->name));
	return schema;
}

static json_t *operation(const struct api_call *call)
{
	json_t *params = json_array();

	for (const struct api_param *param = call->params; param->name; param++)
		json_array_append_new(params, parameter(param));
	return json_pack("{s:s, s:s, s:s, s:b, s:{s:s, s:s}, s:o, s:[]}", "httpMethod",
			 call->method, "description", call->description, "responseType", call->type,
			 "noAuthentication", call->role == API_ANYONE, "apiStatus", "value",
			 "PRODUCTION", "description", "Stable production version", "parameters",
			 params, "errors");
}

/* "dedicatedCloud.Task": namespace "dedicatedCloud", id "Task" */
static json_t *named(const char *name, const char *description)
{
	const char *dot = strrchr(name, '.');

	return json_pack("{s:s, s:s%, s:s}", "id", dot + 1, "namespace", name, (size_t)(dot - name),
			 "description", description);
}

static json_t *model_schema(const struct api_model *model)
{
	json_t *schema = named(model->name, model->description);
	json_t *properties = json_object();
	bool taken = api_takes(model);

	for (const struct api_field *field = model->fields; field->name; field++)
		json_object_set_new(properties, field->name,
				    json_pack("{s:s, s:s, s:b, s:b, s:b, s:s}", "type", field->type,
					      "fullType", field->type, "canBeNull", field->nullable,
					      "readOnly", !taken || !api_settable(field),
					      "required", 0, "description", field->description));
	json_object_set_new(schema, "properties", properties);
	return schema;
}

static json_t *enum_schema(const struct api_enum *values)
{
	json_t *schema = named(values->name, values->description);
	json_t *list = json_array();

	for (const char *const *value = values->values; *value; value++)
		json_array_append_new(list, json_string(*value));
	json_object_set_new(schema, "enum", list);
	json_object_set_new(schema, "enumType", json_string("string"));
	return schema;
}

json_t *schema_resource(const struct api_resource *resource, const char *base)
{
	json_t *apis = json_array(), *models = json_object();
	char path[80];

	for (const struct api_call *call = resource->calls; call->method; call++) {
		json_t *api = NULL;

		for (size_t i = 0; i < json_array_size(apis); i++) {
			const json_t *at = json_array_get(apis, i);

			if (strcmp(json_string_value(json_object_get(at, "path")), call->path) == 0)
				api = json_array_get(apis, i);
		}
		if (!api) {
			api = json_pack("{s:s, s:s, s:[]}", "path", call->path, "description",
					call->description, "operations");
			json_array_append_new(apis, api);
		}
		json_array_append_new(json_object_get(api, "operations"), operation(call));
	}
	for (const struct api_model *model = resource->models; model->name; model++)
		json_object_set_new(models, model->name, model_schema(model));
	for (const struct api_enum *values = resource->enums; values->name; values++)
		json_object_set_new(models, values->name, enum_schema(values));
	snprintf(path, sizeof(path), "/%s", resource->name);
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "apiVersion", "1.0", "basePath", base,
			 "resourcePath", path, "apis", apis, "models", models);
}

json_t *schema_index(const char *base)
{
	json_t *apis = json_array();
	char path[80];

	for (unsigned i = 0; i < API_RESOURCES; i++) {
		snprintf(path, sizeof(path), "/%s", api_resources[i].name);
		json_array_append_new(apis,
				      json_pack("{s:s, s:s, s:[s], s:s}", "path", path, "schema",
						"{path}.{format}", "format", "json", "description",
						api_resources[i].calls[0].description));
	}
	return json_pack("{s:s, s:s, s:o}", "apiVersion", "1.0", "basePath", base, "apis", apis);
}
