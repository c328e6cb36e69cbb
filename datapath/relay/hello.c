/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/hello.h"

#include <string.h>

#define RECORD_HEADER	  5u
#define RECORD_HANDSHAKE  22
#define RECORD_MAX	  16384u /* bytes of a plaintext record */
#define MESSAGE_HEADER	  4u
#define MESSAGE_HELLO	  1
#define EXTENSION_NAME	  0
#define EXTENSION_ENCRYPT 0xfe0d
#define NAME_HOST	  0

/* What is left to read of a part; every read is checked against it. */
struct part {
	const uint8_t *at;
	size_t left;
};

static bool skip(struct part *part, size_t n)
{
	if (part->left < n)
		return false;
	part->at += n;
	part->left -= n;
	return true;
}

/* get() - a number of @width bytes. False: there are not so many. */
static bool get(struct part *part, unsigned width, size_t *value)
{
	*value = 0;
	if (part->left < width)
		return false;
	for (unsigned i = 0; i < width; i++)
		*value = *value << 8 | part->at[i];
	return skip(part, width);
}

/* get_part() - a vector whose length stands before it in @width bytes */
static bool get_part(struct part *part, unsigned width, struct part *inner)
{
	size_t n;

	if (!get(part, width, &n) || part->left < n)
		return false;
	*inner = (struct part){part->at, n};
	return skip(part, n);
}

static bool take_name(const struct part *host, char name[HELLO_NAME])
{
	size_t n = host->left;

	if (n && host->at[n - 1] == '.')
		n--;
	if (!n || n >= HELLO_NAME)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = host->at[i];

		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c - 'A' + 'a');
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
		      c == '_'))
			return false;
		name[i] = (char)c;
	}
	name[n] = '\0';
	return true;
}

/* Return: false if the extension is not as it must be. */
static bool read_server_name(struct part extension, struct hello *hello)
{
	struct part list, host;
	size_t type;

	if (!get_part(&extension, 2, &list) || extension.left || !list.left)
		return false;
	while (list.left) {
		if (!get(&list, 1, &type) || !get_part(&list, 2, &host))
			return false;
		if (type != NAME_HOST)
			continue; /* of a kind that nobody has defined yet */
		if (*hello->name || !take_name(&host, hello->name))
			return false;
	}
	return true;
}

static bool read_extensions(struct part *body, struct hello *hello)
{
	struct part list, extension;
	bool named = false;
	size_t type;

	if (!get_part(body, 2, &list) || body->left)
		return false;
	while (list.left) {
		if (!get(&list, 2, &type) || !get_part(&list, 2, &extension))
			return false;
		if (type == EXTENSION_ENCRYPT)
			hello->encrypted = true;
		if (type != EXTENSION_NAME)
			continue;
		if (named || !read_server_name(extension, hello))
			return false;
		named = true;
	}
	return true;
}

/* read_body() - the ClientHello itself (RFC 8446 section 4.1.2) */
static enum hello_result read_body(struct part body, struct hello *hello)
{
	struct part session, suites, compression;

	if (!skip(&body, 2 + 32) || !get_part(&body, 1, &session) || session.left > 32 ||
	    !get_part(&body, 2, &suites) || suites.left < 2 || suites.left % 2 ||
	    !get_part(&body, 1, &compression) || !compression.left)
		return HELLO_BAD;
	if (body.left && !read_extensions(&body, hello))
		return HELLO_BAD;
	return *hello->name ? HELLO_NAMED : HELLO_UNNAMED;
}

/* Return: whether the first bytes could begin a TLS record with a handshake message. */
static bool looks_like_tls(const uint8_t *bytes, size_t n)
{
	if (n >= 1 && bytes[0] != RECORD_HANDSHAKE)
		return false;
	return n < 2 || bytes[1] == 3;
}

static enum hello_result more(struct hello *hello, size_t need)
{
	hello->need = need;
	return need > HELLO_BYTES_MAX ? HELLO_LONG : HELLO_MORE;
}

enum hello_result hello_read(const uint8_t *bytes, size_t n, uint8_t *scratch, struct hello *hello)
{
	size_t at = 0, gathered = 0, wanted = MESSAGE_HEADER;

	*hello = (struct hello){.need = RECORD_HEADER};
	if (!looks_like_tls(bytes, n))
		return HELLO_NOT_TLS;
	for (unsigned records = 0; gathered < wanted; records++) {
		size_t length;

		if (records == HELLO_RECORDS_MAX)
			return HELLO_LONG;
		if (n - at < RECORD_HEADER)
			return more(hello, at + RECORD_HEADER);
		length = (size_t)bytes[at + 3] << 8 | bytes[at + 4];
		if (bytes[at] != RECORD_HANDSHAKE || bytes[at + 1] != 3 || !length ||
		    length > RECORD_MAX)
			return HELLO_BAD;
		at += RECORD_HEADER;
		if (n - at < length)
			return more(hello, at + length);
		if (gathered + length > HELLO_BYTES_MAX)
			return HELLO_LONG;
		memcpy(scratch + gathered, bytes + at, length);
		at += length;
		gathered += length;
		if (scratch[0] != MESSAGE_HELLO)
			return HELLO_BAD;
		if (gathered >= MESSAGE_HEADER)
			wanted = MESSAGE_HEADER +
				 ((size_t)scratch[1] << 16 | (size_t)scratch[2] << 8 | scratch[3]);
		if (wanted > HELLO_BYTES_MAX)
			return HELLO_LONG;
	}
	return read_body((struct part){scratch + MESSAGE_HEADER, wanted - MESSAGE_HEADER}, hello);
}
