/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plain system calls: a descriptor of an earlier pgwd is judged by a build without libbpf, too. */
#include "control/offload/map.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "datapath/flow/layout.h"

static int bpf(int command, union bpf_attr *attr)
{
	long result = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return result < 0 ? -errno : (int)result;
}

int map_create(size_t bytes)
{
	union bpf_attr attr;

	if (!bytes || bytes % FLOW_ELEMENT_BYTES || bytes / FLOW_ELEMENT_BYTES > UINT32_MAX)
		return -EINVAL;
	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.map_flags = BPF_F_MMAPABLE;
	attr.key_size = sizeof(uint32_t);
	attr.value_size = FLOW_ELEMENT_BYTES;
	attr.max_entries = (uint32_t)(bytes / FLOW_ELEMENT_BYTES);
	memcpy(attr.map_name, MAP_NAME, sizeof(MAP_NAME));
	return bpf(BPF_MAP_CREATE, &attr); /* BPF descriptors are always close-on-exec */
}

size_t map_bytes(int fd)
{
	struct bpf_map_info info;
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	memset(&info, 0, sizeof(info));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uint64_t)(uintptr_t)&info;
	if (fd < 0 || bpf(BPF_OBJ_GET_INFO_BY_FD, &attr))
		return 0;
	if (info.type != BPF_MAP_TYPE_ARRAY || !(info.map_flags & BPF_F_MMAPABLE) ||
	    info.value_size != FLOW_ELEMENT_BYTES || strcmp(info.name, MAP_NAME) != 0)
		return 0;
	return (size_t)info.max_entries * FLOW_ELEMENT_BYTES;
}
