/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * websocket_fuzz - bytes as the head of an HTTP request, and as frames of a WebSocket.
 *
 * Input: a byte that says which and where it is cut in two, then the bytes. What must hold: the
 * head is the same however it is cut, and its parts lie in it; frames yield no more payload than
 * came; whole and cut they yield the same.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/relay/websocket.h"
#include "datapath/relay/websocket_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct ssh_text text, const uint8_t *data, size_t size)
{
	assert(text.size == 0 || (text.data >= data && text.data + text.size <= data + size));
}

static void read_head(const uint8_t *data, size_t size, size_t cut)
{
	struct websocket_head head;
	char accept[WEBSOCKET_ACCEPT];
	long part = websocket_head_read(&head, data, cut);
	long n = websocket_head_read(&head, data, size);

	assert(part == 0 || part == n); /* what is wrong or whole stays so when more comes */
	if (n <= 0)
		return;
	assert((size_t)n <= size);
	check_within(head.method, data, size);
	check_within(head.target, data, size);
	for (unsigned i = 0; i < head.n_headers; i++) {
		check_within(head.headers[i].name, data, size);
		check_within(head.headers[i].value, data, size);
	}
	if (websocket_head_is_upgrade(&head) && !websocket_head_accept(&head, "chisel-v3", accept))
		assert(strlen(accept) == WEBSOCKET_ACCEPT - 1);
}

/* Return: what websocket_input() returned last */
static int read_frames(const uint8_t *data, size_t size, size_t cut, struct ssh_buffer *payload)
{
	struct websocket *websocket = websocket_create();
	struct ssh_buffer answer = {0};
	int error;

	assert(websocket);
	error = websocket_input(websocket, data, cut, payload, &answer);
	if (!error)
		error = websocket_input(websocket, data + cut, size - cut, payload, &answer);
	assert(ssh_buffer_size(payload) <= size);
	assert(ssh_buffer_size(&answer) <= 2 * size + 8);
	websocket_free(websocket);
	ssh_buffer_free(&answer);
	return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ssh_buffer whole = {0}, pieces = {0};
	uint8_t *copy;
	size_t cut;

	if (size < 2)
		return 0;
	cut = (size_t)(data[0] >> 1) * (size - 1) / 128;
	copy = malloc(size - 1);
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1) {
		read_head(copy, size - 1, cut);
	} else {
		int error = read_frames(copy, size - 1, size - 1, &whole);

		assert(read_frames(copy, size - 1, cut, &pieces) == error);
		assert(ssh_buffer_size(&whole) == ssh_buffer_size(&pieces));
		assert(ssh_buffer_size(&whole) == 0 ||
		       memcmp(ssh_buffer_data(&whole), ssh_buffer_data(&pieces),
			      ssh_buffer_size(&whole)) == 0);
	}
	ssh_buffer_free(&whole);
	ssh_buffer_free(&pieces);
	free(copy);
	return 0;
}
