#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# world.sh pgw|kernel RESULTS SEED COUNT - one world: topology, gateway of that kind, the schedule.
#
#   far 192.168.50.10 ─ router ─┐
#   stranger 192.168.60.10 ─┘   ├─ gw ─┬─ vc 10.10.0.10
#   near 172.16.0.50 ───────────┘      └─ esx1 10.10.0.21
#
# In the second phase the router's link to far has an MTU of 1280.
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
KIND=$1 RESULTS=$2 SEED=$3 COUNT=$4
HERE=$TOP/tests/differential

# PROTOCOL PORT BACKEND of each service at 172.16.0.1; on 7998 and 7999 no server listens.
SERVICES="tcp 7000 10.10.0.10:7000
tcp 7100 10.10.0.21:7000
udp 7001 10.10.0.10:7001
udp 7998 10.10.0.10:7998
tcp 7999 10.10.0.10:7999"

services() { # services TEMPLATE - a line for each, with PROTOCOL, PORT and BACKEND filled in
	local protocol port backend line
	while read -r protocol port backend; do
		line=${1//PROTOCOL/$protocol}
		line=${line//PORT/$port}
		printf '%s\n' "${line//BACKEND/$backend}"
	done <<<"$SERVICES"
}

gateway_of_pgw() {
	{
		gateway_config | grep -v '^service'
		echo 'route add 192.168.0.0/16 via 172.16.0.254' # for what the kernel itself answers
		services 'service add PROTOCOL-PORT address 172.16.0.1 protocol PROTOCOL port PORT backend BACKEND'
	} >"$WORK/world.conf"
	gateway_start "$WORK/world.conf"
}

gateway_of_kernel() {
	ip -n "$(node gw)" addr add 172.16.0.1/24 dev eth1
	ip -n "$(node gw)" addr add 10.10.0.2/24 dev eth2
	ip -n "$(node gw)" route add 192.168.0.0/16 via 172.16.0.254
	on gw sysctl -qw net.ipv4.ip_forward=1
	on gw nft -f - <<-NFT
	table ip world {
		chain services {
			type nat hook prerouting priority dstnat;
			$(services 'ip daddr 172.16.0.1 PROTOCOL dport PORT dnat to BACKEND')
		}
		chain sources {
			type nat hook postrouting priority srcnat;
			oifname "eth2" masquerade
		}
		chain allow {
			type filter hook forward priority filter; policy drop;
			ct state established,related accept
			iifname "eth1" ip saddr { 172.16.0.0/24, 192.168.50.0/24 } accept
		}
	}
	NFT
}

client() { # client NODE PHASE
	spawn "client-$1-$2" "$1" /usr/bin/python3 "$HERE/drive.py" client "$1" "$2" "$SEED" "$COUNT"
}

client_end() { # client_end NODE PHASE
	finish "client-$1-$2" || fail "the client on $1 broke: $(tail -n 3 "$WORK/client-$1-$2.err")"
	cat "$WORK/client-$1-$2.out" >>"$WORK/results"
}

topology_start
for name in far near stranger; do
	on $name sysctl -qw net.ipv4.ping_group_range="0 2147483647"
done
for name in vc esx1 gw router; do
	on $name sysctl -qw net.ipv4.icmp_ratelimit=0 # or chance decides which errors are sent
done
for name in vc:10.10.0.10 esx1:10.10.0.21; do
	spawn "server-${name%:*}" "${name%:*}" /usr/bin/python3 "$HERE/drive.py" server "${name#*:}"
	wait_for 10 "the server on ${name%:*} listens" said "server-${name%:*}" ready
done
"gateway_of_$KIND"

client far plain
client near plain
client stranger plain
for name in far near stranger; do
	client_end $name plain
done
ip -n "$(node router)" link set far mtu 1280
client far narrow
client_end far narrow

# What a server has to say of an exchange it says when its socket has ended; that may come later.
all_told() {
	[ "$(cat "$WORK"/server-*.out | grep -c '"id"')" -ge "$(grep -c '"served": true' "$WORK/results")" ]
}
holds_within 10 all_told || note "a server has not told the end of every exchange"
cat "$WORK/results" "$WORK"/server-*.out | grep '^{' >"$RESULTS"
if [ "$KIND" = pgw ]; then
	gateway_stop
fi
