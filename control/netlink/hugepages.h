/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hugepages - whether shared memory may have huge pages: a parameter of the whole machine, which
 * the kernel has at "never". Who wants the flow table in huge pages sets it to "advise" for as long
 * as he runs: only memory for which a program asks (datapath/base/huge.h) gets them then. Any other
 * value is an administrator's choice and stays, "deny" among them.
 *
 * Of several at a time the last one to end gives the former value back. It lies in a record beside
 * which each of them holds a shared lock; whoever is killed leaves the truth in it. Record and
 * parameter both end with the machine's boot.
 */
#ifndef PGW_NETLINK_HUGEPAGES_H
#define PGW_NETLINK_HUGEPAGES_H

#include <stdbool.h>

#define HUGEPAGES_PARAMETER "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define HUGEPAGES_RECORD    "/run/pgw/huge-pages"
#define HUGEPAGES_VALUE	    16 /* bytes of a value's name */

struct hugepages {
	const char *parameter, *record;
	int fd; /* of the record, locked; -1: the parameter is none of ours */
};

/* hugepages_init() - @parameter, @record: files, usually those above; borrowed. */
void hugepages_init(struct hugepages *pages, const char *parameter, const char *record);

/* hugepages_value() - what is chosen now. Return: 0; -ENOENT: this kernel has none; -errno. */
int hugepages_value(const struct hugepages *pages, char value[HUGEPAGES_VALUE]);

/**
 * hugepages_take() - see to it that they may be had; nothing if that has been done
 * Return: 1: set, 0: left as it is, -ENOENT: this kernel has none, -errno: it cannot be set. Where
 * no record can be kept, nothing is set.
 */
int hugepages_take(struct hugepages *pages);

/* hugepages_taken() - whether "advise" is ours, or that of a predecessor who was killed. */
bool hugepages_taken(const struct hugepages *pages);

/* hugepages_give_back() - the former value, unless others need it or somebody chose another.
 * hugepages_leave() - end without that. */
void hugepages_give_back(struct hugepages *pages);
void hugepages_leave(struct hugepages *pages);

#endif
