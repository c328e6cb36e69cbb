/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "control/config/kind.h"
#include "control/config/metrics.h"
#include "control/config/session_log.h"
#include "tools/pgw/grammar.h"
#include "tools/pgw/message.h"
#include "tools/pgw/objects.h"
#include "tools/pgw/remote.h"
#include "tools/pgw/statement.h"

enum { NAME, VALUE, DEFAULT };

static const struct print_column columns[] = {
	[NAME] = {"name", NULL, PRINT_NAME, PRINT_BRIEF, 0},
	[VALUE] = {"value", NULL, PRINT_NUMBER, PRINT_BRIEF, 0},
	[DEFAULT] = {"default", NULL, PRINT_NUMBER, 0, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

static void print_setting(struct printer *printer, unsigned column, enum config_setting setting,
			  uint32_t value)
{
	const char *word = setting_word(setting, value);

	if (word)
		print_text(printer, column, word);
	else
		print_number(printer, column, value);
}

/* @text: taken over */
static void print_words(struct printer *printer, const char *name, struct config_text *text)
{
	char *value = config_text_take(text);

	print_row(printer);
	print_text(printer, NAME, name);
	print_text(printer, VALUE, value ? value : "");
	print_text(printer, DEFAULT, "off");
	print_row_end(printer);
	free(value);
}

/* The settings have no operation of their own: they are read off the configuration's text. */
static int set_show(const struct pgw_call *call)
{
	struct printer *printer = call->pgw->printer;
	struct config_error error = {.line = 0};
	struct config_text log = {0}, metrics = {0};
	struct config config;
	const char *text;
	json_t *answer;
	int code = grammar_end(call, 0);

	if (code)
		return code;
	code = remote_ask(call->pgw, remote_operation("config-show"), &answer, NULL, NULL);
	if (code)
		return code;
	config_init(&config);
	text = json_string_value(json_object_get(answer, "text"));
	if (!text || config_parse(&config, text, strlen(text), &error)) {
		message_error("pgwd sent a configuration that this version cannot read: %s",
			      text ? error.text : "it has no text");
		code = EXIT_REFUSED;
	} else {
		print_begin(printer, &table);
		for (unsigned i = 0; i < SETTING_COUNT; i++) {
			print_row(printer);
			print_text(printer, NAME, settings[i].name);
			print_setting(printer, VALUE, i, setting_get(&config, i));
			print_setting(printer, DEFAULT, i, settings[i].normal);
			print_row_end(printer);
		}
		session_log_value(&log, &config.session_log);
		print_words(printer, SESSION_LOG_NAME, &log);
		metrics_value(&metrics, &config.metrics);
		print_words(printer, METRICS_NAME, &metrics);
		print_end(printer);
	}
	config_free(&config);
	json_decref(answer);
	return code;
}

static const struct pgw_command commands[] = {
	{"show", "list", "", "list all settings with their defaults", set_show},
	{"timer", NULL, "TIMER { SECONDS | default }", "how long idle sessions are kept",
	 statement_add},
	{"flow-capacity", NULL, "{ NUMBER | default }", "sessions that the flow table can hold",
	 statement_add},
	{"icmp-rate", NULL, "{ NUMBER | default }", "ICMP errors of the gateway's own a second",
	 statement_add},
	{"connection-limits", NULL, "{ NUMBER | off | default }", "sessions that a client may have",
	 statement_add},
	{"mapping-limits", NULL, "{ NUMBER | off | default }", "mappings that a client may have",
	 statement_add},
	{"creation-rate", NULL, "{ NUMBER | off | default }",
	 "sessions that a client may begin in a second", statement_add},
	{"mss-clamp", NULL, "{ off | path | BYTES | default }",
	 "the largest segment size that SYNs may carry on", statement_add},
	{"dead-flow", NULL, "{ drop | rst | default }",
	 "what becomes of a TCP segment of no session", statement_add},
	{"access-policy", NULL, "{ filtered | open | default }",
	 "who may use services on the Internet: the allow list, or everyone", statement_add},
	{"session-log", NULL,
	 "{ off | ipfix ADDRESS:PORT [ DESTINATIONS ] | file PATH [ DESTINATIONS ] | default }",
	 "where sessions are logged; DESTINATIONS is \"destinations on\" or \"destinations off\"",
	 statement_add},
	{"metrics", NULL, "{ off | ADDRESS:PORT [ REMOTE ] | default }",
	 "where figures are served over HTTP; REMOTE is \"remote on\", for other addresses than "
	 "127/8",
	 statement_add},
	{"threshold", NULL, "{ PERCENT | off | default }",
	 "the fill of a table or pool from which on it is logged", statement_add},
	{"duplicate-detection", NULL, "{ off | announce | probe | default }",
	 "what is done about another host that has an address of the gateway", statement_add},
	{"vmac-quota", NULL, "{ NUMBER | default }", "virtual MACs that the gateway may have",
	 statement_add},
	{"workers", NULL, "{ NUMBER | auto | default }",
	 "threads that forward; a change starts the datapath anew, sessions stay", statement_add},
};

const struct pgw_object set_object = {
	.name = "set",
	.text = "timers and limits",
	OBJECT_COMMANDS(commands),
	.where =
		"TIMER := { udp-timeout | tcp-idle-timeout | tcp-trans-open-timeout |\n"
		"           tcp-trans-close-timeout | tcp-in-syn-timeout | fragment-min-timeout |\n"
		"           icmp-timeout | hold-down-timeout }\n",
};
