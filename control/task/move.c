/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/task/move.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/kind.h"
#include "control/fault.h"
#include "control/task/change.h"
#include "control/task/checkport.h"
#include "control/task/former.h"
#include "control/task/probe.h"

#define LANE		1
#define POLL_MS		10
#define ADDRESS_WAIT_MS 15000 /* for the kernel to have it: others may have to be asked first */
#define SWEEP_WAIT_MS	10000

/* What a step under way holds. */
struct move_work {
	int64_t begun_ms;
	bool applied;
	struct probe *probe;
	struct checkport *checkport;
};

static json_t *place_json(bool there, const struct gateway_place *place)
{
	char text[ADDR_TEXT_BYTES];

	if (!there)
		return json_null();
	return json_pack("{s:s, s:i, s:s}", "ip", addr_text(place->addr, text), "length",
			 (int)place->prefix_len, "portgroup", place->portgroup);
}

json_t *move_arguments(const struct move *move)
{
	return json_pack("{s:I, s:I, s:o, s:o, s:b}", "datacenter", (json_int_t)move->datacenter,
			 "new-datacenter", (json_int_t)move->new_datacenter, "to",
			 place_json(move->enabled, &move->to), "before",
			 place_json(move->was_enabled, &move->before), "force", (int)move->force);
}

static bool read_place(const json_t *object, bool *there, struct gateway_place *place)
{
	const char *ip = json_string_value(json_object_get(object, "ip"));
	const char *portgroup = json_string_value(json_object_get(object, "portgroup"));
	json_int_t length = json_integer_value(json_object_get(object, "length"));

	*there = !json_is_null(object);
	if (!*there)
		return true;
	if (!ip || !portgroup || !addr_parse(ip, &place->addr) || length < 1 || length > 32)
		return false;
	place->prefix_len = (uint8_t)length;
	snprintf(place->portgroup, sizeof(place->portgroup), "%s", portgroup);
	return true;
}

bool move_read(const struct task *task, struct move *move)
{
	const json_t *arguments = task->arguments;

	*move = (struct move){
		.datacenter =
			(uint32_t)json_integer_value(json_object_get(arguments, "datacenter")),
		.new_datacenter =
			(uint32_t)json_integer_value(json_object_get(arguments, "new-datacenter")),
		.force = json_is_true(json_object_get(arguments, "force")),
	};
	return read_place(json_object_get(arguments, "to"), &move->enabled, &move->to) &&
	       read_place(json_object_get(arguments, "before"), &move->was_enabled, &move->before);
}

bool move_nobody(const struct config *config)
{
	return config->access_policy == ACCESS_FILTERED && config->n_allows == 0;
}

/* The datacenter that has the gateway now: a move to another may be done or not. */
static uint32_t owner(const struct config *config, const struct move *move)
{
	const struct config_datacenter *there = kind_datacenter(config, move->new_datacenter);

	return there && there->gateway ? move->new_datacenter : move->datacenter;
}

/* Services where @move says. What is there already stays. */
static int move_services(struct config *wanted, const struct move *move, struct ctl_error *error)
{
	uint32_t at = owner(wanted, move);
	const struct config_datacenter *datacenter = kind_datacenter(wanted, at);
	struct config_error why = {.text = ""};
	struct gateway_place now;
	bool enabled = datacenter && gateway_place_of(wanted, datacenter, &now);
	int code = 0;

	if (move->enabled && enabled && now.addr == move->to.addr &&
	    !gateway_place_equal(&now, &move->to))
		gateway_del_address(wanted, at, now.addr); /* the same one, elsewhere */
	if (move->enabled)
		code = gateway_add_address(wanted, at, &move->to, &why);
	if (!code)
		code = gateway_move(wanted, at, move->enabled ? &move->to : NULL, &why);
	if (!code && at != move->new_datacenter)
		code = gateway_hand_over(wanted, at, move->new_datacenter, &why);
	return code ? change_config_error(code, &why, error) : 0;
}

/* From one private address to another: both are served in between. */
static bool overlaps(const struct move *move)
{
	return move->was_enabled && move->enabled && move->before.addr != move->to.addr;
}

/* The address that the gateway had is not needed any more, unless something else stands on it. */
static int drop_former(struct config *wanted, const struct move *move, bool *kept,
		       struct ctl_error *error)
{
	struct config_error why;
	struct config without;

	*kept = false;
	if (!move->was_enabled || (move->enabled && !overlaps(move)))
		return 0;
	former_del(wanted, move->before.addr);
	if (config_copy(&without, wanted))
		return fault(error, -ENOMEM, "out of memory");
	gateway_del_address(&without, move->new_datacenter, move->before.addr);
	if (config_check(&without, &why)) {
		*kept = true;
		config_free(&without);
		return fault(error, 0, "%s", why.text);
	}
	config_free(wanted);
	*wanted = without;
	return 0;
}

