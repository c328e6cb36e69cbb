/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client show: the flow table is read where it lies, as `session show` does. */
#include <stdio.h>
#include <string.h>

#include "control/config/argument.h"
#include "tools/pgw/client_count.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"

enum {
	ADDRESS,
	PORTGROUP,
	SESSIONS,
	CONNECTION_LIMITS,
	MAPPINGS,
	MAPPING_LIMITS,
	PORTS,
	POOLS,
	POOLS_TEXT,
	PACKETS,
	BYTES
};

static const struct print_column columns[] = {
	[ADDRESS] = {"address", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	[PORTGROUP] = {"portgroup", NULL, PRINT_NAME, 0, 0},
	[SESSIONS] = {"sessions", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	[CONNECTION_LIMITS] = {"connection-limits", "LIMIT", PRINT_COUNT, 0, 0},
	[MAPPINGS] = {"mappings", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	[MAPPING_LIMITS] = {"mapping-limits", "LIMIT", PRINT_COUNT, 0, 0},
	[PORTS] = {"ports", NULL, PRINT_COUNT, PRINT_BRIEF, 0},
	[POOLS] = {"pools", NULL, PRINT_PLAIN, PRINT_JSON_ONLY, 0},
	[POOLS_TEXT] = {"pools", "PORTS OF POOLS", PRINT_PLAIN, PRINT_TEXT_ONLY, 0},
	[PACKETS] = {"packets", NULL, PRINT_COUNT, PRINT_STATISTIC, 0},
	[BYTES] = {"bytes", NULL, PRINT_BYTES, PRINT_STATISTIC, 0},
};
static const struct print_table client_columns = PRINT_TABLE(columns);

struct request {
	struct prefix network;
	bool limited;
	uint32_t limit;
};

static int parse(const struct pgw_call *call, struct request *request)
{
	struct reason why = {.text = ""};
	int at = 0;

	*request = (struct request){.limited = false};
	if (at < call->argc && strcmp(call->argv[at], "limit") != 0)
		if (!prefix_parse(call->argv[at++], &request->network))
			return message_wrong(call->argv[0],
					     "expected an address, a network such as "
					     "10.1.0.0/16, or limit");
	if (at == call->argc)
		return EXIT_DONE;
	if (strcmp(call->argv[at], "limit") != 0)
		return message_wrong(call->argv[at], "expected limit, try \"pgw client help\"");
	if (at + 1 == call->argc)
		return message_error("argument \"value\" is required after \"limit\"");
	if (!argument_number(&request->limit, call->argv[at + 1], 0, UINT32_MAX, &why))
		return message_wrong(call->argv[at + 1], "%s", why.text);
	request->limited = true;
	if (at + 2 < call->argc)
		return message_wrong(call->argv[at + 2],
				     "expected the end of the command, try \"pgw client help\"");
	return EXIT_DONE;
}

static const struct snapshot_pool *pool_of(const struct session_table *table, uint16_t index)
{
	return index == SNAPSHOT_PASS ? NULL : snapshot_pool(&table->snapshot, index);
}

/* "default:12/100,other:3": a pool that has gone meanwhile has no name. */
static void print_pools_text(struct printer *printer, const struct session_table *table,
			     const struct client_counts *counts, const struct client_count *client)
{
	char text[PRINT_CELL_BYTES];
	size_t used = 0;

	for (uint32_t at = client->first_pool; at && used < sizeof(text);
	     at = counts->pools[at - 1].next) {
		const struct client_pool *own = &counts->pools[at - 1];
		const struct snapshot_pool *pool = pool_of(table, own->pool);

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s:%llu",
					 used ? "," : "", pool ? pool->name : "?",
					 (unsigned long long)own->ports);
		if (pool && pool->port_quota && used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "/%u",
						 pool->port_quota);
	}
	if (used)
		print_text(printer, POOLS_TEXT, text);
}

static void print_pools(struct printer *printer, const struct session_table *table,
			const struct client_counts *counts, const struct client_count *client)
{
	json_t *list;

	if (!print_style(printer)->json) {
		if (print_wanted(printer, POOLS_TEXT))
			print_pools_text(printer, table, counts, client);
		return;
	}
	list = json_array();
	for (uint32_t at = client->first_pool; at; at = counts->pools[at - 1].next) {
		const struct client_pool *own = &counts->pools[at - 1];
		const struct snapshot_pool *pool = pool_of(table, own->pool);
		json_t *item = json_pack("{s:s?, s:I}", "pool", pool ? pool->name : NULL, "ports",
					 (json_int_t)own->ports);

		if (pool && pool->port_quota)
			json_object_set_new(item, "port-quota", json_integer(pool->port_quota));
		json_array_append_new(list, item);
	}
	print_value(printer, POOLS, list);
	json_decref(list);
}

static void print_client(struct printer *printer, const struct session_table *table,
			 const struct client_counts *counts, const struct client_count *client)
{
	const struct snapshot_header *limits = table->snapshot.header;

	print_row(printer);
	print_address(printer, ADDRESS, client->addr);
	if (client->port < COUNTERS_PORTS && table->portgroups[client->port])
		print_text(printer, PORTGROUP, table->portgroups[client->port]);
	print_number(printer, SESSIONS, client->sessions);
	if (limits->connection_limit)
		print_number(printer, CONNECTION_LIMITS, limits->connection_limit);
	print_number(printer, MAPPINGS, client->mappings);
	if (limits->mapping_limit)
		print_number(printer, MAPPING_LIMITS, limits->mapping_limit);
	print_number(printer, PORTS, client->ports);
	print_pools(printer, table, counts, client);
	print_number(printer, PACKETS, client->packets);
	print_number(printer, BYTES, client->bytes);
	print_row_end(printer);
}

static int client_show(const struct pgw_call *call)
{
	struct printer *printer = call->pgw->printer;
	struct client_counts counts;
	struct session_table table;
	struct request request;
	int code = parse(call, &request);

	if (code)
		return code;
	code = session_table_open(&table, call->pgw);
	if (code)
		return code;
	if (client_counts_make(&counts, &table, request.network)) {
		message_error("out of memory");
		session_table_close(&table);
		return EXIT_REFUSED;
	}
	print_begin(printer, &client_columns);
	for (uint32_t i = 0; i < counts.n_clients; i++)
		if (!request.limited || i < request.limit)
			print_client(printer, &table, &counts, &counts.clients[i]);
	print_end(printer);
	client_counts_free(&counts);
	session_table_close(&table);
	return EXIT_DONE;
}

static const struct pgw_command commands[] = {
	{"show", "list", "[ PREFIX ] [ limit NUMBER ]",
	 "list inside hosts and what they use, the one with most sessions first; -s shows packets "
	 "and bytes",
	 client_show},
};

const struct pgw_object client_object = {
	.name = "client",
	.text = "inside hosts: what each uses of what it may",
	OBJECT_COMMANDS(commands),
	.where = "PREFIX := ADDRESS[/LENGTH]\n",
};
