/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inject - makes the nth thing that may fail in a change of the configuration fail. Linked into
 * pgwd_faulty (tests/CMakeLists.txt) in front of the real functions; pgwd itself has none of it.
 *
 * The file that PGW_FAULT names holds n. It is read when a transaction begins, and emptied when the
 * fault has struck. Each of these counts as one: a step of the kernel's plan, a packet socket, the
 * session log's start and its announcement, the metrics' socket, the list of listening ports, each
 * of the history's begin, record and commit, the snapshot's memory, the datapath's being told a
 * port or the snapshot (once before it hears of it, once after), and the end of all steps.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/fault.h"
#include "control/logger.h"
#include "control/metrics/http.h"
#include "control/netlink/plan.h"
#include "control/region.h"
#include "control/state/revision.h"
#include "control/tell.h"
#include "control/transaction.h"
#include "datapath/io/packet.h"

#define DECLARE(type, name, ...)                                                                   \
	type __real_##name(__VA_ARGS__);                                                           \
	type __wrap_##name(__VA_ARGS__)

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
DECLARE(int, transaction_run, const struct transaction_step *, size_t, void *, struct ctl_error *);
DECLARE(int, plan_run, const struct plan *, struct kernel *, struct kernel_error *);
DECLARE(int, packet_sockets_open, uint32_t, enum packet_spread, unsigned, struct packet_socket *,
	bool *, struct packet_error *);
DECLARE(int, logger_start, struct logger *, const struct log_settings *, struct ctl_error *);
DECLARE(int, tell_log, struct gateway *, struct logger *, struct ctl_error *);
DECLARE(int, http_open, struct http **, be32, uint16_t, const struct http_pages *,
	struct ctl_error *);
DECLARE(int, kernel_listening, struct snapshot_reserved **, size_t *);
DECLARE(int, state_begin, struct state *, struct state_error *);
DECLARE(int, state_commit, struct state *, struct state_error *);
DECLARE(int, revision_add, struct state *, const struct revision *, const char *,
	struct state_error *);
DECLARE(int, region_snapshot, struct region *, const void *, size_t, struct ctl_error *);
DECLARE(int, tell_port, struct gateway *, unsigned, const struct gateway_port *,
	struct ctl_error *);
DECLARE(int, tell_snapshot, struct gateway *, const struct region *, uint64_t, struct ctl_error *);

static size_t left; /* that still succeed; 0: nothing fails (any more) */

static void disarm(void)
{
	const char *file = getenv("PGW_FAULT");
	FILE *out = file ? fopen(file, "we") : NULL;

	left = 0;
	if (out)
		fclose(out);
}

static void arm(void)
{
	const char *file = getenv("PGW_FAULT");
	FILE *in = file ? fopen(file, "re") : NULL;

	left = 0;
	if (!in)
		return;
	if (fscanf(in, "%zu", &left) != 1)
		left = 0;
	fclose(in);
}

static bool strikes(void)
{
	if (!left || --left)
		return false;
	disarm();
	return true;
}

static int fails(struct ctl_error *error, const char *what)
{
	return fault(error, -EIO, "%s fails on demand", what);
}

static int take_end(void *context, struct ctl_error *error)
{
	(void)context;
	return strikes() ? fails(error, "it") : 0;
}

int __wrap_transaction_run(const struct transaction_step *steps, size_t n, void *context,
			   struct ctl_error *error)
{
	struct transaction_step *more = calloc(n + 1, sizeof(*more));
	int code;

	if (!more)
		return fails(error, "memory");
	memcpy(more, steps, n * sizeof(*more));
	more[n] = (struct transaction_step){"end", take_end, NULL};
	arm();
	code = __real_transaction_run(more, n + 1, context, error);
	left = 0;
	free(more);
	return code;
}

int __wrap_plan_run(const struct plan *plan, struct kernel *kernel, struct kernel_error *error)
{
	int code;

	kernel->fault_step = left <= plan->n ? left : 0;
	if (kernel->fault_step)
		disarm();
	else if (left)
		left -= plan->n;
	code = __real_plan_run(plan, kernel, error);
	kernel->fault_step = 0;
	return code;
}

int __wrap_packet_sockets_open(uint32_t ifindex, enum packet_spread spread, unsigned n,
			       struct packet_socket *sockets, bool *shared,
			       struct packet_error *error)
{
	if (!strikes())
		return __real_packet_sockets_open(ifindex, spread, n, sockets, shared, error);
	snprintf(error->text, sizeof(error->text), "the socket fails on demand");
	return -EIO;
}

int __wrap_logger_start(struct logger *logger, const struct log_settings *settings,
			struct ctl_error *error)
{
	return strikes() ? fails(error, "its start") : __real_logger_start(logger, settings, error);
}

int __wrap_tell_log(struct gateway *gateway, struct logger *log, struct ctl_error *error)
{
	return strikes() ? fails(error, "telling it") : __real_tell_log(gateway, log, error);
}

int __wrap_http_open(struct http **http, be32 addr, uint16_t port, const struct http_pages *pages,
		     struct ctl_error *error)
{
	return strikes() ? fails(error, "its socket")
			 : __real_http_open(http, addr, port, pages, error);
}

int __wrap_kernel_listening(struct snapshot_reserved **list, size_t *n)
{
	return strikes() ? -EIO : __real_kernel_listening(list, n);
}

static int state_fails(struct state_error *error, const char *what)
{
	snprintf(error->text, sizeof(error->text), "%s fails on demand", what);
	return -EIO;
}

int __wrap_state_begin(struct state *state, struct state_error *error)
{
	return strikes() ? state_fails(error, "its begin") : __real_state_begin(state, error);
}

int __wrap_state_commit(struct state *state, struct state_error *error)
{
	if (!strikes())
		return __real_state_commit(state, error);
	state_rollback(state);
	return state_fails(error, "its commit");
}

int __wrap_revision_add(struct state *state, const struct revision *revision, const char *text,
			struct state_error *error)
{
	return strikes() ? state_fails(error, "the record")
			 : __real_revision_add(state, revision, text, error);
}

int __wrap_region_snapshot(struct region *region, const void *block, size_t bytes,
			   struct ctl_error *error)
{
	return strikes() ? fails(error, "its memory")
			 : __real_region_snapshot(region, block, bytes, error);
}

int __wrap_tell_port(struct gateway *gateway, unsigned index, const struct gateway_port *port,
		     struct ctl_error *error)
{
	return strikes() ? fails(error, "telling it")
			 : __real_tell_port(gateway, index, port, error);
}

/* The second way: the datapath has taken it, but its answer never came; the channel is useless. */
int __wrap_tell_snapshot(struct gateway *gateway, const struct region *snapshot, uint64_t revision,
			 struct ctl_error *error)
{
	int code;

	if (strikes())
		return fails(error, "telling it");
	code = __real_tell_snapshot(gateway, snapshot, revision, error);
	if (code || !strikes())
		return code;
	gateway->datapath.peer.broken = true;
	return fails(error, "its answer");
}
/* NOLINTEND(bugprone-reserved-identifier) */
