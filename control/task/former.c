/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/task/former.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/config/edit.h"
#include "control/fault.h"

#define NAMES_TRIED (2u * CONFIG_SERVICES_MAX)

static bool is_former(const struct config_service *service, be32 addr)
{
	return service->addr == addr && !service->datacenter &&
	       !strncmp(service->name, FORMER_PREFIX, strlen(FORMER_PREFIX));
}

/* The first name from number *@next on that nobody has. */
static bool free_name(const struct edit *edit, struct config_service *service, unsigned *next)
{
	while (*next < NAMES_TRIED) {
		snprintf(service->name, sizeof(service->name), FORMER_PREFIX "%u", ++*next);
		if (!edit_find(edit, KIND_SERVICE, service))
			return true;
	}
	return false;
}

static int add_one(struct edit *edit, const struct config_service *of, unsigned *next,
		   struct ctl_error *error)
{
	struct config_service service = *of;

	service.datacenter = 0;
	service.internet_address = service.private_address = 0;
	service.host_names[0] = '\0';
	if (edit->config->n_services >= CONFIG_SERVICES_MAX || !free_name(edit, &service, next))
		return fault(error, -ENOSPC,
			     "there is no room for its services at both addresses: at most %d "
			     "services are possible",
			     CONFIG_SERVICES_MAX);
	if (kinds[KIND_SERVICE].clone(&service))
		return fault(error, -ENOMEM, "out of memory");
	if (edit_insert(edit, KIND_SERVICE, &service)) {
		kinds[KIND_SERVICE].release(&service);
		return fault(error, -ENOMEM, "out of memory");
	}
	return 0;
}

int former_add(struct config *wanted, uint32_t datacenter, be32 addr, struct ctl_error *error)
{
	struct config before;
	struct edit edit;
	unsigned next = 0;
	int code = 0;

	/* Insertions move the array. */
	if (config_copy(&before, wanted))
		return fault(error, -ENOMEM, "out of memory");
	edit_begin(&edit, wanted, EDIT_STATEMENT);
	for (size_t i = 0; i < before.n_services && !code; i++)
		if (before.services[i].datacenter == datacenter && before.services[i].addr == addr)
			code = add_one(&edit, &before.services[i], &next, error);
	config_free(&before);
	return code;
}

void former_del(struct config *wanted, be32 addr)
{
	struct edit edit;

	edit_begin(&edit, wanted, EDIT_STATEMENT);
	for (size_t i = wanted->n_services; i--;)
		if (is_former(&wanted->services[i], addr))
			edit_remove(&edit, KIND_SERVICE, &wanted->services[i]);
}
