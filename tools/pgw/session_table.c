/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "datapath/base/huge.h"
#include "datapath/flow/tcp.h"
#include "tools/pgw/message.h"
#include "tools/pgw/remote.h"
#include "tools/pgw/session.h"

/* Map the whole of what pgwd says it gave, which must be there: beyond its end is SIGBUS. */
static const char *map(int fd, const json_t *bytes, void **memory, size_t *mapped)
{
	json_int_t size = json_integer_value(bytes);
	struct stat status;

	if (fd < 0)
		return "no descriptor came with it";
	if (fstat(fd, &status) || size <= 0 || (S_ISREG(status.st_mode) && status.st_size < size))
		return "its size is not what was announced";
	*memory = huge_map((size_t)size, PROT_READ, fd);
	if (*memory == MAP_FAILED) {
		*memory = NULL;
		return strerror(errno);
	}
	*mapped = (size_t)size;
	return NULL;
}

static const char *use_flows(struct session_table *table, int fd, const json_t *bytes)
{
	const char *wrong = map(fd, bytes, &table->flow_memory, &table->flow_bytes);

	if (!wrong)
		wrong = flow_table_check(table->flow_memory, table->flow_bytes);
	if (!wrong && flow_table_view(&table->flows, table->flow_memory, table->flow_bytes))
		wrong = "its layout is another";
	if (wrong)
		return wrong;
	table->records = atomic_load(&table->flows.header->record_high);
	if (table->records > table->flows.capacity)
		table->records = table->flows.capacity;
	return NULL;
}

static const char *use_snapshot(struct session_table *table, int fd, const json_t *bytes)
{
	const char *wrong = map(fd, bytes, &table->snapshot_memory, &table->snapshot_bytes);

	if (!wrong)
		wrong = snapshot_open(&table->snapshot, table->snapshot_memory,
				      table->snapshot_bytes);
	for (uint32_t i = 0; !wrong && i < table->snapshot.n_ports; i++)
		if (table->snapshot.ports[i].index < COUNTERS_PORTS)
			table->portgroups[table->snapshot.ports[i].index] =
				table->snapshot.ports[i].name;
	return wrong;
}

static void read_offloaded(struct session_table *table, const json_t *portgroups)
{
	for (size_t i = 0; i < json_array_size(portgroups); i++) {
		const json_t *portgroup = json_array_get(portgroups, i);
		json_int_t index = json_integer_value(json_object_get(portgroup, "index"));
		const char *state = json_string_value(json_object_get(portgroup, "offload-state"));

		if (!state || index < 0 || index >= COUNTERS_PORTS)
			continue;
		if (!strcmp(state, "xdp"))
			table->offloaded_xdp |= 1u << index;
		if (!strcmp(state, "xdp") || !strcmp(state, "tc"))
			table->offloaded |= 1u << index;
	}
}

