/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diff - the statements that turn one configuration into another.
 *
 * Removals come first, of what depends on others before these (services before portgroups),
 * then settings, then additions the other way round. What changed is removed and added again.
 * Every key is free when its addition comes, so each statement applies.
 */
#include <errno.h>
#include <stdlib.h>

#include "control/config/kind.h"
#include "control/config/metrics.h"
#include "control/config/session_log.h"

static int append(struct config_diff *diff, struct config_text *text)
{
	struct config_change *changes;
	char *statement = config_text_take(text);

	if (!statement)
		return -ENOMEM;
	/* Grows at each power of two, so that the capacity need not be kept. */
	if ((diff->n_changes & (diff->n_changes - 1)) == 0) {
		size_t capacity = diff->n_changes ? 2 * diff->n_changes : 1;

		changes = realloc(diff->changes, capacity * sizeof(*changes));
		if (!changes) {
			free(statement);
			return -ENOMEM;
		}
		diff->changes = changes;
	}
	diff->changes[diff->n_changes++].statement = statement;
	return 0;
}

enum direction { REMOVALS, ADDITIONS };

static int append_item(struct config_diff *diff, enum config_kind kind, const void *item,
		       enum direction direction)
{
	struct config_text text = {0};

	config_text_add(&text, "%s %s ", kinds[kind].name, direction == ADDITIONS ? "add" : "del");
	if (direction == ADDITIONS)
		kind_print(kind, &text, item);
	else
		kind_print_key(kind, &text, item);
	return append(diff, &text);
}

/* Append what of @has is not, or not the same, in @other. Both arrays are sorted. */
static int diff_kind(struct config_diff *diff, enum config_kind kind, const struct config *has,
		     const struct config *other, enum direction direction)
{
	size_t j = 0;

	for (size_t i = 0; i < kind_count(has, kind); i++) {
		const void *item = kind_item(has, kind, i);

		while (j < kind_count(other, kind) &&
		       kinds[kind].compare(kind_item(other, kind, j), item) < 0)
			j++;
		if (j < kind_count(other, kind) &&
		    kinds[kind].equal(item, kind_item(other, kind, j)))
			continue;
		if (append_item(diff, kind, item, direction))
			return -ENOMEM;
	}
	return 0;
}

static int diff_settings(struct config_diff *diff, const struct config *from,
			 const struct config *to)
{
	for (unsigned i = 0; i < SETTING_COUNT; i++) {
		struct config_text text = {0};

		if (setting_get(from, i) == setting_get(to, i))
			continue;
		setting_print(&text, to, i);
		if (append(diff, &text))
			return -ENOMEM;
	}
	if (!session_log_equal(&from->session_log, &to->session_log)) {
		struct config_text text = {0};

		session_log_print(&text, &to->session_log);
		if (append(diff, &text))
			return -ENOMEM;
	}
	if (!metrics_equal(&from->metrics, &to->metrics)) {
		struct config_text text = {0};

		config_text_add(&text, "set " METRICS_NAME " ");
		metrics_value(&text, &to->metrics);
		return append(diff, &text);
	}
	return 0;
}

int config_diff(struct config_diff *diff, const struct config *from, const struct config *to)
{
	int error = 0;

	*diff = (struct config_diff){0};
	for (unsigned left = KIND_COUNT; !error && left > 0; left--)
		error = diff_kind(diff, left - 1, from, to, REMOVALS);
	if (!error)
		error = diff_settings(diff, from, to);
	for (unsigned kind = 0; !error && kind < KIND_COUNT; kind++)
		error = diff_kind(diff, kind, to, from, ADDITIONS);
	if (error)
		config_diff_free(diff);
	return error;
}

void config_diff_free(struct config_diff *diff)
{
	for (size_t i = 0; i < diff->n_changes; i++)
		free(diff->changes[i].statement);
	free(diff->changes);
	*diff = (struct config_diff){0};
}
