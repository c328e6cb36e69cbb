/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/guarding.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "control/arp/wire.h"
#include "control/config/kind.h"
#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/gateway.h"

#define MESSAGES_PER_EVENT 64 /* then the loop's other work comes first again */

static_assert((int)DUPLICATE_OFF == GUARD_OFF && (int)DUPLICATE_ANNOUNCE == GUARD_ANNOUNCE &&
		      (int)DUPLICATE_PROBE == GUARD_PROBE,
	      "the same values");

static void send_message(void *context, uint32_t ifindex, const struct arp_message *message)
{
	const struct gateway *gateway = context;

	/* A link that is just going takes nothing; its return begins all of it anew. */
	(void)wire_send(gateway->guarding.fd, ifindex, NULL, message);
}

static void say(struct gateway *gateway, const struct guard_change *change)
{
	const struct config_address *network = kind_network(&gateway->config, change->addr);
	const char *portgroup = network ? network->portgroup : "?";
	char addr[ADDR_TEXT_BYTES], mac[MAC_TEXT_BYTES];
	json_t *members;

	addr_text(change->addr, addr);
	mac_text(change->other, mac);
	members = json_pack("{s:s, s:s, s:s, s:s*}", "address", addr, "portgroup", portgroup,
			    "state", change->kind == GUARD_CHANGE_CONFLICT ? "conflict" : "unique",
			    "mac", change->kind == GUARD_CHANGE_FREE ? NULL : mac);
	switch (change->kind) {
	case GUARD_CHANGE_CONFLICT:
		gateway_tell(gateway, TOLD_ADDRESS, LOG_ERR, members,
			     "address %s of portgroup %s is in use by %s, too: %s; give one of the "
			     "two another address",
			     addr, portgroup, mac,
			     change->used ? "it is defended" : "it is not used until that ends");
		break;
	case GUARD_CHANGE_RESOLVED:
		gateway_tell(gateway, TOLD_ADDRESS, LOG_NOTICE, members,
			     "address %s of portgroup %s: %s does not answer for it any more", addr,
			     portgroup, mac);
		break;
	case GUARD_CHANGE_FREE:
		gateway_tell(gateway, TOLD_ADDRESS, LOG_INFO, members,
			     "address %s of portgroup %s: nobody has it, it is used now", addr,
			     portgroup);
		break;
	}
}

static void changed(void *context, const struct guard_change *change)
{
	struct gateway *gateway = context;

	say(gateway, change);
	if (change->kind == GUARD_CHANGE_FREE)
		gateway->due.reconcile_ms = gateway_now_ms();
}

static uint32_t random_number(void *context)
{
	uint32_t number = 0;

	(void)context;
	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number))
		number = 0; /* nothing secret: it only spreads probes */
	return number;
}

static bool withholds(void *context, const struct config *config, be32 addr, uint32_t ifindex)
{
	const struct gateway *gateway = context;

	return guard_withholds(gateway->guarding.guard,
			       (enum guard_mode)config->duplicate_detection, addr, ifindex);
}

int guarding_open(struct gateway *gateway, struct ctl_error *error)
{
	const struct guard_options options = {.send = send_message,
					      .changed = changed,
					      .random = random_number,
					      .context = gateway};

	gateway->guarding.fd = wire_open();
	if (gateway->guarding.fd < 0)
		return fault(error, gateway->guarding.fd, "cannot open a socket for ARP: %s",
			     strerror(-gateway->guarding.fd));
	if (guard_open(&gateway->guarding.guard, &options))
		return fault(error, -ENOMEM, "out of memory");
	kernel_policy(gateway->kernel, withholds, gateway);
	return 0;
}

void guarding_close(struct gateway *gateway)
{
	if (gateway->guarding.fd >= 0)
		close(gateway->guarding.fd);
	gateway->guarding.fd = -1;
	guard_close(gateway->guarding.guard);
	gateway->guarding.guard = NULL;
}

