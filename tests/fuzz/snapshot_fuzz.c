/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snapshot_fuzz - any bytes as a snapshot: refused, or safe for every look-up. Magic, version
 * and size are set right, so that the fuzzer does not spend itself on these.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/snapshot_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snapshot snapshot;
	uint8_t *block;

	if (size > 65536)
		return 0;
	/* Exactly as long as the input, so that any byte beyond is seen. */
	block = malloc(size ? size : 1);
	if (!block)
		return 0;
	memcpy(block, data, size);
	if (size >= sizeof(struct snapshot_header)) {
		struct snapshot_header *header = (struct snapshot_header *)block;

		header->magic = SNAPSHOT_MAGIC;
		header->version = SNAPSHOT_VERSION;
		header->bytes = (uint32_t)size;
	}
	if (!snapshot_open(&snapshot, block, size))
		snapshot_walk(&snapshot);
	free(block);
	return 0;
}
