/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/error.h"
#include "control/config/metrics.h"
#include "control/config/session_log.h"
#include "control/config/statement.h"

/* Words of a message, "a, b or c", are collected here; what does not fit is left out. */
struct choices {
	char text[224];
	size_t n;
};

static void choices_add(struct choices *choices, const char *separator, const char *name)
{
	size_t between = choices->n ? strlen(separator) : 0, bytes = strlen(name);

	if (choices->n + between + bytes >= sizeof(choices->text))
		return;
	memcpy(choices->text + choices->n, separator, between);
	memcpy(choices->text + choices->n + between, name, bytes + 1);
	choices->n += between + bytes;
}

static unsigned keyword_count(const struct keyword *keywords)
{
	unsigned n = 0;

	while (keywords[n].name)
		n++;
	return n;
}

static int unknown_keyword(const struct word *word, const struct keyword *keywords,
			   struct config_error *error)
{
	struct choices choices = {0};
	char buf[ERROR_WORD_BYTES];
	unsigned n = keyword_count(keywords);

	if (n == 0)
		return error_set(error, 0, word->column,
				 "\"%s\" is unexpected, expected the end of the line",
				 error_word(buf, word->text));
	for (unsigned i = 0; i < n; i++)
		choices_add(&choices, i == n - 1 ? " or " : ", ", keywords[i].name);
	return error_set(error, 0, word->column, "keyword \"%s\" is unknown, expected %s",
			 error_word(buf, word->text), choices.text);
}

static int wrong_argument(const struct word *word, const struct reason *why,
			  struct config_error *error)
{
	char buf[ERROR_WORD_BYTES];

	if (why->no_memory)
		return error_memory(error);
	return error_set(error, 0, word->column, "argument \"%s\" is wrong: %s",
			 error_word(buf, word->text), why->text);
}

/* What a statement must have and has not. @seen: bit i = keywords[i] was there. */
static int check_required(const struct line *line, const struct keyword *keywords, unsigned seen,
			  struct config_error *error)
{
	struct choices choices = {0};
	bool chosen = false;

	for (unsigned i = 0; i < keyword_count(keywords); i++) {
		const struct keyword *keyword = &keywords[i];
		bool given = seen >> i & 1;

		if ((keyword->flags & KEYWORD_REQUIRED) && !given)
			return error_set(error, 0, line->end_column,
					 "\"%s\" is required, expected \"%s %s\"", keyword->name,
					 keyword->name, keyword->value);
		if (keyword->flags & KEYWORD_CHOICE) {
			choices_add(&choices, "\" or \"", keyword->name);
			chosen |= given;
		}
	}
	if (choices.n && !chosen)
		return error_set(error, 0, line->end_column, "\"%s\" is required", choices.text);
	return 0;
}

/* The position of the keyword that @text is, or of the end. */
static unsigned find_keyword(const struct keyword *keywords, const char *text)
{
	unsigned i, n = keyword_count(keywords);

	for (i = 0; i < n && strcmp(keywords[i].name, text) != 0; i++)
		;
	return i;
}

/* A keyword that may not be given where it is. */
static int check_repeated(const struct keyword *keywords, unsigned at, unsigned seen,
			  const struct word *word, struct config_error *error)
{
	if ((seen >> at & 1) && !(keywords[at].flags & KEYWORD_REPEATED))
		return error_set(error, 0, word->column, "duplicate \"%s\", expected it once",
				 keywords[at].name);
	if (!(keywords[at].flags & KEYWORD_CHOICE))
		return 0;
	for (unsigned i = 0; i < keyword_count(keywords); i++)
		if ((keywords[i].flags & KEYWORD_CHOICE) && (seen >> i & 1))
			return error_set(error, 0, word->column,
					 "\"%s\" excludes \"%s\", expected one of them",
					 keywords[i].name, keywords[at].name);
	return 0;
}

/* The words from the fourth on: keywords and their values, in any order. */
static int read_keywords(const struct line *line, const struct keyword *keywords, void *item,
			 struct config_error *error)
{
	unsigned n = keyword_count(keywords), seen = 0;
	struct reason why = {0};

	for (size_t i = 3; i < line->n; i++) {
		const struct word *word = &line->words[i];
		unsigned at = find_keyword(keywords, word->text);
		const char *value = word->text;
		int wrong;

		if (at == n)
			return unknown_keyword(word, keywords, error);
		wrong = check_repeated(keywords, at, seen, word, error);
		if (wrong)
			return wrong;
		seen |= 1u << at;
		if (keywords[at].value) {
			if (++i == line->n)
				return error_set(error, 0, line->end_column,
						 "a value is required after \"%s\", expected %s",
						 word->text, keywords[at].value);
			word = &line->words[i];
			value = word->text;
		}
		if (!keywords[at].read((char *)item + keywords[at].offset, value, &why))
			return wrong_argument(word, &why, error);
	}
	return check_required(line, keywords, seen, error);
}

