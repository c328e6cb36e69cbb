/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * names - the index by which the datapath knows each portgroup and each pool.
 *
 * Flows hold these indexes, so a name keeps its index as long as it is configured: over
 * reloads, and (read back from the snapshot that runs) over restarts of pgwd. A new name gets
 * the lowest index that neither the running nor the coming configuration uses, so that no
 * flow of a name that goes can be taken for one of a name that comes.
 */
#ifndef PGW_CONTROL_NAMES_H
#define PGW_CONTROL_NAMES_H

#include "control/config/model.h"
#include "control/ctl/client.h"

#define NAMES_POOLS_MAX ((size_t)2 * CONFIG_POOLS_MAX) /* all may be replaced at once */

#define NAMES_VMACS_MAX ((size_t)2 * CONFIG_VMACS_MAX)

struct names { /* an empty name: the index is free */
	char portgroup[CONFIG_PORTGROUPS_MAX][CONFIG_NAME];
	char pool[NAMES_POOLS_MAX][CONFIG_NAME];
	char vmac[NAMES_VMACS_MAX][CONFIG_NAME]; /* the MAC; its index is the place plus 1 */
};

/* Indexes of a configuration's portgroups, pools and virtual MACs, each in the configuration's
 * order. */
struct places {
	uint8_t portgroup[CONFIG_PORTGROUPS_MAX];
	uint16_t pool[CONFIG_POOLS_MAX];
	uint8_t vmac[CONFIG_VMAC_ADDRESSES_MAX];
};

/* names_read() - the names of a snapshot that runs. */
void names_read(struct names *names, const struct snapshot *snapshot);

/**
 * names_place() - find or assign an index for every name of @config
 * @names: gets the new names, keeps the old ones
 * Return: 0, or -ENOSPC with @error set: all indexes are in use.
 */
int names_place(struct names *names, const struct config *config, struct places *places,
		struct ctl_error *error);

/* names_keep() - free the indexes of names that @config does not have. */
void names_keep(struct names *names, const struct config *config);

#endif
