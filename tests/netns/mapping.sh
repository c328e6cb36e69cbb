#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mapping-type eim: one external port whatever the destination; edm: one for each destination.
#
#   near 172.16.0.50:4000+ ─ gw 10.10.0.2:? ─┬─ vc   10.10.0.10:7
#                                            └─ esx1 10.10.0.21:7
#
# shellcheck source=tests/lib/test.sh
. "$(dirname "$0")/../lib/test.sh"
topology_start
servers_start

same_ports() { # same_ports FIRST - of 4 client ports, how many look the same to both servers
	local port same=0
	for port in $(seq "$1" $(($1 + 3))); do
		if [ "$(traffic near udp 10.10.0.10 7 port --bind "$port")" = \
			"$(traffic near udp 10.10.0.21 7 port --bind "$port")" ]; then
			same=$((same + 1))
		fi
	done
	echo $same
}

gateway_start
equal "eim: client ports that look the same to both servers" "$(same_ports 4000)" 4

gateway_config | sed 's/mapping-type eim/mapping-type edm/' >"$WORK/edm.conf"
gateway_reload "$WORK/edm.conf"
same=$(same_ports 5000)
[ "$same" -le 1 ] || fail "edm: $same of 4 client ports look the same to both servers"
note "ok: edm: $same of 4 client ports look the same to both servers"
