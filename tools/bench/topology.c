/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topology - see topology.h. The namespaces are held by descriptors only: even after SIGKILL
 * nothing of them remains.
 *
 * Placement (options.split): everything that belongs to client or server runs on the load
 * core, everything that belongs to the gateway on the gateway core. By default a veth pair
 * hands packets over on the sender's core, and kernel forwarding would ride on the client's
 * time; so receive packet steering moves each interface's receive work to its side's core,
 * or (WAY_NAPI) each interface gets a NAPI thread that is pinned there.
 */
#include "tools/bench/topology.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/bench/child.h"

#define SINK_NICE (-15)

/* namespace_create() - Return: a descriptor, or -errno. The caller's namespace is kept. */
static int namespace_create(void)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), made = -1, ret;

	if (own < 0)
		return -errno;
	if (unshare(CLONE_NEWNET) < 0) {
		ret = -errno;
		goto out;
	}
	made = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ret = made < 0 ? -errno : made;
	if (setns(own, CLONE_NEWNET) < 0)
		abort(); /* anything done from here on would hit the wrong namespace */
out:
	close(own);
	return ret;
}

int topology_ip(struct run *run, int netns, const char *batch)
{
	char output[BENCH_ERROR_BYTES - 100];
	int status =
		command((struct place){netns, -1}, (const char *const[]){"ip", "-batch", "-", NULL},
			batch, output, sizeof(output));

	if (status == 0)
		return 0;
	return run_fail(run, "ip -batch failed (%d): %s", status, output);
}

struct value {
	const char *path, *value;
};

static int write_value(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t size = (ssize_t)strlen(value), written;

	if (fd < 0)
		return -errno;
	written = write(fd, value, (size_t)size);
	close(fd);
	return written == size ? 0 : -EIO;
}

static int sysctl_main(void *arg)
{
	const struct value *value = arg;

	return -write_value(value->path, value->value);
}

int topology_sysctl(struct run *run, int netns, const char *path, const char *value)
{
	struct value setting = {path, value};
	pid_t pid = child_start((struct place){netns, -1}, sysctl_main, &setting);
	int status = pid < 0 ? pid : child_wait(pid, COMMAND_TIMEOUT_MS);

	if (status == 0)
		return 0;
	return run_fail(run, "cannot write %s to %s: %s", value, path, strerror(abs(status)));
}

struct steering {
	const char *devices[2];
	int cpu; /* -1: leave */
	enum way way;
};

static int set_feature(const char *device, uint32_t command, uint32_t on)
{
	struct ethtool_value value = {.cmd = command, .data = on};
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	request.ifr_data = (char *)&value;
	ret = ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static int steering_main(void *arg)
{
	const struct steering *steering = arg;
	int ret = child_sysfs();

	for (unsigned i = 0; i < 2 && ret == 0; i++) {
		const char *device = steering->devices[i];
		char path[128], mask[20];

		if (!device)
			continue;
		if (steering->way == WAY_NAPI) {
			/* A veth has NAPI only with GRO (or XDP), threads only with NAPI, and
			 * uses it only for what comes from a sender without TSO. */
			ret = set_feature(device, ETHTOOL_SGRO, 1);
			if (ret == 0)
				ret = set_feature(device, ETHTOOL_STSO, 0);
			if (ret)
				break;
			snprintf(path, sizeof(path), "/sys/class/net/%s/threaded", device);
			ret = write_value(path, "1");
		} else if (steering->cpu >= 0) {
			snprintf(path, sizeof(path), "/sys/class/net/%s/queues/rx-0/rps_cpus",
				 device);
			snprintf(mask, sizeof(mask), "%lx", 1ul << steering->cpu);
			ret = write_value(path, mask);
		}
	}
	return ret < 0 ? -ret : ret;
}

static int steer(struct run *run, int netns, const struct steering *steering)
{
	pid_t pid = child_start((struct place){netns, -1}, steering_main, (void *)steering);
	int status = pid < 0 ? pid : child_wait(pid, COMMAND_TIMEOUT_MS);

	if (status == 0)
		return 0;
	return run_fail(run, "cannot set %s of %s: %s; a kernel of 5.12 or later is expected",
			steering->way == WAY_NAPI ? "threaded NAPI" : "receive packet steering",
			steering->devices[0], strerror(abs(status)));
}

/* threads() - the NAPI threads of @device now. Return: how many. */
static unsigned threads(const char *device, pid_t *pids, unsigned max)
{
	char wanted[32];
	struct dirent *entry;
	unsigned n = 0;
	DIR *dir = opendir("/proc");

	if (!dir)
		return 0;
	snprintf(wanted, sizeof(wanted), "napi/%s-", device);
	while (n < max && (entry = readdir(dir))) {
		char path[300], comm[32] = "";
		FILE *file;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && strncmp(comm, wanted, strlen(wanted)) == 0)
			pids[n++] = atoi(entry->d_name);
		fclose(file);
	}
	closedir(dir);
	return n;
}

