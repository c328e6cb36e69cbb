/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/health/targets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/derive.h"

static int compare_service(const void *key, const void *service)
{
	return strcmp(key, ((const struct target_service *)service)->name);
}

const struct target_service *targets_service(const struct health_plan *plan, const char *name)
{
	if (!plan || !plan->n_services)
		return NULL;
	return bsearch(name, plan->services, plan->n_services, sizeof(plan->services[0]),
		       compare_service);
}

static bool earlier(const struct health_plan *plan, size_t a, size_t b)
{
	return plan->targets[plan->heap[a]].due_ms < plan->targets[plan->heap[b]].due_ms;
}

static void exchange(struct health_plan *plan, size_t a, size_t b)
{
	uint32_t target = plan->heap[a];

	plan->heap[a] = plan->heap[b];
	plan->heap[b] = target;
}

void targets_push(struct health_plan *plan, uint32_t target)
{
	size_t at = plan->n_heap++;

	plan->heap[at] = target;
	for (; at && earlier(plan, at, (at - 1) / 2); at = (at - 1) / 2)
		exchange(plan, at, (at - 1) / 2);
}

uint32_t targets_pop(struct health_plan *plan)
{
	uint32_t target = plan->heap[0];
	size_t at = 0;

	plan->heap[0] = plan->heap[--plan->n_heap];
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < plan->n_heap && earlier(plan, child + 1, child))
			child++;
		if (child >= plan->n_heap || !earlier(plan, child, at))
			return target;
		exchange(plan, child, at);
		at = child;
	}
}

void health_plan_free(struct health_plan *plan)
{
	if (!plan)
		return;
	free(plan->services);
	free(plan->targets);
	free(plan->up);
	free(plan->heap);
	free(plan);
}

const uint8_t *health_plan_up(const struct health_plan *plan)
{
	return plan->up;
}

/* Whether the snapshot that runs has this backend of a service down. */
static bool runs_down(const struct snapshot *running, const struct config_service *service,
		      const struct config_backend *backend)
{
	const struct snapshot_service *s;

	if (!running)
		return false;
	s = snapshot_service(running, service->addr, service->protocol, htons(service->port));
	for (uint32_t i = 0; s && i < s->backends; i++) {
		const struct snapshot_backend *b = &running->backends[s->first_backend + i];

		if (b->addr == backend->addr && b->port == htons(backend->port))
			return !b->up;
	}
	return false;
}

/* The target in @now that checks the same, with its state. */
static uint32_t find_old(const struct health_plan *now, const struct config_service *service,
			 const struct config_backend *backend)
{
	const struct target_service *old = targets_service(now, service->name);

	if (!old || old->check.kind != service->check.kind ||
	    strcmp(old->check.path, service->check.path) != 0)
		return TARGET_NONE;
	for (uint32_t i = old->first; i < old->first + old->n; i++)
		if (now->targets[i].addr == backend->addr && now->targets[i].port == backend->port)
			return i;
	return TARGET_NONE;
}

static void plan_source(struct target *target, const struct derived *derived,
			const uint8_t *portgroups)
{
	const struct snapshot_route *route = derived_route(derived, target->addr);

	if (!route) /* the check of the configuration does not let this come */
		return;
	target->source = route->source;
	target->portgroup = portgroups[route->port];
}

/* Sizes of a plan for @config, whose arrays are allocated. */
static int allocate(struct health_plan *plan, const struct config *config)
{
	size_t services = 0, targets = 0, backends = 0;

	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *service = &config->services[i];

		backends += service->n_backends;
		if (service->check.kind == CHECK_NONE)
			continue;
		services++;
		targets += service->n_backends;
	}
	plan->services = calloc(services + 1, sizeof(*plan->services));
	plan->targets = calloc(targets + 1, sizeof(*plan->targets));
	plan->heap = calloc(targets + 1, sizeof(*plan->heap));
	plan->up = malloc(backends + 1);
	if (!plan->services || !plan->targets || !plan->heap || !plan->up)
		return -ENOMEM;
	memset(plan->up, 1, backends + 1);
	plan->n_up = backends;
	return 0;
}

static void plan_service(struct health_plan *plan, const struct health_plan *now,
			 const struct config_service *service, const struct snapshot *running)
{
	struct target_service *s = &plan->services[plan->n_services];

	memcpy(s->name, service->name, sizeof(s->name));
	s->check = service->check;
	s->first = (uint32_t)plan->n_targets;
	s->n = (uint32_t)service->n_backends;
	for (size_t i = 0; i < service->n_backends; i++) {
		struct target *target = &plan->targets[plan->n_targets++];

		target->addr = service->backends[i].addr;
		target->port = service->backends[i].port;
		target->slot = SLOT_NONE;
		target->service = (uint32_t)plan->n_services;
		target->old = find_old(now, service, &service->backends[i]);
		if (target->old != TARGET_NONE) {
			target->verdict = now->targets[target->old].verdict;
		} else if (runs_down(running, service, &service->backends[i])) {
			target->verdict.state = HEALTH_DOWN;
			strcpy(target->error, "it was down before pgwd was started again");
		}
	}
	plan->n_services++;
}

int targets_plan(const struct health_plan *now, const struct config *config,
		 const uint8_t *portgroups, const struct snapshot *running,
		 struct health_plan **result)
{
	struct health_plan *plan = calloc(1, sizeof(*plan));
	struct derived derived;
	uint32_t backend = 0;

	if (!plan || derive(&derived, config)) {
		free(plan);
		return -ENOMEM;
	}
	if (allocate(plan, config)) {
		derived_free(&derived);
		health_plan_free(plan);
		return -ENOMEM;
	}
	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *service = &config->services[i];
		size_t first = plan->n_targets;

		if (service->check.kind != CHECK_NONE)
			plan_service(plan, now, service, running);
		for (size_t t = first; t < plan->n_targets; t++) {
			struct target *target = &plan->targets[t];

			target->backend = backend + (uint32_t)(t - first);
			plan_source(target, &derived, portgroups);
			plan->up[target->backend] = target->verdict.state != HEALTH_DOWN;
		}
		backend += (uint32_t)service->n_backends;
	}
	derived_free(&derived);
	*result = plan;
	return 0;
}
