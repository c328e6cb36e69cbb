#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A router on the client's side has a narrow link: its "fragmentation needed", sent to the
# service address, is translated and reaches the server, which sends smaller packets.
#
#   far 192.168.50.10 ══ MTU 1280 ══ router ─ gw service ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start
# Only the router's end: the client goes on to promise large segments.
ip -n "$(node router)" link set far mtu 1280

equal "MTU to the gateway that the server assumes" \
	"$(on vc ip route get 10.10.0.2 | grep -c 'mtu' || true)" 0
intact far https://172.16.0.1 4000000
contains "what the server has learned" "$(on vc ip route get 10.10.0.2)" "mtu 1280"
equal "errors that found no flow" "$(drops icmp-no-flow)" 0
