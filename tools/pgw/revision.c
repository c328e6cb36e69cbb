/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/revision.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pgw/item.h"
#include "tools/pgw/message.h"

#define MARK	    "# revision "
#define SECONDS_MAX 86400

static const struct print_column columns[] = {
	{"revision", NULL, PRINT_NUMBER, PRINT_BRIEF, 0},
	{"time", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	{"origin", NULL, PRINT_NAME, 0, 0},
	{"user", NULL, PRINT_PLAIN, PRINT_BRIEF, 0},
	{"changes", NULL, PRINT_COUNT, 0, 0},
	{"same-as", NULL, PRINT_NUMBER, PRINT_DETAIL, 0},
	{"uid", NULL, PRINT_NUMBER, PRINT_DETAIL, 0},
	{"pid", NULL, PRINT_NUMBER, PRINT_DETAIL, 0},
	{"state", NULL, PRINT_STATE, 0, 0},
	{"comment", NULL, PRINT_PLAIN, 0, 0},
};
static const struct print_table table = PRINT_TABLE(columns);

bool revision_is_number(const char *word)
{
	return *word && strspn(word, "0123456789") == strlen(word);
}

int revision_number(const char *word, json_int_t *number)
{
	if (revision_is_number(word) && strlen(word) <= 18)
		*number = strtoll(word, NULL, 10);
	else
		*number = 0;
	return *number ? EXIT_DONE
		       : message_wrong(word, "expected the number of a revision, from 1 on");
}

int revision_count(const char *word, json_int_t *count)
{
	if (revision_is_number(word) && strlen(word) <= 18)
		*count = strtoll(word, NULL, 10);
	else
		*count = 0;
	return *count ? EXIT_DONE
		      : message_wrong(word, "expected how many revisions to list, from 1 on");
}

int revision_seconds(const char *word, json_int_t *seconds)
{
	static const struct {
		const char *suffix;
		long long seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}};
	char *end;
	long long value = isdigit((unsigned char)*word) ? strtoll(word, &end, 10) : 0;

	for (size_t i = 0; value > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].suffix) != 0 || value > SECONDS_MAX / units[i].seconds)
			continue;
		*seconds = value * units[i].seconds;
		return EXIT_DONE;
	}
	return message_wrong(word, "expected a time such as 60, 60s, 5m or 1h, at most 24h");
}

static long long member(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

void revision_mark(struct printer *printer, const json_t *answer)
{
	print_line(printer, MARK "%lld", member(answer, "revision"));
}

json_int_t revision_marked(const char *text)
{
	size_t length = strlen(MARK), digits;
	char number[20];

	if (strncmp(text, MARK, length) != 0)
		return -1;
	digits = strspn(text + length, "0123456789");
	if (!digits || digits >= sizeof(number) - 1 || !strchr("\r\n", text[length + digits]))
		return -1;
	memcpy(number, text + length, digits);
	number[digits] = '\0';
	return strtoll(number, NULL, 10);
}

void revision_pending(struct printer *printer, const char *prefix, const json_t *answer)
{
	const json_t *pending = json_object_get(answer, "pending");

	if (pending)
		print_line(printer,
			   "%srevision %lld is not confirmed: revision %lld comes back in %lld s, "
			   "unless \"pgw config confirm\" keeps it",
			   prefix, member(pending, "revision"), member(pending, "base"),
			   member(pending, "revert-in"));
}

void revision_not_saved(struct printer *printer, const json_t *answer)
{
	if (json_is_false(json_object_get(answer, "saved")))
		print_line(printer, "the file that pgwd starts with differs from what runs: \"pgw "
				    "config save\" writes it");
}

void revision_members(struct printer *printer, const json_t *answer, const char *const *members,
		      size_t n)
{
	struct emit *emit = print_emit(printer);

	emit_open(emit, '{');
	for (size_t i = 0; i < n; i++) {
		const json_t *value = json_object_get(answer, members[i]);

		if (!value)
			continue;
		emit_key(emit, members[i]);
		emit_value(emit, value);
	}
	emit_close(emit, '}');
}

void revision_list(struct printer *printer, const json_t *items)
{
	item_rows(printer, &table, NULL, items);
}
