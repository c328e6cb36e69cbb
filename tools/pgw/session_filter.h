/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session_filter - which sessions a command is about. All conditions must hold.
 */
#ifndef PGW_TOOL_SESSION_FILTER_H
#define PGW_TOOL_SESSION_FILTER_H

#include "control/ctl/filter.h"
#include "tools/pgw/session.h"

struct session_filter {
	struct flow_filter flow;
	struct filter_text text;
	bool limit_set, count, all;
	uint64_t limit;
	unsigned conditions; /* that were given, `all` included; not count and limit */
};

/* The words of the filter for the help, each with its value. */
#define SESSION_FILTER_WHERE                                                                       \
	"FILTER := { internal-src-address PREFIX | internal-src-port PORTS |\n"                    \
	"            internal-dst-address PREFIX | internal-dst-port PORTS |\n"                    \
	"            external-src-address PREFIX | external-src-port PORTS |\n"                    \
	"            external-dst-address PREFIX | external-dst-port PORTS |\n"                    \
	"            src PREFIX | sport PORTS | dst PREFIX | dport PORTS |\n"                      \
	"            protocol { tcp | udp | icmp } | state STATE | id ID |\n"                      \
	"            portgroup NAME | pool NAME | service NAME }\n"                                \
	"PREFIX := ADDRESS[/LENGTH]      PORTS := PORT[-PORT]\n"                                   \
	"STATE := { syn-sent | syn-both | established | fin-initiator | fin-responder |\n"         \
	"           closed | reset | replied | unreplied }\n"                                      \
	"internal: as the inside host's packets arrive, external: as they leave the gateway;\n"    \
	"src, sport, dst, dport look at both. All conditions must hold.\n"

/* session_filter_parse() - read the words of a command.
 * Return: EXIT_DONE, or EXIT_WRONG after a message. */
int session_filter_parse(struct session_filter *filter, const struct pgw_call *call);

/* session_filter_resolve() - find the names it has. Return: as session_filter_parse(). */
int session_filter_resolve(struct session_filter *filter, const struct session_table *table);

bool session_filter_matches(const struct session_filter *filter, const struct session *session);

#endif
