/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bpf_types - the C types that the shared headers use, for the BPF target, which has no C library.
 */
#ifndef PGW_OFFLOAD_BPF_TYPES_H
#define PGW_OFFLOAD_BPF_TYPES_H

typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
typedef short int16_t;
typedef int int32_t;
typedef long long int64_t;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL	   ((void *)0)
#define UINT16_MAX 0xffffu
#define UINT32_MAX 0xffffffffu
#define UINT64_MAX 0xffffffffffffffffull
#define static_assert _Static_assert
#undef offsetof /* libbpf's is no constant expression */
#define offsetof(type, member) __builtin_offsetof(type, member)

typedef uint32_t be32;
typedef uint16_t be16;

struct mac {
	uint8_t b[6];
};

#endif
