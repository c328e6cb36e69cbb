/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/hello.h"

#include <string.h>

struct writer {
	uint8_t *at;
};

static void put(struct writer *w, const void *bytes, size_t n)
{
	memcpy(w->at, bytes, n);
	w->at += n;
}

static void put16(struct writer *w, size_t value)
{
	*w->at++ = (uint8_t)(value >> 8);
	*w->at++ = (uint8_t)value;
}

size_t hello_make(uint8_t hello[HELLO_BYTES_MAX])
{
	static const uint8_t suites[] = {0x13, 0x01, 0x13, 0x02, 0xc0, 0x2f};
	static const uint8_t versions[] = {0, 43, 0, 5, 4, 3, 4, 3, 3};
	static const uint8_t groups[] = {0, 10, 0, 4, 0, 2, 0, 29};
	const size_t name = sizeof(HELLO_NAME) - 1;
	const size_t extensions = 9 + name + sizeof(versions) + sizeof(groups);
	const size_t body = 2 + 32 + 1 + 2 + sizeof(suites) + 2 + 2 + extensions;
	struct writer w = {hello};
	uint8_t random[32];

	memset(random, 0x5a, sizeof(random));
	put(&w, "\x16\x03\x01", 3); /* record: handshake */
	put16(&w, body + 4);
	put(&w, "\x01\x00", 2); /* ClientHello */
	put16(&w, body);
	put(&w, "\x03\x03", 2);
	put(&w, random, sizeof(random));
	put(&w, "\x00", 1); /* no session */
	put16(&w, sizeof(suites));
	put(&w, suites, sizeof(suites));
	put(&w, "\x01\x00", 2); /* no compression */
	put16(&w, extensions);
	put16(&w, 0); /* server_name */
	put16(&w, name + 5);
	put16(&w, name + 3);
	put(&w, "\x00", 1);
	put16(&w, name);
	put(&w, HELLO_NAME, name);
	put(&w, versions, sizeof(versions));
	put(&w, groups, sizeof(groups));
	return (size_t)(w.at - hello);
}
