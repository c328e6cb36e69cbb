/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chisel_fuzz - what a Cloud Connector sends inside SSH: its configuration (JSON), datagrams (gob),
 * and a client's public key and signature.
 *
 * Input: a byte that says which, then the bytes. What must hold: a configuration that is accepted
 * is within its limits, one that is not says why; datagrams come out within their limits and the
 * same however the stream is cut; what is written reads back; no nonsense is a signature.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/relay/chisel.h"
#include "datapath/relay/gob.h"
#include "datapath/relay/ssh_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_config(const uint8_t *data, size_t size)
{
	char error[CHISEL_ERROR_TEXT] = "";
	struct chisel_config config;

	if (chisel_config_read(&config, (struct ssh_text){data, size}, error)) {
		assert(*error && memchr(error, 0, sizeof(error)));
		return;
	}
	assert(config.n >= 1 && config.n <= CHISEL_REMOTES_MAX);
	for (unsigned i = 0; i < config.n; i++) {
		assert(config.remotes[i].port);
		assert(strchr(config.remotes[i].target, ':'));
	}
	chisel_config_free(&config);
}

struct taken {
	unsigned n;
	uint64_t sum;
};

static void take(void *context, const struct gob_datagram *datagram)
{
	static uint8_t bytes[GOB_VALUE_MAX];
	struct ssh_writer writer = {.data = bytes, .capacity = sizeof(bytes)};
	struct taken *taken = context;

	assert(datagram->source.size <= GOB_SOURCE_MAX);
	assert(datagram->payload.size <= GOB_PAYLOAD_MAX);
	gob_write(&writer, datagram);
	assert(!writer.full);
	taken->n++;
	for (size_t i = 0; i < writer.size; i++)
		taken->sum = taken->sum * 31 + bytes[i];
}

static int read_gob(const uint8_t *data, size_t size, size_t cut, struct taken *taken)
{
	struct gob_reader reader = {.defined = true};
	int error = gob_read(&reader, data, cut, take, taken);

	if (!error)
		error = gob_read(&reader, data + cut, size - cut, take, taken);
	gob_reader_free(&reader);
	return error;
}

static void read_datagrams(const uint8_t *data, size_t size)
{
	struct taken whole = {0}, pieces = {0};
	size_t cut = size ? data[0] % size : 0;
	int error = read_gob(data, size, size, &whole);

	assert(read_gob(data, size, cut, &pieces) == error);
	assert(whole.n == pieces.n && whole.sum == pieces.sum);
}

static void read_key(const uint8_t *data, size_t size)
{
	struct ssh_reader reader = {.at = data, .left = size};
	struct ssh_text blob = ssh_get_text(&reader), algorithm = ssh_get_text(&reader);
	struct ssh_text signature = ssh_get_text(&reader);

	if (reader.bad)
		return;
	ssh_key_valid(blob);
	assert(!ssh_key_verify(blob, algorithm, SSH_TEXT("nobody has signed this"), signature));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (!size)
		return 0;
	copy = malloc(size); /* its end is watched */
	memcpy(copy, data + 1, size - 1);
	if (data[0] % 3 == 0)
		read_config(copy, size - 1);
	else if (data[0] % 3 == 1)
		read_datagrams(copy, size - 1);
	else
		read_key(copy, size - 1);
	free(copy);
	return 0;
}
