/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/config/metrics.h"

#include <arpa/inet.h>
#include <string.h>

#include "control/config/argument.h"
#include "control/config/error.h"

#define EXPECTED "expected off, ADDRESS:PORT such as 127.0.0.1:9469 or default"

static int wrong(const struct word *word, const char *why, struct config_error *error)
{
	char buf[ERROR_WORD_BYTES];

	return error_set(error, 0, word->column, "argument \"%s\" is wrong: %s",
			 error_word(buf, word->text), why);
}

static int read_remote(struct config_metrics *metrics, const struct line *line,
		       struct config_error *error)
{
	char buf[ERROR_WORD_BYTES];
	struct reason why = {0};

	if (line->n <= 3)
		return 0;
	if (strcmp(line->words[3].text, "remote") != 0)
		return error_set(error, 0, line->words[3].column,
				 "keyword \"%s\" is unknown, expected remote",
				 error_word(buf, line->words[3].text));
	if (line->n == 4)
		return error_set(error, 0, line->end_column,
				 "a value is required after \"remote\", expected on or off");
	if (!argument_on_off(&metrics->remote, line->words[4].text, &why))
		return wrong(&line->words[4], why.text, error);
	return 0;
}

/* Figures are told to whoever asks: to other hosts only where that is said. */
static int read_metrics(struct config_metrics *metrics, const struct line *line,
			struct config_error *error)
{
	const struct word *word = &line->words[2];
	size_t end = 3;
	char buf[ERROR_WORD_BYTES];

	if (line->n < 3)
		return error_set(error, 0, line->end_column,
				 "a value is required after \"" METRICS_NAME "\", " EXPECTED);
	if (strcmp(word->text, "off") != 0 && strcmp(word->text, "default") != 0) {
		int code;
		uint8_t first;

		if (!argument_endpoint(&metrics->addr, &metrics->port, word->text))
			return wrong(word, EXPECTED, error);
		first = (uint8_t)(ntohl(metrics->addr) >> 24);
		if (first == 0 || first >= 224)
			return wrong(word, "expected an address of this host", error);
		code = read_remote(metrics, line, error);
		if (code)
			return code;
		if (first != 127 && !metrics->remote)
			return wrong(word,
				     "expected an address of 127.0.0.0/8, or \"remote on\" after "
				     "it: anyone who reaches it may ask",
				     error);
		metrics->remote = first != 127;
		end = line->n > 3 ? 5 : 3;
	}
	if (line->n > end)
		return error_set(error, 0, line->words[end].column,
				 "\"%s\" is unexpected, expected the end of the line",
				 error_word(buf, line->words[end].text));
	return 0;
}

int metrics_apply(struct edit *edit, const struct line *line, struct config_error *error)
{
	struct config_metrics metrics = {.port = 0};
	int code = read_metrics(&metrics, line, error);

	if (code)
		return code;
	if (edit->mode == EDIT_FILE && edit->metrics_line)
		return error_set(error, 0, line->words[1].column,
				 "\"" METRICS_NAME "\" is set already, on line %u",
				 edit->metrics_line);
	edit->metrics_line = edit->line;
	edit->config->metrics = metrics;
	return 0;
}

void metrics_value(struct config_text *text, const struct config_metrics *metrics)
{
	char address[ADDR_TEXT_BYTES];

	if (!metrics->port)
		config_text_add(text, "off");
	else
		config_text_add(text, "%s:%u%s", addr_text(metrics->addr, address), metrics->port,
				metrics->remote ? " remote on" : "");
}

bool metrics_equal(const struct config_metrics *a, const struct config_metrics *b)
{
	return a->port == b->port && a->addr == b->addr && a->remote == b->remote;
}
