/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/pgw/message.h"

enum option_id {
	OPTION_VERSION,
	OPTION_HUMAN,
	OPTION_STATISTICS,
	OPTION_DETAILS,
	OPTION_ONELINE,
	OPTION_BRIEF,
	OPTION_TIMESTAMP,
	OPTION_JSON,
	OPTION_PRETTY,
	OPTION_COLOR,
	OPTION_RUNDIR,
	OPTION_BATCH,
	OPTION_FORCE,
	OPTION_YES,
	OPTION_HELP,
	OPTION_COUNT
};

const struct option_text option_texts[] = {
	[OPTION_VERSION] = {"Version", 1, NULL, "print the version of this tool"},
	[OPTION_HUMAN] = {"human", 1, NULL, "numbers with k, M, G; times as 1h02m"},
	[OPTION_STATISTICS] = {"statistics", 1, NULL, "more figures"},
	[OPTION_DETAILS] = {"details", 1, NULL, "every field, on a further line"},
	[OPTION_ONELINE] = {"oneline", 1, NULL, "one line a record, each value after its name"},
	[OPTION_BRIEF] = {"brief", 2, NULL, "the most important columns, without a header"},
	[OPTION_TIMESTAMP] = {"timestamp", 1, NULL, "monitor: begin each line with the time"},
	[OPTION_JSON] = {"json", 1, NULL, "print JSON"},
	[OPTION_PRETTY] = {"pretty", 1, NULL, "with -json: indented"},
	[OPTION_COLOR] = {"color", 1, "[=always|auto|never]", "colour; alone it means always"},
	[OPTION_RUNDIR] = {"rundir", 1, " RUNDIR", "where pgwd keeps its socket, default /run/pgw"},
	[OPTION_BATCH] = {"batch", 2, " FILE", "read commands from FILE, - is standard input"},
	[OPTION_FORCE] = {"force", 1, NULL, "with -batch: go on after a command that failed"},
	[OPTION_YES] = {"yes", 1, NULL, "do not ask before what is final"},
	[OPTION_HELP] = {"help", 2, NULL, "print the help"},
};
_Static_assert(sizeof(option_texts) / sizeof(option_texts[0]) == OPTION_COUNT, "one text each");
const size_t n_option_texts = OPTION_COUNT;

static bool matches(const struct option_text *option, const char *word, size_t n)
{
	return n <= strlen(option->name) && memcmp(option->name, word, n) == 0;
}

/* The option for which @word, of @n bytes, stands; "-b" is too short for both that begin so. */
static int option_find(const char *argument, const char *word, size_t n)
{
	char candidates[200] = "";
	size_t used = 0;
	int count = 0;

	if (n == 7 && memcmp(word, "version", 7) == 0) /* what most programs call it */
		return OPTION_VERSION;
	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option_text *option = &option_texts[i];

		if (n == 0 || !matches(option, word, n))
			continue;
		if (n >= option->shortest) /* at most one option has a shorter form than others */
			return i;
		used += (size_t)snprintf(candidates + used, sizeof(candidates) - used, "%s-%s",
					 count ? ", " : "", option->name);
		count++;
	}
	if (count > 0)
		message_error("option \"%s\" is ambiguous: %s", argument, candidates);
	else
		message_error("option \"%s\" is unknown, try \"pgw -help\"", argument);
	return -1;
}

static int parse_colour(struct options *options, const char *value)
{
	static const char *const names[] = {
		[COLOUR_AUTO] = "auto", [COLOUR_ALWAYS] = "always", [COLOUR_NEVER] = "never"};

	options->colour_given = true;
	options->colour = COLOUR_ALWAYS;
	if (!value)
		return 0;
	for (int i = 0; i < 3; i++) {
		if (strcmp(names[i], value) == 0) {
			options->colour = (enum colour_choice)i;
			return 0;
		}
	}
	message_wrong(value, "expected always, auto or never");
	return -1;
}

/* Options that are one flag. NULL for the others. */
static bool *option_flag(struct options *options, enum option_id id)
{
	switch (id) {
	case OPTION_VERSION:
		return &options->version;
	case OPTION_HUMAN:
		return &options->human;
	case OPTION_STATISTICS:
		return &options->statistics;
	case OPTION_DETAILS:
		return &options->details;
	case OPTION_ONELINE:
		return &options->oneline;
	case OPTION_BRIEF:
		return &options->brief;
	case OPTION_TIMESTAMP:
		return &options->timestamp;
	case OPTION_JSON:
		return &options->json;
	case OPTION_PRETTY:
		return &options->pretty;
	case OPTION_FORCE:
		return &options->force;
	case OPTION_YES:
		return &options->yes;
	case OPTION_HELP:
		return &options->help;
	default:
		return NULL;
	}
}

int options_parse(struct options *options, int argc, char **argv)
{
	int at = 0;

	while (at < argc && argv[at][0] == '-' && argv[at][1] != '\0') {
		const char *argument = argv[at++];
		const char *word = argument + (argument[1] == '-' ? 2 : 1);
		const char *equals = strchr(word, '=');
		const char **value;
		bool *flag;
		int id;

		if (*word == '\0') /* "--" ends the options */
			break;
		id = option_find(argument, word, equals ? (size_t)(equals - word) : strlen(word));
		if (id < 0)
			return -1;
		if (id == OPTION_COLOR) {
			if (parse_colour(options, equals ? equals + 1 : NULL))
				return -1;
			continue;
		}
		flag = option_flag(options, (enum option_id)id);
		if (flag && equals) {
			message_wrong(argument, "option -%s takes no value", option_texts[id].name);
			return -1;
		}
		if (flag) {
			*flag = true;
			continue;
		}
		value = id == OPTION_RUNDIR ? &options->rundir : &options->batch;
		if (equals) {
			*value = equals + 1;
		} else if (at < argc) {
			*value = argv[at++];
		} else {
			message_error("argument \"%s\" is required: option -%s needs it",
				      option_texts[id].value + 1, option_texts[id].name);
			return -1;
		}
	}
	return at;
}

bool options_colour(const struct options *options, int fd)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (options->json || options->colour == COLOUR_NEVER)
		return false;
	if (options->colour == COLOUR_ALWAYS)
		return true;
	if (!options->colour_given && no_color && *no_color)
		return false;
	return isatty(fd) == 1 && term && strcmp(term, "dumb") != 0;
}
