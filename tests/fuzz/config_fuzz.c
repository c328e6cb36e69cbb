/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config_fuzz - any text, parsed; what config_check() accepts must be printed to a text that reads
 * back to the same configuration, and must compile to a sound snapshot.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/inside.h"
#include "control/config/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compile(const struct config *config)
{
	struct config_runtime runtime = {0};
	uint16_t pool_index[CONFIG_POOLS_MAX];
	struct snapshot snapshot;
	size_t bytes;
	void *block;

	for (uint8_t i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		runtime.portgroup[i].index = (uint8_t)(CONFIG_PORTGROUPS_MAX - 1 - i);
	for (uint16_t i = 0; i < CONFIG_POOLS_MAX; i++)
		pool_index[i] = (uint16_t)(7 * i);
	runtime.pool_index = pool_index;
	block = config_compile(config, &runtime, &bytes);
	if (!block || snapshot_open(&snapshot, block, bytes))
		abort();
	free(block);
}

/* As the gateway does: first what it serves itself becomes services of an inside portgroup. */
static void expand_and_compile(const struct config *config)
{
	struct inside_place *list;
	struct config expanded;
	size_t n;

	if (inside_places(config, &list, &n))
		abort();
	for (size_t i = 0; i < n; i++)
		list[i].inside = (uint16_t)(1024 + i);
	if (inside_expand(&expanded, config, list, n))
		abort();
	compile(&expanded);
	config_free(&expanded);
	free(list);
}

/* What is printed reads back as the same. */
static void read_back(const struct config *config)
{
	struct config again;
	struct config_error error;
	struct config_diff diff;
	char *printed = config_print(config);

	config_init(&again);
	if (!printed || config_parse(&again, printed, strlen(printed), &error) ||
	    config_diff(&diff, config, &again) || diff.n_changes)
		abort();
	config_diff_free(&diff);
	config_free(&again);
	free(printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config;
	struct config_error error = {0};

	config_init(&config);
	if (config_parse(&config, (const char *)data, size, &error)) {
		if (error.text[0] == '\0' || error.line == 0)
			abort();
	} else if (config_check(&config, &error)) {
		if (error.text[0] == '\0')
			abort();
		free(config_print(&config));
	} else {
		read_back(&config);
		expand_and_compile(&config);
	}
	config_free(&config);
	return 0;
}