static void set_filter(struct gateway *gateway)
{
	struct guarding *guarding = &gateway->guarding;
	be32 *addresses = calloc(WIRE_FILTER_MAX + 1 + GUARDING_ASKED_MAX, sizeof(*addresses));
	size_t n;
	int code;

	if (!addresses)
		return; /* the former one goes on */
	n = guard_addresses(guarding->guard, addresses, WIRE_FILTER_MAX + 1);
	memcpy(addresses + n, guarding->asked, guarding->n_asked * sizeof(*addresses));
	code = wire_filter(guarding->fd, addresses, n + guarding->n_asked);
	if (code)
		ctl_log(TOLD_ADDRESS, LOG_WARNING, "cannot choose which ARP messages to hear: %s",
			strerror(-code));
	free(addresses);
}

void guarding_ask(struct gateway *gateway, const be32 *neighbours, unsigned n)
{
	if (n > GUARDING_ASKED_MAX)
		n = GUARDING_ASKED_MAX;
	if (n)
		memcpy(gateway->guarding.asked, neighbours, n * sizeof(*neighbours));
	gateway->guarding.n_asked = n;
	set_filter(gateway);
}

/* Return: 0, or -errno with the reason logged once. */
static int list(struct gateway *gateway, const struct config *config, struct kernel_owned **owned,
		size_t *n)
{
	struct kernel_error why;
	int code = kernel_owned(gateway->kernel, config, owned, n, &why);

	if (code && !gateway->guarding.trouble)
		ctl_log(TOLD_ADDRESS, LOG_WARNING, "address conflicts are not looked for: %s",
			why.text);
	gateway->guarding.trouble = code;
	return code;
}

static void follow(struct gateway *gateway, const struct config *config)
{
	struct guard_address *addresses;
	struct kernel_owned *owned;
	size_t n, kept = 0;

	if (list(gateway, config, &owned, &n))
		return;
	addresses = calloc(n ? n : 1, sizeof(*addresses));
	for (size_t i = 0; addresses && i < n; i++)
		if (owned[i].link.ifindex)
			addresses[kept++] = (struct guard_address){.addr = owned[i].addr,
								   .ifindex = owned[i].link.ifindex,
								   .mac = owned[i].link.mac,
								   .up = owned[i].link.up,
								   .used = owned[i].present};
	if (addresses &&
	    !guard_follow(gateway->guarding.guard, (enum guard_mode)config->duplicate_detection,
			  addresses, kept, gateway_now_ms()))
		set_filter(gateway);
	free(addresses);
	free(owned);
}

void guarding_follow(struct gateway *gateway)
{
	follow(gateway, &gateway->config);
}

void guarding_announce(struct gateway *gateway, const struct config *wanted)
{
	follow(gateway, wanted);
	guarding_work(gateway);
}

bool guarding_expected(struct gateway *gateway, be32 addr)
{
	return gateway->config.duplicate_detection == DUPLICATE_PROBE &&
	       guard_is_free(gateway->guarding.guard, addr);
}

const char *guarding_state(const struct gateway *gateway, be32 addr, uint32_t ifindex,
			   struct mac *other)
{
	static const char *const names[] = {"waiting", "probing", "unique", "conflict"};
	struct guard_status status;

	static_assert(sizeof(names) / sizeof(names[0]) == GUARD_STATE_COUNT, "one per state");
	if (gateway->config.duplicate_detection == DUPLICATE_OFF ||
	    !guard_status(gateway->guarding.guard, addr, ifindex, &status))
		return NULL;
	*other = status.other;
	return names[status.state];
}

int guarding_fd(const struct gateway *gateway)
{
	return gateway->guarding.fd;
}

void guarding_ready(struct gateway *gateway)
{
	int64_t now_ms = gateway_now_ms();
	struct arp_message message;
	uint32_t ifindex;

	for (unsigned i = 0; i < MESSAGES_PER_EVENT; i++) {
		int code = wire_receive(gateway->guarding.fd, &ifindex, &message);

		if (code == -EBADMSG)
			continue;
		if (code <= 0)
			return;
		guard_heard(gateway->guarding.guard, ifindex, &message, now_ms);
		vmac_check_heard(gateway, ifindex, &message);
	}
}

int64_t guarding_due_ms(const struct gateway *gateway)
{
	return gateway->guarding.guard ? guard_due_ms(gateway->guarding.guard) : INT64_MAX;
}

void guarding_work(struct gateway *gateway)
{
	guard_work(gateway->guarding.guard, gateway_now_ms());
}
