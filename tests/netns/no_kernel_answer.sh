#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the datapath owns (services, pool ports) is never answered by the kernel's own stack;
# what it does not own still is.
#
#   far 192.168.50.10 ─ router ─ gw service 8443 ─ nobody at 10.10.0.99
#   vc 10.10.0.10 ──────────────┘ pool ports 16384-65535 of 10.10.0.2
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
{
	gateway_config
	echo "service add lost address 172.16.0.1 protocol tcp port 8443 backend 10.10.0.99:8443"
} >"$WORK/lost.conf"
gateway_start "$WORK/lost.conf"

resets() { # resets that the gateway's own stack has sent
	on gw awk '/^Tcp: [0-9]/ { print $15 }' /proc/net/snmp
}

before=$(resets)
equal "service whose backend is not there" "$(traffic far tcp 172.16.0.1 8443 --wait 8)" unreachable
equal "pool port without a mapping" "$(traffic vc tcp 10.10.0.2 20000 --wait 1.5)" timeout
at_least "counted under no-mapping" "$(drops no-mapping)" 1
equal "resets sent by the kernel" "$(resets)" "$before"

refusals=$(on vc awk '/^Icmp: [0-9]/ { print $4 }' /proc/net/snmp)
refused "datagram to a pool port without a mapping" traffic vc udp 10.10.0.2 20000 x --wait 1
equal "errors that came back" "$(on vc awk '/^Icmp: [0-9]/ { print $4 }' /proc/net/snmp)" "$refusals"

equal "a port that nobody owns is the kernel's" "$(traffic near tcp 172.16.0.1 81)" refused
expect "as is a ping to the gateway itself" ping_from near 172.16.0.1
