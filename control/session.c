/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session - the flow table as control uses it: counted, handed out, its flows ended.
 *
 * The table belongs to the datapath. It is mapped read-only here, and what is handed out is a
 * descriptor that cannot be written through.
 */
#include "control/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/apply.h"
#include "control/fault.h"
#include "control/offloading.h"
#include "datapath/flow/table.h"
#include "datapath/policy/admit.h"

static uint64_t count_refused(const struct flow_table *table, const struct snapshot *snapshot)
{
	uint64_t count = 0;
	struct flow flow;

	for (uint32_t i = 0; i < table->capacity; i++) {
		uint32_t word = atomic_load_explicit(&table->records[i].word, memory_order_relaxed);

		if (FLOW_WORD_STATE(word) == FLOW_ACTIVE && flow_copy(table, i, &flow) &&
		    !policy_admits(snapshot, &flow))
			count++;
	}
	return count;
}

int session_count_affected(struct gateway *gateway, const struct config *wanted, uint64_t *count,
			   struct ctl_error *error)
{
	struct flow_table table;
	struct snapshot snapshot;
	const char *why;
	size_t bytes;
	void *block;

	if (flow_table_view(&table, gateway->table.memory, gateway->table.bytes))
		return fault(error, -EIO,
			     "the flow table's header is damaged: stop pgwd and start "
			     "it again");
	block = apply_compile(gateway, wanted, &bytes, error);
	if (!block)
		return -EINVAL;
	why = snapshot_open(&snapshot, block, bytes);
	if (why) {
		free(block);
		return fault(error, -EINVAL, "cannot compile this configuration: %s", why);
	}
	*count = count_refused(&table, &snapshot);
	free(block);
	return 0;
}

int session_rule_traffic(const struct gateway *gateway, struct session_traffic **traffic,
			 struct ctl_error *error)
{
	struct flow_table table;
	struct flow flow;
	uint32_t high;

	if (flow_table_view(&table, gateway->table.memory, gateway->table.bytes))
		return fault(error, -EIO,
			     "the flow table's header is damaged: stop pgwd and start it again");
	*traffic = calloc(COUNTERS_RULES, sizeof(**traffic));
	if (!*traffic)
		return fault(error, -ENOMEM, "out of memory");
	high = atomic_load(&table.header->record_high);
	for (uint32_t i = 0; i < high && i < table.capacity; i++) {
		struct session_traffic *of_rule;

		if (!flow_copy(&table, i, &flow))
			continue;
		of_rule = &(*traffic)[flow.rule];
		of_rule->flows++;
		of_rule->packets += flow.packets[0] + flow.packets[1];
		of_rule->bytes += flow.bytes[0] + flow.bytes[1];
	}
	return 0;
}

static json_t *index_list(const char (*names)[CONFIG_NAME], size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (*names[i])
			json_array_append_new(
				list, json_pack("{s:i, s:s}", "index", (int)i, "name", names[i]));
	return list;
}

static json_t *portgroup_list(const struct gateway *gateway)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		if (*gateway->names.portgroup[i])
			json_array_append_new(list, json_pack("{s:i, s:s, s:s}", "index", (int)i,
							      "name", gateway->names.portgroup[i],
							      "offload-state",
							      offloading_state(gateway, i)));
	return list;
}

int session_table(void *context, struct request_result *result)
{
	struct gateway *gateway = context;
	int table = region_readonly(&gateway->table);
	int snapshot = region_readonly(&gateway->snapshot);

	if (table < 0 || snapshot < 0) {
		if (table >= 0)
			close(table);
		if (snapshot >= 0)
			close(snapshot);
		return fault(&result->error, -EIO,
			     "cannot open the flow table for reading: %s; is /proc mounted?",
			     strerror(-(table < 0 ? table : snapshot)));
	}
	result->fds[0] = table;
	result->fds[1] = snapshot;
	result->n_fds = 2;
	json_object_set_new(result->answer, "portgroups", portgroup_list(gateway));
	json_object_set_new(
		result->answer, "pools",
		index_list((const char(*)[CONFIG_NAME])gateway->names.pool, NAMES_POOLS_MAX));
	json_object_set_new(result->answer, "bytes",
			    json_integer((json_int_t)gateway->table.bytes));
	json_object_set_new(result->answer, "snapshot-bytes",
			    json_integer((json_int_t)gateway->snapshot.bytes));
	return 0;
}

int session_end(void *context, const struct flow_filter *filter, const struct filter_text *text,
		uint64_t limit, struct request_result *result)
{
	struct gateway *gateway = context;
	struct flow_filter wanted = *filter;
	enum flow_condition unknown = FILTER_CONDITIONS;
	struct snapshot snapshot;
	bool named = text->value[FILTER_PORTGROUP] || text->value[FILTER_POOL] ||
		     text->value[FILTER_SERVICE];

	if (named && snapshot_open(&snapshot, gateway->snapshot.memory, gateway->snapshot.bytes))
		return fault(&result->error, -EIO, "the snapshot that runs is damaged");
	if (named)
		unknown = filter_resolve(&wanted, text, &snapshot);
	if (unknown != FILTER_CONDITIONS)
		return fault(&result->error, -EINVAL, "no %s has the name \"%.40s\"",
			     filter_name(unknown), text->value[unknown]);
	return ending_ask(gateway, &wanted, limit, &result->ending, &result->error);
}
