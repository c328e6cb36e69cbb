#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A UDP service: answers come back from the service address, the server sees the gateway's.
#
#   far 192.168.50.10 ─ router ─┬─ gw service 7/udp ─ vc 10.10.0.10
#   near 172.16.0.50 ───────────┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start

for client in far near; do
	equal "source that the server saw, asked by $client" \
		"$(traffic $client udp 172.16.0.1 7 source)" 10.10.0.2
	expect "1400 bytes there and back" traffic $client udp 172.16.0.1 7 x --bytes 1400
done
at_least "UDP sessions" "$(sessions protocol udp)" 4
