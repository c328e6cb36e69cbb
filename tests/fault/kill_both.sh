#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL of everything at once: meanwhile the kernel answers nothing in the gateway's place, and
# the next start mends what was left half-configured.
#
#   far 192.168.50.10 ─ router ─ gw: pgwd and pgw-datapath (both killed) ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc

kernel_state() {
	on gw ip -o -4 addr
	on gw ip route
	on gw nft list ruleset
	on gw sysctl net.ipv4 2>/dev/null
}

kernel_state >"$WORK/before"
gateway_start
equal "request" "$(web far http://172.16.0.1/source)" 10.10.0.2

datapath=$(datapath_pid)
kill -KILL "${PID[pgwd]}" "$datapath"
finish pgwd 2>/dev/null || true
wait_for 5 "the datapath is gone" eval "! kill -0 $datapath"
equal "connection to a dead gateway" "$(traffic far tcp 172.16.0.1 443 --wait 1.5)" timeout

# Somebody tidies up by hand, half of it.
ip -n "$(node gw)" addr del 172.16.0.1/24 dev eth1
gateway_start "$WORK/pgw.conf"
for client in far near; do
	equal "request of $client" "$(web $client http://172.16.0.1/source)" 10.10.0.2
done
gateway_stop
kernel_state >"$WORK/after"
expect "state after a clean exit, as before the first start" diff -u "$WORK/before" "$WORK/after"
