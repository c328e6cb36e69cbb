/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench/ingress.h"

#include <errno.h>
#include <net/if.h>

#include <bpf/libbpf.h>

int ingress_attach(const char *device, int program_fd)
{
	struct bpf_tc_hook hook = {.sz = sizeof(hook),
				   .ifindex = (int)if_nametoindex(device),
				   .attach_point = BPF_TC_INGRESS};
	struct bpf_tc_opts options = {.sz = sizeof(options), .prog_fd = program_fd};
	int ret = bpf_tc_hook_create(&hook);

	return ret == 0 || ret == -EEXIST ? bpf_tc_attach(&hook, &options) : ret;
}
