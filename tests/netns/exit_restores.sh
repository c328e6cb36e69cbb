#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# After a clean exit the namespace is as it was before the start: addresses, routes, nftables,
# sysctls; what others had put there is still there, even where the configuration names it.
#
#   gw eth1, eth2 with things of other owners on them
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc

kernel_state() {
	on gw ip -o -4 addr | sed 's/ *valid_lft.*//'
	on gw ip -o link | sed 's/ qlen [0-9]*//'
	on gw ip route show table all
	on gw ip rule
	on gw nft list ruleset
	on gw sysctl net.ipv4 net.core 2>/dev/null
}

ip -n "$(node gw)" addr add 10.10.0.77/24 dev eth2
ip -n "$(node gw)" addr add 172.16.0.11/32 dev eth1
ip -n "$(node gw)" route add 203.0.113.0/24 via 10.10.0.10
on gw nft add table inet others
kernel_state >"$WORK/before"
gateway_start
equal "traffic" "$(web far http://172.16.0.1/source)" 10.10.0.2
kernel_state >"$WORK/during"
refused "pgwd has changed the kernel's state" cmp -s "$WORK/before" "$WORK/during"

gateway_stop
kernel_state >"$WORK/after"
expect "state after the exit, as before" diff -u "$WORK/before" "$WORK/after"
equal "processes left in the namespace" "$(ip netns pids "$(node gw)" | wc -l)" 0
refused "control socket is gone" test -e "$WORK/run/pgwd.sock"
