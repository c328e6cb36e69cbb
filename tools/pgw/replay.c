/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay - captures through the same datapath, offline: no gateway, no privileges.
 *
 * Order: arguments, configuration, one look at every input; only then is anything written, to
 * files beside the outputs that take their names when all of them are complete.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config/inside.h"
#include "tools/pgw/file.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/replay.h"

/* The gateway's MAC on a portgroup where neither option nor capture tells it: locally
 * administered, "pgw", and the portgroup. */
static struct mac default_mac(unsigned index)
{
	return (struct mac){{0x02, 'p', 'g', 'w', 0, (uint8_t)(index + 1)}};
}

/* expand_config() - as pgwd does: what the gateway serves itself becomes services of a portgroup
 * inside, which -o can name. The ports there are those that a gateway uses first. */
static int expand_config(struct replay *replay)
{
	struct inside_place *list;
	struct config expanded;
	size_t n;
	int code;

	if (inside_places(&replay->config, &list, &n))
		return message_error("out of memory");
	for (size_t i = 0; i < n; i++)
		list[i].inside = (uint16_t)(list[i].protocol == IPPROTO_TCP ? INSIDE_PORT_FIRST + i
									    : INSIDE_PORT_NTP);
	code = inside_expand(&expanded, &replay->config, list, n);
	free(list);
	if (code)
		return message_error("out of memory");
	config_free(&replay->config);
	replay->config = expanded;
	return EXIT_DONE;
}

static int load_config(struct replay *replay)
{
	struct file file = {.name = replay->options.config};
	struct config_error error = {.line = 0};
	int code = file_read(&file);

	config_init(&replay->config);
	if (!code && (config_parse(&replay->config, file.text, file.bytes, &error) ||
		      config_check(&replay->config, &error))) {
		file_wrong(&file, error.line, error.column, error.text);
		code = EXIT_WRONG;
	}
	free(file.text);
	return code ? code : expand_config(replay);
}

static int compile_config(struct replay *replay)
{
	const struct config *config = &replay->config;
	struct config_runtime runtime = {.revision = 1};
	uint16_t pool_index[CONFIG_POOLS_MAX];
	const char *problem;
	size_t bytes;

	for (unsigned i = 0; i < CONFIG_POOLS_MAX; i++)
		pool_index[i] = (uint16_t)i;
	runtime.pool_index = pool_index;
	replay->n_ports = (unsigned)config->n_portgroups;
	for (unsigned i = 0; i < replay->n_ports; i++) {
		runtime.portgroup[i].index = (uint8_t)i;
		runtime.portgroup[i].ifindex = REPLAY_IFINDEX(i);
		replay->port[i] = (struct replay_port){.name = config->portgroups[i].name,
						       .mac = default_mac(i),
						       .mtu = REPLAY_MTU_DEFAULT};
	}
	replay->block = config_compile(config, &runtime, &bytes);
	if (!replay->block)
		return message_error("out of memory");
	problem = snapshot_open(&replay->snapshot, replay->block, bytes);
	return problem ? message_error("%s: %s", replay->options.config, problem) : EXIT_DONE;
}

static int cannot_write(const char *name)
{
	message_error("cannot write %s: %s", name, strerror(errno));
	return EXIT_REFUSED;
}

/**
 * make_temporary() - make an empty file beside @name, with the rights of an ordinary new file
 * @temporary: its name, the caller's to free, is set even if it is not made
 */
static int make_temporary(const char *name, char **temporary)
{
	mode_t mask = umask(0);
	struct stat status;
	int fd;

	umask(mask);
	if (stat(name, &status) == 0 && !S_ISREG(status.st_mode)) {
		message_error("cannot write %s: it is not a regular file; name a new file", name);
		return EXIT_REFUSED;
	}
	if (asprintf(temporary, "%s.XXXXXX", name) < 0) {
		*temporary = NULL;
		return message_error("out of memory");
	}
	fd = mkostemp(*temporary, O_CLOEXEC);
	if (fd < 0) {
		free(*temporary);
		*temporary = NULL;
		return cannot_write(name);
	}
	fchmod(fd, 0666 & ~mask);
	close(fd);
	return EXIT_DONE;
}

static int rename_temporary(const char *name, char **temporary)
{
	if (rename(*temporary, name))
		return cannot_write(name);
	free(*temporary);
	*temporary = NULL;
	return EXIT_DONE;
}

static void remove_temporary(char **temporary)
{
	if (*temporary)
		unlink(*temporary);
	free(*temporary);
	*temporary = NULL;
}

