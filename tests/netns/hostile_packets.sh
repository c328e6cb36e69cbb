#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Absurd packets: all 256 protocols, cut short everywhere, header fields at their extremes,
# forged sources, source routes. Each is dropped under a named reason; nothing crashes, and
# sessions go on.
#
#   near 172.16.0.50, raw frames ─ gw ─ vc 10.10.0.10
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start
hold_start session near 172.16.0.1 7
datapath=$(datapath_pid)
received=$(portgroup_figure vrack rcvd-packets)

sent=$(on near /usr/bin/python3 "$TOP/tests/lib/frames.py" eth0 172.16.0.50 172.16.0.1 hostile)
note "$sent frames sent"
at_least "frames sent" "$sent" 5000
wait_for 10 "the gateway has taken them" eval \
	"[ \$(portgroup_figure vrack rcvd-packets) -ge $((received + sent)) ]"

for reason in l4-protocol:253 ip-version:1 ip-header-length:1 ip-total-length:1 ip-checksum:1 \
	ip-source-route:3 martian:5 spoofed-own-address:1 l4-short:10 tcp-flags:3 port-zero:2 \
	icmp-type:5 icmp-no-flow:1 icmp-quote:1 l4-checksum:1 fragment-tiny:1 fragment-bad:1; do
	at_least "dropped under ${reason%:*}" "$(drops "${reason%:*}")" "${reason#*:}"
done
equal "datapath, still the same process" "$(datapath_pid)" "$datapath"
hold_goes_on session
hold_end session
equal "new requests" "$(web near http://172.16.0.1/source)" 10.10.0.2