static void pin(pid_t pid, int cpu)
{
	cpu_set_t cpus;

	if (cpu < 0)
		return;
	CPU_ZERO(&cpus);
	CPU_SET((size_t)cpu, &cpus);
	sched_setaffinity(pid, sizeof(cpus), &cpus);
}

/* go_first() - on the load's core the sink goes before the generator, or it would limit: at once,
 * for 256 packets fill its veth. A nice value alone lets the generator end its slice. Where cores
 * are shared with the gateway, it has no more than that. */
static void go_first(pid_t pid, bool alone)
{
	const struct sched_param first = {.sched_priority = 1};

	if (!alone || sched_setscheduler(pid, SCHED_FIFO, &first) < 0)
		setpriority(PRIO_PROCESS, (id_t)pid, SINK_NICE);
}

/* adopt_threads() - find the threads that appeared for @device, pin them to @cpu */
static int adopt_threads(struct run *run, const char *device, int cpu, bool gateway)
{
	struct topology *topology = &run->topology;
	pid_t pids[TOPOLOGY_NAPI_MAX];
	unsigned n = threads(device, pids, TOPOLOGY_NAPI_MAX);

	if (n != 1)
		return run_fail(run, "expected 1 NAPI thread of %s, found %u", device, n);
	pin(pids[0], cpu);
	if (gateway)
		topology->napi[topology->n_napi++] = pids[0];
	else
		go_first(pids[0], cpu >= 0);
	return 0;
}

static int place_all(struct run *run)
{
	const struct options *options = run->options;
	struct topology *topology = &run->topology;
	int load = options->split ? options->load_cpu : -1;
	int gateway = options->split ? options->gateway_cpu : -1;
	enum way way = run->measure->way;
	struct steering client = {{CLIENT_DEV}, load, way}, server = {{SERVER_DEV}, load, way};
	struct steering middle = {{GATEWAY_C_DEV, GATEWAY_S_DEV}, gateway, way};

	if (steer(run, topology->client, &client) || steer(run, topology->server, &server) ||
	    steer(run, topology->gateway, &middle))
		return -1;
	if (way != WAY_NAPI)
		return 0;
	if (adopt_threads(run, CLIENT_DEV, load, false) ||
	    adopt_threads(run, SERVER_DEV, load, false) ||
	    adopt_threads(run, GATEWAY_C_DEV, gateway, true) ||
	    adopt_threads(run, GATEWAY_S_DEV, gateway, true))
		return -1;
	return 0;
}

int topology_create(struct run *run)
{
	struct topology *topology = &run->topology;
	char batch[1024];
	int pid = getpid();

	*topology = (struct topology){.client = -1, .gateway = -1, .server = -1};
	topology->client = namespace_create();
	topology->gateway = namespace_create();
	topology->server = namespace_create();
	if (topology->client < 0 || topology->gateway < 0 || topology->server < 0)
		return run_fail(run, "cannot make network namespaces: %s; run as root",
				strerror(-topology->client));
	snprintf(batch, sizeof(batch),
		 "link set lo up\n"
		 "link add " GATEWAY_C_DEV " address " GATEWAY_C_MAC
		 " type veth peer name " CLIENT_DEV " address " CLIENT_MAC " netns /proc/%d/fd/%d\n"
		 "link add " GATEWAY_S_DEV " address " GATEWAY_S_MAC
		 " type veth peer name " SERVER_DEV " address " SERVER_MAC " netns /proc/%d/fd/%d\n"
		 "link set " GATEWAY_C_DEV " up\nlink set " GATEWAY_S_DEV " up\n",
		 pid, topology->client, pid, topology->server);
	if (topology_ip(run, topology->gateway, batch) ||
	    topology_ip(run, topology->client,
			"link set lo up\nlink set " CLIENT_DEV " up\n"
			"address add " CLIENT_ADDR PREFIX_BITS " dev " CLIENT_DEV "\n"
			"route add default via " GATEWAY_C_ADDR "\n") ||
	    topology_ip(run, topology->server,
			"link set lo up\nlink set " SERVER_DEV " up\n"
			"address add " SERVER_ADDR PREFIX_BITS " dev " SERVER_DEV "\n"))
		return -1;
	return place_all(run);
}

void topology_destroy(struct topology *topology)
{
	int *const all[] = {&topology->gateway, &topology->client, &topology->server};

	/* Namespaces are taken down in the background; links, the costly part, are removed
	 * here so that the next run is not disturbed. */
	if (topology->gateway >= 0)
		command((struct place){topology->gateway, -1},
			(const char *const[]){"ip", "-batch", "-", NULL},
			"link del " GATEWAY_C_DEV "\nlink del " GATEWAY_S_DEV "\n", NULL, 0);
	for (unsigned i = 0; i < 3; i++) {
		if (*all[i] >= 0)
			close(*all[i]);
		*all[i] = -1;
	}
	topology->n_napi = 0;
}
