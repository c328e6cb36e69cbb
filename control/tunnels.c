/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/tunnels.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config/kind.h"
#include "control/config/tunnel.h"
#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/gateway.h"
#include "control/netlink/listening.h"
#include "datapath/relay/ssh_key.h"

#define BACKLOG	 4096
#define HALF_MS	 ((json_int_t)300000) /* a connection of which one direction has ended */
#define FILE_MAX 65536		      /* bytes of a certificate chain or key */

bool tunnels_needed(const struct config *config)
{
	return config->n_tunnel_gateways != 0;
}

/* --- sockets ------------------------------------------------------------------------------- */

static int open_socket(be32 addr, uint16_t port, bool udp)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = addr};
	int type = (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int fd = socket(AF_INET, type, 0), code = 0;
	const int on = 1;

	if (fd < 0)
		return -errno;
	/* The address may be on its way into the kernel. */
	if (setsockopt(fd, SOL_IP, IP_FREEBIND, &on, sizeof(on)) ||
	    (!udp && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on))) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    (!udp && listen(fd, BACKLOG)))
		code = -errno;
	if (!code)
		return fd;
	close(fd);
	return code;
}

static struct tunnels_listener *find_listener(struct tunnels *tunnels, be32 addr, uint16_t port)
{
	for (size_t i = 0; i < tunnels->n_listeners; i++)
		if (tunnels->listeners[i].addr == addr && tunnels->listeners[i].port == port)
			return &tunnels->listeners[i];
	return NULL;
}

static void make_key(be32 addr, uint16_t port, char key[TUNNELS_KEY])
{
	char text[ADDR_TEXT_BYTES];

	snprintf(key, TUNNELS_KEY, "tunnel %s:%u", addr_text(addr, text), port);
}

static int open_listener(struct gateway *gateway, const struct config_tunnel_gateway *stage,
			 struct ctl_error *error)
{
	struct tunnels *tunnels = &gateway->tunnels;
	char text[ADDR_TEXT_BYTES];
	uint16_t port;
	be32 addr;
	int fd;

	tunnel_gateway_listens(stage, &addr, &port);
	if (find_listener(tunnels, addr, port))
		return 0;
	if (tunnels->n_listeners == CONFIG_TUNNEL_GATEWAYS_MAX)
		return fault(error, -ENOSPC, "too many addresses of tunnel-gateways");
	fd = open_socket(addr, port, false);
	if (fd < 0)
		return fault(error, fd, "tunnel-gateway %s: cannot listen on %s:%u: %s",
			     stage->name, addr_text(addr, text), port, strerror(-fd));
	tunnels->listeners[tunnels->n_listeners++] =
		(struct tunnels_listener){.addr = addr, .port = port, .fd = fd};
	return 0;
}

static bool wants(const struct config *config, const struct tunnels_listener *listener)
{
	for (size_t i = 0; config && i < config->n_tunnel_gateways; i++) {
		uint16_t port;
		be32 addr;

		tunnel_gateway_listens(&config->tunnel_gateways[i], &addr, &port);
		if (addr == listener->addr && port == listener->port)
			return true;
	}
	return false;
}

void tunnels_commit(struct gateway *gateway, const struct config *config)
{
	struct tunnels *tunnels = &gateway->tunnels;
	size_t kept = 0;

	for (size_t i = 0; i < tunnels->n_listeners; i++) {
		if (wants(config, &tunnels->listeners[i]))
			tunnels->listeners[kept++] = tunnels->listeners[i];
		else
			close(tunnels->listeners[i].fd);
	}
	tunnels->n_listeners = kept;
	if (!config && tunnels->asked) {
		json_decref(tunnels->asked);
		tunnels->asked = NULL;
	}
}

bool tunnels_adopt(struct gateway *gateway, const char *key, int fd)
{
	struct tunnels *tunnels = &gateway->tunnels;
	uint16_t port;
	be32 addr;

	if (strncmp(key, "tunnel ", 7) != 0)
		return false;
	if (!argument_endpoint(&addr, &port, key + 7) || find_listener(tunnels, addr, port) ||
	    tunnels->n_listeners == CONFIG_TUNNEL_GATEWAYS_MAX)
		close(fd);
	else
		tunnels->listeners[tunnels->n_listeners++] =
			(struct tunnels_listener){.addr = addr, .port = port, .fd = fd};
	return true;
}

