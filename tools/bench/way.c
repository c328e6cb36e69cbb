/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/way.h"

#include <stdlib.h>
#include <string.h>

#include "tools/bench/child.h"
#include "tools/bench/files.h"

#define STATS_BYTES (64u << 10)
#define FEW	    200 /* packets that may go another way: the first of a flow, ARP, a window probe */

static int tool(struct run *run, const char *const words[6], char *output, size_t size)
{
	char pgw[PATH_MAX];
	const char *argv[12] = {pgw, "-r", run->gateway.rundir};
	int status;

	snprintf(pgw, sizeof(pgw), "%s/pgw", run->options->bindir);
	for (unsigned i = 0; i < 6; i++)
		argv[3 + i] = words[i];
	status = command((struct place){-1, run->options->split ? run->options->load_cpu : -1},
			 argv, NULL, output, size);
	if (status == 0)
		return 0;
	return run_fail(run, "pgw %s %s failed (%d): %.200s", words[0], words[1], status, output);
}

int gateway_tool(struct run *run, const char *const words[5])
{
	char output[300];

	return tool(run, (const char *const[6]){words[0], words[1], words[2], words[3], words[4]},
		    output, sizeof(output));
}

json_t *gateway_stats(struct run *run)
{
	char *output = malloc(STATS_BYTES);
	json_t *root = NULL;

	if (!output) {
		run_fail(run, "no memory");
		return NULL;
	}
	if (tool(run, (const char *const[6]){"-j", "stats", "show"}, output, STATS_BYTES) == 0) {
		root = json_loads(output, 0, NULL);
		if (!root)
			run_fail(run, "pgw -j stats show is not JSON: %.200s", output);
	}
	free(output);
	return root;
}

int way_read(struct run *run, struct way_counts *counts)
{
	int netns = run->topology.gateway;
	json_t *stats, *portgroup;
	size_t i;

	*counts = (struct way_counts){
		.kernel = netns_snmp(netns, "Ip:", "ForwDatagrams"),
		.opened = netns_snmp(netns, "Tcp:", "ActiveOpens"),
		.accepted = netns_snmp(netns, "Tcp:", "PassiveOpens"),
	};
	if (!run->gateway.rundir[0])
		return 0;
	stats = gateway_stats(run);
	if (!stats)
		return -1;
	json_array_foreach(json_object_get(stats, "portgroups"), i, portgroup)
	{
		counts->received +=
			(uint64_t)json_integer_value(json_object_get(portgroup, "rcvd-packets"));
		counts->offloaded +=
			(uint64_t)json_integer_value(json_object_get(portgroup, "offload-packets"));
	}
	json_decref(stats);
	return 0;
}

const char *way_judge(const struct variant *variant, const struct measure *measure,
		      const struct way_counts *counts)
{
	bool router = variant->kind == KIND_ROUTER;

	if (!variant->ours && router && !variant->bound)
		return counts->kernel ? NULL : "the kernel forwarded nothing";
	if (counts->kernel > FEW)
		return "the kernel forwarded packets that it must not forward";
	if (!router && !counts->opened)
		return "no connection was opened to the server by the proxy";
	if (!variant->ours)
		return NULL;
	if (!counts->received)
		return "the gateway received nothing";
	if (!router)
		return NULL;
	if (strcmp(variant->offload, "off") == 0)
		return counts->offloaded ? "packets were offloaded that must not be" : NULL;
	return counts->offloaded || measure->fresh ? NULL : "nothing was offloaded";
}

int way_check(struct run *run, const struct way_counts *before)
{
	struct way_counts now;
	const char *wrong;

	if (way_read(run, &now))
		return -1;
	now.kernel -= before->kernel;
	now.opened -= before->opened;
	now.accepted -= before->accepted;
	now.received -= before->received;
	now.offloaded -= before->offloaded;
	wrong = way_judge(run->variant, run->measure, &now);
	if (!wrong)
		return 0;
	return run_fail(run,
			"%s: by its kernel %llu, by the gateway %llu, of them offloaded %llu; "
			"connections opened %llu",
			wrong, (unsigned long long)now.kernel, (unsigned long long)now.received,
			(unsigned long long)now.offloaded, (unsigned long long)now.opened);
}
