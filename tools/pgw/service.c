/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "tools/pgw/item.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/statement.h"

enum {
	NAME,
	ADDRESS,
	PROTOCOL,
	PORT,
	BALANCE,
	CHECK,
	BACKENDS,
	PATH,
	INTERVAL,
	TIMEOUT,
	RISE,
	FALL,
	DEAD,
	DOWN,
	STATES,
	DATACENTER,
	INTERNET_ADDRESS,
	PRIVATE_ADDRESS,
	HOST_NAMES,
	SNI,
	PROXY
};

static const struct print_column columns[] = {
	[NAME] = {"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	[ADDRESS] = {"address", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	[PROTOCOL] = {"protocol", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	[PORT] = {"port", NULL, PRINT_NUMBER, PRINT_BRIEF, 0},
	[BALANCE] = {"balance", NULL, PRINT_PLAIN, 0, 0},
	[CHECK] = {"check", NULL, PRINT_PLAIN, 0, 0},
	[BACKENDS] = {"backends", NULL, PRINT_ADDRESS, PRINT_BRIEF, 0},
	[PATH] = {"path", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	[INTERVAL] = {"interval", NULL, PRINT_NUMBER, PRINT_DETAIL, 0},
	[TIMEOUT] = {"timeout", NULL, PRINT_NUMBER, PRINT_DETAIL, 0},
	[RISE] = {"rise", NULL, PRINT_NUMBER, PRINT_DETAIL, 0},
	[FALL] = {"fall", NULL, PRINT_NUMBER, PRINT_DETAIL, 0},
	[DEAD] = {"dead", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	[DOWN] = {"down", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	[STATES] = {"states", NULL, PRINT_PLAIN, PRINT_DETAIL | PRINT_TEXT_ONLY, 0},
	[DATACENTER] = {"datacenter", NULL, PRINT_NUMBER, PRINT_DETAIL, 0},
	[INTERNET_ADDRESS] = {"internet-address", NULL, PRINT_ADDRESS, PRINT_DETAIL, 0},
	[PRIVATE_ADDRESS] = {"private-address", NULL, PRINT_ADDRESS, PRINT_DETAIL, 0},
	[HOST_NAMES] = {"host-names", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	[SNI] = {"sni", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
	[PROXY] = {"proxy-protocol", NULL, PRINT_PLAIN, PRINT_DETAIL, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static const char *text_of(const json_t *item, const char *member)
{
	const char *text = json_string_value(json_object_get(item, member));

	return text ? text : "-";
}

/* "10.0.0.1:443 up since TIME, 10.0.0.2:443 down since TIME (why)", of those that are checked. */
static bool print_states(struct printer *printer, const json_t *item, const json_t *backends)
{
	char text[PRINT_CELL_BYTES];
	size_t used = 0;

	for (size_t i = 0; i < json_array_size(backends) && used < sizeof(text); i++) {
		const json_t *backend = json_array_get(backends, i);
		const char *error = json_string_value(json_object_get(backend, "last-error"));
		const json_t *port = json_object_get(backend, "port");

		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%s%s:%lld %s since %s%s%s%s", i ? ", " : "",
					 text_of(backend, "address"),
					 (long long)json_integer_value(port),
					 text_of(backend, "state"), text_of(backend, "since"),
					 error ? " (" : "", error ? error : "", error ? ")" : "");
	}
	if (json_object_get(item, "check"))
		print_text_n(printer, STATES, text, used < sizeof(text) ? used : sizeof(text) - 1);
	return true;
}

/* Backends as "10.0.0.1:443(up),10.0.0.2:443(down)". */
static bool cell(struct printer *printer, unsigned column, const json_t *item)
{
	const json_t *backends = json_object_get(item, "backends");
	char text[PRINT_CELL_BYTES];
	size_t used = 0;

	if (column == STATES && json_is_array(backends))
		return print_states(printer, item, backends);
	if (column != BACKENDS || !json_is_array(backends))
		return false;
	for (size_t i = 0; i < json_array_size(backends) && used < sizeof(text); i++) {
		const json_t *backend = json_array_get(backends, i);
		const char *address = json_string_value(json_object_get(backend, "address"));
		const char *state = json_string_value(json_object_get(backend, "state"));
		const json_t *port = json_object_get(backend, "port");

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s:%lld%s%s%s",
					 i ? "," : "", address ? address : "-",
					 (long long)json_integer_value(port), state ? "(" : "",
					 state ? state : "", state ? ")" : "");
	}
	print_text_n(printer, column, text, used < sizeof(text) ? used : sizeof(text) - 1);
	return true;
}

static const struct pgw_command commands[] = {
	{"show", "list", ITEM_SHOW_SYNOPSIS("NAME"), ITEM_SHOW_TEXT, item_show},
	{"add", NULL,
	 "NAME address ADDRESS protocol { tcp | udp } port PORT "
	 "backend ADDRESS:PORT [ backend ADDRESS:PORT ]... "
	 "[ sni NAME[,NAME]... ] [ proxy-protocol v2 ] "
	 "[ balance { round-robin | least-connections | source-hash } ] "
	 "[ check { tcp | tls | http | icmp } ] [ path /PATH ] [ interval SECONDS ] "
	 "[ timeout SECONDS ] [ rise N ] [ fall N ] [ dead { keep | reset | move } ] "
	 "[ down { silence | reset | icmp } ] "
	 "[ datacenter ID ] [ internet-address ADDRESS ] [ private-address ADDRESS ] "
	 "[ host-name NAME[,NAME]... ]",
	 "publish an endpoint: clients reach a backend by this address and port", statement_add},
	{"del", "delete", "NAME", "stop publishing", statement_del},
};

const struct pgw_object service_object = {
	.name = "service",
	.text = "published endpoints and their backends",
	OBJECT_COMMANDS(commands),
	.table = &table,
	.key = "name",
	.cell = cell,
};
