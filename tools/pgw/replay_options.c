/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pgw/message.h"
#include "tools/pgw/replay.h"

#define MTU_MIN	     68u /* RFC 791 */
#define MTU_MAX	     65535u
#define LINGER_MAX_S 31536000u

enum kind { KIND_PAIRS, KIND_FILE, KIND_NUMBER, KIND_FLAG };
enum option { CONFIG, IN, OUT, NEIGHBOUR, MAC, MTU, REPORT, SEED, LINGER, ANY_MAC, JSON, OPTIONS };

static const struct {
	const char *name;
	const char *also; /* another spelling, or NULL */
	const char *value;
	enum kind kind;
} option_table[OPTIONS] = {
	[CONFIG] = {"-c", NULL, "FILE", KIND_FILE},
	[IN] = {"-i", NULL, "PORTGROUP=FILE", KIND_PAIRS},
	[OUT] = {"-o", NULL, "PORTGROUP=FILE", KIND_PAIRS},
	[NEIGHBOUR] = {"-n", NULL, "ADDRESS=MAC", KIND_PAIRS},
	[MAC] = {"-m", NULL, "PORTGROUP=MAC", KIND_PAIRS},
	[MTU] = {"--mtu", "-mtu", "PORTGROUP=BYTES", KIND_PAIRS},
	[REPORT] = {"--report", "-report", "FILE", KIND_FILE},
	[SEED] = {"--seed", "-seed", "NUMBER", KIND_NUMBER},
	[LINGER] = {"--linger", "-linger", "SECONDS", KIND_NUMBER},
	[ANY_MAC] = {"--any-mac", "-any-mac", NULL, KIND_FLAG},
	[JSON] = {"-j", "-json", NULL, KIND_FLAG},
};

static int parse_number(const char *text, uint64_t max, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || *number > max)
		return message_wrong(text, "expected a number from 0 to %llu",
				     (unsigned long long)max);
	return EXIT_DONE;
}

static enum option find_option(const char *word)
{
	unsigned i = 0;

	while (i < OPTIONS && strcmp(option_table[i].name, word) != 0 &&
	       (!option_table[i].also || strcmp(option_table[i].also, word) != 0))
		i++;
	return i;
}

static int add_pair(struct replay_options *options, enum option option, const char *text)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text || !equals[1])
		return message_wrong(text, "expected %s after %s", option_table[option].value,
				     option_table[option].name);
	options->pairs[options->n_pairs++] = (struct replay_pair){
		.option = option_table[option].name,
		.text = text,
		.name_bytes = (size_t)(equals - text),
		.value = equals + 1,
	};
	return EXIT_DONE;
}

/* An option that has one value. */
static int take_value(struct replay_options *options, enum option option, const char *text)
{
	uint64_t number;
	int code;

	switch (option) {
	case CONFIG:
	case REPORT:
		if (option == CONFIG ? options->config : options->report)
			return message_duplicate(option_table[option].name, text);
		*(option == CONFIG ? &options->config : &options->report) = text;
		return EXIT_DONE;
	case SEED:
		return parse_number(text, UINT64_MAX, &options->seed);
	default:
		code = parse_number(text, LINGER_MAX_S, &number);
		options->linger_s = (uint32_t)number;
		return code;
	}
}

int replay_options_parse(struct replay_options *options, const struct pgw_call *call)
{
	int code = EXIT_DONE;

	*options = (struct replay_options){
		.json = call->pgw->options.json, .seed = REPLAY_SEED, .linger_s = REPLAY_LINGER_S};
	options->pairs = calloc((size_t)call->argc + 1, sizeof(*options->pairs));
	if (!options->pairs)
		return message_error("out of memory");
	for (int at = 0; at < call->argc && !code;) {
		const char *word = call->argv[at++];
		enum option option = find_option(word);

		if (option == OPTIONS)
			return message_wrong(word, "expected -c, -i, -o or another option, try "
						   "\"pgw replay help\"");
		options->json |= option == JSON;
		options->any_mac |= option == ANY_MAC;
		if (option_table[option].kind == KIND_FLAG)
			continue;
		if (at == call->argc)
			return message_required(option_table[option].value);
		if (option_table[option].kind != KIND_PAIRS) {
			code = take_value(options, option, call->argv[at++]);
			continue;
		}
		do /* one option may have several values */
			code = add_pair(options, option, call->argv[at++]);
		while (!code && at < call->argc && call->argv[at][0] != '-');
	}
	if (!code && !options->config)
		return message_required("-c FILE");
	return code;
}