/* Say @what about an item, whose key stands at @column. */
static int about_item(enum config_kind kind, const void *item, unsigned column, const char *what,
		      struct config_error *error)
{
	struct config_text key = {0};
	char *text, buf[ERROR_WORD_BYTES];

	kind_print_key(kind, &key, item);
	text = config_text_take(&key);
	if (!text)
		return error_memory(error);
	error_set(error, 0, column, "%s \"%s\" %s", kinds[kind].name, error_word(buf, text), what);
	free(text);
	return -EINVAL;
}

static int exists_already(const struct edit *edit, enum config_kind kind, const void *found,
			  unsigned column, struct config_error *error)
{
	struct config_text what = {0};
	char *text;
	int result;

	if (edit->mode == EDIT_FILE) {
		config_text_add(&what, "exists already, it is on line %u", kind_line(kind, found));
	} else {
		config_text_add(&what, "exists already, remove it first: %s del ",
				kinds[kind].name);
		kind_print_key(kind, &what, found);
	}
	text = config_text_take(&what);
	if (!text)
		return error_memory(error);
	result = about_item(kind, found, column, text, error);
	free(text);
	return result;
}

static int add_item(struct edit *edit, enum config_kind kind, union config_item *item,
		    const struct line *line, struct config_error *error)
{
	const void *found;
	struct reason why = {0};
	int wrong = read_keywords(line, objects[kind].add, item, error);

	if (wrong)
		return wrong;
	if (objects[kind].choose && !objects[kind].choose(edit, item, &why))
		return wrong_argument(&line->words[2], &why, error);
	found = edit_find(edit, kind, item);
	if (found)
		return exists_already(edit, kind, found, line->words[2].column, error);
	if (kind_count(edit->config, kind) >= kinds[kind].max)
		return error_set(error, 0, line->words[0].column,
				 "too many: at most %zu %s statements are possible",
				 kinds[kind].max, kinds[kind].name);
	memcpy((char *)item + kinds[kind].line_offset, &edit->line, sizeof(edit->line));
	if (edit_insert(edit, kind, item))
		return error_memory(error);
	return 0;
}

/* Return: how many it were */
static size_t del_all(struct edit *edit, enum config_kind kind, const union config_item *item)
{
	size_t before = kind_count(edit->config, kind);

	for (size_t i = before; i-- > 0;)
		if (objects[kind].same(kind_item(edit->config, kind, i), item))
			edit_remove(edit, kind, kind_item(edit->config, kind, i));
	return before - kind_count(edit->config, kind);
}

static int del_item(struct edit *edit, enum config_kind kind, union config_item *item,
		    const struct line *line, struct config_error *error)
{
	void *found;
	int wrong = read_keywords(line, objects[kind].del, item, error);

	if (wrong)
		return wrong;
	if (objects[kind].all && objects[kind].all(item) && del_all(edit, kind, item))
		return 0;
	found = edit_find(edit, kind, item);
	if (!found || (objects[kind].same && !objects[kind].same(found, item))) {
		wrong = about_item(kind, item, line->words[2].column,
				   "does not exist, expected one that was added before", error);
		error->absent = wrong == -EINVAL;
		return wrong;
	}
	edit_remove(edit, kind, found);
	return 0;
}

static int apply_object(struct edit *edit, enum config_kind kind, const struct line *line,
			struct config_error *error)
{
	const struct object *object = &objects[kind];
	union config_item item;
	struct reason why = {0};
	bool (*read_key)(void *field, const char *text, struct reason *why);
	bool add = line->n > 1 && strcmp(line->words[1].text, "add") == 0;
	char buf[ERROR_WORD_BYTES];
	int result;

	if (line->n < 2)
		return error_set(error, 0, line->end_column,
				 "a command is required after \"%s\", expected add or del",
				 kinds[kind].name);
	if (!add && strcmp(line->words[1].text, "del") != 0)
		return error_set(error, 0, line->words[1].column,
				 "command \"%s\" is unknown, expected add or del",
				 error_word(buf, line->words[1].text));
	if (line->n < 3)
		return error_set(error, 0, line->end_column, "\"%s\" is required after \"%s %s\"",
				 object->key, kinds[kind].name, line->words[1].text);
	memset(&item, 0, sizeof(item));
	if (add && object->normal)
		object->normal(&item);
	read_key = add && object->read_new_key ? object->read_new_key : object->read_key;
	if (!read_key((char *)&item + object->key_offset, line->words[2].text, &why))
		return wrong_argument(&line->words[2], &why, error);
	if (!add)
		return del_item(edit, kind, &item, line, error);
	result = add_item(edit, kind, &item, line, error);
	if (result)
		kinds[kind].release(&item);
	return result;
}

/* The names of settings @first to @end - 1, in order, behind what is there. */
static void choices_settings(struct choices *choices, unsigned first, unsigned end)
{
	for (unsigned i = first; i < end; i++)
		choices_add(choices, i == end - 1 ? " or " : ", ", settings[i].name);
}

