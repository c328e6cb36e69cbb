#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Taking away an allow entry ends the sessions of that network, and no others.
#
#   far 192.168.50.10 ─ router ─┬─ gw ─ vc 10.10.0.10
#   near 172.16.0.50 ───────────┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start
hold_start far far 172.16.0.1 7
hold_start near near 172.16.0.1 7

gateway_config | grep -v '^allow add 192.168.50.0/24' >"$WORK/less.conf"
contains "pgw config diff counts them" "$(pgw -j config diff "$WORK/less.conf" |
	jq -c '[.. | objects | ."sessions-affected"? // empty]')" "[1]"
pgw config apply "$WORK/less.conf"
wait_for 5 "the session of far is gone" eval \
	'[ "$(sessions internal-src-address 192.168.50.10)" = 0 ]'
hold_goes_on near
stuck=$(hold_count far)
equal "a new connection of far" "$(traffic far tcp 172.16.0.1 80 --wait 1.5)" timeout
equal "lines of far's session since" $(($(hold_count far) - stuck)) 0
at_least "packets counted under not-allowed" "$(drops not-allowed)" 1
hold_end near
