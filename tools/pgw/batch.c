/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/lex.h"
#include "tools/pgw/grammar.h"
#include "tools/pgw/message.h"

static int run_words(struct pgw *pgw, const struct line *line)
{
	const char *argv[LINE_WORDS_MAX];

	for (size_t i = 0; i < line->n; i++)
		argv[i] = line->words[i].text;
	return grammar_run(pgw, (int)line->n, argv);
}

/* @bytes without the end of line. */
static int run_line(struct pgw *pgw, struct line *line, const char *text, size_t bytes)
{
	struct config_error error = {.column = 0};

	if (lex_line(line, text, bytes, &error)) {
		message_error("%s", error.text);
		message_place(text, bytes, error.column);
		return EXIT_WRONG;
	}
	return line->n ? run_words(pgw, line) : EXIT_DONE;
}

int batch_run(struct pgw *pgw)
{
	const char *name = pgw->options.batch;
	bool standard = strcmp(name, "-") == 0;
	FILE *file = standard ? stdin : fopen(name, "re");
	unsigned long number = 0;
	int result = EXIT_DONE;
	struct line *line;
	char *text = NULL;
	size_t room = 0;
	ssize_t bytes;

	if (!file)
		return message_error("cannot read %s: %s", name, strerror(errno));
	line = malloc(sizeof(*line));
	while (line && (result == EXIT_DONE || pgw->options.force) &&
	       (errno = 0, bytes = getline(&text, &room, file)) >= 0) {
		int code;

		number++;
		while (bytes > 0 && (text[bytes - 1] == '\n' || text[bytes - 1] == '\r'))
			bytes--;
		code = run_line(pgw, line, text, (size_t)bytes);
		print_flush(pgw->printer); /* so that output and messages keep their order */
		if (code == EXIT_DONE)
			continue;
		message_line("Command failed %s:%lu", name, number);
		if (result == EXIT_DONE)
			result = code;
	}
	if (!line || (ferror(file) && errno))
		result = message_error("cannot read %s: %s", name, strerror(line ? errno : ENOMEM));
	free(line);
	free(text);
	if (!standard)
		fclose(file);
	return result;
}
