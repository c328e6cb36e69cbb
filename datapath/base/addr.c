/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "datapath/base/addr.h"

/* "a.b.c.d" into @text, NUL-terminated. Return: its length. Unlike snprintf it cannot truncate. */
static size_t write_addr(be32 addr, char text[ADDR_TEXT_BYTES])
{
	uint32_t host = ntohl(addr);
	size_t n = 0;

	for (int shift = 24; shift >= 0; shift -= 8) {
		unsigned octet = host >> shift & 0xff;

		if (octet >= 100)
			text[n++] = (char)('0' + octet / 100);
		if (octet >= 10)
			text[n++] = (char)('0' + octet / 10 % 10);
		text[n++] = (char)('0' + octet % 10);
		text[n++] = shift ? '.' : '\0';
	}
	return n - 1;
}

const char *addr_text(be32 addr, char buf[ADDR_TEXT_BYTES])
{
	write_addr(addr, buf);
	return buf;
}

const char *prefix_text(struct prefix prefix, char buf[PREFIX_TEXT_BYTES])
{
	size_t n = write_addr(prefix.addr, buf);

	buf[n++] = '/';
	if (prefix.len >= 10)
		buf[n++] = (char)('0' + prefix.len / 10 % 10);
	buf[n++] = (char)('0' + prefix.len % 10);
	buf[n] = '\0';
	return buf;
}

const char *mac_text(struct mac mac, char buf[MAC_TEXT_BYTES])
{
	snprintf(buf, MAC_TEXT_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", mac.b[0], mac.b[1], mac.b[2],
		 mac.b[3], mac.b[4], mac.b[5]);
	return buf;
}

/* A decimal number without sign and without leading zeros, which some programs read as octal.
 * Return: the first byte after it, or NULL. */
static const char *read_decimal(const char *text, unsigned max, unsigned *value)
{
	unsigned n = 0;
	const char *p = text;

	while (*p >= '0' && *p <= '9') {
		n = n * 10 + (unsigned)(*p++ - '0');
		if (n > max)
			return NULL;
	}
	if (p == text || (*text == '0' && p - text > 1))
		return NULL;
	*value = n;
	return p;
}

/* Return: the first byte after the address, or NULL. */
static const char *read_addr(const char *text, be32 *addr)
{
	uint32_t host = 0;

	for (int i = 0; i < 4; i++) {
		unsigned octet;

		if (i && *text++ != '.')
			return NULL;
		text = read_decimal(text, 255, &octet);
		if (!text)
			return NULL;
		host = host << 8 | octet;
	}
	*addr = htonl(host);
	return text;
}

bool addr_parse(const char *text, be32 *addr)
{
	be32 value;
	const char *end = read_addr(text, &value);

	if (!end || *end)
		return false;
	*addr = value;
	return true;
}

bool prefix_parse(const char *text, struct prefix *prefix)
{
	be32 addr;
	unsigned len = 32;
	const char *end = read_addr(text, &addr);

	if (end && *end == '/')
		end = read_decimal(end + 1, 32, &len);
	if (!end || *end || (addr & ~prefix_mask((uint8_t)len)))
		return false;
	*prefix = (struct prefix){.addr = addr, .len = (uint8_t)len};
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool mac_parse(const char *text, struct mac *mac)
{
	struct mac value;

	for (int i = 0; i < 6; i++) {
		int high, low;

		if (i && *text++ != ':')
			return false;
		high = hex_digit(text[0]);
		if (high < 0)
			return false;
		low = hex_digit(text[1]);
		if (low < 0)
			return false;
		value.b[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text)
		return false;
	*mac = value;
	return true;
}

be32 prefix_mask(uint8_t len)
{
	if (len == 0)
		return 0; /* a shift by 32 is undefined */
	if (len >= 32)
		return 0xffffffffu;
	return htonl(0xffffffffu << (32 - len));
}

bool prefix_covers(struct prefix prefix, be32 addr)
{
	return ((prefix.addr ^ addr) & prefix_mask(prefix.len)) == 0;
}
