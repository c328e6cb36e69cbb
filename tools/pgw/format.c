/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/pgw/format.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

size_t format_utf8_length(const char *start, size_t n)
{
	const unsigned char *text = (const unsigned char *)start;
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t value;
	size_t length;

	if (text[0] < 0x80)
		return 1;
	if (text[0] >= 0xc2 && text[0] <= 0xdf)
		length = 2;
	else if ((text[0] & 0xf0) == 0xe0)
		length = 3;
	else if (text[0] >= 0xf0 && text[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (length > n)
		return 0;
	value = text[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3f);
	}
	if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	return length;
}

char *format_number(char *to, uint64_t number)
{
	char digits[FORMAT_NUMBER_BYTES];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	memcpy(to, digits + at, sizeof(digits) - at);
	return to + sizeof(digits) - at;
}

char *format_address(char *to, be32 addr)
{
	uint32_t host = ntohl(addr);

	for (int shift = 24; shift >= 0; shift -= 8) {
		unsigned byte = host >> shift & 0xff;

		if (byte >= 100)
			*to++ = (char)('0' + byte / 100);
		if (byte >= 10)
			*to++ = (char)('0' + byte / 10 % 10);
		*to++ = (char)('0' + byte % 10);
		if (shift > 0)
			*to++ = '.';
	}
	return to;
}

size_t format_safe(char *to, size_t bytes, const char *text, size_t n)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t used = 0;

	while (n > 0) {
		size_t length = format_utf8_length((const char *)at, n);
		bool control = length == 0 || *at < 0x20 || *at == 0x7f ||
			       (length == 2 && at[0] == 0xc2 && at[1] < 0xa0);

		if (length == 0)
			length = 1;
		if ((control ? 1 : length) > bytes - used)
			break;
		if (control) {
			to[used++] = '?';
		} else {
			memcpy(to + used, at, length);
			used += length;
		}
		at += length;
		n -= length;
	}
	return used;
}

size_t format_human(char *to, uint64_t number)
{
	static const char units[] = " kMGTPE";
	unsigned unit = 0;
	uint64_t scale = 1;
	char *end = to;
	uint64_t whole, thousandths;

	while (number / scale >= 1000) {
		scale *= 1000;
		unit++;
	}
	whole = number / scale;
	end = format_number(end, whole);
	if (unit == 0)
		return (size_t)(end - to);
	thousandths = number % scale / (scale / 1000);
	if (whole < 100)
		*end++ = '.';
	if (whole < 100)
		*end++ = (char)('0' + thousandths / 100);
	if (whole < 10)
		*end++ = (char)('0' + thousandths / 10 % 10);
	*end++ = units[unit];
	return (size_t)(end - to);
}

size_t format_duration(char *to, uint64_t seconds)
{
	static const struct {
		uint64_t seconds;
		char unit, smaller;
	} steps[] = {{86400, 'd', 'h'}, {3600, 'h', 'm'}, {60, 'm', 's'}};
	char *end = to;

	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint64_t smaller =
			i + 1 < sizeof(steps) / sizeof(steps[0]) ? steps[i + 1].seconds : 1;
		uint64_t rest;

		if (seconds < steps[i].seconds)
			continue;
		end = format_number(end, seconds / steps[i].seconds);
		*end++ = steps[i].unit;
		rest = seconds % steps[i].seconds / smaller;
		if (rest < 10)
			*end++ = '0';
		end = format_number(end, rest);
		*end++ = steps[i].smaller;
		return (size_t)(end - to);
	}
	end = format_number(end, seconds);
	*end++ = 's';
	return (size_t)(end - to);
}

static size_t format_milliseconds(char *to, uint64_t milliseconds)
{
	char *end = to;

	if (milliseconds >= 60000)
		return format_duration(to, milliseconds / 1000);
	if (milliseconds < 1000)
		return (size_t)snprintf(to, FORMAT_QUANTITY_BYTES, "%ums", (unsigned)milliseconds);
	end = format_number(end, milliseconds / 1000);
	*end++ = '.';
	*end++ = (char)('0' + milliseconds % 1000 / 100);
	*end++ = 's';
	return (size_t)(end - to);
}

