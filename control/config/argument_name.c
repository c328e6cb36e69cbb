/* SPDX-License-Identifier: GPL-2.0-or-later */
/* argument_name - names of hosts: those that TLS clients ask for, those of time servers. */
#include <stdlib.h>
#include <string.h>

#include "control/config/argument.h"

#define LABEL_MAX 63u /* RFC 1035 section 2.3.4 */

/* A host name in lower case: labels of letters, digits, - and _, dots between them. */
static bool read_host(char name[CONFIG_SNI], const char *text, size_t n)
{
	size_t label = 0;

	if (!n || n >= CONFIG_SNI)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c == '.' ? !label
			     : !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
				 c == '_'))
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
		name[i] = c;
	}
	name[n] = '\0';
	return label > 0;
}

enum added { ADDED, TWICE, TOO_MANY, NO_MEMORY };

/* Inserts @name at its place. */
static enum added insert(char (**list)[CONFIG_SNI], size_t *n, size_t max,
			 const char name[CONFIG_SNI])
{
	char(*grown)[CONFIG_SNI];
	size_t at = 0;

	while (at < *n && strcmp((*list)[at], name) < 0)
		at++;
	if (at < *n && !strcmp((*list)[at], name))
		return TWICE;
	if (*n == max)
		return TOO_MANY;
	grown = realloc(*list, (*n + 1) * sizeof(*grown));
	if (!grown)
		return NO_MEMORY;
	memmove(grown + at + 1, grown + at, (*n - at) * sizeof(*grown));
	memset(grown[at], 0, sizeof(*grown));
	strcpy(grown[at], name);
	*list = grown;
	++*n;
	return ADDED;
}

static bool judge(enum added added, size_t max, struct reason *why)
{
	switch (added) {
	case TWICE:
		return argument_wrong(why, "a name is given twice");
	case TOO_MANY:
		return argument_wrong(why, "expected at most %zu names", max);
	case NO_MEMORY:
		why->no_memory = true;
		return argument_wrong(why, "out of memory");
	default:
		return true;
	}
}

static bool read_sni(char name[CONFIG_SNI], const char *text, size_t n)
{
	if (n < 2 || memcmp(text, "*.", 2) != 0)
		return read_host(name, text, n);
	if (n >= CONFIG_SNI || !read_host(name, text + 2, n - 2))
		return false;
	memmove(name + 2, name, n - 1);
	memcpy(name, "*.", 2);
	return true;
}

bool argument_sni(void *item, const char *text, struct reason *why)
{
	struct config_service *service = item;
	char name[CONFIG_SNI];

	for (;;) {
		size_t n = strcspn(text, ",");

		if (!read_sni(name, text, n))
			return argument_wrong(why, "expected names of TLS servers such as "
						   "www.example.net or *.example.net, with commas "
						   "between them");
		if (!judge(insert(&service->sni, &service->n_sni, CONFIG_SNI_MAX, name),
			   CONFIG_SNI_MAX, why))
			return false;
		if (!text[n])
			return true;
		text += n + 1;
	}
}

bool argument_proxy(void *item, const char *text, struct reason *why)
{
	struct config_service *service = item;

	if (strcmp(text, "v2") != 0)
		return argument_wrong(why, "expected v2");
	service->proxy = true;
	return true;
}

bool argument_server(void *item, const char *text, struct reason *why)
{
	struct config_ntp *ntp = item;
	char name[CONFIG_SNI];

	if (!read_host(name, text, strlen(text)) || *name == '-')
		return argument_wrong(why, "expected the address or the name of a time server, as "
					   "192.0.2.1 or ntp.example.net");
	return judge(insert(&ntp->servers, &ntp->n_servers, CONFIG_NTP_SERVERS_MAX, name),
		     CONFIG_NTP_SERVERS_MAX, why);
}
