#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What others take away between the datapath and the sockets behind it comes back within a second, and is
# told: address, neighbours, route, rule, parameters, the links themselves. What is not ours to mend,
# rp_filter of all interfaces, is told by the log and by pgw doctor.
#
#   near 172.16.0.50 ─ gw 172.16.0.1:443 ─ datapath ─ pgwin0 ═ pgwin1 ─ pgw-relay ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
{
	gateway_config | grep -v '^service add vcenter'
	echo "service add vcenter address 172.16.0.1 protocol tcp port 443 sni pcc-1.example.net backend 10.10.0.10:443"
} >"$WORK/pgw.conf"
gateway_start "$WORK/pgw.conf"

served() { # served NODE
	on "$1" curl -sS -k -m 2 --resolve pcc-1.example.net:443:172.16.0.1 https://pcc-1.example.net/source
}
times() { # times WHAT - so often it was mended
	grep -c "mended: $1" "$WORK/pgwd.err" || true
}
told_beyond() {
	[ "$(times "$1")" -gt "$2" ]
}
mended() { # mended WHAT COMMAND… - COMMAND, run in gw, does damage; it is mended, and WHAT is told
	local change=$1 before
	shift
	note "$*"
	before=$(times "$change")
	on gw "$@"
	wait_for 5 "told: $change" told_beyond "$change" "$before"
	wait_for 10 "near is served" served near
	wait_for 10 "far is served" served far
}
doctor_says() { # doctor_says STATE
	[ "$(pgw -j doctor | jq -r '[.. | objects | select(.check? == "names-and-ntp") | .state][0]')" = "$1" ]
}

expect "near is served" served near
expect "far is served" served far
equal "what becomes of a client, told" "$(pgw -j explain from 192.168.50.10 to 172.16.0.1:443 | jq -r .verdict)" forwarded
contains "and by which name" "$(pgw explain from 192.168.50.10 to 172.16.0.1:443)" "pcc-1.example.net is relayed to"
mended "rule for what leaves by pgwin1 added" ip rule del pref 112
mended "rule for what leaves by pgwin1 added" bash -c "ip rule flush && ip rule add pref 32766 lookup main"
mended "route default via 169.254.112.1 dev pgwin1 added" ip route flush table 112
mended "address 169.254.112.2/32 added to pgwin1" ip addr flush dev pgwin1
mended "net/ipv4/conf/pgwin1/rp_filter set to 0" sysctl -qw net.ipv4.conf.pgwin1.rp_filter=1
mended "route default via 169.254.112.1 dev pgwin1 added" ip route replace blackhole default table 112
mended "neighbour 169.254.112.2 added to pgwin0" ip neigh del 169.254.112.2 dev pgwin0
mended "neighbour 169.254.112.1 added to pgwin1" \
	ip neigh replace 169.254.112.1 lladdr 02:00:00:00:00:01 dev pgwin1 nud permanent
mended "MTU of pgwin1 set to 1500" ip link set pgwin1 mtu 1400
on gw ip link add br0 type bridge
mended "interface pgwin1 taken out of its master" ip link set pgwin1 master br0
note "an MTU that follows that of the portgroups was not mended"
before=$(times "MTU of")
for dev in eth1 eth2; do
	ip -n "$(node gw)" link set "$dev" mtu 1400
done
wait_for 5 "it follows" grep "^MTU of pgwin0 set to 1400, as the links of portgroups changed" "$WORK/pgwd.err"
wait_for 10 "near is served" served near
for dev in eth1 eth2; do
	ip -n "$(node gw)" link set "$dev" mtu 1500
done
wait_for 5 "and back" grep "^MTU of pgwin1 set to 1500, as the links of portgroups changed" "$WORK/pgwd.err"
equal "mended meanwhile" "$(times "MTU of")" "$before"
expect "the doctor looks at pgw-relay" eval \
	'pgw -j doctor | jq -e "any(.[]; .check == \"pgw-relay\" and .state == \"ok\")"'
note "the links"
on gw ip link del pgwin0
wait_for 10 "made again" grep -q "pgwin0 and pgwin1 were taken away: made again" "$WORK/pgwd.err"
wait_for 10 "near is served" served near

note "rp_filter of all interfaces"
expect "the doctor is content" doctor_says ok
on gw sysctl -qw net.ipv4.conf.all.rp_filter=1
wait_for 5 "the log says so" grep -q "all.rp_filter is 1, which counts for pgwin1, too" "$WORK/pgwd.err"
expect "so does the doctor" doctor_says fail
refused "and it is so" served near
on gw sysctl -qw net.ipv4.conf.all.rp_filter=0
wait_for 10 "near is served" served near
expect "the doctor is content" doctor_says ok
gateway_stop
refused "the rule goes with the gateway" grep 112 <(on gw ip rule)