int move_plan(struct config *wanted, const struct move *move, struct ctl_error *error)
{
	struct config_error why = {.text = ""};
	bool kept;
	int code = move_services(wanted, move, error);

	if (!code)
		code = drop_former(wanted, move, &kept, error);
	if (!code && (code = config_check(wanted, &why)))
		change_config_error(code, &why, error);
	return code;
}

static struct move_work *work_of(struct task_run *run, int64_t now_ms)
{
	struct move_work *work = run->work;

	if (!work) {
		work = run->work = calloc(1, sizeof(*work));
		if (work)
			work->begun_ms = now_ms;
	}
	return work;
}

static void release(struct task_run *run)
{
	struct move_work *work = run->work;

	probe_close(work->probe);
	checkport_close(work->checkport);
	free(work);
}

/* What every step begins with. */
static int start(struct task_run *run, int64_t now_ms, struct move *move, struct move_work **work,
		 struct ctl_error *error)
{
	*work = work_of(run, now_ms);
	if (!*work)
		return fault(error, -ENOMEM, "out of memory");
	if (!move_read(&run->task, move))
		return fault(error, -EIO, "what was asked for cannot be read any more");
	return 0;
}

static int wait_for(struct task_run *run, int64_t now_ms)
{
	run->due_ms = now_ms + POLL_MS;
	return -EAGAIN;
}

static const struct config_portgroup *find_portgroup(const struct gateway *gateway,
						     const char *name, struct ctl_error *error)
{
	const struct config_portgroup *portgroup = kind_portgroup(&gateway->config, name);

	if (!portgroup)
		fault(error, -ENOENT, "portgroup \"%s\" does not exist", name);
	else if (portgroup->realm != REALM_PRIVATE)
		fault(error, -EINVAL, "portgroup \"%s\" is in realm %s, expected one in private",
		      name, realm_name(portgroup->realm));
	else
		return portgroup;
	return NULL;
}

static int find_link(struct gateway *gateway, const char *name, struct kernel_link *link,
		     struct ctl_error *error)
{
	const struct config_portgroup *portgroup = find_portgroup(gateway, name, error);
	struct kernel_error why;
	int code;

	if (!portgroup)
		return -EINVAL;
	code = kernel_portgroup(gateway->kernel, portgroup, link, &why);
	if (code)
		return fault(error, code, "portgroup \"%s\": %s", name, why.text);
	if (!link->ifindex || !link->up)
		return fault(error, -ENETDOWN, "portgroup \"%s\": its interface %s is %s", name,
			     portgroup->dev, link->ifindex ? "down" : "absent");
	return 0;
}

static int step_portgroup(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	struct kernel_link link;
	struct move_work *work;
	struct move move;
	int code = start(run, now_ms, &move, &work, error);

	if (!code)
		code = find_link(run->context, move.to.portgroup, &link, error);
	if (!code)
		runner_step_text(run, "%s is %s, up", move.to.portgroup, link.name);
	return code;
}

/* Addresses that are to come: the gateway's, and those of services with one of their own. */
static size_t coming(const struct gateway *gateway, const struct move *move, be32 *addresses,
		     size_t max)
{
	const struct config *config = &gateway->config;
	size_t n = 0;

	if (!kind_address(config, move->to.addr))
		addresses[n++] = move->to.addr;
	for (size_t i = 0; i < config->n_services && n < max; i++) {
		const struct config_service *service = &config->services[i];
		bool known = service->private_address == service->addr;

		if (service->datacenter != move->datacenter || !service->private_address)
			continue;
		for (size_t j = 0; j < n; j++)
			known |= addresses[j] == service->private_address;
		if (!known && !kind_address(config, service->private_address))
			addresses[n++] = service->private_address;
	}
	return n;
}

static int begin_probe(struct task_run *run, const struct move *move, struct move_work *work,
		       int64_t now_ms, struct ctl_error *error)
{
	be32 addresses[PROBE_ADDRESSES_MAX];
	size_t n = coming(run->context, move, addresses, PROBE_ADDRESSES_MAX);
	struct kernel_link link;
	int code;

	if (!n) {
		runner_step_text(run, "the gateway has the address already");
		return 0;
	}
	code = find_link(run->context, move->to.portgroup, &link, error);
	if (!code)
		code = probe_open(&work->probe, &link, addresses, n, now_ms, error);
	return code ? code : wait_for(run, now_ms);
}

