/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/api/table.h"

#include <assert.h>
#include <string.h>

extern const struct api_call auth_calls[], cloud_calls[], server_calls[];
extern const struct api_model auth_models[], cloud_models[], server_models[];
extern const struct api_enum auth_enums[], cloud_enums[], server_enums[];

const struct api_resource api_resources[API_RESOURCES] = {
	{"auth", auth_calls, auth_models, auth_enums},
	{"dedicatedCloud", cloud_calls, cloud_models, cloud_enums},
	{"dedicated/server", server_calls, server_models, server_enums},
};

const struct api_model *api_model(const char *name)
{
	for (unsigned i = 0; i < API_RESOURCES; i++)
		for (const struct api_model *m = api_resources[i].models; m->name; m++)
			if (strcmp(m->name, name) == 0)
				return m;
	return NULL;
}

const struct api_enum *api_enum(const char *name)
{
	for (unsigned i = 0; i < API_RESOURCES; i++)
		for (const struct api_enum *e = api_resources[i].enums; e->name; e++)
			if (strcmp(e->name, name) == 0)
				return e;
	return NULL;
}

const char *api_role_name(enum api_role role)
{
	static const char *const names[] = {"anyone", "read", "operate", "admin"};

	static_assert(sizeof(names) / sizeof(names[0]) == API_ADMIN + 1, "one name per role");
	return names[role];
}

static bool takes(const struct api_call *call, const char *name)
{
	size_t bytes = strlen(name);

	for (const struct api_param *param = call->params; param->name; param++)
		if (strncmp(param->type, name, bytes) == 0 &&
		    (!param->type[bytes] || strcmp(param->type + bytes, "[]") == 0))
			return true;
	return false;
}

bool api_takes(const struct api_model *model)
{
	for (unsigned i = 0; i < API_RESOURCES; i++)
		for (const struct api_call *call = api_resources[i].calls; call->method; call++)
			if (takes(call, model->name))
				return true;
	return false;
}

bool api_settable(const struct api_field *field)
{
	return strcmp(field->name, "state") != 0 && strcmp(field->type, "long") != 0;
}
