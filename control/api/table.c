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
