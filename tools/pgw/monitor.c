/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "control/ctl/event.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"

/* "expected A, B, … or all" */
static int wrong_event(const char *word)
{
	char expected[600] = "expected ";

	for (unsigned i = 0; i < TOLD_COUNT; i++)
		if (ctl_event_monitored((enum ctl_event)i)) {
			size_t used = strlen(expected);

			snprintf(expected + used, sizeof(expected) - used, "%s, ",
				 ctl_event_name((enum ctl_event)i));
		}
	strcpy(expected + strlen(expected) - strlen(", "), " or all");
	return message_wrong(word, "%s", expected);
}

/* Events of which kind are shown: bit i = that of enum ctl_event; all bits = also ones not known
 * here. */
static int parse_events(const struct pgw_call *call, uint64_t *events)
{
	static_assert(TOLD_COUNT < 64, "a bit each");
	*events = call->argc == 0 ? UINT64_MAX : 0;
	for (int at = 0; at < call->argc; at++) {
		enum ctl_event event = ctl_event_of(call->argv[at]);

		if (event != TOLD_COUNT && ctl_event_monitored(event))
			*events |= UINT64_C(1) << event;
		else if (strcmp(call->argv[at], "all") == 0)
			*events = UINT64_MAX;
		else
			return wrong_event(call->argv[at]);
	}
	return EXIT_DONE;
}

static bool wanted(const json_t *event, uint64_t events)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	enum ctl_event kind = name ? ctl_event_of(name) : TOLD_COUNT;

	if (events == UINT64_MAX)
		return true;
	return kind != TOLD_COUNT && events >> kind & 1;
}

static enum print_kind member_kind(const char *name)
{
	if (strcmp(name, "event") == 0 || strcmp(name, "portgroup") == 0)
		return PRINT_NAME;
	return strcmp(name, "state") == 0 ? PRINT_STATE : PRINT_PLAIN;
}

/* "[time] event member value member value": members as they come, whatever they are. */
static void print_event(const struct pgw *pgw, json_t *event)
{
	struct printer *printer = pgw->printer;
	const char *time = json_string_value(json_object_get(event, "time"));
	const char *name = json_string_value(json_object_get(event, "event"));
	char text[PRINT_CELL_BYTES];

	if (pgw->options.json) {
		emit_value(print_emit(printer), event);
		return;
	}
	if (pgw->options.timestamp) {
		print_span(printer, PRINT_PLAIN, "[", 1);
		print_span(printer, PRINT_PLAIN, time ? time : "-", time ? strlen(time) : 1);
		print_span(printer, PRINT_PLAIN, "] ", 2);
	}
	print_span(printer, PRINT_NAME, name ? name : "-", name ? strlen(name) : 1);
	for (void *at = json_object_iter(event); at; at = json_object_iter_next(event, at)) {
		const char *key = json_object_iter_key(at);
		size_t n;

		if (strcmp(key, "time") == 0 || strcmp(key, "event") == 0)
			continue;
		n = format_value(text, sizeof(text), PRINT_PLAIN, json_object_iter_value(at),
				 false);
		print_span(printer, PRINT_PLAIN, " ", 1);
		print_span(printer, PRINT_PLAIN, key, strlen(key));
		print_span(printer, PRINT_PLAIN, " ", 1);
		print_span(printer, member_kind(key), text, n);
	}
	print_block(printer, "\n");
}

/* Show the events that have come. Return: 1 there may be more later, 0 or -errno it is over. */
static int drain(const struct pgw *pgw, uint64_t events)
{
	for (;;) {
		struct ctl_error error = {.text = ""};
		json_t *event = NULL;
		int code = ctl_event(pgw->client, &event, 0, &error);

		if (code == -ETIMEDOUT || code == -EINTR)
			return print_flush(pgw->printer) ? 0 : 1;
		if (code < 0)
			message_error("%s", error.text[0] ? error.text : strerror(-code));
		else if (code == 0)
			message_error("pgwd ended the connection; start pgw monitor again once it "
				      "runs");
		if (code <= 0)
			return code < 0 ? code : -ECONNRESET;
		if (json_is_object(event) && wanted(event, events))
			print_event(pgw, event);
		json_decref(event);
	}
}

/* Until a signal asks to end, or pgwd goes. */
static int follow(const struct pgw *pgw, int signals, uint64_t events)
{
	struct pollfd fds[] = {{.fd = ctl_fd(pgw->client), .events = POLLIN},
			       {.fd = signals, .events = POLLIN}};

	for (;;) {
		int code = drain(pgw, events);

		if (code <= 0)
			return code ? EXIT_REFUSED : EXIT_DONE;
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return EXIT_REFUSED;
		if (fds[1].revents) {
			struct signalfd_siginfo taken;

			/* Or it would end the process once signals are no longer blocked. */
			return read(signals, &taken, sizeof(taken)) == sizeof(taken) ? EXIT_DONE
										     : EXIT_REFUSED;
		}
	}
}

static int monitor_show(const struct pgw_call *call)
{
	sigset_t ends, before;
	uint64_t events;
	json_t *answer;
	int signals, code = parse_events(call, &events);

	if (code)
		return code;
	/* Before the connection is made: a signal that comes early must not be lost. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, &before);
	signals = signalfd(-1, &ends, SFD_CLOEXEC);
	if (signals < 0) {
		message_error("cannot wait for signals: %s", strerror(errno));
		code = EXIT_REFUSED;
		goto unblock;
	}
	remote_close(call->pgw); /* a connection that monitors cannot ask anything else */
	code = remote_ask(call->pgw, remote_operation("monitor"), &answer, NULL, NULL);
	if (code == EXIT_DONE) {
		json_decref(answer);
		code = follow(call->pgw, signals, events);
		remote_close(call->pgw);
	}
	close(signals);
unblock:
	sigprocmask(SIG_SETMASK, &before, NULL);
	return code;
}

static const struct pgw_command commands[] = {
	{"show", NULL,
	 "[ revision | link | datapath | sessions-ended | backend | mended |\n"
	 "                 conflict | address | neighbour | revert-pending | confirmed |\n"
	 "                 reverted | not-saved | started | no-history | task | relay |\n"
	 "                 tunnel | endpoint | tunnel-gateway | all ]...",
	 "print what happens, one line or JSON object an event, until interrupted; -t with the "
	 "time",
	 monitor_show},
};

const struct pgw_object monitor_object = {
	.name = "monitor",
	.text = "watch what happens: revisions, links, the datapath",
	OBJECT_COMMANDS(commands),
	.bare = true,
};