int session_table_open(struct session_table *table, struct pgw *pgw)
{
	int fds[CTL_FDS_MAX] = {-1, -1};
	struct timespec now;
	const char *wrong, *what = "flow table";
	json_t *answer;
	int code = remote_ask(pgw, remote_operation("session-table"), &answer, fds, NULL);

	memset(table, 0, sizeof(*table));
	if (code == EXIT_DONE) {
		read_offloaded(table, json_object_get(answer, "portgroups"));
		wrong = use_flows(table, fds[0], json_object_get(answer, "bytes"));
		if (!wrong) {
			what = "snapshot";
			wrong = use_snapshot(table, fds[1],
					     json_object_get(answer, "snapshot-bytes"));
		}
		if (wrong) {
			message_error("cannot use the %s that pgwd gave: %s; are pgw and pgwd of "
				      "one version? Try \"pgw version\"",
				      what, wrong);
			session_table_close(table);
			code = EXIT_REFUSED;
		}
		json_decref(answer);
	}
	for (int i = 0; i < CTL_FDS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	clock_gettime(CLOCK_MONOTONIC, &now);
	table->now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	return code;
}

void session_table_close(struct session_table *table)
{
	if (table->flow_memory)
		munmap(table->flow_memory, table->flow_bytes);
	if (table->snapshot_memory)
		munmap(table->snapshot_memory, table->snapshot_bytes);
	table->flow_memory = table->snapshot_memory = NULL;
}

bool session_read(const struct session_table *table, uint32_t record, struct session *session)
{
	struct flow *flow = &session->flow;

	if (record >= table->records || !flow_copy(&table->flows, record, flow))
		return false;
	session->record = record;
	session->word = atomic_load_explicit(&flow->word, memory_order_relaxed);
	session->inner = flow->flags & FLOW_INBOUND ? 1 : 0;
	session->ends = flow_ends(flow);
	session->service = NULL;
	if (flow->flags & FLOW_DNAT)
		session->service = snapshot_service(&table->snapshot, flow->tuple[0].dst,
						    flow->proto, flow->tuple[0].dport);
	return true;
}

uint64_t session_id(const struct session *session)
{
	return FLOW_ID(session->record, session->word);
}

const char *session_state(const struct session *session)
{
	const char *name;

	if (session->flow.proto != IPPROTO_TCP)
		return session->flow.flags & FLOW_REPLIED ? "replied" : "unreplied";
	name = tcp_state_name(session->flow.tcp_state);
	return name ? name : "unknown";
}

const char *session_datapath(const struct session_table *table, const struct session *session)
{
	const struct flow *flow = &session->flow;
	uint32_t sides = flow->port[0] < COUNTERS_PORTS && flow->port[1] < COUNTERS_PORTS
				 ? 1u << flow->port[0] | 1u << flow->port[1]
				 : UINT32_MAX;
	bool followed = flow->tcp_state >= TCP_SYN_BOTH && flow->tcp_state <= TCP_CLOSED;
	bool plain = (flow->proto == IPPROTO_UDP || followed) && !flow->vmac[0] && !flow->vmac[1];

	if (!plain || !(flow->flags & FLOW_OFFLOAD) || (table->offloaded & sides) != sides)
		return "raw";
	return (table->offloaded_xdp & sides) == sides ? "xdp" : "tc";
}

uint32_t session_timeout_s(const struct session_table *table, const struct session *session)
{
	/* As worker_timeout() of the datapath has it: one FIN leaves the other direction open. */
	static const uint8_t of_state[] = {
		[TCP_NONE] = TIMER_UDP,
		[TCP_SYN_SENT] = TIMER_TCP_TRANS_OPEN,
		[TCP_SYN_BOTH] = TIMER_TCP_TRANS_OPEN,
		[TCP_ESTABLISHED] = TIMER_TCP_IDLE,
		[TCP_FIN_0] = TIMER_TCP_IDLE,
		[TCP_FIN_1] = TIMER_TCP_IDLE,
		[TCP_CLOSED] = TIMER_TCP_TRANS_CLOSE,
		[TCP_RESET] = TIMER_TCP_TRANS_CLOSE,
	};
	const struct flow *flow = &session->flow;
	enum timer timer = flow->proto == IPPROTO_ICMP ? TIMER_ICMP : TIMER_UDP;

	static_assert(sizeof(of_state) == TCP_STATE_COUNT, "a timer for each state");
	if (flow->proto == IPPROTO_TCP && flow->tcp_state < TCP_STATE_COUNT)
		timer = of_state[flow->tcp_state];
	return table->snapshot.header->timer_s[timer];
}

uint64_t session_idle_ms(const struct session_table *table, const struct session *session)
{
	/* Modulo 2^32, as the datapath compares. A packet may have come since now_ns was taken. */
	int32_t ticks = (int32_t)(FLOW_TICK(table->now_ns) - session->flow.seen_tick);

	return ticks > 0 ? ((uint64_t)ticks << FLOW_TICK_SHIFT) / 1000000 : 0;
}

uint64_t session_age_s(const struct session_table *table, const struct session *session)
{
	uint64_t now_s = table->now_ns / 1000000000u;

	return now_s > session->flow.created_s ? now_s - session->flow.created_s : 0;
}
