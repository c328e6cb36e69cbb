/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"

enum { FROM, TO, PROTOCOL, PORTGROUP, KEYWORDS };
static const char *const keywords[KEYWORDS] = {"from", "to", "protocol", "portgroup"};

/* "ADDRESS[:PORT]" into members of the request. Return: EXIT_DONE, or EXIT_WRONG after a message.
 */
static int add_end(json_t *request, const char *text, const char *addr_member,
		   const char *port_member)
{
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);
	char addr[ADDR_TEXT_BYTES];
	unsigned long port = 0;
	be32 parsed;
	char *end;

	if (n >= sizeof(addr))
		return message_wrong(text, "expected ADDRESS or ADDRESS:PORT");
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (!addr_parse(addr, &parsed))
		return message_wrong(text, "expected ADDRESS or ADDRESS:PORT");
	json_object_set_new(request, addr_member, json_string(addr));
	if (!colon)
		return EXIT_DONE;
	errno = 0;
	port = strtoul(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end || errno || port < 1 || port > 65535)
		return message_wrong(text, "expected a port from 1 to 65535 after the colon");
	json_object_set_new(request, port_member, json_integer((json_int_t)port));
	return EXIT_DONE;
}

static int read_words(const struct pgw_call *call, const char *value[KEYWORDS])
{
	for (int at = 0; at < call->argc; at += 2) {
		unsigned i = 0;

		while (i < KEYWORDS && strcmp(keywords[i], call->argv[at]) != 0)
			i++;
		if (i == KEYWORDS)
			return message_wrong(call->argv[at],
					     "expected from, to, protocol or portgroup");
		if (at + 1 == call->argc)
			return message_error("a value is required after \"%s\"", keywords[i]);
		if (value[i])
			return message_duplicate(keywords[i], call->argv[at + 1]);
		value[i] = call->argv[at + 1];
	}
	for (unsigned i = FROM; i <= TO; i++)
		if (!value[i])
			return message_required(keywords[i]);
	return EXIT_DONE;
}

static int make_request(const char *const value[KEYWORDS], json_t *request)
{
	const char *protocol = value[PROTOCOL];
	int code = add_end(request, value[FROM], "src", "src-port");

	if (!code)
		code = add_end(request, value[TO], "dst", "dst-port");
	if (code)
		return code;
	if (protocol && strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0 &&
	    strcmp(protocol, "icmp") != 0)
		return message_wrong(protocol, "expected tcp, udp or icmp");
	if (protocol && strcmp(protocol, "icmp") != 0 && !json_object_get(request, "dst-port"))
		return message_wrong(value[TO], "expected ADDRESS:PORT with protocol %s", protocol);
	if (protocol)
		json_object_set_new(request, "protocol", json_string(protocol));
	if (value[PORTGROUP])
		json_object_set_new(request, "portgroup", json_string(value[PORTGROUP]));
	return EXIT_DONE;
}

static const char *member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "-";
}

static void print_step(struct printer *printer, const json_t *step)
{
	const char *outcome = member(step, "outcome");
	json_int_t line = json_integer_value(json_object_get(step, "line"));
	bool stops = !strcmp(outcome, "stops");
	char head[32];

	(void)snprintf(head, sizeof(head), "%-5s",
		       stops			    ? "STOP"
		       : !strcmp(outcome, "passes") ? "ok"
						    : "");
	print_span(printer, stops ? PRINT_STATE : PRINT_PLAIN, head, strlen(head));
	print_line(printer, "%-13s %s", member(step, "step"), member(step, "text"));
	if (!json_object_get(step, "statement"))
		return;
	if (line)
		print_line(printer, "%20s%s   (line %lld)", "", member(step, "statement"),
			   (long long)line);
	else
		print_line(printer, "%20s%s", "", member(step, "statement"));
}

static void print_verdict(struct printer *printer, const json_t *answer)
{
	const char *verdict = member(answer, "verdict");

	if (!strcmp(verdict, "forwarded"))
		print_line(printer, "verdict: forwarded on portgroup %s, from %s to %s",
			   member(answer, "egress"), member(answer, "translated-from"),
			   member(answer, "translated-to"));
	else if (!strcmp(verdict, "kernel"))
		print_line(printer, "verdict: not forwarded, left to the system itself");
	else
		print_line(printer, "verdict: dropped as %s: %s", member(answer, "reason"),
			   member(answer, "reason-text"));
}

static int explain_show(const struct pgw_call *call)
{
	struct printer *printer = call->pgw->printer;
	const char *value[KEYWORDS] = {NULL};
	json_t *request, *answer, *step;
	bool forwarded;
	size_t i;
	int code = read_words(call, value);

	if (code)
		return code;
	request = remote_operation("explain");
	code = request ? make_request(value, request) : EXIT_DONE;
	if (code) {
		json_decref(request);
		return code;
	}
	code = remote_ask(call->pgw, request, &answer, NULL, NULL);
	if (code)
		return code;
	forwarded = !strcmp(member(answer, "verdict"), "forwarded");
	if (call->pgw->options.json) {
		json_object_del(answer, "ok");
		emit_value(print_emit(printer), answer);
	} else {
		print_line(printer, "%s from %s to %s, on portgroup %s", member(answer, "protocol"),
			   member(answer, "from"), member(answer, "to"),
			   member(answer, "portgroup"));
		json_array_foreach(json_object_get(answer, "steps"), i, step)
			print_step(printer, step);
		print_verdict(printer, answer);
	}
	json_decref(answer);
	return forwarded ? EXIT_DONE : EXIT_REFUSED;
}

static const struct pgw_command commands[] = {
	{"show", NULL,
	 "from ADDRESS[:PORT] to ADDRESS[:PORT] [ protocol { tcp | udp | icmp } ] [ portgroup NAME "
	 "]",
	 "say what would happen to such a packet, and why; exit code 0 if it would be forwarded",
	 explain_show},
};

const struct pgw_object explain_object = {
	.name = "explain",
	.text = "what would happen to a packet, step by step, and the statement for each",
	OBJECT_COMMANDS(commands),
	.bare = true,
};
