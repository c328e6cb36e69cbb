#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The first packet to a host whose link address is not known yet waits for it; it is not lost.
#
#   far 192.168.50.10 ─ router ─ gw ─ (ARP) ─ vc 10.10.0.10, esx1 10.10.0.21
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
gateway_start

for server in 10.10.0.10 10.10.0.21; do
	on gw ip neigh flush all
	equal "entries for $server" "$(on gw ip neigh show to $server | grep -vc FAILED || true)" 0
	expect "the very first ping to $server is answered" ping_from far $server -c 1 -W 3
	contains "entry for $server" "$(on gw ip neigh show to $server)" lladdr
	contains "pgw neighbour show" "$(pgw neighbour show)" $server
done
equal "packets still waiting" "$(gateway_figure neighbours-waiting)" 0
