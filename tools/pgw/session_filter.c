/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/session_filter.h"

#include <string.h>

#include "tools/pgw/message.h"

/* The words that are no conditions follow these. */
enum word {
	WORD_LIMIT = FILTER_CONDITIONS,
	WORD_COUNT, /* from here on without a value */
	WORD_ALL,
	WORDS
};

static unsigned find_word(const char *text)
{
	if (strcmp(text, "limit") == 0)
		return WORD_LIMIT;
	if (strcmp(text, "count") == 0)
		return WORD_COUNT;
	if (strcmp(text, "all") == 0)
		return WORD_ALL;
	return filter_condition(text) < FILTER_CONDITIONS ? filter_condition(text) : WORDS;
}

static const char *read_value(struct session_filter *filter, unsigned word, const char *text)
{
	if (word < FILTER_CONDITIONS)
		return filter_set(&filter->flow, &filter->text, (enum flow_condition)word, text);
	filter->limit_set = true;
	return filter_number(&filter->limit, text);
}

int session_filter_parse(struct session_filter *filter, const struct pgw_call *call)
{
	uint32_t seen = 0;

	*filter = (struct session_filter){.conditions = 0};
	for (int at = 0; at < call->argc; at++) {
		const char *text = call->argv[at], *expected;
		unsigned word = find_word(text);

		if (word == WORDS)
			return message_wrong(text, "expected a field of sessions such as src, try "
						   "\"pgw session help\"");
		if (seen >> word & 1)
			return message_duplicate(text, word < WORD_COUNT && at + 1 < call->argc
							       ? call->argv[at + 1]
							       : text);
		seen |= 1u << word;
		if (word != WORD_COUNT && word != WORD_LIMIT)
			filter->conditions++;
		filter->count |= word == WORD_COUNT;
		filter->all |= word == WORD_ALL;
		if (word >= WORD_COUNT)
			continue;
		if (++at == call->argc)
			return message_error("argument \"%s\" is required after \"%s\"",
					     word < FILTER_PORT ? "PREFIX" : "value", text);
		expected = read_value(filter, word, call->argv[at]);
		if (expected)
			return message_wrong(call->argv[at], "%s", expected);
	}
	return EXIT_DONE;
}

int session_filter_resolve(struct session_filter *filter, const struct session_table *table)
{
	enum flow_condition unknown =
		filter_resolve(&filter->flow, &filter->text, &table->snapshot);
	const char *kind;

	if (unknown == FILTER_CONDITIONS)
		return EXIT_DONE;
	kind = filter_name(unknown);
	return message_wrong(filter->text.value[unknown],
			     "no %s has this name, try \"pgw %s show\"", kind, kind);
}

bool session_filter_matches(const struct session_filter *filter, const struct session *session)
{
	return flow_filter_matches(&filter->flow, &session->flow, session->record);
}
