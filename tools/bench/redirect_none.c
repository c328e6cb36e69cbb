/* SPDX-License-Identifier: GPL-2.0-or-later */
/* redirect_none - built without clang, bpftool or libbpf: there is no program that passes on. */
#include "tools/bench/redirect.h"

int redirect_attach(struct run *run, bool by_xdp)
{
	(void)by_xdp;
	return run_fail(run, "built without clang, bpftool and libbpf-dev: there is no program");
}
