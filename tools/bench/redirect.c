/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/redirect.h"

#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "redirect.skel.h"
#include "datapath/base/addr.h"
#include "tools/bench/child.h"
#include "tools/bench/ingress.h"

struct attach {
	struct redirect_bpf *program;
	bool by_xdp;
};

static const struct {
	const char *from, *to, *next, *own;
} ways[REDIRECT_HOPS] = {
	{GATEWAY_C_DEV, GATEWAY_S_DEV, SERVER_MAC, GATEWAY_S_MAC},
	{GATEWAY_S_DEV, GATEWAY_C_DEV, CLIENT_MAC, GATEWAY_C_MAC},
};

static void set_hop(struct redirect_hop *hop, unsigned i)
{
	struct mac next, own;

	mac_parse(ways[i].next, &next);
	mac_parse(ways[i].own, &own);
	hop->from = if_nametoindex(ways[i].from);
	hop->to = if_nametoindex(ways[i].to);
	memcpy(hop->ethernet, next.b, sizeof(next.b));
	memcpy(hop->ethernet + sizeof(next.b), own.b, sizeof(own.b));
}

/* attach_main() - in the gateway's namespace. Return: 0 or errno. */
static int attach_main(void *arg)
{
	const struct attach *attach = arg;
	int tc = bpf_program__fd(attach->program->progs.redirect_tc);
	int xdp = bpf_program__fd(attach->program->progs.redirect_xdp);
	int err = 0;

	for (unsigned i = 0; i < REDIRECT_HOPS && !err; i++) {
		struct redirect_hop *hop = &attach->program->bss->hops[i];

		set_hop(hop, i);
		err = ingress_attach(ways[i].from, tc);
		if (!err && attach->by_xdp)
			err = bpf_xdp_attach((int)hop->from, xdp, XDP_FLAGS_DRV_MODE, NULL);
	}
	return -err;
}

int redirect_attach(struct run *run, bool by_xdp)
{
	struct attach attach = {.by_xdp = by_xdp};
	int status;

	attach.program = redirect_bpf__open_and_load();
	if (!attach.program)
		return run_fail(run,
				"cannot load the redirecting program: %s; root and BPF are needed",
				strerror(errno));
	status = child_wait(
		child_start((struct place){run->topology.gateway, -1}, attach_main, &attach),
		COMMAND_TIMEOUT_MS);
	redirect_bpf__destroy(attach.program);
	if (!status)
		return 0;
	return run_fail(run, "cannot attach the redirecting program: %s", strerror(abs(status)));
}
