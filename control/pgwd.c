/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pgwd - the gateway's control daemon: options, signals and the loop.
 *
 * Exit status: 0 ended by SIGTERM or SIGINT, or -V and -h; 1 it could not start (the message says
 * why; nothing of it is left).
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "control/answer.h"
#include "control/conffile.h"
#include "control/ctl/log.h"
#include "control/gateway.h"
#include "control/journal.h"
#include "control/metrics/http.h"
#include "datapath/flow/layout.h"

#define DEFAULT_STATE_DIR "/var/lib/pgw"

static const char usage[] =
	"usage: pgwd -c FILE [-r RUNDIR] [-S STATEDIR]\n"
	"       pgwd -V | -h\n"
	"\n"
	"  -c FILE      configuration, see pgw.conf(5)\n"
	"  -r RUNDIR    where sockets and the lock are (default " CTL_DEFAULT_RUNDIR ")\n"
	"  -S STATEDIR  what must outlive a reboot (default " DEFAULT_STATE_DIR ")\n"
	"  -V           print the version\n"
	"  -h           print this help\n"
	"\n"
	"Runs in the foreground and prints \"ready\" once it forwards. SIGHUP reads FILE again,\n"
	"SIGTERM and SIGINT end it and take away what it programmed.\n";

/* Return: -1 go on; else the exit status. */
static int read_options(int argc, char **argv, struct gateway_options *options)
{
	int option;

	*options = (struct gateway_options){
		.rundir = CTL_DEFAULT_RUNDIR,
		.state_dir = DEFAULT_STATE_DIR,
	};
	while ((option = getopt(argc, argv, "c:r:S:Vh")) != -1) {
		switch (option) {
		case 'c':
			options->file = optarg;
			break;
		case 'r':
			options->rundir = optarg;
			break;
		case 'S':
			options->state_dir = optarg;
			break;
		case 'V':
			printf("pgwd %s, flow table layout %u\n", PGW_VERSION, FLOW_LAYOUT_VERSION);
			return 0;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 1;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "pgwd: unexpected argument \"%s\"\n%s", argv[optind], usage);
		return 1;
	}
	if (!options->file) {
		fprintf(stderr, "pgwd: option -c FILE is required\n%s", usage);
		return 1;
	}
	return -1;
}

static int open_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN); /* a reader of our output that is gone must not end us */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void reload(struct gateway *gateway)
{
	sd_notify(0, "RELOADING=1");
	answer_reload(gateway);
	logger_reopen(gateway);
	serving_reload(gateway);
	sd_notifyf(0, "READY=1\nSTATUS=revision %" PRIu64, gateway->revision);
}

/* Return: false once it is to end. */
static bool take_signals(struct gateway *gateway, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGHUP) {
			ctl_log(TOLD_DAEMON, LOG_NOTICE, "%s from pid %u: ending",
				info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT", info.ssi_pid);
			return false;
		}
		reload(gateway);
	}
	return true;
}