/* --- what the relay is told ---------------------------------------------------------------- */

/* host_key() - read it, or make it, once. Return: 0 or -errno with @error set. */
static int host_key(struct gateway *gateway, struct ctl_error *error)
{
	char *pem = gateway->tunnels.host_key;
	struct state_error why;
	int found;

	if (*pem)
		return 0;
	if (!gateway->state)
		return fault(error, -EIO, "tunnels need the state database: %s",
			     gateway->state_trouble);
	found = tunnel_state_read_key(gateway->state, pem, &why);
	if (found == 1)
		return 0;
	if (!found && !ssh_host_key_make(pem, TUNNEL_STATE_PEM))
		return fault(error, -EIO, "the tunnels' host key cannot be made");
	if (!found)
		found = tunnel_state_write_key(gateway->state, pem, &why);
	if (!found)
		return 0;
	*pem = '\0';
	return fault(error, found, "%s", why.text);
}

/* read_pem() - Return: a JSON string; NULL with @error set. */
static json_t *read_pem(const char *path, struct ctl_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text = fd < 0 ? NULL : malloc(FILE_MAX);
	json_t *string = NULL;
	struct stat stat;
	ssize_t n = -1;

	if (text && !fstat(fd, &stat) && S_ISREG(stat.st_mode))
		n = read(fd, text, FILE_MAX);
	if (n > 0 && n < FILE_MAX)
		string = json_stringn(text, (size_t)n);
	if (!string)
		fault(error, -EINVAL, "%s: %s", path,
		      fd < 0 ? strerror(errno) : "expected a PEM file of less than 64 KiB");
	free(text);
	if (fd >= 0)
		close(fd);
	return string;
}

static int add_listener(const struct config_tunnel_gateway *stage, const char *key, json_t *array,
			struct ctl_error *error)
{
	json_t *item = json_pack("{s:s}", "key", key);
	json_t *certificate, *secret;

	json_array_append_new(array, item);
	if (!*stage->certificate)
		return 0;
	certificate = read_pem(stage->certificate, error);
	secret = certificate ? read_pem(stage->private_key, error) : NULL;
	json_object_set_new(item, "certificate", certificate);
	json_object_set_new(item, "private-key", secret);
	return secret ? 0 : -EINVAL;
}

static json_t *networks(const struct config_tunnel_gateway *stage)
{
	json_t *array = json_array();

	for (size_t i = 0; i < stage->n_from; i++) {
		struct prefix network = stage->from[i];

		json_array_append_new(
			array,
			json_pack("[I, I]", (json_int_t)ntohl(network.addr),
				  (json_int_t)ntohl(network.addr | ~prefix_mask(network.len))));
	}
	return array;
}

static json_t *keys(const struct config *config, const char *stage)
{
	json_t *array = json_array();

	for (size_t i = 0; i < config->n_tunnel_keys; i++) {
		const struct config_tunnel_key *key = &config->tunnel_keys[i];

		if (!strcmp(key->gateway, stage))
			json_array_append_new(
				array, json_pack("{s:s, s:s}", "name", key->name, "key", key->key));
	}
	return array;
}

static json_t *stage_item(const struct config *config, const struct config_tunnel_gateway *stage,
			  const struct tunnel_state *state)
{
	char token[2 * TUNNEL_STATE_TOKEN + 1], inside[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < sizeof(state->token); i++)
		snprintf(token + 2 * i, 3, "%02x", state->token[i]);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "name", stage->name, "uuid",
			 state->uuid, "token", token, "inside", addr_text(stage->inside, inside),
			 "balance", balance_name(stage->balance), "networks", networks(stage),
			 "keys", keys(config, stage->name));
}

/* Return: 0 or -errno with @error set; the stage is left out where it is not active. */
static int add_stage(struct gateway *gateway, const struct config *config,
		     const struct config_tunnel_gateway *stage, json_t *stages,
		     struct ctl_error *error)
{
	struct tunnel_state state;
	struct state_error why;
	int found = tunnel_state_read(gateway->state, stage->name, &state, &why);

	if (found < 0)
		return fault(error, found, "%s", why.text);
	if (found && state.active)
		json_array_append_new(stages, stage_item(config, stage, &state));
	return 0;
}

