/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ssh_version - the line with which a client begins: RFC 4253 section 4.2.
 *
 * Limit: VERSION_LINE_MAX bytes with its end.
 */
#include "datapath/relay/ssh_private.h"

#include <errno.h>
#include <string.h>

#define VERSION_LINE_MAX 255u

int ssh_version_take(struct ssh *ssh, const uint8_t *line, size_t n)
{
	const char *begins = ssh->settings.client_banner;

	if (n && line[n - 1] == '\r')
		n--;
	if (n < strlen(begins) || memcmp(line, begins, strlen(begins)) != 0)
		return ssh_fail(ssh, -EPROTO, 0, "the version line does not begin with %s", begins);
	for (size_t i = 0; i < n; i++)
		if (line[i] < ' ' || line[i] > '~')
			return ssh_fail(ssh, -EPROTO, 0, "the version line is not text");
	ssh->client_version = strndup((const char *)line, n);
	if (!ssh->client_version)
		return ssh->failed = -ENOMEM;
	ssh->state = SSH_STATE_KEYS;
	return 0;
}

long ssh_version_bytes(struct ssh *ssh, const uint8_t *data, size_t n)
{
	const uint8_t *end = memchr(data, '\n', n);

	if (!end && n < VERSION_LINE_MAX)
		return 0;
	if (!end || end - data >= (long)VERSION_LINE_MAX)
		return ssh_fail(ssh, -EPROTO, 0, "the version line is too long");
	return end - data + 1;
}
