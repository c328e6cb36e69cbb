#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Fragmented datagrams pass in both directions, whatever order their fragments come in.
#
#   far 192.168.50.10 ─ router ─┬─ gw ─ vc 10.10.0.10
#   near 172.16.0.50 ───────────┘
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start vc
gateway_start

for client in far near; do
	expect "$client: ping of 4000 bytes" ping_from $client 10.10.0.10 -s 4000
	expect "$client: UDP of 8000 bytes to the service" \
		traffic $client udp 172.16.0.1 7 x --bytes 8000
	expect "$client: UDP of 8000 bytes through the nat rule" \
		traffic $client udp 10.10.0.10 7 x --bytes 8000
	expect "$client: UDP of 60000 bytes" traffic $client udp 172.16.0.1 7 x --bytes 60000
done

# Fragments in reverse, and shuffled, order: the ports are only in the one that comes last.
for order in reverse shuffled; do
	expect "fragments in $order order" on near /usr/bin/python3 "$TOP/tests/lib/frames.py" \
		eth0 172.16.0.50 172.16.0.1 fragments $order
done
equal "waiting fragments in the end" "$(gateway_figure fragments-waiting)" 0