/* first_there() - the first stage that arrives where @stage does; they share the socket */
static bool first_there(const struct config *config, const struct config_tunnel_gateway *stage)
{
	uint16_t port, other_port;
	be32 addr, other_addr;

	tunnel_gateway_listens(stage, &addr, &port);
	for (const struct config_tunnel_gateway *other = config->tunnel_gateways; other != stage;
	     other++) {
		tunnel_gateway_listens(other, &other_addr, &other_port);
		if (addr == other_addr && port == other_port)
			return false;
	}
	return true;
}

json_t *tunnels_part(struct gateway *gateway, const struct config *config, json_t *listeners,
		     int *fds, unsigned *n_fds, unsigned max, struct ctl_error *error)
{
	json_int_t idle_ms = (json_int_t)config->timer_s[TIMER_TCP_IDLE] * 1000;
	json_t *arrivals = json_array(), *stages = json_array();
	int code = host_key(gateway, error);

	for (size_t i = 0; !code && i < config->n_tunnel_gateways; i++) {
		const struct config_tunnel_gateway *stage = &config->tunnel_gateways[i];
		const struct tunnels_listener *listener;
		char key[TUNNELS_KEY];
		uint16_t port;
		be32 addr;

		code = open_listener(gateway, stage, error);
		if (!code)
			code = add_stage(gateway, config, stage, stages, error);
		if (code || !first_there(config, stage))
			continue;
		tunnel_gateway_listens(stage, &addr, &port);
		listener = find_listener(&gateway->tunnels, addr, port);
		if (*n_fds == max)
			code = fault(error, -E2BIG, "too many sockets for pgw-relay");
		if (code)
			continue;
		fds[(*n_fds)++] = listener->fd;
		make_key(addr, port, key);
		json_array_append_new(listeners,
				      json_pack("{s:s, s:i}", "key", key, "fd", (int)*n_fds));
		code = add_listener(stage, key, arrivals, error);
	}
	if (!code)
		return json_pack("{s:I, s:I, s:s, s:o, s:o}", "idle-ms", idle_ms, "half-ms",
				 idle_ms < HALF_MS ? idle_ms : HALF_MS, "host-key",
				 gateway->tunnels.host_key, "listeners", arrivals, "stages",
				 stages);
	json_decref(arrivals);
	json_decref(stages);
	return NULL;
}

/* --- ports of endpoints -------------------------------------------------------------------- */

void tunnels_asked(struct gateway *gateway, json_t *question)
{
	struct tunnels *tunnels = &gateway->tunnels;

	if (!tunnels->asked)
		tunnels->asked = json_array();
	if (json_array_size(tunnels->asked) < TUNNELS_ASKED_MAX)
		json_array_append(tunnels->asked, question);
}

bool tunnels_due(const struct gateway *gateway)
{
	return gateway->tunnels.asked != NULL;
}

static bool pool_has(const struct config *config, be32 addr, uint16_t port)
{
	for (size_t i = 0; i < config->n_pools; i++) {
		const struct config_pool *pool = &config->pools[i];

		if (port < pool->port_first || port > pool->port_last)
			continue;
		for (size_t e = 0; e < pool->n_external; e++)
			if (pool->external[e] == addr)
				return true;
	}
	return false;
}

/* used() - what of the gateway has that port already; NULL: nothing that is not a socket */
static const char *used(const struct config *config, be32 addr, uint16_t port, bool udp)
{
	uint8_t protocol = udp ? IPPROTO_UDP : IPPROTO_TCP;

	for (size_t i = 0; i < config->n_services; i++)
		if (config->services[i].addr == addr && config->services[i].port == port &&
		    config->services[i].protocol == protocol)
			return "it is a service's";
	for (size_t i = 0; udp && port == INSIDE_NTP_PORT && i < config->n_ntps; i++)
		if (config->ntps[i].addr == addr)
			return "the gateway answers NTP there";
	if (port && pool_has(config, addr, port))
		return "it is in the range of a pool of external ports";
	return NULL;
}

static bool has_service(const struct config *config, const struct config_service *wanted)
{
	for (size_t i = 0; i < config->n_services; i++)
		if (config->services[i].addr == wanted->addr &&
		    config->services[i].port == wanted->port &&
		    config->services[i].protocol == wanted->protocol)
			return true;
	return false;
}

