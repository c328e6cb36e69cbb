/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/health/health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/health/targets.h"

#define STARTS_MAX 32u /* checks begun in one go; then others have their turn */

struct slot {
	uint32_t target; /* TARGET_NONE: free */
	int64_t began_ms, deadline_ms;
};

struct health {
	struct health_options options;
	struct health_plan *now; /* NULL: nothing was committed yet */
	int64_t trouble_ms;	 /* when it was last told */
	bool troubled;
	unsigned under_way;
	struct slot slots[HEALTH_PROBES_MAX];
};

int health_open(struct health **health, const struct health_options *options)
{
	struct health *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->options = *options;
	if (h->options.probes < 1)
		h->options.probes = 1;
	if (h->options.probes > HEALTH_PROBES_MAX)
		h->options.probes = HEALTH_PROBES_MAX;
	for (unsigned i = 0; i < HEALTH_PROBES_MAX; i++)
		h->slots[i].target = TARGET_NONE;
	*health = h;
	return 0;
}

static void free_slot(struct health *h, unsigned slot)
{
	h->slots[slot].target = TARGET_NONE;
	h->under_way--;
}

static void drop_check(struct health *h, unsigned slot)
{
	char reason[PROBE_REASON_BYTES];

	h->options.prober->stop(h->options.prober_context, slot, reason);
}

void health_close(struct health *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < HEALTH_PROBES_MAX; i++)
		if (h->slots[i].target != TARGET_NONE)
			drop_check(h, i);
	health_plan_free(h->now);
	free(h);
}

int health_prepare(const struct health *h, const struct config *config, const uint8_t *portgroups,
		   const struct snapshot *running, struct health_plan **plan)
{
	return targets_plan(h->now, config, portgroups, h->now ? NULL : running, plan);
}

/* Takes over what is only known in what runs. */
static void carry_over(struct health *h, struct target *target, uint32_t index, int64_t now_ms)
{
	const struct config_check *check = &h->now->services[target->service].check;
	int64_t latest_ms = now_ms + check->interval_ms;

	if (target->due_ms > latest_ms) /* the interval is shorter now */
		target->due_ms = latest_ms;
	if (target->slot != SLOT_NONE)
		h->slots[target->slot].target = index;
	else
		targets_push(h->now, index);
}

static void begin_target(struct health *h, struct target *target, uint32_t index, int64_t now_ms)
{
	const struct config_check *check = &h->now->services[target->service].check;

	target->since_ms = h->options.wall_ms(h->options.context);
	target->due_ms = now_ms + h->options.random(h->options.context) % check->interval_ms;
	targets_push(h->now, index);
}

void health_commit(struct health *h, struct health_plan *plan, int64_t now_ms)
{
	struct health_plan *old = h->now;

	h->now = plan;
	/* Slots that no target of the new plan claims are those of targets that are gone. */
	for (unsigned i = 0; i < HEALTH_PROBES_MAX; i++) {
		if (h->slots[i].target != TARGET_NONE) {
			old->targets[h->slots[i].target].slot = (uint16_t)i;
			h->slots[i].target = TARGET_NONE;
		}
	}
	h->under_way = 0;
	for (uint32_t i = 0; i < plan->n_targets; i++) {
		struct target *target = &plan->targets[i];
		struct target *former =
			target->old != TARGET_NONE ? &old->targets[target->old] : NULL;

		if (!former) {
			begin_target(h, target, i, now_ms);
			continue;
		}
		target->since_ms = former->since_ms;
		target->due_ms = former->due_ms;
		target->passed = former->passed;
		target->failed = former->failed;
		target->slot = former->slot;
		memcpy(target->error, former->error, sizeof(target->error));
		former->slot = SLOT_NONE;
		h->under_way += target->slot != SLOT_NONE;
		carry_over(h, target, i, now_ms);
	}
	for (size_t i = 0; old && i < old->n_targets; i++)
		if (old->targets[i].slot != SLOT_NONE)
			drop_check(h, old->targets[i].slot);
	health_plan_free(old);
}

const uint8_t *health_up(const struct health *h, size_t *n)
{
	*n = h->now ? h->now->n_up : 0;
	return h->now ? h->now->up : NULL;
}

struct health_status health_status(const struct health *h, const char *service, size_t backend)
{
	const struct target_service *s = targets_service(h->now, service);
	const struct target *target;

	if (!s || backend >= s->n)
		return (struct health_status){.error = ""};
	target = &h->now->targets[s->first + backend];
	return (struct health_status){.state = target->verdict.state,
				      .since_ms = target->since_ms,
				      .error = target->error,
				      .passed = target->passed,
				      .failed = target->failed};
}

static void tell_trouble(struct health *h, int64_t now_ms, const char *text)
{
	if (h->troubled && now_ms - h->trouble_ms < HEALTH_TROUBLE_MS)
		return;
	h->troubled = true;
	h->trouble_ms = now_ms;
	h->options.trouble(h->options.context, text);
}

