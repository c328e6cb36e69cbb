#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Packets that may be fragmented (DF 0) are, where the next link is narrower; they arrive whole.
#
#   far 192.168.50.10 ─ router ─ gw ══ MTU 1280 ══ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
ip -n "$(node gw)" link set eth2 mtu 1280
ip -n "$(node vc)" link set eth0 mtu 1280
gateway_start

reassembled() { # datagrams that the server put together
	on vc awk '/^Ip: [0-9]/ { print $16 }' /proc/net/snmp
}

before=$(reassembled)
expect "ping of 1400 bytes, DF 0" ping_from far 10.10.0.10 -M dont -s 1400
expect "UDP of 1400 bytes, DF 0" traffic far udp 172.16.0.1 7 x --bytes 1400 --df 0
at_least "datagrams that the server put together" $(($(reassembled) - before)) 4
expect "UDP of 1200 bytes, DF 1" traffic far udp 172.16.0.1 7 x --bytes 1200 --df 1
expect "UDP of 8000 bytes, in fragments that are too large again" \
	traffic far udp 172.16.0.1 7 x --bytes 8000 --df 0
equal "packets dropped for their size" "$(drops too-big-df)" 0