/* The secure gateway that has a socket where @service is to be; NULL if none has. */
static const struct config_tunnel_gateway *whose(const struct config *config,
						 const struct config_service *service,
						 const struct snapshot_reserved *sockets, size_t n)
{
	const struct config_tunnel_gateway *stage = NULL;

	for (size_t i = 0; i < config->n_tunnel_gateways; i++)
		if (config->tunnel_gateways[i].inside == service->addr)
			stage = &config->tunnel_gateways[i];
	for (size_t i = 0; stage && i < n; i++)
		if (sockets[i].addr == service->addr && ntohs(sockets[i].port) == service->port &&
		    sockets[i].proto == service->protocol)
			return stage;
	return NULL;
}

int tunnels_spare(const struct gateway *gateway, const struct config *config,
		  struct ctl_error *error)
{
	struct snapshot_reserved *sockets;
	char text[ADDR_TEXT_BYTES];
	size_t n;
	int code;

	if (!tunnels_needed(&gateway->config))
		return 0;
	code = listening_sockets(&sockets, &n);
	if (code)
		return fault(error, code, "cannot list the ports on which this host listens: %s",
			     strerror(-code));
	for (size_t i = 0; i < config->n_services && !code; i++) {
		const struct config_service *service = &config->services[i];
		const struct config_tunnel_gateway *stage;

		if (has_service(&gateway->config, service))
			continue;
		stage = whose(&gateway->config, service, sockets, n);
		if (stage)
			code = fault(error, -EADDRINUSE,
				     "service \"%s\": %s:%u is in use, by an endpoint of tunnel "
				     "gateway \"%s\" (pgw endpoint show) or by this host: expected "
				     "another port",
				     service->name, addr_text(service->addr, text), service->port,
				     stage->name);
	}
	free(sockets);
	return code;
}

static const struct config_tunnel_gateway *stage_of(const struct gateway *gateway,
						    const json_t *question)
{
	const char *name = json_string_value(json_object_get(question, "stage"));

	return name ? kind_tunnel_gateway(&gateway->config, name) : NULL;
}

/* open_port() - Return: a socket, -1 with *why set. */
static int open_port(const struct gateway *gateway, const json_t *question, const char **why)
{
	const struct config_tunnel_gateway *stage = stage_of(gateway, question);
	const char *address = json_string_value(json_object_get(question, "address"));
	const char *protocol = json_string_value(json_object_get(question, "protocol"));
	json_int_t port = json_integer_value(json_object_get(question, "port"));
	bool udp = protocol && !strcmp(protocol, "udp");
	be32 addr;
	int fd;

	/* The relay meets hostile bytes: it may ask for no more than its configuration says. */
	if (!stage || !address || !addr_parse(address, &addr) || addr != stage->inside ||
	    port < 0 || port > UINT16_MAX) {
		*why = "this stage has no such address or port";
		return -1;
	}
	*why = used(&gateway->config, addr, (uint16_t)port, udp);
	if (*why)
		return -1;
	fd = open_socket(addr, (uint16_t)port, udp);
	if (fd == -EADDRINUSE)
		*why = "the gateway uses it itself, or another stage does";
	else if (fd < 0)
		*why = strerror(-fd);
	return fd < 0 ? -1 : fd;
}

json_t *tunnels_answer(struct gateway *gateway, int *fd)
{
	struct tunnels *tunnels = &gateway->tunnels;
	const json_t *question = json_array_get(tunnels->asked, 0);
	json_t *answer = NULL;
	const char *what = json_string_value(json_object_get(question, "ask"));
	const char *why = NULL;

	*fd = -1;
	if (what && !strcmp(what, "listen")) {
		*fd = open_port(gateway, question, &why);
		answer = json_pack("{s:s, s:s, s:s, s:O}", "op", "part", "part", "tunnel", "do",
				   "listened", "id", json_object_get(question, "id"));
		if (answer && *fd >= 0)
			json_object_set_new(answer, "fd", json_integer(0));
		else if (answer)
			json_object_set_new(answer, "error", json_string(why));
	}
	json_array_remove(tunnels->asked, 0);
	if (!json_array_size(tunnels->asked)) {
		json_decref(tunnels->asked);
		tunnels->asked = NULL;
	}
	return answer;
}
