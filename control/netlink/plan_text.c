/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The changes of a plan in words, for those who wonder what was mended. */
#include <stdio.h>

#include "control/netlink/plan.h"

static void vmac_text(const struct change *change, char text[KERNEL_CHANGE_BYTES])
{
	char mac[MAC_TEXT_BYTES];

	(void)snprintf(text, KERNEL_CHANGE_BYTES, "link %s of virtual MAC %s %s", change->dev,
		       mac_text(change->mac, mac), change->remove ? "removed" : "made");
}

static void route_text(const struct change *change, const char *verb,
		       char text[KERNEL_CHANGE_BYTES])
{
	char to[PREFIX_TEXT_BYTES], via[ADDR_TEXT_BYTES];

	(void)snprintf(text, KERNEL_CHANGE_BYTES, "route %s via %s %s", prefix_text(change->to, to),
		       addr_text(change->via, via), verb);
}

void plan_change_text(const struct change *change, char text[KERNEL_CHANGE_BYTES])
{
	char prefix[PREFIX_TEXT_BYTES];

	text[0] = '\0';
	switch (change->kind) {
	case CHANGE_VLAN:
		(void)snprintf(text, KERNEL_CHANGE_BYTES, "VLAN link %s %s", change->dev,
			       change->remove ? "removed" : "made");
		break;
	case CHANGE_VMAC:
		vmac_text(change, text);
		break;
	case CHANGE_ALIAS:
		(void)snprintf(text, KERNEL_CHANGE_BYTES, "alias of %s set to \"%.60s\"",
			       change->dev, change->new);
		break;
	case CHANGE_SYSCTL:
		(void)snprintf(text, KERNEL_CHANGE_BYTES, "%.80s set to \"%.60s\"", change->path,
			       change->new);
		break;
	case CHANGE_SUPPRESS:
		(void)snprintf(text, KERNEL_CHANGE_BYTES, "nft table " SUPPRESS_TABLE " loaded");
		break;
	case CHANGE_RELEASE:
		(void)snprintf(text, KERNEL_CHANGE_BYTES, "interface %s taken out of %s",
			       change->dev, change->dev_before);
		break;
	case CHANGE_UP:
		(void)snprintf(text, KERNEL_CHANGE_BYTES, "interface %s set up", change->dev);
		break;
	case CHANGE_ADDRESS:
		(void)snprintf(text, KERNEL_CHANGE_BYTES, "address %s %s %s",
			       prefix_text(change->to, prefix),
			       change->remove ? "removed from" : "added to", change->dev);
		break;
	case CHANGE_CONNECTED:
		(void)snprintf(text, KERNEL_CHANGE_BYTES, "route %s dev %s added",
			       prefix_text(change->to, prefix), change->dev);
		break;
	case CHANGE_ROUTE:
		route_text(change, change->remove ? "removed" : "added", text);
		break;
	case CHANGE_REROUTE:
		route_text(change, "set", text);
		break;
	case CHANGE_KIND_COUNT:
		break;
	}
}
