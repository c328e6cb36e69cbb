/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/websocket_head.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#define KEY_BYTES 24u /* base64 of 16 bytes */
#define GUID	  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* RFC 9110 section 5.6.2 */
static bool is_token(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool all_tokens(struct ssh_text text)
{
	for (size_t i = 0; i < text.size; i++)
		if (!is_token(text.data[i]))
			return false;
	return text.size != 0;
}

static bool same_word(struct ssh_text text, const char *word)
{
	return text.size == strlen(word) &&
	       strncasecmp((const char *)text.data, word, text.size) == 0;
}

static struct ssh_text trimmed(struct ssh_text text)
{
	while (text.size && (*text.data == ' ' || *text.data == '\t')) {
		text.data++;
		text.size--;
	}
	while (text.size && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
		text.size--;
	return text;
}

/* next_line() - take a line without its CR LF off @rest; Return: 1, 0 not whole, -EPROTO */
static int next_line(struct ssh_text *rest, struct ssh_text *line)
{
	for (size_t i = 0; i < rest->size; i++) {
		uint8_t c = rest->data[i];

		if (c == '\r') {
			if (i + 1 == rest->size)
				return 0;
			if (rest->data[i + 1] != '\n')
				return -EPROTO;
			*line = (struct ssh_text){rest->data, i};
			rest->data += i + 2;
			rest->size -= i + 2;
			return 1;
		}
		if ((c < ' ' && c != '\t') || c == 127)
			return -EPROTO;
	}
	return 0;
}

/* METHOD SP TARGET SP HTTP/1.1 */
static bool read_request_line(struct websocket_head *head, struct ssh_text line)
{
	const uint8_t *space = memchr(line.data, ' ', line.size), *second;
	size_t left;

	if (!space)
		return false;
	head->method = (struct ssh_text){line.data, (size_t)(space - line.data)};
	left = line.size - head->method.size - 1;
	second = memchr(space + 1, ' ', left);
	if (!second)
		return false;
	head->target = (struct ssh_text){space + 1, (size_t)(second - space - 1)};
	for (size_t i = 0; i < head->target.size; i++)
		if (head->target.data[i] <= ' ' || head->target.data[i] > '~')
			return false;
	return all_tokens(head->method) && head->target.size && head->target.data[0] == '/' &&
	       ssh_text_is((struct ssh_text){second + 1, left - head->target.size - 1}, "HTTP/1.1");
}

static bool read_header(struct websocket_head *head, struct ssh_text line)
{
	const uint8_t *colon = memchr(line.data, ':', line.size);
	struct ssh_text name, value;

	if (!colon || head->n_headers == WEBSOCKET_HEADERS_MAX)
		return false;
	name = (struct ssh_text){line.data, (size_t)(colon - line.data)};
	value = trimmed((struct ssh_text){colon + 1, line.size - name.size - 1});
	if (!all_tokens(name)) /* so no white space before the colon, and no folded line */
		return false;
	head->headers[head->n_headers].name = name;
	head->headers[head->n_headers++].value = value;
	return true;
}

/* no_body() - there is nothing here that takes one */
static bool no_body(const struct websocket_head *head)
{
	unsigned n;
	struct ssh_text length = websocket_head_find(head, "Content-Length", &n);

	if (n && !(n == 1 && ssh_text_is(length, "0")))
		return false;
	websocket_head_find(head, "Transfer-Encoding", &n);
	if (n)
		return false;
	websocket_head_find(head, "Host", &n);
	return n == 1;
}

long websocket_head_read(struct websocket_head *head, const uint8_t *data, size_t n)
{
	struct ssh_text rest = {data, n < WEBSOCKET_HEAD_MAX ? n : WEBSOCKET_HEAD_MAX};
	struct ssh_text line;
	int found;

	memset(head, 0, sizeof(*head));
	while ((found = next_line(&rest, &line)) == 1) {
		if (!head->method.size) {
			if (!read_request_line(head, line))
				return -EPROTO;
		} else if (line.size == 0) {
			return no_body(head) ? (long)(rest.data - data) : -EPROTO;
		} else if (!read_header(head, line)) {
			return -EPROTO;
		}
	}
	return found < 0 || n >= WEBSOCKET_HEAD_MAX ? -EPROTO : 0;
}

struct ssh_text websocket_head_find(const struct websocket_head *head, const char *name,
				    unsigned *n)
{
	struct ssh_text value = {0};
	unsigned times = 0;

	for (unsigned i = 0; i < head->n_headers; i++) {
		if (!same_word(head->headers[i].name, name))
			continue;
		if (!times++)
			value = head->headers[i].value;
	}
	if (n)
		*n = times;
	return value;
}

/* lists() - is @word an element of the list that the header (or several of it) holds? */
static bool lists(const struct websocket_head *head, const char *name, const char *word)
{
	for (unsigned i = 0; i < head->n_headers; i++) {
		struct ssh_text rest = head->headers[i].value, element;

		if (!same_word(head->headers[i].name, name))
			continue;
		while (ssh_list_next(&rest, &element))
			if (same_word(trimmed(element), word))
				return true;
	}
	return false;
}

bool websocket_head_is_upgrade(const struct websocket_head *head)
{
	return lists(head, "Connection", "upgrade") && lists(head, "Upgrade", "websocket");
}

static bool key_valid(struct ssh_text key)
{
	if (key.size != KEY_BYTES || key.data[KEY_BYTES - 1] != '=' ||
	    key.data[KEY_BYTES - 2] != '=')
		return false;
	for (size_t i = 0; i < KEY_BYTES - 2; i++) {
		uint8_t c = key.data[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      c == '+' || c == '/'))
			return false;
	}
	return true;
}

unsigned websocket_head_accept(const struct websocket_head *head, const char *protocol,
			       char accept[WEBSOCKET_ACCEPT])
{
	uint8_t text[KEY_BYTES + sizeof(GUID)], digest[SHA_DIGEST_LENGTH];
	unsigned keys, versions;
	struct ssh_text key = websocket_head_find(head, "Sec-WebSocket-Key", &keys);
	struct ssh_text version = websocket_head_find(head, "Sec-WebSocket-Version", &versions);

	if (!ssh_text_is(head->method, "GET") || keys != 1 || versions != 1 || !key_valid(key))
		return 400;
	if (!ssh_text_is(version, "13"))
		return 426;
	if (!lists(head, "Sec-WebSocket-Protocol", protocol))
		return 400;
	memcpy(text, key.data, KEY_BYTES);
	memcpy(text + KEY_BYTES, GUID, sizeof(GUID) - 1);
	if (!EVP_Digest(text, KEY_BYTES + sizeof(GUID) - 1, digest, NULL, EVP_sha1(), NULL))
		return 500;
	EVP_EncodeBlock((uint8_t *)accept, digest, sizeof(digest));
	return 0;
}
