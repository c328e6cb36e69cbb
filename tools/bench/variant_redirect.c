/* SPDX-License-Identifier: GPL-2.0-or-later */
/* variant_redirect - the floor under what a program in the kernel can cost. */
#include "tools/bench/catalog.h"
#include "tools/bench/redirect.h"

static int setup(struct run *run)
{
	return variant_forward.setup(run) ||
			       redirect_attach(run, run->variant == &variant_redirect_xdp)
		       ? -1
		       : 0;
}

static void teardown(struct run *run)
{
	(void)run; /* all of it ends with the namespace */
}

const struct variant variant_redirect = {
	.name = "redirect",
	.title = "a tc program that only passes on, no translation: the floor of offload tc",
	.bound = true,
	.setup = setup,
	.teardown = teardown,
};

const struct variant variant_redirect_xdp = {
	.name = "redirect-xdp",
	.title = "the same by XDP: the floor of offload xdp",
	.bound = true,
	.napi = true,
	.frames = true,
	.setup = setup,
	.teardown = teardown,
};