/* What a check has shown about a target that has no slot any more. */
static void judge(struct health *h, uint32_t index, enum probe_result result, const char *reason,
		  int64_t now_ms)
{
	struct target *target = &h->now->targets[index];
	const struct target_service *service = &h->now->services[target->service];
	uint8_t before = target->verdict.state;
	bool passed = result == PROBE_PASSED;

	target->passed += passed;
	target->failed += result == PROBE_FAILED;
	if (passed)
		target->error[0] = '\0';
	else
		snprintf(target->error, sizeof(target->error), "%s", reason);
	if (result == PROBE_UNKNOWN) {
		char text[160];

		snprintf(text, sizeof(text), "service %s: a check could not be made: %s",
			 service->name, reason);
		tell_trouble(h, now_ms, text);
		return;
	}
	if (!verdict_take(&target->verdict, passed, service->check.rise, service->check.fall))
		return;
	target->since_ms = h->options.wall_ms(h->options.context);
	h->now->up[target->backend] = passed;
	/* That a backend which counted as up anyway has proved to be is no news. */
	if (before != HEALTH_UNCHECKED || !passed)
		h->options.changed(h->options.context,
				   &(struct health_change){.service = service->name,
							   .addr = target->addr,
							   .port = target->port,
							   .state = target->verdict.state,
							   .reason = target->error});
}

/* When the next check of a target begins, whose last one began at @began_ms. */
static void schedule(struct health *h, uint32_t index, int64_t began_ms, int64_t now_ms)
{
	struct target *target = &h->now->targets[index];
	const struct config_check *check = &h->now->services[target->service].check;

	target->due_ms = began_ms + check->interval_ms;
	if (target->due_ms < now_ms)
		target->due_ms = now_ms;
	targets_push(h->now, index);
}

void health_finish(struct health *h, unsigned slot, enum probe_result result, const char *reason,
		   int64_t now_ms)
{
	uint32_t index = h->slots[slot].target;

	if (index == TARGET_NONE)
		return;
	free_slot(h, slot);
	h->now->targets[index].slot = SLOT_NONE;
	schedule(h, index, h->slots[slot].began_ms, now_ms);
	judge(h, index, result, reason, now_ms);
}

static void time_out(struct health *h, int64_t now_ms)
{
	for (unsigned i = 0; h->under_way && i < h->options.probes; i++) {
		char reason[PROBE_REASON_BYTES];
		const struct slot *slot = &h->slots[i];
		enum probe_result result;

		if (slot->target == TARGET_NONE || slot->deadline_ms > now_ms)
			continue;
		result = h->options.prober->stop(h->options.prober_context, i, reason);
		if (result == PROBE_GOES_ON) {
			result = PROBE_FAILED;
			snprintf(reason, sizeof(reason), "no answer within %g s",
				 (double)(slot->deadline_ms - slot->began_ms) / 1000);
		}
		health_finish(h, i, result, reason, now_ms);
	}
}

static void begin_check(struct health *h, uint32_t index, int64_t now_ms)
{
	struct target *target = &h->now->targets[index];
	const struct config_check *check = &h->now->services[target->service].check;
	const struct probe_spec spec = {
		.kind = check->kind,
		.addr = target->addr,
		.port = target->port,
		.source = target->source,
		.ifindex = h->options.ifindex(h->options.context, target->portgroup),
		.path = check->path,
	};
	char reason[PROBE_REASON_BYTES] = "";
	enum probe_result result;
	unsigned slot = 0;

	while (h->slots[slot].target != TARGET_NONE)
		slot++;
	result = h->options.prober->start(h->options.prober_context, slot, &spec, reason);
	if (result != PROBE_GOES_ON) {
		schedule(h, index, now_ms, now_ms);
		judge(h, index, result, reason, now_ms);
		return;
	}
	h->slots[slot] = (struct slot){
		.target = index, .began_ms = now_ms, .deadline_ms = now_ms + check->timeout_ms};
	h->under_way++;
	target->slot = (uint16_t)slot;
}

static void tell_lag(struct health *h, const struct target *target, int64_t now_ms)
{
	const struct config_check *check = &h->now->services[target->service].check;
	int64_t late_ms = now_ms - target->due_ms;
	char text[160];

	if (late_ms <= check->interval_ms || late_ms < 1000)
		return;
	snprintf(text, sizeof(text),
		 "checks of backends are %lld s late: at most %u are made at once, expected longer "
		 "intervals or shorter timeouts",
		 (long long)(late_ms / 1000), h->options.probes);
	tell_trouble(h, now_ms, text);
}

void health_work(struct health *h, int64_t now_ms)
{
	if (!h->now)
		return;
	time_out(h, now_ms);
	for (unsigned i = 0; i < STARTS_MAX && h->now->n_heap; i++) {
		const struct target *next = &h->now->targets[h->now->heap[0]];

		if (next->due_ms > now_ms || h->under_way >= h->options.probes)
			return;
		tell_lag(h, next, now_ms);
		begin_check(h, targets_pop(h->now), now_ms);
	}
}

int64_t health_due_ms(const struct health *h)
{
	int64_t due_ms = INT64_MAX;

	if (!h->now)
		return due_ms;
	for (unsigned i = 0; h->under_way && i < h->options.probes; i++)
		if (h->slots[i].target != TARGET_NONE && h->slots[i].deadline_ms < due_ms)
			due_ms = h->slots[i].deadline_ms;
	if (h->now->n_heap && h->under_way < h->options.probes) {
		const struct target *next = &h->now->targets[h->now->heap[0]];

		if (next->due_ms < due_ms)
			due_ms = next->due_ms;
	}
	return due_ms;
}
