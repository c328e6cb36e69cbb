/* SPDX-License-Identifier: GPL-2.0-or-later */
/* argument_check - values of a service's health checks. */
#include <string.h>

#include "control/config/argument.h"

#define INTERVAL_MIN_MS 100u
#define INTERVAL_MAX_MS 3600000u
#define TIMEOUT_MAX_MS	60000u
#define TIMES_MAX	100u

bool argument_check(void *field, const char *text, struct reason *why)
{
	for (unsigned i = CHECK_NONE + 1; i < CHECK_KIND_COUNT; i++)
		if (strcmp(text, check_kind_name(i)) == 0) {
			*(enum check_kind *)field = i;
			return true;
		}
	return argument_wrong(why, "expected tcp, tls, http or icmp");
}

/* "S" or "S.F" with up to three digits behind the point. Return: false if it is not of that form.
 */
static bool read_ms(const char *text, uint32_t *ms)
{
	const char *point = strchr(text, '.');
	size_t digits = point ? (size_t)(point - text) : strlen(text);
	uint32_t scale = 100, fraction = 0, seconds = 0;

	if (digits == 0 || digits > 5 || (digits > 1 && *text == '0'))
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		seconds = seconds * 10 + (uint32_t)(text[i] - '0');
	}
	if (point && !point[1])
		return false;
	for (const char *p = point ? point + 1 : ""; *p; p++, scale /= 10) {
		if (*p < '0' || *p > '9' || scale == 0)
			return false;
		fraction += (uint32_t)(*p - '0') * scale;
	}
	*ms = seconds * 1000 + fraction;
	return true;
}

static bool argument_ms(void *field, const char *text, uint32_t max_ms, struct reason *why)
{
	uint32_t ms;

	if (!read_ms(text, &ms) || ms < INTERVAL_MIN_MS || ms > max_ms)
		return argument_wrong(why, "expected seconds from 0.1 to %u, such as 5 or 0.25",
				      max_ms / 1000);
	*(uint32_t *)field = ms;
	return true;
}

bool argument_interval(void *field, const char *text, struct reason *why)
{
	return argument_ms(field, text, INTERVAL_MAX_MS, why);
}

bool argument_timeout(void *field, const char *text, struct reason *why)
{
	return argument_ms(field, text, TIMEOUT_MAX_MS, why);
}

bool argument_times(void *field, const char *text, struct reason *why)
{
	uint32_t times;

	if (!argument_number(&times, text, 1, TIMES_MAX, why))
		return false;
	*(uint8_t *)field = (uint8_t)times;
	return true;
}

/* Goes into a request line as it is, so no byte of it may end the line or a word. */
bool argument_path(void *field, const char *text, struct reason *why)
{
	bool wrong = *text != '/' || strlen(text) >= CONFIG_TEXT;

	for (const char *p = text; *p && !wrong; p++)
		wrong = *p <= ' ' || *p > '~' || strchr("\"\\#", *p);
	if (wrong)
		return argument_wrong(why,
				      "expected a path such as /health of at most %d characters, "
				      "without blanks, quotes, \\ and #",
				      CONFIG_TEXT - 1);
	strcpy(field, text);
	return true;
}

bool argument_dead(void *field, const char *text, struct reason *why)
{
	for (unsigned i = 0; i < DEAD_COUNT; i++)
		if (strcmp(text, dead_backend_name(i)) == 0) {
			*(enum dead_backend *)field = i;
			return true;
		}
	return argument_wrong(why, "expected keep, reset or move");
}

bool argument_down(void *field, const char *text, struct reason *why)
{
	for (unsigned i = 0; i < DOWN_COUNT; i++)
		if (strcmp(text, down_answer_name(i)) == 0) {
			*(enum down_answer *)field = i;
			return true;
		}
	return argument_wrong(why, "expected silence, reset or icmp");
}
