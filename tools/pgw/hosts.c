/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hosts - lines of a hosts file: the names of the services, each with the address at which it
 * stands now. A client that maps the name of a certificate to the private address has no warning.
 */
#include <string.h>

#include "tools/pgw/grammar.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"

/* The names of all services at an address, each once, in the order of the services. */
static void add_names(json_t *names, const json_t *service)
{
	const json_t *list = json_object_get(service, "host-names");
	const json_t *other;
	size_t i, j;

	for (i = 0; i < json_array_size(list); i++) {
		json_t *name = json_array_get(list, i);
		bool known = !json_is_string(name);

		json_array_foreach(names, j, other) known |= json_equal(other, name);
		if (!known)
			json_array_append(names, name);
	}
}

/* {address: [name, …]} */
static json_t *gather(const json_t *services)
{
	json_t *addresses = json_object();

	for (size_t i = 0; i < json_array_size(services); i++) {
		const json_t *service = json_array_get(services, i);
		const char *address = json_string_value(json_object_get(service, "address"));
		json_t *names;

		if (!address || !json_array_size(json_object_get(service, "host-names")))
			continue;
		names = json_object_get(addresses, address);
		if (!names) {
			names = json_array();
			json_object_set_new(addresses, address, names);
		}
		add_names(names, service);
	}
	return addresses;
}

/* Applications know the endpoints of every secure gateway by one name. */
static void gather_tunnels(json_t *addresses, const json_t *gateways)
{
	for (size_t i = 0; i < json_array_size(gateways); i++) {
		const char *inside =
			json_string_value(json_object_get(json_array_get(gateways, i), "inside"));
		json_t *names = inside ? json_object_get(addresses, inside) : NULL;

		if (inside && !names) {
			names = json_array();
			json_object_set_new(addresses, inside, names);
		}
		if (inside)
			json_array_append_new(names, json_string("secure-gateway"));
	}
}

static void print_hosts(struct printer *printer, const char *address, const json_t *names)
{
	const json_t *name;
	size_t i;

	print_span(printer, PRINT_ADDRESS, address, strlen(address));
	json_array_foreach(names, i, name)
	{
		print_block(printer, i ? " " : "\t");
		print_span(printer, PRINT_NAME, json_string_value(name), json_string_length(name));
	}
	print_block(printer, "\n");
}

static int hosts_show(const struct pgw_call *call)
{
	struct emit *emit = print_emit(call->pgw->printer);
	json_t *answer, *addresses, *names;
	const char *address;
	int code = grammar_end(call, 0);

	if (!code)
		code = remote_ask(call->pgw,
				  json_pack("{s:s, s:s}", "op", "show", "object", "service"),
				  &answer, NULL, NULL);
	if (code)
		return code;
	addresses = gather(json_object_get(answer, "items"));
	json_decref(answer);
	code = remote_ask(call->pgw,
			  json_pack("{s:s, s:s}", "op", "show", "object", "tunnel-gateway"),
			  &answer, NULL, NULL);
	if (code) {
		json_decref(addresses);
		return code;
	}
	gather_tunnels(addresses, json_object_get(answer, "items"));
	if (call->pgw->options.json)
		emit_open(emit, '[');
	json_object_foreach(addresses, address, names)
	{
		if (!call->pgw->options.json) {
			print_hosts(call->pgw->printer, address, names);
			continue;
		}
		emit_open(emit, '{');
		emit_key(emit, "address");
		emit_string(emit, address);
		emit_key(emit, "names");
		emit_value(emit, names);
		emit_close(emit, '}');
	}
	if (call->pgw->options.json)
		emit_close(emit, ']');
	json_decref(addresses);
	json_decref(answer);
	return EXIT_DONE;
}

static const struct pgw_command commands[] = {
	{"show", NULL, "",
	 "print the names of services and secure gateways as lines of a hosts file", hosts_show},
};

const struct pgw_object hosts_object = {
	.name = "hosts",
	.text = "names of the services, for the hosts file of a client",
	OBJECT_COMMANDS(commands),
};