/* The report as JSON, complete or not at all. */
static int write_report(const struct replay *replay, const char *temporary)
{
	const struct print_style style = {.json = true, .pretty = true};
	struct printer *printer;
	int fd, error;

	fd = open(temporary, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return cannot_write(replay->options.report);
	printer = printer_create(fd, &style);
	if (!printer) {
		close(fd);
		return message_error("out of memory");
	}
	replay_report(replay, printer, false);
	error = print_flush(printer);
	printer_destroy(printer);
	if (close(fd) && !error)
		error = -errno;
	if (!error)
		return EXIT_DONE;
	errno = -error;
	return cannot_write(replay->options.report);
}

static int print_report(const struct replay *replay, const struct pgw_call *call)
{
	struct print_style style = *print_style(call->pgw->printer);
	struct printer *printer;
	int error;

	print_flush(call->pgw->printer); /* of a batch, what came before */
	style.json = replay->options.json;
	if (style.json)
		style.colour = false;
	printer = printer_create(STDOUT_FILENO, &style);
	if (!printer)
		return message_error("out of memory");
	replay_report(replay, printer, style.details);
	error = print_flush(printer);
	printer_destroy(printer);
	if (!error)
		return EXIT_DONE;
	message_error("cannot write the output: %s", strerror(-error));
	return EXIT_REFUSED;
}

static int make_outputs(struct replay *replay, char **report)
{
	int code = EXIT_DONE;

	for (unsigned i = 0; i < replay->n_ports && !code; i++)
		if (replay->port[i].out)
			code = make_temporary(replay->port[i].out, &replay->port[i].temporary);
	if (!code && replay->options.report)
		code = make_temporary(replay->options.report, report);
	return code;
}

/* Whether every input was read to its end and every output holds what was sent. */
static int check_ports(const struct replay *replay)
{
	for (unsigned i = 0; i < replay->n_ports; i++) {
		const char *problem = pcap_port_problem(replay_tap_pcap(&replay->port[i]));

		if (problem) {
			message_error("%s: %s",
				      replay->port[i].out ? replay->port[i].out
							  : replay->port[i].in,
				      problem);
			return EXIT_REFUSED;
		}
	}
	return EXIT_DONE;
}

static int keep_outputs(struct replay *replay, char **report)
{
	int code = EXIT_DONE;

	for (unsigned i = 0; i < replay->n_ports && !code; i++)
		if (replay->port[i].out)
			code = rename_temporary(replay->port[i].out, &replay->port[i].temporary);
	if (!code && replay->options.report)
		code = rename_temporary(replay->options.report, report);
	return code;
}

/* know_inside() - the sockets' end of the portgroup inside, which no capture shows */
static int know_inside(struct replay *replay)
{
	static const struct mac mac = {{0x02, 'p', 'g', 'w', 'i', 1}};

	for (unsigned i = 0; i < replay->n_ports; i++)
		if (!strcmp(replay->port[i].name, INSIDE_PORTGROUP) &&
		    replay_learn_fixed(replay, (uint8_t)i, inet_addr(INSIDE_HOST_TEXT), &mac))
			return message_error("out of memory");
	return EXIT_DONE;
}

/* All that follows the arguments; *report is the temporary of the report, if any is left. */
static int run(struct replay *replay, const struct pgw_call *call, char **report)
{
	int code = load_config(replay);

	if (!code)
		code = compile_config(replay);
	if (!code && replay_learn_open(replay))
		code = message_error("out of memory");
	if (!code)
		code = know_inside(replay);
	if (!code)
		code = replay_options_bind(replay);
	for (unsigned i = 0; i < replay->n_ports && !code; i++)
		if (replay->port[i].in)
			code = replay_learn_scan(replay, (uint8_t)i);
	if (!code)
		code = make_outputs(replay, report);
	if (!code)
		code = replay_run_start(replay);
	if (!code)
		code = replay_run(replay);
	if (!code)
		code = check_ports(replay);
	replay_run_end(replay);
	if (!code && replay->options.report)
		code = write_report(replay, *report);
	if (!code)
		code = keep_outputs(replay, report);
	return code ? code : print_report(replay, call);
}

static int replay_captures(const struct pgw_call *call)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	char *report = NULL;
	int code;

	if (!replay)
		return message_error("out of memory");
	code = replay_options_parse(&replay->options, call);
	if (!code)
		code = run(replay, call, &report);
	for (unsigned i = 0; i < replay->n_ports; i++)
		remove_temporary(&replay->port[i].temporary);
	remove_temporary(&report);
	replay_learn_close(replay);
	free(replay->block);
	config_free(&replay->config);
	replay_options_free(&replay->options);
	free(replay);
	return code;
}

static const struct pgw_command commands[] = {
	{"run", NULL,
	 "-c FILE -i PORTGROUP=FILE... [-o PORTGROUP=FILE...] [-m PORTGROUP=MAC...] "
	 "[--any-mac] [-n ADDRESS=MAC...] [--mtu PORTGROUP=BYTES...] [--seed NUMBER] "
	 "[--linger SECONDS] [--report FILE] [-j]",
	 "run captures (pcap, pcapng) through the datapath, on the captures' clock; needs no "
	 "gateway",
	 replay_captures},
};

static const char where[] =
	"-c FILE         the configuration, as pgwd would load it\n"
	"-i, -o          captures of what a portgroup receives, and of what it sends\n"
	"-m              the gateway's own link-layer address there; without it, the one that it\n"
	"                announces in the capture, else the one to which most is sent that it "
	"would\n"
	"                forward, else 02:70:67:77:00:NN\n"
	"--any-mac       take frames for other stations, too\n"
	"-n              a neighbour that no capture shows\n"
	"--mtu           of a portgroup, 1500 without it\n"
	"--seed          of hash key and port choice: equal runs give equal outputs\n"
	"--linger        how long the clock goes on after the last frame, 5 without it\n"
	"--report FILE   write the report there, too, as JSON\n"
	"-j              print it as JSON\n";

const struct pgw_object replay_object = {
	.name = "replay",
	.text = "run captures through the datapath, offline",
	OBJECT_COMMANDS(commands),
	.bare = true,
	.where = where,
};
