#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A TCP service reaches its backend from the same and from a foreign subnet, and the server sees
# the gateway's address.
#
#   far 192.168.50.10 ─ router ─┐              ┌─ vc   10.10.0.10  sees 10.10.0.2
#   near 172.16.0.50 ───────────┴─ gw service ─┴─ esx1 10.10.0.21  172.16.0.11, an address of its own
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start
gateway_start

for client in far near; do
	for url in http://172.16.0.1 https://172.16.0.1 http://172.16.0.11; do
		equal "source that the server of $url saw, asked by $client" \
			"$(web $client $url/source)" 10.10.0.2
	done
done
at_least "sessions of service vcenter" "$(sessions service vcenter)" 2

refused "the gateway has no route to the foreign client" on gw ip route get 192.168.50.10
refused "the server has no route to it either" on vc ip route get 192.168.50.10
equal "packets lost by a full ring" "$(portgroup_figure vrack ring-lost-packets)" 0