size_t format_quantity(char *to, enum print_kind kind, uint64_t number, bool human)
{
	char *end;

	if (human) {
		switch (kind) {
		case PRINT_COUNT:
		case PRINT_BYTES:
			return format_human(to, number);
		case PRINT_SECONDS:
			return format_duration(to, number);
		case PRINT_MILLISECONDS:
			return format_milliseconds(to, number);
		default:
			break;
		}
	}
	end = format_number(to, number);
	if (kind == PRINT_MILLISECONDS)
		*end++ = 'm';
	if (kind == PRINT_SECONDS || kind == PRINT_MILLISECONDS)
		*end++ = 's';
	return (size_t)(end - to);
}

/* Elements of an array by commas, members of an object by spaces: "a,b", "x=1 y=2". */
static size_t format_parts(char *to, size_t bytes, enum print_kind kind, const json_t *value,
			   bool human)
{
	json_t *object = (json_t *)value; /* jansson iterates over non-const only */
	bool array = json_is_array(value);
	size_t used = 0, elements = array ? json_array_size(value) : 0;
	void *at = array ? NULL : json_object_iter(object);

	for (size_t i = 0; (i < elements || at) && used + 1 < bytes; i++) {
		if (i > 0)
			to[used++] = array ? ',' : ' ';
		if (array) {
			const json_t *part = json_array_get(value, i);

			/* One level: what lies deeper has no text form. */
			if (json_is_array(part) || json_is_object(part))
				to[used++] = '?';
			else
				used += format_value(to + used, bytes - used, kind, part, human);
			continue;
		}
		used += format_safe(to + used, bytes - used, json_object_iter_key(at),
				    strlen(json_object_iter_key(at)));
		if (used < bytes)
			to[used++] = '=';
		if (json_is_array(json_object_iter_value(at)) ||
		    json_is_object(json_object_iter_value(at)))
			used += format_safe(to + used, bytes - used, "?", 1);
		else
			used += format_value(to + used, bytes - used, kind,
					     json_object_iter_value(at), human);
		at = json_object_iter_next(object, at);
	}
	return used;
}

size_t format_value(char *to, size_t bytes, enum print_kind kind, const json_t *value, bool human)
{
	char text[FORMAT_QUANTITY_BYTES];
	size_t n;

	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		return format_parts(to, bytes, kind, value, human);
	case JSON_STRING:
		return format_safe(to, bytes, json_string_value(value), json_string_length(value));
	case JSON_INTEGER:
		if (json_integer_value(value) < 0)
			n = (size_t)snprintf(text, sizeof(text), "%lld",
					     (long long)json_integer_value(value));
		else
			n = format_quantity(text, kind, (uint64_t)json_integer_value(value), human);
		break;
	case JSON_REAL:
		n = (size_t)snprintf(text, sizeof(text), "%.6g", json_real_value(value));
		break;
	case JSON_TRUE:
		n = (size_t)snprintf(text, sizeof(text), "on");
		break;
	case JSON_FALSE:
		n = (size_t)snprintf(text, sizeof(text), "off");
		break;
	default:
		n = (size_t)snprintf(text, sizeof(text), "-");
	}
	return format_safe(to, bytes, text, n);
}

static bool one_of(const char *const *words, const char *text, size_t n)
{
	for (; *words; words++)
		if (strlen(*words) == n && memcmp(*words, text, n) == 0)
			return true;
	return false;
}

const char *format_colour(enum print_kind kind, const char *text, size_t n)
{
	static const char *const good[] = {"up",      "present",     "reachable", "permanent",
					   "noarp",   "established", "replied",	  "started",
					   "adopted", "unique",	     NULL};
	static const char *const bad[] = {"down",   "absent", "missing", "failed",
					  "closed", "reset",  "died",	 "conflict",
					  "fail",   "STOP ",  "blocked", NULL};

	switch (kind) {
	case PRINT_NAME:
		return FORMAT_COLOUR_NAME;
	case PRINT_ADDRESS:
		return FORMAT_COLOUR_ADDRESS;
	case PRINT_MAC:
		return FORMAT_COLOUR_MAC;
	case PRINT_STATE:
		if (one_of(good, text, n))
			return FORMAT_COLOUR_GOOD;
		return one_of(bad, text, n) ? FORMAT_COLOUR_BAD : FORMAT_COLOUR_UNSURE;
	default:
		return NULL;
	}
}
