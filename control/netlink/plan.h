/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan - the changes that lead from what runs now to what a configuration wants, in an order in
 * which each leaves the gateway working: additions before removals, parameters and suppression
 * before the addresses that need them. plan_build() only reads; plan_run() changes.
 *
 * A plan in mode PLAN_ADDING stops where the removals begin, and suppression keeps what it has:
 * what the configuration leaves is used by the datapath until that has been told of the new one.
 */
#ifndef PGW_NETLINK_PLAN_H
#define PGW_NETLINK_PLAN_H

#include "control/netlink/klink.h"
#include "control/netlink/kroute.h"
#include "control/netlink/private.h"
#include "control/netlink/suppress.h"
#include "control/netlink/sysctl.h"

enum change_kind {
	CHANGE_VLAN,	  /* make or remove a VLAN link */
	CHANGE_VMAC,	  /* make the link of a virtual MAC, ready and up, or remove it */
	CHANGE_ALIAS,	  /* dev's alias from .old to .new */
	CHANGE_SYSCTL,	  /* .path from .old to .new */
	CHANGE_SUPPRESS,  /* the nft table from plan->loaded to plan->wanted */
	CHANGE_RELEASE,	  /* dev out of .dev_before, whose port it is */
	CHANGE_UP,	  /* dev administratively up */
	CHANGE_ADDRESS,	  /* add or remove .to on dev */
	CHANGE_CONNECTED, /* add .to, the network of our address .via on dev: the kernel's own route
			   */
	CHANGE_ROUTE,	  /* add or remove .to via .via, dev */
	CHANGE_REROUTE,	  /* .to from .via_before, dev_before to .via, dev */
	CHANGE_KIND_COUNT
};

struct change {
	enum change_kind kind;
	bool remove; /* VLAN, VMAC, ADDRESS, ROUTE: take away rather than add */
	uint16_t vlan;
	char dev[CONFIG_DEV];	     /* "" for a route: whichever link reaches .via */
	char dev_before[CONFIG_DEV]; /* REROUTE, RELEASE; for VLAN and VMAC the parent */
	char portgroup[CONFIG_NAME]; /* for messages; "" if none is concerned */
	struct prefix to;	     /* ADDRESS: with host bits */
	be32 via, via_before;
	bool foreign;		/* REROUTE: what others have put there, which never comes back */
	struct mac mac;		/* VMAC */
	char *path, *new, *old; /* malloc'ed, the change's */
};

struct plan {
	struct change *changes;
	size_t n;
	struct suppress wanted, loaded;
	struct sysctl_saved saved_before; /* as the file is now */
	struct sysctl_saved saved_during; /* before the first change */
	struct sysctl_saved saved_after;  /* after the last */
	struct sysctl_saved parameters;	  /* that are wanted, with their values */
	bool leaves;			  /* PLAN_ADDING: something is left to be taken away */
};

/* What plan_build() reads from the kernel, and what it derives from the configuration. */
struct plan_target {	      /* of a portgroup, or of a virtual MAC */
	char dev[CONFIG_DEV]; /* its own link */
	uint32_t ifindex;     /* 0: a VLAN link that the plan makes */
	bool ours;	      /* a VLAN or virtual MAC's link of ours: its parameters end with it */
	bool absent;	    /* it, or what it stands on, is not there: nothing can be done on it */
	bool withheld;	    /* an address of it is not to be used yet */
	uint16_t portgroup; /* whose it is, or on whose link */
	struct mac mac;	    /* a virtual MAC's */
};

/* The portgroups' targets stand in the order of the configuration, those of virtual MACs behind. */
#define PLAN_VMACS   CONFIG_PORTGROUPS_MAX
#define PLAN_TARGETS (CONFIG_PORTGROUPS_MAX + CONFIG_VMACS_MAX)

/* Whether an interface that is not there is an error, or is passed over with all that is on it;
 * ADDING: it is an error. */
enum plan_mode { PLAN_WHOLE, PLAN_ADDING, PLAN_POSSIBLE };

