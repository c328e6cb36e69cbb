/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * map - the flow table as a BPF array that user space can map: the kernel's programs then look
 * flows up in the very memory that the datapath writes. Its size is fixed for good, as that of a
 * sealed memfd.
 *
 * All of it is taken from the kernel when it is made, unlike a memfd, whose pages come with use.
 */
#ifndef PGW_OFFLOAD_MAP_H
#define PGW_OFFLOAD_MAP_H

#include <stddef.h>

#define MAP_NAME "flows"

/* map_create() - a zeroed array of @bytes, a multiple of FLOW_ELEMENT_BYTES.
 * Return: descriptor (close-on-exec) or -errno: -EPERM where BPF is not permitted. */
int map_create(size_t bytes);

/* map_bytes() - Return: the size of the flow table that @fd is, 0 if it is no such map. */
size_t map_bytes(int fd);

#endif
