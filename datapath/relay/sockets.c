/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/relay/sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct sockets_entry *find(const struct sockets *sockets, const char *key)
{
	for (size_t i = 0; i < sockets->n; i++)
		if (!strcmp(sockets->list[i].key, key))
			return &sockets->list[i];
	return NULL;
}

int sockets_find(const struct sockets *sockets, const char *key)
{
	const struct sockets_entry *entry = find(sockets, key);

	return entry ? entry->fd : -1;
}

/* Return: NULL if @fd is a non-blocking IPv4 socket that listens, or a bound UDP one. */
static const char *check_socket(int fd)
{
	int domain = 0, type = 0, listens = 0;
	socklen_t size = sizeof(int);

	if (fd < 0)
		return "no such descriptor came beside the message";
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size))
		return "the descriptor is no socket";
	if (domain != AF_INET || (type != SOCK_STREAM && type != SOCK_DGRAM))
		return "the socket is neither TCP nor UDP over IPv4";
	return type == SOCK_STREAM && !listens ? "the socket does not listen" : NULL;
}

static int add(struct sockets *sockets, const json_t *item, struct handover_message *message,
	       const struct sockets *before, struct relay_error *error)
{
	const char *key = json_string_value(json_object_get(item, "key"));
	const json_t *number = json_object_get(item, "fd");
	struct sockets_entry *entry = &sockets->list[sockets->n];
	const struct sockets_entry *old;
	const char *why;

	if (!key || !*key || strlen(key) >= SOCKETS_KEY || !json_is_integer(number))
		return relay_fail(error, -EINVAL, "a listener without a key and a descriptor");
	if (find(sockets, key))
		return relay_fail(error, -EINVAL, "listener \"%s\": it is there twice", key);
	snprintf(entry->key, sizeof(entry->key), "%s", key);
	old = find(before, key);
	if (old) {
		entry->fd = old->fd;
		entry->borrowed = true;
		sockets->n++;
		return 0;
	}
	entry->borrowed = false;
	entry->fd = handover_take_fd(message, json_integer_value(number));
	why = check_socket(entry->fd);
	sockets->n += entry->fd >= 0;
	return why ? relay_fail(error, -EINVAL, "listener \"%s\": %s", key, why) : 0;
}

int sockets_prepare(struct sockets *sockets, const json_t *wanted, struct handover_message *message,
		    const struct sockets *before, struct relay_error *error)
{
	size_t n = json_array_size(wanted);
	int code = 0;

	*sockets = (struct sockets){0};
	if (!json_is_array(wanted) || n > HANDOVER_FDS_MAX)
		return relay_fail(error, -EINVAL, "listeners: an array of at most %u was expected",
				  HANDOVER_FDS_MAX);
	if (!n)
		return 0;
	sockets->list = calloc(n, sizeof(*sockets->list));
	if (!sockets->list)
		return relay_fail(error, -ENOMEM, "out of memory");
	for (size_t i = 0; !code && i < n; i++)
		code = add(sockets, json_array_get(wanted, i), message, before, error);
	if (code)
		sockets_drop(sockets);
	return code;
}

void sockets_drop(struct sockets *sockets)
{
	for (size_t i = 0; i < sockets->n; i++)
		if (!sockets->list[i].borrowed)
			close(sockets->list[i].fd);
	free(sockets->list);
	*sockets = (struct sockets){0};
}

void sockets_commit(struct sockets *now, struct sockets *next)
{
	for (size_t i = 0; i < now->n; i++)
		now->list[i].borrowed = find(next, now->list[i].key) != NULL;
	sockets_drop(now);
	for (size_t i = 0; i < next->n; i++)
		next->list[i].borrowed = false;
	*now = *next;
	*next = (struct sockets){0};
}
