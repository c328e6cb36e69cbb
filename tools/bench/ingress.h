/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ingress - a tc program at an interface's ingress, in the calling process's namespace. */
#ifndef PGW_BENCH_INGRESS_H
#define PGW_BENCH_INGRESS_H

/* ingress_attach() - it stays until the interface ends. Return: 0 or -errno. */
int ingress_attach(const char *device, int program_fd);

#endif
