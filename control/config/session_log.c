/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/config/session_log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "control/config/argument.h"
#include "control/config/error.h"

#define KIND_EXPECTED "expected off, ipfix ADDRESS:PORT, file PATH or default"

static const char path_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./_-+@:%=,~";

static int wrong(const struct word *word, const char *why, struct config_error *error)
{
	char buf[ERROR_WORD_BYTES];

	return error_set(error, 0, word->column, "argument \"%s\" is wrong: %s",
			 error_word(buf, word->text), why);
}

/* "A.B.C.D:PORT" of one host; this host's own loopback is one, too. */
static int read_collector(struct config_session_log *log, const struct word *word,
			  struct config_error *error)
{
	static const char expected[] =
		"expected the ADDRESS:PORT of a collector, as 192.0.2.9:4739";
	uint8_t first;

	if (!argument_endpoint(&log->addr, &log->port, word->text))
		return wrong(word, expected, error);
	first = (uint8_t)(ntohl(log->addr) >> 24);
	if (first == 0 || first >= 224)
		return wrong(word, "expected the address of one host", error);
	return 0;
}

static int read_path(struct config_session_log *log, const struct word *word,
		     struct config_error *error)
{
	size_t bytes = strlen(word->text);

	if (word->text[0] != '/' || word->text[bytes - 1] == '/' ||
	    word->text[strspn(word->text, path_letters)])
		return wrong(word,
			     "expected the path of a file, from / on, of letters, digits and "
			     "./_-+@:%=,~",
			     error);
	if (bytes >= sizeof(log->path))
		return wrong(word, "expected a path of at most 127 bytes", error);
	memcpy(log->path, word->text, bytes + 1);
	return 0;
}

static int read_destinations(struct config_session_log *log, const struct line *line, size_t at,
			     struct config_error *error)
{
	char buf[ERROR_WORD_BYTES];
	struct reason why = {0};

	if (line->n <= at)
		return 0;
	if (strcmp(line->words[at].text, "destinations") != 0)
		return error_set(error, 0, line->words[at].column,
				 "keyword \"%s\" is unknown, expected destinations",
				 error_word(buf, line->words[at].text));
	if (line->n == at + 1)
		return error_set(error, 0, line->end_column,
				 "a value is required after \"destinations\", expected on or off");
	if (!argument_on_off(&log->destinations, line->words[at + 1].text, &why))
		return wrong(&line->words[at + 1], why.text, error);
	return 0;
}

static int read_log(struct config_session_log *log, const struct line *line,
		    struct config_error *error)
{
	const struct word *word = &line->words[2];
	size_t end = 3;
	char buf[ERROR_WORD_BYTES];
	bool ipfix;
	int code = 0;

	if (line->n < 3)
		return error_set(error, 0, line->end_column,
				 "a value is required after \"" SESSION_LOG_NAME
				 "\", " KIND_EXPECTED);
	ipfix = strcmp(word->text, "ipfix") == 0;
	if (ipfix || strcmp(word->text, "file") == 0) {
		if (line->n < 4)
			return error_set(error, 0, line->end_column, "%s is required after \"%s\"",
					 ipfix ? "ADDRESS:PORT" : "PATH", word->text);
		log->kind = ipfix ? SESSION_LOG_IPFIX : SESSION_LOG_FILE;
		code = ipfix ? read_collector(log, &line->words[3], error)
			     : read_path(log, &line->words[3], error);
		if (!code)
			code = read_destinations(log, line, 4, error);
		end = line->n > 4 ? 6 : 4;
	} else if (strcmp(word->text, "off") != 0 && strcmp(word->text, "default") != 0) {
		return wrong(word, KIND_EXPECTED, error);
	}
	if (!code && line->n > end)
		return error_set(error, 0, line->words[end].column,
				 "\"%s\" is unexpected, expected the end of the line",
				 error_word(buf, line->words[end].text));
	return code;
}

int session_log_apply(struct edit *edit, const struct line *line, struct config_error *error)
{
	struct config_session_log log = {.kind = SESSION_LOG_OFF};
	int code = read_log(&log, line, error);

	if (code)
		return code;
	if (edit->mode == EDIT_FILE && edit->session_log_line)
		return error_set(error, 0, line->words[1].column,
				 "\"" SESSION_LOG_NAME "\" is set already, on line %u",
				 edit->session_log_line);
	edit->session_log_line = edit->line;
	edit->config->session_log = log;
	return 0;
}

void session_log_value(struct config_text *text, const struct config_session_log *log)
{
	char address[ADDR_TEXT_BYTES];

	switch (log->kind) {
	case SESSION_LOG_IPFIX:
		config_text_add(text, "ipfix %s:%u", addr_text(log->addr, address), log->port);
		break;
	case SESSION_LOG_FILE:
		config_text_add(text, "file %s", log->path);
		break;
	case SESSION_LOG_OFF:
		config_text_add(text, "off");
		break;
	}
	if (log->destinations)
		config_text_add(text, " destinations on");
}

void session_log_print(struct config_text *text, const struct config_session_log *log)
{
	config_text_add(text, "set " SESSION_LOG_NAME " ");
	session_log_value(text, log);
}

bool session_log_equal(const struct config_session_log *a, const struct config_session_log *b)
{
	return a->kind == b->kind && a->destinations == b->destinations && a->addr == b->addr &&
	       a->port == b->port && strcmp(a->path, b->path) == 0;
}
