#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two clients behind the same pool reach each other through an external address and port: each
# sees the other under its external address (RFC 4787 REQ-9), and the packet does not loop.
#
#   near 172.16.0.50:4000 = 10.10.0.2:P ─┐
#                                        gw ─ vc 10.10.0.10
#   far 192.168.50.10 ─ router ──────────┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_config | sed 's/filtering-type edf/filtering-type eif/' >"$WORK/eif.conf"
gateway_start "$WORK/eif.conf"

traffic_spawn near near udp-listen 4000 --first 10.10.0.10:7
wait_for 5 "near has a mapping" said near "10.10.0.10 7 "
port=$(awk '{ print $3; exit }' "$WORK/near.out")
at_least "external port of near" "$port" 16384

traffic far udp-send 10.10.0.2 "$port" hello --bind 5000
wait_for 5 "near receives it" grep -q " hello$" "$WORK/near.out"
read -r address from _ < <(grep " hello$" "$WORK/near.out")
equal "source that near sees" "$address" 10.10.0.2
at_least "with an external port" "$from" 16384
equal "copies that arrived" "$(grep -c " hello$" "$WORK/near.out")" 1
equal "packets that looped" "$(drops loop)" 0