static int step_probe(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	struct move_work *work;
	struct move move;
	int code = start(run, now_ms, &move, &work, error);

	if (code)
		return code;
	if (((const struct gateway *)run->context)->config.duplicate_detection == DUPLICATE_OFF) {
		runner_step_text(run, "duplicate-detection is off");
		return 0;
	}
	if (!work->probe)
		return begin_probe(run, &move, work, now_ms, error);
	code = probe_work(work->probe, now_ms, error);
	runner_step_progress(run, probe_progress(work->probe, now_ms));
	if (code == -EAGAIN)
		return wait_for(run, now_ms);
	if (!code)
		runner_step_text(run, "nobody else has it");
	return code;
}

static bool kernel_has(be32 addr)
{
	struct ifaddrs *list;
	bool found = false;

	if (getifaddrs(&list))
		return false;
	for (const struct ifaddrs *at = list; at && !found; at = at->ifa_next) {
		struct sockaddr_in in;

		if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&in, at->ifa_addr, sizeof(in));
		found = in.sin_addr.s_addr == addr;
	}
	freeifaddrs(list);
	return found;
}

/* A change of the configuration, once; @edit makes it. */
static int apply_once(struct task_run *run, struct move_work *work, const struct move *move,
		      int (*edit)(struct gateway *gateway, struct config *wanted,
				  const struct move *move, struct ctl_error *error),
		      struct ctl_error *error)
{
	struct gateway *gateway = run->context;
	struct config wanted;
	int code;

	if (work->applied)
		return 0;
	code = change_begin(gateway, &wanted, error);
	if (code)
		return code;
	code = edit(gateway, &wanted, move, error);
	code = change_end(gateway, &wanted, code, &run->task, error);
	work->applied = !code;
	return code;
}

/* The datapath may be just being started again: then it is tried again. */
static int after_apply(struct task_run *run, const struct move_work *work, int code, int64_t now_ms)
{
	if (code == -EAGAIN && now_ms < work->begun_ms + SWEEP_WAIT_MS)
		return wait_for(run, now_ms);
	return code == -EAGAIN ? -EBUSY : code;
}

static int edit_address(struct gateway *gateway, struct config *wanted, const struct move *move,
			struct ctl_error *error)
{
	struct config_error why = {.text = ""};
	int code;

	(void)gateway;
	/* One that an earlier run left may have lost its interface; the move makes another. */
	code = checkport_del(wanted, error);
	/* The same address on another portgroup or with another length comes with the move. */
	if (code || (move->was_enabled && move->before.addr == move->to.addr))
		return code;
	code = gateway_add_address(wanted, owner(wanted, move), &move->to, &why);
	return code ? change_config_error(code, &why, error) : 0;
}

static int step_address(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	char text[ADDR_TEXT_BYTES];
	struct move_work *work;
	struct move move;
	int code = start(run, now_ms, &move, &work, error);

	if (!code)
		code = after_apply(run, work, apply_once(run, work, &move, edit_address, error),
				   now_ms);
	if (code)
		return code;
	addr_text(move.to.addr, text);
	if (!kernel_has(move.to.addr)) {
		if (now_ms < work->begun_ms + ADDRESS_WAIT_MS)
			return wait_for(run, now_ms);
		return fault(error, -EADDRNOTAVAIL,
			     "%s does not appear on portgroup \"%s\": see \"pgw address\"", text,
			     move.to.portgroup);
	}
	runner_step_text(run, "%s/%u on %s", text, move.to.prefix_len, move.to.portgroup);
	return 0;
}

static int edit_move(struct gateway *gateway, struct config *wanted, const struct move *move,
		     struct ctl_error *error)
{
	int code = 0;

	/* Services that have moved already leave nothing to be found there. */
	if (overlaps(move))
		code = former_add(wanted, owner(wanted, move), move->before.addr, error);
	if (!code)
		code = move_services(wanted, move, error);
	/* The check's portgroup comes with it: one change less. */
	return code ? code : checkport_add(gateway, wanted, move->enabled, error);
}

static unsigned services_of(const struct config *config, uint32_t datacenter)
{
	unsigned n = 0;

	for (size_t i = 0; i < config->n_services; i++)
		n += config->services[i].datacenter == datacenter;
	return n;
}

static int step_move(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	const struct gateway *gateway = run->context;
	struct move_work *work;
	struct move move;
	unsigned services;
	int code = start(run, now_ms, &move, &work, error);

	if (!code)
		code = after_apply(run, work, apply_once(run, work, &move, edit_move, error),
				   now_ms);
	if (code)
		return code;
	/* Sessions of the other side are over once the datapath has looked at all of them. */
	if (!change_swept(gateway) && now_ms < work->begun_ms + SWEEP_WAIT_MS)
		return wait_for(run, now_ms);
	services = services_of(&gateway->config, move.new_datacenter);
	runner_step_text(run, "%u service%s in realm %s", services, services == 1 ? "" : "s",
			 move.enabled ? "private, none on the Internet" : "internet");
	return 0;
}

