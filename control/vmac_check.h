/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmac_check - whether the hypervisor lets frames of a virtual MAC through, in both directions.
 *
 * A neighbour that answers ARP on the portgroup is asked in three ways. Whom it answers is in the
 * question; who sends the frame is in its Ethernet header. So each direction is tried by itself:
 *
 *   phase      Ethernet source   answer goes to    no answer means
 *   OWN        interface's       interface's       there is nobody to try it with
 *   TRANSMIT   virtual MAC       interface's       frames of the virtual MAC are not let out
 *   RECEIVE    interface's       virtual MAC       frames to the virtual MAC are not let in
 *
 * A question names only addresses that have the MAC it names, so no neighbour learns anything
 * wrong. MACs are tried one after the other, each phase VMAC_CHECK_TRIES times; nothing waits for
 * it.
 */
#ifndef PGW_CONTROL_VMAC_CHECK_H
#define PGW_CONTROL_VMAC_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "control/config/model.h"
#include "control/ctl/request.h"

#define VMAC_CHECK_TRIES      3
#define VMAC_CHECK_TRY_MS     300
#define VMAC_CHECK_NEIGHBOURS 8 /* that are asked */

struct arp_message;
struct gateway;

enum vmac_check_answer { VMAC_CHECK_UNKNOWN, VMAC_CHECK_YES, VMAC_CHECK_NO };
enum vmac_check_phase { VMAC_CHECK_OWN, VMAC_CHECK_TRANSMIT, VMAC_CHECK_RECEIVE, VMAC_CHECK_DONE };

struct vmac_check_item {
	struct mac mac, own;	  /* of the virtual MAC; of the portgroup's link */
	uint32_t ifindex, parent; /* of these links */
	be32 addr, own_addr;
	char portgroup[CONFIG_NAME];
	enum vmac_type type;
	be32 neighbours[VMAC_CHECK_NEIGHBOURS];
	unsigned n_neighbours;
	be32 neighbour; /* that answered */
	enum vmac_check_answer transmits, receives;
};

struct vmac_check {
	struct vmac_check_item items[CONFIG_VMACS_MAX];
	unsigned n, at; /* at == n: none is under way */
	enum vmac_check_phase phase;
	unsigned tries;
	int64_t due_ms;
	int64_t done_ms; /* wall clock; 0: never */
};

extern const struct request_operation vmac_check_operations[];

/* vmac_check_heard() - an ARP message that may be an answer. */
void vmac_check_heard(struct gateway *gateway, uint32_t ifindex, const struct arp_message *message);

int64_t vmac_check_due_ms(const struct gateway *gateway); /* INT64_MAX: nothing is due */
void vmac_check_work(struct gateway *gateway);

/* vmac_check_text() - what is wrong with an item, and what to do; "" if nothing is. */
void vmac_check_text(const struct vmac_check_item *item, char *text, size_t bytes);

#endif
