#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# "pgw vmac check" finds out what the hypervisor does with frames of a second MAC. The switch plays
# one: rules on its port of the gateway drop by MAC, as a port group does that rejects forged
# transmits, or that delivers only to the MAC it knows.
#
#   gw eth1, 02:00:00:12:34:56 ── port gw-eth1 of the switch ── router 172.16.0.254, near
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
MAC=02:00:00:12:34:56

checked() { # checked JQ - of the check's only item
	pgw -j vmac check | jq -r ".[0] | $1" || true
}

exit_code() {
	local code=0
	"$@" >/dev/null 2>&1 || code=$?
	echo "$code"
}

reject() { # reject RULE… - what the hypervisor drops
	on switch nft delete table bridge hypervisor 2>/dev/null || true
	on switch nft -f - <<-RULES
	table bridge hypervisor {
		chain in { type filter hook prerouting priority 0; $1 }
		chain out { type filter hook postrouting priority 0; $2 }
	}
	RULES
}

topology_start
gateway_config >"$WORK/pgw.conf"
cat >>"$WORK/pgw.conf" <<CONFIG
route add 192.168.77.0/24 via 172.16.0.254
vmac add $MAC address 172.16.0.20 portgroup vrack type vmware name x
CONFIG
sed -i "s/$MAC/00:50:56:12:34:56/" "$WORK/pgw.conf"
MAC=00:50:56:12:34:56
gateway_start "$WORK/pgw.conf"
own=$(on gw cat /sys/class/net/eth1/address)

equal "without a hypervisor in between" "$(checked '"\(.state) \(.transmits) \(.receives) \(.missing | length)"')" \
	"ok true true 0"
equal "exit code" "$(exit_code pgw vmac check)" 0

note "forged transmits: reject"
reject "iifname \"gw-eth1\" ether saddr != $own drop;" ""
equal "found" "$(checked '"\(.state) \(.transmits) \(.receives) \(.missing | join(","))"')" \
	"blocked false true forged-transmits"
expect "the setting is named" grep -q 'Forged transmits' <(pgw vmac check || true)
equal "exit code" "$(exit_code pgw vmac check)" 2
expect "the doctor knows" grep -q '^fail .*Forged transmits' <(pgw doctor || true)

note "MAC address changes and promiscuous mode: reject"
reject "" "oifname \"gw-eth1\" ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 ether daddr != $own drop;"
equal "found" "$(checked '"\(.state) \(.transmits) \(.receives) \(.missing | join(","))"')" \
	"blocked true false mac-changes,promiscuous-mode"

note "all of it"
reject "iifname \"gw-eth1\" ether saddr != $own drop;" \
	"oifname \"gw-eth1\" ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 ether daddr != $own drop;"
equal "found" "$(checked '"\(.transmits) \(.receives)"')" "false false"

note "accept again"
on switch nft delete table bridge hypervisor
equal "found" "$(checked .state)" ok
learned=$(on router ip neigh show 172.16.0.1 dev vrack | grep -o '..:..:..:..:..:..' || true)
[ -z "$learned" ] || equal "the neighbour has learned nothing wrong" "$learned" "$own"

note "nobody to try it with"
ip -n "$(node router)" link set vrack down
on gw ip neigh flush dev eth1
equal "found" "$(checked .state)" unknown

note "deletion asks on a terminal"
asked=$(script -qec "$PGW_BIN/pgw -r $WORK/run vmac del $MAC" /dev/null <<<"n" 2>&1 || true)
expect "it asks" grep -q 'final' <<<"$asked"
equal "and believes a no" "$(pgw -j vmac show | jq length)" 1
script -qec "$PGW_BIN/pgw -r $WORK/run vmac del $MAC --yes" /dev/null </dev/null >/dev/null 2>&1 || true
equal "--yes does not ask" "$(pgw -j vmac show | jq length)" 0
gateway_stop
