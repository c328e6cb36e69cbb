/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rewrite - a configuration file that says something else now, line by line: comments, order and
 * layout are whoever wrote it's, and stay where nothing else has to change.
 *
 * A statement that is to say something else is replaced in its line, one that is no more takes its
 * line with it, a new one comes behind the last of its kind. What comes out is read again: where it
 * does not say what it should (the file has "del" statements, or another setting is wanted), it is
 * printed as a whole.
 */
#include <stdlib.h>
#include <string.h>

#include "control/config/kind.h"

struct line {
	const char *text; /* without its end */
	size_t bytes;
	bool gone;
	struct config_text fresh;  /* the statement that it is to have; nothing: it stays */
	struct config_text behind; /* lines that come after it */
};

struct file {
	struct line *lines; /* [0]: what comes before all others */
	size_t n;
};

static bool split(struct file *file, const char *text, size_t bytes)
{
	const char *end = text + bytes;
	size_t n = 2;

	for (const char *p = text; p < end; p++)
		n += *p == '\n';
	file->lines = calloc(n, sizeof(*file->lines));
	if (!file->lines)
		return false;
	file->lines[0].text = text;
	file->n = 1;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline ? newline : end;

		file->lines[file->n++] =
			(struct line){.text = text, .bytes = (size_t)(line_end - text)};
		text = newline ? newline + 1 : end;
	}
	return true;
}

static void release(struct file *file)
{
	for (size_t i = 0; i < file->n; i++) {
		free(file->lines[i].fresh.bytes);
		free(file->lines[i].behind.bytes);
	}
	free(file->lines);
}

static void statement(struct config_text *text, enum config_kind kind, const void *item)
{
	config_text_add(text, "%s add ", kinds[kind].name);
	kind_print(kind, text, item);
}

/* The last line that has one of @kind; without any, that of the file. */
static struct line *last_of(const struct file *file, const struct config *before,
			    enum config_kind kind)
{
	unsigned last = 0;

	for (size_t i = 0; i < kind_count(before, kind); i++) {
		unsigned line = kind_line(kind, kind_item(before, kind, i));

		if (line > last)
			last = line;
	}
	return &file->lines[last && last < file->n ? last : file->n - 1];
}

/* Both are sorted. */
static void compare_kind(const struct file *file, const struct config *before,
			 const struct config *wanted, enum config_kind kind)
{
	size_t n_before = kind_count(before, kind), n_wanted = kind_count(wanted, kind);
	struct line *last = last_of(file, before, kind);
	size_t b = 0, w = 0;

	while (b < n_before || w < n_wanted) {
		const void *old = b < n_before ? kind_item(before, kind, b) : NULL;
		const void *new = w < n_wanted ? kind_item(wanted, kind, w) : NULL;
		int order = !old ? 1 : !new ? -1 : kinds[kind].compare(old, new);
		unsigned at = old ? kind_line(kind, old) : 0;

		b += order <= 0;
		w += order >= 0;
		if (order > 0) {
			statement(&last->behind, kind, new);
			config_text_add(&last->behind, "\n");
		} else if (at && at < file->n && order < 0) {
			file->lines[at].gone = true;
		} else if (at && at < file->n && !kinds[kind].equal(old, new)) {
			statement(&file->lines[at].fresh, kind, new);
		}
	}
}

/* Where the comment of a statement's line begins, with the blanks before it; its end without one.
 */
static size_t comment_at(const struct line *line)
{
	size_t at = 0;

	for (bool quoted = false; at < line->bytes; at++) {
		char c = line->text[at];

		if (quoted && c == '\\')
			at++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == '#' && !quoted)
			break;
	}
	if (at > line->bytes)
		at = line->bytes;
	while (at && strchr(" \t\r", line->text[at - 1]))
		at--;
	return at;
}

static void add_line(struct config_text *text, const struct line *line)
{
	size_t blanks = 0, comment = comment_at(line);

	if (!line->fresh.n) {
		config_text_add(text, "%.*s\n", (int)line->bytes, line->text);
		return;
	}
	while (blanks < line->bytes && strchr(" \t", line->text[blanks]))
		blanks++;
	config_text_add(text, "%.*s%s%.*s\n", (int)blanks, line->text, line->fresh.bytes,
			(int)(line->bytes - comment), line->text + comment);
}

static char *join(const struct file *file)
{
	struct config_text text = {.n = 0};
	bool failed = false;

	for (size_t i = 0; i < file->n; i++) {
		const struct line *line = &file->lines[i];

		if (i && !line->gone)
			add_line(&text, line);
		if (line->behind.n)
			config_text_add(&text, "%s", line->behind.bytes);
		failed |= line->fresh.failed || line->behind.failed;
	}
	config_text_add(&text, "%s", "");
	if (!failed)
		return config_text_take(&text);
	free(config_text_take(&text));
	return NULL;
}

/* Whether @text says what @wanted is. */
static bool says(const char *text, const struct config *wanted)
{
	struct config read;
	struct config_diff diff;
	struct config_error error;
	bool same;

	config_init(&read);
	same = !config_parse(&read, text, strlen(text), &error) &&
	       !config_diff(&diff, &read, wanted);
	if (same) {
		same = !diff.n_changes;
		config_diff_free(&diff);
	}
	config_free(&read);
	return same;
}

char *config_rewrite(const char *text, size_t bytes, const struct config *wanted)
{
	struct file file = {.n = 0};
	struct config_error error;
	struct config before;
	char *result = NULL;

	config_init(&before);
	if (!config_parse(&before, text, bytes, &error) && split(&file, text, bytes)) {
		for (unsigned kind = 0; kind < KIND_COUNT; kind++)
			compare_kind(&file, &before, wanted, kind);
		result = join(&file);
		release(&file);
	}
	config_free(&before);
	if (result && says(result, wanted))
		return result;
	free(result);
	return config_print(wanted);
}