void replay_options_free(struct replay_options *options)
{
	free(options->pairs);
	options->pairs = NULL;
}

static struct replay_port *find_port(struct replay *replay, const struct replay_pair *pair)
{
	for (unsigned i = 0; i < replay->n_ports; i++)
		if (strlen(replay->port[i].name) == pair->name_bytes &&
		    memcmp(replay->port[i].name, pair->text, pair->name_bytes) == 0)
			return &replay->port[i];
	return NULL;
}

static int bind_neighbour(struct replay *replay, const struct replay_pair *pair)
{
	const struct snapshot_route *route;
	char text[ADDR_TEXT_BYTES] = "";
	struct mac mac;
	be32 addr;

	if (pair->name_bytes < sizeof(text))
		memcpy(text, pair->text, pair->name_bytes);
	if (!addr_parse(text, &addr) || !mac_parse(pair->value, &mac) || mac.b[0] & 1)
		return message_wrong(pair->text, "expected ADDRESS=MAC, such as "
						 "10.10.0.10=52:54:00:00:00:01");
	route = snapshot_route(&replay->snapshot, addr);
	if (!route || route->via)
		return message_wrong(pair->text, "%s lies in no network of a portgroup", text);
	if (replay_learn_fixed(replay, route->port, addr, &mac))
		return message_error("out of memory");
	return EXIT_DONE;
}

static int set_file(const struct replay_pair *pair, const char **file)
{
	if (*file)
		return message_error("duplicate \"%s\" for one portgroup: \"%s\" is its second "
				     "value",
				     pair->option, pair->text);
	*file = pair->value;
	return EXIT_DONE;
}

static int bind_pair(struct replay *replay, const struct replay_pair *pair)
{
	struct replay_port *port;
	uint64_t number;
	int code;

	if (strcmp(pair->option, option_table[NEIGHBOUR].name) == 0)
		return bind_neighbour(replay, pair);
	port = find_port(replay, pair);
	if (!port)
		return message_wrong(
			pair->text, "expected %s with the name of a portgroup of %s after %s",
			strcmp(pair->option, option_table[MAC].name) == 0 ? "PORTGROUP=MAC"
									  : "PORTGROUP=VALUE",
			replay->options.config, pair->option);
	if (strcmp(pair->option, option_table[IN].name) == 0)
		return set_file(pair, &port->in);
	if (strcmp(pair->option, option_table[OUT].name) == 0)
		return set_file(pair, &port->out);
	if (strcmp(pair->option, option_table[MAC].name) == 0) {
		port->mac_given = true;
		if (!mac_parse(pair->value, &port->mac) || port->mac.b[0] & 1)
			return message_wrong(pair->text, "expected PORTGROUP=MAC with the address "
							 "of one station");
		return EXIT_DONE;
	}
	code = parse_number(pair->value, MTU_MAX, &number);
	if (!code && number < MTU_MIN)
		return message_wrong(pair->text, "expected an MTU from %u to %u", MTU_MIN, MTU_MAX);
	port->mtu = (uint32_t)number;
	return code;
}

/* No file may be written over another one of this run. */
static int check_files(const struct replay *replay, const char *out)
{
	unsigned outputs = replay->options.report && strcmp(replay->options.report, out) == 0;

	if (strcmp(out, replay->options.config) == 0)
		return message_wrong(out,
				     "it is the configuration; expected another file to write");
	for (unsigned i = 0; i < replay->n_ports; i++) {
		const struct replay_port *port = &replay->port[i];

		if (port->in && strcmp(port->in, out) == 0)
			return message_wrong(out, "it is an input; expected another file to write");
		outputs += port->out && strcmp(port->out, out) == 0;
	}
	if (outputs > 1)
		return message_wrong(out, "two outputs have this name; expected a file for each");
	return EXIT_DONE;
}

int replay_options_bind(struct replay *replay)
{
	const struct replay_options *options = &replay->options;
	unsigned inputs = 0;
	int code = EXIT_DONE;

	for (size_t i = 0; i < options->n_pairs && !code; i++)
		code = bind_pair(replay, &options->pairs[i]);
	for (unsigned i = 0; i < replay->n_ports && !code; i++) {
		inputs += replay->port[i].in != NULL;
		if (replay->port[i].out)
			code = check_files(replay, replay->port[i].out);
	}
	if (!code && options->report)
		code = check_files(replay, options->report);
	if (!code && !inputs)
		return message_required("-i PORTGROUP=FILE");
	return code;
}
