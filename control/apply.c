/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/apply_step.h"
#include "control/checking.h"
#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/offloading.h"
#include "control/receiving.h"
#include "control/tell.h"
#include "control/working.h"

/* What the datapath is to see of @config, with the sockets of @inside. */
static int expand(struct config *expanded, const struct config *config, const struct inside *inside,
		  struct ctl_error *error)
{
	struct inside_place *list = inside_list(inside);
	int code = list ? inside_expand(expanded, config, list, inside->n) : -ENOMEM;

	free(list);
	return code ? fault(error, code, "out of memory") : 0;
}

/* What stands before all steps, because they are made of it. */
static int begin(struct apply *apply, struct ctl_error *error)
{
	struct gateway *gateway = apply->gateway;
	int code;

	apply->forwarded = &gateway->forwarded;
	if (apply->follows)
		return 0;
	code = inside_take(gateway, apply->config, &apply->inside, error);
	if (code)
		return code;
	code = timeserver_prepare(apply->config, &apply->inside, &apply->timeserver, error);
	if (!code)
		code = expand(&apply->expanded, apply->config, &apply->inside, error);
	if (code) {
		inside_undo(gateway, &apply->inside);
		free(apply->timeserver);
	}
	apply->forwarded = &apply->expanded;
	return code;
}

static void give_up(struct apply *apply)
{
	health_plan_free(apply->health);
	if (apply->follows)
		return;
	config_free(&apply->expanded);
	free(apply->timeserver);
	inside_undo(apply->gateway, &apply->inside);
}

static int run(struct apply *apply, struct gateway *gateway, const struct config *config,
	       size_t first_step, struct ctl_error *error)
{
	struct places places; /* of the configuration as it is written */
	int code;

	apply->gateway = gateway;
	apply->config = config;
	apply->follows = first_step > 0;
	apply->names = gateway->names;
	apply->snapshot = REGION_NONE;
	code = apply->follows ? 0 : tunnels_spare(gateway, config, error);
	if (!code)
		code = begin(apply, error);
	if (code)
		return code;
	gateway->revision_under_way = apply->revision;
	code = names_place(&apply->names, config, &places, error);
	if (!code)
		code = names_place(&apply->names, apply->forwarded, &apply->places, error);
	if (!code)
		code = checking_plan(gateway, config, &places, &apply->health, error);
	if (!code)
		code = transaction_run(apply_steps + first_step, APPLY_STEPS - first_step, apply,
				       error);
	if (!code) {
		apply_commit(apply);
		apply_settle_kernel(gateway, config);
	} else {
		give_up(apply);
	}
	if (!gateway->datapath.peer.broken && (!code || gateway->configured))
		receiving_follow(gateway);
	gateway->revision_under_way = 0;
	if (gateway->datapath.peer.broken) {
		struct ctl_error keep = *error;

		gateway_datapath_lost(gateway, code ? keep.text : "its channel broke");
		*error = keep;
	}
	return code;
}

static int check(const struct config *config, struct ctl_error *error)
{
	struct config_error why;
	int code = config_check(config, &why);

	if (!code)
		return 0;
	fault(error, code, "%s", why.text);
	error->line = why.line;
	error->column = why.column;
	return code;
}

int apply_start(struct gateway *gateway, const struct config *config,
		const struct history_order *order, struct ctl_error *error)
{
	struct apply apply = {
		.revision = order->number ? order->number : history_next(gateway),
		.order = order,
	};
	struct config copy;
	int code = check(config, error);

	if (code)
		return code;
	if (config_copy(&copy, config))
		return fault(error, -ENOMEM, "out of memory");
	working_start(gateway, config);
	offloading_convert(gateway, config);
	code = run(&apply, gateway, config, 0, error);
	if (code) {
		config_free(&copy);
		return code;
	}
	gateway->config = copy;
	gateway->configured = true;
	return 0;
}

static void go_back_to(struct gateway *gateway, unsigned workers)
{
	struct ctl_error error;

	if (working_change(gateway, workers, &error))
		ctl_log(TOLD_DATAPATH, LOG_ERR, "cannot go back to %u workers: %s", workers,
			error.text);
}

int apply_change(struct gateway *gateway, const struct config *config,
		 const struct history_order *order, struct ctl_error *error)
{
	struct apply apply = {.revision = history_next(gateway), .order = order};
	unsigned workers = gateway->datapath.workers;
	struct config copy;
	uint64_t flows;
	int code;

	code = check(config, error);
	if (code)
		return code;
	if (!order->changes) {
		struct kernel_error why;

		code = kernel_change(gateway->kernel, &gateway->config, config, &why);
		return code ? fault(error, code, "%s", why.text) : 0;
	}
	if (!gateway->datapath.pid)
		return fault(error, -EAGAIN,
			     "pgw-datapath is not running: it is being started "
			     "again, try again in a moment");
	if (config->flow_capacity != gateway->config.flow_capacity)
		return fault(error, -EBUSY,
			     "flow-capacity cannot change from %u to %u while sessions live in the "
			     "table: put it into the file, stop pgwd and start it again",
			     gateway->config.flow_capacity, config->flow_capacity);
	if (offloading_convert(gateway, config)) {
		code = apply_bring_up(gateway, &flows, error);
		if (code) {
			gateway->due.restart_ms = gateway_now_ms();
			return code;
		}
	}
	if (config_copy(&copy, config))
		return fault(error, -ENOMEM, "out of memory");
	if (working_wanted(config) != workers)
		code = working_change(gateway, working_wanted(config), error);
	if (!code) {
		code = run(&apply, gateway, config, 0, error);
		if (code && gateway->datapath.workers != workers)
			go_back_to(gateway, workers);
	}
	if (code) {
		config_free(&copy);
		return code;
	}
	config_free(&gateway->config);
	gateway->config = copy;
	return 0;
}