/* "set timer NAME VALUE" has one word more than the other settings. */
static int find_setting(const struct line *line, unsigned *setting, struct config_error *error)
{
	struct choices choices = {0};
	char buf[ERROR_WORD_BYTES];
	unsigned first = SETTING_FLOW_CAPACITY, end = SETTING_COUNT;
	const struct word *word;
	size_t at = 1;

	if (line->n > 1 && strcmp(line->words[1].text, "timer") == 0) {
		at = 2;
		first = 0;
		end = TIMER_COUNT;
	} else {
		choices_add(&choices, "", "timer");
		choices_add(&choices, ", ", SESSION_LOG_NAME);
		choices_add(&choices, ", ", METRICS_NAME);
	}
	choices_settings(&choices, first, end);
	if (line->n <= at)
		return error_set(error, 0, line->end_column, "a name is required, expected %s",
				 at == 1 ? choices.text : "that of a timer such as udp-timeout");
	word = &line->words[at];
	for (*setting = first; *setting < end; ++*setting)
		if (strcmp(word->text, settings[*setting].name) == 0)
			return 0;
	return error_set(error, 0, word->column, "%s \"%s\" is unknown, expected %s",
			 at == 1 ? "setting" : "timer", error_word(buf, word->text), choices.text);
}

/* The value that @text is for a setting; "default" and its words included. */
static bool read_setting(unsigned setting, const char *text, uint32_t *value, struct reason *why)
{
	const struct setting *s = &settings[setting];
	char expected[SETTING_EXPECTED_BYTES];
	struct reason unused;

	*value = s->normal;
	if (strcmp(text, "default") == 0)
		return true;
	for (unsigned i = 0; i < SETTING_WORDS_MAX && s->word[i].text; i++) {
		*value = s->word[i].value;
		if (strcmp(text, s->word[i].text) == 0)
			return true;
	}
	if (s->unit && argument_number(value, text, s->min, s->max, &unused))
		return true;
	return argument_wrong(why, "expected %s", setting_expected(setting, expected));
}

static int value_required(const struct line *line, unsigned setting, struct config_error *error)
{
	const struct setting *s = &settings[setting];
	struct choices choices = {0};

	for (unsigned i = 0; i < SETTING_WORDS_MAX && s->word[i].text; i++)
		choices_add(&choices, ", ", s->word[i].text);
	if (s->unit)
		choices_add(&choices, ", ", s->unit);
	return error_set(error, 0, line->end_column,
			 "a value is required after \"%s\", expected %s or default", s->name,
			 choices.text);
}

static int apply_set(struct edit *edit, const struct line *line, struct config_error *error)
{
	unsigned setting = SETTING_COUNT;
	uint32_t value;
	struct reason why = {0};
	size_t at;
	char buf[ERROR_WORD_BYTES];
	int wrong;

	if (line->n > 1 && strcmp(line->words[1].text, SESSION_LOG_NAME) == 0)
		return session_log_apply(edit, line, error);
	if (line->n > 1 && strcmp(line->words[1].text, METRICS_NAME) == 0)
		return metrics_apply(edit, line, error);
	wrong = find_setting(line, &setting, error);
	if (wrong)
		return wrong;
	at = setting < TIMER_COUNT ? 3 : 2;
	if (line->n <= at)
		return value_required(line, setting, error);
	if (!read_setting(setting, line->words[at].text, &value, &why))
		return wrong_argument(&line->words[at], &why, error);
	if (line->n > at + 1)
		return error_set(error, 0, line->words[at + 1].column,
				 "\"%s\" is unexpected, expected the end of the line",
				 error_word(buf, line->words[at + 1].text));
	if (edit->mode == EDIT_FILE && edit->setting_line[setting])
		return error_set(error, 0, line->words[at - 1].column,
				 "\"%s\" is set already, on line %u", settings[setting].name,
				 edit->setting_line[setting]);
	edit->setting_line[setting] = edit->line;
	*setting_value(edit->config, setting) = value;
	return 0;
}

int statement_apply(struct edit *edit, const struct line *line, struct config_error *error)
{
	struct choices choices = {0};
	char buf[ERROR_WORD_BYTES];

	if (strcmp(line->words[0].text, "set") == 0)
		return apply_set(edit, line, error);
	for (unsigned kind = 0; kind < KIND_COUNT; kind++)
		if (strcmp(line->words[0].text, kinds[kind].name) == 0)
			return apply_object(edit, kind, line, error);
	for (unsigned kind = 0; kind < KIND_COUNT; kind++)
		choices_add(&choices, ", ", kinds[kind].name);
	choices_add(&choices, " or ", "set");
	return error_set(error, 0, line->words[0].column, "object \"%s\" is unknown, expected %s",
			 error_word(buf, line->words[0].text), choices.text);
}