static int timeout_ms(const struct gateway *gateway)
{
	int64_t due_ms = gateway_due_ms(gateway), left_ms;

	if (due_ms == INT64_MAX)
		return -1;
	left_ms = due_ms - gateway_now_ms();
	if (left_ms <= 0)
		return 0;
	return left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

static void loop(struct gateway *gateway, int signal_fd)
{
	enum {
		SIGNALS,
		SERVER,
		KERNEL,
		PROCESS,
		CHANNEL,
		LOGGER,
		CHECKS,
		METRICS,
		API,
		API_FILES,
		ARP,
		RELAY,
		RELAY_PROCESS,
		TIMESERVER,
		RINGS,
		WAITED
	};

	for (;;) {
		/* Those of the datapath change when it is started again; -1 is passed over. */
		struct pollfd fds[WAITED] = {
			[SIGNALS] = {.fd = signal_fd, .events = POLLIN},
			[SERVER] = {.fd = server_fd(gateway->server), .events = POLLIN},
			[KERNEL] = {.fd = kernel_monitor_fd(gateway->kernel), .events = POLLIN},
			[PROCESS] = {.fd = gateway->datapath.pidfd, .events = POLLIN},
			[CHANNEL] = {.fd = gateway->datapath.peer.fd, .events = POLLIN},
			[LOGGER] = {.fd = logger_fd(gateway), .events = POLLIN},
			[CHECKS] = {.fd = checking_fd(gateway), .events = POLLIN},
			[RELAY] = {.fd = gateway->relaying.fd, .events = POLLIN},
			[RELAY_PROCESS] = {.fd = gateway->relaying.pidfd, .events = POLLIN},
			[TIMESERVER] = {.fd = gateway->timeserver.pidfd, .events = POLLIN},
			[RINGS] = {.fd = watch_fd(&gateway->watch), .events = POLLIN},
			[METRICS] = {.fd = http_fd(gateway->http), .events = POLLIN},
			[ARP] = {.fd = guarding_fd(gateway), .events = POLLIN},
			[API] = {.fd = gateway->serving.pidfd, .events = POLLIN},
			[API_FILES] = {.fd = gateway->serving.watch_fd, .events = POLLIN},
		};

		if (poll(fds, WAITED, timeout_ms(gateway)) < 0 && errno != EINTR) {
			ctl_log(TOLD_DAEMON, LOG_ERR, "poll: %s: ending", strerror(errno));
			return;
		}
		if (fds[SIGNALS].revents && !take_signals(gateway, signal_fd))
			return;
		/* A request or a reload may have replaced the process: look whether it is the same.
		 */
		if (fds[PROCESS].revents && gateway->datapath.pidfd == fds[PROCESS].fd &&
		    datapath_has_ended(&gateway->datapath))
			gateway_datapath_ended(gateway);
		else if (fds[CHANNEL].revents && gateway->datapath.peer.fd == fds[CHANNEL].fd)
			gateway_channel_readable(gateway);
		if (fds[LOGGER].revents && logger_fd(gateway) == fds[LOGGER].fd)
			logger_ended(gateway);
		if (fds[API].revents && gateway->serving.pidfd == fds[API].fd)
			serving_ended(gateway);
		if (fds[API_FILES].revents && gateway->serving.watch_fd == fds[API_FILES].fd)
			serving_files_changed(gateway);
		/* After a request these may be others: with a descriptor's number, at worst, one
		 * looks in vain. */
		if (fds[RELAY].revents && gateway->relaying.fd == fds[RELAY].fd)
			relaying_readable(gateway);
		if (fds[RELAY_PROCESS].revents && gateway->relaying.pidfd == fds[RELAY_PROCESS].fd)
			relaying_ended(gateway);
		if (fds[TIMESERVER].revents && gateway->timeserver.pidfd == fds[TIMESERVER].fd)
			timeserver_ended(gateway);
		if (fds[RINGS].revents && watch_fd(&gateway->watch) == fds[RINGS].fd)
			watch_readable(&gateway->watch);
		if (fds[CHECKS].revents)
			checking_ready(gateway);
		if (fds[KERNEL].revents)
			reconcile_readable(gateway);
		if (fds[ARP].revents)
			guarding_ready(gateway);
		if (fds[SERVER].revents)
			server_work(gateway->server, gateway_now_ms());
		gateway_work(gateway);
	}
}

static void say_ready(const struct gateway *gateway)
{
	puts("ready");
	fflush(stdout);
	sd_notifyf(0, "READY=1\nSTATUS=revision %" PRIu64, gateway->revision);
}

int main(int argc, char **argv)
{
	struct gateway_options options;
	static struct gateway gateway; /* too large for the stack */
	struct ctl_error error = {.text = ""};
	struct config config;
	int status = read_options(argc, argv, &options), signal_fd, code;
	char text[900];

	if (status >= 0)
		return status;
	journal_open();
	signal_fd = open_signals();
	if (signal_fd < 0) {
		ctl_log(TOLD_DAEMON, LOG_ERR, "signalfd: %s", strerror(errno));
		return 1;
	}
	config_init(&config);
	code = conffile_read(options.file, &config, &error);
	if (!code) {
		code = gateway_open(&gateway, &options, &config, &error);
		if (code && error.line)
			snprintf(error.file, sizeof(error.file), "%s", options.file);
	}
	config_free(&config);
	if (code) {
		answer_error_text(&error, text, sizeof(text));
		ctl_log(TOLD_DAEMON, LOG_ERR, "%s", text);
		return 1;
	}
	say_ready(&gateway);
	loop(&gateway, signal_fd);
	sd_notify(0, "STOPPING=1");
	gateway_close(&gateway);
	ctl_log(TOLD_DAEMON, LOG_NOTICE, "ended");
	close(signal_fd);
	return 0;
}