static bool links_differ(struct gateway *gateway, struct ctl_error *error)
{
	struct places places;

	if (names_place(&gateway->names, &gateway->forwarded, &places, error))
		return false;
	for (size_t i = 0; i < gateway->forwarded.n_portgroups; i++) {
		const struct gateway_port *port = &gateway->ports[places.portgroup[i]];
		struct kernel_error why;
		struct kernel_link link;

		if (kernel_portgroup(gateway->kernel, &gateway->forwarded.portgroups[i], &link,
				     &why))
			continue;
		if (!working_fits(gateway, port, &link))
			return true;
	}
	return false;
}

int apply_links(struct gateway *gateway, struct ctl_error *error)
{
	struct apply apply = {.revision = gateway->revision};

	if (!gateway->datapath.pid)
		return 0;
	if (inside_broken(gateway)) { /* the sockets are bound to a link that is no more */
		ctl_log(TOLD_LINK, LOG_WARNING, "the links %s and %s were taken away: made again",
			INSIDE_DEV, INSIDE_DEV_HOST);
		return run(&apply, gateway, &gateway->config, 0, error);
	}
	if (!links_differ(gateway, error))
		return 0;
	return run(&apply, gateway, &gateway->config, APPLY_STEPS_LINKS, error);
}

/* Tells a new datapath of a port. A socket that an adopted one had for itself is opened anew. */
static int bring_up_port(struct gateway *gateway, unsigned index, struct ctl_error *error)
{
	struct gateway_port *port = &gateway->ports[index];
	struct packet_error why;
	int code;

	if (!port->link.ifindex)
		return 0;
	if (!working_has(port) && working_reopen(gateway, index, &why)) {
		/* It vanished: the next look at the links finds it absent. */
		ctl_log(TOLD_DATAPATH, LOG_WARNING, "portgroup %s: %s",
			gateway->names.portgroup[index], why.text);
		memset(&port->link, 0, sizeof(port->link));
		return 0;
	}
	code = tell_port(gateway, index, port, error);
	port->told = !code;
	return code;
}

int apply_bring_up(struct gateway *gateway, uint64_t *flows, struct ctl_error *error)
{
	int code = datapath_start(&gateway->datapath, error);

	*flows = 0;
	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		gateway->ports[i].told = false;
	if (!code) {
		peer_post(&gateway->datapath.peer); /* packets wait */
		code = tell_events(gateway, error);
	}
	for (unsigned i = 0; !code && i < CONFIG_PORTGROUPS_MAX; i++)
		code = bring_up_port(gateway, i, error);
	if (!code)
		code = tell_log(gateway, &gateway->log, error);
	if (!code)
		code = tell_snapshot(gateway, &gateway->snapshot, gateway->revision, error);
	if (!code)
		code = tell_table(gateway, flows, error);
	if (code)
		datapath_kill(&gateway->datapath);
	return code;
}

/* What the datapath would see of @config: places that have no socket yet have no sessions. */
static int foresee(struct config *expanded, const struct gateway *gateway,
		   const struct config *config, struct ctl_error *error)
{
	struct inside_place *list;
	size_t n;
	int code = inside_places(config, &list, &n);

	if (code)
		return fault(error, code, "out of memory");
	inside_known(&gateway->inside, list, n);
	code = inside_expand(expanded, config, list, n);
	free(list);
	return code ? fault(error, code, "out of memory") : 0;
}

void *apply_compile(struct gateway *gateway, const struct config *config, size_t *bytes,
		    struct ctl_error *error)
{
	struct apply apply = {
		.gateway = gateway, .config = config, .revision = history_next(gateway)};
	struct places places;
	void *block = NULL;

	apply.names = gateway->names;
	if (foresee(&apply.expanded, gateway, config, error))
		return NULL;
	apply.forwarded = &apply.expanded;
	if (names_place(&apply.names, config, &places, error) ||
	    names_place(&apply.names, &apply.expanded, &apply.places, error) ||
	    checking_plan(gateway, config, &places, &apply.health, error)) {
		config_free(&apply.expanded);
		return NULL;
	}
	for (size_t i = 0; i < apply.expanded.n_portgroups; i++) {
		unsigned index = apply.places.portgroup[i];
		struct kernel_error why;

		/* A link that is not there yet counts as absent: no flow can use it. */
		if (kernel_portgroup(gateway->kernel, &apply.expanded.portgroups[i],
				     &apply.fresh[index].link, &why))
			apply.fresh[index].link.ifindex = 0;
	}
	block = apply_block(&apply, bytes, error);
	health_plan_free(apply.health);
	config_free(&apply.expanded);
	return block;
}
