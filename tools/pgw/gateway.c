/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gateway - private gateways of datacenters. Their commands are tasks of pgwd, which are followed
 * until they have ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pgw/grammar.h"
#include "tools/pgw/item.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"
#include "tools/pgw/wait.h"

static const struct print_column columns[] = {
	{"datacenter-id", "DATACENTER", PRINT_NUMBER, PRINT_BRIEF, 0},
	{"service", NULL, PRINT_NAME, 0, 0},
	{"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	{"state", NULL, PRINT_STATE, PRINT_BRIEF, 0},
	{"customer-ip", "ADDRESS", PRINT_ADDRESS, PRINT_BRIEF, 0},
	{"customer-netmask", "NETMASK", PRINT_ADDRESS, 0, 0},
	{"customer-portgroup", "PORTGROUP", PRINT_NAME, 0, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

/* Members that are null have no value in a text. */
static bool cell(struct printer *printer, unsigned column, const json_t *item)
{
	(void)printer;
	return json_is_null(json_object_get(item, columns[column].member));
}

static int read_number(const char *text, json_int_t *number)
{
	char *end;

	*number = strtoll(text, &end, 10);
	if (*end || *number < 1 || text[0] < '0' || text[0] > '9')
		return message_wrong(text, "expected the number of a datacenter");
	return EXIT_DONE;
}

/* Datacenters, or the one of @id. @items: the caller's. */
static int ask_datacenters(struct pgw *pgw, json_int_t id, json_t **items)
{
	json_t *request = remote_operation("datacenter-show"), *answer;
	int code;

	if (request && id)
		json_object_set_new(request, "datacenter", json_integer(id));
	code = remote_ask(pgw, request, &answer, NULL, NULL);
	if (code)
		return code;
	*items = json_incref(json_object_get(answer, "items"));
	json_decref(answer);
	return EXIT_DONE;
}

/* The service that a datacenter is of; the request for it is complete then. */
static int add_service(struct pgw *pgw, json_t *request, json_int_t id)
{
	json_t *items = NULL, *service;
	int code = ask_datacenters(pgw, id, &items);

	if (code)
		return code;
	service = json_object_get(json_array_get(items, 0), "service");
	if (service)
		json_object_set(request, "service", service);
	else
		code = message_error("pgwd does not say what service datacenter %lld is of",
				     (long long)id);
	json_decref(items);
	return code ? EXIT_REFUSED : EXIT_DONE;
}

static int gateway_show(const struct pgw_call *call)
{
	json_int_t id = 0;
	json_t *items = NULL, *item;
	size_t i;
	int code = call->argc ? read_number(call->argv[0], &id) : EXIT_DONE;

	if (!code)
		code = grammar_end(call, 1);
	if (!code)
		code = ask_datacenters(call->pgw, id, &items);
	if (code)
		return code;
	json_array_foreach(items, i, item)
	{
		json_t *answer = NULL;

		if (!json_is_object(item))
			continue;
		code = remote_ask(call->pgw,
				  json_pack("{s:s, s:O, s:O}", "op", "gateway-show", "service",
					    json_object_get(item, "service"), "datacenter",
					    json_object_get(item, "datacenter-id")),
				  &answer, NULL, NULL);
		if (code)
			break;
		json_object_update(item, json_object_get(answer, "gateway"));
		json_object_del(item, "description");
		json_decref(answer);
	}
	if (!code)
		item_rows(call->pgw->printer, &table, cell, items);
	json_decref(items);
	return code;
}

/* "A.B.C.D/LENGTH" as ip and netmask. */
static int add_address(json_t *request, const char *text)
{
	const char *slash = strchr(text, '/');
	char ip[ADDR_TEXT_BYTES];
	be32 addr;

	if (!slash || !slash[1] || (size_t)(slash - text) >= sizeof(ip))
		return message_wrong(text, "expected ADDRESS/LENGTH such as 172.16.0.1/24");
	memcpy(ip, text, (size_t)(slash - text));
	ip[slash - text] = '\0';
	if (!addr_parse(ip, &addr))
		return message_wrong(text, "expected ADDRESS/LENGTH such as 172.16.0.1/24");
	json_object_set_new(request, "ip", json_string(ip));
	json_object_set_new(request, "netmask", json_string(slash + 1));
	return EXIT_DONE;
}

struct order {
	json_t *request;
	bool follow, has_address, has_portgroup, moves;
	bool may_place, may_move, may_force; /* what the command takes */
};

static int flag(json_t *request, const char *member)
{
	json_object_set_new(request, member, json_true());
	return EXIT_DONE;
}

/* Whether the value of a keyword is there, for the first time. */
static int first_value(bool *seen, const char *word, const char *value)
{
	if (!value)
		return message_required(word);
	if (*seen)
		return message_duplicate(word, value);
	*seen = true;
	return EXIT_DONE;
}

/* A keyword and its value. Return: words read, or -EXIT_WRONG after a message. */
static int read_keyword(struct order *order, const char *word, const char *value)
{
	json_int_t id;
	int code = EXIT_DONE, words = 2;

	if (strcmp(word, "no-wait") == 0) {
		order->follow = false;
		return 1;
	}
	if (order->may_force && strcmp(word, "force") == 0) {
		flag(order->request, "force");
		return 1;
	}
	if (order->may_place && strcmp(word, "address") == 0) {
		code = first_value(&order->has_address, word, value);
		if (!code)
			code = add_address(order->request, value);
	} else if (order->may_place && strcmp(word, "portgroup") == 0) {
		code = first_value(&order->has_portgroup, word, value);
		if (!code)
			json_object_set_new(order->request, "portgroup", json_string(value));
	} else if (order->may_move && strcmp(word, "to") == 0) {
		code = first_value(&order->moves, word, value);
		if (!code)
			code = read_number(value, &id);
		if (!code)
			json_object_set_new(order->request, "new-datacenter", json_integer(id));
	} else {
		code = message_wrong(word, "expected a keyword, try \"pgw gateway help\"");
	}
	return code ? -code : words;
}

/* "DATACENTER KEYWORD…", as a request of @order. */
static int read_order(const struct pgw_call *call, struct order *order)
{
	json_int_t id;
	int code;

	order->follow = true;
	if (call->argc == 0)
		return message_required("DATACENTER");
	code = read_number(call->argv[0], &id);
	if (code)
		return code;
	json_object_set_new(order->request, "datacenter", json_integer(id));
	for (int at = 1; at < call->argc;) {
		int words = read_keyword(order, call->argv[at],
					 at + 1 < call->argc ? call->argv[at + 1] : NULL);

		if (words < 0)
			return -words;
		at += words;
	}
	return EXIT_DONE;
}

static int run(const struct pgw_call *call, struct order *order, int code)
{
	json_int_t id = json_integer_value(json_object_get(order->request, "datacenter"));

	if (!code)
		code = add_service(call->pgw, order->request, id);
	if (!code)
		return wait_command(call->pgw, order->request, order->follow);
	json_decref(order->request);
	return code;
}

static int gateway_enable(const struct pgw_call *call)
{
	struct order order = {.request = remote_operation("gateway-enable"), .may_place = true};
	int code = read_order(call, &order);

	if (!code && !order.has_address)
		code = message_required("address");
	if (!code && !order.has_portgroup)
		code = message_required("portgroup");
	return run(call, &order, code);
}

static int gateway_disable(const struct pgw_call *call)
{
	struct order order = {.request = remote_operation("gateway-disable"), .may_force = true};

	return run(call, &order, read_order(call, &order));
}

static int gateway_reconfigure(const struct pgw_call *call)
{
	struct order order = {.request = remote_operation("gateway-reconfigure"),
			      .may_place = true,
			      .may_move = true};
	int code = read_order(call, &order);

	if (!code && !order.has_address && !order.has_portgroup && !order.moves)
		code = message_required("address");
	return run(call, &order, code);
}

static const struct pgw_command commands[] = {
	{"show", "list", "[ DATACENTER ]", "list them and their states", gateway_show},
	{"enable", NULL, "DATACENTER address ADDRESS/LENGTH portgroup NAME [ no-wait ]",
	 "move a datacenter's access from the Internet to an address in the private network",
	 gateway_enable},
	{"disable", NULL, "DATACENTER [ force ] [ no-wait ]",
	 "move it back; force: though nobody is allowed to use it there", gateway_disable},
	{"reconfigure", NULL,
	 "DATACENTER [ address ADDRESS/LENGTH ] [ portgroup NAME ] [ to DATACENTER ] [ no-wait ]",
	 "move it to another address, portgroup or datacenter, without a gap", gateway_reconfigure},
};

const struct pgw_object gateway_object = {
	.name = "gateway",
	.text = "private gateways: from where a datacenter's services are reached",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "datacenter-id",
	.cell = cell,
};
