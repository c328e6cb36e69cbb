/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hello_fuzz - bytes as the beginning of a connection to a TLS-name service.
 *
 * What must hold: no crash; a name is what take_name() lets through; the answer to a beginning
 * never contradicts that to all of it, and asks for more than is there, within the bound.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/relay/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t scratch[HELLO_BYTES_MAX];
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
	struct hello hello;
	enum hello_result whole, cut;

	if (size > HELLO_BYTES_MAX)
		size = HELLO_BYTES_MAX;
	whole = hello_read(data, size, scratch, &hello);
	if (whole == HELLO_NAMED)
		assert(*hello.name && !hello.name[strspn(hello.name, letters)]);
	if (whole == HELLO_MORE)
		assert(hello.need > size && hello.need <= HELLO_BYTES_MAX);
	for (size_t n = 0; n < size; n += 1 + size / 16) {
		uint8_t *part = malloc(n + 1);

		assert(part);
		memcpy(part, data, n);
		cut = hello_read(part, n, scratch, &hello);
		assert(cut == HELLO_MORE || cut == whole);
		assert(cut != HELLO_MORE || hello.need > n);
		free(part);
	}
	return 0;
}
