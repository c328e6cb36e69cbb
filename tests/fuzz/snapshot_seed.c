/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot_seed - compile the configuration on standard input, write the block to standard output.
 */
#include <stdio.h>
#include <stdlib.h>

#include "control/config/model.h"

int main(void)
{
	struct config_runtime runtime = {0};
	static char text[1 << 20];
	size_t bytes = fread(text, 1, sizeof(text), stdin);
	uint16_t pools[CONFIG_POOLS_MAX];
	struct config_error error;
	struct config config;
	void *block;

	for (uint8_t i = 0; i < CONFIG_PORTGROUPS_MAX; i++)
		runtime.portgroup[i].index = i;
	for (uint16_t i = 0; i < CONFIG_POOLS_MAX; i++)
		pools[i] = i;
	runtime.pool_index = pools;
	config_init(&config);
	if (config_parse(&config, text, bytes, &error) || config_check(&config, &error)) {
		fprintf(stderr, "line %u: %s\n", error.line, error.text);
		return 1;
	}
	block = config_compile(&config, &runtime, &bytes);
	config_free(&config);
	if (!block || fwrite(block, 1, bytes, stdout) != bytes || fflush(stdout)) {
		fprintf(stderr, "cannot write the snapshot\n");
		free(block);
		return 1;
	}
	free(block);
	return 0;
}