struct plan_state {
	const struct config *config;
	const struct kernel *kernel;
	enum plan_mode mode;
	const struct config *from; /* whose portgroups may be absent; NULL: none may */
	struct klink *links;
	size_t n_links;
	struct kaddress *addresses;
	size_t n_addresses;
	struct kroute *routes;
	size_t n_routes;
	struct plan_target target[PLAN_TARGETS];
	size_t n_vmacs; /* MACs */
	struct kports_plan ports;
};

/**
 * plan_build() - read what runs and plan the changes
 * Return: 0, or -errno with @error set: nothing has been changed either way.
 */
int plan_build(struct plan *plan, struct kernel *kernel, const struct config *config,
	       enum plan_mode mode, const struct config *from, struct kernel_error *error);
void plan_free(struct plan *plan);

/* plan_add() - append a change of a kind, otherwise zero. NULL without memory. */
struct change *plan_add(struct plan *plan, enum change_kind kind);

/* plan_portgroup() - index of the portgroup whose connected network, by the address statements,
 * covers @addr; the longest prefix wins. -1 if there is none. */
int plan_portgroup(const struct config *config, be32 addr);

/* An address that a configuration wants on a portgroup's link or a virtual MAC's. */
struct plan_wanted {
	be32 addr;
	uint8_t prefix_len;
	bool implied;	 /* of a service or pool: any prefix length will do */
	uint16_t target; /* index of the portgroup, or PLAN_VMACS and that of the virtual MAC */
};

/* plan_wanted() - all of them, sorted, each once. @list: malloc'ed, the caller's. Return: 0 or
 * -errno with @error set. */
int plan_wanted(struct plan_wanted **list, size_t *n, const struct config *config,
		struct kernel_error *error);

/* plan_alias(), plan_up_one() - set a link's alias; set it up, unless it is. 0 or -ENOMEM. */
int plan_alias(struct plan *plan, const char *dev, const char *portgroup, const char *old,
	       const char *new);
int plan_up_one(struct plan *plan, const struct plan_state *state, const char *dev,
		const char *portgroup);

/* plan_device_parameter() - the @i-th parameter that every interface of ours needs; NULL: no more
 */
const char *plan_device_parameter(size_t i, const char **value);

/* Parts of plan_build(), in files of their own. Return: 0 or -errno with @error set. */
int plan_sysctls(struct plan *plan, struct plan_state *state, const char *state_dir,
		 struct kernel_error *error);
/* plan_vmac_targets() - find the links of the virtual MACs, or names for them. */
int plan_vmac_targets(struct plan_state *state, struct kernel_error *error);
/* plan_vmacs() - make those that are missing; plan_stale_vmacs() - remove those of no use. */
int plan_vmacs(struct plan *plan, const struct plan_state *state, struct kernel_error *error);
int plan_stale_vmacs(struct plan *plan, const struct plan_state *state, struct kernel_error *error);
int plan_sysctls_given_back(struct plan *plan, const struct plan_state *state,
			    struct kernel_error *error);
int plan_addresses(struct plan *plan, struct plan_state *state, bool removals,
		   struct kernel_error *error);
int plan_routes(struct plan *plan, const struct plan_state *state, bool removals,
		struct kernel_error *error);

/**
 * plan_run() - make the changes
 * If one fails, those made before are undone in reverse.
 * Return: 0 or -errno with @error set.
 */
int plan_run(const struct plan *plan, struct kernel *kernel, struct kernel_error *error);

/* plan_run_each() - make those changes that @mend lets be made, each by itself. */
void plan_run_each(const struct plan *plan, struct kernel *kernel, const struct kernel_mend *mend);

/* plan_change_text() - what a change does, in words */
void plan_change_text(const struct change *change, char text[KERNEL_CHANGE_BYTES]);

/* plan_run_all() - make the changes, going on where one fails: for removing.
 * Return: 0, or the first -errno with @error set. */
int plan_run_all(const struct plan *plan, struct kernel *kernel, struct kernel_error *error);

#endif