static int step_check(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	struct gateway *gateway = run->context;
	char text[TASK_TEXT_BYTES];
	struct move_work *work;
	struct move move;
	int code = start(run, now_ms, &move, &work, error);

	if (!code && !work->checkport)
		code = checkport_open(&work->checkport, gateway, move.new_datacenter,
				      move.enabled ? &move.to : NULL, now_ms, error);
	if (!code)
		code = checkport_work(work->checkport, now_ms, text, sizeof(text), error);
	if (code == -EAGAIN)
		return wait_for(run, now_ms);
	if (!code)
		runner_step_text(run, "%s", text);
	return code;
}

static int edit_finish(struct gateway *gateway, struct config *wanted, const struct move *move,
		       struct ctl_error *error)
{
	bool kept;
	int code;

	(void)gateway;
	code = checkport_del(wanted, error);
	return code ? code : drop_former(wanted, move, &kept, error);
}

static int step_finish(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	char text[ADDR_TEXT_BYTES];
	struct move_work *work;
	struct move move;
	int code = start(run, now_ms, &move, &work, error);

	if (!code)
		code = after_apply(run, work, apply_once(run, work, &move, edit_finish, error),
				   now_ms);
	if (code)
		return code;
	move_clean(run->context);
	if (!move.was_enabled || (move.enabled && !overlaps(&move)))
		return 0;
	addr_text(move.before.addr, text);
	if (kernel_has(move.before.addr))
		runner_step_text(run, "%s is still in use and stays", text);
	else
		runner_step_text(run, "%s is taken away", text);
	return 0;
}

static int step_allowed(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	const struct gateway *gateway = run->context;
	struct move_work *work;
	struct move move;
	int code = start(run, now_ms, &move, &work, error);

	if (code)
		return code;
	if (move_nobody(&gateway->config) && !move.force)
		return fault(error, -EPERM,
			     "no network is allowed, so nobody could reach the services: allow "
			     "one, set access-policy open, or force it");
	if (gateway->config.access_policy == ACCESS_OPEN)
		runner_step_text(run, "open to everyone");
	else
		runner_step_text(run, "%zu network%s allowed", gateway->config.n_allows,
				 gateway->config.n_allows == 1 ? "" : "s");
	return 0;
}

/* Back to where it was. */
static int edit_back(struct gateway *gateway, struct config *wanted, const struct move *move,
		     struct ctl_error *error)
{
	const struct move back = {
		.datacenter = move->new_datacenter,
		.new_datacenter = move->datacenter,
		.enabled = move->was_enabled,
		.to = move->before,
	};
	uint32_t at = owner(wanted, &back);
	const struct config_datacenter *datacenter = kind_datacenter(wanted, at);
	int code;

	(void)gateway;
	code = checkport_del(wanted, error);
	if (overlaps(move))
		former_del(wanted, move->before.addr);
	/* Nothing of it may be there any more, and then nothing is to be done. */
	if (!code && datacenter && (datacenter->gateway || move->was_enabled))
		code = move_services(wanted, &back, error);
	if (!code && move->enabled && !(move->was_enabled && move->to.addr == move->before.addr))
		gateway_del_address(wanted, move->datacenter, move->to.addr);
	return code;
}

static int undo(struct task_run *run, int64_t now_ms, struct ctl_error *error)
{
	struct move_work *work;
	struct move move;
	int code = start(run, now_ms, &move, &work, error);

	if (!code)
		code = apply_once(run, work, &move, edit_back, error);
	if (!code)
		move_clean(run->context);
	return code;
}

void move_clean(struct gateway *gateway)
{
	checkport_remove(gateway);
}

static const struct task_step_kind enable_steps[] = {
	{"portgroup", step_portgroup}, {"duplicate-detection", step_probe},
	{"address", step_address},     {"move", step_move},
	{"check", step_check},	       {"finish", step_finish},
};
static const struct task_step_kind disable_steps[] = {
	{"allowed-networks", step_allowed},
	{"move", step_move},
	{"check", step_check},
	{"finish", step_finish},
};

#define STEPS(array) .steps = (array), .n_steps = sizeof(array) / sizeof((array)[0])
#define KIND	     .type = "gateway", .lane = LANE, .undo = undo, .release = release, .renew = move_renew

const struct task_kind move_enable = {"enablePrivateGateway", KIND, STEPS(enable_steps)};
const struct task_kind move_disable = {"disablePrivateGateway", KIND, STEPS(disable_steps)};
const struct task_kind move_reconfigure = {"reconfigurePrivateGateway", KIND, STEPS(enable_steps)};
